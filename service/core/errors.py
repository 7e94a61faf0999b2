"""What the service refuses, and why. Domain code and loops raise and catch these; `service.api.problems` alone gives
each an HTTP status.

    DomainError
      InvalidError            a request can't be used as it is
        InvalidFieldsError    single fields of it can't
      ForbiddenError          the caller may not do it
      NotFoundError           it doesn't exist, or the caller may not know of it
      ConflictError           the present state doesn't allow it
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from pydantic import BaseModel, ValidationError

from trainers.problems import field_path, read_problems

SHOWN = 200  # characters of what was refused that are sent back
LONGEST_INTEGER = 1024  # bits
SHOWN_ERRORS = 100  # fields that are named in one answer


class FieldError(BaseModel):
    """Where a body is wrong, what was given, and what to do."""

    field: str
    value: Any = None
    message: str


class DomainError(Exception):
    """A refusal. `kind` is stable and names it for programs, `detail` says in words what to do.

    Args:
        errors: one for each field that is to blame.
    """

    def __init__(self, kind: str, detail: str, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail)
        self.kind, self.detail, self.errors = kind, detail, list(errors)


class InvalidError(DomainError):
    """A request can't be used as it is."""


class InvalidFieldsError(InvalidError):
    """Fields of a request can't be used."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        more = f", of which the first {SHOWN_ERRORS} are named" if len(errors) > SHOWN_ERRORS else ""
        detail = f"{len(errors)} field(s) can't be used; see `errors`{more}"
        super().__init__("invalid-request", detail, errors[:SHOWN_ERRORS])

    def __str__(self) -> str:
        return "; ".join(f"{error.field}: {error.message}" for error in self.errors)

    @classmethod
    def from_validation(cls, error: ValidationError, *, under: tuple[str, ...] = (), body: Any = None) -> Self:
        """What pydantic found. `under` is where the checked part stands in `body`, the whole request if known."""
        found = [{**each, "loc": ("body", *under, *each["loc"])} for each in error.errors(include_url=False)]
        return cls(field_errors(found, body))


class ForbiddenError(DomainError):
    """The caller may not do it."""


class NotFoundError(DomainError):
    """It doesn't exist, or the caller may not know of it."""


class ConflictError(DomainError):
    """The present state doesn't allow it."""


def field_errors(found: Iterable[Mapping[str, Any]], body: Any = None) -> list[FieldError]:
    """Errors as pydantic lists them, whose `loc` begins with the part of the request, such as `body` or `query`."""
    return [
        FieldError(
            field=shortened(sendable(field_path(each.place[1:], body) or str(each.place[0]))),
            value=shown_value(each.value),
            message=shortened(sendable(each.message), 5 * SHOWN),
        )
        for each in read_problems(found)
    ]


def sendable(text: str) -> str:
    """With what UTF-8 can't carry escaped: JSON lets a client name half of a surrogate pair."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def shown_value(value: Any) -> Any:
    """Scalars as given; a container would repeat the whole body."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, str):
        return shortened(sendable(value))
    if isinstance(value, int) and value.bit_length() > LONGEST_INTEGER:
        return f"an integer of {value.bit_length()} bits"
    return value if isinstance(value, int | float | bool) else None


def shortened(text: str, most: int = SHOWN) -> str:
    """At most so many characters of it, and how many it has."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"
