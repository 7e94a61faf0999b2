"""The terminal: a run's progress while it trains, and its result, as a rich console records them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from tests.support.finished_run import FINETUNED, FULL, finished_run, keep_dims, truth_file
from trainers.pruning.leaks import find_leaks
from trainers.report import render, terminal
from trainers.report.terminal import LINE_SECONDS, SHOWN, LiveProgress, print_result, search_note
from trainers.runs.directory import RunDirectory, write_json
from trainers.runs.progress import Polarization, Progress, RunState, Stage

LONG = tuple(f"user_history_click_sequence_last_{days}_days_category_embedding" for days in range(1, 101))


def printed(run: RunDirectory, truth: Path | None = None, width: int = 100) -> list[str]:
    """The result's lines, each as its cells: runs of two blanks part them."""
    console = Console(file=io.StringIO(), width=width)
    print_result(run, truth, console)
    assert isinstance(console.file, io.StringIO)
    return [
        " | ".join(part.strip() for part in line.split("  ") if part.strip())
        for line in console.file.getvalue().splitlines()
    ]


def test_the_ranking_has_every_feature_with_its_decision(tmp_path: Path) -> None:
    lines = printed(finished_run(tmp_path, essential=("noise_2",)))
    assert "Features by leap: kept from a score of 0.6 on, essential ones always" in lines
    assert "1 | noise_2 | essential | 0.000 | 4 | categorical | 1.000 | 0.000" in lines
    assert "2 | clicks | keep | 1.000 | 4 | categorical | 0.000 | 1.000" in lines
    assert "4 | weekday | prune | 0.500 | 4 | categorical | 0.500 | 0.500" in lines


def test_a_feature_that_stays_with_some_of_its_dims_says_how_many(tmp_path: Path) -> None:
    run = finished_run(tmp_path)
    keep_dims(run, clicks=(0, 3))
    lines = printed(run)
    assert "1 | clicks | keep | 1.000 | 2 of 4 | categorical | 0.000 | 1.000" in lines
    assert "2 | user_id | keep | 0.750 | 4 | categorical | 0.250 | 0.750" in lines


def test_a_leak_is_said_first(tmp_path: Path) -> None:
    run = finished_run(tmp_path)
    found = run.read_prune_list()
    assert found is not None
    leaks = tuple(find_leaks(found.kept, {"clicks": 0.96, "weekday": 1.0, "user_id": 0.95}, 0.995))
    assert [(leak.feature, leak.auc) for leak in leaks] == [("clicks", 0.96), (None, 0.995)]
    write_json(run.prune_list, found.model_copy(update={"leaks": leaks}).with_id().document())
    lines = printed(run, width=200)
    assert lines[0].startswith("leak: feature 'clicks', which stays, predicts the label alone with AUC 0.960")
    assert lines[1].startswith("leak: the full model has a test AUC of 0.9950")
    page = render(run).read_text(encoding="utf-8")
    assert page.index("which stays, predicts the label alone") < page.index("Guard passed")


def test_a_budget_says_what_was_spent_and_what_was_left(tmp_path: Path) -> None:
    """Features of 4 dims and 1600 bytes each."""
    run = finished_run(tmp_path / "near", prune={"rule": "budget", "keep_dims": 16})
    lines = printed(run, width=200)
    assert "Features by leap: kept along the ranking while they fit into 16 dims" in lines
    told = (
        "16 dims spent of 16; all features take 20; 1 feature that stays has its gate below 0.5 and is not missed by "
        "held-out rows: the budget had room"
    )
    assert f"budget: {told}" in lines
    assert not [line for line in lines if "are left" in line]
    assert f"Budget: {told}." in render(run).read_text(encoding="utf-8")
    run = finished_run(tmp_path / "far", prune={"rule": "budget", "keep_bytes": 3000})
    lines = printed(run, width=200)
    assert "budget: 1,600 bytes of tables spent of 3,000; all features take 8,000" in lines
    missed = (
        "1,400 bytes of tables of 3,000 are left: the next feature of the ranking, 'user_id', takes 1,600 bytes of "
        "tables, and none of those after it fits"
    )
    assert f"warning: {missed}" in lines
    assert f"{missed}.</p>".replace("'", "&#39;") in render(run).read_text(encoding="utf-8")


def test_a_pruned_copy_is_told_with_the_feature_that_carries_it(tmp_path: Path) -> None:
    run = finished_run(tmp_path)
    assert not [line for line in printed(run) if line.startswith("copies")]
    found = run.read_prune_list()
    assert found is not None
    clicks, user, *others = found.features
    copy = user.model_copy(update={"decision": "prune", "why": "copy", "copies": ("clicks",)})
    features = (clicks.model_copy(update={"copies": ("user_id",)}), copy, *others)
    write_json(run.prune_list, found.model_copy(update={"features": features}).with_id().document())
    assert "copies: 'user_id' is a copy of 'clicks', which stays" in printed(run)
    page = render(run).read_text(encoding="utf-8")
    assert "<p>Copies: &#39;user_id&#39; is a copy of &#39;clicks&#39;, which stays.</p>" in page


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_line_of_a_table_is_wider_than_the_terminal(tmp_path: Path, width: int) -> None:
    console = Console(file=io.StringIO(), width=width)
    run = finished_run(tmp_path, names=LONG)
    print_result(run, None, console)
    assert isinstance(console.file, io.StringIO)
    lines = [line for line in console.file.getvalue().splitlines() if str(run.path) not in line]
    assert max(map(len, lines)) <= width


def test_savings_and_quality(tmp_path: Path) -> None:
    lines = printed(finished_run(tmp_path))
    assert "features | 5 | 2 | 60%" in lines
    assert "embedding bytes | 8,000 | 3,200 | 60%" in lines
    assert "auc | 0.75000 | 0.75000 | 0.74950 | -0.00050 | -0.00070 to -0.00030" in lines
    assert any(line.startswith("✓ guard passed: auc 0.75000 → 0.74950") for line in lines)


def test_metrics_that_are_not_defined_are_dashes(tmp_path: Path) -> None:
    none = {"auc": None, "gauc": None, "ne": None}
    lines = printed(
        finished_run(tmp_path, full=FULL.model_copy(update=none), finetuned=FINETUNED.model_copy(update=none))
    )
    assert "auc | – | 0.75000 | – | – | –" in lines
    assert "logloss | 0.50000 | 0.50000 | 0.50100 | +0.00100 | +0.00080 to +0.00120" in lines


def test_a_metric_that_no_model_has_is_left_out(tmp_path: Path) -> None:
    run = finished_run(tmp_path)
    text = run.prune_list.read_text(encoding="utf-8")
    for value in ("0.71", "0.712"):
        text = text.replace(f'"gauc": {value},', '"gauc": null,')
    run.prune_list.write_text(text, encoding="utf-8")
    lines = printed(run)
    assert not any(line.startswith("gauc") for line in lines)
    assert any(line.startswith("auc") for line in lines)


def test_the_truth_names_what_was_decided_wrong(tmp_path: Path) -> None:
    truth = truth_file(tmp_path / "truth.json", {"clicks": "noise", "user_id": "strong", "noise_1": "strong"})
    lines = printed(finished_run(tmp_path / "run"), truth)
    assert "strong | 2 | 1 | 1 | keep | noise_1" in lines
    assert "noise | 1 | 1 | 0 | prune | clicks" in lines


def test_a_refused_guard_and_a_warning(tmp_path: Path) -> None:
    run = finished_run(
        tmp_path, full=FULL.model_copy(update={"ne": 1.2}), finetuned=FINETUNED.model_copy(update={"auc": 0.74})
    )
    lines = printed(run, width=500)
    refused = (
        "✗ guard failed: auc 0.75000 → 0.74000, 0.01000 worse (95% interval 0.00980 worse to 0.01020 worse); "
        "at most 0.001 worse is allowed"
    )
    full = (
        "the full model predicts no better than the base rate (NE 1.2, where the base rate has 1), so that a "
        "comparison says little: train it better (more rows, fewer epochs, other data) and run again"
    )
    assert f"{refused}; {full}" in lines
    assert "selector leap: low 0.2, middle 0.6, high 0.2, polarized no, converged yes" in lines
    assert any(line.startswith("warning: 60% of the gates lie between") for line in lines)


@pytest.mark.parametrize(("width", "details"), [(70, []), (80, ["mean gate"]), (100, ["divergence", "mean gate"])])
def test_of_many_features_those_around_the_cut_are_shown_on_one_line_each(
    tmp_path: Path, width: int, details: list[str]
) -> None:
    """Where there is little room, details make way for names."""
    run = finished_run(tmp_path, names=LONG)
    lines = printed(run, width=width)
    columns = ["rank", "feature", "decision", "score", "dim", "kind", *details]
    ranked = [line.split(" | ") for line in lines if line.count(" | ") == len(columns) - 1 and line[0].isdigit()]
    assert len(ranked) == SHOWN
    assert [row[2] for row in ranked] == ["keep"] * (SHOWN // 2) + ["prune"] * (SHOWN // 2)
    assert all(len(row[1]) >= 20 and row[1].startswith("user") and row[1].endswith("ing") for row in ranked)
    assert all("…" in row[1] for row in ranked)
    assert "ranks 21 to 60 of 100; the others are in report.html" in lines
    assert " | ".join(columns) in lines


def test_names_are_no_markup(tmp_path: Path) -> None:
    lines = printed(finished_run(tmp_path, names=("a[red]b[/]", "[/]", "c")))
    assert [line.split(" | ")[1] for line in lines if line.count(" | ") == 7 and line[0] in "12"] == [
        "a[red]b[/]",
        "[/]",
    ]


def test_what_was_decided_wrong_is_red_and_nothing_else(tmp_path: Path) -> None:
    truth = truth_file(tmp_path / "truth.json", {"clicks": "noise", "user_id": "strong"})
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system="standard", legacy_windows=False)
    print_result(finished_run(tmp_path / "run", finetuned=FULL), truth, console)
    assert isinstance(console.file, io.StringIO)
    assert [part.split("\x1b")[0] for part in console.file.getvalue().split("\x1b[31m")[1:]] == ["clicks"]


def test_the_files_are_named_whole(tmp_path: Path) -> None:
    run = finished_run(tmp_path / ("deep" * 30))
    lines = printed(run)
    assert f"prune list: {run.prune_list}" in lines
    assert f"report: {run.report}" in lines


def at(stage: Stage, step: int = 0, total_steps: int = 0) -> Progress:
    return Progress(state=RunState.RUNNING, stage=stage, step=step, total_steps=total_steps, attempt=0)


def searching(step: int) -> Progress:
    measured = {
        "loss": 0.25967,
        "rows_per_second": 6541.1,
        "eta": 75.3,
        "polarization": Polarization(low=0.34, middle=0.29, high=0.37, spread=0.3),
    }
    return at(Stage.SEARCHING, step, 1875).model_copy(update=measured)


def test_the_note_has_loss_gates_time_left_and_speed() -> None:
    assert search_note(searching(900)) == "loss 0.2597  gates 34% low 37% high  0:01:15 left  6,541 rows/s"
    second = searching(900).model_copy(update={"seed_number": 2, "seeds": 3})
    assert search_note(second).startswith("search 2 of 3  loss 0.2597  gates")


def test_a_search_without_gates_says_which_seed_it_trains() -> None:
    plain = at(Stage.SEARCHING, 900, 1875)
    assert search_note(plain) == ""
    assert search_note(plain.model_copy(update={"seed_number": 2, "seeds": 3})) == "search 2 of 3"


@pytest.mark.parametrize(
    "progress",
    [at(Stage.STARTING), at(Stage.SEARCHING), searching(1).model_copy(update={"stage": Stage.RANKING})],
    ids=lambda progress: progress.stage.value,
)
def test_no_note_without_news(progress: Progress) -> None:
    assert search_note(progress) == ""


STAGES = [
    at(Stage.STARTING),
    searching(50),
    searching(1850),
    at(Stage.RANKING),
    at(Stage.FINETUNING, 3, 8),
    at(Stage.DONE),
]


def test_without_a_terminal_a_line_a_stage() -> None:
    console = Console(file=io.StringIO(), width=100)
    with LiveProgress(console) as live:
        for progress in STAGES:
            live.update(progress)
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().split("\n") == ["starting …", "searching …", "ranking …", "finetuning …", ""]


def test_without_a_terminal_steps_are_said_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 100.0 + LINE_SECONDS, 100.0 + LINE_SECONDS, 101.0 + LINE_SECONDS])
    monkeypatch.setattr(terminal.time, "monotonic", lambda: next(clock))
    console = Console(file=io.StringIO(), width=40)
    live = LiveProgress(console)
    live.update(at(Stage.STARTING))  # 100
    live.stage = Stage.SEARCHING
    live.update(searching(50))  # later by LINE_SECONDS, and said
    live.update(searching(1850))  # a second later
    assert isinstance(console.file, io.StringIO)
    starting, searched, end = console.file.getvalue().split("\n")
    assert (starting, end) == ("starting …", "")
    assert searched.startswith("searching: step 50/1875  loss 0.")
    assert searched.endswith("rows/s")


@pytest.mark.parametrize("width", [80, 100, 120])
def test_on_a_terminal_bars_and_counts_stay_whatever_the_width(width: int) -> None:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    with LiveProgress(console) as live:
        for progress in STAGES:
            live.update(progress)
    with console.capture() as capture:
        console.print(live.bars.get_renderable())
    lines = capture.get().splitlines()
    assert [line.split()[0] for line in lines] == ["starting", "searching", "ranking", "finetuning"]
    assert all("━━━━━━━━━━━━" in line and "0:00:0" in line for line in lines)
    assert "1875/1875" in lines[1]
    assert "loss 0.2597  gates 34% low" in lines[1]
    assert "8/8" in lines[3]


def test_a_run_that_failed_is_not_shown_as_finished() -> None:
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None)
    live = LiveProgress(console)

    def fail() -> None:
        with live:
            live.update(searching(50))
            raise RuntimeError("a worker is gone")

    with pytest.raises(RuntimeError, match="gone"):
        fail()
    assert [task.completed for task in live.bars.tasks] == [50]
