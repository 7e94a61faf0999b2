"""The lives of features and of prune lists: what may follow what."""

from __future__ import annotations

from enum import StrEnum


class FeatureStatus(StrEnum):
    """Of a feature of a model.

    | status | meaning | by hand to |
    |---|---|---|
    | essential | in every job, and no list prunes it | active, retired |
    | active | in the model and in its jobs | essential, pruned, retired, candidate |
    | candidate | in its jobs, to be tried | active, essential, retired |
    | pruned | found not to be needed; in no job | candidate, active, retired |
    | retired | given up; in no job, and no list changes it | candidate |
    """

    ESSENTIAL = "essential"
    ACTIVE = "active"
    CANDIDATE = "candidate"
    PRUNED = "pruned"
    RETIRED = "retired"


BY_HAND: dict[FeatureStatus, tuple[FeatureStatus, ...]] = {
    FeatureStatus.ESSENTIAL: (FeatureStatus.ACTIVE, FeatureStatus.RETIRED),
    FeatureStatus.ACTIVE: (
        FeatureStatus.ESSENTIAL,
        FeatureStatus.PRUNED,
        FeatureStatus.RETIRED,
        FeatureStatus.CANDIDATE,
    ),
    FeatureStatus.CANDIDATE: (FeatureStatus.ACTIVE, FeatureStatus.ESSENTIAL, FeatureStatus.RETIRED),
    FeatureStatus.PRUNED: (FeatureStatus.CANDIDATE, FeatureStatus.ACTIVE, FeatureStatus.RETIRED),
    FeatureStatus.RETIRED: (FeatureStatus.CANDIDATE,),
}

# What a selection is run over, as the store has it.
IN_JOBS: tuple[str, ...] = tuple(
    status.value for status in (FeatureStatus.ESSENTIAL, FeatureStatus.ACTIVE, FeatureStatus.CANDIDATE)
)

# What a list that becomes active makes of a feature it decided on. Others stay: `essential` is above lists, and
# `retired` is gone from the data.
BY_LIST: dict[str, dict[FeatureStatus, FeatureStatus]] = {
    "keep": {FeatureStatus.CANDIDATE: FeatureStatus.ACTIVE, FeatureStatus.PRUNED: FeatureStatus.ACTIVE},
    "prune": {FeatureStatus.CANDIDATE: FeatureStatus.PRUNED, FeatureStatus.ACTIVE: FeatureStatus.PRUNED},
}


class ListState(StrEnum):
    """Of a published prune list: proposed → approved → active → superseded | rolled_back; or rejected.

    | state | meaning |
    |---|---|
    | proposed | a job made it |
    | approved | someone, or the model's policy, agreed to it |
    | active | what serving is given; a model has at most one |
    | superseded | another became active after it; active again when that one is rolled back |
    | rolled_back | was active, and taken back |
    | rejected | never to become active |
    """

    PROPOSED = "proposed"
    APPROVED = "approved"
    ACTIVE = "active"
    SUPERSEDED = "superseded"
    ROLLED_BACK = "rolled_back"
    REJECTED = "rejected"


LIST_MOVES: dict[ListState, frozenset[ListState]] = {
    ListState.PROPOSED: frozenset({ListState.APPROVED, ListState.REJECTED}),
    ListState.APPROVED: frozenset({ListState.ACTIVE, ListState.REJECTED}),
    ListState.ACTIVE: frozenset({ListState.SUPERSEDED, ListState.ROLLED_BACK}),
    ListState.SUPERSEDED: frozenset({ListState.ACTIVE}),
    ListState.ROLLED_BACK: frozenset(),
    ListState.REJECTED: frozenset(),
}
