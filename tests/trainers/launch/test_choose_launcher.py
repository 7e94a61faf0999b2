"""Which launcher takes a run."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from trainers.launch.launcher import choose_launcher
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
