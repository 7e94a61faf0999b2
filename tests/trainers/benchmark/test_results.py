"""Tables of hand-made outcomes: means, marks, S_AUC, ranks, what is missing."""

from __future__ import annotations

import pytest

from tests.support.benchmarks import AUCS, results
from trainers.benchmark.tables import write_markdown


def test_a_column_has_means_and_marks() -> None:
    auc, logloss = results(AUCS).tables
    assert [(table.metric, table.backbone) for table in (auc, logloss)] == [("auc", "mlp"), ("logloss", "mlp")]
    assert [column.retention for column in auc.columns] == [0.5, 0.25]
    half = {row.method: row.entries[0] for row in auc.rows}
    assert half["leap"] is not None
    assert (half["leap"].mean, half["leap"].deviation) == (pytest.approx(0.82), pytest.approx(0.02))
    marks = {name: entry and (entry.best, entry.tied) for name, entry in half.items()}
    assert marks == {
        "leap": (True, True),
        "shark": (False, True),
        "random": (False, False),
        "no_selection": (False, False),
    }
    lower = {row.method: row.entries[0] for row in logloss.rows}
    assert [name for name, entry in lower.items() if entry and entry.best] == ["leap"], "lower is better"


def test_no_selection_stands_beside_every_ratio() -> None:
    row = results(AUCS).tables[0].rows[-1]
    assert [entry and round(entry.mean, 9) for entry in row.entries] == [0.8, 0.8]


def test_normalized_auc_is_by_ratio() -> None:
    rows = {row.method: row.normalized for row in results(AUCS).tables[0].rows}
    assert rows["leap"] == (pytest.approx(1.0), pytest.approx(0.70 / 0.80))
    assert rows["random"] == (pytest.approx(0.62 / 0.82), pytest.approx(0.5 / 0.8))


def test_ranks_are_over_seeds_of_mean_aucs() -> None:
    """Means over the ratios: no_selection 0.78, 0.80, 0.82; leap 0.75, 0.76, 0.77; shark 0.745, 0.76, 0.765."""
    ranks = results(AUCS).ranks
    assert ranks is not None
    assert ranks.blocks == 3
    expected = {"no_selection": 1.0, "leap": (2 + 2.5 + 2) / 3, "shark": (3 + 2.5 + 3) / 3, "random": 4.0}
    assert {each.method: each.mean_rank for each in ranks.methods} == pytest.approx(expected)
    assert [each.method for each in ranks.methods] == list(expected), "best first"


def test_stability_and_cost() -> None:
    costs = {cost.method: cost for cost in results(AUCS).costs}
    assert costs["leap"].stability == (pytest.approx(5 / 9), pytest.approx(5 / 9))
    assert costs["no_selection"].stability == (None, None)
    assert (costs["leap"].search_seconds, costs["leap"].search_peak_bytes) == (3.0, 3 * 2**20)


def test_what_failed_is_missing_and_told() -> None:
    found = results({**AUCS, ("shark", 0.5): (None, None, None), ("shark", 0.25): (0.7, None, 0.7)})
    rows = {row.method: row for row in found.tables[0].rows}
    assert rows["shark"].entries[0] is None
    assert rows["shark"].entries[1] is not None
    assert rows["shark"].entries[1].seeds == 2
    assert rows["shark"].normalized is not None
    assert rows["shark"].normalized[0] is None
    assert len(found.failures) == 4
    assert found.failures[0] == "shark, mlp, a, 0.5, seed 0: search: broken"
    assert found.ranks is not None
    assert [each.method for each in found.ranks.methods] == ["no_selection", "leap", "random"], "of no block has it all"
    text = write_markdown(found)
    assert "| shark | – | 0.7000 ± 0.0000" in text
    assert "- shark, mlp, a, 0.5, seed 0: search: broken" in text


def test_the_markdown_has_the_papers_form() -> None:
    lines = write_markdown(results(AUCS)).splitlines()
    at = lines.index("## AUC, mlp")
    assert lines[at + 2] == "| method | a 50% | a 25% | S_AUC 50% | S_AUC 25% |"
    assert lines[at + 4] == "| leap | **0.8200 ± 0.0200** | 0.7000 ± 0.0000 | 1.0000 | 0.8750 |"
    assert lines[at + 5].startswith("| shark | 0.8133 ± 0.0208 ≈ |")


def test_one_seed_has_no_deviation_and_no_marks() -> None:
    found = results({place: values[:1] for place, values in AUCS.items()})
    entry = found.tables[0].rows[1].entries[0]
    assert entry is not None
    assert (entry.deviation, entry.tied) == (None, None)
    assert "| shark | 0.7900 |" in write_markdown(found)
