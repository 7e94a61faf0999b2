"""Predictions of a whole split, every row once, gathered over the ranks; quality is exact, not windowed.

Shapes: N rows of the split, K kept sets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from trainers.data.batch import Batch
from trainers.metrics import significance
from trainers.metrics.quality import evaluate
from trainers.models.ranking import GatedModel
from trainers.runs.results import Quality
from trainers.training.ranks import RankContext

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Predictions:
    """What rank 0 knows of a split: K logits a row."""

    logit_KN: Array
    label_N: Array
    weight_N: Array
    group_N: NDArray[np.int64]

    def metrics(self, k: int = 0, *, grouped: bool) -> Quality:
        group_N = self.group_N if grouped else None
        return evaluate(self.label_N, self.logit_KN[k], self.weight_N, group_N)


def difference_error(metric: str, first: Predictions, second: Predictions) -> float | None:
    """How far chance moves the difference of two models' `metric`: its standard error over the rows of a split."""
    return significance.difference_error(metric, first.label_N, first.logit_KN[0], second.logit_KN[0], first.weight_N)


@torch.no_grad()
def predict(
    forward: Callable[[Batch], torch.Tensor], batches: Iterator[Batch], ranks: RankContext
) -> Predictions | None:
    """Run `forward` (logits of shape B or K × B) over this rank's batches; all rows at rank 0, None elsewhere."""
    logits, labels, weights, groups = [], [], [], []
    for batch in batches:
        logits.append(torch.atleast_2d(forward(batch)).cpu().numpy())
        labels.append(batch.label_B.cpu().numpy())
        weights.append(batch.weight_B.cpu().numpy())
        groups.append(batch.group_B.cpu().numpy())
    own = (np.concatenate(logits, 1), np.concatenate(labels), np.concatenate(weights), np.concatenate(groups))
    parts = ranks.gather(own)
    if parts is None:
        return None
    logit, label, weight, group = zip(*parts, strict=True)
    return Predictions(np.concatenate(logit, 1), np.concatenate(label), np.concatenate(weight), np.concatenate(group))


def masked_forward(model: GatedModel, kept: list[tuple[str, ...]]) -> Callable[[Batch], torch.Tensor]:
    """A forward giving K × B logits: the one trained model with the features outside each set at their means.

    The embeddings are looked up once a batch; only the backbone runs K times.
    """
    gate = model.gate
    chosen = [set(names) for names in kept]
    rows = [[name in names for name in gate.layout.names] for names in chosen]
    mask_KF = torch.tensor(rows, device=gate.theta.device).float()

    def forward(batch: Batch) -> torch.Tensor:
        x_BC = model.inputs(batch)
        return torch.stack([model.backbone(gate.interpolate(x_BC, mask_F)) for mask_F in mask_KF])

    return forward
