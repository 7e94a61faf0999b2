"""What a run reports, what it is answered, and its log.

Progress, results, series and prune lists are documents of the run itself: `trainers.runs` has their schemas.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.common import BIGGEST, RequestModel
from trainers.runs.progress import Progress

PROGRESS: dict[str, Any] = {
    "state": "running",
    "stage": "searching",
    "step": 1200,
    "total_steps": 8000,
    "attempt": 0,
    "loss": 0.41,
}


class Report(RequestModel):
    """What a run tells. A number that isn't higher than the last changes nothing."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"number": 7, "progress": PROGRESS}]})

    number: int = Field(ge=1, le=BIGGEST, description="rises from report to report of an attempt")
    progress: Progress | None = Field(default=None, description="null while there is none, and the run is alive")


class Answer(BaseModel):
    """What the run is to do."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"taken": 7, "stop": None}, {"taken": 8, "stop": "cancelled"}]},
    )

    taken: int = Field(description="the highest number taken")
    stop: str | None = Field(description="why the run is to end at once, such as `cancelled`; null to go on")


class Log(BaseModel):
    """A part of a log. Reading on from `next` follows it; once `ended` and empty there is no more."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "searching, step 50\n", "offset": 0, "next": 19, "ended": False}]}
    )

    text: str = Field(description="whole lines; what looks like a secret is left out")
    offset: int = Field(description="where the part begins, in bytes")
    next: int = Field(description="where the next one does")
    ended: bool = Field(description="whether the job has ended: nothing is added any more")
