"""Features as the API takes and shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from service.core.statuses import FeatureStatus
from service.schemas.common import RequestModel, StoredText
from trainers.spec import CategoricalFeature, DenseFeature, MultiCategoricalFeature, Name

MAX_FEATURES = 10_000
Kind = Literal["dense", "categorical", "multi_categorical"]
Tag = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$", max_length=100)]
Reason = Annotated[StoredText, Field(min_length=1, description="why, for the feature's history")]
ITEM: dict[str, Any] = {
    "name": "user_id",
    "kind": "categorical",
    "dim": 16,
    "hash_size": 6041,
    "column": "user_id",
    "owner": "ranking-team",
    "tags": ["user"],
    "status": "candidate",
}
DECISION: dict[str, Any] = {
    "time": "2026-01-02T00:00:00Z",
    "before": "candidate",
    "after": "active",
    "reason": "prune list 12: kept",
    "by": "reviewer",
    "prune_list": 12,
    "job_id": "job-5f0c2b7a9d1e4c3f8a6b",
    "score": 0.97,
}
FEATURE: dict[str, Any] = {
    **{key: ITEM[key] for key in ("name", "kind", "dim", "hash_size", "column", "owner", "tags")},
    "spec": {"kind": "categorical", "dim": 16, "hash_size": 6041, "ids": "hashed", "default": None},
    "status": "active",
    "version": 2,
    "registered_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-02T00:00:00Z",
}


class Registered(BaseModel):
    """What a model's feature has beside a spec's."""

    column: StoredText | None = Field(
        default=None, min_length=1, description="Parquet column; the feature's name unless given"
    )
    owner: StoredText | None = Field(default=None, min_length=1, description="the model's owner unless given")
    tags: Annotated[tuple[Tag, ...], Field(max_length=50)] = ()
    status: FeatureStatus = FeatureStatus.CANDIDATE


class NewDense(Registered, DenseFeature):
    """A scalar or a fixed-length list of floats."""


class NewCategorical(Registered, CategoricalFeature):
    """An id or a string."""


class NewMultiCategorical(Registered, MultiCategoricalFeature):
    """A list of ids or strings."""


NewFeature = Annotated[NewDense | NewCategorical | NewMultiCategorical, Field(discriminator="kind")]
NEW_FEATURE: TypeAdapter[NewDense | NewCategorical | NewMultiCategorical] = TypeAdapter(NewFeature)


class FeatureBatch(RequestModel):
    """Features to register: all of them, or none."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"features": [ITEM, {"name": "age", "kind": "dense"}]}]})

    features: Annotated[list[NewFeature], Field(min_length=1, max_length=MAX_FEATURES)]


class FeatureExport(RequestModel):
    """All features of a model, as they could be registered; none where it has none."""

    features: list[NewFeature]


class FeaturePatch(RequestModel):
    """What to change; null goes back to the default. What a model sees of it changes only while it is a candidate; its
    cost may change at any time."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "essential", "reason": "needed by law"}]})

    owner: str | None = None
    tags: list[str] | None = None
    column: str | None = None
    dim: int | None = None
    hash_size: int | None = None
    ids: str | None = None
    pooling: str | None = None
    default: float | int | str | None = None
    normalize: str | None = None
    cost: float | None = None
    status: FeatureStatus | None = None
    reason: Reason | None = None

    @model_validator(mode="after")
    def _reason_is_of_a_status(self) -> Self:
        if "status" in self.model_fields_set and self.status is None:
            raise ValueError("`status` can't be taken out; give the status to change to")
        if (self.status is None) != (self.reason is None):
            raise ValueError("`status` and `reason` go together: a change of status needs a reason")
        return self


class StatusChange(RequestModel):
    """One status for many features: all of them, or none."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"features": ["user_id", "age"], "status": "retired", "reason": "no longer logged"}]
        }
    )

    features: Annotated[list[Name], Field(min_length=1, max_length=MAX_FEATURES)]
    status: FeatureStatus
    reason: Reason


class StatusChanged(BaseModel):
    """How many features have another status, and how many had this one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"changed": 2, "unchanged": 0}]})

    changed: int
    unchanged: int


class FeaturesRegistered(BaseModel):
    """How many features were added."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"registered": 2}]})

    registered: int


class InferenceRequest(RequestModel):
    """Which columns to look at; what isn't given is the model's own."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"dataset": "/data/train", "leave_out": ["row_id"]}]})

    dataset: Annotated[StoredText, Field(min_length=1)] | None = Field(
        default=None,
        description="a Parquet file, a directory of them, or a URI; the model's training data unless given",
    )
    leave_out: Annotated[list[StoredText], Field(max_length=MAX_FEATURES)] = Field(
        default=[], description="columns that are no features, beside label, group and weight of the model's spec"
    )


class Inferred(BaseModel):
    """Features that the columns could be; nothing is stored."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "features": [{key: ITEM[key] for key in ("name", "kind", "dim", "hash_size", "column")}],
                    "registered": ["age"],
                    "unfit": {"seen_at": "is timestamp[us], which no feature is read from"},
                    "left_out": {"label": "the label of the model's spec"},
                    "notes": [
                        "age: whole numbers, proposed as ids, so that each value has a vector of its own; where size "
                        "matters, as of an age or a count, register the column with kind dense"
                    ],
                    "warnings": {
                        "age": "whole numbers, proposed as ids, so that each has a vector of its own: where their size "
                        "matters, as of an age or a count, choose kind: dense"
                    },
                    "distinct": {"city": 1200},
                    "leaks": {"clicked_within_a_day": 0.998},
                    "files": 64,
                    "files_read": 16,
                }
            ]
        }
    )

    features: list[dict[str, Any]] = Field(description="as `registerFeatures` takes them")
    registered: list[str] = Field(description="columns that features of the model are read from already")
    unfit: dict[str, str] = Field(description="columns that no feature can be read from, and why")
    left_out: dict[str, str] = Field(default={}, description="columns that are no features, and why")
    notes: list[str] = Field(default=[], description="what to look at in the proposals")
    warnings: dict[str, str] = Field(
        default={},
        description="by feature, what to look at before it is registered: whole numbers, of which neither type nor "
        "name says whether they are ids or quantities, and the remedy",
    )
    distinct: dict[str, int] = Field(
        default={}, description="by column of ids or text, about how many different values it has, by a sample of rows"
    )
    leaks: dict[str, float] = Field(
        default={},
        description="features that predict the label alone with an AUC above 0.95 on a sample of rows, and that AUC; "
        "leave out those that are made from the label, or known only after",
    )
    files: int = Field(description="files of the data set")
    files_read: int = Field(description="files that were read: at most 16, evenly spaced by path")


class FeatureView(BaseModel):
    """A feature as it stands."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [FEATURE]})

    name: str
    kind: Kind
    dim: int
    hash_size: int | None = Field(default=None, description="rows of its embedding table; null for a dense feature")
    column: str = Field(description="Parquet column")
    spec: dict[str, Any] = Field(description="what a job's spec says of it, without name, column and status")
    owner: str
    tags: list[str]
    status: FeatureStatus
    version: int = Field(description="rises with every change; the ETag")
    registered_at: datetime
    updated_at: datetime


class DecisionView(BaseModel):
    """A change of status, who made it and why."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [DECISION]})

    time: datetime
    before: FeatureStatus | None = Field(description="null at its registration")
    after: FeatureStatus
    reason: str
    by: str
    prune_list: int | None = Field(
        validation_alias=AliasChoices("prune_list_number", "prune_list"), description="number of the list that asked"
    )
    job_id: str | None = Field(description="the job that made the list")
    score: float | None = Field(description="the feature's score in that list")


class FeatureEntry(FeatureView):
    """A feature as lists show it."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [{**FEATURE, "decision": DECISION}]})

    decision: DecisionView | None = Field(default=None, description="the last change of its status")


class FeatureDetail(FeatureView):
    """A feature and its history, newest first, of at most a thousand decisions."""

    model_config = ConfigDict(
        from_attributes=True, json_schema_extra={"examples": [{**FEATURE, "history": [DECISION]}]}
    )

    history: list[DecisionView]


class FeaturePage(BaseModel):
    """In the order of registration; `next` is the cursor of the following page, null on the last."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"features": [{**FEATURE, "decision": DECISION}], "next": None}]}
    )

    features: list[FeatureEntry]
    next: int | None
