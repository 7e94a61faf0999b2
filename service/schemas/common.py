"""What requests and answers share: text and instants that any store takes, and the errors of OpenAPI."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from service.core.errors import FieldError, InvalidFieldsError, field_errors, sendable

BIGGEST = 2**53  # the integers that JSON's readers agree on


class RequestModel(BaseModel):
    """A request's body: a key that isn't known is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
    """JSON has no infinities and PostgreSQL no NUL, and both read well in Python. Raises InvalidFieldsError."""
    message = None
    if isinstance(content, float) and not math.isfinite(content):
        message = "give a finite number"
    elif isinstance(content, str) and not storable(content):
        message = "give text without NUL characters and halves of surrogate pairs"
    if message is not None:
        raise InvalidFieldsError(field_errors([{"loc": place, "msg": message, "input": content}]))
    parts = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, part in parts:
        if isinstance(key, str):
            refuse_unstorable(key, (*place, "a key"))
        refuse_unstorable(part, (*place, key))


class Problem(BaseModel):
    """An RFC 9457 problem document; `type` is stable."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldError] = []
