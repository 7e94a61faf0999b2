"""Which features survive, by how rare their values are and by how many dims they have, under each penalty.

    python -m tests.experiments.bias --seeds 0,1,2,3,4

Dense features of a logistic model. At each level there are some that tell and as many that don't, alike in all else:

- sparsity: 0 in a share of the rows, ±1 in the others; those that tell move the logit by STEP, one way or the other;
- dims: normal vectors; one direction of those that tell moves the logit by as much at every number of dims.

A feature survives where its gate ends open. Elimination is left out: it would hide what the penalty does.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import typer
from numpy.typing import NDArray

from tests.experiments.search import rank
from trainers.selectors.gates.ranking import OPEN
from trainers.spec import JobSpec, parse_spec

DEFAULT_SHARES = (0.5, 0.9, 0.99, 0.999)
DIMS = (1, 4, 16, 64, 256)
# Of the logit, by ±1 of a rare feature and by a standard deviation of a vector's direction.
STEP, SLOPE = 1.5, 0.35
SPLITS = {"train": 1.0, "validation": 0.5, "test": 0.1}
PENALTIES: dict[str, dict[str, Any]] = {
    "normalized divergence (default)": {"name": "leap"},
    "uniform": {"name": "leap_base", "alpha": 4.5e-4},
    "divergence, at least 1.5 (before)": {"name": "leap", "alpha": 3e-4, "clip": [1.5, 100.0], "ramp": 0.0},
    "the paper's": {"name": "leap", "variant": "paper"},
}

Columns = dict[str, pa.Array]
Survival = dict[str, float]


def levels() -> list[str]:
    return [f"zero-{share:g}" for share in DEFAULT_SHARES] + [f"{dim}D" for dim in DIMS]


def make(folder: Path, *, seed: int, rows: int, each: int) -> JobSpec:
    """The data of a seed, and their spec: of every level `each` features that tell, and `each` that don't."""
    for at, (split, part) in enumerate(SPLITS.items()):
        (folder / split).mkdir(parents=True)
        rng = np.random.default_rng([seed, at])
        columns = draw(rng, int(rows * part), each, np.random.default_rng([seed, 99]))
        pq.write_table(pa.table(columns), folder / split / "rows.parquet", row_group_size=2**13)
    dims = {name: int(name.split("D_")[0]) if "D_" in name else 1 for name in columns if name != "label"}
    features = [{"name": name, "kind": "dense", "dim": dim} for name, dim in dims.items()]
    return parse_spec(
        {
            "dataset": {split: str(folder / split) for split in SPLITS},
            "features": features,
            "selector": {"order": "score"},
            "training": {"seed": seed},
        }
    )


def draw(rng: np.random.Generator, rows: int, each: int, fixed: np.random.Generator) -> Columns:
    """Every feature and the label; `fixed` draws directions and signs, the same for all splits."""
    columns: Columns = {}
    logit_N = np.zeros(rows)
    for share, level in zip(DEFAULT_SHARES, levels()[: len(DEFAULT_SHARES)], strict=True):
        for place in range(each):
            for kind in ("tells", "junk"):
                value_N = np.where(rng.random(rows) < share, 0.0, rng.choice([-1.0, 1.0], rows))
                columns[f"{level}_{kind}_{place}"] = pa.array(value_N, pa.float32())
                logit_N += STEP * value_N * (kind == "tells")
    for dim in DIMS:
        for place in range(each):
            direction_D = fixed.normal(size=dim)
            direction_D /= np.linalg.norm(direction_D)
            for kind in ("tells", "junk"):
                value_ND = rng.normal(size=(rows, dim)).astype(np.float32)
                columns[f"{dim}D_{kind}_{place}"] = vectors(value_ND)
                logit_N += SLOPE * (value_ND @ direction_D) * (kind == "tells")
    label_N = rng.random(rows) < 1 / (1 + np.exp(1.0 - logit_N))
    return columns | {"label": pa.array(label_N.astype(np.int8))}


def vectors(value_ND: NDArray[np.float32]) -> pa.Array:
    dim = value_ND.shape[1]
    return pa.array(value_ND[:, 0]) if dim == 1 else pa.FixedSizeListArray.from_arrays(value_ND.ravel(), dim)


def survival(spec: JobSpec, penalty: Mapping[str, Any]) -> Survival:
    """By level and kind, the share of features whose gates end open."""
    raw = spec.model_dump(mode="json", exclude_unset=True)
    raw["dataset"] = spec.dataset.model_dump(mode="json", exclude_unset=True)
    found = rank(parse_spec({**raw, "selector": {**penalty, "order": "score"}}))
    opened: dict[str, list[float]] = {}
    for feature in found:
        opened.setdefault(feature.name.rsplit("_", 1)[0], []).append(float(feature.score >= OPEN))
    return {key: float(np.mean(values)) for key, values in opened.items()}


def share(seeds: Sequence[Survival], key: str) -> str:
    return f"{np.mean([seed[key] for seed in seeds]):.0%}"


def table(found: Mapping[str, Sequence[Survival]]) -> str:
    """A row a penalty; of each level the share of features that tell and survive, and the same of junk."""
    lines = ["| penalty | " + " | ".join(levels()) + " |", "|---|" + "---|" * len(levels())]
    for penalty, seeds in found.items():
        cells = [" / ".join(share(seeds, f"{level}_{kind}") for kind in ("tells", "junk")) for level in levels()]
        lines.append(f"| {penalty} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(
    seeds: Annotated[str, typer.Option(help="Separated by commas.")] = "0,1,2,3,4",
    rows: Annotated[int, typer.Option(help="Of training.")] = 40_000,
    each: Annotated[int, typer.Option(help="Features a level and kind.")] = 2,
) -> None:
    torch.set_num_threads(1)
    found: dict[str, list[Survival]] = {penalty: [] for penalty in PENALTIES}
    for seed in map(int, seeds.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            spec = make(Path(folder), seed=seed, rows=rows, each=each)
            for penalty, options in PENALTIES.items():
                found[penalty].append(survival(spec, options))
                print(f"  seed {seed}, {penalty}: done", flush=True)
    print(table(found))


if __name__ == "__main__":
    typer.run(main)
