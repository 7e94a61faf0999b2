"""Every variant of mixing against one reference, and the reference against a loop over rows and features."""

from __future__ import annotations

import copy
import pickle
import warnings
from multiprocessing import get_context

import pytest
import torch

from sharding.layout import FeatureLayout
from trainers.ops import reference
from trainers.ops.buffers import Buffers
from trainers.ops.mix import Mixer
from trainers.ops.shuffle import BLOCK_ROWS, Shuffle
from trainers.ops.threads import run_parts

SHAPES = {
    "one feature, two rows": ([1], 2),
    "one feature": ([256], 33),
    "odd dims and rows": ([3, 1, 1, 7, 5, 1, 2, 31], 67),
    "scalars alone": ([1] * 37, 129),
    "from 1 to 256": ([1, 1, 256, 1, 16, 255, 4, 1, 1, 8, 128], 200),
    "several strips": ([200] * 17 + [1] * 5 + [1500, 1, 2], 70),
    "10,000 features": ([1, 2] * 5000, 5),
}


def layout_of(dims: list[int]) -> FeatureLayout:
    return FeatureLayout(tuple(f"f{at}" for at in range(len(dims))), tuple(dims))


def gates(features: int, dtype: torch.dtype) -> torch.Tensor:
    """Among them closed and open ones."""
    gate_F = torch.rand(features, dtype=dtype)
    gate_F[0], gate_F[-1] = 0.0, 1.0
    return gate_F.requires_grad_()


@pytest.fixture(params=SHAPES.values(), ids=SHAPES)
def case(request: pytest.FixtureRequest) -> tuple[FeatureLayout, torch.Tensor, Shuffle]:
    torch.manual_seed(0)
    dims, rows = request.param
    x_BC = torch.randn(rows, sum(dims)) + 2.0
    return layout_of(dims), x_BC, Shuffle.draw(rows, len(dims), x_BC.device)


@pytest.mark.parametrize("rows", [2, 3, 63, 64, 127, 128, 1000])
def test_no_row_keeps_its_value_and_every_row_is_taken_once(rows: int) -> None:
    torch.manual_seed(0)
    source_BF = Shuffle.draw(rows, 3, torch.device("cpu")).source_BF()
    for source_B in source_BF.T:
        assert sorted(source_B.tolist()) == list(range(rows))
    assert not (source_BF == torch.arange(rows)[:, None]).any()


def test_every_other_row_is_equally_likely_and_features_are_independent() -> None:
    torch.manual_seed(0)
    rows = 2 * BLOCK_ROWS + 1
    drawn = torch.stack([Shuffle.draw(rows, 2, torch.device("cpu")).source_BF() for _ in range(4000)])
    counts_B = torch.bincount(drawn[:, 5, 0], minlength=rows).double()
    assert counts_B[5] == 0
    expected = 4000 / (rows - 1)
    others_B = torch.cat([counts_B[:5], counts_B[6:]])
    # χ² of 127 degrees of freedom: mean 127, deviation 16.
    assert 70 < ((others_B - expected) ** 2 / expected).sum() < 190
    same = (drawn[:, :, 0] == drawn[:, :, 1]).double().mean()
    # Of 8,000 pairs of shifts: a deviation is 9%.
    assert same == pytest.approx(1 / (BLOCK_ROWS - 1), rel=0.4)


def test_reference_by_hand() -> None:
    """Two rows change places. Δ of b is ‖(3, 4)‖ = 5."""
    layout = layout_of([1, 2])
    x_BC = torch.tensor([[1.0, 0.0, 0.0], [5.0, 3.0, 4.0]])
    shuffle, gate_F = Shuffle.draw(2, 2, x_BC.device), torch.tensor([0.75, 0.5])
    out_BC, divergence_F, square_F, mean_C = reference.mix(x_BC, gate_F, shuffle, layout)
    torch.testing.assert_close(out_BC, torch.tensor([[2.0, 1.5, 2.0], [4.0, 1.5, 2.0]]))
    assert divergence_F.tolist() == [4.0, 5.0]
    assert square_F.tolist() == [16.0, 25.0]
    assert mean_C.tolist() == [3.0, 1.5, 2.0]
    share_F, other_C = torch.tensor([0.5, 0.0]), torch.tensor([9.0, 8.0, 6.0])
    out_BC = reference.mix_held_out(x_BC, gate_F, shuffle, layout, share_F, other_C)
    # In place of a's 1 stands 9 + 0.5 (5 − 9) = 7, of its 5 stands 5.
    torch.testing.assert_close(out_BC, torch.tensor([[2.5, 4.0, 3.0], [5.0, 5.5, 5.0]]))


def test_reference_takes_values_from_where_the_shuffle_says(case: tuple[FeatureLayout, torch.Tensor, Shuffle]) -> None:
    layout, x_BC, shuffle = case
    moved_BC, source_BF = reference.permute(x_BC, shuffle, layout), shuffle.source_BF()
    for feature in {0, len(layout) // 2, len(layout) - 1}:
        columns = slice(*layout.offsets[feature])
        assert torch.equal(moved_BC[:, columns], x_BC[source_BF[:, feature], columns])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("held_out", [False, True])
def test_variants_agree_with_the_reference_in_float64(
    case: tuple[FeatureLayout, torch.Tensor, Shuffle], dtype: torch.dtype, held_out: bool
) -> None:
    layout, x_BC, shuffle = case
    gate_F, gradient_BC = gates(len(layout), dtype), torch.randn_like(x_BC)
    share_F, mean_C = torch.rand(len(layout)), torch.randn(layout.total)

    def results(of: torch.dtype, *, variant: bool) -> list[torch.Tensor]:
        """The outputs, and the gradients of x and g."""
        x, g = x_BC.to(of, copy=True).requires_grad_(), gate_F.detach().to(of, copy=True).requires_grad_()
        arguments = x, g, shuffle
        if held_out:
            more = share_F.to(of), mean_C.to(of)
            found: tuple[torch.Tensor, ...] = (
                Mixer(layout).mix_held_out(*arguments, *more)
                if variant
                else reference.mix_held_out(*arguments, layout, *more),
            )
        else:
            mixed_BC, seen = Mixer(layout).mix(*arguments)
            found = (mixed_BC, *seen) if variant else reference.mix(*arguments, layout)
        assert not any(each.requires_grad for each in found[1:])
        return [*found, *torch.autograd.grad(found[0], (x, g), gradient_BC.to(of))]

    for found, expected in zip(results(dtype, variant=True), results(torch.float64, variant=False), strict=True):
        assert found.dtype == dtype
        tight = {"rtol": 1e-12, "atol": 1e-12} if dtype == torch.float64 else {"rtol": 1e-5, "atol": 2e-4}
        torch.testing.assert_close(found.double(), expected, **tight)


@pytest.mark.parametrize("held_out", [False, True])
def test_gradients_agree_with_finite_differences(held_out: bool) -> None:
    """Of the gate. The gradient of x leaves out what reaches x through its permuted copy, as sg says."""
    torch.manual_seed(0)
    layout = layout_of([1, 1, 3, 8])
    x_BC, gate_F = torch.randn(9, 13, dtype=torch.float64), torch.rand(4, dtype=torch.float64, requires_grad=True)
    shuffle, mixer = Shuffle.draw(9, 4, x_BC.device), Mixer(layout)
    share_F, mean_C = torch.rand(4).double(), torch.randn(13).double()

    def output(gate_F: torch.Tensor) -> torch.Tensor:
        if held_out:
            return mixer.mix_held_out(x_BC, gate_F, shuffle, share_F, mean_C)
        return mixer.mix(x_BC, gate_F, shuffle)[0]

    assert torch.autograd.gradcheck(output, gate_F)


@pytest.mark.parametrize(("needs_x", "needs_gate"), [(True, False), (False, True), (True, True)])
def test_only_gradients_that_are_asked_for_are_computed(needs_x: bool, needs_gate: bool) -> None:
    layout = layout_of([1, 4])
    x_BC, gate_F = torch.randn(8, 5, requires_grad=needs_x), torch.tensor([0.25, 0.5], requires_grad=needs_gate)
    Mixer(layout).mix(x_BC, gate_F, Shuffle.draw(8, 2, x_BC.device))[0].sum().backward()
    assert (x_BC.grad is not None, gate_F.grad is not None) == (needs_x, needs_gate)
    if needs_x:
        assert torch.equal(x_BC.grad, torch.tensor([0.25, 0.5, 0.5, 0.5, 0.5]).expand(8, 5))


def test_what_is_not_contiguous_or_of_another_precision_is_mixed_too() -> None:
    torch.manual_seed(0)
    layout = layout_of([2, 3])
    x_BC = torch.randn(5, 8).T[1:6].T[:, :5]
    shuffle, gate_F = Shuffle.draw(5, 2, x_BC.device), torch.tensor([0.25, 0.5])
    expected_BC = reference.mix(x_BC.double(), gate_F.double(), shuffle, layout)[0]
    torch.testing.assert_close(Mixer(layout).mix(x_BC, gate_F, shuffle)[0].double(), expected_BC)
    half_BC = Mixer(layout).mix(x_BC.bfloat16(), gate_F.bfloat16(), shuffle)[0]
    torch.testing.assert_close(half_BC.double(), expected_BC, rtol=0.05, atol=0.05)


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    torch.manual_seed(0)
    layout = layout_of([1] * 700 + [16] * 150 + [3] * 100)
    x_BC = torch.randn(300, layout.total)
    shuffle, found = Shuffle.draw(300, len(layout), x_BC.device), []
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            gate_F = torch.full((len(layout),), 0.3, requires_grad=True)
            mixed_BC, seen = Mixer(layout).mix(x_BC, gate_F, shuffle)
            found.append([mixed_BC, *seen, *torch.autograd.grad(mixed_BC.square().sum(), gate_F)])
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(one, another) for one, another in zip(found[0], other, strict=True))


def test_a_fork_mixes_on_threads_of_its_own_and_draws_the_same() -> None:
    """Workers are forked from a process that may have computed on threads, which the fork doesn't have."""
    layout = layout_of([1] * 700 + [16] * 150)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        expected = _mix_seeded(layout).tolist()
        context = get_context("fork")
        ours, theirs = context.Pipe()
        child = context.Process(target=lambda: theirs.send(_mix_seeded(layout).tolist()))
        with warnings.catch_warnings():
            # What is tried here is what the warning is about.
            warnings.simplefilter("ignore", DeprecationWarning)
            child.start()
        assert ours.poll(60), "the fork waits for a thread that it doesn't have"
        assert ours.recv() == expected
        child.join()
    finally:
        torch.set_num_threads(before)


def _mix_seeded(layout: FeatureLayout) -> torch.Tensor:
    """The divergences, which every strip and row has a part in."""
    torch.default_generator.manual_seed(7)
    x_BC = torch.randn(70, layout.total)
    shuffle = Shuffle.draw(70, len(layout), x_BC.device)
    return Mixer(layout).mix(x_BC, torch.full((len(layout),), 0.3), shuffle)[1].divergence_F


def test_an_error_on_a_thread_is_raised() -> None:
    def fail(part: int, parts: int) -> None:
        if part == parts - 1:
            raise FloatingPointError("here")

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(FloatingPointError, match="here"):
            run_parts(fail, 2)
    finally:
        torch.set_num_threads(before)


def test_memory_comes_back_when_nobody_holds_it_and_not_before() -> None:
    buffers = Buffers()
    first = buffers.empty(64, 64, torch.float32)
    second = buffers.empty(64, 64, torch.float32)
    assert first.data_ptr() % 64 == second.data_ptr() % 64 == 0
    assert first.data_ptr() != second.data_ptr()
    place, row = first.data_ptr(), first[3]
    del first
    assert buffers.empty(64, 64, torch.float32).data_ptr() != place, "a view holds it"
    del row
    smaller = buffers.empty(60, 64, torch.float32)
    assert smaller.data_ptr() == place
    weight = torch.ones((), requires_grad=True)
    loss = (smaller * weight).sum()
    del smaller
    assert buffers.empty(60, 64, torch.float32).data_ptr() != place, "a graph holds it"
    loss.backward()
    assert buffers.empty(60, 64, torch.float32).data_ptr() == place


def test_copies_and_pickles_of_a_mixer_mix_on_their_own() -> None:
    mixer = Mixer(layout_of([2]))
    for other in (copy.deepcopy(mixer), pickle.loads(pickle.dumps(mixer))):  # noqa: S301 - made in this line
        assert other.buffers is not mixer.buffers
        assert other.layout == mixer.layout
