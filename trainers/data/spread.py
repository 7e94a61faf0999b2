"""Rows from all over a source, for what its first rows alone would answer wrongly: files may be sorted."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

import pyarrow as pa

from trainers.data.source import Source

# Row groups that are read where fewer would hold rows enough: each is decoded whole, and may be large. Many are for
# what few of them may get wrong, of few columns.
GROUPS, MANY_GROUPS = 8, 64
# Runs of neighbouring rows that a row group gives.
RUNS = 8


def read_spread(source: Source, columns: Sequence[str], rows: int, groups: int = GROUPS) -> pa.Table:
    """The rows of `spread_ranges`, in their order.

    Raises:
        SpecError: files whose columns have types that don't fit together.
    """
    if source.rows <= rows:
        return source.read(columns, 0, source.rows)
    return source.read_ranges(columns, spread_ranges(source, rows, groups))


def spread_ranges(source: Source, rows: int, groups: int = GROUPS) -> Iterator[tuple[int, int]]:
    """Ranges [start, stop), in order, of about `rows` rows together: from so many row groups, or more where these are
    small, that lie evenly between the first and the last. All rows of a source that has no more are one range.
    """
    return iter([(0, source.rows)]) if source.rows <= rows else _runs(source.group_ranges, rows, groups)


def space_evenly(count: int, total: int) -> list[int]:
    """`count` of the numbers 0 … total − 1, the first and the last among them; all where there are no more.

    Example:
        >>> space_evenly(4, 10), space_evenly(1, 10), space_evenly(4, 3)
        ([0, 3, 6, 9], [0], [0, 1, 2])
    """
    count = min(count, total)
    return [place * (total - 1) // max(1, count - 1) for place in range(count)]


def _runs(groups: Sequence[tuple[int, int]], rows: int, least: int = GROUPS) -> Iterator[tuple[int, int]]:
    """Ranges of about `rows` rows, which lie in `least` of the row groups or more.

    Groups are chosen by evenly spaced rows, the first and the last among them: of groups that differ in size, the large
    ones have most rows. What a small one lacks, the larger ones give.
    """
    stops, total = [stop for _, stop in groups], groups[-1][1]
    count = min(len(groups), max(least, -(-rows * len(groups) // total)))
    chosen = sorted({bisect_right(stops, row) for row in space_evenly(count, total)})
    taken, left = {}, rows
    for done, at in enumerate(sorted(chosen, key=lambda at: groups[at][1] - groups[at][0])):
        start, stop = groups[at]
        taken[at] = min(stop - start, -(-left // (len(chosen) - done)))
        left -= taken[at]
    for at in chosen:
        start, stop = groups[at]
        runs = min(RUNS, taken[at])
        for run in range(runs):
            apart = start + (stop - start - taken[at]) * run // max(1, runs - 1)
            yield apart + taken[at] * run // runs, apart + taken[at] * (run + 1) // runs


def describe_rows(read: int, total: int, of: str) -> str:
    """How many of a split's rows something was found by.

    Example:
        >>> describe_rows(3000, 3000, "training rows"), describe_rows(65536, 800167, "rows of test")
        ('all 3,000 training rows', '65,536 of 800,167 rows of test (from all over the files)')
    """
    return f"all {total:,} {of}" if read == total else f"{read:,} of {total:,} {of} (from all over the files)"
