"""Conditional requests: `ETag`, `If-Match` and `If-None-Match` (RFC 9110 §8.8.3 and §13.1)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import Header, Response
from pydantic import BaseModel

from service.api.problems import ApiError, NotModifiedError

IfMatch = Annotated[
    list[str] | None, Header(description="ETag of what the change was made from; answered 412 if it has changed since")
]
IfNoneMatch = Annotated[list[str] | None, Header(description="ETags of what the caller has; answered 304 if current")]
TAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')
OF_VIEW = re.compile(r'("[0-9]+)\.[0-9a-f]{16}"')  # as tag_of makes it
UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "`If-None-Match` names what there is"}}
TAGS = re.compile(rf"[ \t,]*(?:{TAG.pattern}[ \t]*(?:,[ \t,]*|$))*")


def etag(version: int) -> str:
    """The strong ETag of a row's version."""
    return f'"{version}"'


def tag_of(view: BaseModel, version: int) -> str:
    """The strong ETag of a row as it is shown, where that changes without the row's version: a count, a next time.

    `If-Match` takes it for its version: a change is made from what was set, not from what was counted.
    """
    return f'"{version}.{hashlib.sha256(view.model_dump_json().encode()).hexdigest()[:16]}"'


def answer_if_new(given: list[str] | None, tag: str, response: Response) -> None:
    """Give the answer its ETag. Raises NotModifiedError where `If-None-Match` names it."""
    if is_known(given, tag):
        raise NotModifiedError(tag)
    response.headers["ETag"] = tag


def require_match(given: list[str] | None, *current: str) -> None:
    """Go on where `If-Match` is absent, or names a current ETag, compared strongly. Raises ApiError 412."""
    if given is not None and not _names(given, current, weak=False):
        detail = (
            f"If-Match: {', '.join(given)} is not the current {' or '.join(current)}; read it again, then change it"
        )
        raise ApiError(412, "stale", detail)


def is_known(given: list[str] | None, current: str) -> bool:
    """Whether `If-None-Match` names the current ETag, compared weakly: 304 will do."""
    return given is not None and _names(given, (current,), weak=True)


def _names(given: list[str], current: Iterable[str], *, weak: bool) -> bool:
    """Lines of a header are one list. One that is malformed names nothing."""
    line = ",".join(given)
    if line.strip() == "*":
        return True
    if TAGS.fullmatch(line) is None:
        return False
    tags = {tag for is_weak, tag in TAG.findall(line) if weak or not is_weak}
    if not weak:
        tags |= {f'{found[1]}"' for tag in tags if (found := OF_VIEW.fullmatch(tag))}
    return not tags.isdisjoint(current)
