"""The overview: how models stand, what runs, what to look into; and what a new installation says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import findings, needs_browser, page_of, ready, sign_in
from tests.support.showcase import MODEL, SPEC, Showcase, feature

pytestmark = needs_browser
SOON = 15_000


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Showcase]:
    made = Showcase(tmp_path_factory.mktemp("overview"))
    with made.serving():
        made.fill(24)
        yield made


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Showcase]:
    """A service that is new."""
    made = Showcase(tmp_path_factory.mktemp("bare"))
    with made.serving():
        yield made


def enter(page: Page, show: Showcase, key: str | None = None) -> None:
    sign_in(page, show.url, key or show.key)
    page.goto(show.url)
    page.wait_for_selector("main[data-ready]", timeout=SOON)


def test_a_model_says_what_is_served_what_it_saves_and_what_waits(show: Showcase, chromium: Browser) -> None:
    standing = show.ask("GET", "/v1/overview")["models"][0]
    active, proposed = standing["active"], standing["proposed"]
    with page_of(chromium) as page:
        enter(page, show)
        row = page.get_by_role("row").filter(has=page.get_by_role("link", name=MODEL))
        expect(row.get_by_role("link", name=f"List {active['number']}", exact=True)).to_be_visible()
        expect(row).to_contain_text(f"{active['after']['features']} of {active['before']['features']} features")
        expect(row).to_contain_text(f"{active['after']['dims']} of {active['before']['dims']} dims")
        bar = row.get_by_role("progressbar", name=f"Candidates of {MODEL}: {standing['candidates']} of 30")
        assert float(bar.get_attribute("max") or 0) == 30
        expect(row).to_contain_text("nightly")
        row.get_by_role("link", name=f"Review list {proposed['number']}").click()
        page.wait_for_url(f"**/models/{MODEL}/lists/{proposed['number']}")


def test_candidates_and_progress_come_in_by_themselves(show: Showcase, chromium: Browser) -> None:
    with page_of(chromium) as page:
        enter(page, show)
        jobs = page.get_by_role("region", name="Running and waiting jobs")
        expect(jobs).to_contain_text("searching: step")
        before = jobs.inner_text()
        show.ask("POST", f"/v1/models/{MODEL}/features", {"features": [feature(place) for place in range(900, 907)]})
        expect(page.get_by_role("row").filter(has_text=MODEL)).to_contain_text("7 of 30", timeout=SOON)
        page.wait_for_function(
            "before => document.querySelector('.columns section').innerText !== before", arg=before, timeout=SOON
        )


def test_a_failed_job_is_an_alert_that_leads_to_it(show: Showcase, chromium: Browser) -> None:
    failed = show.ask("GET", "/v1/jobs?state=failed")["jobs"][0]
    with page_of(chromium) as page:
        enter(page, show)
        alerts = page.get_by_role("region", name="Alerts")
        expect(alerts).to_contain_text("for 7 days")
        link = alerts.get_by_role("link", name="no column 'dwell'")
        assert link.get_attribute("href") == f"/jobs/{failed['id']}"


def test_everyone_can_read_it(show: Showcase, chromium: Browser) -> None:
    with page_of(chromium) as page:
        enter(page, show)
        page.get_by_role("button", name="New model").click()
        assert findings(page) == []


def test_a_reader_is_offered_nothing_that_would_be_refused(show: Showcase, chromium: Browser) -> None:
    key = show.make_key("reader", ["read"], MODEL)
    with page_of(chromium) as page:
        enter(page, show, key)
        expect(page.get_by_role("link", name=MODEL, exact=True)).to_be_visible()
        assert page.get_by_role("button", name="New model").count() == 0
        assert page.get_by_role("link", name="search-ranker").count() == 0


def test_a_new_installation_says_what_to_do_first(bare: Showcase, chromium: Browser) -> None:
    with page_of(chromium) as page:
        enter(page, bare, bare.make_key("reader", ["read"]))
        expect(page.get_by_text("Ask an admin to create one")).to_be_visible()
        expect(page.get_by_text("winnow models create")).to_be_visible()


def test_an_admin_makes_the_first_model_and_corrects_what_is_refused(bare: Showcase, chromium: Browser) -> None:
    with page_of(chromium, refused=[422]) as page:
        enter(page, bare)
        page.get_by_role("button", name="Create a model").click()
        dialog = page.get_by_role("dialog", name="New model")
        dialog.get_by_label("Name").fill("ads-ranker")
        dialog.get_by_label("Owner").fill("ads-team")
        dialog.get_by_label("Training data").fill("/elsewhere/train")
        dialog.get_by_role("button", name="Create model").click()
        place = dialog.get_by_label("Training data")
        expect(place).to_have_attribute("aria-invalid", "true")
        expect(place).to_be_focused()
        expect(dialog).to_contain_text("/elsewhere/train")
        assert dialog.get_by_label("Owner").input_value() == "ads-team"
        place.fill(SPEC["dataset"]["train"])
        dialog.get_by_role("button", name="Create model").click()
        page.wait_for_url("**/models/ads-ranker")
    assert bare.ask("GET", "/v1/models/ads-ranker")["spec"]["dataset"]["train"] == SPEC["dataset"]["train"]


def test_a_service_that_is_not_ready_has_an_alert(
    show: Showcase, chromium: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    alerts = len(show.ask("GET", "/v1/overview")["alerts"])
    monkeypatch.setattr(show.engine, "healthy", lambda: False)
    with page_of(chromium, refused=[503]) as page:
        enter(page, show)
        expect(page.get_by_role("link", name=f"{alerts + 1} alerts")).to_be_visible()
        expect(page.get_by_role("region", name="Alerts")).to_contain_text("Service isn't ready")


def test_a_service_that_is_not_ready_says_so(
    bare: Showcase, chromium: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bare.engine, "healthy", lambda: False)
    with page_of(chromium, refused=[503]) as page:
        enter(page, bare)
        expect(page.get_by_role("alert")).to_contain_text("Ray, which this service runs, doesn't answer. Jobs wait")
    monkeypatch.undo()
    with page_of(chromium) as page:
        enter(page, bare)
        ready(page, bare.url)
        assert page.get_by_role("alert").count() == 0
