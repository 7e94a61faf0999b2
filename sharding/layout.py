"""FeatureLayout: the only place that knows where a feature lies in the concatenation. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from types import MappingProxyType

# Of features that keep some of their dims alone, which; from 0.
KeptDims = Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class FeatureLayout:
    """Ordered feature names and dims of a concatenation of F features and C = Σ dims columns.

    Example:
        >>> layout = FeatureLayout.from_dims({"user_id": 16, "age": 1})
        >>> layout.offsets
        ((0, 16), (16, 17))
        >>> layout.slice("age")
        slice(16, 17, None)
    """

    names: tuple[str, ...]
    dims: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.names) != len(self.dims):
            raise ValueError(f"{len(self.names)} names and {len(self.dims)} dims; give one dim per name")
        if len(set(self.names)) != len(self.names):
            raise ValueError("feature names must be unique")
        bad = [(name, dim) for name, dim in zip(self.names, self.dims, strict=True) if dim < 1]
        if bad:
            raise ValueError(f"feature {bad[0][0]!r} has dim {bad[0][1]}; a dim is at least 1")

    @classmethod
    def from_dims(cls, dims: Mapping[str, int]) -> FeatureLayout:
        return cls(tuple(dims), tuple(dims.values()))

    @cached_property
    def offsets(self) -> tuple[tuple[int, int], ...]:
        """(s_i, e_i) of every feature, in order."""
        ends, total = [], 0
        for dim in self.dims:
            ends.append((total, total + dim))
            total += dim
        return tuple(ends)

    @cached_property
    def _position(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.names)}

    @cached_property
    def runs(self) -> tuple[tuple[slice, slice, int], ...]:
        """Neighbours of equal dim, as (features, columns, dim): what one kernel can take at once.

        A layout sorted by dim has as many runs as it has distinct dims.
        """
        runs, feature, column = [], 0, 0
        for dim, group in groupby(self.dims):
            width = len(list(group))
            runs.append((slice(feature, feature + width), slice(column, column + width * dim), dim))
            feature, column = feature + width, column + width * dim
        return tuple(runs)

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: str) -> bool:
        return name in self._position

    @property
    def total(self) -> int:
        """C, the width of the concatenation."""
        return self.offsets[-1][1] if self.dims else 0

    def index(self, name: str) -> int:
        """Position of a feature among the F. Raises KeyError."""
        return self._position[name]

    def slice(self, name: str) -> slice:
        """Columns of a feature among the C. Raises KeyError."""
        return slice(*self.offsets[self._position[name]])

    def columns(self, names: Iterable[str], kept_dims: KeptDims = MappingProxyType({})) -> list[int]:
        """Column numbers of several features, in layout order whatever the order of `names`; of those in `kept_dims`
        these dims alone, in ascending order."""
        wanted = set(names)
        missing = wanted - set(self.names)
        if missing:
            raise KeyError(f"not in the layout: {sorted(missing)}")
        pairs = zip(self.names, self.offsets, self.dims, strict=True)
        return [
            start + dim
            for name, (start, _), width in pairs
            if name in wanted
            for dim in sorted(kept_dims.get(name, range(width)))
        ]

    def keep(self, names: Iterable[str], kept_dims: KeptDims = MappingProxyType({})) -> FeatureLayout:
        """The layout of a subset, in this layout's order; features in `kept_dims` have as many dims as are there."""
        wanted = set(names)
        pairs = zip(self.names, self.dims, strict=True)
        return FeatureLayout.from_dims(
            {name: len(kept_dims[name]) if name in kept_dims else dim for name, dim in pairs if name in wanted}
        )

    def of_columns(self, columns: Iterable[int]) -> tuple[list[str], dict[str, list[int]]]:
        """The features that have some of these columns, in this layout's order, and which of their dims those are of
        features that don't have them all."""
        wanted, names, kept_dims = set(columns), [], {}
        for name, (start, end) in zip(self.names, self.offsets, strict=True):
            dims = [column - start for column in range(start, end) if column in wanted]
            if dims:
                names.append(name)
            if 0 < len(dims) < end - start:
                kept_dims[name] = dims
        return names, kept_dims

    def by_dim(self) -> FeatureLayout:
        """The layout of the same columns in which each dim stands alone, named `feature:dim`; one of a feature of a
        single dim is named as the feature. Names of features have no colon.

        Example:
            >>> FeatureLayout.from_dims({"clip": 2, "age": 1}).by_dim().names
            ('clip:0', 'clip:1', 'age')
        """
        pairs = zip(self.names, self.dims, strict=True)
        names = [name if dim == 1 else f"{name}:{at}" for name, dim in pairs for at in range(dim)]
        return FeatureLayout(tuple(names), (1,) * len(names))


def split_dim(name: str) -> tuple[str, int]:
    """The feature and the dim of a name that `by_dim` made.

    Example:
        >>> split_dim("clip:1"), split_dim("age")
        (('clip', 1), ('age', 0))
    """
    feature, _, dim = name.partition(":")
    return feature, int(dim or 0)
