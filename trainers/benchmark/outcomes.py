"""What came of a method, a backbone, a data set, a ratio and a seed: a row of results.parquet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from trainers.benchmark.cells import Cell

if TYPE_CHECKING:
    from trainers.benchmark.study import Combination, Selected


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One row. Where something failed, `reason` says what, and the numbers after it are None.

    Attributes:
        method, backbone: labels: the name, and the options that were given.
        retention: share that was to be kept; 1 of no_selection.
        kept: features in the order of the ranking.
        dims: of the kept features.
        auc, gauc, logloss, ne: on the test split; logloss in nats. None where not defined.
        search_seconds, retrain_seconds: of the search and of the retraining themselves; a search of 0 seconds is of a
            method that has none.
        search_epochs: passes over the training rows while the method trained.
        search_passes: passes over the rows that the method measured, where it tells them.
        search_peak_bytes, retrain_peak_bytes: memory beyond what the process had at the start.
    """

    method: str
    backbone: str
    dataset: str
    retention: float
    seed: int
    reason: str | None
    kept: tuple[str, ...]
    features: int
    dims: int
    auc: float | None
    gauc: float | None
    logloss: float | None
    ne: float | None
    search_seconds: float | None
    search_epochs: float | None
    search_passes: float | None
    search_peak_bytes: int | None
    retrain_seconds: float | None
    retrain_peak_bytes: int | None

    @classmethod
    def make(
        cls,
        combination: Combination,
        *,
        seed: int,
        retention: float,
        selected: Selected | None,
        search: Cell | None,
        retrain: Cell | None,
    ) -> Self:
        """Of the cells behind it; a method without a search has no search cell, and one that failed selects nothing."""
        ranked, quality = search and search.ranked, retrain and retrain.quality
        passes = ranked.diagnostics.get("passes") if ranked else None
        return cls(
            method=combination.method,
            backbone=combination.backbone,
            dataset=combination.dataset,
            retention=retention,
            seed=seed,
            reason=_reason(search, retrain),
            kept=selected.names if selected else (),
            features=len(selected.names) if selected else 0,
            dims=selected.dims if selected else 0,
            auc=quality.auc if quality else None,
            gauc=quality.gauc if quality else None,
            logloss=quality.logloss if quality else None,
            ne=quality.ne if quality else None,
            search_seconds=0.0 if search is None else search.seconds if ranked else None,
            search_epochs=0.0 if search is None else ranked.epochs if ranked else None,
            search_passes=float(passes) if isinstance(passes, int | float) else None,
            search_peak_bytes=search.peak_bytes if search else None,
            retrain_seconds=retrain.seconds if retrain and quality else None,
            retrain_peak_bytes=retrain.peak_bytes if retrain else None,
        )

    def value(self, metric: str) -> float | None:
        """Of the metric of that name."""
        found: float | None = getattr(self, metric)
        return found


def _reason(search: Cell | None, retrain: Cell | None) -> str | None:
    if search is not None and search.reason is not None:
        return f"search: {search.reason}"
    return None if retrain is None or retrain.reason is None else f"retraining: {retrain.reason}"


TYPES: dict[str, pa.DataType] = {
    **dict.fromkeys(("method", "backbone", "dataset"), pa.string()),
    "retention": pa.float64(),
    "seed": pa.int64(),
    "reason": pa.string(),
    "kept": pa.list_(pa.string()),
    **dict.fromkeys(("features", "dims"), pa.int64()),
    **dict.fromkeys(("auc", "gauc", "logloss", "ne"), pa.float64()),
    **dict.fromkeys(("search_seconds", "search_epochs", "search_passes"), pa.float64()),
    "search_peak_bytes": pa.int64(),
    "retrain_seconds": pa.float64(),
    "retrain_peak_bytes": pa.int64(),
}
SCHEMA = pa.schema(TYPES)


def write_parquet(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Replace the file whole; a row an outcome."""
    rows: list[dict[str, Any]] = [asdict(outcome) for outcome in outcomes]
    temporary = path.with_name(f".{path.name}.tmp")
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), temporary, compression="zstd")
    temporary.replace(path)
