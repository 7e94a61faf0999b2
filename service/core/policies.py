"""What a model says of its prune lists and of what its jobs leave."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictBool

from trainers.spec import Config

Days = Annotated[int, Field(ge=1, le=36_500)]


class Policy(Config):
    """Who has to agree before a prune list is served."""

    auto_approve: StrictBool = Field(
        default=False,
        description="a list whose guard passed is approved when it is proposed, unless another metric fell beyond its "
        "limit, or the list prunes what a rollback brought back, or decides what was rejected",
    )
    auto_activate: StrictBool = Field(
        default=False, description="a list whose guard passed becomes active when it is approved, by whomever"
    )
    four_eyes: StrictBool = Field(
        default=True,
        description="who submitted the job can't approve its list; not enforced while the service has no key",
    )


class Retention(Config):
    """How long what the model's jobs left is kept. The active list and its job stay."""

    runs_days: Days | None = Field(
        default=None,
        description="days after its end that a run's files are kept; the service's own setting unless given",
    )
    events_days: Days | None = Field(
        default=None, description="days that events are kept; the service's own setting unless given"
    )
    keep_last: int = Field(default=10, ge=0, le=1_000_000, description="newest runs that are kept whatever their age")
