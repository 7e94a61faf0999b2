"""STG, LPFS and LassoNet against closed forms, float64 finite differences and named steps of their schedules."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from tests.support.gates import LAYOUT, build
from trainers.selectors.gates.lassonet.gate import LassoNetGate
from trainers.selectors.gates.lpfs.gate import LpfsGate
from trainers.selectors.gates.stg.gate import StgGate


def normal_cdf(value: float) -> float:
    return 0.5 * (1 + math.erf(value / math.sqrt(2)))


def stg(mean: list[float], **options: Any) -> StgGate:
    gate = build("stg", **options)
    assert isinstance(gate, StgGate)
    with torch.no_grad():
        gate.mean.copy_(torch.tensor(mean))
    return gate


def test_stg_gates_are_clipped_gaussians() -> None:
    gate = stg([0.5, -0.2, 1.3, 0.0])
    x_BC = torch.ones(3, LAYOUT.total)
    torch.manual_seed(7)
    found_BF = gate.draw(x_BC, None)
    torch.manual_seed(7)
    expected_BF = (torch.tensor([0.5, -0.2, 1.3, 0.0]) + 0.5 * torch.randn(3, 4)).clamp(0, 1)
    torch.testing.assert_close(found_BF, expected_BF)
    assert gate.eval()(x_BC)[0, [0, 1, 3, 6]].tolist() == [0.5, 0.0, 1.0, 0.0]


def test_stg_expected_l0_is_exact() -> None:
    """Σ Φ(μ/σ), by hand and by the share of open gates among many drawn ones."""
    means, sigma = [0.5, -0.2, 1.3, 0.0], 0.4
    gate = stg(means, sigma=sigma, alpha=2.0)
    by_hand = [normal_cdf(mean / sigma) for mean in means]
    assert gate.scores().tolist() == pytest.approx(by_hand, rel=1e-5)
    assert gate.regularizer().item() == pytest.approx(2 * sum(by_hand), rel=1e-5)
    torch.manual_seed(0)
    with torch.no_grad():
        drawn_BF = gate.draw(torch.ones(50_000, LAYOUT.total), None)
    assert (drawn_BF > 0).float().mean(0).tolist() == pytest.approx(by_hand, abs=0.01)
    assert stg(means, alpha=2.0, essential=["id", "vector", "list"]).regularizer().item() == pytest.approx(
        2 * normal_cdf(1.0)
    )


def test_stg_gradients() -> None:
    """Of the penalty φ(μ/σ)/σ; of the loss by finite differences."""
    gate = stg([0.5, -0.2, 0.9, 0.1], alpha=1.0).double()
    (found,) = torch.autograd.grad(gate.regularizer(), gate.mean)
    density = [2 * math.exp(-0.5 * (2 * mean) ** 2) / math.sqrt(2 * math.pi) for mean in (0.5, -0.2, 0.9, 0.1)]
    assert found.tolist() == pytest.approx(density, rel=1e-5)
    x_BC = torch.randn(6, LAYOUT.total).double()

    def loss() -> torch.Tensor:
        torch.manual_seed(2)
        return gate.forward_held_out(x_BC).pow(3).sum()

    (analytic,) = torch.autograd.grad(loss(), gate.mean)
    with torch.no_grad():
        gate.mean[0] += 1e-6
        above = loss()
        gate.mean[0] -= 2e-6
        numeric = (above - loss()).item() / 2e-6
    assert analytic[0].item() == pytest.approx(numeric, rel=1e-5)


def lpfs(strength: list[float], **options: Any) -> LpfsGate:
    gate = build("lpfs", **options)
    assert isinstance(gate, LpfsGate)
    with torch.no_grad():
        gate.strength.copy_(torch.tensor(strength))
    return gate


def test_lpfs_gate_and_its_gradient_by_hand() -> None:
    gate = lpfs([1.0, 0.3, 0.1, 0.0], initial_epsilon=0.1)
    expected = [1 / 1.1, 0.09 / 0.19, 0.01 / 0.11, 0.0]
    assert gate.gates().tolist() == pytest.approx(expected)
    (found,) = torch.autograd.grad(gate.gates().sum(), gate.strength)
    slope = [2 * x * 0.1 / (x * x + 0.1) ** 2 for x in (1.0, 0.3, 0.1, 0.0)]
    assert found.tolist() == pytest.approx(slope)
    assert lpfs([1.0, 0.3, 0.1, 0.5], alpha=0.1, essential=["id"]).regularizer().item() == pytest.approx(0.16)


def test_lpfs_epsilon_falls_by_a_constant_factor_and_gates_polarize() -> None:
    gate = lpfs([1.0, 0.3, 0.1, -0.2], initial_epsilon=0.1, final_epsilon=0.001)
    for step, epsilon in ((0, 0.1), (50, 0.01), (100, 0.001)):
        gate.after_step(step, 100)
        assert gate.epsilon.item() == pytest.approx(epsilon, rel=1e-5)
    assert gate.strength[3] == 0, "the proximal step holds x at 0"
    assert gate.gates().tolist() == pytest.approx([1 / 1.001, 0.09 / 0.091, 0.01 / 0.011, 0.0])
    assert {"epsilon", "mean_gate_F"} <= set(gate.state_dict())


def test_lpfs_scores_open_gates_by_their_mean_over_steps() -> None:
    gate = lpfs([0.3, 1.0, 0.3, -0.2], initial_epsilon=0.1, final_epsilon=0.1)
    gate.after_step(0, 100)
    begun, now = 1 / 1.1, 0.09 / 0.19
    mean = 0.98 * begun + 0.02 * now
    assert gate.scores().tolist() == pytest.approx([mean, begun, mean, 0.0])
    gate.after_step(0, 100)
    assert gate.scores()[0].item() == pytest.approx(0.98 * mean + 0.02 * now)


def test_the_proximal_step_is_soft_thresholding() -> None:
    """A gradient step on f + λx and the projection: what argmin λ|z| + (z − v)²/2η over z ≥ 0 has in closed form."""
    rate, weight, slope = 0.1, 0.5, torch.tensor([-1.0, 2.0, 5.0, 20.0])
    gate = lpfs([1.0, 1.0, 1.0, 1.0], alpha=weight)
    optimizer = torch.optim.SGD([gate.strength], lr=rate)
    ((gate.strength * slope).sum() + gate.regularizer()).backward()
    optimizer.step()
    gate.after_step(1, 10)
    moved = 1.0 - rate * slope
    torch.testing.assert_close(gate.strength.detach(), (moved - rate * weight).clamp_min(0))


def test_lassonet_penalty_rises_along_its_path_and_scores_say_when_features_left() -> None:
    gate = build("lassonet", alpha=0.1, path=100.0)
    assert isinstance(gate, LassoNetGate)
    assert gate.penalty_weight.item() == pytest.approx(0.001)
    assert gate.regularizer().item() == pytest.approx(0.004)
    assert gate.scores().tolist() == [1.0] * 4
    opening = {0: [1.0, 1.0, 0.5, 0.2], 50: [0.9, 0.5, -0.1, -0.1], 100: [0.6, -0.2, -1.0, 0.1]}
    for step, weight in ((0, 0.001), (50, 0.01), (100, 0.1)):
        with torch.no_grad():
            gate.opening.copy_(torch.tensor(opening[step]))
        gate.after_step(step, 100)
        assert gate.penalty_weight.item() == pytest.approx(weight, rel=1e-5)
    # The first and the last are open, of which the last came back; the second stood at λ = 0.001 and 0.001,
    # the third at 0.001 alone: λ that a step was taken with is that of the step before.
    first, second, third, last = gate.scores().tolist()
    assert (first, last) == pytest.approx((0.8, 0.55))
    assert second == pytest.approx(0.5 * 0.001 / 0.1, rel=1e-4)
    assert third == pytest.approx(0.5 * 0.001 / 0.1, rel=1e-4)
    assert gate.details()["last_gate"].tolist() == pytest.approx([0.6, 0.0, 0.0, 0.1])
    assert {"penalty_weight", "left_F"} <= set(gate.state_dict())
