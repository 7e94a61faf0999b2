"""When a cron expression is due in a time zone.

Debian cron's rules for daylight saving, as `cronsim` has them. An expression whose minute and hour fields both begin
with something other than `*` names times of day: each comes once a day, one that the clock skips at the first minute
after the gap, one that the clock repeats at its first occurrence. Any other expression names a rhythm: it goes by
elapsed time, so that it comes in both of a repeated hour and not at all in a skipped one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice, takewhile
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

FIELDS = 5
YEARS = range(2000, 2100)  # within which instants are calculated
BEFORE = timedelta(microseconds=1)
# Names that mean another zone on another machine, or none.
NOT_ZONES = frozenset({"localtime", "Factory", "posixrules"})


def validate_cron(text: str) -> str:
    """With single spaces between its five fields. Raises ValueError."""
    fields = text.split()
    if len(fields) != FIELDS:
        raise ValueError(
            f"{text!r} has {len(fields)} fields; give five: minute, hour, day of month, month, day of week"
        )
    try:
        first = next(instants(" ".join(fields), "UTC", datetime(2000, 1, 1, tzinfo=UTC)), None)
    except CronSimError as error:
        raise ValueError(
            f"{text!r} is no cron expression: {str(error).lower()}; a daily run at 2:30 is `30 2 * * *`"
        ) from None
    if first is None:
        raise ValueError(f"{text!r} is never due; give a day that its months have")
    return " ".join(fields)


@lru_cache(maxsize=1)
def zones() -> frozenset[str]:
    """IANA names that this machine knows."""
    return frozenset(available_timezones()) - NOT_ZONES


def validate_zone(name: str) -> str:
    """Raises ValueError."""
    if name not in zones():
        raise ValueError(f"{name!r} is no IANA time zone; give one such as Europe/Berlin or UTC")
    return name


def instants(cron: str, timezone: str, after: datetime) -> Iterator[datetime]:
    """Due times after `after`, in order, in UTC."""
    last = after
    for local in CronSim(cron, after.astimezone(ZoneInfo(timezone))):
        if local.year not in YEARS:
            return
        instant = local.astimezone(UTC)
        # In the second pass of a repeated hour, the first time of day found is one of the first pass.
        if instant > last:
            last = instant
            yield instant


def between(cron: str, timezone: str, first: datetime, last: datetime) -> Iterator[datetime]:
    """Due times from `first` to `last`, both counted."""
    return takewhile(lambda instant: instant <= last, instants(cron, timezone, first - BEFORE))


@lru_cache(maxsize=4096)
def first_after(cron: str, timezone: str, after: datetime) -> datetime | None:
    return next(instants(cron, timezone, after), None)


def upcoming(cron: str, timezone: str, first: datetime, last: datetime | None, count: int) -> list[datetime]:
    """The next `count` due times from `first` on, none after `last`."""
    found = instants(cron, timezone, first - BEFORE)
    return list(islice(takewhile(lambda instant: last is None or instant <= last, found), count))
