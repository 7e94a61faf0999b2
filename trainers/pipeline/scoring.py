"""What the selection makes of a trained gate: scores of features, and points of the curve."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trainers.pruning.curve import FeatureScore
from trainers.runs.results import CurvePoint
from trainers.selectors.gates.base import Gate
from trainers.spec import DenseFeature, JobSpec
from trainers.training.evaluation import Predictions


def feature_scores(spec: JobSpec, gate: Gate, mean_gate_F: NDArray[np.float32] | None) -> list[FeatureScore]:
    """Score and details of every feature, with what it weighs. `spec` must be in canonical order."""
    gates = gate.scores().tolist()
    mean_gates = gates if mean_gate_F is None else mean_gate_F.tolist()
    details = {name: value_F.tolist() for name, value_F in gate.details().items()}
    return [
        FeatureScore(
            name=feature.name,
            kind=feature.kind,
            dim=feature.dim,
            score=score,
            details={name: values[place] for name, values in details.items()},
            mean_gate=mean_gate,
            essential=spec.is_essential(feature),
            embedding_bytes=0 if isinstance(feature, DenseFeature) else feature.hash_size * feature.dim * 4,
            bytes_per_example=feature.dim * 4 if isinstance(feature, DenseFeature) else 8,
        )
        for place, (feature, score, mean_gate) in enumerate(zip(spec.features, gates, mean_gates, strict=True))
    ]


def curve_points(
    found: Predictions, kept: list[tuple[str, ...]], scores: list[FeatureScore], *, grouped: bool
) -> list[CurvePoint]:
    """Quality of each kept set over the validation rows; row k of the logits belongs to set k."""
    by_name = {score.name: score for score in scores}
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
