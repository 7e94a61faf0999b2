"""What a finished run leaves: the prune list, metrics.json, gates.parquet."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from trainers.data.source import open_split
from trainers.data.splits import SPLITS
from trainers.metrics.quality import Metrics
from trainers.runs.convergence import Polarization
from trainers.runs.coordinator import Coordinator, Snapshot
from trainers.runs.directory import RunDirectory, write_json
from trainers.runs.prune_list import PruneList, judge, listed, over_target, polarization_of, totals
from trainers.spec import JobSpec

CODE = ("winnow", "torch", "torchrec", "fbgemm-gpu-cpu", "fbgemm-gpu")
ROW_GROUP = 2**20
HISTORY = pa.schema(
    {
        "step": pa.int64(),
        "feature": pa.dictionary(pa.int32(), pa.string()),
        "gate": pa.float32(),
        "divergence": pa.float32(),
    }
)


def write_results(
    spec: JobSpec,
    directory: RunDirectory,
    final: Coordinator,
    seconds: dict[str, float],
    sparsity: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Write every result file, the prune list last, and return the list: where it stands, the run is whole.

    `sparsity` is the share of checked training rows at a feature's default, by the feature's name.
    """
    assert final.outcome is not None
    write_history(directory, final)
    write_json(directory.metrics, _metrics(spec, final, seconds) | {"features": _weights(final, sparsity or {})})
    found = _prune_list(spec, final).model_dump(mode="json")
    write_json(directory.prune_list, found)
    return found


def write_history(directory: RunDirectory, final: Coordinator) -> None:
    """gates.parquet: step, feature, gate, divergence; a row per snapshot and feature."""
    names, count = pa.array(final.features, pa.string()), len(final.features)
    together = max(1, ROW_GROUP // count)
    temporary = directory.gates.with_name(".gates.parquet.tmp")
    with pq.ParquetWriter(temporary, HISTORY, compression="zstd") as writer:
        for begin in range(0, len(final.snapshots), together):
            snapshots = final.snapshots[begin : begin + together]
            places = np.tile(np.arange(count, dtype=np.int32), len(snapshots))
            columns = [
                pa.array(np.repeat(np.array([s.step for s in snapshots], dtype=np.int64), count)),
                pa.DictionaryArray.from_arrays(places, names),
                pa.array(np.concatenate([s.gate_F for s in snapshots])),
                pa.array(np.concatenate([s.divergence_F for s in snapshots])),
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=HISTORY))
    temporary.replace(directory.gates)


def _metrics(spec: JobSpec, final: Coordinator, seconds: dict[str, float]) -> dict[str, Any]:
    outcome = final.outcome or {}
    snapshots: list[Snapshot] = final.snapshots
    rows, spent = sum(s.rows for s in snapshots), sum(s.seconds for s in snapshots)
    return {
        **{name: _plain(metrics) for name, metrics in outcome["metrics"].items()},
        "curve": [point.as_dict() for point in outcome["curve"]],
        "delta": spec.prune.delta,
        "stages": {**final.stages, **seconds},
        "rows_per_second": rows / spent if spent else 0.0,
        "steps": final.steps_counted,
        "attempts": final.attempt + 1,
        "converged": final.convergence(),
    }


def _weights(final: Coordinator, sparsity: Mapping[str, float]) -> list[dict[str, Any]]:
    """What each feature weighs in the full model, in the order of the ranking."""
    outcome = final.outcome or {}
    by_name = {score.name: score for score in outcome["scores"]}
    found = [by_name[decision.name] for decision in outcome["decisions"]]
    return [
        {
            "name": score.name,
            "dim": score.dim,
            "embedding_bytes": score.embedding_bytes,
            "bytes_per_example": score.bytes_per_example,
            "sparsity": sparsity.get(score.name),
        }
        for score in found
    ]


def _plain(metrics: Metrics) -> dict[str, float | int | None]:
    return metrics.as_dict()


def _prune_list(spec: JobSpec, final: Coordinator) -> PruneList:
    outcome = final.outcome or {}
    scores, decisions, metrics = outcome["scores"], outcome["decisions"], outcome["metrics"]
    learned = np.array([score.score for score in scores if not score.essential] or [1.0])
    return PruneList(
        name=spec.name,
        features=listed(scores, decisions),
        before=totals(scores, {score.name for score in scores}),
        after=totals(scores, {decision.name for decision in decisions if decision.keep}),
        metrics={name: _plain(found) for name, found in metrics.items()},
        guard=judge(spec.prune.guard, metrics["full"], metrics["finetuned"], outcome["error"]),
        polarization=polarization_of(
            Polarization.of(learned),
            final.convergence()["gates"],
            over_target(scores, getattr(spec.selector, "target_dims", None)),
        ),
        fingerprints=_fingerprints(spec),
    ).sealed()


def _fingerprints(spec: JobSpec) -> dict[str, str]:
    """Of the spec, of the data (files, sizes, row counts), and of the code that read them."""
    return {
        "spec": _digest(spec.model_dump(mode="json")),
        "data": _digest([open_split(spec.dataset, split).files.fingerprint() for split in SPLITS]),
        "code": _digest({name: _version(name) for name in CODE}),
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except ModuleNotFoundError:
        return None


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
