"""The interface of a kind of trigger."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy.orm import Session

from service.schemas.conditions import Facts, Options
from service.settings import Settings

OptionsT = TypeVar("OptionsT", bound=Options)


class ObservationError(RuntimeError):
    """What a condition is about can't be observed now; the message says why, and what to do."""


@dataclass(frozen=True)
class Observation:
    """Whether a condition is met and why, and what to remember of it.

    Args:
        reason: the same for the same finding: what varies from one evaluation to the next belongs to `observed`.
        partition: what `{partition}` in the overrides stands for.
        start: remember the state also where the trigger doesn't fire.
    """

    met: bool
    reason: str
    observed: dict[str, Any]
    state: dict[str, Any] = field(default_factory=dict)
    partition: str = ""
    start: bool = False


@dataclass(frozen=True)
class Condition(ABC, Generic[OptionsT]):
    """One kind of trigger with its options.

    `stored_facts` and `gather_facts` gather facts, `observe` decides on facts alone, so that it can be asked what-if.
    """

    options: OptionsT

    def check(self, settings: Settings) -> None:
        """Whether the operator's settings let it be observed. Raises InvalidError."""

    def stored_facts(self, session: Session, model: str, now: datetime) -> Facts:
        """What the store knows."""
        return Facts()

    def gather_facts(self, settings: Settings, facts: Facts) -> Facts:
        """Beyond `facts`, what has to be asked elsewhere; called outside any session. Raises ObservationError."""
        return facts

    @abstractmethod
    def observe(self, facts: Facts, now: datetime) -> Observation:
        """Whether complete facts meet the condition."""
