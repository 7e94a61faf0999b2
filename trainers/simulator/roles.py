"""Roles: what a simulated feature is to the label, and how many features of each role there are."""

from __future__ import annotations

from typing import Literal, get_args

from trainers.spec import SpecError

Role = Literal["strong", "weak", "interaction", "sparse", "duplicate", "noise", "constant", "memorizable"]
ROLES: tuple[Role, ...] = get_args(Role)

EXPECTED: dict[Role, Literal["keep", "prune", "either"]] = {
    "strong": "keep",
    "weak": "either",
    "interaction": "keep",
    "sparse": "keep",
    "duplicate": "either",
    "noise": "prune",
    "constant": "prune",
    "memorizable": "prune",
}

REDUNDANT: frozenset[Role] = frozenset({"duplicate", "noise", "constant", "memorizable"})

FEWEST = 10

# Of 60 features, so many have the role; the rest are noise.
_OF_SIXTY: dict[Role, int] = {
    "strong": 12,
    "weak": 8,
    "interaction": 6,
    "sparse": 6,
    "duplicate": 6,
    "constant": 3,
    "memorizable": 2,
}

# A label of a fixed entropy can't need any number of features: beyond these, more features are more noise.
_AT_MOST: dict[Role, int] = {"strong": 24, "weak": 48, "interaction": 12, "sparse": 12, "memorizable": 8}


def role_counts(features: int) -> dict[Role, int]:
    """Number of features of each role, at least one of each.

    Raises:
        SpecError: fewer than 10 features.
    """
    if features < FEWEST:
        raise SpecError(f"features: {features} can't hold every role; give at least {FEWEST}")
    counts: dict[Role, int] = {}
    for role, share in _OF_SIXTY.items():
        count = max(1, share * features // 60)
        counts[role] = min(count, _AT_MOST.get(role, count))
    counts["noise"] = features - sum(counts.values())
    return {role: counts[role] for role in ROLES}
