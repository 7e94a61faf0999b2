"""`winnow run` on real Ray: losing a worker, or killed with everything it started in mid-search, it goes on."""

from __future__ import annotations

import json
import shutil
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

BATCH, EPOCHS, EVERY, ROWS = 64, 10, 20, 5_000
TOTAL = EPOCHS * -(-ROWS * 8 // 10 // (2 * BATCH))


@dataclass(frozen=True)
class Resumed:
    """A run that lost a worker and went on; `saved` is the gate history of its newest checkpoint before the loss."""

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
        driver = start(family, spec, directory)
        saved = kill_a_worker(psutil.Process(driver.pid), directory)
        exit_code = driver.wait(timeout=420)
        assert exit_code in (0, 3), family.log.read_text()
        yield Resumed(directory, spec, exit_code, saved, [process.name() for process in family.alive()])
    finally:
        family.kill()


def start(family: Family, spec: Path, directory: RunDirectory) -> subprocess.Popen[bytes]:
    """A run of two workers on a Ray of its own, once it is past its first checkpoint."""
    driver = family.start(str(spec), "--output", str(directory.path), "--workers", "2", ray_address="local")
    wait_for_step(EVERY, directory, driver, family.log)
    return driver


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


def kill_a_worker(driver: psutil.Process, directory: RunDirectory) -> list[Snapshot]:
    """SIGKILL one training worker, as a machine that dies would; the history of the newest checkpoint then."""
    running = driver.children(recursive=True)
    workers = [process for process in running if "RayTrainWorker" in " ".join(process.cmdline())]
    assert len(workers) == 2, running
    for process in workers:
        process.suspend()  # no checkpoint takes another's place while it is read
    step, saved = kept_history(directory)
    assert EVERY <= step < TOTAL
    workers[0].kill()
    workers[1].resume()
    return saved


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


def test_a_killed_worker_costs_nothing_but_time(resumed: Resumed) -> None:
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
    assert len(events_of(resumed.directory, "started")) == len(events_of(resumed.directory, "succeeded")) == 1


def test_what_was_measured_before_the_kill_is_not_measured_again(resumed: Resumed) -> None:
    """Wall times tell: steps taken again would give the same gates, but never the same seconds."""
    step, final = kept_history(resumed.directory)
    assert step == TOTAL
    assert_goes_on(resumed.saved, final)


def assert_goes_on(saved: list[Snapshot], final: list[Snapshot]) -> None:
    assert 0 < len(saved) < len(final)
    for before, after in zip(saved, final, strict=False):
        assert (before.step, before.seconds, before.loss) == (after.step, after.seconds, after.loss)
        np.testing.assert_array_equal(before.gate_F, after.gate_F)


def test_a_run_that_ends_leaves_no_process(resumed: Resumed) -> None:
    assert resumed.left_over == []


@pytest.mark.slow
def test_a_run_killed_with_all_it_started_goes_on_with_ray_and_without_to_the_same_end(
    resumed: Resumed, tmp_path: Path
) -> None:
    """A killed driver of workers of its own goes on in test_local_launcher.py."""
    family, found, other = Family(tmp_path / "log"), RunDirectory(tmp_path / "run"), tmp_path / "other"
    try:
        driver = start(family, resumed.spec, found)
        family.kill()
        driver.wait()
        assert not found.prune_list.exists(), "killed too late: the run was over"
        _, saved = kept_history(found)
        shutil.copytree(found.path, other)
        for path, ray_address in ((found.path, "local"), (other, None)):
            exit_code = family.start("--resume", str(path), ray_address=ray_address).wait(timeout=420)
            assert exit_code == resumed.exit_code, family.log.read_text()
    finally:
        family.kill()
    assert [each["resume"] for each in events_of(found, "started")] == [False, True]
    assert_goes_on(saved, kept_history(found)[1])
    for run_directory in (found, RunDirectory(other)):
        assert_same(run_directory, resumed.directory)


def assert_same(found: RunDirectory, expected: RunDirectory) -> None:
    for part in ("steps", "full", "pruned", "finetuned"):
        assert read_json(found.metrics)[part] == read_json(expected.metrics)[part]
    assert read_json(found.prune_list)["features"] == read_json(expected.prune_list)["features"]


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
