"""The documents behind the views: a run's measures over time, the heat map of its gates, and its results."""

from __future__ import annotations

import base64
import gzip
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from service.api.response_cache import KEPT, ResponseCache
from service.core.job_state import JobState
from service.jobs.attempts import directory_of
from service.store import jobs
from tests.support.automatic import Plane, on_sqlite, sqlite_plane  # noqa: F401 (fixtures)
from tests.support.finished_run import finished_run
from tests.support.serving import Home
from trainers.runs import grid, measures_reader
from trainers.runs.convergence import entropy
from trainers.runs.coordinator import Coordinator, Report, Snapshot
from trainers.runs.directory import RunDirectory
from trainers.runs.history import FACTOR, ROWS, GateHistory

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
NAMES = ("user_id", "âge", "noise")


def snapshot(number: int, gates: list[float], **fields: Any) -> Snapshot:
    """The snapshot after `number` reports of 50 steps."""
    gate_F = np.array(gates, np.float32)
    found: dict[str, Any] = {"loss": 0.5, "held_out_loss": 0.6, "penalty": 0.1, "rows": 100, "seconds": 2.0} | fields
    return Snapshot(step=50 * number, steps=50, gate_F=gate_F, **found)


def written(path: Path, snapshots: list[Snapshot], attempt: int = 0) -> GateHistory:
    history = GateHistory(path, NAMES[: len(snapshots[0].gate_F)])
    history.extend(attempt, 0, snapshots)
    history.flush()
    return history


def ramp(count: int) -> list[Snapshot]:
    """Gates that rise from 0 to 1, fall from 1 to 0, and stay at 0.5; the loss is the snapshot's number."""
    up = [place / max(1, count - 1) for place in range(count)]
    return [snapshot(place + 1, [up[place], 1 - up[place], 0.5], loss=float(place + 1)) for place in range(count)]


def measures_of(path: Path, **span: int) -> dict[str, Any]:
    return measures_reader.read(path, **span).document()


def grid_of(path: Path, **span: int) -> dict[str, Any]:
    return grid.read(path, **span).document()


def cells(document: dict[str, Any]) -> Any:
    flat = np.frombuffer(base64.b64decode(document["cells"]), np.uint8)
    return flat.reshape(len(document["features"]), len(document["steps"]))


# --- measures ---


def test_measures_are_those_of_the_snapshots(tmp_path: Path) -> None:
    written(
        tmp_path,
        [
            snapshot(1, [0.05, 0.5, 0.95], loss=0.7, rows=300, seconds=1.5, held_out_auc=0.75),
            snapshot(2, [0.0, 0.25, 1.0], loss=0.6, held_out_loss=0.0, seconds=0.5, penalty=0.3),
        ],
    )
    found = measures_of(tmp_path / "measures.arrow")
    third = 1 / 3
    assert found == {
        "every": 1,
        "steps": [50, 100],
        "seconds": [1.5, 2.0],
        "loss": [0.7, 0.6],
        "held_out_loss": [0.6, None],
        "held_out_auc": [0.75, None],
        "penalty": [0.1, 0.3],
        "low": [pytest.approx(third)] * 2,
        "middle": [pytest.approx(third)] * 2,
        "high": [pytest.approx(third)] * 2,
        "spread": [pytest.approx(0.3), pytest.approx((5 / 12 + 2 / 12 + 7 / 12) / 3)],
        # H(0.05) = H(0.95) = 0.2864 bits, H(0.25) = 0.8113.
        "entropy": [pytest.approx((2 * 0.28639696 + 1) / 3), pytest.approx(0.81127812 / 3)],
        "crossing_share": [0.0, 0.0],
        "undecided": [0.0, 0.0],
        "rows_per_second": [200.0, 200.0],
        "seed_number": [1.0, 1.0],
    }


def test_entropy_is_one_bit_in_the_middle_and_none_at_the_ends() -> None:
    assert entropy(np.array([0.5])) == 1.0
    assert entropy(np.array([0.0, 1.0], np.float32)) == 0.0
    assert np.isnan(entropy(np.array([0.5, np.nan])))


def test_undecided_gates_crossed_within_ten_snapshots(tmp_path: Path) -> None:
    written(tmp_path, [snapshot(1, [0.4, 0.9]), *[snapshot(number, [0.6, 0.9]) for number in range(2, 13)]])
    found = measures_of(tmp_path / "measures.arrow")
    assert found["crossing_share"] == found["undecided"] == [0.0, *[0.5] * 9, 0.0, 0.0]


def test_thinned_measures_are_means_of_neighbours_up_to_the_newest(tmp_path: Path) -> None:
    snapshots = [snapshot(place, [0.5], loss=float(place), seconds=1.0) for place in range(1, 8)]
    snapshots[1].held_out_auc, snapshots[2].held_out_auc = 0.7, 0.8
    written(tmp_path, snapshots)
    found = measures_of(tmp_path / "measures.arrow", points=3)
    assert (found["every"], found["steps"], found["seconds"]) == (3, [150, 300, 350], [3.0, 6.0, 7.0])
    assert found["loss"] == [2.0, 5.0, 7.0]
    assert found["held_out_auc"] == [pytest.approx(0.75), None, None]
    later = measures_of(tmp_path / "measures.arrow", after_step=100, points=3)
    assert (later["steps"], later["loss"]) == ([200, 300, 350], [3.5, 5.5, 7.0])
    assert measures_of(tmp_path / "measures.arrow", after_step=149)["steps"][0] == 150
    assert measures_of(tmp_path / "measures.arrow", after_step=350)["loss"] == []


def test_an_attempt_that_begins_anew_leaves_no_measure_of_the_steps_it_repeats(tmp_path: Path) -> None:
    coordinator, history = Coordinator(NAMES[:1]), GateHistory(tmp_path, NAMES[:1])

    def run(attempt: int, steps: range) -> None:
        for step in steps:
            gate_F = np.full(1, 0.5, np.float32)
            loss = attempt + step / 100
            coordinator.report(Report(attempt, 0, step, 1, gate_F, loss, 0.0, 0.0, 1, 1.0))
        history.extend(*coordinator.since(history.attempt, history.count))
        history.flush()

    coordinator.begin(0, 1, 0)
    run(0, range(1, 21))
    coordinator.begin(1, 1, 15)
    run(1, range(16, 19))
    found = measures_of(tmp_path / "measures.arrow")
    assert found["steps"] == list(range(1, 19))
    assert found["loss"][13:17] == pytest.approx([0.14, 0.15, 1.16, 1.17])
    assert found["seconds"] == list(range(1, 19))
    # A new driver goes on with what the checkpoint saved.
    second = GateHistory(tmp_path, NAMES[:1])
    second.extend(0, 0, coordinator.snapshots[:16])
    second.flush()
    assert measures_of(tmp_path / "measures.arrow")["steps"] == list(range(1, 17))


# --- grid ---


def test_cells_are_gates_in_bytes_a_row_a_feature(tmp_path: Path) -> None:
    gates = [[0.0, 1.0, 0.5], [0.1, 0.999, np.nan], [-0.1, 1.1, np.nan]]
    written(tmp_path, [snapshot(number + 1, row) for number, row in enumerate(gates)])
    found = grid_of(tmp_path)
    assert (found["features"], found["steps"], found["every"]) == (list(NAMES), [50, 100, 150], 1)
    assert cells(found).tolist() == [[0, 25, 0], [254, 254, 254], [127, 255, 255]]
    assert found["final"] == [pytest.approx(-0.1), pytest.approx(1.1), None]


def test_a_column_is_the_mean_over_its_snapshots(tmp_path: Path) -> None:
    count = 2 * ROWS * FACTOR
    written(tmp_path, ramp(count))
    found = grid_of(tmp_path, columns=64)
    assert (found["every"], len(found["steps"]), found["steps"][-1]) == (32, 64, 50 * count)
    up, down, still = cells(found).astype(float)
    middles = (np.arange(64) * 32 + 15.5) / (count - 1)
    np.testing.assert_allclose(up / 254, middles, atol=0.5 / 254 + 1e-6)
    np.testing.assert_allclose(up + down, 254, atol=1)
    assert set(still) == {127}
    assert found["final"] == [1.0, 0.0, 0.5]


def test_a_narrower_span_shows_finer_columns(tmp_path: Path) -> None:
    count = 5000
    written(tmp_path, ramp(count))
    whole = grid_of(tmp_path, columns=100)
    wide = grid_of(tmp_path, columns=100, from_step=50 * 1001, to_step=50 * 2000)
    narrow = grid_of(tmp_path, columns=100, from_step=50 * 1201, to_step=50 * 1300)
    assert whole["every"] > wide["every"] > narrow["every"] == 1
    assert narrow["steps"] == [50 * place for place in range(1201, 1301)]
    np.testing.assert_allclose(cells(narrow)[0] / 254, np.arange(1200, 1300) / (count - 1), atol=0.5 / 254 + 1e-6)
    assert wide["steps"][0] >= 50 * 1001
    assert wide["steps"][-1] == 50 * 2000
    assert all(each["final"] == whole["final"] for each in (wide, narrow))
    between = grid_of(tmp_path, from_step=50 * 1201 + 1, to_step=50 * 1202 - 1)
    assert (between["steps"], between["cells"], between["features"]) == ([], "", list(NAMES))
    assert grid_of(tmp_path, from_step=50 * count + 1)["steps"] == []
    assert grid_of(tmp_path, from_step=500, to_step=400)["steps"] == []
    assert grid_of(tmp_path, from_step=50 * count)["steps"] == [50 * count]


def test_only_the_files_of_the_span_are_read(tmp_path: Path) -> None:
    written(tmp_path, ramp(4 * ROWS))
    (tmp_path / "0" / "000000.arrow").rename(tmp_path / "first")
    (tmp_path / "0" / "000000.arrow").write_bytes((tmp_path / "0" / "000002.arrow").read_bytes())
    found = grid_of(tmp_path, columns=ROWS, from_step=50 * (3 * ROWS + 1))
    assert (found["steps"][0], len(found["steps"])) == (50 * (3 * ROWS + 1), ROWS)


def test_no_more_cells_than_are_bearable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, ramp(100))
    monkeypatch.setattr(grid, "MAX_CELLS", 60)
    found = grid_of(tmp_path, columns=10_000)
    assert (len(found["steps"]), found["every"]) == (20, 5)


@pytest.mark.parametrize("folder", ["none", "empty", "half"])
def test_before_the_first_snapshot_all_is_empty(folder: str, tmp_path: Path) -> None:
    if folder != "none":
        (tmp_path / folder / ("0" if folder == "half" else "")).mkdir(parents=True)
    assert grid_of(tmp_path / folder) == {"features": [], "steps": [], "every": 1, "final": [], "cells": ""}
    found = measures_of(tmp_path / folder / "measures.arrow")
    assert (found.pop("every"), found.keys() >= {"steps", "loss"}) == (1, True)
    assert all(column == [] for column in found.values())


# --- what is worked out once ---


def test_who_asks_for_what_is_being_worked_out_waits_for_it() -> None:
    cache, calls, together = ResponseCache(), [], threading.Barrier(8)

    def make() -> dict[str, int]:
        calls.append(1)
        threading.Event().wait(0.2)
        return {"a": 1}

    def ask(_: int) -> bytes:
        together.wait()
        return cache.get("key", make).plain

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {b'{"a":1}'}
    assert len(calls) == 1


def test_a_failure_is_told_and_not_kept() -> None:
    cache = ResponseCache()

    def fail() -> dict[str, int]:
        raise OSError("gone")

    for _ in range(2):
        with pytest.raises(OSError, match="gone"):
            cache.get("key", fail)
    assert cache.get("key", lambda: {"b": 2}).plain == b'{"b":2}'


def test_the_oldest_answers_are_forgotten() -> None:
    cache, made = ResponseCache(), []

    def ask(key: int) -> None:
        cache.get(str(key), lambda: made.append(key) or {})

    for key in [0, *range(1, KEPT), 0, KEPT, 0, 1]:
        ask(key)
    assert made == [0, *range(1, KEPT), KEPT, 1]


# --- over HTTP ---


def job_with(plane: Plane, state: JobState | None = None) -> tuple[str, RunDirectory]:
    job_id = plane.call("POST", "jobs", 202, {})["id"]
    if state is not None:
        plane.end(job_id, state)
    with plane.sessions.begin() as session:
        job = jobs.find(session, job_id)
        assert job is not None
        job.attempt = 1
        return job_id, directory_of(plane.settings, job)


def test_the_grid_over_http(plane: Plane) -> None:
    job_id, directory = job_with(plane)
    path = f"/v1/jobs/{job_id}/gates/grid"
    assert plane.call("GET", path, 200) == {"features": [], "steps": [], "every": 1, "final": [], "cells": ""}
    written(directory.history, ramp(400))
    assert plane.call("GET", path, 200) == grid_of(directory.history)
    assert len(plane.call("GET", f"{path}?columns=10", 200)["steps"]) == 10
    assert plane.call("GET", f"{path}?from_step=100&to_step=200", 200)["steps"] == [100, 150, 200]
    assert plane.call("GET", f"{path}?to_step={2**53}", 200)["steps"][-1] == 20_000
    for query in ("columns=0", "columns=10001", "from_step=-1", f"to_step={2**60}", "from_step=x"):
        plane.call("GET", f"{path}?{query}", 422)
    plane.call("GET", "/v1/jobs/nobody/gates/grid", 404)


def test_measures_over_http(plane: Plane) -> None:
    job_id, directory = job_with(plane)
    path = f"/v1/jobs/{job_id}/measures"
    assert plane.call("GET", path, 200)["steps"] == []
    written(directory.history, ramp(400))
    assert plane.call("GET", path, 200) == measures_of(directory.measures)
    found = plane.call("GET", f"{path}?after_step=10000&points=10", 200)
    assert (found["every"], found["steps"][0], found["steps"][-1]) == (20, 11_000, 20_000)
    for query in ("points=0", "points=10001", "after_step=-1"):
        plane.call("GET", f"{path}?{query}", 422)


@pytest.mark.parametrize("part", ["gates/grid", "measures"])
def test_who_has_the_newest_is_told_so(plane: Plane, part: str) -> None:
    job_id, directory = job_with(plane)
    path = f"/v1/jobs/{job_id}/{part}"
    history = written(directory.history, ramp(300))

    def ask(query: str = "", **headers: str) -> httpx.Response:
        answer: Any = plane.http.get(path + query, headers={"Accept-Encoding": "identity", **headers})
        return answer  # type: ignore[no-any-return]

    first = ask()
    tag = first.headers["ETag"]
    assert (first.status_code, tag[0], first.headers["Vary"]) == (200, '"', "Accept-Encoding")
    again = ask(**{"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert ask("?to_step=1000&after_step=1000", **{"If-None-Match": tag}).status_code == 200
    packed = ask(**{"Accept-Encoding": "gzip", "If-None-Match": tag})
    assert (packed.status_code, packed.headers["Content-Encoding"]) == (200, "gzip")
    assert packed.headers["ETag"] != tag
    assert packed.json() == first.json()
    history.extend(0, 300, [snapshot(301, [0.5, 0.5, 0.5])])
    history.flush()
    changed = ask(**{"If-None-Match": tag})
    assert (changed.status_code, changed.json()["steps"][-1]) == (200, 50 * 301)
    history.extend(1, 0, ramp(2))
    history.flush()
    assert ask(**{"If-None-Match": changed.headers["ETag"]}).json()["steps"] == [50, 100]


def test_results_are_there_when_the_job_has_succeeded(plane: Plane) -> None:
    job_id, directory = job_with(plane)
    path = f"/v1/jobs/{job_id}/results"
    finished_run(directory.path)
    waiting = plane.call("GET", path, 404)
    assert waiting["type"] == "urn:winnow:no-results"
    assert "is queued; its results are there when it has succeeded" in waiting["detail"]
    plane.end(job_id, JobState.SUCCEEDED)
    found = plane.call("GET", path, 200)
    assert found == json.loads(directory.metrics.read_text())
    assert [each["name"] for each in found["features"]] == ["clicks", "user_id", "weekday", "noise_1", "noise_2"]
    directory.metrics.unlink()
    assert "were deleted with its run directory" in plane.call("GET", path, 404)["detail"]


def test_results_of_a_failed_job_are_none(plane: Plane) -> None:
    job_id, _ = job_with(plane, JobState.CANCELLED)
    assert "only a job that succeeded has results" in plane.call("GET", f"/v1/jobs/{job_id}/results", 404)["detail"]


def test_a_real_service_sends_it_packed_and_then_not_at_all(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with home.in_thread(), httpx.Client(base_url=home.url, trust_env=False) as http:
        spec = {
            "name": "watched",
            "dataset": {"train": "/data/a", "validation": "/data/b", "test": "/data/c", "label": "label"},
            "features": [{"name": "age", "kind": "dense"}],
        }
        job_id = http.post("/v1/jobs", json=spec).json()["id"]
        directory = RunDirectory(tmp_path / "runs" / job_id / "attempt-1")
        directory.path.mkdir(parents=True, exist_ok=True)
        while http.get(f"/v1/jobs/{job_id}").json()["attempt"] == 0:
            pass
        written(directory.history, ramp(300))
        path = f"/v1/jobs/{job_id}/gates/grid"
        with http.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as answer:
            sent = b"".join(answer.iter_raw())
        assert answer.headers["Content-Length"] == str(len(sent))
        assert json.loads(gzip.decompress(sent)) == grid_of(directory.history)
        known = {"If-None-Match": answer.headers["ETag"], "Accept-Encoding": "gzip"}
        assert http.get(path, headers=known).status_code == 304
