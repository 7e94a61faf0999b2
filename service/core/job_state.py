"""A job's life: its states, and which may follow which."""

from __future__ import annotations

from enum import StrEnum


class JobState(StrEnum):
    """queued → starting → searching → ranking → finetuning → evaluating → succeeded | failed | cancelled.

    | state | meaning |
    |---|---|
    | queued | stored, and not yet handed to Ray; or waiting for another attempt after one was lost |
    | starting | handed to Ray; the spec is held against the data, then workers come up (`progress.stage` says which) |
    | searching | weights and gates are trained |
    | ranking | the selection curve is measured |
    | finetuning | the pruned model is trained on |
    | evaluating | the models are compared on the test split |
    | succeeded | the prune list stands; its guard may still have failed |
    | failed | ended without a prune list; `reason` says why |
    | cancelled | ended because someone asked |
    """

    QUEUED = "queued"
    STARTING = "starting"
    SEARCHING = "searching"
    RANKING = "ranking"
    FINETUNING = "finetuning"
    EVALUATING = "evaluating"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether a job in this state stays in it for good."""
        return self in ENDED


ENDED = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED})
ORDER = [state for state in JobState if state not in ENDED]


def may_follow(now: JobState, then: JobState) -> bool:
    """Stages go forward, and back to `queued` when an attempt was lost; an ended job stays ended."""
    if now.ended:
        return False
    if then.ended:
        return then is not JobState.SUCCEEDED or now is not JobState.QUEUED
    return ORDER.index(then) > ORDER.index(now) or (then is JobState.QUEUED and now is not JobState.QUEUED)
