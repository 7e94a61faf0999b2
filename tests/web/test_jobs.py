"""The list of jobs in a browser: what tells them apart, what came of them, in any order, and searched."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.browser import needs_browser, page_of, ready, sign_in
from tests.support.showcase import MODEL, SPEC, Showcase, feature

pytestmark = needs_browser


class Jobs(Showcase):
    """Jobs that were asked for by a person, a schedule, a trigger and a retry; of one the AUC falls, one fails."""

    def settle(self) -> None:
        self.ask("POST", "/v1/models", {"name": MODEL, "owner": "team", "spec": SPEC})
        rows = [{**feature(place), "status": "active"} for place in range(12)]
        self.ask("POST", f"/v1/models/{MODEL}/features", {"features": rows})
        root = f"/v1/models/{MODEL}"
        for name in ("steady", "worse", "broken"):
            self.ended(self.job(name))
        nightly = {"name": "nightly", "cron": "30 2 * * *", "overrides": {"name": "by-clock"}}
        schedule = self.ask("POST", f"{root}/schedules", nightly)
        self.ended(self.ask("POST", f"{root}/schedules/{schedule['id']}/run")["job_id"])
        settings = {"when": {"kind": "candidates", "threshold": 30}, "overrides": {"name": "by-condition"}}
        trigger = self.ask("POST", f"{root}/triggers", settings)
        self.ended(self.ask("POST", f"{root}/triggers/{trigger['id']}/fire", {})["job_id"])
        broken = self.ask("GET", "/v1/jobs?name=broken")["jobs"][0]
        self.ended(self.ask("POST", f"/v1/jobs/{broken['id']}/retry")["id"])
        self.starters = {"schedule": schedule["id"], "trigger": trigger["id"]}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    show = Jobs(tmp_path_factory.mktemp("jobs"))
    with show.serving():
        show.settle()
        yield show


@pytest.fixture
def page(served: Jobs, chromium: Browser) -> Iterator[Page]:
    with page_of(chromium) as shown:
        sign_in(shown, served.url, served.key)
        ready(shown, f"{served.url}/jobs")
        yield shown


def rows(page: Page) -> Locator:
    return page.get_by_role("group", name="Jobs").locator("tbody tr")


def names(page: Page) -> list[str]:
    """Of the jobs, from the top."""
    return [link.inner_text() for link in rows(page).locator("td:nth-child(2) a").all()]


def row(page: Page, name: str) -> Locator:
    return rows(page).filter(has=page.get_by_role("link", name=name, exact=True))


def sort(page: Page, title: str) -> str | None:
    """Press a column's head; how the column then is sorted."""
    head = page.get_by_role("columnheader", name=re.compile(f"^{title}"))
    head.get_by_role("button").click()
    return head.get_attribute("aria-sort")


def test_jobs_are_told_apart_and_show_what_came_of_them(page: Page) -> None:
    expect(row(page, "steady")).to_contain_text("#1")
    kept = re.search(r"(\d+) of 12", row(page, "steady").inner_text())
    assert kept
    expect(row(page, "steady")).to_contain_text("+0.00030")
    expect(row(page, "worse")).to_contain_text("−0.02120")
    expect(row(page, "broken").first).to_contain_text("has no column 'dwell'")


def test_what_started_a_job_is_named(page: Page, served: Jobs) -> None:
    starting = f"/models/{MODEL}/starting#"
    expect(row(page, "steady")).to_contain_text("by hand")
    by_clock = row(page, "by-clock").get_by_role("link", name="by schedule “nightly”")
    expect(by_clock).to_have_attribute("href", starting + served.starters["schedule"])
    by_condition = row(page, "by-condition").get_by_role("link", name="by trigger “30 new candidates”")
    expect(by_condition).to_have_attribute("href", starting + served.starters["trigger"])
    expect(row(page, "broken").first).to_contain_text("as a retry of broken #3")
    text = page.get_by_role("main").inner_text()
    assert not re.search(r"(sch|trigger|job)-[0-9a-f]{8}", text), "ids are for machines"
    page.goto(f"{served.url}/models/{MODEL}/lists")
    page.wait_for_selector("main[data-ready]")
    lists = page.get_by_role("group", name="All lists")
    expect(lists.get_by_role("row", name="List 1")).to_contain_text("steady #1")
    ready(page, f"{served.url}/models/{MODEL}/lists/1")
    expect(page.get_by_role("link", name="steady #1")).to_be_visible()


def test_a_column_sorts_both_ways_and_what_has_no_value_stays_last(page: Page) -> None:
    assert names(page) == ["broken", "by-condition", "by-clock", "broken", "worse", "steady"], "newest first"
    assert sort(page, "AUC change") == "descending"
    found = names(page)
    assert (found[3], found[4:]) == ("worse", ["broken", "broken"])
    assert sort(page, "AUC change") == "ascending"
    found = names(page)
    assert (found[0], found[4:]) == ("worse", ["broken", "broken"])
    assert sort(page, "Job") == "ascending"
    assert names(page)[:2] == ["steady", "worse"], "by number"
    assert sort(page, "State") == "ascending"
    assert names(page)[:2] == ["broken", "broken"], "failed before succeeded"


def test_jobs_are_searched_by_name_and_state_and_the_address_keeps_it(page: Page, served: Jobs) -> None:
    page.get_by_label("Name").fill("by-c")
    expect(rows(page)).to_have_count(2)
    assert names(page) == ["by-condition", "by-clock"]
    assert page.url == f"{served.url}/jobs?name=by-c"
    page.get_by_label("State").select_option("failed")
    expect(page.get_by_text("No job fits these filters.")).to_be_visible()
    page.get_by_role("link", name="All jobs").click()
    expect(rows(page)).to_have_count(6)
    ready(page, f"{served.url}/jobs?state=failed")
    assert names(page) == ["broken", "broken"]
    assert page.get_by_label("State").input_value() == "failed"
