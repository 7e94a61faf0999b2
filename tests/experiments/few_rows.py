"""What a run makes of few rows, and what it says: a list that is right, or a warning of what is missing.

    python -m tests.experiments.few_rows ../shared/data/census/spec.yaml --rows 2000,5000,20000

Of so many rows four fifths train and one fifth validates, drawn by chance from both splits; the test split is whole,
so that differences of AUC can be told.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import typer

from tests.experiments.search import select
from trainers.data.checks.check import check, named_columns
from trainers.data.source import open_splits
from trainers.spec import JobSpec, load_spec

SHARES = {"train": 0.8, "validation": 0.2}


def cut(spec: JobSpec, rows: int, folder: Path, seed: int = 0) -> JobSpec:
    """The spec over `rows` rows, which are written below `folder`. Defaults follow them."""
    random = np.random.default_rng(seed)
    columns = list(dict.fromkeys(named_columns(spec)))
    sources = open_splits(spec.dataset, columns)
    pools = [sources[split].read(columns, 0, sources[split].rows) for split in SHARES]
    pool = pa.concat_tables(pools, promote_options="permissive")
    if rows > len(pool):
        raise SystemExit(f"{spec.name}: {len(pool):,} rows to train and validate on, and --rows asks for {rows:,}")
    order = random.permutation(len(pool))[:rows]
    stop = round(SHARES["train"] * rows)
    paths = {}
    for split, chosen in (("train", order[:stop]), ("validation", order[stop:])):
        paths[split] = str(folder / f"{split}.parquet")
        pq.write_table(pool.take(np.sort(chosen)), paths[split])
    return spec.model_copy(update={"dataset": spec.dataset.model_copy(update=paths)})


def fields(warnings: Iterable[str]) -> str:
    """What the warnings are of, and how many of each: the first word of what stands before the colon."""
    counts = Counter(warning.partition(":")[0].split()[0] for warning in warnings)
    return (
        ", ".join(f"`{field}`" + (f" ({count})" if count > 1 else "") for field, count in counts.items()) or "nothing"
    )


def main(
    specs: Annotated[list[Path], typer.Argument(help="Each of a set with columns that stand in one file.")],
    rows: Annotated[str, typer.Option(help="Numbers of rows, separated by commas.")] = "2000,5000,20000",
    words: Annotated[bool, typer.Option("--words", help="Print each warning too.")] = False,
) -> None:
    torch.set_num_threads(1)
    print("| set | rows | steps | kept | AUC, full → fine-tuned | verdict | warnings of the data | of the search |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for path in specs:
        for count in map(int, rows.split(",")):
            with tempfile.TemporaryDirectory() as temporary:
                spec = cut(load_spec(path), count, Path(temporary))
                told = check(spec)
                found = select(spec)
            kept = sum(feature.decision == "keep" for feature in found.features)
            aucs = " → ".join(f"{model.auc or 0.0:.4f}" for model in (found.metrics.full, found.metrics.finetuned))
            print(
                f"| {spec.name} | {count:,} | {told.training['steps']:,} | {kept} of {len(found.features)} | {aucs} "
                f"| {found.guard.verdict} | {fields(told.warnings)} | {'yes' if found.warning else 'nothing'} |",
                flush=True,
            )
            for warning in (*told.warnings, found.warning) if words else ():
                print(f"  {warning}" if warning else "", flush=True)


if __name__ == "__main__":
    typer.run(main)
