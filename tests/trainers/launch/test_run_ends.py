"""However a run ends, its events, its progress and what it raises say the same."""

import errno
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TinyDataset
from trainers.cli.output import TerminatedError
from trainers.cli.run import ended_once
from trainers.launch import runner
from trainers.launch.launcher import RunError
from trainers.runs.coordinator import Coordinator
from trainers.runs.directory import RunDirectory, write_json
from trainers.runs.history import GateHistory
from trainers.runs.progress import Progress, RunState, Stage
from trainers.spec import JobSpec, SpecError, load_spec


class FailingLauncher:
    """Ends by an error as its workers would be run."""

    name = "failing"

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __enter__(self) -> "FailingLauncher":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def coordinate(self) -> Coordinator:
        return Coordinator(("age", "clip", "user_id", "genres"))

    def fit(self, directory: RunDirectory) -> None:
        raise self.error


def events(directory: RunDirectory) -> list[tuple[str, dict[str, Any]]]:
    lines = [json.loads(line) for line in directory.events.read_text().splitlines()]
    return [(line["kind"], line["data"]) for line in lines if line["kind"] in ("failed", "interrupted", "succeeded")]


@pytest.mark.parametrize(
    ("error", "raised", "fault", "words"),
    [
        (SpecError("features: bad"), SpecError, "user", "features: bad"),
        (RunError("the workers died"), RunError, "run", "the workers died"),
        (
            ValueError("Out of range float values\nare not JSON"),
            RunError,
            "run",
            "ValueError: Out of range float values",
        ),
        (MemoryError(), RunError, "run", "MemoryError"),
        (SystemExit(7), RunError, "run", "SystemExit: 7"),
        (OSError(errno.ENOSPC, "No space left on device"), RunError, "run", "the disk is full"),
    ],
)
def test_whatever_ends_a_run_is_told_everywhere(
    tiny_dataset: TinyDataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    raised: type[Exception],
    fault: str,
    words: str,
) -> None:
    monkeypatch.setattr(runner, "choose_launcher", lambda spec: FailingLauncher(error))
    directory = RunDirectory(tmp_path / "run")
    with pytest.raises(raised) as caught:
        runner.run(load_spec(tiny_dataset.spec), directory.path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert events(directory) == [("failed", {"reason": str(caught.value), "fault": fault})]
    progress = directory.read_progress()
    assert progress is not None
    assert progress.state is RunState.FAILED


def test_a_run_says_that_it_validates_before_it_does(
    tiny_dataset: TinyDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = RunDirectory(tmp_path / "run")
    seen: list[tuple[Stage, RunState]] = []

    def refuse(spec: JobSpec) -> None:
        progress = directory.read_progress()
        assert progress is not None
        assert (progress.stage, progress.state) == (Stage.VALIDATING, RunState.RUNNING)
        raise SpecError("dataset.train: a file is damaged")

    monkeypatch.setattr(runner, "choose_launcher", lambda spec: FailingLauncher(RunError("not reached")))
    monkeypatch.setattr(runner, "check", refuse)
    with pytest.raises(SpecError, match="a file is damaged"):
        runner.run(
            load_spec(tiny_dataset.spec),
            directory.path,
            observer=lambda told: seen.append((told.stage, told.state)),
        )
    assert seen == [(Stage.VALIDATING, RunState.RUNNING)]
    progress = directory.read_progress()
    assert progress is not None
    assert (progress.stage, progress.state) == (Stage.VALIDATING, RunState.FAILED)
    first = json.loads(directory.events.read_text().splitlines()[0])
    assert (first["kind"], first["data"]) == ("stage", {"stage": "validating", "attempt": -1})
    assert not directory.spec.exists()  # The directory is free for a spec that is right.


def test_an_interrupted_run_says_so_and_stays_an_interrupt(
    tiny_dataset: TinyDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "choose_launcher", lambda spec: FailingLauncher(KeyboardInterrupt()))
    directory = RunDirectory(tmp_path / "run")
    with pytest.raises(KeyboardInterrupt):
        runner.run(load_spec(tiny_dataset.spec), directory.path)
    assert events(directory) == [("interrupted", {})]
    progress = directory.read_progress()
    assert progress is not None
    assert progress.state is RunState.INTERRUPTED


def test_a_run_has_not_succeeded_before_its_result_is_written(tmp_path: Path) -> None:
    coordinator = Coordinator(("a",), stage=Stage.DONE)
    seen: list[RunState] = []
    directory = RunDirectory(tmp_path)
    history = GateHistory(directory.history, ("a",))
    watch = runner.Watch(coordinator, directory, history, lambda progress: seen.append(progress.state))
    watch._copy(coordinator.progress())
    assert coordinator.progress().state is RunState.SUCCEEDED
    assert seen == [RunState.RUNNING]
    assert json.loads(directory.progress.read_text())["state"] == "running"


def test_data_that_does_not_fit_leaves_a_directory_that_can_be_used(tiny_dataset: TinyDataset, tmp_path: Path) -> None:
    (tiny_dataset.directory / "test" / "part-0.parquet").unlink()
    directory = RunDirectory(tmp_path / "run")
    for _ in range(2):
        with pytest.raises(SpecError, match=r"holds no \*\.parquet file"):
            runner.run(load_spec(tiny_dataset.spec), directory.path)
    assert not directory.spec.exists()


class LateLauncher(FailingLauncher):
    """Ends by an error once its workers go on from step 7, and progress.json says so."""

    def coordinate(self) -> Coordinator:
        self.coordinator = super().coordinate()
        return self.coordinator

    def fit(self, directory: RunDirectory) -> None:
        self.coordinator.begin(self.coordinator.open_attempt(), 1, 7)
        until = time.monotonic() + 60
        while "starting" not in directory.progress.read_text():
            assert time.monotonic() < until
            time.sleep(0.05)
        raise self.error


@pytest.mark.parametrize(
    ("where", "launcher", "stands"),
    [
        ("check", FailingLauncher, ("searching", 400, 2)),
        ("workers", FailingLauncher, ("searching", 400, 2)),
        ("interrupt", FailingLauncher, ("searching", 400, 2)),
        ("search", LateLauncher, ("starting", 7, 0)),
    ],
)
def test_a_run_whose_resume_does_not_begin_stands_where_it_stood(
    tiny_dataset: TinyDataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
    launcher: type[FailingLauncher],
    stands: tuple[str, int, int],
) -> None:
    """The check or the workers refuse the data, or the user interrupts, before the workers go on from a checkpoint."""
    spec, directory = load_spec(tiny_dataset.spec), RunDirectory(tmp_path / "run")
    measured = {"loss": 0.3, "gates": {"age": 0.9}, "stages": {"validating": 2.0}}
    counted = {"state": "interrupted", "stage": "searching", "step": 400, "total_steps": 1000, "attempt": 2}
    before = Progress.model_validate({**counted, **measured})
    write_json(directory.progress, before.document())
    write_json(directory.spec, spec.model_dump(mode="json"))

    def refuse(spec: JobSpec) -> None:
        raise SpecError("dataset.train: a file is damaged")

    error = KeyboardInterrupt() if where == "interrupt" else SpecError("the run began on other data")
    monkeypatch.setattr(runner, "choose_launcher", lambda spec: launcher(error))
    if where == "check":
        monkeypatch.setattr(runner, "check", refuse)
    with pytest.raises((SpecError, KeyboardInterrupt)):
        runner.run(spec, directory.path, resume=True)
    after = directory.read_progress()
    assert after is not None
    state = RunState.INTERRUPTED if where == "interrupt" else RunState.FAILED
    assert (after.state, after.stage, after.step, after.attempt) == (state, *stands)
    if where != "search":
        assert after == before.model_copy(update={"state": state})
    assert events(directory)[-1][0] == state


@pytest.mark.parametrize(("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, TerminatedError)])
def test_a_signal_that_comes_again_does_not_keep_a_run_from_saying_how_it_ended(
    tiny_dataset: TinyDataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    raised: type[KeyboardInterrupt],
) -> None:
    """A user who presses Ctrl-C again and again, a machine that goes down: while the run writes its end."""
    said = runner._leave_failed

    def say(*arguments: Any, **more: Any) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            os.kill(os.getpid(), each)
        said(*arguments, **more)

    class Signalled(FailingLauncher):
        def fit(self, directory: RunDirectory) -> None:
            """Waits as Ray does: what a handler raises becomes an interrupt of Ray's own."""
            try:
                os.kill(os.getpid(), number)
                super().fit(directory)
            except KeyboardInterrupt:
                raise KeyboardInterrupt from None

    monkeypatch.setattr(runner, "_leave_failed", say)
    monkeypatch.setattr(runner, "choose_launcher", lambda spec: Signalled(RunError("not reached")))
    directory = RunDirectory(tmp_path / "run")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # by a shell that runs the tests in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(raised) as caught, ended_once():
        runner.run(load_spec(tiny_dataset.spec), directory.path)
    assert type(caught.value) is raised
    assert events(directory) == [("interrupted", {})]
    progress = directory.read_progress()
    assert progress is not None
    assert progress.state is RunState.INTERRUPTED
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before
