"""Points of the selection curve, from predictions under kept sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sharding.layout import split_dim
from trainers.models.ranking import PlainModel
from trainers.pruning.ranking import RankedFeature, with_copies
from trainers.runs.results import CurvePoint
from trainers.training.evaluation import Predictions, masked_forward, predict
from trainers.training.loaders import DataLoaders
from trainers.training.ranks import RankContext


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The selection curve, fewest features first, and the point of what the list keeps."""

    curve: Sequence[CurvePoint]
    own: CurvePoint


@dataclass(frozen=True, kw_only=True)
class CurveScorer:
    """Measures kept sets of a trained model's features, or of their dims, on every validation row.

    A copy of a kept feature is left open: the kept one has its values, and what the model reads from the copy,
    fine-tuning moves to the kept one.
    """

    model: PlainModel
    loaders: DataLoaders
    ranks: RankContext
    features: Sequence[RankedFeature]

    def score(self, kept: Sequence[tuple[str, ...]]) -> list[CurvePoint]:
        """A point for each set of names. Collective; all ranks get the same."""
        opened = [with_copies(names, self.features) for names in kept]
        with self.loaders.whole(self.loaders.validation) as batches:
            forward = masked_forward(self.model, opened, by_dim=self.loaders.spec.by_dim)
            found = predict(forward, batches, self.ranks)
        grouped = self.loaders.spec.dataset.group is not None
        points = None if found is None else curve_points(found, kept, self.features, grouped=grouped)
        return self.ranks.broadcast(points)


def curve_points(
    found: Predictions, kept: Sequence[tuple[str, ...]], features: Sequence[RankedFeature], *, grouped: bool
) -> list[CurvePoint]:
    """Quality of each kept set over the validation rows; row k of the logits belongs to set k."""
    by_name = {feature.name: feature for feature in features}
    points = []
    for k, names in enumerate(kept):
        metrics = found.metrics(k, grouped=grouped)
        points.append(
            CurvePoint(
                features=len({split_dim(name)[0] for name in names}),
                dims=sum(by_name[name].dim for name in names),
                embedding_bytes=sum(by_name[name].embedding_bytes for name in names),
                logloss=metrics.logloss,
                auc=metrics.auc,
                gauc=metrics.gauc,
            )
        )
    return points
