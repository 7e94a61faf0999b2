"""`/v1/models`: ranking models under management."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import ValidationError

from service.api.auth import Admin, Reader
from service.api.bodies import JsonBodyRoute
from service.api.deps import ModelDep, NowDep, SessionDep, SettingsDep
from service.api.etag import UNCHANGED, IfMatch, IfNoneMatch, answer_if_new, etag, require_match, tag_of
from service.api.openapi import problems
from service.core.errors import ConflictError, InvalidFieldsError, NotFoundError
from service.jobs.automatic import refuse_breaking_spec
from service.jobs.default_spec import check_default_spec
from service.schemas.common import StoredText, refuse_unstorable
from service.schemas.models import ModelPage, ModelPatch, ModelSettings, ModelView, NewModel, RetentionInForce
from service.settings import Settings
from service.store import models
from service.store.tables import Model
from trainers.spec import merge_patch

router = APIRouter(route_class=JsonBodyRoute, prefix="/v1/models", tags=["models"])
MAX_LIMIT = 200


def _shown(session: SessionDep, settings: Settings, model: Model) -> ModelView:
    return _view(model, settings, models.feature_counts(session, [model.name]))


def _view(model: Model, settings: Settings, counts: Mapping[str, Mapping[str, int]]) -> ModelView:
    columns = ("name", "owner", "description", "spec", "policy", "retention", "version", "created_at", "updated_at")
    values = {column: getattr(model, column) for column in columns}
    in_force = RetentionInForce(
        runs_days=model.retention.get("runs_days") or settings.keep_runs_days,
        events_days=model.retention.get("events_days") or settings.keep_events_days,
    )
    return ModelView.model_validate({**values, "features": counts[model.name], "retention_in_force": in_force})


def _locked(session: SessionDep, model: Model, *, whole: bool = False) -> Model:
    found = models.get_locked(session, model.name, whole=whole)
    if found is None:
        raise NotFoundError("model-not-found", f"there is no model {model.name!r} any more")
    return found


@router.post("", status_code=201, operation_id="createModel", responses=problems(400, 409, 422))
def create(
    body: NewModel, session: SessionDep, settings: SettingsDep, caller: Admin, now: NowDep, response: Response
) -> ModelView:
    """Put a model under management. The key has to be for all models."""
    caller.require_all_models("a new model")
    refuse_unstorable(body.description, ("body", "description"))
    check_default_spec(body.spec, settings)
    model = models.create(session, body.name, body.model_dump(mode="json", exclude={"name"}), now)
    if model is None:
        raise ConflictError("model-exists", f"name: there is a model {body.name!r} already; choose another name")
    response.headers["Location"] = f"/v1/models/{model.name}"
    response.headers["ETag"] = etag(model.version)
    return _shown(session, settings, model)


@router.get("", operation_id="listModels", responses=problems(422))
def listing(
    session: SessionDep,
    settings: SettingsDep,
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
        models=[_view(model, settings, counts) for model in shown], next=shown[-1].name if len(found) > limit else None
    )


@router.get("/{model}", operation_id="getModel", responses={**problems(404), **UNCHANGED})
def read(
    model: ModelDep,
    session: SessionDep,
    settings: SettingsDep,
    response: Response,
    if_none_match: IfNoneMatch = None,
) -> ModelView:
    """A model and how many features it has."""
    view = _shown(session, settings, model)
    answer_if_new(if_none_match, tag_of(view, model.version), response)
    return view


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
    """Change a model. Jobs that have been submitted keep the spec they were given.

    A spec by which a schedule or an enabled trigger could run no job any more is refused.
    """
    found = _locked(session, model)
    require_match(if_match, etag(found.version))
    present = {column: getattr(found, column) for column in ModelSettings.model_fields}
    changed = _settings(merge_patch(present, {name: getattr(body, name) for name in body.model_fields_set}))
    check_default_spec(changed["spec"], settings)
    if changed["spec"] != found.spec:
        refuse_breaking_spec(session, found, changed["spec"])
    if changed != present:
        models.change(found, changed, now)
    response.headers["ETag"] = etag(found.version)
    return _shown(session, settings, found)


def _settings(content: dict[str, Any]) -> dict[str, Any]:
    """Checked as in a new model. Raises InvalidFieldsError."""
    refuse_unstorable({name: part for name, part in content.items() if name != "spec"})
    try:
        found = ModelSettings.model_validate(content)
    except ValidationError as error:
        raise InvalidFieldsError.from_validation(error) from None
    return {**found.model_dump(mode="json", exclude={"spec"}), "spec": found.spec}


@router.delete("/{model}", status_code=204, operation_id="deleteModel", responses=problems(404, 409, 412))
def delete(model: ModelDep, session: SessionDep, caller: Admin, now: NowDep, if_match: IfMatch = None) -> None:
    """Forget a model, its features and its lists, and revoke its keys; its jobs stay. Needs a key for all models."""
    caller.require_all_models("forgetting a model")
    found = _locked(session, model, whole=True)
    require_match(if_match, etag(found.version))
    unfinished = models.unfinished_jobs(session, found.name)
    if unfinished:
        detail = f"model {found.name!r} has {unfinished} job(s) that haven't ended; cancel them, or wait for them"
        raise ConflictError("model-in-use", detail)
    models.delete(session, found, now)
