"""FeatNet's equations by loops over a row's subsets, queries and features; what it says of them by counting."""

from typing import Any

import pytest
import torch

from sharding.layout import FeatureLayout
from tests.trainers.models.backbones.reference import LAYOUT, X_BC, build, vectors
from trainers.models.backbones.featnet import FeatNetSpec
from trainers.models.backbones.featnet.network import soft_threshold

SPEC = FeatNetSpec(backbone="featnet", factors=3, subsets=2, queries=4, expansion=5, hidden=(4,))


def small_thresholds() -> Any:
    """A backbone that prunes some and keeps some: thresholds about σ(−2) = 0.12."""
    backbone = build(SPEC)
    with torch.no_grad():
        backbone.share_SR.abs_()
        for threshold in (backbone.threshold_SF, backbone.threshold_SEF):
            threshold.sub_(2.0)
    return backbone


def shares(backbone: Any, v: list[torch.Tensor]) -> torch.Tensor:
    """p_SF by Eqs. 2 to 4."""
    p_SF = torch.zeros(2, len(v)).double()
    for i, v_K in enumerate(v):
        expanded_R = 1 / (1 + (-(backbone.expand_RK @ v_K)).exp())
        for s in range(2):
            p = (backbone.share_SR[s] @ expanded_R).clamp(min=0)
            p_SF[s, i] = (p - backbone.threshold_SF[s, i].sigmoid()).clamp(min=0)
    return p_SF


def weights(backbone: Any, v: list[torch.Tensor]) -> torch.Tensor:
    """Score''_sei p_si (S × E × F), the keys made from the weighted features as in Eqs. 6, 11 and 12."""
    p_SF = shares(backbone, v)
    weight_SEF = torch.zeros(2, 4, len(v)).double()
    for s in range(2):
        for i, v_K in enumerate(v):
            key_K = backbone.key_KK @ (p_SF[s, i] * v_K)
            for e in range(4):
                score = (backbone.query_EK[e] @ key_K).clamp(min=0)
                kept = (score - backbone.threshold_SEF[s, e, i].sigmoid()).clamp(min=0)
                weight_SEF[s, e, i] = kept * p_SF[s, i]
    return weight_SEF


def test_a_soft_threshold_by_hand() -> None:
    """σ(0) = ½: 0.7 becomes 0.2, −0.7 becomes −0.2, and what is smaller than ½ becomes 0."""
    found = soft_threshold(torch.tensor([0.7, -0.7, 0.4, -0.4, 0.0]), torch.zeros(5))
    torch.testing.assert_close(found, torch.tensor([0.2, -0.2, 0.0, 0.0, 0.0]))


def test_subsets_combinations_and_perceptrons() -> None:
    backbone = small_thresholds()
    pruned, total = 0, 0
    for x_C, found_T in zip(X_BC, backbone(X_BC), strict=True):
        v = vectors(x_C, backbone.projection_CK)
        weight_SEF = weights(backbone, v)
        pruned, total = pruned + int((weight_SEF == 0).sum()), total + weight_SEF.numel()
        hidden = []
        for s in range(2):
            combined = [sum(weight_SEF[s, e, i] * v_K for i, v_K in enumerate(v)) for e in range(4)]
            hidden.append(backbone.deep[s](torch.cat(combined)))  # type: ignore[arg-type]
        torch.testing.assert_close(found_T, backbone.out(torch.cat(hidden)))
    assert 0.1 < pruned / total < 0.9  # both branches of the threshold were tried


@torch.no_grad()
def test_it_tells_subsets_orders_and_pairs() -> None:
    backbone = small_thresholds()
    assert backbone.interactions() == ()
    assert backbone.diagnostics() == {}
    backbone.observed = backbone.observe(X_BC)
    rows = [vectors(x_C, backbone.projection_CK) for x_C in X_BC]
    members_SF = torch.stack([(shares(backbone, v) > 0).double() for v in rows]).mean(0)
    torch.testing.assert_close(backbone.observed["members_SF"], members_SF)
    every = torch.stack([weights(backbone, v) for v in rows])
    counts = (every > 0).sum(3).flatten().tolist()
    expected = [counts.count(order) / len(counts) for order in range(len(LAYOUT) + 1)]
    assert backbone.observed["orders"].tolist() == pytest.approx(expected)
    norm_BF = torch.stack([torch.stack([v_K.norm() for v_K in v]) for v in rows])
    part = every * norm_BF[:, None, None]
    importance = {
        (LAYOUT.names[i], LAYOUT.names[j]): float((part[..., i] * part[..., j]).mean())
        for i in range(len(LAYOUT))
        for j in range(i + 1, len(LAYOUT))
    }
    found = backbone.interactions()
    assert {each.features: each.importance for each in found} == pytest.approx(importance)
    assert [each.importance for each in found] == pytest.approx(sorted(importance.values(), reverse=True))
    said = backbone.diagnostics()
    assert said["featnet_pruned"] == pytest.approx(float(1 - members_SF.mean()))
    assert set(said) == {"featnet_pruned", "featnet_orders", "featnet_subset_1", "featnet_subset_2"}
    inside = [name for name, share in zip(LAYOUT.names, members_SF[0], strict=True) if share >= 0.5]
    assert said["featnet_subset_1"] == f"{1 - members_SF[0].mean():.1%} pruned; {' '.join(inside)}"


def test_no_subset_begins_empty() -> None:
    layout = FeatureLayout.from_dims({f"f{number}": 4 for number in range(12)})
    for seed in range(5):
        torch.manual_seed(seed)
        backbone: Any = FeatNetSpec(backbone="featnet").build(layout)
        members_SF = backbone.observe(torch.randn(64, layout.total))["members_SF"]
        assert members_SF.mean(1).min() > 0.9
