"""`run(spec, output)`: a selection run, from spec to prune list, in a run directory.

The driver checks the data while a launcher starts, lets it run the workers, shows progress while they train, and
writes the result. Killed at any point, `resume=True` goes on from the newest checkpoint.
"""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from trainers.data.checks.check import check
from trainers.data.checks.outputs import require_output_apart
from trainers.data.fingerprint import read_fingerprint
from trainers.launch.launcher import (
    CoordinatorAwayError,
    RunError,
    WatchedCoordinator,
    choose_launcher,
    raise_failure,
)
from trainers.pipeline.results_writer import write_history, write_results
from trainers.problems import one_line
from trainers.runs.coordinator import Coordinator
from trainers.runs.directory import RunDirectory, RunFileError, write_json
from trainers.runs.history import GateHistory
from trainers.runs.progress import Progress, RunState, Stage
from trainers.runs.prune_list import PASSED, PruneList, Verdict
from trainers.spec import JobSpec, SpecError
from trainers.spec.order import canonical_order

Observer = Callable[[Progress], None]
POLL_SECONDS = 0.5
FLUSH_SECONDS = 5.0
FULL = (errno.ENOSPC, errno.EDQUOT)
ENDED = (RunState.SUCCEEDED, RunState.FAILED, RunState.INTERRUPTED)


@dataclass(frozen=True)
class RunResult:
    directory: RunDirectory
    prune_list: PruneList

    @property
    def verdict(self) -> Verdict:
        return self.prune_list.guard.verdict


def run(
    spec: JobSpec,
    output: Path,
    *,
    resume: bool = False,
    observer: Observer | None = None,
    warn: Callable[[str], None] = lambda message: None,
) -> RunResult:
    """Run a selection and leave its results in `output`.

    Args:
        spec: what to run; its dataset paths absolute.
        output: the run directory; must not hold a run unless `resume`.
        resume: go on with the run that `output` holds, or start one where it holds none.
        observer: called with the progress as it changes.
        warn: called with each thing about the data that deserves a look, before the workers begin.

    Raises:
        SpecError: the spec or its data can't be run, or `output` holds another run or lies among the data.
        RunError: the workers failed more often than `scaling.max_failures` allows.
    """
    directory = RunDirectory(output.resolve())
    if finished := _read_result(spec, directory, resume):
        return finished
    require_output_apart(spec.dataset, directory.path)
    before = _read_progress(directory)
    try:
        return _run(spec, directory, resume, observer, warn)
    except KeyboardInterrupt:
        _leave_failed(directory, before, "interrupted")
        raise
    except (SpecError, RunError) as error:
        fault = "user" if isinstance(error, SpecError) else "run"
        _leave_failed(directory, before, "failed", reason=str(error), fault=fault)
        raise
    except BaseException as error:
        failure = RunError(_describe(error, directory))
        _leave_failed(directory, before, "failed", reason=str(failure), fault="run")
        raise failure from error


def _read_progress(directory: RunDirectory) -> Progress | None:
    """None too where it can't be read."""
    with suppress(OSError, RunFileError):
        return directory.read_progress()
    return None


def _leave_failed(
    directory: RunDirectory, before: Progress | None, kind: Literal["failed", "interrupted"], **data: str
) -> None:
    """Let events.jsonl and progress.json say how the run ended, where they can be written.

    A run that was to go on from `before`, and whose workers didn't get to, stands where it stood.
    """
    with suppress(OSError):
        directory.record(kind, **data)
    with suppress(OSError):
        now = _read_progress(directory) or Progress(
            state=RunState.RUNNING, stage=Stage.STARTING, step=0, total_steps=0, attempt=-1
        )
        reached = before if before is not None and before.attempt >= 0 > now.attempt else now
        write_json(directory.progress, reached.model_copy(update={"state": RunState(kind)}).document())


def _describe(error: BaseException, directory: RunDirectory) -> str:
    """An error that no part of the run foresaw, in one line, with a remedy where one is known."""
    said = one_line(error)
    if isinstance(error, OSError) and error.errno in FULL:
        return f"the disk is full ({said}); free some space, then go on: winnow run --resume {directory.path}"
    return f"the run ended by an error that it didn't foresee: {said} (set WINNOW_TRACEBACK=1 to see where)"


def _run(
    spec: JobSpec,
    directory: RunDirectory,
    resume: bool,
    observer: Observer | None,
    warn: Callable[[str], None],
) -> RunResult:
    began = time.perf_counter()
    _enter_validation(directory, observer)
    with choose_launcher(spec) as launcher:
        data = check(spec)
        checked = time.perf_counter() - began
        coordinator = launcher.coordinate()
        _claim(spec, directory)
        write_json(directory.data, read_fingerprint(spec))
        directory.record("started", resume=resume, workers=spec.scaling.workers)
        for message in data.warnings:
            directory.record("warning", message=message)
            warn(message)
        ready = time.perf_counter() - began - checked
        history = GateHistory(directory.history, tuple(canonical_order(spec).dims))
        with Watch(coordinator, directory, history, observer, checked):
            launcher.fit(directory)
        # `check` is the old name of `validating`, for one version.
        before = {Stage.VALIDATING.value: checked, "check": checked, launcher.name: ready}
        seconds = {**before, "total": time.perf_counter() - began}
        final = _final(coordinator, directory, history)
    prune_list = write_results(spec, directory, final, seconds, data)
    progress, verdict = _with_validation(final.progress(), checked), prune_list.guard.verdict
    write_json(directory.progress, progress.document())
    directory.record("succeeded", prune_list=prune_list.id, verdict=verdict, guard_passed=verdict == PASSED)
    if observer:
        observer(progress)
    return RunResult(directory, prune_list)


def _read_result(spec: JobSpec, directory: RunDirectory, resume: bool) -> RunResult | None:
    """The result where the directory holds one. Raises SpecError where it holds what this run must not touch."""
    if directory.spec.exists():
        if not resume:
            raise SpecError(
                f"output: {directory.path} already holds a run; give --resume to go on with it, or another directory"
            )
        if directory.read_spec() != spec:
            raise SpecError(
                f"output: {directory.path} holds a run of another spec; resume with its own spec.json, "
                "or give another directory"
            )
        if (prune_list := directory.read_prune_list()) is not None:
            return RunResult(directory, prune_list)
    return None


def _enter_validation(directory: RunDirectory, observer: Observer | None) -> None:
    """Say that the data are held against the spec, which may take minutes. Raises SpecError: it can't be written."""
    progress = Progress(
        state=RunState.RUNNING, stage=Stage.VALIDATING, step=0, total_steps=0, attempt=-1, advanced_at=time.time()
    )
    with _writing(directory):
        directory.record("stage", stage=progress.stage, attempt=progress.attempt)
        write_json(directory.progress, progress.document())
    if observer:
        observer(progress)


def _with_validation(progress: Progress, seconds: float) -> Progress:
    """What the coordinator says, with the stage that was over before it was there."""
    return progress.model_copy(update={"stages": {Stage.VALIDATING.value: seconds, **(progress.stages or {})}})


def _claim(spec: JobSpec, directory: RunDirectory) -> None:
    """Make the directory this run's own."""
    with _writing(directory):
        write_json(directory.spec, spec.model_dump(mode="json"))


@contextmanager
def _writing(directory: RunDirectory) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise  # The directory is right.
        raise SpecError(
            f"output: {directory.path} can't be written ({error.strerror}); give a writable directory"
        ) from None


def _final(coordinator: WatchedCoordinator, directory: RunDirectory, history: GateHistory) -> Coordinator:
    """The coordinator as it stands at the end, and all of its history written."""
    raise_failure(coordinator, directory)
    final = coordinator.snapshot()
    history.extend(*final.since(history.attempt, history.count))
    history.flush()
    return final


class Watch:
    """A thread that copies the coordinator's state into the run directory's files and to the observer.

    `validated` are the seconds that the check of the data took before.
    """

    def __init__(
        self,
        coordinator: WatchedCoordinator,
        directory: RunDirectory,
        history: GateHistory,
        observer: Observer | None,
        validated: float = 0.0,
    ) -> None:
        self.coordinator, self.directory, self.history, self.observer = coordinator, directory, history, observer
        self._validated = validated
        self._flushed = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="watch", daemon=True)
        self._shown: Progress | None = None

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=10)

    def _loop(self) -> None:
        while not self._stop.wait(POLL_SECONDS):
            try:
                progress = _with_validation(self.coordinator.progress(), self._validated)
                if self._stop.is_set():
                    return  # A late answer must not overwrite what the run's end has written.
                if progress != self._shown:
                    self._copy(progress)
            except CoordinatorAwayError:
                continue

    def _copy(self, progress: Progress) -> None:
        if self._shown is None or progress.stage is not self._shown.stage:
            self.directory.record("stage", stage=progress.stage, attempt=progress.attempt)
            self._copy_history()
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self._extend_history()
        self._shown = progress
        # The workers are done, the run isn't until its result is written.
        shown = progress.model_copy(update={"state": RunState.RUNNING}) if progress.state in ENDED else progress
        write_json(self.directory.progress, shown.document())
        if self.observer:
            self.observer(shown)

    def _extend_history(self) -> None:
        self.history.extend(*self.coordinator.since(self.history.attempt, self.history.count))
        self.history.flush()
        self._flushed = time.monotonic()

    def _copy_history(self) -> None:
        final = self.coordinator.snapshot()
        if final.snapshots:
            write_history(self.directory, final)
