"""Whether the types of all files' columns are ones that the spec can be read from. Reads footers, and no row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pyarrow as pa

from trainers.data.decode import decode_feature
from trainers.data.source import Source
from trainers.data.targets import decode_group, decode_label, decode_weight
from trainers.data.types import is_text, is_whole, mixture
from trainers.spec import CategoricalFeature, DatasetSpec, DenseFeature, FeatureSpec, JobSpec, SpecError


@dataclass
class ColumnTypes:
    """The types that columns have, each with the files where they have it, in the order of the files."""

    files: dict[str, dict[pa.DataType, list[str]]] = field(default_factory=dict)

    @classmethod
    def of(cls, sources: Iterable[Source], columns: Iterable[str]) -> ColumnTypes:
        """Of the columns that each file has once; a file that several sources share counts once."""
        found, wanted = cls(), dict.fromkeys(columns)
        parts = {part.path: part.schema for source in sources for part in source.files.parts}
        for path, schema in parts.items():
            for name in wanted:
                at = schema.get_field_index(name)  # -1 where there is none, or more than one
                if at >= 0:
                    found.files.setdefault(name, {}).setdefault(schema.field(at).type, []).append(path)
        return found

    def where(self, column: str, kind: pa.DataType) -> str:
        """The files in which a column has a type, the first by its path."""
        first, *others = self.files[column][kind]
        return f"{first} and {len(others)} more" if others else first


def find_type_problems(spec: JobSpec, types: ColumnTypes) -> dict[str, list[str]]:
    """By column, a line for each feature or role that can't be read from a type which the column has."""
    problems: dict[str, list[str]] = {}
    for reader in readers(spec.dataset, spec.features):
        column = reader.column
        for kind in types.files.get(column, {}):
            try:
                reader.decode(_empty(kind))
            except SpecError as error:
                problems.setdefault(column, []).append(f"{error} (in {types.where(column, kind)})")
    return problems


def _empty(kind: Any) -> Any:
    """A column without rows; pyarrow's stubs know `nulls` of no `DataType`."""
    return pa.nulls(0, kind)


@dataclass(frozen=True, kw_only=True)
class Reader:
    """How a column is decoded for a feature, or for label, group or weight, which have none. `decode` raises
    SpecError; where it `takes_all`, for a type alone, and for no value."""

    column: str
    decode: Callable[[Any], Any]
    feature: FeatureSpec | None = None
    takes_all: bool = False

    @property
    def dim(self) -> int:
        """Numbers of a row."""
        return self.feature.dim if isinstance(self.feature, DenseFeature) else 1


def readers(dataset: DatasetSpec, features: Iterable[FeatureSpec]) -> Iterator[Reader]:
    """One for each feature and role."""
    replace = dataset.non_finite == "replace"
    for each in features:
        yield Reader(column=each.source, decode=partial(decode_feature, each, replace=replace), feature=each)
    yield Reader(column=dataset.label, decode=partial(decode_label, dataset.label))
    if dataset.group is not None:
        yield Reader(column=dataset.group, decode=partial(decode_group, dataset.group), takes_all=True)
    if dataset.weight is not None:
        yield Reader(column=dataset.weight, decode=partial(decode_weight, dataset.weight))


def mixed_type_warnings(spec: JobSpec, types: ColumnTypes) -> list[str]:
    """A line for each column whose types can be read together and seldom mean the same."""
    warnings = []
    for column, ids in _compared(spec.features, spec.dataset).items():
        kinds: dict[str, pa.DataType] = {}
        for kind in types.files.get(column, {}):
            if (found := mixture(kind, ids=ids)) is not None:
                kinds.setdefault(found, kind)
        if len(kinds) > 1:
            where = " and ".join(f"{kind} in {types.where(column, kind)}" for kind in kinds.values())
            warnings.append(
                f"dataset: column {column!r} is {where}; they are read as the same numbers, true as 1 and false as 0: "
                "write the column in one type, unless they mean the same"
            )
    return warnings


def _compared(features: Iterable[FeatureSpec], dataset: DatasetSpec) -> dict[str, bool]:
    """Columns of features and of the group, and whether ids are taken from them. A label is 0 or 1 in any type."""
    found: dict[str, bool] = {} if dataset.group is None else {dataset.group: True}
    for feature in features:
        found[feature.source] = found.get(feature.source, False) or not isinstance(feature, DenseFeature)
    found.pop(dataset.label, None)
    return found


def default_warnings(features: Iterable[FeatureSpec], types: ColumnTypes) -> list[str]:
    """A line for each default that is text while its column has integers, or the reverse: it is no value's id."""
    return [
        line
        for feature in features
        if isinstance(feature, CategoricalFeature) and feature.ids == "hashed"
        for line in _default_warning(feature, types.files.get(feature.source, {}))
    ]


def _default_warning(feature: CategoricalFeature, kinds: Mapping[pa.DataType, Any]) -> Iterator[str]:
    default = feature.default
    for kind in kinds:
        text = is_text(kind)
        known = (text or is_whole(kind)) and not pa.types.is_null(kind)
        if default is None or not known or isinstance(default, str) == text:
            continue
        what = "text" if isinstance(default, str) else "a number"
        yield (
            f"feature {feature.name!r}: default {default!r} is {what}, and column {feature.source!r} is {kind}: null "
            f"stands in a row of the table that is no value's, or another value's; write the default as "
            f"{'text' if text else 'an integer'}, or leave it out to give null an id of its own"
        )
        return
