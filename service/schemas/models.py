"""What a model under management is told: its jobs' spec, how lists are agreed to, how long runs are kept."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from service.core.policies import Policy, Retention
from service.schemas.common import RequestModel, StoredText
from trainers.spec import Name


class ModelSettings(RequestModel):
    """What can be changed of a model."""

    owner: Annotated[StoredText, Field(min_length=1, description="who answers for it: a team or a person")]
    description: str = Field(default="", max_length=10_000)
    spec: dict[str, Any] = Field(
        default={}, description="what every job of the model begins with: a job spec without name and features"
    )
    policy: Policy = Policy()
    retention: Retention = Retention()


SETTINGS: dict[str, Any] = {
    "owner": "ranking-team",
    "description": "Ranks the home feed",
    "spec": {
        "dataset": {"train": "/data/train", "validation": "/data/validation", "test": "/data/test", "group": "user_id"},
        "model": {"backbone": "wide_deep"},
        "prune": {"guard": {"metric": "auc", "max_drop": 0.001}},
    },
    "policy": {"auto_approve": False, "auto_activate": False, "four_eyes": True},
    "retention": {"runs_days": 90, "events_days": 365, "keep_last": 10},
}


MODEL: dict[str, Any] = {
    "name": "feed-ranker",
    **SETTINGS,
    "retention_in_force": {"runs_days": 90, "events_days": 365},
    "features": {"essential": 2, "active": 40, "candidate": 30},
    "version": 1,
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00Z",
}


class NewModel(ModelSettings):
    """A model to be managed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "feed-ranker", **SETTINGS}]})

    name: Name = Field(description="what it is called, for good")


class ModelPatch(RequestModel):
    """What to change (JSON Merge Patch): objects are merged, null takes a key out, what isn't named stays."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"spec": {"training": {"epochs": 2}}, "policy": {"auto_approve": True}}]}
    )

    owner: str | None = Field(default=None, description="can't be taken out")
    description: str | None = None
    spec: dict[str, Any] | None = None
    policy: dict[str, Any] | None = None
    retention: dict[str, Any] | None = None


class RetentionInForce(BaseModel):
    """How long things are kept: the model's own times, or the service's where it has none."""

    runs_days: float
    events_days: float


class ModelView(BaseModel):
    """A model as it stands."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [MODEL]})

    name: str
    owner: str
    description: str
    spec: dict[str, Any] = Field(description="what every job of the model begins with")
    policy: Policy
    retention: Retention
    retention_in_force: RetentionInForce | None = Field(
        default=None, description="with the service's times where the model has none; null where the service is older"
    )
    features: dict[str, int] = Field(default={}, description="how many features it has, by status")
    version: int = Field(description="rises with every change of the model itself; the ETag")
    created_at: datetime
    updated_at: datetime


class ModelPage(BaseModel):
    """By name; `next` is the cursor of the following page, null on the last."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"models": [MODEL], "next": "feed-ranker"}]})

    models: list[ModelView]
    next: str | None
