"""What requests and answers share: text and instants that any store takes, and the errors of OpenAPI."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi.exceptions import RequestValidationError
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from service.api.problems import Problem, sendable

Responses = dict[int | str, dict[str, Any]]
BIGGEST = 2**53  # the integers that JSON's readers agree on


class Body(BaseModel):
    """A request's body: a key that isn't known is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def problems(*statuses: int) -> Responses:
    """OpenAPI's `responses` of a route that can give these; every route of a caller can give 401, 403 and 429.

    422 is always told: FastAPI would else tell of an error document of its own wherever there is a parameter.
    """
    told = {status: PROBLEMS[status] for status in sorted({401, 403, 422, 429, *statuses})}
    return {status: {"model": Problem, "description": description} for status, description in told.items()}


PROBLEMS = {
    400: "The body is no JSON",
    401: "No API key, or one that is unknown, expired or revoked",
    403: "The key lacks the scope, or is of another model",
    404: "It isn't there, or isn't the caller's",
    406: "`Accept` takes none of the forms that there are",
    409: "It isn't in a state that allows this, or the idempotency key was used for another request",
    412: "`If-Match` names an older version",
    415: "`Content-Type` is none that can be read",
    422: "A field can't be used; `errors` has field, value and remedy",
    429: "Too many requests; `Retry-After` says when",
    503: "A part that this needs doesn't answer; ask again after `Retry-After` seconds",
}


def storable(text: str) -> bool:
    """Whether every store takes it: PostgreSQL has no NUL, and UTF-8 no halves of surrogate pairs."""
    return "\0" not in text and sendable(text) == text


def _storable(text: str) -> str:
    if not storable(text):
        raise ValueError("give text without NUL characters and halves of surrogate pairs")
    return text


def _utc(instant: datetime) -> datetime:
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("give an instant between the years 1 and 9999, in UTC") from None


StoredText = Annotated[str, Field(max_length=200), AfterValidator(_storable)]
Instant = Annotated[AwareDatetime, AfterValidator(_utc)]


def refuse_unstorable(content: Any, place: tuple[str | int, ...] = ("body",)) -> None:
    """JSON has no infinities and PostgreSQL no NUL, and both read well in Python. Raises RequestValidationError."""
    message = None
    if isinstance(content, float) and not math.isfinite(content):
        message = "give a finite number"
    elif isinstance(content, str) and not storable(content):
        message = "give text without NUL characters and halves of surrogate pairs"
    if message is not None:
        raise RequestValidationError([{"loc": place, "msg": message, "input": content}])
    parts = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, part in parts:
        if isinstance(key, str):
            refuse_unstorable(key, (*place, "a key"))
        refuse_unstorable(part, (*place, key))
