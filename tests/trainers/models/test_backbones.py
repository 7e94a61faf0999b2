"""One suite that every backbone passes: heterogeneous dims, gradients everywhere, pruning as documented."""

from typing import Any

import pytest
import torch

from sharding.layout import FeatureLayout
from trainers.models.backbones.base import Backbone
from trainers.models.backbones.dcnv2 import DcnV2Spec
from trainers.models.backbones.deepfm import DeepFmSpec
from trainers.models.backbones.mlp import MlpSpec
from trainers.models.backbones.registry import BACKBONES
from trainers.models.backbones.wide_deep import WideDeepSpec

LAYOUT = FeatureLayout.from_dims({"age": 1, "price": 1, "user": 8, "words": 5, "clip": 256})
SPECS: dict[str, Any] = {
    "mlp": MlpSpec(backbone="mlp", hidden=(16, 8), batch_norm=True, dropout=0.1),
    "wide_deep": WideDeepSpec(),
    "dcnv2": DcnV2Spec(backbone="dcnv2", cross_layers=2, rank=4),
    "deepfm": DeepFmSpec(backbone="deepfm", factors=4, batch_norm=True),
}
KEPT = ["age", "words", "clip"]


def trained(spec: Any) -> Backbone:
    """A backbone after a few steps, so that no parameter stands where it began."""
    torch.manual_seed(0)
    backbone = spec.build(LAYOUT)
    optimizer = torch.optim.Adam(backbone.parameters(), lr=1e-2)
    for _ in range(20):
        x_BC = torch.randn(64, LAYOUT.total)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(backbone(x_BC), (x_BC[:, :1] > 0).float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return backbone.eval()


def at_baseline(x_BC: torch.Tensor, baseline_C: torch.Tensor) -> torch.Tensor:
    kept = LAYOUT.columns(KEPT)
    fixed_BC = baseline_C.repeat(len(x_BC), 1)
    fixed_BC[:, kept] = x_BC[:, kept]
    return fixed_BC


def test_every_backbone_is_in_the_suite() -> None:
    assert set(SPECS) == set(BACKBONES)


@pytest.mark.parametrize("name", SPECS)
def test_a_logit_a_row_and_a_gradient_to_every_column(name: str) -> None:
    backbone = trained(SPECS[name])
    x_BC = torch.randn(7, LAYOUT.total, requires_grad=True)
    logits_BT = backbone(x_BC)
    assert logits_BT.shape == (7, 1)
    logits_BT.sum().backward()
    assert x_BC.grad is not None
    assert (x_BC.grad.abs().sum(0) > 0).all()
    torch.testing.assert_close(torch.cat([backbone(row[None]) for row in x_BC]), logits_BT)


@pytest.mark.parametrize("name", SPECS)
def test_state_round_trips(name: str) -> None:
    backbone, other = trained(SPECS[name]), SPECS[name].build(LAYOUT).eval()
    other.load_state_dict(backbone.state_dict())
    x_BC = torch.randn(5, LAYOUT.total)
    assert torch.equal(backbone(x_BC), other(x_BC))


@pytest.mark.parametrize("name", ["mlp", "wide_deep", "deepfm"])
def test_pruning_is_exact(name: str) -> None:
    backbone = trained(SPECS[name])
    baseline_C, x_BC = torch.randn(LAYOUT.total), torch.randn(100, LAYOUT.total)
    small = backbone.pruned(KEPT, baseline_C)
    expected = backbone(at_baseline(x_BC, baseline_C))
    torch.testing.assert_close(small(x_BC[:, LAYOUT.columns(KEPT)]), expected, atol=1e-5, rtol=1e-5)
    again = small.pruned(["words"], baseline_C[LAYOUT.columns(KEPT)])
    words = LAYOUT.columns(["words"])
    both_BC = baseline_C.repeat(100, 1)
    both_BC[:, words] = x_BC[:, words]
    torch.testing.assert_close(again(x_BC[:, words]), backbone(both_BC), atol=1e-5, rtol=1e-5)


def test_pruning_cross_layers_is_close() -> None:
    for layers, tolerance in ((1, 0.03), (3, 0.1)):
        backbone = trained(DcnV2Spec(backbone="dcnv2", cross_layers=layers, rank=4))
        baseline_C, x_BC = torch.randn(LAYOUT.total), torch.randn(500, LAYOUT.total)
        small = backbone.pruned(KEPT, baseline_C)
        expected, found = backbone(at_baseline(x_BC, baseline_C)), small(x_BC[:, LAYOUT.columns(KEPT)])
        assert (found - expected).std() / expected.std() < tolerance


@pytest.mark.parametrize("name", SPECS)
def test_pruning_shrinks_and_keeping_all_changes_nothing(name: str) -> None:
    backbone = trained(SPECS[name])
    small = backbone.pruned(["age", "user"], torch.zeros(LAYOUT.total))
    assert small.layout.names == ("age", "user")
    assert sum(p.numel() for p in small.parameters()) < sum(p.numel() for p in backbone.parameters())
    x_BC = torch.randn(5, LAYOUT.total)
    same = backbone.pruned(LAYOUT.names, torch.zeros(LAYOUT.total))
    torch.testing.assert_close(same(x_BC), backbone(x_BC))
    with pytest.raises(KeyError):
        backbone.pruned(["nobody"], torch.zeros(LAYOUT.total))


def test_factorization_machine_by_hand() -> None:
    layout = FeatureLayout.from_dims({"a": 1, "b": 2})
    backbone = DeepFmSpec(backbone="deepfm", factors=2).build(layout)
    with torch.no_grad():
        backbone.projection_CK.copy_(torch.tensor([[1.0, 2.0], [3.0, 0.0], [0.0, 1.0]]))
    # v_a = 2·(1, 2) = (2, 4); v_b = 1·(3, 0) + 5·(0, 1) = (3, 5); ⟨v_a, v_b⟩ = 6 + 20
    found = backbone._crosses(torch.tensor([[2.0, 1.0, 5.0]]))  # type: ignore[operator]
    assert found.item() == pytest.approx(26.0)
