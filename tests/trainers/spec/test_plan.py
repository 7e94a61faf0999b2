"""How long a run trains, and in what batches, by its number of rows."""

from __future__ import annotations

from typing import Any

import pytest

from trainers.selectors.gates.leap import LeapSpec
from trainers.spec import JobSpec, TrainingPlan, parse_spec, plan_training
from trainers.spec.plan import gate_learning_rate


def spec(**more: Any) -> JobSpec:
    return parse_spec(
        {
            "dataset": {"train": "train", "validation": "validation", "test": "test", "label": "label"},
            "features": [{"name": "age", "kind": "dense"}],
            **more,
        }
    )


@pytest.mark.parametrize(
    ("rows", "workers", "batch_size", "epochs", "fresh", "tuning_epochs"),
    [
        (300, 1, 64, 60, True, 60),  # five steps an epoch: the most epochs
        (5_000, 1, 64, 20, True, 20),  # 78.1 steps an epoch: 1,500 steps take 19.2 epochs
        (28_000, 1, 64, 4, False, 1),  # 438 steps an epoch
        (40_000, 1, 128, 5, False, 1),  # 312.5 steps an epoch
        (40_000, 2, 64, 5, False, 1),  # as many rows a step, over all workers
        (319_488, 1, 1024, 5, False, 1),
        (100_000_000, 8, 1024, 4, False, 1),
    ],
)
def test_batches_and_epochs_follow_the_rows(
    rows: int, workers: int, batch_size: int, epochs: int, fresh: bool, tuning_epochs: int
) -> None:
    plan = plan_training(spec(scaling={"workers": workers}), rows)
    assert plan == TrainingPlan(batch_size=batch_size, epochs=epochs, fresh=fresh, tuning_epochs=tuning_epochs)


def test_what_the_spec_says_stays() -> None:
    given = spec(training={"batch_size": 1024, "epochs": 3}, finetune={"epochs": 2})
    assert plan_training(given, 28_000) == TrainingPlan(batch_size=1024, epochs=3, fresh=False, tuning_epochs=2)
    for finetune, epochs in (({"epochs": 0}, 0), ({"start": "warm"}, 1)):
        plan = plan_training(spec(finetune=finetune), 300)
        assert (plan.fresh, plan.tuning_epochs) == (False, epochs)
    assert not plan_training(spec(training={"epochs": 4}), 300).fresh, "rows read no oftener than many are"
    assert plan_training(spec(training={"epochs": 3}, finetune={"start": "fresh"}), 28_000).tuning_epochs == 3
    assert plan_training(spec(training={"batch_size": 1024}), 28_000).epochs == 55  # 27.3 steps an epoch


def test_a_stream_is_read_once() -> None:
    assert plan_training(spec(selector={"update": "progressive"}), 28_000).epochs == 1


def test_gates_of_short_searches_move_faster() -> None:
    rates = [gate_learning_rate(LeapSpec(), steps) for steps in (10, 200, 800, 10_000)]
    assert rates == pytest.approx([0.1, 0.04, 0.01, 0.01])
    assert gate_learning_rate(LeapSpec(learning_rate=0.003), 10) == 0.003
