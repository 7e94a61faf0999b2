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
from numpy.typing import NDArray

from trainers.data.checks.check import DataSummary
from trainers.data.source import fingerprint_files, open_splits
from trainers.pruning.diagnostics import still_moving
from trainers.pruning.leaks import find_leaks
from trainers.runs.coordinator import Coordinator, Snapshot, is_converged
from trainers.runs.directory import RunDirectory, write_json
from trainers.runs.history import GATE
from trainers.runs.outcome import Outcome
from trainers.runs.prune_list import PruneList
from trainers.runs.results import Results
from trainers.spec import JobSpec

CODE = ("winnow", "torch", "torchrec", "fbgemm-gpu-cpu", "fbgemm-gpu")
ROW_GROUP = 2**20


def write_results(
    spec: JobSpec,
    directory: RunDirectory,
    final: Coordinator,
    seconds: dict[str, float],
    data: DataSummary | None = None,
) -> PruneList:
    """Write every result file, the prune list last, and return the list: where it stands, the run is whole.

    `seconds` are of the driver's own stages. `data` is what the check found before the run; without it the data is
    opened anew for its fingerprint, and neither sparsity nor single-feature AUCs are known.
    """
    aucs = {} if data is None else data.single_feature_auc
    assert final.outcome is not None
    write_history(directory, final)
    write_json(directory.metrics, _results(spec, final, final.outcome, seconds, data).document())
    fingerprint = fingerprint_files(open_splits(spec.dataset, ())) if data is None else data.fingerprint
    prune_list = _prune_list(spec, final, final.outcome, aucs, fingerprint)
    write_json(directory.prune_list, prune_list.document())
    return prune_list


def write_history(directory: RunDirectory, final: Coordinator) -> None:
    """gates.parquet: step, feature, gate, and a column for each detail; a row per snapshot and feature."""
    names, count = pa.array(final.features, pa.string()), len(final.features)
    schema = _history_schema(tuple(final.snapshots[0].details) if final.snapshots else ())
    together = max(1, ROW_GROUP // count)
    temporary = directory.gates.with_name(".gates.parquet.tmp")
    with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        for begin in range(0, len(final.snapshots), together):
            snapshots = final.snapshots[begin : begin + together]
            places = np.tile(np.arange(count, dtype=np.int32), len(snapshots))
            columns = [
                pa.array(np.repeat(np.array([s.step for s in snapshots], dtype=np.int64), count)),
                pa.DictionaryArray.from_arrays(places, names),
                *(pa.array(np.concatenate([_values(s, name) for s in snapshots])) for name in schema.names[2:]),
            ]
            writer.write_table(pa.Table.from_arrays(columns, schema=schema))
    temporary.replace(directory.gates)


def _history_schema(details: tuple[str, ...]) -> pa.Schema:
    values = {name: pa.float32() for name in (GATE, *details)}
    return pa.schema({"step": pa.int64(), "feature": pa.dictionary(pa.int32(), pa.string()), **values})


def _values(snapshot: Snapshot, column: str) -> NDArray[np.float32]:
    return snapshot.gate_F if column == GATE else snapshot.details[column]


def _results(
    spec: JobSpec,
    final: Coordinator,
    outcome: Outcome,
    seconds: dict[str, float],
    data: DataSummary | None,
) -> Results:
    aucs = {} if data is None else data.single_feature_auc
    shares = {} if data is None else data.share_at_default
    sparsity = {name: by_split["train"] for name, by_split in shares.items()}
    rows, spent = sum(s.rows for s in final.snapshots), sum(s.seconds for s in final.snapshots)
    return Results(
        full=outcome.metrics.full,
        pruned=outcome.metrics.pruned,
        finetuned=outcome.metrics.finetuned,
        differences=outcome.metrics.differences,
        curve=outcome.curve,
        own=outcome.own,
        delta=spec.prune.delta,
        stages={**final.stages, **seconds},
        rows_per_second=rows / spent if spent else None,
        steps=final.steps_counted,
        attempts=final.attempt + 1,
        converged=final.convergence(),
        features=tuple(
            weight.model_copy(update={"sparsity": sparsity.get(weight.name), "auc": aucs.get(weight.name)})
            for weight in outcome.weights
        ),
        data_warnings=() if data is None else data.warnings,
    )


def _prune_list(spec: JobSpec, final: Coordinator, outcome: Outcome, aucs: Mapping[str, float], data: str) -> PruneList:
    diagnostics, warning = outcome.diagnostics, outcome.warning
    converged = final.convergence()
    if converged is not None and outcome.selector.probability_like:
        diagnostics = {**diagnostics, "converged": converged.gates}
        if warning is None and not converged.gates:
            seeds = final.by_seed()
            moving = [seed for seed in seeds if not is_converged(seed).gates]
            gates = [np.stack([snapshot.gate_F for snapshot in seed]) for seed in moving]
            warning = still_moving(gates, sum(snapshot.steps for snapshot in moving[0]), len(seeds))
    return PruneList(
        name=spec.name,
        selector=outcome.selector,
        features=outcome.features,
        interactions=outcome.interactions,
        before=outcome.before,
        after=outcome.after,
        metrics=outcome.metrics,
        guard=outcome.guard,
        leaks=tuple(
            find_leaks(
                [feature.name for feature in outcome.features if feature.decision == "keep"],
                aucs,
                outcome.metrics.full.auc,
            )
        ),
        budget=outcome.budget,
        diagnostics=diagnostics,
        warning=warning,
        fingerprints=_fingerprints(spec, data),
    ).with_id()


def _fingerprints(spec: JobSpec, data: str) -> dict[str, str]:
    """Of the spec, of the data (files, sizes, row counts), and of the code that read them."""
    return {
        "spec": _digest(spec.model_dump(mode="json")),
        "data": data,
        "code": _digest({name: _version(name) for name in CODE}),
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except ModuleNotFoundError:
        return None


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
