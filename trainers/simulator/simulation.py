"""simulate: a population's rows as Parquet splits, with a spec that is ready to run and the truth beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from trainers.datasets.directory import staged_directory
from trainers.runs.directory import write_json, write_text
from trainers.simulator.logistic import auc, log_loss
from trainers.simulator.population import Place, Population, populate
from trainers.simulator.roles import REDUNDANT, Role, role_counts
from trainers.simulator.template import spec_text
from trainers.spec import SpecError

FEWEST_ROWS = 100
SPLITS = {"train": 2, "validation": 3, "test": 4}  # the random stream of each
BLOCK_ROWS = 8192  # the most rows in memory, and in a row group
FILE_BLOCKS = 32
LABEL, GROUP = "label", "user_id"

Drawn = tuple[NDArray[np.bool_], NDArray[np.float64]]  # labels and true logits of rows


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """What `simulate` wrote. `base_rate` and `bayes_auc` are those of the test split's labels and true logits."""

    path: Path
    spec: Path
    truth: Path
    roles: dict[Role, int]
    base_rate: float
    bayes_auc: float | None


def simulate(*, features: int, rows: int, seed: int, output: Path, base_rate: float = 0.25) -> Simulation:
    """Write `train/ validation/ test/` (80, 10 and 10% of the rows), `spec.yaml` and `truth.json` to `output`.

    Rows are drawn and written block by block, so memory doesn't grow with `rows`. An earlier data set at `output` is
    replaced whole, when the new one is complete.

    Args:
        features: number of features, at least 10.
        rows: number of rows, at least 100.
        seed: the same seed, features and rows give the same data.
        output: the directory to make.
        base_rate: share of positive labels, in (0, 1).

    Raises:
        SpecError: a number out of range, or `output` exists and is no data set.
    """
    _refuse(features, rows, seed, base_rate)
    population = populate(features=features, rows=rows, seed=seed, base_rate=base_rate)
    with staged_directory(output) as staging:
        sizes = {"train": rows - 2 * (rows // 10), "validation": rows // 10, "test": rows // 10}
        first = 0
        for name, size in sizes.items():
            label_N, logits_N = _write_split(population, staging / name, stream=SPLITS[name], first=first, rows=size)
            first += size
        bayes_auc, rate = auc(label_N, logits_N), float(label_N.mean())
        asked = {"seed": seed, "rows": rows, "asked_base_rate": base_rate}
        measured = {"base_rate": rate, "bayes_auc": bayes_auc, "bayes_logloss": log_loss(label_N, logits_N)}
        write_json(staging / "truth.json", asked | measured | _described(population))
        write_text(staging / "spec.yaml", spec_text(population, label=LABEL, group=GROUP))
    output = Path(output)
    return Simulation(
        path=output,
        spec=output / "spec.yaml",
        truth=output / "truth.json",
        roles=role_counts(features),
        base_rate=rate,
        bayes_auc=bayes_auc,
    )


def _refuse(features: int, rows: int, seed: int, base_rate: float) -> None:
    role_counts(features)
    if rows < FEWEST_ROWS:
        raise SpecError(f"rows: {rows} is too few to split; give at least {FEWEST_ROWS}")
    if seed < 0:
        raise SpecError(f"seed: {seed} is negative; give 0 or more")
    if not 0 < base_rate < 1:
        raise SpecError(f"base_rate: {base_rate} is no share of positive labels; give a number between 0 and 1")


def _write_split(population: Population, folder: Path, *, stream: int, first: int, rows: int) -> Drawn:
    """Several files of several row groups each; returns what the labels were drawn from, 9 bytes a row."""
    folder.mkdir()
    block_rows = min(BLOCK_ROWS, -(-rows // 8))
    places = [
        Place(stream=stream, block=block, first=first + start, rows=min(block_rows, rows - start))
        for block, start in enumerate(range(0, rows, block_rows))
    ]
    per_file = min(FILE_BLOCKS, -(-len(places) // 4))
    drawn: list[Drawn] = []
    for file, begin in enumerate(range(0, len(places), per_file)):
        tables = _tables(population, places[begin : begin + per_file], drawn)
        _write_file(folder / f"part-{file:05d}.parquet", tables)
    labels, logits = zip(*drawn, strict=True)
    return np.concatenate(labels), np.concatenate(logits)


def _tables(population: Population, places: list[Place], drawn: list[Drawn]) -> Iterator[pa.Table]:
    for place in places:
        values = population.draw(place)
        logits_N = population.logits(values)
        label_N = population.labels(logits_N, place)
        drawn.append((label_N, logits_N))
        columns = {f.name: f.column.arrow(values[f.name]) for f in population.features}
        label, user = pa.array(label_N.astype(np.int8)), pa.array(population.users(place))
        yield pa.table({LABEL: label, GROUP: user, **columns})


def _write_file(path: Path, tables: Iterator[pa.Table]) -> None:
    """One row group per table."""
    first = next(tables)
    with pq.ParquetWriter(path, first.schema) as writer:
        for table in chain([first], tables):
            writer.write_table(table)


def _described(population: Population) -> dict[str, Any]:
    """What truth.json says of the population and of each feature."""
    shares, costs = population.shares(), population.costs()
    dims = {feature.name: int(str(feature.declaration.get("dim", 1))) for feature in population.features}
    redundant = sum(dims[feature.name] for feature in population.features if feature.role in REDUNDANT)
    described = {
        feature.name: {
            "role": feature.role,
            "kind": feature.declaration["kind"],
            "dim": dims[feature.name],
            "logit_variance_share": shares[feature.name],
            "logloss_cost": costs[feature.name],
            "copy_of": feature.copy_of,
            "partner": feature.partner,
        }
        for feature in population.features
    }
    return {
        "intercept": population.intercept,
        "dims": sum(dims.values()),
        "redundant_dims": redundant,
        "features": described,
    }
