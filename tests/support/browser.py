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
    """By the request that the form sends, without its page and the one that it leads to."""
    answer = page.context.request.post(f"{url}/sign-in", form={"key": key}, headers={"Origin": url}, max_redirects=0)
    assert (answer.status, answer.headers["location"]) == (303, "/"), answer.text()


def sign_in_by_form(page: Page, url: str, key: str) -> None:
    """As a person does."""
    page.goto(f"{url}/sign-in")
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{url}/")


def ready(page: Page, address: str) -> None:
    """Go there, and wait until the page says that it has all."""
    page.goto(address)
    page.wait_for_selector("main[data-ready]", timeout=15_000)


DRAWN = """async (title) => {
  const echarts = await import("echarts");
  const figure = [...document.querySelectorAll("figure")].find((found) => found.textContent.startsWith(title));
  const { series, legend } = echarts.getInstanceByDom(figure.querySelector(".chart")).getOption();
  const drawn = ({ name, type, symbol, color, lineStyle, areaStyle, data }) =>
    ({ name, type, symbol, color, dashes: lineStyle?.type ?? null, area: Boolean(areaStyle), data });
  return { told: figure.querySelector(".told").textContent, series: series.map(drawn), legend: legend[0].data };
}"""


def drawn(page: Page, title: str) -> dict[str, Any]:
    """What the chart of this title draws: the words beside its title, its series, its legend's entries."""
    found: dict[str, Any] = page.evaluate(DRAWN, title)
    return found


# Elements without a role of their own; axe finds a name on one of them grave only while it is empty.
NAMED_WITHOUT_ROLE = """() => [...document.querySelectorAll("[aria-label], [aria-labelledby]")]
  .filter((found) => ["PRE", "DIV", "SPAN", "P", "CODE", "SMALL", "STRONG", "DD", "DT"].includes(found.tagName))
  .filter((found) => !found.hasAttribute("role"))
  .map((found) => found.outerHTML.slice(0, 200))"""


AXE = Axe().axe_script
IS_DARK = "matchMedia('(prefers-color-scheme: dark)').matches"


def findings(page: Page) -> list[str]:
    """What axe finds serious or critical on the page as it is, and names on elements that can't have one.

    Colours are looked at as a reader sees them whose system is light, and as one whose system is dark.
    """
    page.evaluate(AXE)
    seen, other = ("dark", "light") if page.evaluate(IS_DARK) else ("light", "dark")
    found = _grave(page, {})
    page.emulate_media(color_scheme=other)
    found += [f"{other}: {each}" for each in _grave(page, {"runOnly": ["cat.color"]})]
    page.emulate_media(color_scheme=seen)
    return found + [f"a name without a role: {html}" for html in page.evaluate(NAMED_WITHOUT_ROLE)]


def _grave(page: Page, options: dict[str, Any]) -> list[str]:
    run = "options => axe.run(document, options)"
    violations = page.evaluate(run, {"resultTypes": ["violations"], **options})["violations"]
    grave = [each for each in violations if each["impact"] in ("serious", "critical")]
    return [f"{each['id']}: {node['html'][:200]}" for each in grave for node in each["nodes"]]
