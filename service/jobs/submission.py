"""A job asked for over HTTP: checked, and stored once however often it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from service.core.errors import InvalidError
from service.core.identity import Caller
from service.jobs.data_roots import check_spec
from service.schemas.common import refuse_unstorable
from service.settings import Settings
from service.store import idempotency, jobs
from service.store.tables import Job
from trainers.spec import JobSpec, SpecError, require_consistent


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

    def get_or_create(self, request: dict[str, Any], spec: Callable[[], JobSpec], **columns: Any) -> tuple[Job, bool]:
        """The job, and whether an earlier request made it; `spec` is called where none did.

        Args:
            request: all that was asked for: a key that comes with another request is refused.

        Raises:
            ConflictError: the key came with another request.
            InvalidError: `spec` raises SpecError, or names a place outside the allowed roots.
            InvalidFieldsError: the spec has what can't be stored.
        """
        refuse_unstorable(request)
        caller, digest = self.caller.id, idempotency.fingerprint(request)
        keep = timedelta(hours=self.settings.keep_idempotency_hours)
        if self.key is not None:
            found = idempotency.find_job(self.session, caller, self.key, digest, self.now - keep)
            if found is not None:
                return found, True
        content = self._check_spec(self._build_spec(spec))
        create = partial(jobs.create, self.session, content, self.now, submitted_by=self.caller.name, **columns)
        if self.key is None:
            return create(), False
        return idempotency.get_or_create(self.session, caller, self.key, digest, self.now, keep, create)

    def _build_spec(self, spec: Callable[[], JobSpec]) -> JobSpec:
        try:
            found = spec()
            require_consistent(found)
        except SpecError as error:
            raise InvalidError("invalid-spec", str(error)) from None
        return found

    def _check_spec(self, spec: JobSpec) -> dict[str, Any]:
        content = spec.model_dump(mode="json")
        refuse_unstorable(content)
        self.session.commit()  # following links may take long, and waits for no other request
        check_spec(spec, self.settings)
        return content
