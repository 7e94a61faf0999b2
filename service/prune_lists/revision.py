"""Lists whose decisions a person changed, and the jobs that measure them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from service.core.errors import ConflictError, InvalidError
from service.store import jobs
from service.store.tables import PublishedList
from trainers.pruning.revision import revise
from trainers.runs.prune_list import PruneList
from trainers.spec import JobSpec, parse_spec


def revised(
    session: Session, published: PublishedList, keep: Sequence[str], prune: Sequence[str], *, by: str, reason: str
) -> PruneList:
    """`published` with other decisions, not stored yet.

    Raises:
        ConflictError: its job is gone, which knows what the features weigh.
        InvalidError: the list can't be changed so.
    """
    spec = _spec_of(session, published)
    try:
        return revise(PruneList.parse(published.content), spec, keep=keep, prune=prune, by=by, reason=reason)
    except ValueError as error:
        raise InvalidError("invalid-revision", str(error)) from None


def follow_up_spec(session: Session, published: PublishedList) -> JobSpec:
    """The spec of a job that keeps what the list keeps, and measures it.

    Raises:
        ConflictError: the list's own job is gone, whose spec this one follows.
        SpecError: the spec can't be read any more.
    """
    spec = _spec_of(session, published).model_dump(mode="json")
    content = PruneList.parse(published.content)
    prune = {"rule": "given", "keep": list(content.kept), "guard": spec["prune"]["guard"]}
    if content.kept_dims:
        prune["kept_dims"] = content.kept_dims
    return parse_spec({**spec, "name": f"{spec['name'][:180]}-list-{published.number}", "prune": prune})


def _spec_of(session: Session, published: PublishedList) -> JobSpec:
    job = jobs.find(session, published.job_id)
    if job is None:
        raise ConflictError(
            "job-gone", f"job {published.job_id}, which made list {published.number}, is gone; start a new selection"
        )
    return JobSpec.model_validate(job.spec)
