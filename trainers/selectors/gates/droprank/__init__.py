"""DropRank, dropout feature ranking (Chang, Rampasek and Goldenberg 2017). Its options; the gate is beside them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Literal

from trainers.selectors.gates.mask_options import PenalizedConcreteSpec, Update, like

if TYPE_CHECKING:
    from sharding.layout import FeatureLayout
    from trainers.models.baseline import Baseline
    from trainers.selectors.gates.droprank.gate import DropRankGate


class DropRankSpec(PenalizedConcreteSpec):
    """DropRank (Chang et al. 2017): dropout rates of the features are learned on a model that is trained without
    them. Score: the probability of keep."""

    name: Literal["droprank"]
    update: Update = like("update", "bilevel")

    def build(self, layout: FeatureLayout, baseline: Baseline, essential: Collection[str]) -> DropRankGate:
        from trainers.selectors.gates.droprank.gate import DropRankGate

        return DropRankGate(layout, self, essential=essential, baseline=baseline)
