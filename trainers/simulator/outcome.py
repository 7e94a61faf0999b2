"""What a selection decided, against the roles that the simulator gave."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from trainers.simulator.roles import EXPECTED, ROLES, Role

Decision = Literal["keep", "prune"]


@dataclass(frozen=True, kw_only=True)
class RoleOutcome:
    """How the features of one role fared. `wrong` names those decided against `expected`; "either" is never wrong."""

    role: Role
    total: int
    kept: int
    pruned: int
    expected: Literal["keep", "prune", "either"]
    wrong: tuple[str, ...]


def compare(truth: Mapping[str, Any], decisions: Mapping[str, Decision]) -> list[RoleOutcome]:
    """One outcome per role that occurs, in the order strong … memorizable.

    Args:
        truth: the content of `truth.json`: feature name → `{"role": …}` under the key "features".
        decisions: feature name → "keep" or "prune"; names that truth doesn't know are left out.

    Raises:
        ValueError: a feature of the truth has no decision.
    """
    roles: dict[str, Role] = {name: feature["role"] for name, feature in truth["features"].items()}
    missing = [name for name in roles if name not in decisions]
    if missing:
        raise ValueError(f"decisions: {missing[0]!r} has none; give the decisions of the run over this data set")
    kept = (feature for name, feature in truth["features"].items() if decisions[name] == "keep")
    replaced = {feature["copy_of"] for feature in kept if feature.get("copy_of")}
    outcomes = []
    for role in ROLES:
        names = [name for name, given in roles.items() if given == role]
        if names:
            outcomes.append(_outcome(role, names, decisions, replaced))
    return outcomes


def _outcome(role: Role, names: list[str], decisions: Mapping[str, Decision], replaced: Collection[str]) -> RoleOutcome:
    """A feature pruned while its copy stays is no loss: of the two, one is enough."""
    kept = sum(decisions[name] == "keep" for name in names)
    expected = EXPECTED[role]
    wrong = (
        ()
        if expected == "either"
        else tuple(
            name for name in names if decisions[name] != expected and not (expected == "keep" and name in replaced)
        )
    )
    return RoleOutcome(role=role, total=len(names), kept=kept, pruned=len(names) - kept, expected=expected, wrong=wrong)
