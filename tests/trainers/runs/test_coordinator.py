"""The coordinator merges each step once, whatever is sent twice, late, or by an attempt that is over."""

import itertools
import random
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from trainers.pruning.guard import evaluate_guard
from trainers.runs.convergence import (
    count_by_tenth,
    crossing_share,
    gates_converged,
    loss_converged,
    measure_polarization,
)
from trainers.runs.coordinator import Coordinator, Failure, Report, is_converged
from trainers.runs.outcome import Outcome
from trainers.runs.progress import RankStatus, RunState, Stage
from trainers.runs.prune_list import LEAP, Totals
from trainers.runs.results import ModelQuality, Quality
from trainers.spec import GuardSpec


def report(rank: int, step: int, *, attempt: int = 0, gate: float = 0.5, steps: int = 10, rows: int = 100) -> Report:
    return Report(
        attempt=attempt,
        rank=rank,
        step=step,
        steps=steps,
        gate_F=np.array([gate, 1.0], dtype=np.float32),
        details={"divergence": np.array([0.1 + rank, 2.0], dtype=np.float32)},
        loss=steps * (0.5 + rank),
        held_out_loss=steps * 0.6,
        penalty=steps * 0.01,
        rows=rows,
        seconds=1.0 + rank,
    )


def outcome() -> Outcome:
    quality = Quality(auc=0.7, gauc=None, logloss=0.5, ne=0.9, rows=10, base_rate=0.5)
    weight = Totals(features=0, dims=0, embedding_bytes=0, bytes_per_example=0.0)
    metrics = ModelQuality(full=quality, pruned=quality, finetuned=quality)
    return Outcome(
        selector=LEAP,
        features=(),
        weights=(),
        before=weight,
        after=weight,
        curve=(),
        metrics=metrics,
        guard=evaluate_guard(GuardSpec(), metrics),
        diagnostics={},
    )


def begun(world: int = 2) -> Coordinator:
    coordinator = Coordinator(("a", "b"))
    coordinator.begin(coordinator.open_attempt(), world, 0)
    coordinator.enter(0, Stage.SEARCHING, 100)
    return coordinator


def test_ranks_are_averaged_and_rows_summed() -> None:
    coordinator = begun()
    assert coordinator.report(report(0, 10, gate=0.2))
    assert coordinator.history() == []
    assert coordinator.report(report(1, 10, gate=0.4))
    (snapshot,) = coordinator.history()
    assert snapshot.gate_F.tolist() == pytest.approx([0.3, 1.0])
    assert snapshot.details["divergence"].tolist() == pytest.approx([0.6, 2.0])
    assert snapshot.loss == pytest.approx((0.5 + 1.5) / 2)
    assert (snapshot.rows, snapshot.seconds, snapshot.steps) == (200, 2.0, 10)


def test_any_order_and_any_repetition_give_the_same_history() -> None:
    sent = [report(rank, step, gate=step / 100) for rank, step in itertools.product((0, 1), (10, 20, 30))]
    for seed in range(20):
        draw = random.Random(seed)
        coordinator = begun()
        # A rank sends in order; ranks interleave, and each report may arrive up to three times.
        queues = {rank: [r for r in sent if r.rank == rank] for rank in (0, 1)}
        while any(queues.values()):
            rank = draw.choice([r for r in queues if queues[r]])
            for _ in range(draw.randint(1, 3)):
                coordinator.report(queues[rank][0])
            queues[rank].pop(0)
        assert [s.step for s in coordinator.history()] == [10, 20, 30]
        assert coordinator.steps_counted == 30


def test_a_new_attempt_counts_the_steps_it_repeats_once() -> None:
    coordinator = begun()
    for step, rank in itertools.product((10, 20, 30), (0, 1)):
        coordinator.report(report(rank, step))
    coordinator.report(report(0, 40))  # rank 1 died here
    attempt = coordinator.open_attempt()
    coordinator.begin(attempt, 2, 20)
    coordinator.begin(attempt, 2, 20)
    assert [s.step for s in coordinator.history()] == [10, 20]
    assert not coordinator.report(report(1, 40))
    for step, rank in itertools.product((30, 40), (0, 1)):
        assert coordinator.report(report(rank, step, attempt=attempt, gate=0.9))
    assert [s.step for s in coordinator.history()] == [10, 20, 30, 40]
    assert coordinator.steps_counted == 40
    assert coordinator.history()[2].gate_F[0] == pytest.approx(0.9)


def test_a_search_without_gates_counts_its_steps_and_says_nothing_of_rest() -> None:
    coordinator = Coordinator(("a", "b"))
    coordinator.begin(coordinator.open_attempt(), 2, 0)
    coordinator.enter(0, Stage.SEARCHING, 100)
    coordinator.advance(0, 60)
    coordinator.begin(coordinator.open_attempt(), 2, 50)  # a worker died; a checkpoint was at step 50
    coordinator.advance(1, 75)
    coordinator.enter(1, Stage.RANKING)
    coordinator.enter(1, Stage.FINETUNING, 200)
    coordinator.advance(1, 120)
    assert coordinator.steps_counted == 75
    assert coordinator.convergence() is None
    assert "converged" not in coordinator.progress().document()


def test_a_lost_history_is_filled_from_the_checkpoint() -> None:
    first = begun(world=1)
    for step in (10, 20, 30):
        first.report(report(0, step))
    second = Coordinator(("a", "b"))
    second.begin(second.open_attempt(), 1, 20, first.history())
    assert [s.step for s in second.history()] == [10, 20]
    assert second.progress().step == 20


def test_attempts_are_numbered_even_when_one_dies_before_it_begins() -> None:
    coordinator = begun()
    assert coordinator.open_attempt() == 1
    assert coordinator.open_attempt() == 2


def test_an_old_attempt_can_neither_finish_nor_fail_the_run() -> None:
    coordinator = begun()
    coordinator.begin(coordinator.open_attempt(), 2, 0)
    coordinator.finish(0, outcome())
    coordinator.fail(0, "late")
    assert coordinator.outcome is None
    assert coordinator.failure() is None


def test_speeds_and_the_time_left_are_of_the_same_snapshots_and_do_not_jump() -> None:
    coordinator = Coordinator(("a", "b"))
    coordinator.begin(0, 1, 0)
    coordinator.enter(0, Stage.SEARCHING, 1000)
    left = []
    # The first snapshot takes ten times as long as the others, and each fourth of those twice as long.
    for count, seconds in enumerate([10.0, *[1.0, 1.0, 1.0, 2.0] * 10]):
        coordinator.report(replace(report(0, 10 * (count + 1)), seconds=seconds))
        progress = coordinator.progress()
        assert progress.rows_per_second == pytest.approx(10 * progress.steps_per_second)
        assert progress.step_seconds == pytest.approx(1 / progress.steps_per_second)
        left.append(progress.eta)
    # Of the last 20 snapshots: 15 of a second and 5 of two for 200 steps, and 1000 - 410 steps are left.
    assert left[-1] == pytest.approx(590 * 25 / 200)
    after_first = left[1:]
    assert max(b / a for a, b in pairwise(after_first)) < 1.3


def test_stages_are_timed_and_progress_is_complete() -> None:
    now = [100.0]
    coordinator = Coordinator(("a", "b"), clock=lambda: now[0])
    coordinator.begin(0, 1, 0)
    now[0] = 105.0
    coordinator.enter(0, Stage.SEARCHING, 40)
    coordinator.report(report(0, 10))
    progress = coordinator.progress()
    assert progress.rows_per_second == pytest.approx(100.0)
    assert progress.steps_per_second == pytest.approx(10.0)
    assert progress.step_seconds == pytest.approx(0.1)
    assert progress.held_out_loss == pytest.approx(0.6)
    assert progress.eta == pytest.approx(3.0)
    assert progress.polarization is not None
    assert progress.polarization.middle == pytest.approx(0.5)
    assert progress.gate_counts == (0, 0, 0, 0, 0, 1, 0, 0, 0, 1)
    assert progress.gate_sum == pytest.approx(1.5)
    now[0] = 110.0
    coordinator.enter(0, Stage.RANKING)
    now[0] = 115.0
    coordinator.finish(0, outcome())
    assert coordinator.stages == coordinator.progress().stages == {"starting": 5.0, "searching": 5.0, "ranking": 5.0}
    assert coordinator.progress().state is RunState.SUCCEEDED
    assert (coordinator.progress().step, coordinator.progress().total_steps) == (coordinator.steps_counted,) * 2


def test_ranks_tell_when_they_reported_and_what_they_hold() -> None:
    now = [100.0]
    coordinator = Coordinator(("a", "b"), clock=lambda: now[0])
    coordinator.begin(coordinator.open_attempt(), 2, 0)
    coordinator.enter(0, Stage.SEARCHING, 100)
    sent = [replace(report(rank, 10), decode_seconds=1.0 + rank, embedding_bytes=100 * rank) for rank in (0, 1)]
    now[0] = 101.0
    coordinator.report(sent[0])
    assert coordinator.progress().advanced_at == 100.0
    now[0] = 103.0
    coordinator.report(sent[1])
    now[0] = 104.0
    assert not coordinator.report(sent[1]), "sent twice"
    progress = coordinator.progress()
    assert progress.ranks == (
        RankStatus(rank=0, step=10, embedding_bytes=0, reported_at=101.0),
        RankStatus(rank=1, step=10, embedding_bytes=100, reported_at=103.0),
    )
    assert (progress.advanced_at, progress.decode_seconds) == (103.0, 2.0)
    coordinator.advance(0, 10)
    assert coordinator.progress().advanced_at == 103.0, "no new step"
    coordinator.advance(0, 11)
    assert coordinator.progress().advanced_at == 104.0


def test_decoding_is_counted_up_over_attempts_and_ranks_are_those_of_the_newest() -> None:
    coordinator = begun(world=1)
    for step in (10, 20):
        coordinator.report(replace(report(0, step), decode_seconds=1.0))
    attempt = coordinator.open_attempt()
    coordinator.begin(attempt, 1, 10)
    assert coordinator.progress().ranks == ()
    coordinator.report(replace(report(0, 20, attempt=attempt), decode_seconds=1.0))
    assert coordinator.progress().decode_seconds == 3.0


def test_polarization_by_hand() -> None:
    found = measure_polarization(np.array([0.0, 0.05, 0.5, 0.95]))
    assert (found.low, found.middle, found.high) == (0.5, 0.25, 0.25)
    assert found.spread == pytest.approx((0.375 + 0.325 + 0.125 + 0.575) / 4)


def test_gates_rest_when_none_crosses_and_little_moves() -> None:
    still = np.tile([0.01, 0.99], (10, 1))
    assert gates_converged(still)
    assert not gates_converged(still[:9])
    crossing = still.copy()
    crossing[3, 0] = 0.6
    assert not gates_converged(crossing)
    drifting = still.copy()
    drifting[:, 0] = np.linspace(0.4, 0.3, 10)
    assert not gates_converged(drifting)


def test_undecided_gates_are_those_that_crossed() -> None:
    still = np.tile([0.01, 0.45, 0.99, 0.6], (10, 1))
    assert crossing_share(still) == 0
    still[4, 1] = 0.55
    assert crossing_share(still) == 0.25
    assert crossing_share(still[5:]) == 0


def test_gates_are_counted_by_tenths() -> None:
    assert count_by_tenth(np.array([0.0, 0.05, 0.1, 0.95, 1.0], dtype=np.float32)) == [2, 1, 0, 0, 0, 0, 0, 0, 0, 2]


def test_loss_rests_when_it_stops_falling() -> None:
    assert not loss_converged([1.0 - 0.01 * i for i in range(20)])
    assert loss_converged([1.0] * 20)
    assert not loss_converged([1.0] * 19)


def test_an_error_that_comes_again_without_progress_ends_the_run() -> None:
    """Of one worker: its peers fail by other errors. Further on, or by another error, it is tried again."""
    coordinator = Coordinator(("a",))
    for rank, error in ((0, "ValueError: x"), (1, "ValueError: x"), (0, "ValueError: y")):
        coordinator.crash(rank, error)
    coordinator.begin(0, 2, 0)
    coordinator.advance(0, 5)
    coordinator.crash(0, "ValueError: x")
    assert coordinator.failure() is None
    assert coordinator.progress().state is RunState.RUNNING
    coordinator.crash(0, "ValueError: x")
    failure = coordinator.failure()
    assert failure is not None
    assert not failure.is_of_spec
    assert failure.reason == "worker 1 failed twice at step 5 of starting by the same error: ValueError: x"
    assert coordinator.progress().state is RunState.FAILED


def test_a_signal_that_comes_again_without_progress_ends_the_run() -> None:
    """Of any worker, and before what its peer says, which is told first."""
    coordinator = Coordinator(("a",))
    for step in (5, 9):
        coordinator.advance(-1, step)
        coordinator.lose("was ended by signal 9 (SIGKILL)")
    assert coordinator.failure() is None
    for _ in range(2):
        coordinator.crash(1, "RuntimeError: Connection closed by peer")
    coordinator.lose("was ended by signal 11 (SIGSEGV)")
    coordinator.lose("was ended by signal 9 (SIGKILL)")
    assert coordinator.failure() == Failure(
        reason="the run failed twice at step 9 of starting by the same error: a worker was ended by signal 9 (SIGKILL)",
        is_of_spec=False,
    )
    coordinator.fail(0, "features: bad")
    coordinator.lose("was ended by signal 9 (SIGKILL)")
    assert coordinator.failure() == Failure(reason="features: bad", is_of_spec=True)


def test_a_wrong_spec_is_told_before_the_error_that_it_makes() -> None:
    coordinator = Coordinator(("a",))
    coordinator.fail(0, "features: bad")
    coordinator.crash(0, "SpecError: features: bad")
    coordinator.crash(0, "SpecError: features: bad")
    assert coordinator.failure() == Failure(reason="features: bad", is_of_spec=True)


def test_a_search_has_come_to_rest_where_each_of_its_seeds_has() -> None:
    """The first seed's gates cross 0.5 at every report, the second's rest."""
    coordinator = Coordinator(("a", "b"))
    coordinator.begin(coordinator.open_attempt(), 1, 0)
    for number in (1, 2):
        coordinator.begin_seed(0, number, 2)
        for place in range(20):
            gate = 0.4 + 0.2 * (place % 2) if number == 1 else 0.9
            coordinator.report(report(0, 10 * (20 * (number - 1) + place + 1), gate=gate))
    first, second = (is_converged(seed) for seed in coordinator.by_seed())
    assert (first.gates, second.gates) == (False, True)
    told = coordinator.convergence()
    assert told is not None
    assert not told.gates
    assert told.model == (first.model and second.model)


def test_a_jump_from_one_seed_to_the_next_is_no_movement_of_gates() -> None:
    coordinator = Coordinator(("a", "b"))
    coordinator.begin(coordinator.open_attempt(), 1, 0)
    coordinator.enter(0, Stage.SEARCHING, 200)
    coordinator.begin_seed(0, 1, 2)
    for step in range(10, 101, 10):
        coordinator.report(report(0, step, gate=0.9))
    told = coordinator.convergence()
    assert told is not None
    assert told.gates
    coordinator.begin_seed(0, 2, 2)
    assert coordinator.convergence() is None
    assert coordinator.progress().crossing_share == 0
    coordinator.report(report(0, 110, gate=0.1))
    progress = coordinator.progress()
    assert (progress.seed_number, progress.seeds) == (2, 2)
    assert (progress.step, progress.total_steps) == (110, 200)
    assert progress.crossing_share == 0
    assert progress.converged is not None
    assert not progress.converged.gates, "one report is not enough"
    for step in range(120, 201, 10):
        coordinator.report(report(0, step, gate=0.1))
    told = coordinator.convergence()
    assert told is not None
    assert told.gates
    assert [[each.step for each in seed] for seed in coordinator.by_seed()] == [
        list(range(10, 101, 10)), list(range(110, 201, 10)),
    ]  # fmt: skip
    assert coordinator.mean_gate(100) == pytest.approx(np.mean([s.gate_F for s in coordinator.history()[10:]], axis=0))
    coordinator.enter(0, Stage.RANKING)
    assert coordinator.progress().seeds is None
