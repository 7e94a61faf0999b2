"""`/v1/models`: ranking models under management."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.api.auth import Admin, Reader, unrestricted
from service.api.deps import ModelDep, NowDep, SessionDep, SettingsDep
from service.api.etag import IfMatch, etag, require_match
from service.api.problems import ApiError
from service.core.policies import Policy, Retention
from service.schemas.common import Body, StoredText, problems, refuse_unstorable
from service.schemas.models import ModelSettings, refuse_bad_spec
from service.store import models
from service.store.tables import Model
from trainers.spec import Name, merge_patch

router = APIRouter(prefix="/v1/models", tags=["models"])
MAX_LIMIT = 200
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
    "features": {"essential": 2, "active": 40, "candidate": 30},
    "version": 1,
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00Z",
}


class NewModel(ModelSettings):
    """A model to be managed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "feed-ranker", **SETTINGS}]})

    name: Name = Field(description="what it is called, for good")


class ModelPatch(Body):
    """What to change (JSON Merge Patch): objects are merged, null takes a key out, what isn't named stays."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"spec": {"training": {"epochs": 2}}, "policy": {"auto_approve": True}}]}
    )

    owner: str | None = Field(default=None, description="can't be taken out")
    description: str | None = None
    spec: dict[str, Any] | None = None
    policy: dict[str, Any] | None = None
    retention: dict[str, Any] | None = None


class ModelView(BaseModel):
    """A model as it stands."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [MODEL]})

    name: str
    owner: str
    description: str
    spec: dict[str, Any] = Field(description="what every job of the model begins with")
    policy: Policy
    retention: Retention
    features: dict[str, int] = Field(default={}, description="how many features it has, by status")
    version: int = Field(description="rises with every change of the model itself; the ETag")
    created_at: datetime
    updated_at: datetime


class ModelPage(BaseModel):
    """By name; `next` is the cursor of the following page, null on the last."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"models": [MODEL], "next": "feed-ranker"}]})

    models: list[ModelView]
    next: str | None


def _shown(session: SessionDep, model: Model) -> ModelView:
    return _view(model, models.feature_counts(session, [model.name]))


def _view(model: Model, counts: Mapping[str, Mapping[str, int]]) -> ModelView:
    columns = ("name", "owner", "description", "spec", "policy", "retention", "version", "created_at", "updated_at")
    values = {column: getattr(model, column) for column in columns}
    return ModelView.model_validate({**values, "features": counts[model.name]})


def _locked(session: SessionDep, model: Model, *, whole: bool = False) -> Model:
    found = models.locked(session, model.name, whole=whole)
    if found is None:
        raise ApiError(404, "model-not-found", f"there is no model {model.name!r} any more")
    return found


@router.post("", status_code=201, operation_id="createModel", responses=problems(400, 409, 422))
def create(
    body: NewModel, session: SessionDep, settings: SettingsDep, caller: Admin, now: NowDep, response: Response
) -> ModelView:
    """Put a model under management. The key has to be for all models."""
    unrestricted(caller, "a new model")
    refuse_unstorable(body.description, ("body", "description"))
    refuse_bad_spec(body.spec, settings)
    model = models.create(session, body.name, body.model_dump(mode="json", exclude={"name"}), now)
    if model is None:
        raise ApiError(409, "model-exists", f"name: there is a model {body.name!r} already; choose another name")
    response.headers["Location"] = f"/v1/models/{model.name}"
    response.headers["ETag"] = etag(model.version)
    return _shown(session, model)


@router.get("", operation_id="listModels", responses=problems(422))
def listing(
    session: SessionDep,
    caller: Reader,
    owner: Annotated[StoredText | None, Query(description="whose models")] = None,
    name: Annotated[StoredText, Query(description="how the name begins")] = "",
    cursor: Annotated[StoredText, Query(description="`next` of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 50,
) -> ModelPage:
    """Models by name. A key for one model sees that one."""
    found = models.page(session, only=caller.model, owner=owner, prefix=name, after=cursor, limit=limit + 1)
    shown = found[:limit]
    counts = models.feature_counts(session, [model.name for model in shown])
    return ModelPage(
        models=[_view(model, counts) for model in shown], next=shown[-1].name if len(found) > limit else None
    )


@router.get("/{model}", operation_id="getModel", responses=problems(404))
def read(model: ModelDep, session: SessionDep, response: Response) -> ModelView:
    """A model and how many features it has."""
    response.headers["ETag"] = etag(model.version)
    return _shown(session, model)


@router.patch("/{model}", operation_id="changeModel", responses=problems(400, 404, 412, 422))
def patch(
    body: ModelPatch,
    model: ModelDep,
    session: SessionDep,
    settings: SettingsDep,
    caller: Admin,
    now: NowDep,
    response: Response,
    if_match: IfMatch = None,
) -> ModelView:
    """Change a model. Jobs that have been submitted keep the spec they were given."""
    found = _locked(session, model)
    require_match(if_match, etag(found.version))
    present = {column: getattr(found, column) for column in ModelSettings.model_fields}
    changed = _settings(merge_patch(present, {name: getattr(body, name) for name in body.model_fields_set}))
    refuse_bad_spec(changed["spec"], settings)
    if changed != present:
        models.change(found, changed, now)
    response.headers["ETag"] = etag(found.version)
    return _shown(session, found)


def _settings(content: dict[str, Any]) -> dict[str, Any]:
    """Checked as in a new model. Raises RequestValidationError."""
    refuse_unstorable({name: part for name, part in content.items() if name != "spec"})
    try:
        found = ModelSettings.model_validate(content)
    except ValidationError as error:
        errors = [{**each, "loc": ("body", *each["loc"])} for each in error.errors(include_url=False)]
        raise RequestValidationError(errors) from None
    return {**found.model_dump(mode="json", exclude={"spec"}), "spec": found.spec}


@router.delete("/{model}", status_code=204, operation_id="deleteModel", responses=problems(404, 409, 412))
def delete(model: ModelDep, session: SessionDep, caller: Admin, now: NowDep, if_match: IfMatch = None) -> None:
    """Forget a model, its features and its lists, and revoke its keys; its jobs stay. Needs a key for all models."""
    unrestricted(caller, "forgetting a model")
    found = _locked(session, model, whole=True)
    require_match(if_match, etag(found.version))
    unfinished = models.unfinished_jobs(session, found.name)
    if unfinished:
        detail = f"model {found.name!r} has {unfinished} job(s) that haven't ended; cancel them, or wait for them"
        raise ApiError(409, "model-in-use", detail)
    models.delete(session, found, now)
