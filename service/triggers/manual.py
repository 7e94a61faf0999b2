"""Someone asks."""

from __future__ import annotations

from datetime import datetime

from service.schemas.conditions import Facts, Manual
from service.triggers.condition import Condition, Observation


class ManualCondition(Condition[Manual]):
    """Is never met: such a trigger is fired by hand."""

    def observe(self, facts: Facts, now: datetime) -> Observation:
        return Observation(False, "fires only when asked to", {})
