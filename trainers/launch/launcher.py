"""What starts a run's workers: `Launcher`, and which of them takes a spec."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import Protocol, Self

from trainers.runs.coordinator import Coordinator, Failure, Snapshot
from trainers.runs.directory import RunDirectory
from trainers.runs.progress import Progress
from trainers.spec import JobSpec, SpecError


class RunError(RuntimeError):
    """A run that failed for a reason other than its spec or data."""


class CoordinatorAwayError(RunError):
    """The coordinator didn't answer."""


class WatchedCoordinator(Protocol):
    """A run's coordinator as the driver reads it. Methods raise CoordinatorAwayError where no answer comes."""

    def progress(self) -> Progress: ...
    def since(self, attempt: int, count: int) -> tuple[int, int, list[Snapshot]]: ...
    def failure(self) -> Failure | None: ...
    def snapshot(self) -> Coordinator:
        """A copy of the whole, which changes no more."""
        ...


class Launcher(Protocol):
    """Starts a run's workers, and anew from the newest checkpoint where one dies, up to `scaling.max_failures`.

    A context: inside, what takes time to start begins to start, while the driver checks data; outside, nothing that
    the launcher started for this run is left.
    """

    name: str

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def coordinate(self) -> WatchedCoordinator:
        """A coordinator for this run."""
        ...

    def fit(self, directory: RunDirectory) -> None:
        """Run the workers to the end of the outcome; `coordinate` comes first.

        Raises:
            SpecError: a worker found the spec or its data wrong; nothing is started again.
            RunError: workers died more often than `scaling.max_failures`, or twice by one error at one step.
        """
        ...


def raise_failure(coordinator: WatchedCoordinator, directory: RunDirectory) -> None:
    """Raises SpecError or RunError where the coordinator knows that the run can't go on."""
    failure = coordinator.failure()
    if failure is None:
        return
    if failure.is_of_spec:
        raise SpecError(failure.reason)
    log = f"see {directory.workers_log}, " if directory.workers_log.exists() else ""
    raise RunError(f"{failure.reason}; it isn't tried again: {log}mend it and resume the run")


def choose_launcher(spec: JobSpec) -> Launcher:
    """Ray where RAY_ADDRESS is set, where this process has joined a Ray, or for GPUs; else processes of our own.

    RAY_ADDRESS=local is Ray's word for one on this machine, begun and ended with the run.
    """
    if os.environ.get("RAY_ADDRESS") or spec.scaling.use_gpu or _has_joined_ray():
        from trainers.launch.ray_launcher import RayLauncher  # noqa: PLC0415 - Ray is imported where it runs

        return RayLauncher(spec)
    from trainers.launch.local_launcher import LocalLauncher  # noqa: PLC0415

    return LocalLauncher(spec)


def _has_joined_ray() -> bool:
    ray = sys.modules.get("ray")
    return ray is not None and bool(ray.is_initialized())
