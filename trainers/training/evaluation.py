"""Predictions of a whole split, every row once, gathered over the ranks; quality is exact, not windowed.

Shapes: N rows of the split, K kept sets, T labels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from trainers.metrics.quality import evaluate
from trainers.metrics.significance import LabelledRows, paired_differences
from trainers.models.batch import Batch
from trainers.models.ranking import PlainModel
from trainers.runs.results import MetricDifference, Quality
from trainers.training.ranks import RankContext

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Predictions:
    """What rank 0 knows of a split: K logits a row and label."""

    logit_KTN: Array
    label_TN: Array
    weight_N: Array
    group_N: NDArray[np.int64]

    def metrics(self, k: int = 0, *, grouped: bool, label: int = 0) -> Quality:
        group_N = self.group_N if grouped else None
        return evaluate(self.label_TN[label], self.logit_KTN[k, label], self.weight_N, group_N)


def differences(first: Predictions, second: Predictions, *, grouped: bool) -> tuple[MetricDifference, ...]:
    """How much worse the second model is than the first, by metric, on the rows of a split."""
    group_N = first.group_N if grouped else None
    rows = LabelledRows.make(first.label_TN[0], first.weight_N, group_N)
    return paired_differences(rows, first.logit_KTN[0, 0], second.logit_KTN[0, 0])


@torch.no_grad()
def predict(
    forward: Callable[[Batch], torch.Tensor], batches: Iterator[Batch], ranks: RankContext
) -> Predictions | None:
    """Run `forward`, with logits of shape B × T or K × B × T, over this rank's batches.

    Returns:
        All rows at rank 0, None elsewhere.
    """
    logits, labels, weights, groups = [], [], [], []
    for batch in batches:
        logits_KBT = forward(batch)
        logits_KBT = logits_KBT if logits_KBT.ndim == 3 else logits_KBT[None]
        logits.append(logits_KBT.movedim(1, 2).cpu().numpy())
        labels.append(batch.label_BT.T.cpu().numpy())
        weights.append(batch.weight_B.cpu().numpy())
        groups.append(batch.group_B.cpu().numpy())
    own = (np.concatenate(logits, 2), np.concatenate(labels, 1), np.concatenate(weights), np.concatenate(groups))
    parts = ranks.gather(own)
    if parts is None:
        return None
    logit, label, weight, group = zip(*parts, strict=True)
    return Predictions(
        np.concatenate(logit, 2), np.concatenate(label, 1), np.concatenate(weight), np.concatenate(group)
    )


def masked_forward(
    model: PlainModel, kept: list[tuple[str, ...]], *, by_dim: bool = False
) -> Callable[[Batch], torch.Tensor]:
    """A forward giving K × B × T logits: the one trained model with the columns outside each set at their means.

    The embeddings are looked up once a batch; only the backbone runs K times.

    Args:
        model: the trained model.
        kept: names of features, or of dims where `by_dim`, a set for each K.
        by_dim: whether names are those of `FeatureLayout.by_dim`.
    """
    baseline = model.inputs.baseline
    units = baseline.layout.by_dim() if by_dim else baseline.layout
    mask_KC = torch.zeros(len(kept), units.total, device=baseline.mean_C.device)
    for mask_C, names in zip(mask_KC, kept, strict=True):
        mask_C[units.columns(names)] = 1.0

    def forward(batch: Batch) -> torch.Tensor:
        x_BC = model.inputs(batch)
        return torch.stack([model.backbone(baseline.interpolate_columns(x_BC, mask_C)) for mask_C in mask_KC])

    return forward
