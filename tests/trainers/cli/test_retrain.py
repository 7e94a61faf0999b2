"""What `winnow retrain` shows: metrics that there are, and why there is no interval."""

import io
from typing import Any

from rich.console import Console

from trainers.cli.retrain import _show
from trainers.metrics.significance import compare_seeds
from trainers.runs.results import Quality
from trainers.runs.retrained import Retrained


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
