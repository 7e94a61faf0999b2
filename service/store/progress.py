"""The progress that is stored of a job, read through its schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainers.runs.progress import Progress

CHECK = "check"  # what a dry run found; such a job has no other progress


def read_progress(stored: Mapping[str, Any] | None) -> Progress | None:
    """None where the job has reported nothing, or was a dry run."""
    return None if stored is None or CHECK in stored else Progress.parse(stored)


def without_gates(stored: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """As lists and snapshots show it: gates by feature are long."""
    progress = read_progress(stored)
    if progress is None:
        return None if stored is None else dict(stored)
    return progress.model_dump(mode="json", exclude={"gates"})
