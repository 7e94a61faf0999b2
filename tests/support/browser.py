"""A real browser on the showcase: headless Chromium, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from playwright.sync_api import Error as PlaywrightError

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
SIZE = {"width": 1400, "height": 900}


# Of each browser, the page that tests have one after another: a new one would load every module into a new process.
SHARED: dict[Browser, Page] = {}


@contextmanager
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield started
        finally:
            SHARED.pop(started, None)
            started.close()


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One browser for the files that follow each other."""
    with browser() as started:
        yield started


@contextmanager
def page_of(
    browser: Browser, *, dark: bool = False, refused: Collection[int] = (), fresh: bool = False, **options: Any
) -> Iterator[Page]:
    """A blank page without cookies or storage; what its console calls an error fails the test, but for answers of the
    statuses `refused`, which the test provokes.

    It is the page that the test before had; with `fresh`, with options of Playwright's own, or while that page is in
    use, it is one with caches of its own. A test that adds listeners takes a fresh one, or removes them.
    """
    own = fresh or dark or bool(options)
    page = None if own else SHARED.pop(browser, None)
    if page is None:
        page = browser.new_context(viewport=SIZE, color_scheme="dark" if dark else "light", **options).new_page()  # type: ignore[arg-type]
    errors = list[str]()

    def on_error(error: PlaywrightError) -> None:
        errors.append(str(error))

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(message.text)

    page.on("pageerror", on_error)
    page.on("console", on_console)
    try:
        yield page
    except BaseException:
        page.context.close()
        raise
    page.remove_listener("pageerror", on_error)
    page.remove_listener("console", on_console)
    if own or browser in SHARED:
        page.context.close()
    else:
        _forget(page)
        SHARED[browser] = page
    expected = tuple(f"Failed to load resource: the server responded with a status of {status} " for status in refused)
    wrong = [error for error in errors if not error.startswith(expected)]
    assert wrong == [], wrong


def _forget(page: Page) -> None:
    """Leave nothing of what a test did with a page, but what is cached."""
    for other in page.context.pages:
        if other != page:
            other.close()
    page.unroute_all()
    with suppress(PlaywrightError):  # a page without an origin has no storage
        page.evaluate("localStorage.clear(), sessionStorage.clear()")
    page.goto("about:blank")
    page.context.clear_cookies()
    page.set_viewport_size(SIZE)  # type: ignore[arg-type]
    page.emulate_media(color_scheme="light")
    page.mouse.move(0, 0)


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
    page.wait_for_selector("main[data-ready]", timeout=30_000)


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
