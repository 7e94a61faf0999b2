"""`/v1/models/{model}/prune-lists` and `…/prune-list`: agreeing to lists, serving the active one, taking it back."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from service.api.auth import Approver, Reader
from service.api.bodies import JsonBodyRoute
from service.api.deps import ModelDep, NowDep, SessionDep, model_of
from service.api.etag import IfMatch, IfNoneMatch, is_known, require_match
from service.api.negotiation import Accept, negotiate
from service.api.openapi import problems
from service.api.submissions import JobRequestDep
from service.core.errors import InvalidError, NotFoundError
from service.core.identity import LOCAL, Caller
from service.core.statuses import ListState
from service.prune_lists.diff import diff_lists
from service.prune_lists.formats import arrow_of, csv_of
from service.prune_lists.revision import follow_up_spec, revised
from service.prune_lists.totals import Figures
from service.schemas.common import BIGGEST, storable
from service.schemas.jobs import JobView
from service.schemas.prune_lists import (
    Approval,
    ListDetail,
    ListDiff,
    ListEntry,
    ListPage,
    ListTotalsView,
    ListView,
    Reasoned,
    Rejection,
    RevisionRequest,
    RolledBack,
)
from service.store import models, prune_lists
from service.store.aggregates import ListFigures
from service.store.prune_lists import Act
from service.store.tables import Model, PublishedList
from trainers.runs.prune_list import PruneList

router = APIRouter(route_class=JsonBodyRoute, prefix="/v1/models/{model}", tags=["prune lists"])
MAX_LIMIT = 200
# Where there is no body.
JUST_APPROVED, UNREASONED = Approval(), Reasoned()
ARROW = "application/vnd.apache.arrow.stream"
FORMS = {"application/json": "json", "text/csv": "csv", ARROW: "arrow"}
Ref = Annotated[str, Path(pattern=r"^(active|[1-9][0-9]{0,14})$", description="a list's number, or `active`")]
BINARY = {"schema": {"type": "string", "format": "binary"}}
SERVED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The active list. JSON is the list as its job made it; the others are the table of its features",
        "content": {
            "application/json": {"schema": {"type": "object"}},
            "text/csv": {"schema": {"type": "string"}},
            ARROW: BINARY,
        },
        "headers": {
            "ETag": {"schema": {"type": "string"}, "description": "strong; of this list in this form"},
            "Link": {"schema": {"type": "string"}, "description": "the list in its life, as `describedby`"},
        },
    },
    304: {"description": "`If-None-Match` names the active list in this form"},
}


def locked_model(model: ModelDep, session: SessionDep) -> Model:
    """The model, whose lists are changed one at a time."""
    found = models.get_locked(session, model.name)
    if found is None:
        raise NotFoundError("model-not-found", f"there is no model {model.name!r} any more")
    return found


LockedModel = Annotated[Model, Depends(locked_model)]


def _found(session: SessionDep, model: str, number: int) -> PublishedList:
    published = prune_lists.find(session, model, number)
    if published is None:
        raise NotFoundError("prune-list-not-found", f"model {model!r} has no prune list {number}")
    return published


def locked_list(
    number: Annotated[int, Path(ge=1, le=BIGGEST)], model: LockedModel, session: SessionDep
) -> PublishedList:
    return _found(session, model.name, number)


LockedList = Annotated[PublishedList, Depends(locked_list)]


def _by_ref(session: SessionDep, model: str, ref: str) -> PublishedList:
    if ref != "active":
        return _found(session, model, int(ref))
    served = prune_lists.get_active_id(session, model)
    if served is None:
        raise _none_active(model)
    return _found(session, model, served[0])


def _none_active(model: str) -> NotFoundError:
    return NotFoundError("no-active-list", f"model {model!r} has no active prune list; approve and activate one")


def _act(caller: Caller, now: NowDep, reason: str | None) -> Act:
    return Act(by=caller.name, now=now, reason=reason, trusted=caller is LOCAL)


@router.get("/prune-lists", operation_id="listPruneLists", responses=problems(404, 422))
def listing(
    request: Request,
    model: ModelDep,
    session: SessionDep,
    caller: Reader,
    state: Annotated[list[ListState] | None, Query(description="any of these")] = None,
    cursor: Annotated[int | None, Query(ge=1, le=BIGGEST, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 50,
) -> ListPage:
    """A model's lists, newest first."""
    found = prune_lists.page(session, model.name, state or (), cursor, limit + 1)
    shown = found[:limit]
    figures: Figures = request.app.state.figures
    found_figures = figures.lists.of(session, [published.number for published in shown])
    return ListPage(
        prune_lists=[_entry(published, found_figures[published.number]) for published in shown],
        next=shown[-1].number if len(found) > limit else None,
    )


@router.get(
    "/prune-lists/{number}", operation_id="getPublishedList", response_model=ListDetail, responses=problems(404, 422)
)
def read(number: Ref, model: ModelDep, session: SessionDep, caller: Reader) -> Response:
    """A list in its life, and what it says."""
    published = _by_ref(session, model.name, number)
    # As it is stored: the list's id is the digest of this very content.
    return JSONResponse({**ListView.model_validate(published).model_dump(mode="json"), "content": published.content})


@router.get("/prune-lists/{a}/diff/{b}", operation_id="diffPruneLists", responses=problems(404, 422))
def diff(a: Ref, b: Ref, model: ModelDep, session: SessionDep, caller: Reader) -> ListDiff:
    """What changes where list `b` is served in place of list `a`."""
    return diff_lists(_by_ref(session, model.name, a), _by_ref(session, model.name, b))


@router.post("/prune-lists/{number}/approve", operation_id="approvePruneList", responses=problems(400, 404, 409, 422))
def approve(
    published: LockedList,
    model: LockedModel,
    session: SessionDep,
    caller: Approver,
    now: NowDep,
    body: Annotated[Approval, Body()] = JUST_APPROVED,
) -> ListView:
    """Agree to a proposed list.

    Under four eyes, who submitted its job can't, where callers have keys. A list whose guard failed needs
    `override_guard` and a reason.
    """
    if body.override_guard and body.reason is None:
        raise InvalidError("reason-missing", "reason: required with override_guard, and missing; say why")
    act = _act(caller, now, body.reason)
    prune_lists.approve(session, model, published, act, override_guard=body.override_guard)
    return ListView.model_validate(published)


@router.post(
    "/prune-lists/{number}/revisions",
    status_code=201,
    operation_id="revisePruneList",
    summary="Change decisions of a prune list",
    responses=problems(400, 404, 409, 422),
)
def revise(
    body: RevisionRequest, published: LockedList, session: SessionDep, caller: Approver, now: NowDep
) -> ListView:
    """Make a new list with other decisions: features that the list prunes are kept, or that it keeps are pruned.

    The new list is proposed, with the caller as its author and with totals of its own. Its model is not fine-tuned yet,
    so that it has no metrics, and approving it needs `override_guard`; a follow-up job measures it. The list itself
    stays as it is.
    """
    content = revised(session, published, body.keep, body.prune, by=caller.name, reason=body.reason)
    made = prune_lists.revise(session, published, content, _act(caller, now, body.reason))
    return ListView.model_validate(made)


@router.post(
    "/prune-lists/{number}/follow-up",
    status_code=202,
    operation_id="startFollowUpJob",
    summary="Fine-tune and measure a prune list",
    responses=problems(400, 404, 409, 422),
)
def follow_up(number: Annotated[int, Path(ge=1, le=BIGGEST)], model: ModelDep, job_request: JobRequestDep) -> JobView:
    """A job that keeps exactly the features that the list keeps, fine-tunes the pruned model, and measures it.

    It has the spec of the list's job, with the rule `given`. When it succeeds it proposes a list of its own, with the
    same decisions and with metrics.
    """
    session = job_request.submission.session
    published = _found(session, model.name, number)
    request = {"operation": "startFollowUpJob", "model": model.name, "number": number}
    origin = {"kind": "revision", "id": str(number)}
    return job_request.answer(request, lambda: follow_up_spec(session, published), model=model.name, origin=origin)


@router.post("/prune-lists/{number}/reject", operation_id="rejectPruneList", responses=problems(400, 404, 409, 422))
def reject(body: Rejection, published: LockedList, session: SessionDep, caller: Approver, now: NowDep) -> ListView:
    """Put a proposed or approved list away for good."""
    prune_lists.reject(session, published, _act(caller, now, body.reason))
    return ListView.model_validate(published)


@router.post("/prune-lists/{number}/activate", operation_id="activatePruneList", responses=problems(400, 404, 409, 422))
def activate(
    published: LockedList,
    model: LockedModel,
    session: SessionDep,
    caller: Approver,
    now: NowDep,
    body: Annotated[Reasoned, Body()] = UNREASONED,
) -> ListView:
    """Serve an approved list, and move its features' statuses.

    What it prunes becomes pruned, candidates that it keeps become active; essential and retired ones stay.
    """
    prune_lists.activate(session, model, published, _act(caller, now, body.reason))
    return ListView.model_validate(published)


@router.post("/prune-list/rollback", operation_id="rollBackPruneList", responses=problems(400, 404, 409, 412, 422))
def roll_back(
    model: LockedModel,
    session: SessionDep,
    caller: Approver,
    now: NowDep,
    body: Annotated[Reasoned, Body()] = UNREASONED,
    if_match: IfMatch = None,
) -> RolledBack:
    """Take the active list back: the one before it is served again.

    Features have their former statuses, but for those that someone changed since. `If-Match` takes the ETag that
    serving was given, in any form.
    """
    served = prune_lists.get_active_id(session, model.name)
    if served is not None:
        require_match(if_match, *(_tag(served[1], form) for form in FORMS))
    taken = prune_lists.rollback(session, model, _act(caller, now, body.reason))
    present = prune_lists.active(session, model.name)
    return RolledBack(
        rolled_back=ListView.model_validate(taken),
        active=None if present is None else ListView.model_validate(present),
    )


@router.get(
    "/prune-list",
    operation_id="getActivePruneList",
    responses={**problems(404, 406), **SERVED},
    response_class=Response,
)
def read_active(
    model: str,
    session: SessionDep,
    caller: Reader,
    accept: Accept = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """The active list, for serving to poll: with its ETag as `If-None-Match`, 304 says that nothing changed.

    JSON is the list itself; CSV and Arrow are the table of its features. Serve the features whose decision is `keep`.
    """
    found = prune_lists.get_active_id(session, model) if storable(model) and caller.sees(model) else None
    if found is None:
        raise _none_active(model_of(model, session, caller).name)
    number, list_id = found
    form = negotiate(accept, tuple(FORMS))
    tag = _tag(list_id, form)
    headers = {
        "ETag": tag,
        "Vary": "Accept",
        "Cache-Control": "private, no-cache",
        "Link": f'</v1/models/{model}/prune-lists/{number}>; rel="describedby"',
    }
    if is_known(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    return Response(_written(session, number, form), media_type=form, headers=headers)


def _tag(list_id: str, form: str) -> str:
    return f'"{list_id}.{FORMS[form]}"'


def _written(session: SessionDep, number: int, form: str) -> str | bytes:
    if form == "application/json":
        return prune_lists.content_text(session, number)
    prune_list = PruneList.parse(prune_lists.content(session, number))
    return csv_of(prune_list) if form == "text/csv" else arrow_of(prune_list)


def _entry(published: PublishedList, figures: ListFigures) -> ListEntry:
    """A list without its content, and what it saves and costs."""
    plain = ListView.model_validate(published).model_dump()
    before, after = ListTotalsView.model_validate(figures.before), ListTotalsView.model_validate(figures.after)
    return ListEntry(**plain, before=before, after=after, changes=figures.changes)
