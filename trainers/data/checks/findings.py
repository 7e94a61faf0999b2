"""What rows of the splits tell: numbers of each split and feature, and what deserves a look."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pyarrow as pa

from trainers.data.checks.collisions import Collisions, collision_warning, count_collisions
from trainers.data.checks.few_rows import guard_warning, sample_warnings, validation_warning
from trainers.data.checks.id_like import id_warnings
from trainers.data.checks.label_shares import LabelCount
from trainers.data.checks.leaks import single_feature_aucs
from trainers.data.checks.precision import precision_warnings
from trainers.data.checks.split_sample import SplitSample
from trainers.data.checks.uninformative import constant_warnings, group_warnings
from trainers.data.columns import single_array
from trainers.data.copies import copy_warnings
from trainers.data.decode import Decoder
from trainers.data.rows import Rows
from trainers.data.source import Source
from trainers.data.splits import SplitName
from trainers.data.spread import describe_rows
from trainers.data.statistics import Statistics, blocks, measure
from trainers.data.targets import decode_weight
from trainers.data.weights import check_mean, weight_warning
from trainers.spec import CategoricalFeature, JobSpec, MultiCategoricalFeature


@dataclass(frozen=True, kw_only=True)
class SplitSummary:
    """`rows` of a split in `files`, of which `checked_rows` were decoded.

    Attributes:
        base_rate: share of label 1, each row with its weight, as metrics have it.
        positive_share: share of the rows whose label is 1.
    """

    rows: int
    files: int
    checked_rows: int
    base_rate: float
    positive_share: float


class Findings:
    """What rows from all over the splits tell, split by split; training comes first."""

    def __init__(self, spec: JobSpec, decoder: Decoder) -> None:
        self.spec, self.decoder = spec, decoder
        self.measured: Statistics | None = None
        self.splits: dict[str, SplitSummary] = {}
        self.samples: dict[SplitName, SplitSample] = {}
        self.aucs: dict[str, float] = {}
        self.collisions: dict[str, Collisions] = {}
        self.warnings: list[str] = []

    def add(self, split: SplitName, source: Source, table: pa.Table, label: LabelCount) -> None:
        """Decode some of a split's rows as training does, and look at them. Raises SpecError."""
        weight = self.spec.dataset.weight
        self.measured = self.measured or _measure(self.decoder, table)
        standardizing = Decoder(self.spec, self.measured)
        rows = standardizing.decode(table)
        self.splits[split] = SplitSummary(
            rows=source.rows,
            files=len(source.files.parts),
            checked_rows=len(rows),
            base_rate=label.share,
            positive_share=label.positive_share,
        )
        self.samples[split] = SplitSample.of(self.decoder, [table], rows)
        read = describe_rows(len(rows), source.rows, "training rows" if split == "train" else f"rows of {split}")
        self.warnings += _one_class(self.spec, read, rows)
        if (group := self.spec.dataset.group) is not None:
            self.warnings += group_warnings(group, read, rows.group_N, measured=split == "test")
        if weight is not None:
            line = weight_warning(weight, split, decode_weight(weight, single_array(table.column(weight))))
            self.warnings += [] if line is None else [line]
        if split == "train":
            self.collisions = _collisions(self.decoder, table, source.rows / len(rows))
            self.warnings += precision_warnings(self.decoder, table, self.measured)
            self.warnings += id_warnings(self.decoder, table, read)
            self.warnings += constant_warnings(self.samples[split], read)
            self.warnings += copy_warnings(self.spec, table, read)
            self.aucs = single_feature_aucs(standardizing, table, self.spec.training.seed)

    def shares_at_default(self) -> dict[str, dict[str, float]]:
        """Feature to split to share."""
        names = [feature.name for feature in self.spec.features]
        return {name: {split: sample.at_default[name] for split, sample in self.samples.items()} for name in names}

    def collision_warnings(self) -> Iterator[str]:
        train = self.splits["train"]
        rows = describe_rows(train.checked_rows, train.rows, "training rows")
        sizes = {feature.name: feature.hash_size for feature in (*self.decoder.single, *self.decoder.several)}
        for name, each in self.collisions.items():
            if line := collision_warning(name, sizes[name], each, rows):
                yield line

    def few_rows_warnings(self) -> Iterator[str]:
        if line := guard_warning(self.spec, self.splits["test"]):
            yield line
        if line := validation_warning(self.splits["validation"]):
            yield line
        yield from sample_warnings(self.spec, self.splits)


def _collisions(decoder: Decoder, table: pa.Table, times: float) -> dict[str, Collisions]:
    """By the name of each hashed feature; there are `times` as many rows in all."""
    features: list[CategoricalFeature | MultiCategoricalFeature] = [*decoder.single, *decoder.several]
    return {
        feature.name: count_collisions(feature, single_array(table.column(feature.source)), times)
        for feature in features
        if feature.ids == "hashed"
    }


def _measure(decoder: Decoder, table: pa.Table) -> Statistics:
    """By the rows at hand. Raises SpecError."""
    found = measure(decoder, (table.slice(start, stop - start) for start, stop in blocks(len(table), len(table))))
    if decoder.dataset.weight is not None:
        check_mean(decoder.dataset.weight, found.weight_mean)
    # Weights of these rows may all be 0, which those of others need not be.
    return replace(found, weight_mean=found.weight_mean or 1.0)


def _one_class(spec: JobSpec, read: str, rows: Rows) -> list[str]:
    """A warning where the rows at hand have one class: others have the other, see `check_targets`."""
    first = rows.label_N[0]
    if (rows.label_N != first).any():
        return []
    label = spec.dataset.label
    return [f"dataset.label: column {label!r} is {int(first)} in {read}: what others have is rare; is it the label?"]
