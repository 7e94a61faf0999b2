"""Networks over products of features, against loops over the pairs of a row."""

from typing import Any

import pytest
import torch

from tests.trainers.models.backbones.reference import LAYOUT, PAIRS, X_BC, build, vectors
from trainers.models.backbones.afm import AfmSpec
from trainers.models.backbones.afn import AfnSpec
from trainers.models.backbones.afn.network import SMALLEST
from trainers.models.backbones.fibinet import FiBiNetSpec
from trainers.models.backbones.nfm import NfmSpec


def test_the_perceptron_reads_the_sum_of_all_pairs() -> None:
    backbone = build(NfmSpec(backbone="nfm", factors=3, hidden=(4,)))
    for x_C, found_T in zip(X_BC, backbone(X_BC), strict=True):
        v = vectors(x_C, backbone.projection_CK)
        pairs_K = torch.stack([v[i] * v[j] for i, j in PAIRS]).sum(0)
        torch.testing.assert_close(found_T, backbone.linear(x_C) + backbone.deep(pairs_K))


def test_attention_weighs_the_pairs_of_a_row() -> None:
    backbone = build(AfmSpec(backbone="afm", factors=3, attention_dim=4))
    first, _, second = backbone.attention
    for x_C, found_T in zip(X_BC, backbone(X_BC), strict=True):
        v = vectors(x_C, backbone.projection_CK)
        products = [v[i] * v[j] for i, j in PAIRS]
        scores = [second.weight[0] @ (first.weight @ product_K + first.bias).clamp(min=0) for product_K in products]
        total = sum(score.exp() for score in scores)
        pooled_K = sum(score.exp() / total * product_K for score, product_K in zip(scores, products, strict=True))
        torch.testing.assert_close(found_T, backbone.linear(x_C) + backbone.out(pooled_K))


def test_a_logarithmic_neuron_is_a_product_of_powers() -> None:
    backbone = build(AfnSpec(backbone="afn", factors=3, neurons=2, hidden=(4,)))
    norms = (backbone.log_norm, backbone.product_norm)
    with torch.no_grad():
        for norm in norms:  # of running mean 0 and variance 1 − ε: in evaluation mode the identity
            norm.running_var.fill_(1 - norm.eps)
            norm.weight.fill_(1.0)
            norm.bias.zero_()
    for x_C, found_T in zip(X_BC, backbone(X_BC), strict=True):
        v = [v_K.abs().clamp(min=SMALLEST) for v_K in vectors(x_C, backbone.projection_CK)]
        products = [torch.stack([v_K**w for v_K, w in zip(v, w_F, strict=True)]).prod(0) for w_F in backbone.power_HF]
        torch.testing.assert_close(found_T, backbone.deep(torch.cat(products)))


@pytest.mark.parametrize("bilinear", ["all", "each", "interaction"])
def test_bilinear_crosses_of_plain_and_weighted_features(bilinear: Any) -> None:
    backbone = build(FiBiNetSpec(backbone="fibinet", factors=3, reduction=2, bilinear=bilinear, hidden=(4,)))
    matrix = {"all": lambda p, i: 0, "each": lambda p, i: i, "interaction": lambda p, i: p}[bilinear]
    weigh = backbone.weigh
    assert weigh.squeeze.weight.shape == (2, len(LAYOUT))
    with torch.no_grad():
        weigh.squeeze.weight.abs_()
    for x_C, found_T in zip(X_BC, backbone(X_BC), strict=True):
        v = vectors(x_C, backbone.projection_CK)
        z_F = torch.stack([v_K.mean() for v_K in v])
        a_F = (weigh.excite.weight @ (weigh.squeeze.weight @ z_F).clamp(min=0)).clamp(min=0)
        crosses = []
        for layer, vector in (
            (backbone.plain, v),
            (backbone.weighted, [a * v_K for a, v_K in zip(a_F, v, strict=True)]),
        ):
            for p, (i, j) in enumerate(PAIRS):
                crosses.append((vector[i] @ layer.weight_MKK[matrix(p, i)]) * vector[j])
        torch.testing.assert_close(found_T, backbone.linear(x_C) + backbone.deep(torch.cat(crosses)))


def test_features_begin_with_weights_above_zero() -> None:
    backbone: Any = FiBiNetSpec(backbone="fibinet").build(LAYOUT)
    assert (backbone.weigh.excite.weight > 0).all()
