"""Holding a spec against its data without training."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from trainers.data.checks.drift_check import drift_warnings
from trainers.data.checks.findings import Findings, SplitSummary
from trainers.data.checks.label_shares import LabelCount, label_share_warnings
from trainers.data.checks.leaks import LEAKY_FEATURE, leak_warning
from trainers.data.checks.memory import find_memory_problem
from trainers.data.checks.order import order_warning
from trainers.data.checks.outputs import require_output_apart
from trainers.data.checks.shared_files import shared_file_warnings
from trainers.data.checks.type_check import ColumnTypes, default_warnings, find_type_problems, mixed_type_warnings
from trainers.data.checks.usable import check_targets
from trainers.data.checks.value_check import find_bad_values, locating
from trainers.data.decode import Decoder, check_default
from trainers.data.files import ParquetFiles
from trainers.data.sampler import SMALLEST_BATCH, BatchSampler
from trainers.data.source import Source, fingerprint_files, open_split
from trainers.data.splits import SPLITS, SplitName
from trainers.data.spread import read_spread, spread_ranges
from trainers.data.types import type_problems
from trainers.problems import limit_lines
from trainers.spec import (
    JobSpec,
    SpecError,
    plan_training,
    require_consistent,
)
from trainers.spec.consistency import find_unread

CHECKED_ROWS = 2**16


@dataclass(frozen=True, kw_only=True)
class DataSummary:
    """What `check` found.

    Attributes:
        splits: by name.
        share_at_default: feature to split to the share of the decoded rows that are null or at the feature's default,
            0 to 1; for lists, of those that are null or empty.
        collisions: hashed feature to the distinct values of the decoded training rows, and the share of all values
            that have a row of the table together with another one, estimated where not all rows were decoded.
        single_feature_auc: feature to how well it predicts the label alone, on a sample; see leaks.py.
        training: rows of a step and a worker, epochs, and the steps that these make on the training rows.
        warnings: what may be in order and deserves a look.
        fingerprint: SHA-256 of the footers of all files, split by split.
    """

    splits: dict[str, SplitSummary]
    share_at_default: dict[str, dict[str, float]]
    collisions: dict[str, dict[str, float]]
    single_feature_auc: dict[str, float]
    training: dict[str, int]
    warnings: tuple[str, ...]
    fingerprint: str


class Problems:
    """What is wrong, collected: each once, all of them told together."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    @contextmanager
    def collect(self) -> Iterator[None]:
        """Keep a SpecError's lines, and go on after the block."""
        try:
            yield
        except SpecError as error:
            self.add(str(error).splitlines())

    def add(self, lines: Iterable[str]) -> None:
        self.lines += [line for line in lines if line not in self.lines]

    def raise_any(self) -> None:
        if self.lines:
            raise SpecError("\n".join(limit_lines(self.lines)))


def check(spec: JobSpec, output: Path | None = None) -> DataSummary:
    """Hold a spec against itself, the machine and its data: open every split, compare its columns, decode rows
    from all over it.

    Args:
        output: where a run of it would write, where that is known.

    Raises:
        SpecError: a line for each thing that keeps the spec from being run: parts that exclude each other, an output
            among the data, tables beyond memory, nothing where data should be, a column missing or of another type,
            values that a feature or the label can't take, too few rows, no weight, one class of labels only.
    """
    problems = Problems()
    warnings = _check_alone(spec, output, problems)
    for feature in spec.features:
        with problems.collect():
            check_default(feature)
    decoder = None
    with problems.collect():
        decoder = Decoder(spec)
    sources = _open(spec, problems)
    columns = list(dict.fromkeys(named_columns(spec)))
    types = ColumnTypes.of(sources.values(), columns)
    unreadable = _check_types(spec, sources, types, problems)
    found = None if decoder is None else Findings(spec, decoder)
    labels: dict[SplitName, LabelCount] = {}
    for split, source in sources.items():
        with problems.collect():
            bad = find_bad_values(spec.dataset, spec.features, source, skip=unreadable)
            problems.add(map(str, bad))
            table = _read(spec, source, split, problems, unreadable, labels)
            if table is None or found is None or unreadable or bad or split not in labels:
                continue
            ranges = list(spread_ranges(source, CHECKED_ROWS))
            with locating(spec.dataset, spec.features, source, ranges):
                found.add(split, source, table, labels[split])
    problems.raise_any()
    assert found is not None
    order = order_warning(spec, sources["train"])
    warnings += [
        *found.warnings,
        *([] if order is None else [order]),
        *drift_warnings(spec, found.decoder, sources, found.samples),
    ]
    warnings += label_share_warnings(labels, {split: source.rows for split, source in sources.items()})
    warnings += [*mixed_type_warnings(spec, types), *default_warnings(spec.features, types)]
    warnings += [*left_out(sources), *shared_file_warnings(sources)]
    warnings += [*found.collision_warnings(), *found.few_rows_warnings()]
    warnings += [leak_warning(name, auc) for name, auc in found.aucs.items() if auc > LEAKY_FEATURE]
    return DataSummary(
        splits=found.splits,
        share_at_default=found.shares_at_default(),
        collisions={name: {"distinct": each.distinct, "share": each.share} for name, each in found.collisions.items()},
        single_feature_auc=found.aucs,
        training=_training(spec, found.splits["train"].rows),
        warnings=tuple(warnings),
        fingerprint=fingerprint_files(sources),
    )


def _check_alone(spec: JobSpec, output: Path | None, problems: Problems) -> list[str]:
    """What needs no row: the spec, its output and the machine. Returns warnings."""
    warnings = find_unread(spec)
    with problems.collect():
        require_consistent(spec)
    if output is not None:
        with problems.collect():
            require_output_apart(spec.dataset, output)
    too_large, may_be_too_large = find_memory_problem(spec)
    problems.add([too_large] if too_large else [])
    return [*warnings, may_be_too_large] if may_be_too_large else warnings


def _training(spec: JobSpec, rows: int) -> dict[str, int]:
    plan = plan_training(spec, rows)
    per_epoch = BatchSampler(rows=rows, batch_size=plan.batch_size, world=spec.scaling.workers).steps_per_epoch
    steps = min(plan.epochs * per_epoch, spec.training.max_steps or sys.maxsize)
    found = {"batch_size": plan.batch_size, "epochs": plan.epochs, "steps": steps}
    return found if spec.training.seeds == 1 else {**found, "seeds": spec.training.seeds}


def _open(spec: JobSpec, problems: Problems) -> dict[SplitName, Source]:
    """The splits that can be opened."""
    found: dict[str, ParquetFiles] = {}
    sources: dict[SplitName, Source] = {}
    for split in SPLITS:
        with problems.collect():
            sources[split] = open_split(spec.dataset, split, found)
    return sources


def _check_types(
    spec: JobSpec, sources: Mapping[SplitName, Source], types: ColumnTypes, problems: Problems
) -> set[str]:
    """The columns that are missing, there twice, or of a type that can't be read in one of the files."""
    unreadable = set()
    for source in sources.values():
        for column in source.lacking(named_columns(spec)):
            unreadable.add(column)
            with problems.collect():
                source.require([column])
    schemas = {part.path: part.schema for source in sources.values() for part in source.files.parts}
    unlike = type_problems(schemas, [column for column in named_columns(spec) if column not in unreadable])
    problems.add(unlike.values())
    for column, lines in find_type_problems(spec, types).items():
        problems.add([] if column in unlike else lines)
        unreadable.add(column)
    return unreadable | unlike.keys()


def _read(
    spec: JobSpec,
    source: Source,
    split: SplitName,
    problems: Problems,
    unreadable: Collection[str],
    labels: dict[SplitName, LabelCount],
) -> pa.Table | None:
    """Rows of the columns that can be read, and into `labels` the split's; None where there is no row. Raises
    SpecError."""
    with problems.collect():
        check_rows(spec, source, split)
    if not source.rows:
        return None
    if not any(column in unreadable for column in target_columns(spec)):
        with problems.collect():
            labels[split] = check_targets(spec, source, split)
    readable = [column for column in dict.fromkeys(named_columns(spec)) if column not in unreadable]
    return read_spread(source, readable, CHECKED_ROWS)


def check_rows(spec: JobSpec, source: Source, split: SplitName) -> None:
    """Raises SpecError where a split has no row, or too few for the workers."""
    workers, batch = spec.scaling.workers, spec.training.batch_size
    if not source.rows:
        raise SpecError(f"dataset.{split}: {source.uri} has no rows; write some, or name other files")
    if split == "train" and batch is not None and source.rows < workers * batch:
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


def named_columns(spec: JobSpec) -> list[str]:
    """The columns that the spec names: of features, then of the label, group and weight."""
    return [*(feature.source for feature in spec.features), *target_columns(spec)]


def target_columns(spec: JobSpec) -> list[str]:
    named = (spec.dataset.label, spec.dataset.group, spec.dataset.weight)
    return [column for column in named if column is not None]
