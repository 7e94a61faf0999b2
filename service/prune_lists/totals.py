"""Features, dims and bytes of prune lists, without their contents."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy.orm import Session

from service.store import aggregates
from trainers.runs.prune_list import Totals

KEPT = 1000


class ListTotals:
    """What this process has read of lists: their contents are large, and never change."""

    def __init__(self) -> None:
        self._kept: dict[int, dict[str, Totals]] = {}

    def of(self, session: Session, numbers: Collection[int]) -> dict[int, dict[str, Totals]]:
        """`before` and `after` of these lists."""
        kept = {number: self._kept[number] for number in numbers if number in self._kept}
        missing = aggregates.totals(session, [number for number in numbers if number not in kept])
        if len(self._kept) + len(missing) > KEPT:
            self._kept = {}
        self._kept |= missing
        return kept | missing
