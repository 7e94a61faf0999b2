"""`/v1/jobs/{job_id}/logs`: what a run said."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query

from service.api.deps import JobDep, SessionDep, SettingsDep
from service.api.openapi import problems
from service.core.job_state import JobState
from service.jobs.attempts import directory_of
from service.schemas.common import BIGGEST
from service.schemas.runs import Log

router = APIRouter(tags=["jobs"])
MOST_BYTES = 2**20
SECRETS = (
    (re.compile(r"(://)[^\s/@]{1,400}@"), r"\1***@"),
    (re.compile(r"\b(?:wnw|whsec)_[\w+/=-]+"), "***"),
    (re.compile(r"(?i)(\bbearer\s+)[^\s\"']+"), r"\1***"),
    (
        re.compile(
            r"(?i)((?:token|secret|password|passwd|(?:api|access|account|secret)[_-]?key)[\"']?\s*[:=]\s*)[^\s,;&]+"
        ),
        r"\1***",
    ),
)


@router.get("/v1/jobs/{job_id}/logs", operation_id="getLogs", summary="Read a job's log", responses=problems(404, 422))
def logs(
    job: JobDep,
    session: SessionDep,
    settings: SettingsDep,
    offset: Annotated[
        int | None, Query(ge=0, le=BIGGEST, description="from there on: `next` of the part before")
    ] = None,
    tail: Annotated[int, Query(ge=1, le=10_000, description="without an offset, the last so many lines")] = 1000,
) -> Log:
    """What the job's run and its libraries said, at most 1 MiB of it; attempts follow one another in one log."""
    session.commit()
    ended, path = JobState(job.state).ended, directory_of(settings, job).log
    try:
        begin, content = _last(path, tail) if offset is None else (offset, _part(path, offset, MOST_BYTES))
    except FileNotFoundError:
        begin, content = offset or 0, b""
    # A line that is still being written is left for the next part, unless it is longer than any part.
    whole = content if ended else content[: content.rfind(b"\n") + 1]
    if not whole and len(content) == MOST_BYTES:
        whole = content
    return Log(text=redact(whole.decode("utf-8", "replace")), offset=begin, next=begin + len(whole), ended=ended)


def _part(path: Path, offset: int, size: int) -> bytes:
    with path.open("rb") as stream:
        if offset >= stream.seek(0, os.SEEK_END):
            return b""
        stream.seek(offset)
        return stream.read(size)


def _last(path: Path, lines: int) -> tuple[int, bytes]:
    """Where the last so many lines begin, and they: of the file's end, no more than fits a part."""
    with path.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        begin = stream.seek(max(0, size - MOST_BYTES))
        content = stream.read(MOST_BYTES)
    if begin:
        cut = content.find(b"\n") + 1
        begin, content = begin + cut, content[cut:]
    end = content.rfind(b"\n") + 1  # what follows is a line that is still being written
    kept = b"".join(content[:end].splitlines(keepends=True)[-lines:]) + content[end:]
    return begin + len(content) - len(kept), kept


def redact(text: str) -> str:
    """Without what looks like credentials: user data in URLs, bearer tokens, values of keys that are called secrets."""
    for pattern, left in SECRETS:
        text = pattern.sub(left, text)
    return text
