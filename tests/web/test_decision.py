"""Deciding on prune lists in a browser: who may do what, what others do meanwhile, what is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import findings, needs_browser, page_of, ready, sign_in
from tests.support.showcase import SPEC, Showcase, feature

pytestmark = needs_browser
OPEN = {"auto_approve": False, "auto_activate": False, "four_eyes": False}
FEATURES = 24


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Showcase]:
    show = Showcase(tmp_path_factory.mktemp("decision"))
    with show.serving():
        yield show


@pytest.fixture
def page(served: Showcase, chromium: Browser) -> Iterator[Page]:
    """An admin's; 403, 409 and 412 are what tests provoke."""
    with page_of(chromium, refused=(403, 409, 412)) as shown:
        sign_in(shown, served.url, served.key)
        yield shown


def registered(show: Showcase, model: str, **policy: bool) -> str:
    """A model with features, and its address in the API."""
    show.ask("POST", "/v1/models", {"name": model, "owner": "team", "spec": SPEC, "policy": {**OPEN, **policy}})
    rows = [{**feature(place), "status": "active"} for place in range(FEATURES)]
    rows[0]["status"] = "essential"
    show.ask("POST", f"/v1/models/{model}/features", {"features": rows})
    return f"/v1/models/{model}"


def proposed(show: Showcase, model: str, name: str = "run", **prune: Any) -> int:
    """The number of a list that a new job of the model proposes."""
    overrides: dict[str, Any] = {"name": name, "prune": prune} if prune else {"name": name}
    made = show.ask("POST", f"/v1/models/{model}/jobs", {"overrides": overrides})
    show.ended(made["id"])
    number: int = show.ask("GET", f"/v1/models/{model}/prune-lists")["prune_lists"][0]["number"]
    return number


def served_list(show: Showcase, model: str) -> int | None:
    found = show.ask("GET", f"/v1/models/{model}/prune-lists?state=active")["prune_lists"]
    return found[0]["number"] if found else None


def head(page: Page) -> str:
    return page.get_by_role("heading", level=1).locator("..").inner_text()


def test_a_list_is_approved_activated_and_rolled_back(served: Showcase, page: Page) -> None:
    model = "life"
    api = registered(served, model)
    number = proposed(served, model)
    ready(page, f"{served.url}/models/{model}/lists/{number}")
    assert "proposed" in head(page)
    assert "No list is active" in page.get_by_role("region", name="Differences").inner_text()

    page.get_by_role("button", name="Approve").click()
    page.get_by_role("dialog").get_by_label("Reason").fill("within noise")
    page.get_by_role("dialog").get_by_role("button", name="Approve").click()
    page.get_by_role("button", name="Activate").wait_for()
    assert "approved" in head(page)
    assert page.get_by_role("button", name="Approve").count() == 0
    expect(page.get_by_role("region", name="History")).to_contain_text("within noise")

    page.get_by_role("button", name="Activate").click()
    page.get_by_role("dialog").get_by_role("button", name="Activate").click()
    page.get_by_role("button", name="Roll back").wait_for()
    assert served_list(served, model) == number
    assert "active" in head(page)
    assert page.get_by_role("button", name="Reject").count() == 0

    page.get_by_role("button", name="Roll back").click()
    page.get_by_role("dialog").get_by_label("Reason").fill("latency went up")
    page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
    expect(page.get_by_role("heading", level=1).locator("..")).to_contain_text("rolled back")
    assert served_list(served, model) is None
    rows = page.get_by_role("region", name="History").locator("tbody tr")
    expect(rows).to_contain_text(["rolled back", "active", "approved", "proposed"])
    expect(rows.first).to_contain_text("latency went up")
    assert page.locator("main button.primary, main button.danger").count() == 0, "nothing is left to do"
    told = served.ask("GET", f"{api}/prune-lists/{number}")
    assert (told["state"], told["decided_by"], told["reason"]) == ("rolled_back", "ana", "within noise")


def test_a_list_that_the_guard_refused_needs_a_reason_and_an_override(served: Showcase, page: Page) -> None:
    model = "refused"
    api = registered(served, model)
    number = proposed(served, model, "worse")
    ready(page, f"{served.url}/models/{model}/lists/{number}")
    assert "guard failed" in head(page)
    expect(page.get_by_text("AUC −0.02120 (limit −0.001)", exact=False).first).to_be_visible()
    page.get_by_role("button", name="Approve").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Approve").click()
    assert dialog.is_visible(), "the browser asks for what is required"
    assert served.ask("GET", f"{api}/prune-lists/{number}")["state"] == "proposed"
    dialog.get_by_label("Approve it although its guard failed").check()
    dialog.get_by_label("Reason").fill("the launch needs the room")
    dialog.get_by_role("button", name="Approve").click()
    page.get_by_role("button", name="Activate").wait_for()
    assert served.ask("GET", f"{api}/prune-lists/{number}")["reason"] == "the launch needs the room"


def test_a_rejection_needs_a_reason(served: Showcase, page: Page) -> None:
    registered(served, "rejected")
    number = proposed(served, "rejected")
    ready(page, f"{served.url}/models/rejected/lists/{number}")
    page.get_by_role("button", name="Reject").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Reject").click()
    assert dialog.is_visible()
    dialog.get_by_label("Reason").fill("drops a feature that launches next week")
    dialog.get_by_role("button", name="Reject").click()
    expect(page.get_by_role("heading", level=1).locator("..")).to_contain_text("rejected")
    assert "drops a feature that launches next week" in page.get_by_role("main").inner_text()


def test_a_refusal_is_said_in_the_dialog_and_loses_nothing(served: Showcase, page: Page) -> None:
    registered(served, "eyes", four_eyes=True)
    number = proposed(served, "eyes")
    ready(page, f"{served.url}/models/eyes/lists/{number}")
    page.get_by_role("button", name="Approve").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("looks right to me")
    dialog.get_by_role("button", name="Approve").click()
    expect(dialog.get_by_role("alert")).to_contain_text("ask someone else")
    assert dialog.get_by_label("Reason").input_value() == "looks right to me"
    assert "proposed" in head(page)


def test_a_list_that_waits_says_who_has_to_agree(served: Showcase, page: Page) -> None:
    registered(served, "agreed", four_eyes=True)
    number = proposed(served, "agreed")
    ready(page, f"{served.url}/models/agreed/lists/{number}")
    told = page.get_by_role("main").get_by_text(
        "is approved by someone other than who submitted its job, and is served"
    )
    expect(told).to_be_visible()
    served.ask("POST", f"/v1/models/agreed/prune-lists/{number}/reject", {"reason": "not this month"})
    page.get_by_text("not this month").first.wait_for()
    expect(told).to_have_count(0)


class Keyless(Showcase):
    def make_key(self, name: str, scopes: list[str], model: str | None = None) -> str:
        return ""


def test_a_service_without_keys_says_that_it_knows_nobody(
    chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    show = Keyless(tmp_path_factory.mktemp("keyless"))
    del show.http.headers["Authorization"]
    show.app.state.open_to_local = True
    with show.serving(), page_of(chromium) as page:
        registered(show, "alone", four_eyes=True)
        number = proposed(show, "alone")
        ready(page, f"{show.url}/models/alone/lists/{number}")
        expect(page.get_by_role("main")).to_contain_text("the service has no keys, so that it can't tell whether that")


def test_what_others_do_shows_up_by_itself(served: Showcase, page: Page) -> None:
    api = registered(served, "others")
    first, second = proposed(served, "others"), proposed(served, "others", threshold=0.99)
    ready(page, f"{served.url}/models/others/lists/{second}")
    for action in ("approve", "activate"):
        served.ask("POST", f"{api}/prune-lists/{first}/{action}", {"reason": "monthly"})
    expect(page.get_by_role("region", name="Differences")).to_contain_text(f"List {first}")
    assert f"No longer served with list {second}" in page.get_by_role("region", name="Differences").inner_text()
    served.ask("POST", f"{api}/prune-lists/{second}/approve", {"reason": "agreed by phone"})
    page.get_by_role("button", name="Activate").wait_for()
    expect(page.get_by_role("region", name="History")).to_contain_text("agreed by phone")


def test_nobody_rolls_back_a_list_that_they_did_not_see(served: Showcase, page: Page) -> None:
    api = registered(served, "raced")
    first, second = proposed(served, "raced"), proposed(served, "raced", threshold=0.9)
    for action in ("approve", "activate"):
        served.ask("POST", f"{api}/prune-lists/{first}/{action}")
    ready(page, f"{served.url}/models/raced/lists/{first}")
    page.get_by_role("button", name="Roll back").click()
    for action in ("approve", "activate"):
        served.ask("POST", f"{api}/prune-lists/{second}/{action}")
    page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("Somebody changed it")
    assert served_list(served, "raced") == second


def test_a_reader_is_offered_nothing_and_refused_anyway(served: Showcase, chromium: Browser) -> None:
    registered(served, "read-only")
    number = proposed(served, "read-only")
    path = f"/models/read-only/lists/{number}"
    with page_of(chromium, refused=(403,)) as page:
        sign_in(page, served.url, served.make_key("eve", ["read"]))
        ready(page, served.url + path)
        for name in ("Approve", "Reject", "Activate", "Roll back"):
            assert page.get_by_role("button", name=name).count() == 0, name
        status = page.evaluate(
            "async (path) => (await fetch(path, {method: 'POST'})).status",
            f"/v1/models/read-only/prune-lists/{number}/approve",
        )
    assert status == 403
    assert served.ask("GET", f"/v1/models/read-only/prune-lists/{number}")["state"] == "proposed"


def test_another_cut_can_be_tried_and_taken_along(served: Showcase, page: Page) -> None:
    registered(served, "cut")
    number = proposed(served, "cut")
    ready(page, f"{served.url}/models/cut/lists/{number}")
    panel = page.get_by_role("region", name="Try another cut")
    panel.get_by_label("Number of features").check()
    panel.get_by_role("spinbutton").fill("6")
    assert f"Keeps 6 of {FEATURES} features" in panel.inner_text()
    assert panel.get_by_role("row", name="Embedding memory").is_visible()
    assert panel.locator("pre").inner_text() == "prune:\n  rule: top_k\n  top_k: 6"
    assert "with 6 features" in page.get_by_role("region", name="Quality and size").inner_text()
    panel.get_by_role("button", name="Copy").click()
    expect(panel.get_by_text("Copied.")).to_be_visible()
    row = page.get_by_role("grid", name="Ranking of features").locator(".tabulator-row").first
    assert (
        row.get_by_role("link").get_attribute("href") == f"/models/cut/features/{row.get_by_role('link').inner_text()}"
    )


def test_a_cut_with_forced_features_becomes_a_list_of_its_own(served: Showcase, page: Page) -> None:
    model = "revised"
    api = registered(served, model)
    number = proposed(served, model)
    content = served.ask("GET", f"{api}/prune-lists/{number}")["content"]
    pruned = [each["name"] for each in content["features"] if each["decision"] == "prune"]
    kept = [each["name"] for each in content["features"] if each["decision"] == "keep" and each["why"] != "essential"]
    ready(page, f"{served.url}/models/{model}/lists/{number}")
    panel = page.get_by_role("region", name="Try another cut")
    save = panel.get_by_role("button", name="Save as a new list")
    expect(save).to_be_disabled()
    panel.get_by_label("Force a feature").fill("nothing of that name")
    panel.get_by_role("button", name="Keep", exact=True).click()
    expect(panel).to_contain_text("give the name of a feature that is not essential")
    panel.get_by_label("Force a feature").fill(pruned[0])
    panel.get_by_role("button", name="Keep", exact=True).click()
    panel.get_by_label("Force a feature").fill(kept[0])
    panel.get_by_role("button", name="Prune", exact=True).click()
    expect(panel).to_contain_text(f"1 kept here, pruned by the list: {pruned[0]}")
    assert "rule: given" in panel.locator("pre").inner_text()
    save.click()
    page.get_by_role("dialog").get_by_label("Reason").fill("needed by the new ranker")
    page.get_by_role("dialog").get_by_role("button", name="Save the list").click()
    page.wait_for_url(f"**/models/{model}/lists/{number + 1}")
    expect(page.get_by_text("Revision of")).to_contain_text("by ana: needed by the new ranker")
    expect(page.get_by_text("Not fine-tuned yet:")).to_be_visible()
    made = served.ask("GET", f"{api}/prune-lists/{number + 1}")
    assert made["revision_of"] == number
    assert made["content"]["revision"]["keep"] == [pruned[0]]
    assert made["content"]["revision"]["prune"] == [kept[0]]
    ranking = page.get_by_role("grid", name="Ranking of features")
    expect(ranking.get_by_role("row").filter(has_text=kept[0])).to_contain_text("pruned by hand")

    page.get_by_role("button", name="Fine-tune and measure").click()
    expect(page.get_by_text("Follow-up job:")).to_be_visible()
    (job,) = served.ask("GET", "/v1/jobs?origin=revision")["jobs"]
    served.ended(job["id"])
    ready(page, page.url)
    link = page.get_by_role("link", name=f"List {number + 2} has the same decisions")
    expect(link).to_be_visible()
    measured = served.ask("GET", f"{api}/prune-lists/{number + 2}")["content"]
    assert {each["name"] for each in measured["features"] if each["decision"] == "keep"} == {
        each["name"] for each in made["content"]["features"] if each["decision"] == "keep"
    }
    assert measured["metrics"] is not None


def test_the_approval_of_a_refused_list_does_not_lead(served: Showcase, page: Page) -> None:
    registered(served, "leading")
    passed, refused = proposed(served, "leading"), proposed(served, "leading", "worse", threshold=0.99)
    ready(page, f"{served.url}/models/leading/lists/{passed}")
    assert "primary" in (page.get_by_role("button", name="Approve").get_attribute("class") or "")
    ready(page, f"{served.url}/models/leading/lists/{refused}")
    assert page.get_by_role("button", name="Approve").get_attribute("class") is None


def test_lists_are_sorted_by_what_changes(served: Showcase, page: Page) -> None:
    registered(served, "sorted")
    first, second = proposed(served, "sorted"), proposed(served, "sorted", "worse", threshold=0.99)
    ready(page, f"{served.url}/models/sorted/lists")
    table = page.get_by_role("group", name="All lists")
    expect(table.get_by_role("row").nth(1)).to_contain_text("−0.02120")
    table.get_by_role("button", name=re.compile("^AUC change")).click()
    expect(table.get_by_role("row").nth(1)).to_contain_text(f"List {first}")
    expect(table.get_by_role("row").nth(1)).to_contain_text("+0.00030")
    table.get_by_role("button", name=re.compile("^AUC change")).click()
    expect(table.get_by_role("row").nth(1)).to_contain_text(f"List {second}")


def test_lists_are_shown_newest_first_and_compared(served: Showcase, page: Page) -> None:
    api = registered(served, "many")
    ready(page, f"{served.url}/models/many/lists")
    assert "no prune lists yet" in page.get_by_role("main").inner_text()
    first = proposed(served, "many")
    expect(page.get_by_role("link", name=f"List {first}")).to_be_visible()
    second = proposed(served, "many", "worse", threshold=0.99)
    for action in ("approve", "activate"):
        served.ask("POST", f"{api}/prune-lists/{first}/{action}")
    lists = page.get_by_role("group", name="All lists")
    expect(lists.get_by_role("row", name=f"List {first}")).to_contain_text("active")
    rows = lists.get_by_role("row").all_inner_texts()[1:]
    assert [row.split("\n")[0].split("\t")[0] for row in rows] == [f"List {second}", f"List {first}"]
    assert "✗ failed" in rows[0]
    assert "✓ passed" in rows[1]
    whole = served.ask("GET", f"{api}/prune-lists/{first}")["content"]
    assert f"{whole['before']['dims']:,} → {whole['after']['dims']:,}" in rows[1]

    differences = page.get_by_role("region", name="Differences")
    assert differences.get_by_label("From").input_value() == str(first)
    assert f"No longer served with list {second}" in differences.inner_text()
    differences.get_by_label("From").select_option(str(second))
    differences.get_by_label("To").select_option(str(first))
    expect(differences).to_contain_text(f"Newly served with list {first}")
    ready(page, page.url)
    assert differences.get_by_label("To").input_value() == str(first)
    assert f"Newly served with list {first}" in differences.inner_text()


def test_the_dialog_has_no_serious_findings(served: Showcase, chromium: Browser) -> None:
    model = "readable"
    registered(served, model)
    number = proposed(served, model)
    with page_of(chromium) as page:
        sign_in(page, served.url, served.key)
        ready(page, f"{served.url}/models/{model}/lists/{number}")
        page.get_by_role("button", name="Approve").click()
        assert findings(page) == []
