"""Which of the forms offered a caller wants most: `Accept` (RFC 9110 §12.5.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

from fastapi import Header

from service.api.problems import ApiError

Accept = Annotated[list[str] | None, Header(description="the forms that the caller takes, with weights")]
RANGE = re.compile(r"\s*([!#$%&'*+.^`|~\w-]+)/([!#$%&'*+.^`|~\w-]+)\s*((?:;[^;]*)*)", re.ASCII)
WEIGHT = re.compile(r";\s*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*(?:;|$)", re.ASCII | re.IGNORECASE)


def negotiate(accept: list[str] | None, offered: Sequence[str]) -> str:
    """The form of the greatest weight, the first of several; any will do where nothing is asked for.

    The range that fits a form most closely decides on it. Parameters of a range, and ranges that can't be read, don't
    count.

    Raises:
        ApiError: 406, where the caller takes none of them.
    """
    ranges = [found for part in ",".join(accept or []).split(",") if (found := _range(part)) is not None]
    if not ranges:
        return offered[0]
    weights = {form: _weight(form, ranges) for form in offered}
    best = max(offered, key=weights.__getitem__)
    if weights[best] == 0:
        given = ", ".join(accept or [])
        raise ApiError(406, "not-acceptable", f"Accept: {given!r} takes none of the forms here: {', '.join(offered)}")
    return best


def _range(part: str) -> tuple[str, str, float] | None:
    found = RANGE.fullmatch(part)
    if found is None:
        return None
    weight = WEIGHT.search(found[3])
    return found[1].lower(), found[2].lower(), float(weight[1]) if weight else 1.0


def _weight(form: str, ranges: Sequence[tuple[str, str, float]]) -> float:
    """Of the closest range, the greatest of several; 0 where none fits."""
    kind, _, subkind = form.partition("/")
    for wanted in ((kind, subkind), (kind, "*"), ("*", "*")):
        weights = [weight for *each, weight in ranges if tuple(each) == wanted]
        if weights:
            return max(weights)
    return 0.0
