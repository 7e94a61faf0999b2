"""A real browser on the showcase: headless Chromium, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
SIZE = {"width": 1400, "height": 900}


@contextmanager
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield started
        finally:
            started.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for a file's tests."""
    with browser() as started:
        yield started


@contextmanager
def page_of(browser: Browser, *, dark: bool = False, refused: Collection[int] = (), **options: Any) -> Iterator[Page]:
    """A page in a browser of its own, with Playwright's options; what its console calls an error fails the test, but
    for answers of the statuses `refused`, which the test provokes.
    """
    context = browser.new_context(viewport=SIZE, color_scheme="dark" if dark else "light", **options)  # type: ignore[arg-type]
    page, errors = context.new_page(), list[str]()
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    try:
        yield page
    finally:
        context.close()
    expected = tuple(f"Failed to load resource: the server responded with a status of {status} " for status in refused)
    wrong = [error for error in errors if not error.startswith(expected)]
    assert wrong == [], wrong


def sign_in(page: Page, url: str, key: str) -> None:
    """By the form, as a person does."""
    page.goto(f"{url}/sign-in")
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{url}/")


def ready(page: Page, address: str) -> None:
    """Go there, and wait until the page says that it has all."""
    page.goto(address)
    page.wait_for_selector("main[data-ready]", timeout=15_000)


def findings(page: Page) -> list[str]:
    """What axe finds serious or critical on the page as it is."""
    found = Axe().run(page).response["violations"]
    grave = [each for each in found if each["impact"] in ("serious", "critical")]
    return [f"{each['id']}: {node['html'][:200]}" for each in grave for node in each["nodes"]]
