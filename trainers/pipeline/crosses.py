"""What the backbone says of the crosses of features, measured on the validation rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import torch

from sharding.layout import KeptDims
from trainers.models.backbones.base import Backbone
from trainers.models.ranking import PlainModel
from trainers.selectors.base import Ranking
from trainers.training.loaders import DataLoaders

MOST = 100  # crosses that a list has room for


def add_crosses(
    ranking: Ranking, model: PlainModel, kept: Collection[str], kept_dims: KeptDims, loaders: DataLoaders
) -> Ranking:
    """The ranking with the backbone's interactions and diagnostics; the selector's own interactions go first.

    Interactions are those of features that stay, the most important alone. Collective.

    Args:
        ranking: what the selector found.
        model: the searched one.
        kept: names of the features that stay.
        kept_dims: of those that keep some of their dims alone, which.
        loaders: of all features.
    """
    backbone, stays = model.backbone, set(kept)
    backbone.observed = _observe(model, model.inputs.layout.columns(kept, kept_dims), loaders)
    found = ranking.interactions or backbone.interactions()
    among = tuple(cross for cross in found if stays.issuperset(cross.features))
    return replace(ranking, interactions=among[:MOST], diagnostics={**ranking.diagnostics, **backbone.diagnostics()})


@torch.no_grad()
def _observe(model: PlainModel, kept: Sequence[int], loaders: DataLoaders) -> dict[str, torch.Tensor]:
    """Means of what the backbone observes over all validation rows, the columns that go at their means; on the CPU."""
    if type(model.backbone).observe is Backbone.observe:
        return {}
    baseline, ranks = model.inputs.baseline, loaders.ranks
    mask_C = torch.zeros_like(baseline.mean_C)
    mask_C[list(kept)] = 1.0
    sums, rows = dict[str, torch.Tensor](), 0
    with loaders.whole(loaders.validation) as batches:
        for batch in batches:
            x_BC = baseline.interpolate_columns(model.inputs(batch), mask_C)
            rows += len(x_BC)
            for name, mean in model.backbone.observe(x_BC).items():
                part = mean.double().cpu() * len(x_BC)
                sums[name] = sums[name] + part if name in sums else part
    parts = ranks.gather((rows, sums))
    means = None
    if parts is not None:
        total = sum(count for count, _ in parts)
        names = dict.fromkeys(name for _, each in parts for name in each)
        means = {name: torch.stack([each[name] for _, each in parts if name in each]).sum(0) / total for name in names}
    return ranks.broadcast(means)
