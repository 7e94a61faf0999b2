"""A feature's page in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser import needs_browser, page_of, ready, sign_in
from tests.support.showcase import MODEL, SPEC, Showcase, feature

pytestmark = needs_browser
NAME = feature(3)["name"]
LATER = "item_added.v2-later"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Showcase]:
    show = Showcase(tmp_path_factory.mktemp("feature"))
    with show.serving():
        policy = {"auto_approve": False, "auto_activate": False, "four_eyes": False}
        show.ask("POST", "/v1/models", {"name": MODEL, "owner": "ranking-team", "spec": SPEC, "policy": policy})
        rows = [{**feature(place), "tags": ["user"], "status": "candidate"} for place in range(6)]
        show.ask("POST", f"/v1/models/{MODEL}/features", {"features": rows})
        show.ended(show.job("first"))
        show.ask("POST", f"/v1/models/{MODEL}/prune-lists/1/approve", {"reason": "within noise"})
        show.ask("POST", f"/v1/models/{MODEL}/prune-lists/1/activate", {"reason": "monthly pruning"})
        later = {"name": LATER, "kind": "dense", "status": "candidate"}
        show.ask("POST", f"/v1/models/{MODEL}/features", {"features": [later]})
        show.ended(show.job("second"))
        yield show


def test_a_feature_shows_its_gate_by_run_and_who_decided_on_it(served: Showcase, chromium: Browser) -> None:
    status = served.ask("GET", f"/v1/models/{MODEL}/features/{NAME}")["status"]
    with page_of(chromium) as page:
        sign_in(page, served.url, served.key)
        ready(page, f"{served.url}/models/{MODEL}/features/{NAME}")
        expect(page.get_by_role("heading", name=re.compile(NAME))).to_contain_text(status)
        expect(page.get_by_role("img", name=re.compile("Gate over the search"))).to_be_visible()
        decisions = page.get_by_role("region", name="Decisions")
        row = decisions.get_by_role("row", name=re.compile(f"candidate → {status}"))
        expect(row).to_contain_text("ana")
        expect(row.get_by_role("link", name="list 1")).to_have_attribute("href", f"/models/{MODEL}/lists/1")
        expect(decisions).to_contain_text("registered as candidate")
        expect(
            page.get_by_role("region", name="Gate by run").get_by_role("link", name=re.compile("first"))
        ).to_be_visible()


def test_a_run_before_a_feature_was_registered_is_not_asked_for_it(served: Showcase, chromium: Browser) -> None:
    with page_of(chromium) as page:
        sign_in(page, served.url, served.key)
        ready(page, f"{served.url}/models/{MODEL}/features/{LATER}")
        runs = page.get_by_role("region", name="Gate by run")
        expect(runs.get_by_role("link", name=re.compile("second"))).to_be_visible()
        expect(runs.get_by_role("link", name=re.compile("first"))).to_have_count(0)


def test_an_approver_changes_the_status_with_a_reason(served: Showcase, chromium: Browser) -> None:
    with page_of(chromium) as page:
        sign_in(page, served.url, served.make_key("reviewer", ["approve"]))
        ready(page, f"{served.url}/models/{MODEL}/features/{LATER}")
        page.get_by_role("button", name="Change status").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("New status").select_option("essential")
        dialog.get_by_label("Why").fill("asked for by law")
        dialog.get_by_role("button", name="Change", exact=True).click()
        expect(page.locator("h1 .badge")).to_have_text("essential")
        expect(page.get_by_role("row", name=re.compile("candidate → essential"))).to_contain_text("asked for by law")


def test_a_reader_can_not_change_it_and_a_stranger_is_told_there_is_none(served: Showcase, chromium: Browser) -> None:
    with page_of(chromium, refused=[404]) as page:
        sign_in(page, served.url, served.make_key("reader", ["read"]))
        ready(page, f"{served.url}/models/{MODEL}/features/{NAME}")
        expect(page.get_by_role("button", name="Change status")).to_have_count(0)
        page.goto(f"{served.url}/models/{MODEL}/features/nothing")
        expect(page.get_by_role("alert")).to_contain_text("has no feature 'nothing'")


def test_moves_by_hand_are_those_of_the_service(served: Showcase, chromium: Browser) -> None:
    with page_of(chromium) as page:
        sign_in(page, served.url, served.key)
        ready(page, f"{served.url}/jobs")
        history = [
            {"time": "2026-01-03T00:00:00Z", "before": "candidate", "after": "pruned"},
            {"time": "2026-01-01T00:00:00Z", "before": None, "after": "candidate"},
        ]
        imported = "([history, time]) => import('pages/feature')"
        asked = f"{imported}.then(({{ statusAt }}) => statusAt({{ history, status: '' }}, time))"
        times = ["2025-12-31T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"]
        assert [page.evaluate(asked, [history, at]) for at in times] == ["", "candidate", "pruned"]
