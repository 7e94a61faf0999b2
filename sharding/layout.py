"""FeatureLayout: the only place that knows where a feature lies in the concatenation. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby


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

    def columns(self, names: Iterable[str]) -> list[int]:
        """Column numbers of several features, in layout order whatever the order of `names`."""
        wanted = set(names)
        missing = wanted - set(self.names)
        if missing:
            raise KeyError(f"not in the layout: {sorted(missing)}")
        pairs = zip(self.names, self.offsets, strict=True)
        return [column for name, (start, end) in pairs if name in wanted for column in range(start, end)]

    def keep(self, names: Iterable[str]) -> FeatureLayout:
        """The layout of a subset, in this layout's order."""
        wanted = set(names)
        return FeatureLayout.from_dims({n: d for n, d in zip(self.names, self.dims, strict=True) if n in wanted})
