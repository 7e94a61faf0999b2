"""`winnow run` on real Ray: killed with everything it started in mid-search, it goes on from its checkpoint."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import psutil
import pytest
import yaml
from typer.testing import CliRunner

from trainers.cli import app
from trainers.runs import measures_reader
from trainers.runs.coordinator import Snapshot
from trainers.runs.directory import RunDirectory, read_json
from trainers.runs.progress import RunState, Stage
from trainers.simulator import simulate
from trainers.spec import load_spec
from trainers.training.checkpoint import read_history

pytestmark = pytest.mark.filterwarnings("ignore")

WINNOW = str(Path(sys.executable).with_name("winnow"))
MARK = "WINNOW_TEST_FAMILY"
BATCH, EPOCHS, EVERY, ROWS = 64, 12, 40, 10_000
TOTAL = EPOCHS * -(-ROWS * 8 // 10 // (2 * BATCH))


@dataclass
class Family:
    """`winnow` commands and all that they start, told from other processes by a mark in their environment.

    A process group isn't enough: Ray's daemons and workers have groups of their own.
    """

    log: Path
    mark: str = field(default_factory=lambda: uuid4().hex)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [WINNOW, "run", *arguments, "--quiet"],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**environment, MARK: self.mark},
            )

    def alive(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def kill(self) -> None:
        """SIGKILL all at once, again until none is left: one may be starting another."""
        deadline = time.monotonic() + 30
        while left := self.alive():
            assert time.monotonic() < deadline, left
            for process in left:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            time.sleep(0.1)


@dataclass(frozen=True)
class Resumed:
    """A run that was killed and went on; `saved` is the gate history of the checkpoint it went on from."""

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
        wait_for_checkpoint(directory, driver, family.log)
        family.kill()
        driver.wait()
        assert not directory.prune_list.exists(), "killed too late: the run was over"
        step, saved = kept_history(directory)
        assert EVERY <= step < TOTAL
        driver = family.start("--resume", str(directory.path))
        exit_code = driver.wait(timeout=300)
        assert exit_code in (0, 3), family.log.read_text()
        yield Resumed(directory, spec, exit_code, saved, [process.name() for process in family.alive()])
    finally:
        family.kill()


def small_spec(folder: Path) -> Path:
    simulate(features=12, rows=ROWS, seed=3, output=folder)
    raw = yaml.safe_load((folder / "spec.yaml").read_text())
    raw["training"] = {"batch_size": BATCH, "epochs": EPOCHS, "report_every": 5, "checkpoint_every": EVERY}
    (folder / "spec.yaml").write_text(yaml.safe_dump(raw))
    return folder / "spec.yaml"


def wait_for_checkpoint(directory: RunDirectory, driver: subprocess.Popen[bytes], log: Path) -> None:
    """Until the search is past a checkpoint that Ray has taken up, which it does some seconds after it is written."""
    deadline = time.monotonic() + 240
    while kept_checkpoint(directory) is None or step_of(directory) <= EVERY:
        assert driver.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    progress = directory.read_progress()
    assert progress is not None
    assert progress.stage is Stage.SEARCHING, "the search was over before the kill; give it more epochs"


def step_of(directory: RunDirectory) -> int:
    progress = directory.read_progress()
    return 0 if progress is None else progress.step


def kept_checkpoint(directory: RunDirectory) -> Path | None:
    """What a new process would go on from, as Ray notes it; a directory that isn't noted doesn't count."""
    for note in directory.checkpoints.rglob("checkpoint_manager_snapshot.json"):
        with contextlib.suppress(json.JSONDecodeError):  # met while it is being written
            latest = read_json(note)["latest_checkpoint_result"]
            if latest:
                return note.parent / str(latest["checkpoint_dir_name"])
    return None


def kept_history(directory: RunDirectory) -> tuple[int, list[Snapshot]]:
    path = kept_checkpoint(directory)
    assert path is not None
    return read_history(path)


def events_of(directory: RunDirectory, kind: str) -> list[dict[str, Any]]:
    events = [json.loads(line) for line in directory.events.read_text().splitlines()]
    return [event["data"] for event in events if event["kind"] == kind]


def test_a_killed_run_goes_on_from_its_checkpoint_and_counts_every_step_once(resumed: Resumed) -> None:
    finished = resumed.directory.read_finished()
    assert finished.results.steps == TOTAL
    taken = list(measures_reader.read(resumed.directory.measures).steps)
    assert taken == sorted(set(taken))
    assert taken[-1] == TOTAL
    assert resumed.exit_code == (0 if finished.prune_list.guard.passed else 3)
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


def refuse_to_start(*_: Any, **__: Any) -> None:
    raise AssertionError("Ray was started")


def test_resuming_a_finished_run_returns_its_list_at_once_and_starts_no_ray(
    resumed: Resumed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainers.launch.runner._start_ray", refuse_to_start)
    before = {path: path.read_bytes() for path in (resumed.directory.prune_list, resumed.directory.events)}
    answer = CliRunner().invoke(app, ["run", "--resume", str(resumed.directory.path), "--json"])
    assert answer.exit_code == resumed.exit_code, answer.output
    assert json.loads(answer.stdout)["prune_list"] == json.loads(before[resumed.directory.prune_list])
    assert {path: path.read_bytes() for path in before} == before


def test_resuming_with_another_spec_is_refused_with_the_remedy(
    resumed: Resumed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainers.launch.runner._start_ray", refuse_to_start)
    before = resumed.directory.spec.read_bytes()
    assert load_spec(resumed.spec).scaling.workers == 1
    answer = CliRunner().invoke(app, ["run", str(resumed.spec), "--output", str(resumed.directory.path), "--resume"])
    assert answer.exit_code == 2, answer.output
    assert "holds a run of another spec; resume with its own spec.json, or give another directory" in answer.stderr
    assert resumed.directory.spec.read_bytes() == before
