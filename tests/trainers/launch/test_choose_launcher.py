"""Which launcher takes a run."""

from __future__ import annotations

import inspect
import os
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from ray.train.torch import TorchTrainer

from trainers.doctor import DoctorError
from trainers.launch import ray_cluster
from trainers.launch.launcher import RunError, choose_launcher
from trainers.launch.ray_launcher import InterruptibleTrainer
from trainers.spec import JobSpec, parse_spec

pytestmark = pytest.mark.filterwarnings("ignore")


def spec(*, use_gpu: bool = False, workers: int = 1) -> JobSpec:
    return parse_spec(
        {
            "name": "chosen",
            "dataset": {"train": "train", "validation": "validation", "test": "test", "label": "label"},
            "features": [{"name": "age", "kind": "dense"}],
            "scaling": {"workers": workers, "use_gpu": use_gpu},
        }
    )


@pytest.mark.parametrize(
    ("address", "joined", "use_gpu", "expected"),
    [
        (None, False, False, "local"),
        ("", False, False, "local"),
        ("local", False, False, "ray"),
        ("10.0.0.1:6379", False, False, "ray"),
        (None, True, False, "ray"),
        (None, False, True, "ray"),
    ],
)
@pytest.mark.parametrize("workers", [1, 4])
def test_ray_takes_what_is_on_a_cluster_or_on_gpus(
    monkeypatch: pytest.MonkeyPatch, address: str | None, joined: bool, use_gpu: bool, expected: str, workers: int
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    if address is not None:
        monkeypatch.setenv("RAY_ADDRESS", address)
    import trainers.launch.ray_launcher  # noqa: F401, PLC0415 - before Ray is told to be another

    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(is_initialized=lambda: joined))
    assert choose_launcher(spec(use_gpu=use_gpu, workers=workers)).name == expected


def test_a_process_that_never_imported_ray_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.delitem(sys.modules, "ray", raising=False)
    assert choose_launcher(spec()).name == "local"
    assert "ray" not in sys.modules


def test_a_ray_that_is_slow_to_start_is_started_again_until_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 0.0, 31.0, 31.0, 31.0, 62.0, 62.0, 62.0, 93.0])
    monkeypatch.setattr(ray_cluster.time, "monotonic", lambda: next(times))
    monkeypatch.setattr(ray_cluster.ray, "shutdown", lambda: None)
    tries: list[int] = []

    def start() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise Exception("The current node timed out during startup.")  # noqa: TRY002 - as Ray has it

    ray_cluster.start_patiently(start, seconds=180)
    assert len(tries) == 3


def test_a_ray_that_does_not_start_ends_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_cluster.ray, "shutdown", lambda: None)

    def start() -> None:
        raise OSError("AF_UNIX path\ntoo long")

    with pytest.raises(RunError, match=r"^Ray didn't start: OSError: AF_UNIX path too long; .*RAY_ADDRESS"):
        ray_cluster.start_patiently(start)


def test_an_address_that_does_not_answer_ends_a_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    monkeypatch.setattr(ray_cluster.ray, "is_initialized", lambda: False)
    with pytest.raises(DoctorError, match=r"RAY_ADDRESS=127\.0\.0\.1:1 doesn't answer"):
        ray_cluster.join(1)


def test_a_ray_of_ones_own_needs_no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_TMPDIR", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    ray_cluster._give_own_folder()
    token, folder = Path(os.environ["RAY_AUTH_TOKEN_PATH"]), Path(os.environ["RAY_TMPDIR"])
    assert token.parent == folder
    assert len(token.read_text()) == 64
    assert folder.stat().st_mode & 0o777 == 0o700


def test_ray_takes_no_signal_from_a_run_that_has_to_say_how_it_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """`ray.init` has SIGTERM exit, and `fit` has SIGINT abort the training and exit by 0."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    own = {number: lambda *_: None for number in before}
    try:
        for number, handler in own.items():
            signal.signal(number, handler)
        monkeypatch.setattr(ray_cluster.ray, "is_initialized", lambda: False)
        monkeypatch.setattr(ray_cluster, "_init", lambda workers: signal.signal(signal.SIGTERM, sys.exit))
        ray_cluster.join(1)
        taken = inspect.getsource(TorchTrainer._initialize_and_run_controller)
        assert "self._register_sigint_handler(controller)" in taken, "Ray Train takes SIGINT in another way"
        trainer = InterruptibleTrainer(lambda: None)
        trainer._register_sigint_handler(None)
        assert {number: signal.getsignal(number) for number in own} == own
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
