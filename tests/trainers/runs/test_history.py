"""The history of gates: written in levels as it grows, read in part."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from service.jobs import gate_history
from service.jobs.attempts import directory_of
from service.jobs.gate_history import UnknownFeatureError, as_json, read
from service.store import jobs
from tests.support.automatic import Plane, on_sqlite, sqlite_plane  # noqa: F401 (fixtures)
from trainers.runs import measures_reader
from trainers.runs.coordinator import Coordinator, Report, Snapshot
from trainers.runs.directory import MEASURES
from trainers.runs.history import FACTOR, ROWS, GateHistory
from trainers.runs.history_reader import open_levels

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
NAMES = ("user_id", "âge", "noise")


def snapshots(count: int, features: int = len(NAMES), begin: int = 0) -> list[Snapshot]:
    """Gate f of snapshot t is t + f/10; divergences are their negatives."""
    made = []
    for place in range(begin, begin + count):
        gate_F = np.float32(place) + np.arange(features, dtype=np.float32) / 10
        made.append(Snapshot(50 * (place + 1), 50, gate_F, 0.0, 0.0, 0.0, 0, 0.0, details={"divergence": -gate_F}))
    return made


def written(path: Path, count: int) -> GateHistory:
    history = GateHistory(path, NAMES)
    history.extend(0, 0, snapshots(count))
    history.flush()
    return history


@pytest.mark.parametrize("count", [1, 5, ROWS - 1, ROWS, ROWS + 1, 3 * ROWS + 7])
def test_all_of_it_comes_back(tmp_path: Path, count: int) -> None:
    written(tmp_path / "h", count)
    found = read(tmp_path / "h", [], None, 10_000)
    assert found.features == list(NAMES)
    assert found.steps == [50 * (place + 1) for place in range(count)]
    assert found.every == 1
    expected_T = np.arange(count)
    np.testing.assert_allclose(found.gate_FT[2], expected_T + 0.2, rtol=1e-6)
    np.testing.assert_allclose(found.details["divergence"], -found.gate_FT)


def test_a_selector_without_details_has_a_column_for_its_scores_alone(tmp_path: Path) -> None:
    history = GateHistory(tmp_path / "h", NAMES)
    history.extend(0, 0, [replace(snapshot, details={}) for snapshot in snapshots(3)])
    history.flush()
    found = read(tmp_path / "h", [], None, 10)
    assert (found.gate_FT.shape, found.details) == ((3, 3), {})
    assert json.loads(as_json(found))["details"] == {}


def test_growing_in_any_portions_leaves_the_same_files(tmp_path: Path) -> None:
    count = 2 * ROWS * FACTOR + 3
    written(tmp_path / "at-once", count)
    history, taken = GateHistory(tmp_path / "grown", NAMES), 0
    for portion in (1, 200, 0, ROWS, 1000, count):
        portion_of = snapshots(min(portion, count - taken), begin=taken)
        history.extend(0, taken, portion_of)
        history.flush()
        taken += len(portion_of)
    files = sorted(path.relative_to(tmp_path / "grown") for path in (tmp_path / "grown").rglob("*.arrow"))
    assert files == sorted(path.relative_to(tmp_path / "at-once") for path in (tmp_path / "at-once").rglob("*.arrow"))
    assert not list(tmp_path.rglob("*.tmp"))
    for file in files:
        assert (tmp_path / "grown" / file).read_bytes() == (tmp_path / "at-once" / file).read_bytes()


def test_an_overview_is_of_means_up_to_the_newest(tmp_path: Path) -> None:
    count = 5000
    written(tmp_path / "h", count)
    found = read(tmp_path / "h", ["âge"], None, 100)
    assert 50 <= len(found.steps) <= 100
    assert (found.gate_FT.shape, found.steps[-1]) == ((1, len(found.steps)), 50 * count)
    ends = np.array(found.steps) // 50
    begins = np.concatenate([[0], ends[:-1]])
    expected = [np.mean(np.arange(begin, end)) + 0.1 for begin, end in zip(begins, ends, strict=True)]
    # The newest point may be the mean of points that are themselves of fewer snapshots.
    np.testing.assert_allclose(found.gate_FT[0][:-1], expected[:-1], rtol=1e-5)
    assert expected[-1] - found.every <= found.gate_FT[0][-1] <= count
    assert set(np.diff(ends)[:-1]) == {found.every}


def test_the_end_alone_is_read_from_the_newest_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "h", 4 * ROWS)
    (tmp_path / "h" / "0" / "000001.arrow").write_bytes(b"unreadable")
    found = read(tmp_path / "h", [], ROWS + 3, 10_000)
    assert (found.steps[0], len(found.steps)) == (50 * (3 * ROWS - 2), ROWS + 3)
    monkeypatch.setattr(gate_history, "MAX_CELLS", 30)
    assert len(read(tmp_path / "h", [], ROWS, 10_000).steps) <= 10


def test_unknown_features_are_named(tmp_path: Path) -> None:
    written(tmp_path / "h", 3)
    assert read(tmp_path / "h", ["noise", "user_id"], None, 10).gate_FT[:, 0].tolist() == [pytest.approx(0.2), 0.0]
    with pytest.raises(UnknownFeatureError, match="nobody"):
        read(tmp_path / "h", ["noise", "nobody"], None, 10)


def test_a_history_that_is_begun_anew_has_nothing_of_the_old(tmp_path: Path) -> None:
    history = written(tmp_path / "h", 3 * ROWS)
    history.extend(1, 0, snapshots(5))
    history.flush()
    assert len(read(tmp_path / "h", [], None, 10_000).steps) == 5
    history.extend(1, 5, [])
    assert history.count == 5


def test_the_coordinator_hands_over_what_is_new_and_all_after_a_restart(tmp_path: Path) -> None:
    coordinator, history = Coordinator(NAMES), GateHistory(tmp_path / "h", NAMES)

    def run(attempt: int, steps: range) -> None:
        for step in steps:
            gate_F = np.full(3, attempt + step / 100, np.float32)
            coordinator.report(
                Report(attempt, 0, step, 1, gate_F, 0.0, 0.0, 0.0, 1, 1.0, details={"divergence": gate_F})
            )
        history.extend(*coordinator.since(history.attempt, history.count))
        history.flush()

    coordinator.begin(0, 1, 0)
    run(0, range(1, 11))
    run(0, range(11, 21))
    assert history.count == 20
    coordinator.begin(1, 1, 15)
    run(1, range(16, 19))
    found = read(tmp_path / "h", ["noise"], None, 100)
    assert found.steps == list(range(1, 19))
    np.testing.assert_allclose(found.gate_FT[0][13:16], [0.14, 0.15, 1.16], rtol=1e-6)
    assert coordinator.since(1, 18) == (1, 18, [])
    assert coordinator.since(1, 19)[1] == 0


def test_json_has_what_is_no_number_as_null(tmp_path: Path) -> None:
    history = GateHistory(tmp_path / "h", NAMES)
    gate_F = np.array([1e-9, np.nan, np.inf], np.float32)
    history.extend(0, 0, [Snapshot(50, 50, gate_F, 0.0, 0.0, 0.0, 0, 0.0, details={"divergence": gate_F})])
    history.flush()
    found = json.loads(as_json(read(tmp_path / "h", [], None, 10)))
    assert found["gates"] == [[pytest.approx(1e-9), None, None]]


def test_gates_over_http(plane: Plane) -> None:
    job_id = plane.call("POST", "jobs", 202, {})["id"]
    path = f"/v1/jobs/{job_id}/gates"
    empty = {"features": [], "steps": [], "every": 1, "gates": [], "details": {}, "divergences": []}
    assert plane.call("GET", path, 200) == empty
    with plane.sessions.begin() as session:
        job = jobs.find(session, job_id)
        assert job is not None
        job.attempt = 1
        directory = directory_of(plane.settings, job)
    written(directory.history, 40)
    found = plane.call("GET", f"{path}?feature=%C3%A2ge&feature=user_id&last=2", 200)
    assert (found["features"], found["steps"]) == (["âge", "user_id"], [1950, 2000])
    assert found["gates"] == [[pytest.approx(38.1), 38.0], [pytest.approx(39.1), 39.0]]
    assert found["details"]["divergence"][1] == found["divergences"][1] == [pytest.approx(-39.1), -39.0]
    thin = plane.call("GET", f"{path}?points=10", 200)
    assert (len(thin["steps"]), thin["every"]) == (10, 4)
    assert plane.call("GET", f"{path}?feature=nobody", 404)["type"] == "urn:winnow:feature-not-found"
    for query in ("points=0", "points=10001", "last=0", f"last={2**60}", "feature=%00"):
        plane.call("GET", f"{path}?{query}", 422)
    assert plane.call("GET", f"{path}?last={2**53}", 200)["steps"][0] == 50


def of_two_seeds() -> list[Snapshot]:
    """150 snapshots of a seed whose gates are all open, then 152 of one whose gates are closed."""
    made = snapshots(302)
    for place, snapshot in enumerate(made):
        snapshot.seed_number = 1 if place < 150 else 2
        snapshot.gate_F = np.full(len(NAMES), 0.9 if place < 150 else 0.1, np.float32)
    return made


def test_no_point_is_of_two_seeds(tmp_path: Path) -> None:
    """Points are of four snapshots: 37 and a half of one seed, 38 of the other."""
    history = GateHistory(tmp_path / "h", NAMES)
    history.extend(0, 0, of_two_seeds())
    history.flush()
    level = open_levels(tmp_path / "h")[1]
    steps, (gate_FT,) = level.read(range(level.points), ["gate"])
    assert steps == [*range(200, 7401, 200), 7500, *range(7700, 15101, 200)]
    np.testing.assert_array_equal(gate_FT[0], np.float32([0.9] * 38 + [0.1] * 38))


def test_the_jump_to_another_seed_is_no_crossing_and_is_marked(tmp_path: Path) -> None:
    history = GateHistory(tmp_path / "h", NAMES)
    history.extend(0, 0, of_two_seeds())
    history.flush()
    found = measures_reader.read(tmp_path / "h" / MEASURES, points=1000)
    assert found.seed_number == (1.0,) * 150 + (2.0,) * 152
    assert set(found.crossing_share) == {0.0}
    thinned = measures_reader.read(tmp_path / "h" / MEASURES, points=100)
    assert set(thinned.seed_number) == {1.0, 2.0}
    assert measures_reader.read(tmp_path / "none").seed_number == ()


def test_measures_of_the_version_before_are_of_one_seed(tmp_path: Path) -> None:
    written(tmp_path / "h", 3)
    path = tmp_path / "h" / MEASURES
    table = pa.ipc.open_file(path).read_all().drop_columns(["seed_number"])
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    assert measures_reader.read(path).seed_number == (1.0, 1.0, 1.0)
