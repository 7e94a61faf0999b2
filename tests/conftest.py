"""What every test needs: quiet third-party imports, one thread, a tiny data set; GPU tests skipped without a GPU."""

import functools
import gc
import importlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import structlog
import typer
import yaml
from anyio.from_thread import start_blocking_portal
from fastapi.testclient import TestClient
from xdist.scheduler import LoadFileScheduling

from tests.support.databases import (  # noqa: F401 (fixtures)
    _commits_wait_for_no_disk,
    cluster,
    empty_url,
    migrated,
    postgresql,
    url,
)

# Files whose tests start a Ray of their own: two at a time would take each other's memory and time.
RAY = (
    "tests/service/ray/test_real_ray.py",
    "tests/trainers/launch/test_resume.py",
    "tests/trainers/benchmark/test_ray.py",
)

# The next longest: handed out before the short ones, which then fill the time that is left.
LONG = (
    "tests/trainers/launch/test_local_launcher.py",
    "tests/web/test_job.py",
    "tests/trainers/training/test_workers.py",
    "tests/web/test_pages.py",
    "tests/experiments/test_experiments.py",
    "tests/web/test_admin.py",
    "tests/web/test_decision.py",
    "tests/web/test_report.py",
    "tests/service/jobs/test_fault_points.py",
    "tests/service/api/test_authorization.py",
    "tests/service/api/test_openapi.py",
)
FIRST = {file: place for place, file in enumerate((*RAY, *LONG))}

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

logging.getLogger("torchrec").setLevel(logging.ERROR)

# A service in a thread logs to the test process's own stderr, not to what a command under test has as its stdout.
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.__stderr__))


@pytest.fixture(autouse=True)
def _clients_name_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that asks for no key answers only those who call it by a name of this machine."""
    named = functools.partialmethod(TestClient.__init__, base_url="http://localhost")
    monkeypatch.setattr(TestClient, "__init__", named)


@pytest.fixture(scope="session", autouse=True)
def _one_event_loop() -> Iterator[None]:
    """Of all `TestClient`s: each request would else start a thread with an event loop, and end it."""
    with start_blocking_portal() as portal:
        TestClient.portal = portal
        yield
        TestClient.portal = None


@pytest.fixture(scope="session", autouse=True)
def _one_command_line() -> Iterator[None]:
    """Of all `CliRunner`s: each call would else make `winnow` with its sixty commands anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.testing._get_command", functools.cache(typer.main.get_command))
        yield


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    sys.modules["torch"].set_num_threads(1)


class FileScheduling(LoadFileScheduling):
    """Where several processes share the tests: those of a file run in one, and so do all that start a Ray."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "ray" if file in RAY else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FileScheduling:
    return FileScheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What is imported stays: looking for garbage in it, now and with every later look, is time lost."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collectstart() -> None:
    """Import torch before any test's module does. The process that hands tests to others collects none."""
    with warnings.catch_warnings():
        # Their import-time deprecations are not ours to mend; ours stay errors.
        warnings.simplefilter("ignore")
        importlib.import_module("torchrec")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, so that what is left for the last process is short; GPU tests say why they are skipped."""
    items.sort(key=lambda item: FIRST.get(item.nodeid.partition("::")[0], len(FIRST)))
    cuda = sys.modules["torch"].cuda
    for item in items:
        if item.get_closest_marker("gpu") and not cuda.is_available():
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))


@dataclass(frozen=True)
class TinyDataset:
    """`spec` names the splits below `directory`, each with two row groups; `age` alone decides the label."""

    directory: Path
    spec: Path


@pytest.fixture
def tiny_dataset(tmp_path: Path) -> TinyDataset:
    directory = tmp_path / "tiny"
    for split, rows in {"train": 512, "validation": 128, "test": 128}.items():
        (directory / split).mkdir(parents=True)
        pq.write_table(_tiny_rows(split, rows), directory / split / "part-0.parquet", row_group_size=rows // 2)
    spec = {
        "name": "tiny",
        "dataset": {"train": "train", "validation": "validation", "test": "test", "label": "label"},
        "features": [
            {"name": "age", "kind": "dense"},
            {"name": "clip", "kind": "dense", "dim": 3},
            {"name": "user_id", "kind": "categorical", "dim": 4, "hash_size": 50},
            {"name": "genres", "kind": "multi_categorical", "dim": 4, "hash_size": 7},
        ],
        "model": {"backbone": "mlp", "hidden": [8]},
        "training": {"batch_size": 64, "epochs": 1},
        "finetune": {"epochs": 1},
    }
    path = directory / "spec.yaml"
    path.write_text(yaml.safe_dump(spec), encoding="utf-8")
    return TinyDataset(directory, path)


def _tiny_rows(split: str, rows: int) -> pa.Table:
    random = np.random.default_rng(len(split))
    age = random.normal(size=rows).astype(np.float32)
    genres = [random.integers(0, 7, size=count).tolist() for count in random.integers(0, 4, size=rows)]
    return pa.table(
        {
            "age": age,
            "clip": list(random.normal(size=(rows, 3)).astype(np.float32)),
            "user_id": random.integers(0, 50, size=rows),
            "genres": pa.array(genres, pa.list_(pa.int64())),
            "label": (random.random(rows) < 1 / (1 + np.exp(-3 * age))).astype(np.int8),
        }
    )
