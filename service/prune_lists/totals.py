"""What prune lists save and cost, without their contents."""

from __future__ import annotations

from collections.abc import Callable, Collection

from sqlalchemy.orm import Session

from service.store import aggregates
from service.store.aggregates import ListFigures

KEPT = 1000


class FiguresCache:
    """What this process has read of lists: their contents are large, and never change.

    Args:
        read: the figures of lists that it hasn't read yet, by number.
    """

    def __init__(self, read: Callable[[Session, Collection[int]], dict[int, ListFigures]]) -> None:
        self._read = read
        self._kept: dict[int, ListFigures] = {}

    def of(self, session: Session, numbers: Collection[int]) -> dict[int, ListFigures]:
        """By number; those without a list are left out."""
        kept = {number: self._kept[number] for number in numbers if number in self._kept}
        missing = self._read(session, [number for number in numbers if number not in kept])
        if len(self._kept) + len(missing) > KEPT:
            self._kept = {}
        self._kept |= missing
        return kept | missing


class Figures:
    """Of published lists by their numbers, and of jobs' lists by the jobs' numbers."""

    def __init__(self) -> None:
        self.lists = FiguresCache(aggregates.list_figures)
        self.jobs = FiguresCache(aggregates.job_figures)
