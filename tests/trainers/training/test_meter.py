"""What a rank measures between two reports."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from trainers.models.batch import Batch
from trainers.training import gate_trainer
from trainers.training.gate_trainer import Meter
from trainers.training.ranks import RankContext

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")


def batch(labels: list[float], weights: list[float] | None = None) -> Batch:
    label_B = torch.tensor(labels)
    weight_B = torch.ones_like(label_B) if weights is None else torch.tensor(weights)
    return Batch(torch.empty(len(labels), 0), None, label_B, torch.zeros_like(label_B), weight_B)  # type: ignore[arg-type]


def auc_of(meter: Meter) -> float | None:
    gate_F = np.zeros(1, np.float32)
    return meter.report(RankContext(), 1, gate_F, {"divergence": gate_F}, 0.0).held_out_auc


def test_the_auc_is_of_the_held_out_rows_since_the_last_report() -> None:
    meter = Meter(torch.device("cpu"), 0)
    assert auc_of(meter) is None
    meter.keep(batch([0, 1]), torch.tensor([0.3, 0.2]))
    meter.keep(batch([1, 0]), torch.tensor([0.9, -1.0]))
    # Of the four pairs of a positive and a negative, (0.2, 0.3) alone is the wrong way round.
    assert auc_of(meter) == pytest.approx(0.75)
    meter.keep(batch([0, 1]), torch.tensor([0.1, 0.4]))
    assert auc_of(meter) == 1.0
    meter.keep(batch([1, 1]), torch.tensor([0.1, 0.4]))
    assert auc_of(meter) is None


def test_rows_count_with_their_weights() -> None:
    meter = Meter(torch.device("cpu"), 0)
    meter.keep(batch([0, 1, 1], [1.0, 3.0, 1.0]), torch.tensor([0.0, 1.0, -1.0]))
    assert auc_of(meter) == pytest.approx(0.75)


def test_the_newest_rows_stand_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_trainer, "RANKED_ROWS", 4)
    meter = Meter(torch.device("cpu"), 0)
    meter.keep(batch([0, 1]), torch.tensor([5.0, -5.0]))
    for _ in range(2):
        meter.keep(batch([0, 1]), torch.tensor([-1.0, 1.0]))
    assert len(meter.held_out) == 2
    assert auc_of(meter) == 1.0
    meter.keep(batch([0, 0, 1, 1, 0, 1]), torch.tensor([9.0, 9.0, 1.0, 2.0, 0.0, 3.0]))
    assert auc_of(meter) == 1.0
