"""The interface of a kind of trigger."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from service.schemas.automatic import Moment
from service.schemas.common import Body, StoredText
from service.settings import Settings


class ObservationError(RuntimeError):
    """What a condition is about can't be seen now; the message says why, and what to do."""


class Facts(Body):
    """What a trigger is judged by. Of those that aren't given, what is so now."""

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


@dataclass(frozen=True)
class Observation:
    """Whether a condition is met and why, and what to remember of it.

    Args:
        reason: the same for the same finding: what varies from one look to the next belongs to `observed`.
        partition: what `{partition}` in the overrides stands for.
        start: remember the state also where the trigger doesn't fire.
    """

    met: bool
    reason: str
    observed: dict[str, Any]
    state: dict[str, Any] = field(default_factory=dict)
    partition: str = ""
    start: bool = False


class Condition(Body, ABC):
    """Settings of one kind of trigger, and how it is observed.

    `known` and `look` gather facts, `observe` judges them and nothing else, so that it can be asked what-if.
    """

    kind: str

    def check(self, settings: Settings) -> None:
        """Whether the operator's settings let it be observed. Raises ApiError 422."""

    def known(self, session: Session, model: str, now: datetime) -> Facts:
        """What the store knows."""
        return Facts()

    def look(self, settings: Settings, facts: Facts) -> Facts:
        """Beyond `facts`, what has to be asked elsewhere; called outside any session. Raises ObservationError."""
        return facts

    @abstractmethod
    def observe(self, facts: Facts, now: datetime) -> Observation:
        """Judge complete facts."""


def view(condition: BaseModel) -> dict[str, Any]:
    """Its settings as they are stored, beside its kind."""
    return condition.model_dump(mode="json", exclude={"kind"})
