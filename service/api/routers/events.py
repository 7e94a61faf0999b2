"""Events of a job and of all, as pages and as streams."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.sse import EventSourceResponse
from pydantic import Field

from service.api.auth import Reader
from service.api.deps import JobDep, SessionDep
from service.api.event_stream import EventFilter, EventStreams
from service.api.openapi import Responses, problems
from service.core.errors import NotFoundError
from service.core.identity import Caller
from service.schemas.common import BIGGEST, StoredText
from service.schemas.events import EventView
from service.store import events, job_queries, models

router = APIRouter(tags=["events"])
STREAM = "text/event-stream"
STREAM_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
STREAMED: Responses = {
    200: {
        "description": "A page of events; a stream of them where `Accept` is `text/event-stream`",
        "content": {
            STREAM: {
                "schema": {"type": "string"},
                "example": 'event: job.state\ndata: {"number": 17, "kind": "job.state", …}\nid: 17\n\n',
            }
        },
    }
}
After = Annotated[int, Query(ge=0, le=BIGGEST, description="the number of the newest event already known")]
Limit = Annotated[int, Query(ge=1, le=1000)]
LastId = Annotated[
    int | None,
    Header(
        alias="Last-Event-ID", ge=0, le=BIGGEST, description="of a stream that is taken up again; goes before after"
    ),
]
Kinds = Annotated[
    list[Annotated[StoredText, Field(min_length=1)]],
    Query(alias="kind", max_length=20, description="kinds, or prefixes such as `job.*`; one or more"),
]


@router.get(
    "/v1/jobs/{job_id}/events",
    operation_id="listJobEvents",
    summary="List or stream a job's events",
    response_model=list[EventView],
    responses={
        **STREAMED,
        204: {"description": "To a stream: the job has ended, and all was sent"},
        **problems(404, 422),
    },
)
def of_job(
    request: Request,
    job: JobDep,
    session: SessionDep,
    caller: Reader,
    kind: Kinds = [],  # noqa: B006 (FastAPI copies it)
    after: After = 0,
    limit: Limit = 200,
    last_id: LastId = None,
) -> Any:
    """What happened to a job, in order, beyond event number `after`.

    With `Accept: text/event-stream` events are sent as they happen. The stream ends when the job has ended and all is
    sent; to one that is then taken up again the answer is 204, at which an EventSource stops.
    """
    if not _streams(request):
        return events.after(session, after, limit, job_id=job.id, kinds=kind)
    place = after if last_id is None else last_id
    if job_queries.has_ended(session, job.id) and not events.after(session, place, 1, job_id=job.id, kinds=kind):
        return Response(status_code=204)
    return _stream(request, caller, EventFilter(job_id=job.id, kinds=tuple(kind)), place)


@router.get(
    "/v1/events",
    operation_id="listEvents",
    summary="List or stream events",
    response_model=list[EventView],
    responses={**STREAMED, **problems(404, 422)},
)
def of_all(
    request: Request,
    session: SessionDep,
    caller: Reader,
    model: StoredText | None = None,
    kind: Kinds = [],  # noqa: B006 (FastAPI copies it)
    after: After = 0,
    limit: Limit = 200,
    last_id: LastId = None,
) -> Any:
    """What happened to all that the caller sees, in order, beyond event number `after`.

    With `Accept: text/event-stream` events are sent as they happen; without `Last-Event-ID` and `after` the stream
    begins with the first event that is stored; with an `after` beyond the newest, with what happens next.
    """
    wanted = EventFilter(model=_visible(session, caller, model), kinds=tuple(kind))
    if not _streams(request):
        return events.after(session, after, limit, model=wanted.model, kinds=wanted.kinds)
    return _stream(request, caller, wanted, after if last_id is None else last_id)


def _visible(session: SessionDep, caller: Caller, model: str | None) -> str | None:
    """The model whose events are shown; None for all. Raises NotFoundError."""
    if model is None:
        return caller.model
    if not caller.sees(model) or models.find(session, model) is None:
        raise NotFoundError("model-not-found", f"there is no model {model!r}; `GET /v1/models` lists those there are")
    return model


def _streams(request: Request) -> bool:
    return STREAM in request.headers.get("accept", "")


def _stream(request: Request, caller: Caller, wanted: EventFilter, place: int) -> EventSourceResponse:
    streams: EventStreams = request.app.state.event_streams
    return EventSourceResponse(streams.stream(caller, wanted, place), headers=STREAM_HEADERS)
