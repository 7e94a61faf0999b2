"""`/v1/models/{model}/features`: what a model is fed, and what becomes of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import ValidationError

from service.api.auth import Approver, Reader, Submitter
from service.api.bodies import JsonBodyRoute
from service.api.deps import ModelDep, NowDep, SessionDep, SettingsDep
from service.api.etag import UNCHANGED, IfMatch, IfNoneMatch, answer_if_new, etag, require_match
from service.api.negotiation import Accept, negotiate
from service.api.openapi import problems
from service.api.problems import ApiError
from service.core.errors import (
    ConflictError,
    FieldError,
    ForbiddenError,
    InvalidError,
    InvalidFieldsError,
    NotFoundError,
)
from service.core.identity import Caller
from service.core.statuses import BY_HAND, FeatureStatus
from service.features import csv_format
from service.features.inference import describe_group, describe_whole_numbers, footers, infer
from service.features.leaks import find_leaks
from service.features.rows import exported_feature, registered_columns, seen_by_models
from service.features.whole_numbers import whole_number_warnings
from service.jobs.data_roots import require_allowed
from service.schemas.common import BIGGEST, StoredText, refuse_unstorable, storable
from service.schemas.features import (
    NEW_FEATURE,
    DecisionView,
    FeatureBatch,
    FeatureDetail,
    FeatureEntry,
    FeatureExport,
    FeaturePage,
    FeaturePatch,
    FeaturesRegistered,
    FeatureView,
    InferenceRequest,
    Inferred,
    Kind,
    StatusChange,
    StatusChanged,
    Tag,
)
from service.store import features, models
from service.store.features import Filters, Why
from service.store.tables import Feature, FeatureDecision, Model
from trainers.documents import read_json
from trainers.spec import merge_patch

router = APIRouter(route_class=JsonBodyRoute, prefix="/v1/models/{model}", tags=["features"])
MAX_LIMIT = 1000
ROLES = ("label", "group", "weight")
FORMS = ("application/json", "text/csv")
BATCH_REF = {"$ref": "#/components/schemas/FeatureBatch"}
CSV_EXAMPLE = "name,kind,dim,hash_size\nuser_id,categorical,16,6041\nage,dense,,\n"
IMPORT_BODY = {
    "required": True,
    "content": {
        "application/json": {"schema": BATCH_REF},
        "text/csv": {"schema": {"type": "string"}, "example": CSV_EXAMPLE},
    },
}
EXPORTED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "All features, as they could be registered",
        "model": FeatureExport,
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }
}


async def raw_body(request: Request) -> bytes:
    return await request.body()


def feature_of(feature: str, model: ModelDep, session: SessionDep) -> Feature:
    """The feature of the path. Raises NotFoundError."""
    found = features.find(session, model.name, feature) if storable(feature) else None
    if found is None:
        raise NotFoundError("feature-not-found", f"model {model.name!r} has no feature {feature!r}")
    return found


FeatureDep = Annotated[Feature, Depends(feature_of)]


@router.post("/features", status_code=201, operation_id="registerFeatures", responses=problems(400, 404, 409, 422))
def register(
    body: FeatureBatch, model: ModelDep, session: SessionDep, caller: Submitter, now: NowDep
) -> FeaturesRegistered:
    """Add features to a model: all of them, or none. Names that are taken are refused: change those features."""
    items = [registered_columns(item, model.owner) for item in body.features]
    refuse_unstorable([item["spec"] for item in items], ("body", "features"))
    _refuse_repeated([item["name"] for item in items])
    models.get_locked(session, model.name)
    taken = features.find_names(session, model.name, [item["name"] for item in items])
    if taken:
        errors = [
            FieldError(field=f"features.{place}.name", value=item["name"], message="is registered already")
            for place, item in enumerate(items)
            if item["name"] in taken
        ]
        names = ", ".join(error.value for error in errors[:10]) + (", …" if len(errors) > 10 else "")
        detail = f"model {model.name!r} has {len(errors)} of these features already: {names}; leave them out"
        raise ConflictError("features-exist", detail, errors)
    features.register(session, model, items, caller.name, now)
    return FeaturesRegistered(registered=len(items))


def _refuse_repeated(names: Sequence[str]) -> None:
    counts = Counter(names)
    errors = [
        FieldError(field=f"features.{place}.name", value=name, message="is given more than once; names are unique")
        for place, name in enumerate(names)
        if counts[name] > 1
    ]
    if errors:
        raise InvalidFieldsError(errors)


@router.post(
    "/features/import",
    status_code=201,
    operation_id="importFeatures",
    responses=problems(404, 409, 415, 422),
    openapi_extra={"requestBody": IMPORT_BODY},
)
def import_all(
    request: Request,
    content: Annotated[bytes, Depends(raw_body)],
    model: ModelDep,
    session: SessionDep,
    caller: Submitter,
    now: NowDep,
) -> FeaturesRegistered:
    """Register what an export gave, as JSON or CSV by `Content-Type`. CSV takes any of the export's columns."""
    form = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if form not in FORMS:
        raise ApiError(415, "unsupported-form", f"Content-Type: {form!r} can't be read; send {' or '.join(FORMS)}")
    try:
        text = content.decode("utf-8-sig")
        raw = {"features": csv_format.read(text)} if form == "text/csv" else read_json(text)
    except ValueError as error:
        raise InvalidError("invalid-request", f"the body is no {form} in UTF-8: {error}") from None
    try:
        batch = FeatureBatch.model_validate(raw)
    except ValidationError as error:
        raise InvalidFieldsError.from_validation(error, body=raw) from None
    return register(batch, model, session, caller, now)


@router.post("/features/infer", operation_id="inferFeatures", responses=problems(400, 404, 422))
def infer_all(
    body: InferenceRequest, model: ModelDep, session: SessionDep, settings: SettingsDep, caller: Submitter
) -> Inferred:
    """Propose features for the columns of a data set, from its Parquet schema, statistics and a sample of its
    rows; none are stored.
    """
    columns_of = {"label": "label", **(model.spec.get("dataset") or {})}
    uri = body.dataset or columns_of.get("train")
    if uri is None:
        raise InvalidError("dataset-missing", "dataset: required, as the model's spec names no training data; add it")
    require_allowed(uri, settings, "dataset")
    left_out = {
        **dict.fromkeys(body.leave_out, "named in leave_out"),
        **{columns_of[role]: f"the {role} of the model's spec" for role in ROLES if columns_of.get(role)},
    }
    registered = features.columns(session, model.name)
    session.commit()  # storage may be slow, and holds up nobody else
    found = footers(uri)
    proposals, unfit = infer(found, left_out.keys() | registered)
    known = [column for column in dict.fromkeys(found.schema.names) if column in registered]
    # A column has one reason: the model's group that is a feature too is registered.
    others = {column: why for column, why in left_out.items() if column in found.schema.names}
    group = columns_of.get("group")
    if group is not None and group in others and group not in (columns_of["label"], columns_of.get("weight")):
        others[group] = describe_group(found, group, model.name)
    return Inferred(
        features=proposals,
        registered=known,
        unfit=unfit,
        leaks=find_leaks(found.source, proposals, columns_of["label"]),
        left_out={column: why for column, why in others.items() if column not in registered},
        distinct={column: sampled.estimate(found.rows) for column, sampled in found.sampled.items()},
        notes=describe_whole_numbers(found, proposals),
        warnings=whole_number_warnings(found, proposals),
        files=found.files,
        files_read=len(found.parts),
    )


@router.get(
    "/feature-export",
    operation_id="exportFeatures",
    responses={**problems(404, 406), **EXPORTED},
    response_class=Response,
)
def export(model: ModelDep, session: SessionDep, caller: Reader, accept: Accept = None) -> Response:
    """All features of a model, in JSON or CSV by `Accept`, as `importFeatures` takes them."""
    form = negotiate(accept, FORMS)
    found = [exported_feature(feature) for feature in models.features(session, model.name)]
    text = csv_format.write(found) if form == "text/csv" else json.dumps({"features": found}, ensure_ascii=False)
    return Response(text, media_type=form, headers={"Vary": "Accept"})


def filters_of(
    status: Annotated[list[FeatureStatus] | None, Query(description="any of these")] = None,
    kind: Kind | None = None,
    owner: StoredText | None = None,
    tag: Tag | None = None,
    name: Annotated[StoredText, Query(description="how the name begins")] = "",
) -> Filters:
    return Filters(statuses=status or (), kind=kind, owner=owner, tag=tag, name=name)


@router.get("/features", operation_id="listFeatures", responses=problems(404, 422))
def listing(
    model: ModelDep,
    session: SessionDep,
    caller: Reader,
    filters: Annotated[Filters, Depends(filters_of)],
    cursor: Annotated[int, Query(ge=0, le=BIGGEST, description="`next` of the page before")] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
) -> FeaturePage:
    """Features in the order of their registration."""
    found = features.page(session, model.name, filters, cursor, limit + 1)
    shown = found[:limit]
    decided = features.newest_decisions(session, model.name, [feature.name for feature in shown])
    return FeaturePage(
        features=[_listed(feature, decided.get(feature.name)) for feature in shown],
        next=shown[-1].number if len(found) > limit else None,
    )


def _listed(feature: Feature, decision: FeatureDecision | None) -> FeatureEntry:
    listed = FeatureEntry.model_validate(feature)
    return listed if decision is None else listed.model_copy(update={"decision": DecisionView.model_validate(decision)})


@router.post("/features/status", operation_id="changeFeatureStatuses", responses=problems(400, 404, 409, 422))
def change_statuses(
    body: StatusChange, model: ModelDep, session: SessionDep, caller: Approver, now: NowDep
) -> StatusChanged:
    """Give many features a status: all of them, or none. Those that have it stay as they are."""
    _refuse_repeated(body.features)
    models.get_locked(session, model.name)
    found = features.find_all(session, model.name, body.features)
    unknown = [
        FieldError(field=f"features.{place}", value=name, message="is not registered; leave it out, or register it")
        for place, name in enumerate(body.features)
        if name not in found
    ]
    if unknown:
        raise InvalidFieldsError(unknown)
    _refuse_moves([found[name] for name in body.features], body.status)
    why = Why(reason=body.reason, by=caller.name, now=now)
    changed = features.move(session, model.name, [(feature, body.status) for feature in found.values()], why)
    return StatusChanged(changed=changed, unchanged=len(found) - changed)


def _refuse_moves(found: Sequence[Feature], status: FeatureStatus) -> None:
    """Raises ConflictError with an error for each that can't have it."""
    errors = [
        FieldError(
            field=f"features.{place}",
            value=feature.name,
            message=f"is {feature.status}; from there by hand to: {', '.join(sorted(allowed))}",
        )
        for place, feature in enumerate(found)
        if status not in (allowed := BY_HAND[FeatureStatus(feature.status)]) and feature.status != status.value
    ]
    if errors:
        detail = f"{len(errors)} feature(s) can't become {status.value}: {errors[0].value} {errors[0].message}"
        raise ConflictError("status-not-allowed", detail, errors)


@router.get("/features/{feature}", operation_id="getFeature", responses={**problems(404), **UNCHANGED})
def read(
    feature: FeatureDep, session: SessionDep, caller: Reader, response: Response, if_none_match: IfNoneMatch = None
) -> FeatureDetail:
    """A feature and every decision on it."""
    answer_if_new(if_none_match, etag(feature.version), response)
    decided = features.decisions(session, feature.model, feature.name)
    history = [DecisionView.model_validate(decision) for decision in decided]
    shown = FeatureView.model_validate(feature).model_dump()
    return FeatureDetail.model_validate({**shown, "history": history})


@router.patch("/features/{feature}", operation_id="changeFeature", responses=problems(400, 404, 409, 412, 422))
def patch(
    body: FeaturePatch,
    feature: FeatureDep,
    model: ModelDep,
    session: SessionDep,
    caller: Submitter,
    now: NowDep,
    response: Response,
    if_match: IfMatch = None,
) -> FeatureView:
    """Change a feature. A change of status needs a reason and the scope approve."""
    models.get_locked(session, model.name)
    session.refresh(feature)
    require_match(if_match, etag(feature.version))
    given = body.model_dump(exclude_unset=True, exclude={"status", "reason"})
    present = {
        key: getattr(feature, key) for key in ("name", "kind", "dim", "column", "spec", "owner", "tags", "status")
    }
    changed = _patched(feature, given, model)
    if seen_by_models(changed) != seen_by_models(present) and feature.status != "candidate":
        detail = (
            f"feature {feature.name!r} is {feature.status}: what jobs see of it changes only while it is a candidate"
        )
        raise ConflictError("not-a-candidate", detail)
    if changed != present:
        for key, value in changed.items():
            setattr(feature, key, value)
        feature.version += 1
        feature.updated_at = now
    if body.status is not None and body.reason is not None:
        _move(session, feature, body.status, body.reason, caller, now)
    response.headers["ETag"] = etag(feature.version)
    return FeatureView.model_validate(feature)


def _patched(feature: Feature, given: dict[str, Any], model: Model) -> dict[str, Any]:
    """Columns of the feature with a merge patch over it. Raises InvalidFieldsError."""
    content = merge_patch(exported_feature(feature), given)
    try:
        item = NEW_FEATURE.validate_python(content)
    except ValidationError as error:
        raise InvalidFieldsError.from_validation(error, body=content) from None
    found = registered_columns(item, model.owner)
    refuse_unstorable(found["spec"])
    return found


def _move(
    session: SessionDep, feature: Feature, status: FeatureStatus, reason: str, caller: Caller, now: NowDep
) -> None:
    if not caller.may("approve"):
        detail = f"key {caller.name!r} has no scope 'approve', which a change of status needs; ask an admin for one"
        raise ForbiddenError("scope-missing", detail)
    _refuse_moves([feature], status)
    features.move(session, feature.model, [(feature, status)], Why(reason=reason, by=caller.name, now=now))
