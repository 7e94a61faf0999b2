"""Schedules and triggers: made, edited, stopped and asked about on their page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.browser import findings, needs_browser, page_of, ready, sign_in
from tests.support.showcase import MODEL, SPEC, Showcase, feature

pytestmark = needs_browser
HERE, THERE = "America/New_York", "Europe/Berlin"
ROOT = f"/v1/models/{MODEL}"
PARTITIONED = {"dataset": {"train": "/data/clicks/dt={partition}"}}
SOON = 15_000


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Showcase]:
    made = Showcase(tmp_path_factory.mktemp("starting"), trigger_seconds=3600)
    with made.serving():
        made.ask("POST", "/v1/models", {"name": MODEL, "owner": "ranking-team", "spec": SPEC})
        made.ask("POST", f"{ROOT}/features", {"features": [feature(place) for place in range(5)]})
        yield made


def enter(page: Page, show: Showcase, key: str | None = None) -> None:
    sign_in(page, show.url, key or show.key)
    ready(page, f"{show.url}/models/{MODEL}/starting")


def card(page: Page, name: str) -> Locator:
    return page.get_by_role("article").filter(has=page.get_by_role("heading", name=name))


def schedules(show: Showcase) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in show.ask("GET", f"{ROOT}/schedules")["schedules"]}


def on_clock(iso: str, zone: str) -> str:
    return datetime.fromisoformat(iso).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


def test_a_schedule_is_made_with_a_preview_of_its_times_in_both_zones(show: Showcase, chromium: Browser) -> None:
    with page_of(chromium, refused=[422], timezone_id=HERE) as page:
        enter(page, show)
        page.get_by_role("button", name="New schedule").click()
        dialog = page.get_by_role("dialog", name="New schedule")
        cron = dialog.get_by_label("Cron expression")
        cron.fill("61 2 * * *")
        expect(dialog).to_contain_text("is no cron expression", timeout=SOON)
        expect(cron).to_have_attribute("aria-invalid", "true")
        cron.fill("30 2 * * *")
        dialog.get_by_label("Time zone").fill(THERE)
        times = show.ask("POST", f"{ROOT}/schedules/preview", {"cron": "30 2 * * *", "timezone": THERE})["times"]
        rows = dialog.get_by_role("row")
        expect(rows.nth(10)).to_contain_text(on_clock(times[9], THERE), timeout=SOON)
        expect(rows.nth(1)).to_contain_text(on_clock(times[0], HERE))
        expect(cron).not_to_have_attribute("aria-invalid", "true")
        dialog.get_by_label("Name").fill("nightly")
        dialog.get_by_role("button", name="Create schedule").click()
        made = card(page, "nightly")
        expect(made).to_contain_text("Every day at 02:30", timeout=SOON)
        expect(made).to_contain_text(f"{on_clock(times[0], THERE)} in {THERE}")
        made.get_by_text("The next ten times").click()
        expect(made.get_by_role("cell", name=on_clock(times[9], HERE), exact=True)).to_be_visible()
    assert schedules(show)["nightly"]["timezone"] == THERE


def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(show: Showcase, chromium: Browser) -> None:
    show.ask("POST", f"{ROOT}/schedules", {"name": "taken", "cron": "0 4 * * 1"})
    with page_of(chromium, refused=[409, 422]) as page:
        enter(page, show)
        page.get_by_role("button", name="New schedule").click()
        dialog = page.get_by_role("dialog", name="New schedule")
        dialog.get_by_label("Name").fill("taken")
        dialog.get_by_label("Cron expression").fill("0 5 * * *")
        overrides = dialog.get_by_label("Overrides")
        overrides.fill("{training: 2}")
        dialog.get_by_role("button", name="Create schedule").click()
        expect(overrides).to_be_focused()
        expect(dialog).to_contain_text("this is no JSON")
        overrides.fill("")
        dialog.get_by_role("button", name="Create schedule").click()
        expect(dialog.get_by_label("Name")).to_have_attribute("aria-invalid", "true")
        expect(dialog).to_contain_text("choose another name")
        assert dialog.get_by_label("Cron expression").input_value() == "0 5 * * *"
        page.keyboard.press("Escape")
        expect(dialog.get_by_label("Cron expression")).to_be_visible()
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        expect(page.get_by_role("button", name="New schedule")).to_be_focused()


def test_who_edits_what_somebody_changed_meanwhile_is_told(show: Showcase, chromium: Browser) -> None:
    made = show.ask("POST", f"{ROOT}/schedules", {"name": "moved", "cron": "0 4 * * 1"})
    with page_of(chromium, refused=[412]) as page:
        enter(page, show)
        card(page, "moved").get_by_role("button", name="Edit").click()
        dialog = page.get_by_role("dialog", name="Edit moved")
        show.ask("PATCH", f"{ROOT}/schedules/{made['id']}", {"missed": "all"})
        dialog.get_by_label("Cron expression").fill("0 6 * * 1")
        dialog.get_by_role("button", name="Save").click()
        expect(dialog.get_by_role("alert")).to_contain_text("Somebody changed it since you opened it")
        assert schedules(show)["moved"]["cron"] == "0 4 * * 1"
        dialog.get_by_role("button", name="Cancel").click()
        card(page, "moved").get_by_role("button", name="Edit").click()
        again = page.get_by_role("dialog", name="Edit moved")
        again.get_by_label("Cron expression").fill("0 6 * * 1")
        again.get_by_role("button", name="Save").click()
        expect(card(page, "moved")).to_contain_text("Every Monday at 06:00", timeout=SOON)
    changed = schedules(show)["moved"]
    assert (changed["cron"], changed["missed"]) == ("0 6 * * 1", "all")


def test_a_schedule_is_paused_resumed_run_and_deleted(show: Showcase, chromium: Browser) -> None:
    made = show.ask(
        "POST", f"{ROOT}/schedules", {"name": "hourly", "cron": "0 * * * *", "overrides": {"name": "hourly"}}
    )
    with page_of(chromium, refused=[404]) as page:
        enter(page, show)
        hourly = card(page, "hourly")
        hourly.get_by_role("button", name="Pause").click()
        expect(hourly).to_contain_text("Paused: no job starts", timeout=SOON)
        hourly.get_by_role("button", name="Resume").click()
        dialog = page.get_by_role("dialog", name="Resume hourly")
        dialog.get_by_label("Catch up").check()
        dialog.get_by_role("button", name="Resume").click()
        expect(hourly.get_by_role("button", name="Pause")).to_be_visible(timeout=SOON)
        hourly.get_by_role("button", name="Run now").click()
        page.get_by_role("dialog").get_by_role("button", name="Run now").click()
        expect(hourly.get_by_role("row").nth(1)).to_contain_text("started", timeout=SOON)
        fire = show.ask("GET", f"{ROOT}/schedules/{made['id']}/fires")["fires"][0]
        assert hourly.get_by_role("link", name="its job").first.get_attribute("href") == f"/jobs/{fire['job_id']}"
        hourly.get_by_role("button", name="Delete").click()
        page.get_by_role("dialog", name="Delete hourly?").get_by_role("button", name="Delete").click()
        expect(hourly).to_have_count(0, timeout=SOON)
    assert "hourly" not in schedules(show)


def test_partitions_that_are_past_are_run_over(show: Showcase, chromium: Browser) -> None:
    settings = {"name": "daily", "cron": "0 3 * * *", "overrides": PARTITIONED}
    made = show.ask("POST", f"{ROOT}/schedules", settings)
    show.ask("POST", f"{ROOT}/schedules/{made['id']}/pause")
    with page_of(chromium) as page:
        enter(page, show)
        daily = card(page, "daily")
        daily.get_by_role("button", name="Back-fill").click()
        dialog = page.get_by_role("dialog", name="Back-fill daily")
        dialog.get_by_label("First").fill("2026-01-01T00:00")
        dialog.get_by_label("Last").fill("2026-01-03T00:00")
        dialog.get_by_role("button", name="Back-fill").click()
        expect(page.get_by_text("3 runs wait.")).to_be_visible()
        expect(daily).to_contain_text("2026-01-03", timeout=SOON)
        daily.get_by_role("button", name="Cancel back-fill").click()
        page.get_by_role("dialog").get_by_role("button", name="Cancel the back-fill").click()
        expect(daily).to_contain_text("cancelled by ana", timeout=SOON)
    fires = show.ask("GET", f"{ROOT}/schedules/{made['id']}/fires")["fires"]
    assert [(fire["partition"], fire["state"]) for fire in fires] == [
        (f"2026-01-0{day}", "skipped") for day in (3, 2, 1)
    ]


def test_a_trigger_is_made_asked_fired_and_disabled(show: Showcase, chromium: Browser) -> None:
    with page_of(chromium, refused=[409, 422]) as page:
        enter(page, show)
        page.get_by_role("button", name="New trigger").click()
        dialog = page.get_by_role("dialog", name="New trigger")
        expect(dialog.get_by_label("Partitions")).to_be_hidden()
        dialog.get_by_label("It fires when").select_option("freshness")
        dialog.get_by_label("Partitions").fill("/data/clicks")
        dialog.get_by_role("button", name="Create trigger").click()
        expect(dialog.get_by_label("Partitions")).to_have_attribute("aria-invalid", "true")
        dialog.get_by_label("It fires when").select_option("candidates")
        dialog.get_by_label("Threshold (new candidates)").fill("12")
        dialog.get_by_label("Quiet hours", exact=True).check()
        dialog.get_by_label("Time zone of quiet hours").fill(THERE)
        dialog.get_by_label("Sun").uncheck()
        dialog.get_by_role("button", name="Create trigger").click()
        made = card(page, "When 12 features became candidates")
        expect(made).to_contain_text("quiet from 22:00 to 06:00", timeout=SOON)

        made.get_by_role("button", name="What if").click()
        asked = page.get_by_role("dialog", name="What if")
        asked.get_by_label("Candidates since").fill("11")
        asked.get_by_role("button", name="Would it fire?").click()
        expect(asked).to_contain_text("It wouldn't fire: 11 candidates")
        asked.get_by_label("Candidates since").fill("12")
        asked.get_by_label("When it is evaluated").fill("2026-06-15T12:00")
        asked.get_by_role("button", name="Would it fire?").click()
        expect(asked).to_contain_text("It would fire: 12 candidates")
        expect(asked.get_by_role("row", name=re.compile("Condition"))).to_contain_text("passed")
        asked.get_by_role("button", name="Close").click()

        made.get_by_role("button", name="Would it fire now?").click()
        page.get_by_role("dialog", name="Would it fire now?").get_by_role("button", name="Close").click()
        made.get_by_role("button", name="Fire now", exact=True).click()
        fired = page.get_by_role("dialog", name="Fire the trigger now?")
        fired.get_by_label("Ignore quiet hours").check()
        fired.get_by_role("button", name="Fire now").click()
        expect(made.get_by_role("row").nth(1)).to_contain_text("fired by ana", timeout=SOON)
        expect(made).to_contain_text("in cooldown until")
        made.get_by_role("button", name="Disable").click()
        expect(made).to_contain_text("disabled", timeout=SOON)
        expect(made.get_by_role("button", name="Fire now", exact=True)).to_have_count(0)
    trigger = show.ask("GET", f"{ROOT}/triggers")["triggers"][0]
    assert (trigger["enabled"], trigger["when"]["threshold"]) == (False, 12)
    assert trigger["quiet_hours"]["days"] == ["mon", "tue", "wed", "thu", "fri", "sat"]
    assert show.ask("GET", "/v1/jobs?origin=trigger")["jobs"][0]["model"] == MODEL


def test_a_reader_reads_and_changes_nothing(show: Showcase, chromium: Browser) -> None:
    show.ask("POST", f"{ROOT}/schedules", {"name": "seen", "cron": "0 4 1 * *"})
    with page_of(chromium) as page:
        enter(page, show, show.make_key("reader", ["read"]))
        expect(card(page, "seen")).to_contain_text("On day 1 of each month at 04:00")
        assert page.get_by_role("main").get_by_role("button").count() == 0


def test_everyone_can_use_it(show: Showcase, chromium: Browser) -> None:
    name = "readable"
    show.ask("POST", f"{ROOT}/schedules", {"name": name, "cron": "0 4 * * 1", "overrides": PARTITIONED})
    show.ask("POST", f"{ROOT}/triggers", {"when": {"kind": "manual"}})
    with page_of(chromium) as page:
        enter(page, show)
        card(page, name).get_by_text("The next ten times").click()
        card(page, name).get_by_role("button", name="Edit").click()
        expect(page.get_by_role("dialog").get_by_role("row").nth(10)).to_be_visible(timeout=SOON)
        assert findings(page) == []
        page.keyboard.press("Escape")
        page.get_by_role("button", name="New trigger").click()
        page.get_by_role("dialog").get_by_label("Quiet hours", exact=True).check()
        assert findings(page) == []
