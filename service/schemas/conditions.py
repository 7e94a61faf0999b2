"""Conditions of triggers: their settings, the facts that they are evaluated on, and the checks that decide.

A trigger has no name of its own: the `title` of its condition is what its jobs call it.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from service.schemas.automatic import Moment, Zone
from service.schemas.common import RequestModel, StoredText, storable


class Facts(RequestModel):
    """What a trigger is evaluated by. A fact that isn't given is as it is now."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"candidates": 31, "time": "2026-01-01T12:00:00Z"}]})

    time: Moment | None = Field(default=None, description="when it is evaluated")
    candidates: int | None = Field(default=None, ge=0, le=2**53, description="candidates since the last selection")
    p99_seconds: float | None = Field(default=None, ge=0, le=1e6, description="serving latency, 99th percentile")
    reports: int | None = Field(default=None, ge=0, le=2**53, description="how many reports the latency is of")
    partition: StoredText | None = Field(default=None, description="name of the newest partition; empty: there is none")
    last_partition: StoredText | None = Field(
        default=None, description="name of the newest partition when it last fired; empty: there was none"
    )
    fired_at: Moment | None = Field(default=None, description="when it last fired")
    running_job: StoredText | None = Field(default=None, description="a job of this trigger that hasn't ended")

    def over(self, known: Facts) -> Facts:
        """These, and of those not given the known ones."""
        return known.model_copy(update={name: getattr(self, name) for name in self.model_fields_set})


Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


Clock = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class QuietHours(RequestModel):
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


class Check(BaseModel):
    """One question that decides."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "cooldown", "passed": True, "detail": "never fired"}]}
    )

    name: str = Field(description="enabled, condition, quiet_hours, cooldown or running_job")
    passed: bool
    detail: str


MAX_WINDOW_SECONDS = 24 * 3600


class Candidates(RequestModel):
    """So many features became candidates since the last selection: FairFS §4.6 waits for 30.

    The last selection is the newest job of the model that wasn't a dry run, and neither failed nor was cancelled.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "candidates", "threshold": 30}]})

    kind: Literal["candidates"] = "candidates"
    threshold: int = Field(default=30, ge=1, le=1_000_000)

    @property
    def title(self) -> str:
        return f"{self.threshold} new candidates"


class Latency(RequestModel):
    """The 99th percentile of serving latency is over its maximum (FairFS §4.6).

    It is the median of what was reported within the window, where there are reports enough; or, where there is a
    query, what the operator's Prometheus answers.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "latency", "max_seconds": 0.05, "window_seconds": 600, "min_reports": 5},
                {
                    "kind": "latency",
                    "max_seconds": 0.05,
                    "query": "histogram_quantile(0.99, sum by (le) (rate(serving_seconds_bucket[5m])))",
                },
            ]
        }
    )

    kind: Literal["latency"] = "latency"
    max_seconds: float = Field(gt=0, le=3600)
    window_seconds: int = Field(default=600, ge=1, le=MAX_WINDOW_SECONDS, description="how old a report may be")
    min_reports: int = Field(default=3, ge=1, le=10_000, description="fewer within the window decide nothing")
    query: Annotated[str, Field(min_length=1, max_length=4000)] | None = Field(
        default=None, description="PromQL for the latency in seconds, one series or a scalar; reports then don't count"
    )

    @property
    def title(self) -> str:
        return f"latency over {self.max_seconds:g} s"


class Freshness(RequestModel):
    """A directory has a partition newer than the newest one known. Newer is what comes later by name.

    Partitions that are there at the first look start nothing. In the job's overrides `{partition}` is the new
    partition's path or URI.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"kind": "freshness", "pattern": "s3://lake/clicks/dt=*", "marker": "_SUCCESS"}]
        }
    )

    kind: Literal["freshness"] = "freshness"
    pattern: Annotated[str, Field(max_length=1000)] = Field(
        description="absolute path or URI of partitions, with `*` in its last segment"
    )
    marker: Annotated[StoredText, Field(min_length=1, pattern=r"^[^/]+$")] | None = Field(
        default=None, description="a file that a partition holds once it is complete; none is waited for unless given"
    )

    @field_validator("pattern")
    @classmethod
    def _has_a_folder_and_names(cls, pattern: str) -> str:
        folder, _, names = pattern.rpartition("/")
        if not storable(pattern) or not folder or "*" not in names or any(mark in folder for mark in "*?[]"):
            raise ValueError(f"{pattern!r} can't be listed; give a folder and names with `*`, as in /data/clicks/dt=*")
        return pattern

    @property
    def folder(self) -> str:
        return self.pattern.rpartition("/")[0]

    @property
    def title(self) -> str:
        return f"new {self.pattern}"


class Manual(RequestModel):
    """Fires when it is asked to, by a person or a pipeline, and never by itself."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "manual"}]})

    kind: Literal["manual"] = "manual"

    @property
    def title(self) -> str:
        return "fired by hand"


Options = Candidates | Latency | Freshness | Manual
When = Annotated[Options, Field(discriminator="kind")]
