"""Schedules: due times, daylight saving, missed runs, editing, pausing, back-fills; on both stores."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from service.core.cron import instants
from service.core.job_state import JobState
from service.schedules.scheduler import Scheduler
from service.store import schedules
from tests.support.automatic import Plane, any_plane, on_either, on_sqlite, sqlite_plane  # noqa: F401 (fixtures)
from tests.support.repository import ROOT

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
PARTITIONED = {"dataset": {"train": "/data/clicks/dt={partition}"}}


def make(plane: Plane, **changes: Any) -> str:
    body = {"name": "hourly", "cron": "0 * * * *", **changes}
    return f"schedules/{plane.call('POST', 'schedules', 201, body)['id']}"


def fires(plane: Plane, schedule: str) -> list[tuple[str, str]]:
    """Due times and states, oldest first."""
    found = plane.call("GET", f"{schedule}/fires?limit=200", 200)["fires"]
    return [(fire["due_at"][5:16], fire["state"]) for fire in found[::-1]]


def local_times(cron: str, zone: str, after: str, count: int) -> list[str]:
    """Due times in UTC, day and minute, after an instant in UTC."""
    found = islice(instants(cron, zone, datetime.fromisoformat(after).replace(tzinfo=UTC)), count)
    return [f"{each:%d %H:%M}" for each in found]


@pytest.mark.parametrize(
    ("cron", "zone", "after", "due"),
    [
        # Berlin, 29 March 2026: 02:00 CET (01:00 UTC) becomes 03:00 CEST.
        ("30 2 * * *", "Europe/Berlin", "2026-03-28 00:00", ["28 01:30", "29 01:00", "30 00:30"]),
        ("0,30 2 * * *", "Europe/Berlin", "2026-03-28 12:00", ["29 01:00", "30 00:00", "30 00:30"]),
        ("0 2,3 * * *", "Europe/Berlin", "2026-03-28 12:00", ["29 01:00", "30 00:00", "30 01:00"]),
        ("0 * * * *", "Europe/Berlin", "2026-03-28 23:30", ["29 00:00", "29 01:00", "29 02:00"]),
        ("*/30 2 * * *", "Europe/Berlin", "2026-03-28 12:00", ["30 00:00", "30 00:30"]),
        # Berlin, 25 October 2026: 03:00 CEST (01:00 UTC) becomes 02:00 CET.
        ("30 2 * * *", "Europe/Berlin", "2026-10-24 12:00", ["25 00:30", "26 01:30"]),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25 00:45", ["26 01:30"]),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25 01:10", ["26 01:30"]),  # 02:10, the second time
        ("0 * * * *", "Europe/Berlin", "2026-10-24 23:30", ["25 00:00", "25 01:00", "25 02:00"]),
        ("*/30 2 * * *", "Europe/Berlin", "2026-10-24 12:00", ["25 00:00", "25 00:30", "25 01:00", "25 01:30"]),
        # New York, 8 March 2026: 02:00 EST (07:00 UTC) becomes 03:00 EDT.
        ("15 2 * * *", "America/New_York", "2026-03-07 12:00", ["08 07:00", "09 06:15"]),
        ("0 * * * *", "America/New_York", "2026-03-08 05:30", ["08 06:00", "08 07:00", "08 08:00"]),
        # New York, 1 November 2026: 02:00 EDT (06:00 UTC) becomes 01:00 EST.
        ("30 1 * * *", "America/New_York", "2026-10-31 12:00", ["01 05:30", "02 06:30"]),
        ("30 * * * *", "America/New_York", "2026-11-01 05:00", ["01 05:30", "01 06:30", "01 07:30"]),
        # Midnight itself is skipped (Santiago, 6 September 2026) and repeated (Havana, 1 November 2026).
        ("0 0 * * *", "America/Santiago", "2026-09-05 12:00", ["06 04:00", "07 03:00"]),
        ("0 0 * * *", "America/Havana", "2026-10-31 12:00", ["01 04:00", "02 05:00"]),
    ],
)
def test_daylight_saving(cron: str, zone: str, after: str, due: list[str]) -> None:
    assert local_times(cron, zone, after, len(due)) == due


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_a_year_of_days_and_of_hours(zone: str) -> None:
    """Whatever the time of day, 365 fires a year, and 8,760 of an hourly rhythm, each later than the one before."""
    start = datetime(2026, 1, 1, 12, tzinfo=UTC)
    end = start + timedelta(days=365)
    for cron, count in (("30 2 * * *", 365), ("15 1 * * *", 365), ("0 3 * * *", 365), ("17 * * * *", 8760)):
        found = [each for each in islice(instants(cron, zone, start), 9000) if each <= end]
        assert len(found) == count
        assert found == sorted(set(found))


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("cron", ["30 2 * * *", "15 1 * * *", "0 * * * *"])
@pytest.mark.parametrize("day", ["2026-03-29", "2026-03-08", "2026-10-25", "2026-11-01"])
def test_where_one_begins_to_look_changes_nothing(zone: str, cron: str, day: str) -> None:
    """From any minute about a change of the clock, the next due time is the first of the whole list after it."""
    start = datetime.fromisoformat(day).replace(tzinfo=UTC)
    whole = list(islice(instants(cron, zone, start - timedelta(days=2)), 200))
    for minute in range(0, 12 * 60, 5):
        after = start + timedelta(minutes=minute)
        assert next(instants(cron, zone, after)) == min(each for each in whole if each > after)


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [
        ("cron", "0 * * *", "4 fields"),
        ("cron", "0 0 * * * *", "6 fields"),
        ("cron", "61 * * * *", "bad minute"),
        ("cron", "0 0 30 2 *", "bad day-of-month"),
        ("cron", "@daily", "1 fields"),
        ("timezone", "Europe/Atlantis", "no IANA time zone"),
        ("timezone", "../etc/passwd", "no IANA time zone"),
        ("timezone", "localtime", "no IANA time zone"),
        ("missed", "both", "once"),
        ("catch_up_seconds", 10**9, "604800"),
        ("start_at", "1999-01-01T00:00:00Z", "2000"),
        ("start_at", "2026-01-01T00:00:00", "add the time zone"),
        ("end_at", "2020-01-01T00:00:00Z", "after start_at"),
        ("overrides", {"features": []}, "statuses"),
        ("overrides", {"name": "\0"}, "NUL"),
        ("colour", "red", "unknown key"),
    ],
)
def test_what_cannot_be_a_schedule_is_refused(plane: Plane, field: str, value: Any, word: str) -> None:
    body = {"name": "x", "cron": "0 * * * *", "start_at": "2026-01-01T00:00:00Z", field: value}
    problem = plane.call("POST", "schedules", 422, body)
    assert problem["errors"], problem
    told = problem["errors"][0]
    assert word in told["message"], problem
    assert told["field"] in {field, "body"}
    assert plane.call("GET", "schedules", 200) == {"schedules": [], "next": None}


def test_a_due_time_makes_one_job_of_the_model(either: Plane) -> None:
    schedule = make(either, overrides={"training": {"seed": 7}})
    assert either.schedules.step() == 0
    either.pass_(minutes=59, seconds=59)
    assert either.schedules.step() == 0
    either.pass_(seconds=1)
    assert either.schedules.step() == 1
    assert either.schedules.step() == 0
    [job] = either.jobs()
    assert (job["model"], job["origin"]["kind"], job["state"]) == ("ranker", "schedule", "queued")
    assert schedule.endswith(job["origin"]["id"])
    assert job["origin"]["name"] == "hourly"
    assert either.spec(job["id"])["training"]["seed"] == 7
    [fire] = either.call("GET", f"{schedule}/fires", 200)["fires"]
    assert (fire["due_at"], fire["origin"], fire["state"]) == ("2026-01-01T13:00:00Z", "cron", "started")
    assert fire["job_id"] == job["id"]
    [(kind, data)] = either.told("schedule")
    assert (kind, data["job"], data["due_at"]) == ("schedule.fired", job["id"], "2026-01-01T13:00:00+00:00")


def test_fires_across_a_change_of_the_clock(plane: Plane) -> None:
    plane.at = datetime(2026, 3, 28, 12, tzinfo=UTC)
    schedule = make(plane, cron="30 2 * * *", timezone="Europe/Berlin", concurrency="allow")
    for _ in range(48 * 4):
        plane.pass_(minutes=15)
        plane.schedules.step()
    assert fires(plane, schedule) == [("03-29T01:00", "started"), ("03-30T00:30", "started")]


@pytest.mark.parametrize(
    ("missed", "catch_up", "expected"),
    [
        ("skip", 86400, [("01-01T13:00", "skipped")]),
        ("once", 86400, [("01-01T13:00", "skipped"), ("01-01T17:00", "started")]),
        ("once", 3600, [("01-01T13:00", "skipped"), ("01-01T17:00", "started")]),
        ("once", 600, [("01-01T13:00", "skipped")]),
        ("all", 86400, [(f"01-01T{hour}:00", "started") for hour in range(13, 18)]),
        ("all", 7200, [("01-01T13:00", "skipped"), ("01-01T16:00", "started"), ("01-01T17:00", "started")]),
        ("all", 0, [("01-01T13:00", "skipped")]),
    ],
)
def test_after_a_downtime(either: Plane, missed: str, catch_up: int, expected: list[tuple[str, str]]) -> None:
    """Down from 12:00 to 17:30; what is older than the window is passed over, in one row that says so."""
    schedule = make(either, missed=missed, catch_up_seconds=catch_up, concurrency="allow")
    either.pass_(hours=5, minutes=30)
    either.schedules.step()
    either.schedules.step()
    assert fires(either, schedule) == expected
    started = [state for _, state in expected].count("started")
    assert len(either.jobs()) == started
    kinds = [kind for kind, _ in either.told("schedule")]
    assert (kinds.count("schedule.fired"), kinds.count("schedule.skipped")) == (started, len(expected) - started)
    either.pass_(minutes=30)
    either.schedules.step()
    assert fires(either, schedule) == [*expected, ("01-01T18:00", "started")]


def test_a_due_time_is_on_time_for_a_minute(plane: Plane) -> None:
    schedule = make(plane, concurrency="allow")
    plane.pass_(hours=1, seconds=60)
    plane.schedules.step()
    plane.pass_(hours=1, seconds=1)
    plane.schedules.step()
    assert fires(plane, schedule) == [("01-01T13:00", "started"), ("01-01T14:00", "skipped")]


def test_very_many_missed_runs_are_caught_up_in_parts_and_each_once(plane: Plane) -> None:
    schedule = make(plane, cron="* * * * *", missed="all", catch_up_seconds=12600, concurrency="allow")
    plane.pass_(minutes=205)
    for _ in range(4):
        plane.schedules.step()
    with plane.sessions() as session:
        found = schedules.fires(session, schedule.rpartition("/")[2], None, None, 1000)
    assert [fire.state for fire in found] == ["started"] * 205
    assert len({fire.due_at for fire in found}) == len({fire.job_id for fire in found}) == 205


def test_missed_runs_wait_for_each_other_where_runs_side_by_side_are_forbidden(plane: Plane) -> None:
    schedule = make(plane, missed="all")
    plane.pass_(hours=3, minutes=1)
    plane.schedules.step()
    assert [state for _, state in fires(plane, schedule)] == ["started", "pending", "skipped"]
    plane.schedules.step()
    assert len(plane.jobs()) == 1
    plane.end(plane.jobs()[0]["id"])
    plane.schedules.step()
    assert [state for _, state in fires(plane, schedule)] == ["started", "started", "skipped"]


@pytest.mark.parametrize("policy", ["allow", "forbid", "replace"])
def test_concurrency(either: Plane, policy: str) -> None:
    schedule = make(either, concurrency=policy)
    for _ in range(2):
        either.pass_(hours=1)
        either.schedules.step()
    jobs = either.jobs()
    states = [state for _, state in fires(either, schedule)]
    if policy == "forbid":
        assert states == ["started", "skipped"]
        fire = either.call("GET", f"{schedule}/fires?state=skipped", 200)["fires"][0]
        assert jobs[0]["id"] in fire["reason"]
        assert either.told("schedule")[-1][0] == "schedule.skipped"
        either.end(jobs[0]["id"])
        either.pass_(hours=1)
        either.schedules.step()
        assert len(either.jobs()) == 2
    else:
        assert states == ["started", "started"]
        assert [job["cancel_requested"] for job in jobs] == [policy == "replace", False]


def test_another_schedule_of_the_model_is_no_obstacle(plane: Plane) -> None:
    make(plane, concurrency="forbid")
    make(plane, name="other", concurrency="replace")
    plane.pass_(hours=1)
    plane.schedules.step()
    assert [job["cancel_requested"] for job in plane.jobs()] == [False, False]


def test_start_and_end(plane: Plane) -> None:
    bounds = {"start_at": "2026-01-01T14:00:00Z", "end_at": "2026-01-01T17:00:00+01:00"}
    schedule = make(plane, concurrency="allow", **bounds)
    times = plane.call("GET", f"{schedule}/next", 200)["times"]
    assert times == [f"2026-01-01T{hour}:00:00Z" for hour in (14, 15, 16)]
    for _ in range(8):
        plane.pass_(hours=1)
        plane.schedules.step()
    assert fires(plane, schedule) == [(f"01-01T{hour}:00", "started") for hour in (14, 15, 16)]
    assert plane.call("GET", schedule, 200)["next_at"] is None


@pytest.mark.parametrize(
    "change", [{"cron": "30 * * * *"}, {"timezone": "Asia/Kolkata"}, {"end_at": None}, {"start_at": None}]
)
def test_editing_fires_nothing(plane: Plane, change: dict[str, Any]) -> None:
    """Whatever was due while nobody looked: a change makes no job of a time that has passed."""
    bounds = {"start_at": "2026-01-01T12:30:00Z", "end_at": "2026-01-01T13:30:00Z"}
    schedule = make(plane, missed="all", concurrency="allow", **bounds)
    plane.pass_(hours=4, minutes=45)
    plane.call("PATCH", schedule, 200, {"end_at": "2030-01-01T00:00:00Z", **change})
    plane.schedules.step()
    assert plane.jobs() == []
    assert fires(plane, schedule) == []
    plane.pass_(hours=1)
    plane.schedules.step()
    assert len(plane.jobs()) == 1


def test_other_changes_drop_nothing_that_is_due(plane: Plane) -> None:
    schedule = make(plane)
    plane.pass_(hours=1)
    plane.call("PATCH", schedule, 200, {"name": "renamed", "overrides": {"training": {"seed": 3}}})
    plane.schedules.step()
    [job] = plane.jobs()
    assert plane.spec(job["id"])["training"]["seed"] == 3


def test_an_update_is_refused_where_another_came_first(plane: Plane) -> None:
    schedule = make(plane)
    make(plane, name="other")
    answer = plane.http.get(f"/v1/models/ranker/{schedule}")
    assert answer.headers["etag"].startswith('"1.')
    plane.call("PATCH", schedule, 200, {"missed": "all"}, **{"If-Match": '"1"'})
    assert plane.call("PATCH", schedule, 412, {"missed": "once"}, **{"If-Match": '"1"'})["type"] == "urn:winnow:stale"
    assert plane.call("PATCH", schedule, 200, {"missed": "all"})["version"] == 2
    plane.call("PATCH", schedule, 422, {"cron": "x"})
    plane.call("PATCH", schedule, 422, {"cron": None})
    plane.call("PATCH", schedule, 422, {"start_at": "2030-01-01T00:00:00Z", "end_at": "2029-01-01T00:00:00Z"})
    assert plane.call("PATCH", schedule, 409, {"name": "other"})["type"] == "urn:winnow:schedule-exists"
    plane.call("POST", "schedules", 409, {"name": "hourly", "cron": "0 * * * *"})
    plane.call("DELETE", schedule, 412, None, **{"If-Match": '"1"'})
    plane.call("DELETE", schedule, 204, None, **{"If-Match": '"2"'})
    plane.call("GET", schedule, 404)
    plane.call("GET", "/v1/models/none/schedules", 404)


def test_pausing_and_resuming_fires_nothing(either: Plane) -> None:
    schedule = make(either, missed="all", concurrency="allow")
    assert either.call("POST", f"{schedule}/pause", 200)["next_at"] is None
    either.pass_(hours=3, minutes=30)
    assert either.schedules.step() == 0
    assert either.call("POST", f"{schedule}/resume", 200)["next_at"] == "2026-01-01T16:00:00Z"
    either.schedules.step()
    assert either.jobs() == []
    either.pass_(minutes=30)
    either.schedules.step()
    assert fires(either, schedule) == [("01-01T16:00", "started")]


def test_resuming_catches_up_where_asked(plane: Plane) -> None:
    schedule = make(plane, missed="all", concurrency="allow", catch_up_seconds=7200)
    plane.call("POST", f"{schedule}/pause", 200)
    plane.pass_(hours=5, minutes=30)
    plane.call("POST", f"{schedule}/resume", 200, {"catch_up": True})
    plane.schedules.step()
    expected = [("01-01T13:00", "skipped"), ("01-01T16:00", "started"), ("01-01T17:00", "started")]
    assert fires(plane, schedule) == expected


def test_running_now(either: Plane) -> None:
    schedule = make(either, overrides=PARTITIONED)
    fire = either.call("POST", f"{schedule}/run", 202)
    assert (fire["origin"], fire["state"], fire["by"]) == ("manual", "started", "local")
    assert either.spec(fire["job_id"])["dataset"]["train"] == "/data/clicks/dt=2026-01-01"
    assert either.call("POST", f"{schedule}/run", 409)["type"] == "urn:winnow:schedule-busy"
    either.end(fire["job_id"])
    either.call("POST", f"{schedule}/run", 202)
    either.call("PATCH", schedule, 422, {"overrides": {"training": {"seed": "x"}}, "concurrency": "allow"})
    assert len(either.jobs()) == 2


def test_a_manual_run_at_a_due_time_takes_nothing_from_it(plane: Plane) -> None:
    schedule = make(plane, concurrency="allow")
    plane.pass_(hours=1)
    for _ in range(2):
        plane.call("POST", f"{schedule}/run", 202)
    plane.schedules.step()
    assert [fire["origin"] for fire in plane.call("GET", f"{schedule}/fires", 200)["fires"]] == [
        "cron",
        "manual",
        "manual",
    ]
    assert len(plane.jobs()) == 3


@pytest.mark.parametrize("policy", ["allow", "forbid", "replace"])
def test_a_backfill_runs_its_partitions_in_order(either: Plane, policy: str) -> None:
    schedule = make(either, overrides=PARTITIONED, concurrency=policy)
    body = {"from": "2025-12-29T00:00", "to": "2025-12-31T00:00"}
    assert either.call("POST", f"{schedule}/backfill", 202, body) == {"pending": 3}
    either.schedules.step()
    days = [f"/data/clicks/dt=2025-12-{day}" for day in (29, 30, 31)]
    for done in range(3):
        found = [either.spec(job["id"])["dataset"]["train"] for job in either.jobs()]
        assert found == (days if policy == "allow" else days[: done + 1])
        either.end(either.jobs()[done]["id"], JobState.SUCCEEDED)
        either.schedules.step()
    assert not any(job["cancel_requested"] for job in either.jobs())
    found = either.call("GET", f"{schedule}/fires", 200)["fires"]
    assert [(fire["partition"], fire["origin"]) for fire in found] == [
        (f"2025-12-{day}", "backfill") for day in (31, 30, 29)
    ]


def test_a_replacing_run_leaves_a_backfill_alone(plane: Plane) -> None:
    schedule = make(plane, overrides=PARTITIONED, concurrency="replace")
    plane.call("POST", f"{schedule}/backfill", 202, {"partitions": ["2025-12-31"]})
    plane.schedules.step()
    plane.pass_(hours=1)
    plane.schedules.step()
    assert [job["cancel_requested"] for job in plane.jobs()] == [False, False]


def test_backfills_are_bounded_told_apart_and_can_be_given_up(plane: Plane) -> None:
    schedule = make(plane, overrides=PARTITIONED)
    backfill = f"{schedule}/backfill"
    hours = {"from": "2026-01-01T00:00", "to": "2026-01-01T05:00", "every": "hour"}
    for body, word in (
        ({}, "either"),
        ({"partitions": []}, "at least 1"),
        ({"partitions": ["a"], "from": "2026-01-01T00:00", "to": "2026-01-02T00:00"}, "either"),
        ({"partitions": ["a", "b", "a"]}, "'a' is given twice"),
        ({"from": "2026-01-02T00:00", "to": "2026-01-01T00:00"}, "0 partitions"),
        ({"from": "2020-01-01T00:00", "to": "2026-01-01T00:00"}, "2193 partitions"),
        (hours, "same name twice"),
        ({**hours, "format": "%s"}, "can't be used"),
        ({**hours, "to": "2026-01-01T05:00Z"}, "leave the time zone out"),
    ):
        assert word in plane.call("POST", backfill, 422, body)["errors"][0]["message"]
    plane.call("POST", f"{schedule}/pause", 200)
    assert plane.call("POST", backfill, 202, {**hours, "format": "%Y-%m-%dT%H"}) == {"pending": 6}
    plane.schedules.step()
    assert plane.jobs() == []
    assert plane.call("POST", backfill, 409, {"partitions": ["b", "2026-01-01T03"]})["detail"].startswith("partitions")
    many = [f"p{number}" for number in range(995)]
    assert "1000 may" in plane.call("POST", backfill, 409, {"partitions": many})["detail"]
    plane.call("POST", f"{schedule}/resume", 200)
    plane.schedules.step()
    assert plane.call("POST", f"{backfill}/cancel", 200) == {"skipped": 5}
    plane.end(plane.jobs()[0]["id"])
    plane.schedules.step()
    assert len(plane.jobs()) == 1
    other = make(plane, name="other")
    assert plane.call("POST", f"{other}/backfill", 422, {"partitions": ["a"]})["type"] == "urn:winnow:no-partition"


WHOLE = {"train": "/data/clicks", "splits": {}}


def test_what_no_job_can_be_made_of_is_skipped_and_said(plane: Plane) -> None:
    plane.call("POST", "/v1/models", 201, {"name": "empty", "owner": "team", "spec": {"dataset": WHOLE}})
    made = plane.call("POST", "/v1/models/empty/schedules", 201, {"name": "x", "cron": "0 * * * *"})
    plane.pass_(hours=1)
    plane.schedules.step()
    [fire] = plane.call("GET", f"/v1/models/empty/schedules/{made['id']}/fires", 200)["fires"]
    assert fire["state"] == "skipped"
    assert "has none to select from" in fire["reason"]
    assert plane.schedules.step() == 0


def test_data_outside_the_roots_is_never_read(tmp_path: Path) -> None:
    plane = Plane(tmp_path, data_roots="/data").begin()
    outside = {"name": "x", "cron": "0 * * * *", "overrides": {"dataset": {"train": "/elsewhere/{partition}"}}}
    assert "/elsewhere" in plane.call("POST", "schedules", 422, outside)["detail"]
    schedule = make(plane, cron="0 0 1 12 *", overrides={"dataset": {"train": "/data/{partition}"}})
    plane.call("POST", f"{schedule}/backfill", 202, {"partitions": ["../etc"]})
    plane.schedules.step()
    [fire] = plane.call("GET", f"{schedule}/fires", 200)["fires"]
    assert fire["state"] == "skipped"
    assert "allowed" in fire["reason"]
    assert plane.jobs() == []
    plane.close()


def test_one_schedules_trouble_stops_no_other(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, good = make(plane), make(plane, name="good")
    plane.pass_(hours=1)
    claim = Scheduler._start_due

    def look_after(self: Scheduler, schedule_id: str) -> None:
        if bad.endswith(schedule_id):
            raise RuntimeError("disk full")
        claim(self, schedule_id)

    monkeypatch.setattr(Scheduler, "_start_due", look_after)
    assert plane.schedules.step() == 2
    assert (fires(plane, bad), len(fires(plane, good))) == ([], 1)
    monkeypatch.undo()
    plane.schedules.step()
    assert len(fires(plane, bad)) == 1


def test_previews_and_pages(plane: Plane) -> None:
    ask = {"cron": "30 2 * * *", "timezone": "Europe/Berlin", "after": "2026-03-28T12:00:00Z", "count": 2}
    times = plane.call("POST", "schedules/preview", 200, ask)["times"]
    assert times == ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]
    for number in range(3):
        make(plane, name=f"s{number}", concurrency="allow")
    first = plane.call("GET", "schedules?limit=2", 200)
    second = plane.call("GET", f"schedules?limit=2&cursor={first['next']}", 200)
    assert [each["name"] for each in first["schedules"] + second["schedules"]] == ["s0", "s1", "s2"]
    assert second["next"] is None
    schedule = f"schedules/{first['schedules'][0]['id']}"
    for _ in range(3):
        plane.pass_(hours=1)
        plane.schedules.step()
    newest = plane.call("GET", f"{schedule}/fires?limit=2", 200)
    oldest = plane.call("GET", f"{schedule}/fires?limit=2&cursor={newest['next']}", 200)
    assert [fire["due_at"][11:13] for fire in newest["fires"] + oldest["fires"]] == ["15", "14", "13"]
    assert oldest["next"] is None


def test_the_calls_of_the_documentation_work(tmp_path: Path) -> None:
    plane = Plane(tmp_path, prometheus_url="http://127.0.0.1:9").begin()
    pages = [ROOT / "docs" / "how-to" / f"start-jobs-{how}.md" for how in ("by-triggers", "on-a-schedule")]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    calls = re.findall(r"post ((?:triggers|schedules|latency)[\w$/-]*)(?: '([^']*)')?", text)
    ids = {
        "schedules": make(plane, name="mine", overrides=PARTITIONED).rpartition("/")[2],
        "triggers": plane.call("POST", "triggers", 201, {"when": {"kind": "manual"}})["id"],
    }
    assert len(calls) > 15
    for path, body in calls:
        place = path.replace("$ID", ids[path.partition("/")[0]]) if "$" in path else path
        content = json.loads(body) if body else None
        answer = plane.http.post(f"/v1/models/ranker/{place}", json=content)
        assert answer.status_code < 300, (path, body, answer.text)
    plane.close()
