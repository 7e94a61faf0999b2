"""Hours in which nothing is started."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from service.schemas.automatic import Zone
from service.schemas.common import Body

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Clock = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class QuietHours(Body):
    """From `start` to `end` by the wall clock of a time zone; where the end is earlier, it is the next day's.

    By the wall clock: an hour that daylight saving repeats is quiet both times.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"start": "22:00", "end": "06:00", "timezone": "Europe/Berlin"}]}
    )

    start: Clock = Field(description="hh:mm, the first minute that is quiet")
    end: Clock = Field(description="hh:mm, the first minute that isn't")
    timezone: Zone = "UTC"
    days: tuple[Day, ...] = Field(default=DAYS, min_length=1, max_length=7, description="days on which they start")

    @model_validator(mode="after")
    def _spans_something(self) -> Self:
        if self.start == self.end:
            raise ValueError(f"end: {self.end} is the start; disable the trigger where it should never fire")
        return self

    def cover(self, now: datetime) -> bool:
        local = now.astimezone(ZoneInfo(self.timezone))
        start, end, clock = time.fromisoformat(self.start), time.fromisoformat(self.end), local.time()
        today = DAYS[local.weekday()] in self.days
        yesterday = DAYS[(local - timedelta(days=1)).weekday()] in self.days
        if start < end:
            return today and start <= clock < end
        return (today and clock >= start) or (yesterday and clock < end)
