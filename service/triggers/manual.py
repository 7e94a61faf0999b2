"""Someone asks."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict

from service.triggers.condition import Condition, Facts, Observation


class Manual(Condition):
    """Fires when it is asked to, by a person or a pipeline, and never by itself."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "manual"}]})

    kind: Literal["manual"] = "manual"

    def observe(self, facts: Facts, now: datetime) -> Observation:
        return Observation(False, "fires only when asked to", {})
