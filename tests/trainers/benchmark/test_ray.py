"""Cells side by side on a real Ray of this machine: the same results as one after another, and nothing left behind."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import TinyDataset
from tests.support.commands import MARK, WINNOW, Family
from tests.trainers.benchmark.conftest import HerePool, Run

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(600)]
SUITE: dict[str, Any] = {
    "methods": ["pearson", "random"],
    "datasets": ["spec.yaml"],
    "retention": [0.5],
    "seeds": 2,
    "parallel": 2,
}


def test_cells_run_side_by_side_on_ray(tiny_dataset: TinyDataset, run_here: Run, tmp_path: Path) -> None:
    suite, family = tiny_dataset.directory / "bench.yaml", Family(tmp_path / "log")
    suite.write_text(yaml.safe_dump(SUITE), encoding="utf-8")
    environment = {**os.environ, "RAY_ADDRESS": "local", "RAY_worker_niceness": "0", MARK: family.mark}
    command = [WINNOW, "benchmark", str(suite), "--output", str(tmp_path / "out"), "--json"]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=500)
        assert ended.returncode == 0, ended.stderr
        left_over = [process.name() for process in family.alive_after(30)]
    finally:
        family.kill()
    assert left_over == []
    outcomes, pool = run_here(tiny_dataset.directory, pool=HerePool(), **SUITE)
    assert pool.counts() == {"search": 2, "retrain": 4}
    found = json.loads(ended.stdout)["results"]["tables"][0]["rows"]
    means = {row["method"]: row["entries"][0]["mean"] for row in found}
    here = {name: [each.auc for each in outcomes if each.method == name] for name in means}
    assert means == {name: pytest.approx(sum(map(float, aucs)) / 2) for name, aucs in here.items()}  # type: ignore[arg-type]
