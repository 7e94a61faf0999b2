"""What requests and answers share: text and instants that any store takes, and the errors of OpenAPI."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

from service.core.errors import FieldError, InvalidFieldsError, field_errors, sendable
from trainers.config import runs_first

NUMBER = re.compile(r"\s*[+-]?[0-9.]+\s*")
BIGGEST = 2**53  # the integers that JSON's readers agree on


class QueryModel(BaseModel):
    """A request's query, which is text: `?limit=5` is a number. A key that isn't known is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _take_strictly(part: Any, *, inside: bool) -> None:
    """Change the schema of a model in place, and none of those `inside` it."""
    children = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list | tuple) else ()
    for key, child in list(children):
        kind = child.get("type") if isinstance(child, dict) else None
        if kind in {"int", "float", "bool"}:
            child["strict"] = True
        elif kind == "datetime":
            part[key] = core_schema.no_info_before_validator_function(_refuse_number, child)
        elif key != "metadata" and not (inside and kind == "model") and not runs_first(_refuse_number, child):
            _take_strictly(child, inside=inside or kind == "model")


def _refuse_number(value: Any) -> Any:
    """One could mean seconds or milliseconds, and text of digits a date."""
    if isinstance(value, int | float) or (isinstance(value, str) and NUMBER.fullmatch(value)):
        raise PydanticKnownError("datetime_type")
    return value


class RequestModel(BaseModel):
    """A request's body: a key that isn't known is refused; numbers, true and false, and instants are taken as such.

    Text isn't read as a number, 3.0 not as a whole one, 1 not as true, and no number as an instant. Models in it read
    as they say themselves: a spec's features, a run's progress.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        _take_strictly([schema], inside=False)
        return schema


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
