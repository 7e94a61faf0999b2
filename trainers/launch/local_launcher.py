"""A run's workers as processes of this machine, forked from a template that imports while the driver checks data."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from trainers.launch.launcher import RunError, raise_failure
from trainers.launch.local_coordinator import LocalCoordinator
from trainers.launch.template import Borrower
from trainers.runs.directory import RunDirectory
from trainers.spec import JobSpec
from trainers.spec.order import canonical_order

WORK = "trainers.launch.local_worker:work"


class LocalLauncher(Borrower):
    name = "local"

    def __init__(self, spec: JobSpec) -> None:
        self.spec = spec

    def coordinate(self) -> LocalCoordinator:
        self._coordinator = LocalCoordinator(tuple(canonical_order(self.spec).dims))
        return self._coordinator

    def fit(self, directory: RunDirectory) -> None:
        scaling = self.spec.scaling
        for failures in range(1, scaling.max_failures + 2):
            cause = self._attempt(directory)
            raise_failure(self._coordinator, directory)
            if cause is None:
                return
            if failures > scaling.max_failures:
                raise RunError(
                    f"{cause}; failure {failures} of a run that may go on after {scaling.max_failures} "
                    f"(scaling.max_failures); see {directory.workers_log}, mend it and resume the run"
                )

    def _attempt(self, directory: RunDirectory) -> str | None:
        """Run a group of workers to its end; why it ended early, where it did."""
        workers = self.spec.scaling.workers
        template, spec = self.template(), self.spec.model_dump_json()
        arguments = [(spec, rank, str(directory.checkpoints)) for rank in range(workers)]
        connections = template.start(WORK, arguments, directory.workers_log)
        with ThreadPoolExecutor(workers, thread_name_prefix="coordinator") as pool:
            served = [pool.submit(self._coordinator.serve, each, rank) for rank, each in enumerate(connections)]
            try:
                lost = template.wait()
            except BaseException:
                template.close()  # Else the pool would wait for workers that nobody ends.
                raise
        faults = [each.result() for each in served]
        if lost is None:
            return None
        if lost.worker is None:
            return f"the process that workers are forked from {lost.cause}"
        if lost.code < 0:
            self._coordinator.lose(lost.cause)
        fault = faults[lost.worker]
        return f"worker {lost.worker + 1} of {workers} {lost.cause}" + (f": {fault}" if fault else "")
