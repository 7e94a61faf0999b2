"""Features: columns, their kinds and what they cost in dims."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from trainers.config import Column, Config, Dim, Name

Dims = Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]
Status = Literal["essential", "active", "candidate"]


def _flag_as_id(value: object) -> object:
    """Columns of booleans are ids 0 and 1."""
    return int(value) if isinstance(value, bool) else value


class _Feature(Config):
    name: Name
    column: Column | None = Field(default=None, description="Parquet column; the feature's name unless given")
    status: Status = "active"
    cost: Annotated[float, Field(ge=0.0)] | None = Field(
        default=None,
        description="what serving the feature costs, in any one unit, for `prune.keep_cost`; its dim unless given",
        exclude_if=lambda value: value is None,
    )
    dim: Dim = 1
    kept_dims: Dims | None = Field(
        default=None,
        description="which of the dims the model has, from 0, in ascending order; all unless given. Of an embedding "
        "only their number counts: its table has as many columns",
        exclude_if=lambda value: value is None,
    )

    @model_validator(mode="after")
    def _dims_are_its_own(self) -> Self:
        kept = self.kept_dims
        if kept is not None and (list(kept) != sorted(set(kept)) or kept[-1] >= self.dim):
            raise ValueError(f"`kept_dims` of {self.name!r} takes dims from 0 to {self.dim - 1}, in ascending order")
        return self

    @property
    def source(self) -> str:
        return self.column or self.name

    @property
    def width(self) -> int:
        """Columns in the model: `dim`, or the number of kept ones."""
        return self.dim if self.kept_dims is None else len(self.kept_dims)

    def number_dims(self, columns: Sequence[int]) -> tuple[int, ...]:
        """The dims of some of the model's columns, which count from 0."""
        return tuple(sorted(columns if self.kept_dims is None else (self.kept_dims[at] for at in columns)))


class DenseFeature(_Feature):
    """A scalar (`dim` 1) or a fixed-length list of floats, standardized by the training data unless told otherwise."""

    kind: Literal["dense"]
    default: float = 0.0
    normalize: Literal["standardize", "linear", "none"] = Field(
        default="standardize",
        description="standardize: by mean and standard deviation, and by logarithm first where the tails are heavy; "
        "linear: without logarithm; none: as it is",
    )


class _Embedded(_Feature):
    dim: Dim = 16
    hash_size: Annotated[int, Field(ge=1, le=2**40)]
    ids: Literal["hashed", "checked"] = Field(
        default="hashed", description="hashed: ints modulo, strings by xxhash; checked: ints in [0, hash_size)"
    )

    @property
    def table_rows(self) -> int:
        """Rows of the embedding table."""
        return self.hash_size


class CategoricalFeature(_Embedded):
    kind: Literal["categorical"]
    default: Annotated[int | str | None, BeforeValidator(_flag_as_id)] = Field(
        default=None, description="the id that stands for null; unless given, null is an id of its own"
    )

    @property
    def table_rows(self) -> int:
        """Rows of the embedding table; the last is null's where no id stands for it."""
        return self.hash_size + (self.default is None)


class MultiCategoricalFeature(_Embedded):
    """A list of ids; a null list is an empty one, and an empty list pools to the zero vector."""

    kind: Literal["multi_categorical"]
    pooling: Literal["sum", "mean"] = "mean"


FeatureSpec = Annotated[DenseFeature | CategoricalFeature | MultiCategoricalFeature, Field(discriminator="kind")]
