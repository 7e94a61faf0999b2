"""Runs on real Ray: two workers, one of them killed; a whole process killed and resumed."""

from pathlib import Path

import psutil
import pytest
import ray

from trainers.launch.runner import run
from trainers.runs import measures_reader
from trainers.runs.progress import Progress, RunState, Stage
from trainers.simulator import simulate
from trainers.spec import JobSpec, SpecError, load_spec

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> JobSpec:
    folder = tmp_path_factory.mktemp("data") / "sim"
    simulate(features=16, rows=20_000, seed=3, output=folder)
    found = load_spec(folder / "spec.yaml")
    training = {"epochs": 4, "batch_size": 128, "report_every": 5, "checkpoint_every": 60}
    return found.model_copy(
        update={
            "training": found.training.model_copy(update=training),
            "scaling": found.scaling.model_copy(update={"workers": 2}),
        }
    )


def kill_a_worker() -> None:
    """SIGKILL one training worker, as a machine that dies would."""
    workers = [p for p in psutil.process_iter(["cmdline"]) if "RayTrainWorker" in " ".join(p.info["cmdline"] or [])]
    workers[0].kill()


def test_a_killed_worker_costs_nothing_but_time(spec: JobSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "local")
    killed: list[int] = []

    def watch(progress: Progress) -> None:
        if progress.stage is Stage.SEARCHING and progress.step > 65 and not killed:
            killed.append(progress.step)
            kill_a_worker()

    try:
        result = run(spec, tmp_path / "run", observer=watch)
    finally:
        ray.shutdown()
    assert killed
    results, progress = result.directory.read_results(), result.directory.read_progress()
    assert results is not None
    assert progress is not None
    total = 4 * -(-16_000 // 256)
    assert results.attempts == 2
    assert results.steps == total
    steps = list(measures_reader.read(result.directory.measures).steps)
    assert steps == sorted(set(steps))
    assert steps[-1] == total
    assert all(feature.sparsity is not None for feature in results.features)
    assert progress.state is RunState.SUCCEEDED
    again = run(spec, tmp_path / "run", resume=True)
    assert again.prune_list == result.prune_list
    with pytest.raises(SpecError, match="already holds a run; give --resume"):
        run(spec, tmp_path / "run")
