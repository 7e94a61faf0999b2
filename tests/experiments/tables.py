"""A data set as models that aren't Winnow's take it: plain columns of numbers and codes.

Shapes: N rows, F features.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from trainers.data.source import open_splits
from trainers.spec import DenseFeature, JobSpec

Vector = NDArray[Any]
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Table:
    """Columns by split. A categorical column holds codes of the training rows' values; 0 is null, and every value
    that the training rows don't have. A list is one value."""

    columns: Mapping[str, pd.DataFrame]
    label: Mapping[str, Vector]
    cardinality: Mapping[str, int]

    @property
    def names(self) -> list[str]:
        return list(self.columns["train"].columns)

    def only(self, names: Collection[str]) -> Table:
        chosen = [name for name in self.names if name in set(names)]
        return Table(
            {split: frame[chosen] for split, frame in self.columns.items()},
            self.label,
            {name: count for name, count in self.cardinality.items() if name in set(names)},
        )


def read_table(spec: JobSpec) -> Table:
    """The features that are one column wide, which all of a table's are."""
    columns = {feature.name: feature.source or feature.name for feature in spec.features}
    sources = open_splits(spec.dataset, [*columns.values(), spec.dataset.label])
    raw = {
        split: sources[split].read([*columns.values(), spec.dataset.label], 0, sources[split].rows).to_pandas()
        for split in SPLITS
    }
    frames: dict[str, dict[str, Any]] = {split: {} for split in SPLITS}
    cardinality = {}
    for feature in spec.features:
        column = columns[feature.name]
        if isinstance(feature, DenseFeature):
            for split in SPLITS:
                frames[split][feature.name] = raw[split][column].astype(np.float32).to_numpy()
            continue
        texts = {split: raw[split][column].map(_text) for split in SPLITS}
        values = sorted(set(texts["train"].dropna()))
        code = {value: place for place, value in enumerate(values, 1)}
        cardinality[feature.name] = len(values) + 1
        for split in SPLITS:
            frames[split][feature.name] = texts[split].map(code).fillna(0).astype(np.int32).to_numpy()
    return Table(
        {split: pd.DataFrame(frames[split]) for split in SPLITS},
        {split: raw[split][spec.dataset.label].astype(np.float32).to_numpy() for split in SPLITS},
        cardinality,
    )


def _text(value: Any) -> str | None:
    if isinstance(value, np.ndarray | list):
        return "|".join(sorted(map(str, value)))
    return None if pd.isna(value) else str(value)
