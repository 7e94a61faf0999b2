"""`run(spec, output)`: a selection run on Ray Train, from spec to prune list, in a run directory.

The driver starts (or joins) Ray, a coordinator actor and a `TorchTrainer`, shows progress while it trains, and
writes the result. Killed at any point, `resume=True` goes on from the newest checkpoint.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray._private import ray_constants
from ray.train import CheckpointConfig, FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchConfig, TorchTrainer

from trainers.data.check import check
from trainers.launch.ray_worker import work
from trainers.models.inputs import canonical_order
from trainers.pipeline.results_writer import write_history, write_results
from trainers.runs.coordinator import Coordinator
from trainers.runs.directory import RunDirectory, write_json
from trainers.runs.history import GateHistory
from trainers.runs.progress import Progress
from trainers.runs.prune_list import PruneList
from trainers.spec import JobSpec, SpecError

Observer = Callable[[Progress], None]
POLL_SECONDS = 0.5
FLUSH_SECONDS = 5.0


class RunError(RuntimeError):
    """A run that failed for a reason other than its spec or data."""


@dataclass(frozen=True)
class RunResult:
    directory: RunDirectory
    prune_list: PruneList

    @property
    def guard_passed(self) -> bool:
        return self.prune_list.guard.passed


def run(spec: JobSpec, output: Path, *, resume: bool = False, observer: Observer | None = None) -> RunResult:
    """Run a selection and leave its results in `output`.

    Args:
        spec: what to run; its dataset paths absolute.
        output: the run directory; must not hold a run unless `resume`.
        resume: go on with the run that `output` holds, or start one where it holds none.
        observer: called with the progress as it changes.

    Raises:
        SpecError: the spec or its data can't be run, or `output` holds another run.
        RunError: the workers failed more often than `scaling.max_failures` allows.
    """
    directory = RunDirectory(output.resolve())
    if finished := _read_result(spec, directory, resume):
        return finished
    try:
        return _run(spec, directory, resume, observer)
    except (SpecError, RunError) as error:
        with suppress(OSError):  # where nothing can be written, the error itself says so
            directory.record("failed", reason=str(error), fault="user" if isinstance(error, SpecError) else "run")
        raise


def _run(spec: JobSpec, directory: RunDirectory, resume: bool, observer: Observer | None) -> RunResult:
    began = time.perf_counter()
    sparsity = {name: shares["train"] for name, shares in check(spec).share_at_default.items()}
    checked = time.perf_counter() - began
    _claim(spec, directory)
    _start_ray(spec.scaling.workers)
    directory.record("started", resume=resume, workers=spec.scaling.workers)
    coordinator = ray.remote(Coordinator).options(num_cpus=0, max_restarts=3).remote(tuple(canonical_order(spec).dims))
    ray_ready = time.perf_counter() - began - checked
    history = GateHistory(directory.history, tuple(canonical_order(spec).dims))
    with Watch(coordinator, directory, history, observer):
        _fit(spec, directory, coordinator)
    seconds = {"check": checked, "ray": ray_ready, "total": time.perf_counter() - began}
    final = _final(coordinator, history)
    prune_list = write_results(spec, directory, final, seconds, sparsity)
    directory.record("succeeded", prune_list=prune_list.id, guard_passed=prune_list.guard.passed)
    write_json(directory.progress, final.progress().document())
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


def _claim(spec: JobSpec, directory: RunDirectory) -> None:
    """Make the directory this run's own."""
    try:
        write_json(directory.spec, spec.model_dump(mode="json"))
    except OSError as error:
        raise SpecError(
            f"output: {directory.path} can't be written ({error.strerror}); give a writable directory"
        ) from None


def _start_ray(workers: int) -> None:
    """Join the cluster of RAY_ADDRESS where it is set, else start one on loopback that this process ends with."""
    if ray.is_initialized():
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if os.environ.get("RAY_ADDRESS"):
        ray.init(log_to_driver=False, logging_level="error")
        return
    # Ray binds the host's own address unless it takes this machine for one that can't form a cluster.
    os.environ[ray_constants.ENABLE_RAY_CLUSTERS_ENV_VAR] = "0"
    ray_constants.ENABLE_RAY_CLUSTER = False
    ray.init(
        address="local",
        num_cpus=max(os.cpu_count() or 1, workers),
        include_dashboard=False,
        log_to_driver=False,
        logging_level="error",
    )


def _fit(spec: JobSpec, directory: RunDirectory, coordinator: Any) -> None:
    """Run the workers to the end of the outcome; Ray restarts them from the newest checkpoint when one dies."""
    backend = "cpu:gloo,cuda:nccl" if spec.scaling.use_gpu else "gloo"
    trainer = TorchTrainer(
        work,
        train_loop_config={"spec": spec.model_dump(mode="json"), "coordinator": coordinator},
        torch_config=TorchConfig(backend=backend),
        scaling_config=ScalingConfig(num_workers=spec.scaling.workers, use_gpu=spec.scaling.use_gpu),
        run_config=RunConfig(
            name="search",
            storage_path=str(directory.checkpoints),
            failure_config=FailureConfig(max_failures=spec.scaling.max_failures),
            checkpoint_config=CheckpointConfig(num_to_keep=2),
        ),
    )
    try:
        trainer.fit()
    except ray.train.TrainingFailedError as error:
        reason = ray.get(coordinator.failure.remote())
        raise (SpecError(reason) if reason else RunError(str(error))) from None


def _final(coordinator: Any, history: GateHistory) -> Coordinator:
    """The coordinator as it stands at the end, and all of its history written."""
    reason = ray.get(coordinator.failure.remote())
    if reason:
        raise SpecError(reason)
    final: Coordinator = ray.get(coordinator.snapshot.remote())
    history.extend(*final.since(history.attempt, history.count))
    history.flush()
    return final


class Watch:
    """A thread that copies the coordinator's state into the run directory's files and to the observer."""

    def __init__(
        self, coordinator: Any, directory: RunDirectory, history: GateHistory, observer: Observer | None
    ) -> None:
        self.coordinator, self.directory, self.history, self.observer = coordinator, directory, history, observer
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
                progress: Progress = ray.get(self.coordinator.progress.remote(), timeout=30)
                if self._stop.is_set():
                    return  # A late answer must not overwrite what the run's end has written.
                if progress != self._shown:
                    self._copy(progress)
            except ray.exceptions.RayError:
                continue

    def _copy(self, progress: Progress) -> None:
        if self._shown is None or progress.stage is not self._shown.stage:
            self.directory.record("stage", stage=progress.stage, attempt=progress.attempt)
            self._copy_history()
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self._extend_history()
        self._shown = progress
        write_json(self.directory.progress, progress.document())
        if self.observer:
            self.observer(progress)

    def _extend_history(self) -> None:
        asked = self.coordinator.since.remote(self.history.attempt, self.history.count)
        self.history.extend(*ray.get(asked, timeout=30))
        self.history.flush()
        self._flushed = time.monotonic()

    def _copy_history(self) -> None:
        final: Coordinator = ray.get(self.coordinator.snapshot.remote(), timeout=30)
        if final.snapshots:
            write_history(self.directory, final)
