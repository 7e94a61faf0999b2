"""Holding a spec against its data without training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trainers.data.decode import Decoder
from trainers.data.ids import default_id
from trainers.data.precision import precision_warnings
from trainers.data.rows import Rows
from trainers.data.sampler import SMALLEST_BATCH
from trainers.data.source import Source, fingerprint_files, open_splits
from trainers.data.splits import SplitName
from trainers.data.statistics import measure
from trainers.spec import JobSpec, SpecError

CHECKED_ROWS = 2**16


@dataclass(frozen=True, kw_only=True)
class SplitSummary:
    """`rows` of a split in `files`, of which the first `checked_rows` were decoded and have this base rate."""

    rows: int
    files: int
    checked_rows: int
    base_rate: float


@dataclass(frozen=True, kw_only=True)
class DataSummary:
    """What `check` found.

    Attributes:
        splits: by name.
        share_at_default: feature to split to the share of the checked rows at the feature's default, 0 to 1; for
            lists, of the empty ones.
        warnings: what may be in order and deserves a look.
        fingerprint: SHA-256 of the footers of all files, split by split.
    """

    splits: dict[str, SplitSummary]
    share_at_default: dict[str, dict[str, float]]
    warnings: tuple[str, ...]
    fingerprint: str


def check(spec: JobSpec) -> DataSummary:
    """Open every split, compare its columns with the spec, and decode its first rows.

    Raises:
        SpecError: data that the spec can't be run on: nothing there, a column missing or of another type, values
            that a feature or the label can't take, too few rows, one class of labels only.
    """
    decoder = Decoder(spec)
    splits: dict[str, SplitSummary] = {}
    shares: dict[str, dict[str, float]] = {feature.name: {} for feature in spec.features}
    sources = open_splits(spec.dataset, decoder.columns)
    warnings = [*left_out(sources), *shared_files(sources)]
    for split, source in sources.items():
        check_rows(spec, source, split)
        check_types(decoder, source)
        table = source.read(decoder.columns, 0, min(source.rows, CHECKED_ROWS))
        rows = decoder.decode(table)
        warnings += _check_classes(spec, source, split, rows)
        if split == "train":
            warnings += precision_warnings(decoder, table, measure(decoder, [table]))
        splits[split] = SplitSummary(
            rows=source.rows,
            files=len(source.files.parts),
            checked_rows=len(rows),
            base_rate=float(rows.label_N.mean()),
        )
        for name, share in _shares_at_default(decoder, rows):
            shares[name][split] = share
    return DataSummary(
        splits=splits, share_at_default=shares, warnings=tuple(warnings), fingerprint=fingerprint_files(sources)
    )


def check_rows(spec: JobSpec, source: Source, split: SplitName) -> None:
    """Raises SpecError where a split has no row, or too few for the workers."""
    workers, batch = spec.scaling.workers, spec.training.batch_size
    if not source.rows:
        raise SpecError(f"dataset.{split}: {source.uri} has no rows; write some, or name other files")
    if split == "train" and source.rows < workers * batch:
        raise SpecError(
            f"dataset.train: {source.rows} rows are fewer than `scaling.workers` × `training.batch_size` = "
            f"{workers} × {batch}; lower one of the two, or add rows"
        )
    if source.rows < workers * SMALLEST_BATCH:
        raise SpecError(
            f"dataset.{split}: {source.rows} rows for {workers} workers; a worker needs at least {SMALLEST_BATCH}: "
            "add rows, or lower `scaling.workers`"
        )


def left_out(sources: Mapping[SplitName, Source]) -> list[str]:
    """What the directories hold that isn't read, each line once."""
    return list(dict.fromkeys(line for source in sources.values() for line in source.files.left_out))


def shared_files(sources: Mapping[SplitName, Source]) -> list[str]:
    """A line for each two splits that read the same file, by whatever path; splits cut out of one source have none."""
    warnings = []
    for (one, first), (other, second) in combinations(sources.items(), 2):
        if first.splits is not None:
            continue
        paths = {part.file.real_path for part in first.files.parts}
        common = [part.path for part in second.files.parts if part.file.real_path in paths]
        if common:
            why = "trained on rows that it is" if one == "train" else "chosen on rows that the guard's models are"
            more = f" and {len(common) - 1} more" if len(common) > 1 else ""
            warnings.append(
                f"dataset.{one} and dataset.{other} both read {common[0]}{more}: the model would be {why} measured by; "
                "give each split files of its own"
            )
    return warnings


def check_types(decoder: Decoder, source: Source) -> None:
    """Raises SpecError where a file, be it one whose rows aren't read here, has a column of a type that can't be."""
    seen = set()
    for part in source.files.parts:
        kinds = tuple(part.schema.field(column).type for column in decoder.columns)
        if kinds not in seen:
            seen.add(kinds)
            # Not `Schema.empty_table`, which imports pandas.
            columns = zip(decoder.columns, kinds, strict=True)
            try:
                decoder.decode(pa.table({column: pa.nulls(0, kind) for column, kind in columns}))
            except SpecError as error:
                raise SpecError(f"{error} (in {part.path})") from None


def _check_classes(spec: JobSpec, source: Source, split: SplitName, rows: Rows) -> list[str]:
    """A warning where the rows at hand have one class; SpecError where they are all there is."""
    first = rows.label_N[0]
    if (rows.label_N != first).any():
        return []
    finding = f"label {spec.dataset.label!r} is {int(first)} in "
    if len(rows) == source.rows:
        raise SpecError(
            f"dataset.{split}: {finding}every row of {source.uri}; give data with both classes, or another `label`"
        )
    return [f"{split}: {finding}the first {len(rows)} rows; are the rows sorted by it?"]


def _shares_at_default(decoder: Decoder, rows: Rows) -> Iterator[tuple[str, float]]:
    """Feature name and share, feature by feature."""
    start = 0
    for dense in decoder.dense:
        numbers_Nd = rows.dense_ND[:, start : start + dense.dim]
        yield dense.name, _share((numbers_Nd == np.float32(dense.default)).all(1))
        start += dense.dim
    for single, ids_N in zip(decoder.single, rows.ids_SN, strict=True):
        yield single.name, _share(ids_N == default_id(single))
    for several, lengths_N in zip(decoder.several, rows.lengths_NM.T, strict=True):
        yield several.name, _share(lengths_N == 0)


def _share(mask_N: NDArray[np.bool_]) -> float:
    return float(mask_N.mean())
