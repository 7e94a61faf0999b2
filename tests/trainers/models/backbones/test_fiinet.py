"""FiiNet's equations by loops over the pairs and triples of a row, its ablations, and what it says of crosses."""

from itertools import combinations
from typing import Any

import pytest
import torch

from tests.trainers.models.backbones.reference import LAYOUT, X_BC, build, vectors
from trainers.models.backbones.fiinet import FiiNetSpec


def spec(ablation: Any = "none") -> FiiNetSpec:
    return FiiNetSpec(backbone="fiinet", factors=3, reduction=2, hidden=(4,), ablation=ablation)


def crosses(orders: tuple[int, ...]) -> list[tuple[int, ...]]:
    return [cross for order in orders for cross in combinations(range(len(LAYOUT)), order)]


def attention(backbone: Any, u: list[torch.Tensor], orders: tuple[int, ...]) -> list[torch.Tensor]:
    """a_c of pairs and b_c of triples by the softmax over two branches (Eq. 5), A for pairs and its negative for
    triples, B = 0."""
    layer = backbone.crosses
    z_N = torch.stack([u_K.mean() for u_K in u])
    s_D = (layer.squeeze_DN @ z_N).clamp(min=0)
    found = []
    for number, cross in enumerate(crosses(orders)):
        sign = 1 if len(cross) == 2 else -1
        a = (sign * layer.select_ND[number] @ s_D).exp()
        b = torch.ones(()).double()
        found.append(a / (a + b) if len(cross) == 2 else b / (a + b))
    return found


@pytest.mark.parametrize(("ablation", "orders"), [("none", (2, 3)), ("s", (3,)), ("h", (2,))])
def test_crosses_are_weighed_by_row(ablation: str, orders: tuple[int, ...]) -> None:
    backbone = build(spec(ablation))
    assert len(backbone.crosses.scale_N) == {"none": 10, "s": 4, "h": 6}[ablation]  # C(4, 2) = 6 and C(4, 3) = 4
    for x_C, found_T in zip(X_BC, backbone(X_BC), strict=True):
        e = vectors(x_C, backbone.projection_CK)
        u = [
            w * torch.stack([e[i] for i in cross]).prod(0)
            for w, cross in zip(backbone.crosses.scale_N, crosses(orders), strict=True)
        ]
        weighed = [a * u_K for a, u_K in zip(attention(backbone, u, orders), u, strict=True)]
        torch.testing.assert_close(found_T, backbone.linear(x_C) + backbone.deep(torch.cat(weighed)))


def test_without_the_selective_kernel_the_perceptron_reads_the_features() -> None:
    backbone = build(spec("sh"))
    for x_C, found_T in zip(X_BC, backbone(X_BC), strict=True):
        e_M = torch.cat(vectors(x_C, backbone.projection_CK))
        torch.testing.assert_close(found_T, backbone.linear(x_C) + backbone.deep(e_M))
    assert backbone.observe(X_BC) == {}
    assert backbone.interactions() == ()


@torch.no_grad()
def test_it_tells_the_mean_weight_of_each_cross() -> None:
    backbone = build(spec())
    assert backbone.interactions() == ()
    backbone.observed = backbone.observe(X_BC)
    total = dict.fromkeys(crosses((2, 3)), 0.0)
    for x_C in X_BC:
        e = vectors(x_C, backbone.projection_CK)
        u = [
            w * torch.stack([e[i] for i in cross]).prod(0)
            for w, cross in zip(backbone.crosses.scale_N, total, strict=True)
        ]
        for cross, weight in zip(total, attention(backbone, u, (2, 3)), strict=True):
            total[cross] += float(weight)
    expected = {tuple(LAYOUT.names[i] for i in cross): weight / len(X_BC) for cross, weight in total.items()}
    found = backbone.interactions()
    assert {each.features: each.importance for each in found} == pytest.approx(expected)
    assert [each.importance for each in found] == pytest.approx(sorted(expected.values(), reverse=True))
