"""Networks that cross columns or vectors layer by layer, against their formulas."""

import pytest
import torch

from sharding.layout import FeatureLayout
from tests.trainers.models.backbones.reference import LAYOUT, PAIRS, X_BC, build, vectors
from trainers.models.backbones.dcn import DcnSpec
from trainers.models.backbones.dlrm import DlrmSpec
from trainers.models.backbones.gdcn import GdcnSpec
from trainers.models.backbones.masknet import MaskNetSpec
from trainers.models.backbones.xdeepfm import XDeepFmSpec


def test_a_cross_layer_of_rank_one() -> None:
    """x_{l+1} = x_0 (x_l · w_l) + b_l + x_l, column by column."""
    backbone = build(DcnSpec(backbone="dcn", cross_layers=2, hidden=(4,)))
    for x_C, found_T in zip(X_BC, backbone(X_BC), strict=True):
        crossed_C = x_C
        for kernel_C1, bias_C1 in zip(backbone.cross.kernels, backbone.cross.bias, strict=True):
            weight = sum(crossed_C[c] * kernel_C1[c, 0] for c in range(LAYOUT.total))
            crossed_C = torch.stack([x_C[c] * weight + bias_C1[c, 0] + crossed_C[c] for c in range(LAYOUT.total)])
        torch.testing.assert_close(found_T, backbone.out(crossed_C) + backbone.deep(x_C))


def test_a_gated_cross_layer_by_hand() -> None:
    """x = (1, 2). W_c x + b = (1 + 2 + 1, 2) = (4, 2); σ(W_g x) = (1/2, 3/4); x ⊙ (4, 2) ⊙ (1/2, 3/4) + x = (3, 5)."""
    layout = FeatureLayout.from_dims({"a": 1, "b": 1})
    backbone = build(GdcnSpec(backbone="gdcn", cross_layers=1, hidden=()), layout=layout)
    layer = backbone.crosses[0]
    with torch.no_grad():
        layer.cross.weight.copy_(torch.tensor([[1.0, 1.0], [0.0, 1.0]]))
        layer.cross.bias.copy_(torch.tensor([1.0, 0.0]))
        layer.gate.weight.copy_(torch.tensor([[0.0, 0.0], [0.0, 0.5493061443340548]]))  # ½ ln 3, and σ(ln 3) = ¾
    x_BC = torch.tensor([[1.0, 2.0]]).double()
    torch.testing.assert_close(layer(x_BC, x_BC), torch.tensor([[3.0, 5.0]]).double())
    expected = backbone.out(torch.tensor([3.0, 5.0]).double()) + backbone.deep(x_BC[0])
    torch.testing.assert_close(backbone(x_BC)[0], expected)


def test_gated_crosses_start_each_layer_from_the_input() -> None:
    backbone = build(GdcnSpec(backbone="gdcn", cross_layers=2, hidden=()))
    crossed_BC = X_BC
    for layer in backbone.crosses:
        gate_BC = 1 / (1 + (-crossed_BC @ layer.gate.weight.T).exp())
        crossed_BC = X_BC * (crossed_BC @ layer.cross.weight.T + layer.cross.bias) * gate_BC + crossed_BC
    torch.testing.assert_close(backbone(X_BC), backbone.out(crossed_BC) + backbone.deep(X_BC))


def test_compressed_interactions_against_loops() -> None:
    backbone = build(XDeepFmSpec(backbone="xdeepfm", factors=3, cross_maps=(4, 2), hidden=(4,)), labels=2)
    for x_C, found_T in zip(X_BC, backbone(X_BC), strict=True):
        v = vectors(x_C, backbone.projection_CK)
        before, pooled = v, []
        for layer in backbone.crosses:
            before = [
                sum(weight_GF[g, f] * (before[g] * v[f]) for g in range(len(before)) for f in range(len(v)))
                for weight_GF in layer.weight_HGF
            ]
            pooled += [x_K.sum() for x_K in before]
        crosses_T = backbone.out.weight @ torch.stack(pooled)
        torch.testing.assert_close(found_T, backbone.linear(x_C) + crosses_T + backbone.deep(x_C))


@pytest.mark.parametrize("structure", ["serial", "parallel"])
def test_masks_are_made_from_the_row(structure: str) -> None:
    spec = MaskNetSpec(backbone="masknet", structure=structure, factors=3, blocks=2, block_dim=4, mask_dim=5, hidden=())
    backbone = build(spec)

    def normalized(y: torch.Tensor, norm: torch.nn.LayerNorm) -> torch.Tensor:
        deviation = ((y - y.mean()) ** 2).mean() + norm.eps
        return (y - y.mean()) / deviation.sqrt() * norm.weight + norm.bias

    for x_C, found_T in zip(X_BC, backbone(X_BC), strict=True):
        v = [
            v_K + shift_K for v_K, shift_K in zip(vectors(x_C, backbone.projection_CK), backbone.shift_FK, strict=True)
        ]
        features_W = torch.cat([normalized(v_K, backbone.norm) for v_K in v])
        y_W, outputs = features_W, []
        for block in backbone.blocks:
            aggregate, _, project = block.mask
            mask_W = project.weight @ (aggregate.weight @ x_C + aggregate.bias).clamp(min=0) + project.bias
            masked_W = mask_W * (y_W if structure == "serial" else features_W)
            y_W = normalized(block.hidden[0].weight @ masked_W, block.hidden[1]).clamp(min=0)
            outputs.append(y_W)
        last_W = y_W if structure == "serial" else torch.cat(outputs)
        torch.testing.assert_close(found_T, backbone.deep(last_W))


def test_layer_normalization_leaves_a_scalars_size() -> None:
    spec = MaskNetSpec(backbone="masknet", factors=4)
    backbone = spec.build(FeatureLayout.from_dims({"age": 1})).eval()
    found = backbone(torch.tensor([[0.5], [1.0], [2.0]]))  # type: ignore[operator]
    assert len(found.unique()) == 3


def test_scalars_go_through_a_perceptron_and_the_others_are_crossed() -> None:
    backbone = build(DlrmSpec(backbone="dlrm", factors=3, bottom=(4,), hidden=(5,)))
    user, words, clip = 1, 2, 3
    for x_C, found_T in zip(X_BC, backbone(X_BC), strict=True):
        first, _, second = backbone.bottom
        z_K = second(first(x_C[:1]).clamp(min=0))
        projection_CK = torch.cat([torch.zeros(1, 3).double(), backbone.projection_DK])
        v = [z_K, *(vectors(x_C, projection_CK)[i] for i in (user, words, clip))]
        products = [v[i] @ v[j] for i, j in PAIRS]  # z and three features: as many vectors as LAYOUT has features
        torch.testing.assert_close(found_T, backbone.deep(torch.cat([z_K, torch.stack(products)])))


def test_without_scalars_the_perceptrons_output_is_a_constant() -> None:
    layout = FeatureLayout.from_dims({"user": 2, "item": 2})
    backbone = build(DlrmSpec(backbone="dlrm", factors=2, hidden=()), layout=layout)
    x_C = torch.tensor([1.0, 2.0, 3.0, 4.0]).double()
    user, item = vectors(x_C, backbone.projection_DK, layout)
    constant = backbone.constant_K
    crossed = torch.cat([constant, torch.stack([constant @ user, constant @ item, user @ item])])
    torch.testing.assert_close(backbone(x_C[None])[0], backbone.deep(crossed))
