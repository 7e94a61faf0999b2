"""A trained model without training: any function of the columns, and rows of one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import torch

from sharding.layout import FeatureLayout
from trainers.selectors.sensitivity.trained import TrainedModel
from trainers.training.ranks import RankContext


class Inputs:
    """Batches are x_BC already."""

    def __init__(self, layout: FeatureLayout) -> None:
        self.layout = layout

    def __call__(self, batch: Any) -> torch.Tensor:
        x_BC: torch.Tensor = batch.x_BC
        return x_BC


class Batch(SimpleNamespace):
    def __len__(self) -> int:
        return len(self.x_BC)


def trained(
    x_NC: torch.Tensor,
    label_N: torch.Tensor,
    layout: FeatureLayout,
    batch: int = 3,
    weight_N: torch.Tensor | None = None,
    logit: Callable[[torch.Tensor], torch.Tensor] = lambda x_BC: 4 * x_BC[:, 0],
) -> TrainedModel:
    """`logit` of a row's columns, by default 4 x_0 whatever the others are."""
    weights_N = torch.ones(len(label_N)) if weight_N is None else weight_N

    @contextmanager
    def batches() -> Iterator[Iterator[Any]]:
        starts = range(0, len(x_NC), batch)
        yield (
            Batch(
                x_BC=x_NC[at : at + batch],
                label_BT=label_N[at : at + batch, None],
                weight_B=weights_N[at : at + batch],
            )
            for at in starts
        )

    model: Any = SimpleNamespace(inputs=Inputs(layout), backbone=lambda x_BC: logit(x_BC)[:, None])
    return TrainedModel(model=model, batches=batches, first_row=0, ranks=RankContext(), seed=5)
