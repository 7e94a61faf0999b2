"""Conditional requests: `ETag`, `If-Match` and `If-None-Match` (RFC 9110 §8.8.3 and §13.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated

from fastapi import Header

from service.api.problems import ApiError

IfMatch = Annotated[
    list[str] | None, Header(description="ETag of what the change was made from; answered 412 if it has changed since")
]
IfNoneMatch = Annotated[list[str] | None, Header(description="ETags of what the caller has; answered 304 if current")]
TAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')
TAGS = re.compile(rf"[ \t,]*(?:{TAG.pattern}[ \t]*(?:,[ \t,]*|$))*")


def etag(version: int) -> str:
    """The strong ETag of a row's version."""
    return f'"{version}"'


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
    return not tags.isdisjoint(current)
