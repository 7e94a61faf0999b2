"""The feature catalogue: filtered, selected from, added to, exported."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser import findings, needs_browser, page_of, ready, sign_in
from tests.support.showcase import MODEL, Showcase, feature

pytestmark = needs_browser
ROOT = f"/v1/models/{MODEL}"
GRID = f"Features of {MODEL}"
SOON = 15_000
MANY = 10_000


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Showcase]:
    home = tmp_path_factory.mktemp("features")
    made = Showcase(home, data_roots=("/data", str(home)))
    with made.serving():
        made.fill(24)
        yield made


def enter(page: Page, show: Showcase, key: str | None = None, query: str = "", model: str = MODEL) -> None:
    sign_in(page, show.url, key or show.key)
    ready(page, f"{show.url}/models/{model}{query}")


def statuses(show: Showcase) -> dict[str, str]:
    return {each["name"]: each["status"] for each in show.ask("GET", f"{ROOT}/features?limit=1000")["features"]}


def of(show: Showcase, status: str) -> list[str]:
    return [name for name, each in statuses(show).items() if each == status]


def test_filters_stand_in_the_address(show: Showcase, chromium: Browser) -> None:
    pruned = of(show, "pruned")
    with page_of(chromium) as page:
        enter(page, show)
        page.get_by_label(f"pruned {len(pruned)}", exact=True).check()
        expect(page.get_by_text(f"{len(pruned)} rows")).to_be_visible()
        page.get_by_label("Feature", exact=True).fill(pruned[0])
        page.wait_for_url(f"**/models/{MODEL}?status=pruned&name={pruned[0]}")
        page.reload()
        page.wait_for_selector("main[data-ready]", timeout=SOON)
        grid = page.get_by_role("grid", name=GRID)
        expect(grid.get_by_role("link", name=pruned[0], exact=True)).to_be_visible()
        address = grid.get_by_role("link", name=pruned[0], exact=True).get_attribute("href")
        assert address == f"/models/{MODEL}/features/{pruned[0]}"
        expect(grid.get_by_role("link", name="list 1")).to_have_attribute("href", f"/models/{MODEL}/lists/1")
        page.get_by_label("Tag").fill("no-such-tag")
        expect(page.get_by_text("No feature matches; clear a filter.")).to_be_visible()


def test_many_features_get_a_status_all_or_none(show: Showcase, chromium: Browser) -> None:
    pruned, essential = of(show, "pruned")[:2], of(show, "essential")[0]
    with page_of(chromium, refused=[409]) as page:
        enter(page, show)
        for name in (*pruned, essential):
            page.get_by_label("Feature", exact=True).fill(name)
            page.get_by_role("checkbox", name=f"Select {name}", exact=True).check()
        page.get_by_label("Feature", exact=True).fill("")
        expect(page.get_by_text("3 selected")).to_be_visible()
        page.get_by_role("button", name="Change status").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Status").select_option("candidate")
        dialog.get_by_label("Reason").fill("try them again")
        dialog.get_by_role("button", name="Change the status").click()
        expect(dialog.get_by_role("alert")).to_contain_text(essential)
        assert [statuses(show)[name] for name in pruned] == ["pruned"] * 2
        assert dialog.get_by_label("Reason").input_value() == "try them again"
        dialog.get_by_role("button", name="Cancel").click()
        page.get_by_label("Feature", exact=True).fill(essential)
        page.get_by_role("checkbox", name=f"Select {essential}", exact=True).uncheck()
        page.get_by_role("button", name="Change status").click()
        dialog.get_by_label("Status").select_option("candidate")
        dialog.get_by_label("Reason").fill("try them again")
        dialog.get_by_role("button", name="Change the status").click()
        expect(page.get_by_text("2 changed")).to_be_visible()
        expect(page.get_by_text("0 selected")).to_be_visible()
        page.get_by_label("Feature", exact=True).fill(pruned[0])
        expect(page.get_by_role("row").filter(has_text=pruned[0])).to_contain_text("try them again", timeout=SOON)
    assert [statuses(show)[name] for name in pruned] == ["candidate"] * 2


def test_features_are_registered_from_data(
    show: Showcase, chromium: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = show.app.state.settings.home / "rows.parquet"
    table = {
        "label": [0, 1],
        "fresh_age": [1.0, 2.0],
        "fresh_city": ["a", "b"],
        "fresh_row": [1, 2],
        "seen": [None, None],
        "fresh_user": [None, 7.0],
    }
    table = {name: values * 30 for name, values in table.items()}
    table["fresh_user"] = [None, *(float(at) for at in range(59))]
    pq.write_table(pa.table(table), data)
    with page_of(chromium, refused=[422]) as page:
        enter(page, show)
        page.get_by_role("button", name="Register from data").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Data set").fill("/elsewhere")
        dialog.get_by_role("button", name="Preview").click()
        expect(dialog.get_by_label("Data set")).to_have_attribute("aria-invalid", "true")
        dialog.get_by_label("Data set").fill(str(data))
        dialog.get_by_label("Columns to leave out").fill("fresh_row")
        dialog.get_by_role("button", name="Preview").click()
        chosen = page.get_by_role("dialog", name="Choose features")
        assert chosen.get_by_label("fresh_row").count() == 0
        expect(chosen).to_contain_text("label: the label of the model's spec")
        expect(chosen).to_contain_text("fresh_row: named in leave_out")
        expect(chosen.get_by_role("row", name="fresh_city")).to_contain_text("about 2")
        expect(chosen.get_by_role("row", name="fresh_user")).to_contain_text("choose kind: categorical")
        expect(chosen).to_contain_text("Look at the kind: fresh_user hold")
        expect(chosen.get_by_label("Hash size of fresh_city")).to_have_value("16")
        chosen.get_by_label("fresh_city", exact=True).uncheck()
        chosen.get_by_label("fresh_user", exact=True).uncheck()
        chosen.get_by_label("Dim of fresh_age").fill("1")
        chosen.get_by_label("Tags").fill("new, tried")
        chosen.get_by_role("button", name="Register").click()
        expect(page.get_by_text("1 features are registered.")).to_be_visible()
        page.get_by_label("Tag").fill("tried")
        expect(page.get_by_role("link", name="fresh_age", exact=True)).to_be_visible(timeout=SOON)
    assert statuses(show)["fresh_age"] == "candidate"
    assert "fresh_city" not in statuses(show)


def test_data_without_new_features_offers_nothing_to_register(show: Showcase, chromium: Browser) -> None:
    data = show.app.state.settings.home / "labels.parquet"
    pq.write_table(pa.table({"label": [0, 1]}), data)
    with page_of(chromium) as page:
        enter(page, show)
        page.get_by_role("button", name="Register from data").click()
        page.get_by_role("dialog").get_by_label("Data set").fill(str(data))
        page.get_by_role("dialog").get_by_role("button", name="Preview").click()
        dialog = page.get_by_role("dialog", name="No new features")
        expect(dialog).to_contain_text("label: the label of the model's spec")
        expect(dialog.get_by_role("button", name="Register")).to_have_count(0)
        dialog.get_by_role("button", name="Close").click()
        expect(dialog).to_have_count(0)


def test_what_was_exported_can_be_registered_again(show: Showcase, chromium: Browser, tmp_path: Path) -> None:
    show.ask("POST", "/v1/models", {"name": "copy", "owner": "team"})
    with page_of(chromium, refused=[409]) as page:
        enter(page, show)
        for form in ("CSV", "JSON"):
            with page.expect_download() as download:
                page.get_by_role("button", name=f"Export all as {form}").click()
            download.value.save_as(tmp_path / f"catalogue.{form.lower()}")
        exported = json.loads((tmp_path / "catalogue.json").read_text())["features"]
        ready(page, f"{show.url}/models/copy")
        expect(page.get_by_text("No feature is registered yet")).to_be_visible()
        for form in ("csv", "json"):
            page.get_by_role("button", name="Register from a file").click()
            dialog = page.get_by_role("dialog")
            dialog.get_by_label("File").set_input_files(tmp_path / f"catalogue.{form}")
            dialog.get_by_role("button", name="Register").click()
            if form == "csv":
                expect(page.get_by_text(f"{len(exported)} rows")).to_be_visible(timeout=SOON)
        expect(dialog.get_by_role("alert")).to_contain_text("is registered already")
    copied = show.ask("GET", "/v1/models/copy/features?limit=1000")["features"]
    assert {each["name"] for each in copied} == set(statuses(show))


def test_a_selection_is_started(show: Showcase, chromium: Browser) -> None:
    with page_of(chromium) as page:
        enter(page, show)
        page.get_by_role("button", name="Start a selection").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Priority").fill("7")
        dialog.get_by_label("Deadline").fill("2")
        dialog.get_by_label("Overrides").fill('{"name": "by-hand"}')
        dialog.get_by_role("button", name="Start", exact=True).click()
        page.wait_for_url("**/jobs/job-*")
    job = show.ask("GET", "/v1/jobs?name=by-hand")["jobs"][0]
    assert (job["priority"], job["model"], job["deadline"] is not None) == (7, MODEL, True)


def test_a_reader_is_offered_nothing_that_would_be_refused(show: Showcase, chromium: Browser) -> None:
    with page_of(chromium) as page:
        enter(page, show, show.make_key("reader", ["read"]))
        expect(page.get_by_text("A prune list is approved by someone")).to_be_visible()
        names = [button.inner_text() for button in page.get_by_role("main").get_by_role("button").all()]
        for offered in ("Start", "Register from", "Change status", "Pick"):
            assert not [name for name in names if offered in name]
        assert page.get_by_role("checkbox", name="Select ").count() == 0


def test_everyone_can_use_it(show: Showcase, chromium: Browser) -> None:
    with page_of(chromium) as page:
        enter(page, show)
        page.get_by_role("button", name="Select all").click()
        page.get_by_role("button", name="Change status").click()
        assert findings(page) == []


def test_ten_thousand_features_are_all_there_and_few_are_elements(show: Showcase, chromium: Browser) -> None:
    show.ask("POST", "/v1/models", {"name": "wide", "owner": "team"})
    show.ask("POST", "/v1/models/wide/features", {"features": [feature(place) for place in range(MANY)]})
    with page_of(chromium) as page:
        enter(page, show, model="wide")
        expect(page.get_by_text("10,000 rows")).to_be_visible()
        assert page.locator(".tabulator-row").count() < 200
        last = feature(MANY - 1)["name"]
        page.get_by_label("Feature", exact=True).fill(last)
        expect(page.get_by_role("link", name=last, exact=True)).to_be_visible()
