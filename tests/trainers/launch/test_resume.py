"""`winnow run` killed with everything it started in mid-search goes on under real Ray, and loses a worker there."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import yaml
from typer.testing import CliRunner

from tests.support.commands import Family
from trainers.cli import app
from trainers.launch.runner import run
from trainers.runs import measures_reader
from trainers.runs.coordinator import Snapshot
from trainers.runs.directory import RunDirectory, read_json
from trainers.runs.progress import RunState, Stage
from trainers.simulator import simulate
from trainers.spec import SpecError, load_spec
from trainers.training.checkpoint import read_history

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(1800)]

BATCH, EPOCHS, EVERY, ROWS = 64, 9, 40, 10_000
TOTAL = EPOCHS * -(-ROWS * 8 // 10 // (2 * BATCH))


@dataclass(frozen=True)
class Resumed:
    """A run that was killed and went on under Ray, and lost a worker there.

    `saved` is the gate history of the checkpoint it went on from.
    """

    directory: RunDirectory
    spec: Path
    exit_code: int
    saved: list[Snapshot]
    left_over: list[str]


@pytest.fixture(scope="module")
def resumed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Resumed]:
    folder = tmp_path_factory.mktemp("resume")
    spec, directory = small_spec(folder / "data"), RunDirectory(folder / "run")
    family = Family(folder / "log")
    try:
        driver = family.start(str(spec), "--output", str(directory.path), "--workers", "2")
        wait_for_step(EVERY, directory, driver, family.log)
        family.kill()
        driver.wait()
        assert not directory.prune_list.exists(), "killed too late: the run was over"
        step, saved = kept_history(directory)
        assert EVERY <= step < TOTAL
        driver = family.start("--resume", str(directory.path), ray_address="local")
        wait_for_step(step_of(directory) + EVERY, directory, driver, family.log)
        kill_a_worker(psutil.Process(driver.pid))
        exit_code = driver.wait(timeout=300)
        assert exit_code in (0, 3), family.log.read_text()
        yield Resumed(directory, spec, exit_code, saved, [process.name() for process in family.alive()])
    finally:
        family.kill()


def small_spec(folder: Path) -> Path:
    simulate(features=12, rows=ROWS, seed=3, output=folder)
    raw = yaml.safe_load((folder / "spec.yaml").read_text())
    raw["training"] = {"batch_size": BATCH, "epochs": EPOCHS, "report_every": 5, "checkpoint_every": EVERY}
    raw["finetune"] = {"epochs": 1}
    (folder / "spec.yaml").write_text(yaml.safe_dump(raw))
    return folder / "spec.yaml"


def wait_for_step(step: int, directory: RunDirectory, driver: subprocess.Popen[bytes], log: Path) -> None:
    """Until the search is past a step, and has a checkpoint."""
    deadline = time.monotonic() + 420
    while kept_checkpoint(directory) is None or step_of(directory) <= step:
        assert driver.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    progress = directory.read_progress()
    assert progress is not None
    assert progress.stage is Stage.SEARCHING, "the search was over before the kill; give it more epochs"


def kill_a_worker(driver: psutil.Process) -> None:
    """SIGKILL one training worker, as a machine that dies would."""
    running = driver.children(recursive=True)
    workers = [process for process in running if "RayTrainWorker" in " ".join(process.cmdline())]
    assert len(workers) == 2, running
    workers[0].kill()


def step_of(directory: RunDirectory) -> int:
    progress = directory.read_progress()
    return 0 if progress is None else progress.step


def kept_checkpoint(directory: RunDirectory) -> Path | None:
    """What a new process would go on from."""
    return max(directory.checkpoints.glob("step-*"), default=None)


def kept_history(directory: RunDirectory) -> tuple[int, list[Snapshot]]:
    path = kept_checkpoint(directory)
    assert path is not None
    return read_history(path)


def events_of(directory: RunDirectory, kind: str) -> list[dict[str, Any]]:
    events = [json.loads(line) for line in directory.events.read_text().splitlines()]
    return [event["data"] for event in events if event["kind"] == kind]


def test_a_killed_run_and_a_killed_worker_cost_nothing_but_time(
    resumed: Resumed,
) -> None:
    finished = resumed.directory.read_finished()
    assert finished.results.steps == TOTAL
    assert finished.results.attempts == 2
    assert all(feature.sparsity is not None for feature in finished.results.features)
    taken = list(measures_reader.read(resumed.directory.measures).steps)
    assert taken == sorted(set(taken))
    assert taken[-1] == TOTAL
    assert resumed.exit_code == (0 if finished.prune_list.guard.verdict == "passed" else 3)
    progress = resumed.directory.read_progress()
    assert progress is not None
    assert progress.state is RunState.SUCCEEDED
    assert [each["resume"] for each in events_of(resumed.directory, "started")] == [False, True]
    assert len(events_of(resumed.directory, "succeeded")) == 1


def test_what_was_measured_before_the_kill_is_not_measured_again(resumed: Resumed) -> None:
    """Wall times tell: steps taken again would give the same gates, but never the same seconds."""
    step, final = kept_history(resumed.directory)
    assert step == TOTAL
    assert 0 < len(resumed.saved) < len(final)
    for before, after in zip(resumed.saved, final, strict=False):
        assert (before.step, before.seconds, before.loss) == (after.step, after.seconds, after.loss)
        np.testing.assert_array_equal(before.gate_F, after.gate_F)


def test_a_run_that_ends_leaves_no_process(resumed: Resumed) -> None:
    assert resumed.left_over == []


def assert_same(found: RunDirectory, expected: RunDirectory) -> None:
    """To the last bit: what was learned, step by step, and what was decided."""
    for part in ("steps", "full", "pruned", "finetuned", "curve"):
        assert read_json(found.metrics)[part] == read_json(expected.metrics)[part], part
    assert read_json(found.prune_list)["features"] == read_json(expected.prune_list)["features"]
    assert measures_reader.read(found.measures).loss == measures_reader.read(expected.measures).loss


def test_it_ends_as_a_run_that_nothing_happened_to(
    resumed: Resumed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    spec = load_spec(resumed.spec)
    two = spec.model_copy(update={"scaling": spec.scaling.model_copy(update={"workers": 2})})
    assert_same(resumed.directory, run(two, tmp_path / "run").directory)


@pytest.mark.slow
def test_what_ray_began_goes_on_without_it_to_the_same_end(resumed: Resumed, tmp_path: Path) -> None:
    directory, family = RunDirectory(tmp_path / "run"), Family(tmp_path / "log")
    try:
        options = ("--output", str(directory.path), "--workers", "2")
        driver = family.start(str(resumed.spec), *options, ray_address="local")
        wait_for_step(EVERY, directory, driver, family.log)
        family.kill()
        driver.wait()
        exit_code = family.start("--resume", str(directory.path)).wait(timeout=300)
    finally:
        family.kill()
    assert exit_code == resumed.exit_code, family.log.read_text()
    assert_same(directory, resumed.directory)


def refuse_to_start(*_: Any, **__: Any) -> None:
    raise AssertionError("workers were started")


def test_resuming_a_finished_run_returns_its_list_at_once_and_starts_nothing(
    resumed: Resumed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainers.launch.runner.choose_launcher", refuse_to_start)
    before = {path: path.read_bytes() for path in (resumed.directory.prune_list, resumed.directory.events)}
    answer = CliRunner().invoke(app, ["run", "--resume", str(resumed.directory.path), "--json"])
    assert answer.exit_code == resumed.exit_code, answer.output
    assert json.loads(answer.stdout)["prune_list"] == json.loads(before[resumed.directory.prune_list])
    assert {path: path.read_bytes() for path in before} == before


def test_a_directory_that_holds_a_run_is_refused_without_resume(resumed: Resumed) -> None:
    with pytest.raises(SpecError, match="already holds a run; give --resume"):
        run(load_spec(resumed.spec), resumed.directory.path)


def test_resuming_with_another_spec_is_refused_with_the_remedy(
    resumed: Resumed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainers.launch.runner.choose_launcher", refuse_to_start)
    before = resumed.directory.spec.read_bytes()
    assert load_spec(resumed.spec).scaling.workers == 1
    answer = CliRunner().invoke(app, ["run", str(resumed.spec), "--output", str(resumed.directory.path), "--resume"])
    assert answer.exit_code == 2, answer.output
    assert "holds a run of another spec; resume with its own spec.json, or give another directory" in answer.stderr
    assert resumed.directory.spec.read_bytes() == before
