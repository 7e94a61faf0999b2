"""Points of the selection curve, from predictions under kept sets."""

from __future__ import annotations

from collections.abc import Sequence

from trainers.pruning.ranking import RankedFeature
from trainers.runs.results import CurvePoint
from trainers.training.evaluation import Predictions


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
                features=len(names),
                dims=sum(by_name[name].dim for name in names),
                embedding_bytes=sum(by_name[name].embedding_bytes for name in names),
                logloss=metrics.logloss,
                auc=metrics.auc,
                gauc=metrics.gauc,
            )
        )
    return points
