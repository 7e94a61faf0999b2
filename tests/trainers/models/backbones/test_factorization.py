"""Factorization machines against double loops over pairs."""

import torch

from tests.trainers.models.backbones.reference import LAYOUT, PAIRS, X_BC, build, vectors
from trainers.models.backbones.ffm import FfmSpec
from trainers.models.backbones.fm import FmSpec
from trainers.models.backbones.fwfm import FwFmSpec
from trainers.models.backbones.lr import LrSpec


def test_logistic_regression_is_linear() -> None:
    backbone = build(LrSpec(backbone="lr"), labels=2)
    weight_TC, bias_T = backbone.linear.weight, backbone.linear.bias
    expected_BT = torch.stack([(weight_TC * row).sum(1) + bias_T for row in X_BC])
    torch.testing.assert_close(backbone(X_BC), expected_BT)


def test_a_factorization_machine_sums_over_pairs() -> None:
    backbone = build(FmSpec(backbone="fm", factors=3))
    for x_C, found_T in zip(X_BC, backbone(X_BC), strict=True):
        v = vectors(x_C, backbone.projection_CK)
        expected_T = backbone.linear(x_C) + sum(v[i] @ v[j] for i, j in PAIRS)
        torch.testing.assert_close(found_T, expected_T)


def test_field_weights_weigh_each_pair_for_each_label() -> None:
    backbone = build(FwFmSpec(backbone="fwfm", factors=3), labels=2)
    for x_C, found_T in zip(X_BC, backbone(X_BC), strict=True):
        v = vectors(x_C, backbone.projection_CK)
        for label in range(2):
            weighted = [r * (v[i] @ v[j]) for r, (i, j) in zip(backbone.strength_TP[label], PAIRS, strict=True)]
            torch.testing.assert_close(found_T[label], backbone.linear(x_C)[label] + sum(weighted))


def test_field_weights_of_one_make_a_factorization_machine() -> None:
    plain, weighted = build(FmSpec(backbone="fm", factors=3)), build(FwFmSpec(backbone="fwfm", factors=3))
    weighted.load_state_dict(plain.state_dict(), strict=False)
    torch.nn.init.ones_(weighted.strength_TP)
    torch.testing.assert_close(weighted(X_BC), plain(X_BC))


def test_a_field_aware_machine_has_a_vector_for_each_partner() -> None:
    backbone = build(FfmSpec(backbone="ffm", factors=2))
    projection_CFK = backbone.projection_CM.unflatten(1, (len(LAYOUT), 2))
    for x_C, found_T in zip(X_BC, backbone(X_BC), strict=True):
        shown = [vectors(x_C, projection_CFK[:, partner]) for partner in range(len(LAYOUT))]
        expected_T = backbone.linear(x_C) + sum(shown[j][i] @ shown[i][j] for i, j in PAIRS)
        torch.testing.assert_close(found_T, expected_T)
