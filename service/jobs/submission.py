"""A job asked for over HTTP: checked, and stored once however often it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from service.api.auth import Caller
from service.api.problems import ApiError
from service.jobs.data_roots import check_spec
from service.schemas.common import refuse_unstorable
from service.settings import Settings
from service.store import idempotency, jobs
from service.store.tables import Job
from trainers.spec import JobSpec, SpecError


@dataclass(frozen=True)
class Submission:
    """A caller's request for a job, in a transaction that isn't over.

    Args:
        key: its `Idempotency-Key`; None where each request makes a job.
    """

    session: Session
    settings: Settings
    caller: Caller
    now: datetime
    key: str | None

    def job(self, request: dict[str, Any], spec: Callable[[], JobSpec], **columns: Any) -> tuple[Job, bool]:
        """The job, and whether an earlier request made it; `spec` is called where none did.

        Args:
            request: all that was asked for: a key that comes with another request is refused.

        Raises:
            ApiError: 409 where the key came with another request, 422 where `spec` raises SpecError or names a place
                outside the allowed roots.
            RequestValidationError: the spec has what can't be stored.
        """
        refuse_unstorable(request)
        caller, digest = self.caller.id, idempotency.fingerprint(request)
        keep = timedelta(hours=self.settings.keep_idempotency_hours)
        try:
            if self.key is not None:
                found = idempotency.made_by(self.session, caller, self.key, digest, self.now - keep)
                if found is not None:
                    return found, True
            content = self._checked(self._made(spec))
            create = partial(jobs.create, self.session, content, self.now, submitted_by=self.caller.name, **columns)
            if self.key is None:
                return create(), False
            return idempotency.once(self.session, caller, self.key, digest, self.now, keep, create)
        except idempotency.KeyReusedError:
            detail = f"Idempotency-Key {self.key!r} came with another request; give each request a key of its own"
            raise ApiError(409, "idempotency-conflict", detail) from None

    def _made(self, spec: Callable[[], JobSpec]) -> JobSpec:
        try:
            return spec()
        except SpecError as error:
            raise ApiError(422, "invalid-spec", str(error)) from None

    def _checked(self, spec: JobSpec) -> dict[str, Any]:
        content = spec.model_dump(mode="json")
        refuse_unstorable(content)
        self.session.commit()  # following links may take long, and waits for no other request
        check_spec(spec, self.settings)
        return content
