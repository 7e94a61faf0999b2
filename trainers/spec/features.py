"""Features: columns, their kinds and what they cost in dims."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from trainers.config import Column, Config, Dim, Name

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

    @property
    def source(self) -> str:
        return self.column or self.name


class DenseFeature(_Feature):
    """A scalar (`dim` 1) or a fixed-length list of floats, standardized by the training data unless told otherwise."""

    kind: Literal["dense"]
    dim: Dim = 1
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
