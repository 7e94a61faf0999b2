"""FairFS: its baselines, its importances, and its term in the loss, against values worked out by hand or in float64."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist

from sharding.layout import FeatureLayout
from tests.support.ranks import ranks
from tests.support.trained_model import trained
from tests.trainers.selectors.test_conformance import spec_of, write_data
from trainers.models.backbones.registry import BACKBONES
from trainers.pipeline.searches import open_search
from trainers.runs.coordinator import Coordinator
from trainers.selectors.sensitivity import gradients
from trainers.selectors.sensitivity.baselines import BaselineKind, baseline_of, feature_scales, smoothed
from trainers.selectors.sensitivity.fairfs import FairfsSpec
from trainers.spec import JobSpec
from trainers.training.checkpoint import DirectoryCheckpoints
from trainers.training.loaders import DataLoaders
from trainers.training.ranks import RankContext
from trainers.training.trainer import Trainer

ALL = slice(None)


def layout_of(*dims: int) -> FeatureLayout:
    return FeatureLayout.from_dims({f"f{place}": dim for place, dim in enumerate(dims)})


def test_smoothing_equal_dims_is_equation_13() -> None:
    x_BC = torch.tensor([[1.0, 2.0, 3.0, 6.0, 5.0, 1.0]])
    scale_F = torch.tensor([1.0, 100.0, 0.1])
    assert smoothed(layout_of(2, 2, 2), x_BC, scale_F).tolist() == [[3.0, 3.0] * 3]


def test_smoothing_unequal_dims_by_hand() -> None:
    """In units of their scales the features are (1), (2, 4) and (3, 3, 0, 0)."""
    x_BC = torch.tensor([[2.0, 20.0, 40.0, 3.0, 3.0, 0.0, 0.0]])
    found = smoothed(layout_of(1, 2, 4), x_BC, torch.tensor([2.0, 10.0, 1.0]))
    one = (1 + 3 + 1.5) / 3  # each feature's mean
    two = [(1 + 2 + 3) / 3, (1 + 4 + 0) / 3]
    four = [(1 + 2 + 3) / 3, (1 + 2 + 3) / 3, (1 + 4 + 0) / 3, (1 + 4 + 0) / 3]
    expected = [2 * one, *(10 * each for each in two), *four]
    assert found[0].tolist() == pytest.approx(expected)


def test_smoothing_keeps_what_all_features_say_and_their_units() -> None:
    """A row whose features all have one value, in their units, is its own baseline; a feature's unit changes nothing
    but its own baseline; a feature of zeros has the baseline 0 and dilutes the others."""
    layout = layout_of(1, 3, 5)
    scale_F = torch.tensor([1.0, 4.0, 0.5])
    row_BC = torch.cat([torch.full((1, dim), 0.7 * float(s)) for dim, s in zip(layout.dims, scale_F, strict=True)], 1)
    assert torch.allclose(smoothed(layout, row_BC, scale_F), row_BC)
    x_NC = torch.randn(50, 9, dtype=torch.float64)
    before_NC = smoothed(layout, x_NC, feature_scales(layout, x_NC))
    other_NC = x_NC.clone()
    other_NC[:, 1:4] *= 1000
    after_NC = smoothed(layout, other_NC, feature_scales(layout, other_NC))
    before_NC[:, 1:4] *= 1000
    assert torch.allclose(before_NC, after_NC)
    other_NC[:, 1:4] = 0
    none_NC = smoothed(layout, other_NC, feature_scales(layout, other_NC))
    assert (none_NC[:, 1:4] == 0).all()
    assert none_NC.isfinite().all()


def test_other_baselines() -> None:
    layout, x_NC = layout_of(1, 2), torch.arange(30.0).view(10, 3)
    weight_N = torch.zeros(10)
    weight_N[[0, 2]] = torch.tensor([3.0, 1.0])

    def of(kind: BaselineKind, chosen: slice = ALL) -> torch.Tensor:
        return baseline_of(kind, layout, x_NC, weight_N, seed=3)(chosen)

    assert (of("zero") == 0).all()
    assert of("mean", slice(2, 4)).tolist() == [[1.5, 2.5, 3.5]] * 2
    swapped_NC = of("swap")
    assert sorted(swapped_NC[:, 0].tolist()) == x_NC[:, 0].tolist()
    assert (swapped_NC != x_NC).all(), "no row keeps its own value"
    assert (swapped_NC[:, 2] - swapped_NC[:, 1] == 1).all(), "columns of a feature go together"
    assert (swapped_NC[:, 1] - swapped_NC[:, 0] != 1).any(), "features go apart"
    assert of("swap", slice(4, 6)).tolist() == swapped_NC[4:6].tolist()
    uniform_NC = of("uniform")
    assert ((uniform_NC >= x_NC.amin(0)) & (uniform_NC <= x_NC.amax(0))).all()
    assert of("uniform").tolist() == uniform_NC.tolist()
    assert len(set(uniform_NC.flatten().tolist())) == 30


def test_importance_by_hand() -> None:
    """z = w·x from zero: −⟨x, mean of (σ(z) − y) w at both ends⟩, the columns of a feature summed."""
    random = np.random.default_rng(0)
    x_NC, w_C = random.normal(size=(20, 3)), np.array([1.0, -2.0, 0.5])
    label_N = (random.random(20) < 0.4).astype(float)
    model = trained(
        torch.tensor(x_NC), torch.tensor(label_N), layout_of(1, 2), logit=lambda x_BC: x_BC @ torch.tensor(w_C)
    )
    found = FairfsSpec(name="fairfs", anchors=1, baseline="zero").rank(model)
    prediction_N = 1 / (1 + np.exp(-x_NC @ w_C))
    slope_N = (prediction_N + 0.5) / 2 - label_N
    part_NC = -slope_N[:, None] * x_NC * w_C
    assert found.scores["f0"] == pytest.approx(part_NC[:, 0].mean(), rel=1e-9)
    assert found.scores["f1"] == pytest.approx(part_NC[:, 1:].sum(1).mean(), rel=1e-9)
    assert found.details["magnitude"]["f1"] == pytest.approx(np.abs(part_NC[:, 1:].sum(1)).mean(), rel=1e-9)
    assert found.diagnostics["baseline_prediction"] == pytest.approx(0.5)
    assert found.diagnostics["passes"] == 4
    none = FairfsSpec(name="fairfs", anchors=0, baseline="zero").rank(model)
    slope_N = prediction_N - label_N
    assert none.scores["f0"] == pytest.approx((-slope_N * x_NC[:, 0] * w_C[0]).mean(), rel=1e-9)


@pytest.mark.parametrize("baseline", ["smooth", "zero", "mean", "swap", "uniform"])
def test_anchors_close_in_on_the_difference_of_losses(baseline: BaselineKind) -> None:
    """Eq. 3 and 6: importances sum to L(e) − L(ẽ), the more nearly the more anchors there are (Appendix C)."""
    torch.manual_seed(0)
    hidden = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.Tanh(), torch.nn.Linear(6, 1)).double()
    x_NC, label_N = torch.randn(60, 4, dtype=torch.float64) * 2, (torch.rand(60) < 0.3).double()
    model = trained(x_NC, label_N, layout_of(1, 3), logit=lambda x_BC: hidden(x_BC)[:, 0])
    found = [FairfsSpec(name="fairfs", anchors=anchors, baseline=baseline).rank(model) for anchors in (0, 4, 400)]
    errors = [float(each.diagnostics["approximation_error"]) for each in found]
    assert errors[0] > errors[2]
    assert errors[1] > 10 * errors[2]
    baseline_NC = baseline_of(baseline, model.layout, x_NC, torch.ones(60), model.seed)(ALL)
    with torch.no_grad():
        losses = [
            torch.nn.functional.binary_cross_entropy_with_logits(hidden(each)[:, 0], label_N)
            for each in (x_NC, baseline_NC)
        ]
    assert sum(found[2].scores.values()) == pytest.approx(float(losses[1] - losses[0]), abs=2e-3)


def test_a_feature_that_never_varies_counts_nothing() -> None:
    x_NC = torch.randn(50, 3)
    x_NC[:, 1:] = torch.tensor([4.0, -2.0])
    model = trained(x_NC, (x_NC[:, 0] > 0).float(), layout_of(1, 2), logit=lambda x_BC: x_BC.sum(1))
    assert FairfsSpec(name="fairfs").rank(model).scores["f1"] == 0


def test_rows_in_parts_have_the_importances_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    x_NC = torch.randn(50, 3, dtype=torch.float64)
    model = trained(x_NC, (x_NC[:, 0] > 0).double(), layout_of(1, 2), logit=lambda x_BC: x_BC.sum(1))
    for baseline in ("smooth", "mean", "swap"):
        spec = FairfsSpec.model_validate({"name": "fairfs", "baseline": baseline})
        whole = spec.rank(model).scores
        with monkeypatch.context() as patch:
            patch.setattr(gradients, "ROWS_TOGETHER", 7)
            assert spec.rank(model).scores == pytest.approx(whole, rel=1e-12)


def test_the_training_term_is_equation_9() -> None:
    """λ Σ_i √(mean over the rows of ⟨x_i, (σ(z) − y) w_i⟩²) from zero, and its derivative by w."""
    x_BC = torch.randn(12, 3, dtype=torch.float64, requires_grad=True)
    label_B = (torch.rand(12) < 0.5).double()
    layout, spec = layout_of(1, 2), FairfsSpec(name="fairfs", regularization=0.1, baseline="zero")

    def by_hand(w_C: torch.Tensor) -> torch.Tensor:
        part_BC = x_BC.detach() * w_C * (torch.sigmoid(x_BC.detach() @ w_C) - label_B)[:, None]
        parts = torch.stack([part_BC[:, 0], part_BC[:, 1:].sum(1)])
        return 0.1 * parts.square().mean(1).sqrt().sum()

    w_C = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64, requires_grad=True)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(x_BC @ w_C, label_B)
    term = spec.training_term()
    assert term is not None
    found = term(layout, x_BC, loss)
    assert float(found.detach()) == pytest.approx(float(by_hand(w_C.detach())), rel=1e-9)
    (slope_C,) = torch.autograd.grad(found, w_C)
    assert torch.allclose(slope_C, torch.func.jacrev(by_hand)(w_C.detach()), rtol=1e-6)
    assert FairfsSpec(name="fairfs", regularization=0).training_term() is None


@pytest.mark.parametrize("name", BACKBONES)
def test_every_backbone_learns_by_the_term(name: str) -> None:
    torch.manual_seed(0)
    layout = layout_of(1, 4, 4)
    spec = JobSpec.model_validate(
        {
            "dataset": {"train": "t", "splits": {}},
            "features": [{"name": "f0", "kind": "dense"}],
            "model": {"backbone": name},
        }
    )
    backbone = spec.model.build(layout, 1)
    model: Any = SimpleNamespace(inputs=SimpleNamespace(layout=layout), backbone=backbone)
    batch: Any = SimpleNamespace(label_BT=torch.ones(8, 1))
    term = FairfsSpec(name="fairfs", regularization=10.0).training_term()
    x_BC = torch.randn(8, 9)
    slopes = []
    for each in (None, term):
        trainer = Trainer(model, None, spec, RankContext(), term=each)  # type: ignore[arg-type]
        backbone.zero_grad()
        trainer._loss(x_BC.clone(), batch).backward()
        slopes.append(torch.cat([p.grad.flatten() for p in backbone.parameters() if p.grad is not None]))
    assert slopes[1].isfinite().all()
    assert not torch.allclose(slopes[0], slopes[1])


@ranks(2)
def check_two_ranks_learn_by_the_term(folder: str) -> None:
    """Replicas stay equal, and the model is not the guard's."""
    own = RankContext(rank=dist.get_rank(), world=2, local_world=2)
    spec = spec_of("fairfs", Path(folder), world=2)
    spec = spec.model_copy(update={"training": spec.training.model_copy(update={"epochs": 1})})
    opened = open_search(spec, own, Coordinator(tuple(spec.dims)), DirectoryCheckpoints(Path(folder), own))
    found = opened.run(DataLoaders.open(spec, own))
    assert found.full is None
    weights = torch.cat([each.detach().flatten() for each in found.model.backbone.parameters()])
    assert weights.isfinite().all()
    gathered = own.gather(weights.tolist())
    assert gathered is None or gathered[0] == gathered[1]


def test_two_ranks_learn_by_the_term(tmp_path: Path) -> None:
    write_data(tmp_path)
    check_two_ranks_learn_by_the_term(str(tmp_path))
