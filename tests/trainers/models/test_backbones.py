"""One suite that every backbone passes: heterogeneous dims, gradients everywhere, pruning as documented."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
import torch

from sharding.layout import FeatureLayout
from trainers.models.backbones.autoint import AutoIntSpec
from trainers.models.backbones.base import Backbone, Scattered
from trainers.models.backbones.dcnv2 import DcnV2Spec
from trainers.models.backbones.deepfm import DeepFmSpec
from trainers.models.backbones.registry import BACKBONES

LAYOUT = FeatureLayout.from_dims({"age": 1, "price": 1, "user": 8, "words": 5, "clip": 256})
# Small options of every backbone; the defaults where it isn't named.
OPTIONS: dict[str, dict[str, Any]] = {
    "mlp": {"hidden": (16, 8), "batch_norm": True, "dropout": 0.1},
    "dcnv2": {"cross_layers": 2, "rank": 4},
    "deepfm": {"factors": 4, "batch_norm": True},
    "autoint": {"attention_dim": 8, "dropout": 0.1},
    "fm": {"factors": 4},
    "fwfm": {"factors": 4},
    "ffm": {"factors": 2},
    "dcn": {"hidden": (8,)},
    "xdeepfm": {"factors": 4, "cross_maps": (4, 3), "hidden": (8,)},
    "nfm": {"factors": 4, "hidden": (8,), "batch_norm": True},
    "afm": {"factors": 4, "attention_dim": 3, "dropout": 0.1},
    "afn": {"factors": 4, "neurons": 5, "hidden": (8,)},
    "fibinet": {"factors": 4, "bilinear": "each", "hidden": (8,)},
    "masknet": {"factors": 4, "blocks": 2, "block_dim": 8, "mask_dim": 4, "hidden": (8,)},
    "dlrm": {"factors": 4, "bottom": (6,), "hidden": (8,)},
    "gdcn": {"hidden": (8,)},
    "featnet": {"factors": 4, "subsets": 3, "queries": 4, "hidden": (8,)},
    "fiinet": {"factors": 4, "reduction": 2, "hidden": (8,)},
}
SPECS: dict[str, Any] = {
    name: kind(backbone=name, **OPTIONS.get(name, {}))  # type: ignore[arg-type]
    for name, kind in BACKBONES.items()
}
# Pruning cross layers is approximate; see the class.
EXACT = sorted(set(SPECS) - {"dcnv2"})
CUT = sorted(name for name in SPECS if type(SPECS[name].build(LAYOUT)).cut is not Backbone.cut)
KEPT = ["age", "words", "clip"]


def trained(spec: Any, labels: int = 1) -> Backbone:
    """A backbone after a few steps, so that no parameter stands where it began. Label t is the sign of column t."""
    torch.manual_seed(0)
    backbone: Backbone = spec.build(LAYOUT, labels)
    optimizer = torch.optim.Adam(backbone.parameters(), lr=1e-2)
    for _ in range(20):
        x_BC = torch.randn(64, LAYOUT.total)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(backbone(x_BC), (x_BC[:, :labels] > 0).float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return backbone.eval()


def at_baseline(
    x_BC: torch.Tensor, baseline_C: torch.Tensor, kept_dims: Mapping[str, Sequence[int]] | None = None
) -> torch.Tensor:
    kept = LAYOUT.columns(KEPT, kept_dims or {})
    fixed_BC = baseline_C.repeat(len(x_BC), 1)
    fixed_BC[:, kept] = x_BC[:, kept]
    return fixed_BC


@pytest.mark.parametrize("labels", [1, 2])
@pytest.mark.parametrize("name", SPECS)
def test_a_logit_a_row_and_label_and_a_gradient_to_every_column(name: str, labels: int) -> None:
    backbone = trained(SPECS[name], labels)
    x_BC = torch.randn(7, LAYOUT.total, requires_grad=True)
    logits_BT = backbone(x_BC)
    assert logits_BT.shape == (7, labels)
    logits_BT.sum().backward()
    assert x_BC.grad is not None
    assert (x_BC.grad.abs().sum(0) > 0).all()
    torch.testing.assert_close(torch.cat([backbone(row[None]) for row in x_BC]), logits_BT)


@pytest.mark.parametrize("labels", [1, 2])
@pytest.mark.parametrize("name", SPECS)
def test_the_weights_are_counted_before_the_network_is_built(name: str, labels: int) -> None:
    built = sum(weights.numel() for weights in SPECS[name].build(LAYOUT, labels).parameters())
    assert SPECS[name].count_parameters(list(LAYOUT.dims), labels) == built


@pytest.mark.parametrize("dim", [1, 3])
@pytest.mark.parametrize("name", SPECS)
def test_a_model_may_have_one_feature(name: str, dim: int) -> None:
    layout = FeatureLayout.from_dims({"alone": dim})
    backbone = SPECS[name].build(layout).eval()
    assert SPECS[name].count_parameters([dim]) == sum(weights.numel() for weights in backbone.parameters())
    logits_BT = backbone(torch.randn(4, dim))
    assert logits_BT.shape == (4, 1)
    logits_BT.sum().backward()
    # Data-parallel training waits for a gradient of every parameter.
    assert all(weights.grad is not None for weights in backbone.parameters())


@pytest.mark.parametrize("name", SPECS)
def test_state_round_trips(name: str) -> None:
    backbone, other = trained(SPECS[name]), SPECS[name].build(LAYOUT).eval()
    other.load_state_dict(backbone.state_dict())
    x_BC = torch.randn(5, LAYOUT.total)
    assert torch.equal(backbone(x_BC), other(x_BC))


@pytest.mark.parametrize("labels", [1, 2])
@pytest.mark.parametrize("name", EXACT)
def test_pruning_is_exact(name: str, labels: int) -> None:
    backbone = trained(SPECS[name], labels)
    baseline_C, x_BC = torch.randn(LAYOUT.total), torch.randn(100, LAYOUT.total)
    small = backbone.pruned(KEPT, baseline_C)
    expected = backbone(at_baseline(x_BC, baseline_C))
    torch.testing.assert_close(small(x_BC[:, LAYOUT.columns(KEPT)]), expected, atol=1e-5, rtol=1e-5)
    again = small.pruned(["words"], baseline_C[LAYOUT.columns(KEPT)])
    words = LAYOUT.columns(["words"])
    both_BC = baseline_C.repeat(100, 1)
    both_BC[:, words] = x_BC[:, words]
    torch.testing.assert_close(again(x_BC[:, words]), backbone(both_BC), atol=1e-5, rtol=1e-5)


@pytest.fixture
def double() -> Iterator[None]:
    """New tensors are float64."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("labels", [1, 2])
@pytest.mark.parametrize("name", EXACT)
def test_dropping_dims_is_exact(name: str, labels: int, double: None) -> None:
    """Of the features that stay, two lose columns; then one of them more, and the other goes."""
    backbone = trained(SPECS[name], labels)
    baseline_C, x_BC = torch.randn(LAYOUT.total), torch.randn(100, LAYOUT.total)
    dims = {"words": [0, 3], "clip": [1, *range(100, 150)]}
    small, columns = backbone.pruned(KEPT, baseline_C, dims), LAYOUT.columns(KEPT, dims)
    assert small.layout == FeatureLayout.from_dims({"age": 1, "words": 2, "clip": 51})
    expected = backbone(at_baseline(x_BC, baseline_C, dims))
    torch.testing.assert_close(small(x_BC[:, columns]), expected, atol=1e-12, rtol=1e-12)
    again = small.pruned(["age", "clip"], baseline_C[columns], {"clip": [0, 7]})
    left = LAYOUT.columns(["age", "clip"], {"clip": [1, 106]})
    both_BC = baseline_C.repeat(100, 1)
    both_BC[:, left] = x_BC[:, left]
    torch.testing.assert_close(again(x_BC[:, left]), backbone(both_BC), atol=1e-12, rtol=1e-12)


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
    if name in CUT:
        assert sum(p.numel() for p in small.parameters()) < sum(p.numel() for p in backbone.parameters())
    else:
        assert isinstance(small, Scattered)
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


def test_attention_by_hand() -> None:
    """One layer and one head over features a = 2 and b = 1, whose projections to one dim are 1 and 3: e = (2, 3)."""
    layout = FeatureLayout.from_dims({"a": 1, "b": 1})
    backbone: Any = AutoIntSpec(backbone="autoint", attention_dim=1, heads=1, attention_layers=1).build(layout)
    with torch.no_grad():
        backbone.projection_CK.copy_(torch.tensor([[1.0], [3.0]]))
        layer = backbone.layers[0]
        layer.attention.in_proj_weight.copy_(torch.tensor([[0.0], [0.0], [2.0]]))  # queries and keys of 0: equal shares
        layer.attention.out_proj.weight.fill_(1.0)
        layer.residual.weight.fill_(-1.0)
        backbone.out.weight.copy_(torch.tensor([[10.0, 1.0]]))
        backbone.out.bias.fill_(0.5)
    # Each attends to the mean of the values, 2 · 2.5 = 5: ReLU(5 − 2) = 3 and ReLU(5 − 3) = 2; 10 · 3 + 2 + 0.5
    assert backbone(torch.tensor([[2.0, 1.0]])).item() == pytest.approx(32.5)


def test_heads_divide_the_attention_dim() -> None:
    with pytest.raises(ValueError, match="attention_dim is 10, and 4 heads share it; take a multiple"):
        AutoIntSpec(backbone="autoint", attention_dim=10, heads=4)
