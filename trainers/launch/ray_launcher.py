"""A run's workers on Ray Train: on the cluster of RAY_ADDRESS, or on a Ray that begins and ends with this process."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import ray
from ray.train import FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchConfig, TorchTrainer

from trainers.launch.launcher import CoordinatorAwayError, RunError, raise_failure
from trainers.launch.ray_cluster import join
from trainers.launch.ray_worker import work
from trainers.runs.coordinator import Coordinator, Failure, Snapshot
from trainers.runs.directory import RunDirectory
from trainers.runs.progress import Progress
from trainers.spec import JobSpec
from trainers.spec.order import canonical_order

ANSWER_SECONDS = 30.0


class ActorCoordinator:
    """A coordinator behind a Ray actor, as the driver reads it."""

    def __init__(self, features: tuple[str, ...]) -> None:
        self.actor = ray.remote(Coordinator).options(num_cpus=0, max_restarts=3).remote(features)

    def progress(self) -> Progress:
        return self._ask("progress")  # type: ignore[no-any-return]

    def since(self, attempt: int, count: int) -> tuple[int, int, list[Snapshot]]:
        return self._ask("since", attempt, count)  # type: ignore[no-any-return]

    def failure(self) -> Failure | None:
        return self._ask("failure")  # type: ignore[no-any-return]

    def snapshot(self) -> Coordinator:
        return self._ask("snapshot")  # type: ignore[no-any-return]

    def _ask(self, method: str, *arguments: object) -> Any:
        try:
            return ray.get(getattr(self.actor, method).remote(*arguments), timeout=ANSWER_SECONDS)
        except ray.exceptions.RayError as error:
            raise CoordinatorAwayError(f"the run's coordinator doesn't answer: {error}; resume the run") from error


class InterruptibleTrainer(TorchTrainer):  # type: ignore[misc]
    """Leaves SIGINT to this process, which says how the run ended; Ray Train would end the process, by exit code 0."""

    def _register_sigint_handler(self, controller: Any) -> None:
        """Ray Train's own, on the main thread."""


class RayLauncher:
    name = "ray"

    def __init__(self, spec: JobSpec) -> None:
        self.spec = spec

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ray ends with this process, or when its owner says so."""

    def coordinate(self) -> ActorCoordinator:
        join(self.spec.scaling.workers)
        self._coordinator = ActorCoordinator(tuple(canonical_order(self.spec).dims))
        return self._coordinator

    def fit(self, directory: RunDirectory) -> None:
        scaling = self.spec.scaling
        trainer = InterruptibleTrainer(
            work,
            train_loop_config={
                "spec": self.spec.model_dump(mode="json"),
                "coordinator": self._coordinator.actor,
                "checkpoints": str(directory.checkpoints),
            },
            torch_config=TorchConfig(backend="cpu:gloo,cuda:nccl" if scaling.use_gpu else "gloo"),
            scaling_config=ScalingConfig(num_workers=scaling.workers, use_gpu=scaling.use_gpu),
            # Ray Train keeps notes of its own there; checkpoints are the workers' business.
            run_config=RunConfig(
                name="ray",
                storage_path=str(directory.checkpoints),
                failure_config=FailureConfig(max_failures=scaling.max_failures),
            ),
        )
        try:
            trainer.fit()
        except ray.train.TrainingFailedError as error:
            raise_failure(self._coordinator, directory)
            raise RunError(str(error)) from None
