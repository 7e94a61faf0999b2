"""Hours in which nothing is started."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from service.schemas.conditions import DAYS, QuietHours


def is_quiet(hours: QuietHours, now: datetime) -> bool:
    """Whether `now` lies within the hours, by the wall clock of their time zone."""
    local = now.astimezone(ZoneInfo(hours.timezone))
    start, end, clock = time.fromisoformat(hours.start), time.fromisoformat(hours.end), local.time()
    today = DAYS[local.weekday()] in hours.days
    yesterday = DAYS[(local - timedelta(days=1)).weekday()] in hours.days
    if start < end:
        return today and start <= clock < end
    return (today and clock >= start) or (yesterday and clock < end)
