"""What routes that make jobs ask for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Header, Response
from sqlalchemy.orm import Session

from service.access import Caller, Submitter
from service.routers.deps import NowDep, SessionDep, SettingsDep
from service.routers.job_views import JobView, shown
from service.settings import Settings
from service.submitting import Submission
from trainers.spec import JobSpec

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[!-~]([ -~]*[!-~])?$",
        description="repeated within 24 hours with the same request, it answers with the job made then",
    ),
]


@dataclass(frozen=True)
class Submitting:
    """One request for a job, and its answer."""

    session: Session
    settings: Settings
    caller: Caller
    now: datetime
    key: str | None
    response: Response

    def answer(self, request: dict[str, Any], spec: Callable[[], JobSpec], **columns: Any) -> JobView:
        """The job that `request` asks for, as Submission makes it, or as an earlier request with its key made it."""
        submission = Submission(self.session, self.settings, self.caller, self.now, self.key, request)
        job, replayed = submission.job(spec, **columns)
        self.response.headers["Location"] = f"/v1/jobs/{job.id}"
        if replayed:
            self.response.headers["Idempotent-Replayed"] = "true"
        return shown(self.session, job)


def submitting_of(
    session: SessionDep,
    settings: SettingsDep,
    caller: Submitter,
    now: NowDep,
    response: Response,
    key: IdempotencyKey = None,
) -> Submitting:
    return Submitting(session, settings, caller, now, key, response)


SubmittingDep = Annotated[Submitting, Depends(submitting_of)]
