"""Features in the order that gates give them, for tests that write a finished run by hand."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from trainers.pruning.ranking import RankedFeature
from trainers.runs.prune_list import Totals
from trainers.selectors.gates.ranking import rank_by_gate


def in_order(features: Sequence[RankedFeature]) -> list[RankedFeature]:
    """Essential features first, then by score and `mean_gate` of the details."""
    by_name = {feature.name: feature for feature in features}
    ranking = rank_by_gate(
        list(by_name),
        np.array([feature.score for feature in features]),
        np.array([feature.details["mean_gate"] for feature in features]),
    )
    return sorted((by_name[name] for name in ranking.names), key=lambda feature: not feature.essential)


def totals_of(features: Sequence[RankedFeature], kept: Collection[str]) -> Totals:
    """What the features named in `kept` weigh together, each with all of its dims."""
    chosen = [feature for feature in features if feature.name in kept]
    return Totals(
        features=len(chosen),
        dims=sum(feature.dim for feature in chosen),
        embedding_bytes=sum(feature.embedding_bytes for feature in chosen),
        bytes_per_example=sum(feature.bytes_per_example for feature in chosen),
    )
