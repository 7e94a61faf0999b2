"""Where the rows are, and which columns are no features."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from trainers.config import Column, Config, Place, Seed
from trainers.spec.labels import LabelSpec


class SplitSpec(Config):
    """Shares of the `train` rows held out by a seeded hash of the row number, where there are no separate files."""

    validation: Annotated[float, Field(gt=0.0, lt=0.5)] = 0.1
    test: Annotated[float, Field(gt=0.0, lt=0.5)] = 0.1
    seed: Seed = 0


class DatasetSpec(Config):
    """Parquet files, directories or pyarrow filesystem URIs (`s3://…`, `gs://…`, `hdfs://…`), and their columns."""

    train: Place
    validation: Place | None = None
    test: Place | None = None
    splits: SplitSpec | None = None
    label: Column = "label"
    group: Column | None = None
    weight: Column | None = None
    non_finite: Literal["refuse", "replace"] = "refuse"

    @model_validator(mode="after")
    def _has_every_split(self) -> Self:
        separate = self.validation is not None and self.test is not None
        if separate == (self.splits is not None):
            raise ValueError("give either both `validation` and `test`, or `splits` to cut them out of `train`")
        return self

    @property
    def labels(self) -> tuple[LabelSpec, ...]:
        """What is predicted: a column of the model's logits each."""
        return (LabelSpec(column=self.label),)
