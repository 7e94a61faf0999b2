"""results.md: a benchmark's results as tables, in the form of the papers' (LeAP's Table 2, FairFS's Table 1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trainers.benchmark.results import BenchmarkResults, Entry, MetricTable, Ranks

TITLES = {"auc": "AUC", "gauc": "GAUC", "logloss": "logloss"}
DIGITS = 4
NOTHING = "–"
TIED = "≈"
MARKS = (
    f"Bold is the best of a column. {TIED} is not significantly worse than it: a paired t test over the seeds, "
    "adjusted by Holm over the column's methods, doesn't tell the two apart at 5%."
)
COSTS = (
    "Of a search, the mean over data sets, backbones and seeds; of memory the most. Epochs are passes over the "
    "training rows while the method trains a model, passes those over the rows that it measures, where it tells them. "
    "Stability is the mean Jaccard index of the sets that two seeds keep."
)
RANKED = (
    "p is Wilcoxon's against the first, adjusted by Holm. Seeds of one data set share its rows: they tell of chance in "
    "training, and not of other data."
)
Cell = str | tuple[Entry, str]


def write_markdown(results: BenchmarkResults) -> str:
    return "\n".join(_lines(results)) + "\n"


def _lines(results: BenchmarkResults) -> Iterator[str]:
    yield f"# {results.name}"
    yield from ("", "On the test split, retrained from new weights with the share that a column names of the")
    yield f"{results.by}. {describe_seeds(results)}. {MARKS}"
    for table in results.tables:
        heads, rows = metric_rows(table, results.retention)
        yield from ("", f"## {table_title(table)}", "")
        yield from _table(heads, [[_marked(cell) for cell in row] for row in rows])
    yield from ("", "## Cost and stability", "", COSTS, "", *_table(*cost_rows(results)))
    if results.ranks is not None:
        yield from ("", "## Ranks", "", describe_ranks(results.ranks), RANKED, "", *_table(*rank_rows(results.ranks)))
    if results.failures:
        yield from ("", "## Failed", "", *(f"- {line}" for line in results.failures))


def describe_seeds(results: BenchmarkResults) -> str:
    return "One seed" if results.seeds == 1 else f"Mean ± standard deviation over {results.seeds} seeds"


def table_title(table: MetricTable) -> str:
    return f"{TITLES[table.metric]}, {table.backbone}"


def metric_rows(table: MetricTable, ratios: Sequence[float]) -> tuple[list[str], list[list[Cell]]]:
    """Heads and rows of a metric's table; an entry is given with its number as text."""
    has_normalized = any(row.normalized is not None for row in table.rows)
    heads = ["method", *(f"{column.dataset} {percent(column.retention)}" for column in table.columns)]
    heads += [f"S_AUC {percent(ratio)}" for ratio in ratios] if has_normalized else []
    rows: list[list[Cell]] = []
    for row in table.rows:
        entries: list[Cell] = [NOTHING if entry is None else (entry, describe_entry(entry)) for entry in row.entries]
        rows.append([row.method, *entries, *(number(value, DIGITS) for value in row.normalized or ())])
    return heads, rows


def describe_entry(entry: Entry) -> str:
    spread = "" if entry.deviation is None else f" ± {entry.deviation:.{DIGITS}f}"
    return f"{entry.mean:.{DIGITS}f}{spread}"


def _marked(cell: Cell) -> str:
    if isinstance(cell, str):
        return cell
    entry, text = cell
    if entry.best:
        return f"**{text}**"
    return f"{text} {TIED}" if entry.tied else text


def cost_rows(results: BenchmarkResults) -> tuple[list[str], list[list[str]]]:
    """Heads and rows: what each method takes, and how far its seeds agree."""
    heads = ["method", "search, s", "epochs", "passes", "peak memory, MiB"]
    heads += [f"stability {percent(ratio)}" for ratio in results.retention]
    rows = [
        [
            cost.method,
            number(cost.search_seconds, 1),
            number(cost.search_epochs, 1),
            number(cost.search_passes, 1),
            number(None if cost.search_peak_bytes is None else cost.search_peak_bytes / 2**20, 0),
            *(number(value, 2) for value in cost.stability),
        ]
        for cost in results.costs
    ]
    return heads, rows


def describe_ranks(ranks: Ranks) -> str:
    """What was compared, and which methods aren't told apart."""
    blocks = f"{ranks.blocks} blocks" if ranks.blocks > 1 else "one block"
    friedman = "" if ranks.friedman_p is None else f" Friedman's p that all are alike: {ranks.friedman_p:.2g}."
    groups = "; ".join(", ".join(group) for group in ranks.cliques)
    alike = f" Not told apart: {groups}." if groups else ""
    return (
        f"Mean ranks over {blocks}, each a backbone, a data set and a seed with the mean AUC over the ratios. Critical "
        f"difference at 5% (Nemenyi): {ranks.critical_difference:.2f}.{friedman}{alike}"
    )


def rank_rows(ranks: Ranks) -> tuple[list[str], list[list[str]]]:
    """Heads and rows, best mean rank first."""
    rows = [
        [each.method, f"{each.mean_rank:.2f}", NOTHING if each.p is None else f"{each.p:.2g}"] for each in ranks.methods
    ]
    return ["method", "mean rank", "p"], rows


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield _row(heads)
    yield "|---|" + "---:|" * (len(heads) - 1)
    yield from map(_row, rows)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def number(value: float | None, digits: int) -> str:
    return NOTHING if value is None else f"{value:,.{digits}f}"


def percent(share: float) -> str:
    return f"{100 * share:g}%"
