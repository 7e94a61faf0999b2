"""What routes that make jobs ask for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Header, Response

from service.api.auth import Submitter
from service.api.deps import NowDep, SessionDep, SettingsDep
from service.api.job_views import job_view
from service.core.identity import Caller
from service.jobs.submission import Submission
from service.schemas.jobs import JobView
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
class JobRequest:
    """One request for a job, and its answer."""

    submission: Submission
    response: Response

    @property
    def caller(self) -> Caller:
        return self.submission.caller

    @property
    def now(self) -> datetime:
        return self.submission.now

    def answer(self, request: dict[str, Any], spec: Callable[[], JobSpec], **columns: Any) -> JobView:
        """The job that `request` asks for, as Submission makes it, or as an earlier request with its key made it."""
        job, replayed = self.submission.get_or_create(request, spec, **columns)
        self.response.headers["Location"] = f"/v1/jobs/{job.id}"
        if replayed:
            self.response.headers["Idempotent-Replayed"] = "true"
        return job_view(self.submission.session, job)


def job_request_of(
    session: SessionDep,
    settings: SettingsDep,
    caller: Submitter,
    now: NowDep,
    response: Response,
    key: IdempotencyKey = None,
) -> JobRequest:
    return JobRequest(Submission(session, settings, caller, now, key), response)


JobRequestDep = Annotated[JobRequest, Depends(job_request_of)]
