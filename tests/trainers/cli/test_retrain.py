"""What `winnow retrain` shows: metrics that there are, and why there is no interval. It refuses what a run refuses."""

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console
from typer.testing import CliRunner

from trainers.cli import app
from trainers.cli.retrain import _check_data, _show
from trainers.data.fingerprint import read_fingerprint
from trainers.metrics.significance import compare_seeds
from trainers.runs.directory import RunDirectory, write_json
from trainers.runs.results import Quality
from trainers.runs.retrained import Retrained
from trainers.spec import load_spec


def quality(auc: float) -> Quality:
    return Quality.model_validate({"rows": 100, "logloss": 0.5, "auc": auc, "gauc": None, "ne": 0.9, "base_rate": 0.5})


def shown(kept: list[float], full: list[float]) -> str:
    models: Any = [tuple(map(quality, aucs)) for aucs in (kept, full)]
    found = Retrained(
        keep=("a",),
        seeds=tuple(range(len(kept))),
        kept=models[0],
        full=models[1],
        differences=compare_seeds(*models),
    )
    console = Console(file=io.StringIO(), width=80)
    _show(console, found)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_one_seed_has_no_interval_and_says_why() -> None:
    text = shown([0.75], [0.7])
    assert "+0.05000" in text
    assert "an interval takes --seeds 2 or more" in text
    assert "–" not in text
    assert "interval" not in text.partition("one seed")[0]


def test_two_seeds_have_one() -> None:
    text = shown([0.75, 0.76], [0.7, 0.72])
    assert "95% interval" in text
    assert "--seeds" not in text


def test_all_features_have_nothing_to_compare_with() -> None:
    assert "every feature is chosen" in shown([0.75, 0.76], [])


def written(root: Path, label: Any, weight: Any) -> Path:
    """A spec whose test split has these labels and weights; its features are x and y."""
    random = np.random.default_rng(0)
    for split in ("train", "validation", "test"):
        plain = {"label": np.arange(200) % 2, "w": np.ones(200)}
        targets = {"label": label, "w": weight} if split == "test" else plain
        columns = {**targets, "x": random.normal(size=200), "y": random.normal(size=200)}
        pq.write_table(pa.table(columns), root / f"{split}.parquet")
    features = [{"name": name, "kind": "dense"} for name in ("x", "y")]
    files = {split: str(root / f"{split}.parquet") for split in ("train", "validation", "test")}
    spec = {"name": "s", "dataset": {**files, "weight": "w"}, "features": features, "training": {"batch_size": 20}}
    path = root / "spec.json"
    path.write_text(json.dumps(spec), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("label", "weight", "said"),
    [
        (np.arange(200) % 2, np.zeros(200), "dataset.weight: column 'w' is 0 in every row"),
        (np.zeros(200, np.int64), np.ones(200), "dataset.test: label 'label' is 0 in every row"),
    ],
)
def test_data_that_no_run_would_take_are_refused(tmp_path: Path, label: Any, weight: Any, said: str) -> None:
    ended = CliRunner().invoke(app, ["retrain", str(written(tmp_path, label, weight)), "--keep", "x"])
    assert ended.exit_code == 2
    assert said in ended.output.replace("\n", " ")
    assert "seed 0" not in ended.output


@pytest.mark.parametrize("fingerprints", [{"data": "0" * 64}, {}])
def test_data_that_are_not_the_runs_are_told(tmp_path: Path, fingerprints: dict[str, str]) -> None:
    job, said = load_spec(written(tmp_path, np.arange(200) % 2, np.ones(200))), list[str]()
    out: Any = SimpleNamespace(say=lambda line, style: said.append(line))
    run: Any = SimpleNamespace(
        read_data=lambda: None, read_prune_list=lambda: SimpleNamespace(fingerprints=fingerprints)
    )
    _check_data(out, job, run)
    told = [line for line in said if line.startswith("dataset: the data aren't those that the run was made from; ")]
    assert len(told) == len(fingerprints)
    assert any(line.startswith("prune.guard.max_drop: ") for line in said), "what a check of the data warns of"


def test_the_files_that_are_not_the_runs_are_named(tmp_path: Path) -> None:
    """A label that was corrected in place leaves sizes and footers as they were."""
    labels = np.arange(200) % 2
    job, run, said = load_spec(written(tmp_path, labels, np.ones(200))), RunDirectory(tmp_path / "run"), list[str]()
    out: Any = SimpleNamespace(say=lambda line, style: said.append(line))
    write_json(run.data, read_fingerprint(job))

    def told() -> list[str]:
        said.clear()
        _check_data(out, job, run)
        return [line for line in said if line.startswith("dataset: the data aren't those that the run was made from")]

    assert told() == []
    written(tmp_path, 1 - labels, np.ones(200))
    (line,) = told()
    assert "made from: dataset.test: its labels or weights are others; its features may" in line
    written(tmp_path, np.append(labels, 1)[1:], np.linspace(0, 1, 200))
    (line,) = told()
    assert "dataset.test: its files were written anew (changed: test.parquet); its features may" in line
