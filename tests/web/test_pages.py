"""What all pages share: shells, assets, the header, errors, and that nothing is asked of another host."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, Request, expect

from service.web.routes import PAGES
from service.web.shell import files
from tests.support.browser import findings, needs_browser, page_of, ready, sign_in, sign_in_by_form
from tests.support.layout import faults, scrolled
from tests.support.showcase import MODEL, Showcase

# The job's page fetches its charts once the heat map is painted.
CHARTED = {"feature", "decision", "compare"}
HERE = {"job_id": "{live}", "model": MODEL, "feature": "user_clicks_7d", "number": "1"}


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Showcase, dict[str, str]]]:
    made = Showcase(tmp_path_factory.mktemp("pages"))
    with made.serving():
        # The audit log waits for it, and the first time it takes a while.
        made.http.get("/openapi.json", timeout=120)
        yield made, made.fill(24)


def filled(path: str, jobs: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)(:path)?\}", lambda part: HERE[part[1]].format(**jobs), path)


def test_every_page_is_a_shell_with_a_module(show: tuple[Showcase, dict[str, str]]) -> None:
    made, jobs = show
    for page in PAGES:
        path = filled(page.path, jobs)
        answer = made.http.get(path)
        assert answer.status_code == 200, path
        assert f'data-page="{page.module}"' in answer.text
        assert f'"pages/{page.module}"' in answer.text
        preloaded = re.findall(r'rel="modulepreload" href="/assets/\w+/([^"]+)\.js"', answer.text)
        assert {"pages/start", f"pages/{page.module}", "pages/api", "views/dom"} <= set(preloaded)
        assert ("echarts" in preloaded) == (page.module in CHARTED), page.module


def test_assets_are_kept_for_ever_and_nothing_else_is_served(show: tuple[Showcase, dict[str, str]]) -> None:
    made, _ = show
    addresses = list(files().by_address)
    with httpx.Client(base_url=made.url) as anyone:
        for address in addresses:
            answer = anyone.get(address)
            assert answer.status_code == 200
            assert "immutable" in answer.headers["cache-control"]
            assert answer.headers["content-type"].startswith(("text/javascript", "text/css"))
        root = addresses[0].rsplit("/", 1)[0]
        for wrong in (f"{root}/../shell.py", f"{root}/%2e%2e/shell.py", "/assets/shell.py", f"{root}/nothing.js"):
            assert anyone.get(wrong).status_code == 404


def test_assets_come_by_gzip_to_those_who_take_it(show: tuple[Showcase, dict[str, str]]) -> None:
    made, _ = show
    address, path = next((address, path) for address, path in files().by_address.items() if "echarts" in address)
    zipped = made.http.get(address, headers={"Accept-Encoding": "gzip"})
    plain = made.http.get(address, headers={"Accept-Encoding": "identity"})
    assert (zipped.headers.get("content-encoding"), plain.headers.get("content-encoding")) == ("gzip", None)
    assert int(zipped.headers["content-length"]) < int(plain.headers["content-length"]) / 2
    assert zipped.content == plain.content == path.read_bytes()


def test_a_page_that_is_not_there_is_a_page_to_browsers_and_a_problem_to_programs(
    show: tuple[Showcase, dict[str, str]],
) -> None:
    made, _ = show
    shown = made.http.get("/jobz<b>", headers={"Accept": "text/html,*/*;q=0.8"})
    assert (shown.status_code, shown.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "GET /jobz&lt;b&gt;: " in shown.text
    assert "nonce-" in shown.headers["content-security-policy"]
    for path, accept in (("/jobz", "*/*"), ("/jobz", "application/json"), ("/v1/jobz", "text/html")):
        refused = made.http.get(path, headers={"Accept": accept})
        assert (refused.status_code, refused.headers["content-type"]) == (404, "application/problem+json")


@contextmanager
def own_requests(page: Page, url: str) -> Iterator[None]:
    """What the page asks for here is asked of its own service alone."""
    asked: list[str] = []

    def on_request(request: Request) -> None:
        asked.append(request.url)

    page.on("request", on_request)
    yield
    page.remove_listener("request", on_request)
    assert asked
    assert [each for each in asked if not each.startswith((url, "data:", "blob:"))] == []


@needs_browser
def test_the_header_tells_who_reads_and_what_they_may(show: tuple[Showcase, dict[str, str]], chromium: Browser) -> None:
    made, _ = show
    with page_of(chromium) as page:
        sign_in_by_form(page, made.url, made.make_key("rita", ["read"]))
        ready(page, f"{made.url}/jobs")
        header = page.get_by_role("banner")
        assert header.get_by_role("link", name="Jobs").get_attribute("aria-current") == "page"
        assert "rita" in header.inner_text()
        assert header.get_by_role("link", name="Keys").count() == 0
        before = page.evaluate("getComputedStyle(document.body).backgroundColor")
        header.get_by_role("button", name="Turn dark or light").click()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
        ready(page, f"{made.url}/")
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
        header.get_by_role("button", name="Sign out").click()
        page.wait_for_url(f"{made.url}/sign-in")
        page.goto(f"{made.url}/jobs")
        assert page.url == f"{made.url}/sign-in?next=%2Fjobs"


def places(jobs: dict[str, str]) -> list[str]:
    """The path of every page, and of the parts of a job's."""
    parts = [
        f"/jobs/{jobs['second']}#{key}" for key in ("outcome", "gates", "features", "training", "log", "events", "spec")
    ]
    more = [f"/jobs/{jobs['broken']}", f"/compare?jobs={jobs['first']},{jobs['second']}"]
    return [*(filled(page.path, jobs) for page in PAGES), *parts, *more]


# What observes its size draws itself anew before the frame after the next.
DRAWN_ANEW = "() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))"


def resize(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate(DRAWN_ANEW)


@needs_browser
@pytest.mark.timeout(1800)
def test_pages_are_accessible_and_nothing_of_them_is_cut_or_asked_of_other_hosts(
    show: tuple[Showcase, dict[str, str]], chromium: Browser
) -> None:
    made, jobs = show
    with page_of(chromium) as page, own_requests(page, made.url):
        sign_in(page, made.url, made.key)
        for place in places(jobs):
            page.goto("about:blank")  # another part of the same page is no navigation
            resize(page, 420)
            ready(page, made.url + place)
            expect(page.get_by_text("Loading …").filter(visible=True)).to_have_count(0)
            assert faults(page) == [], place
            assert findings(page) == [], place
            resize(page, 1280)
            assert faults(page) == [], place
            assert scrolled(page) == [], place


OUT_OF_SIGHT = """() => {
  const parts = ".back a, .opblock-tag, .opblock-summary, .opblock-summary-method, .opblock-summary-path, "
    + ".opblock-summary-description";
  return [...document.querySelectorAll(parts)].flatMap((node) => {
    const {left, right, width, height} = node.getBoundingClientRect();
    const told = node.textContent.trim() === "" || (width > 0 && height > 0 && left >= 0 && right <= innerWidth);
    return told ? [] : [`${node.className}: ${node.textContent}`];
  });
}"""


@needs_browser
def test_the_reference_of_the_api_fits_its_window(show: tuple[Showcase, dict[str, str]], chromium: Browser) -> None:
    """Of each operation the method, the path and the summary are in sight, and so is the way back."""
    made, _ = show
    operations = [each for path in made.http.get("/openapi.json").json()["paths"].values() for each in path]
    with page_of(chromium) as page, own_requests(page, made.url):
        sign_in(page, made.url, made.key)
        page.goto(f"{made.url}/docs")
        shown = page.locator(".opblock-summary")
        expect(shown).to_have_count(len(operations), timeout=180_000)
        for width in (420, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            assert [each for each in faults(page) if not each.startswith("broken")] == [], width
            assert page.evaluate(OUT_OF_SIGHT) == [], width
        # An operation in full: its parameters, bodies and answers.
        page.set_viewport_size({"width": 420, "height": 900})
        page.locator("[id$=-submitJob] .opblock-summary-control").click()
        page.locator("[id$=-submitJob] .responses-table").wait_for()
        assert [each for each in faults(page) if not each.startswith("broken")] == []


@needs_browser
def test_what_matters_is_in_sight_in_a_narrow_window(show: tuple[Showcase, dict[str, str]], chromium: Browser) -> None:
    made, jobs = show
    lists = f"/models/{MODEL}/lists"
    with page_of(chromium) as page:
        page.set_viewport_size({"width": 420, "height": 900})
        sign_in(page, made.url, made.key)
        seen: dict[str, list[Locator]] = {
            "/": [page.get_by_role("link", name=re.compile("Review list"))],
            "/jobs": [page.get_by_role("columnheader", name="AUC change", exact=True)],
            lists: [page.get_by_role("columnheader", name="AUC change", exact=True)],
            f"{lists}/1": [page.get_by_role("columnheader", name="Change", exact=True)],
            f"/jobs/{jobs['second']}": [page.get_by_role("columnheader", name="Change", exact=True)],
            "/keys": [page.get_by_role("button", name=re.compile("^(Rotate|Revoke) serving"))],
        }
        for place, things in seen.items():
            ready(page, made.url + place)
            for each in [one for thing in things for one in thing.all()]:
                expect(each).to_be_visible()
                box = each.bounding_box()
                assert box, place
                assert box["x"] >= 0, (place, box)
                assert box["x"] + box["width"] <= 420, (place, box)


BAD = {
    "cut": '<div style="width: 60px; overflow: hidden; white-space: nowrap">far too long for that</div>',
    "beyond the window": '<div style="width: 5000px; text-align: right">out of reach</div>',
    "broken": '<table style="width: 40px"><tr><td style="overflow-wrap: anywhere">+0.0003000</td></tr></table>',
    "over each other": '<table><thead><tr><th><span style="margin-right: -30px">Registered</span></th>'
    "<th>Score</th></tr></thead></table>",
    "covered": '<table><tr><td>under it</td><td style="position: relative; left: -60px; background: red">over</td>'
    "</tr></table>",
    "wider than its frame": '<div class="scroll" style="width: 90px; overflow-x: auto">'
    '<table style="width: 900px"><caption>what a caption says, and more of it, up to its end</caption>'
    "<tr><td>1</td></tr></table></div>",
}


@needs_browser
@pytest.mark.parametrize("kind", BAD)
def test_a_fault_of_layout_is_found(chromium: Browser, kind: str) -> None:
    with page_of(chromium) as page:
        page.set_content(f"<main>{BAD[kind]}</main>")
        assert {each.partition(":")[0] for each in faults(page)} >= {kind}
        page.set_content('<main><div style="width: 60px; overflow: hidden" title="cut short">cut short</div></main>')
        assert faults(page) == []


@needs_browser
def test_a_cell_that_is_covered_below_the_window_is_found(chromium: Browser) -> None:
    with page_of(chromium) as page:
        page.set_content(f'<main><p>above</p><div style="height: 5000px"></div>{BAD["covered"]}</main>')
        assert faults(page) == ["covered: under it"]
        assert page.evaluate("scrollY") == 0
        long = '<pre style="height: 40px; overflow: auto">one<br><br><br><br><br>two</pre>'
        page.set_content(f"<main><table><tr><td>{long}</td></tr><tr><td>below</td></tr></table></main>")
        assert faults(page) == []


@needs_browser
def test_the_sign_in_and_errors_without_serious_findings(
    show: tuple[Showcase, dict[str, str]], chromium: Browser
) -> None:
    made, _ = show
    with page_of(chromium, refused=(401, 404)) as page:
        page.goto(f"{made.url}/sign-in")
        assert findings(page) == []
        page.get_by_label("API key").fill("wrong")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("alert").wait_for()
        assert findings(page) == []
        page.goto(f"{made.url}/jobz")
        page.get_by_role("heading", name="Not Found").wait_for()
        assert findings(page) == []
        page.get_by_role("link", name="Sign in with another key").click()
        page.get_by_label("API key").wait_for()


@needs_browser
def test_what_is_not_there_is_said_with_a_way_on(show: tuple[Showcase, dict[str, str]], chromium: Browser) -> None:
    made, _ = show
    context = chromium.new_context()
    page = context.new_page()
    sign_in(page, made.url, made.key)
    page.goto(f"{made.url}/jobs/job-none")
    alert = page.get_by_role("alert")
    alert.wait_for()
    assert "job-none" in alert.inner_text()
    assert page.get_by_role("main").get_by_role("link", name="Overview").is_visible()
    context.close()
