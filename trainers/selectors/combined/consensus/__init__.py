"""Several selectors in one run, and one ranking by all of theirs."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from trainers.selectors.base import Family, GateSpec, SelectorSpec

if TYPE_CHECKING:
    AnyMember = SelectorSpec


class ConsensusSpec(SelectorSpec):
    """Score of a feature: 1 less its mean rank by the selectors of `of`, scaled to [0, 1] (a Borda count).

    Every gate, and every selector with a term of its own in the training loss, has a search of its own, one after
    another; all others rank by one plainly trained model and its rows, which is also the model that is pruned. Ranks
    are of the features that aren't essential; features that a selector scores alike share their mean rank.
    """

    family: ClassVar[Family] = "consensus"

    name: Literal["consensus"]
    of: Annotated[
        tuple[AnyMember, ...],
        Field(
            min_length=2,
            max_length=16,
            validate_default=True,
            description="the selectors, by name, or with options: `[leap, {name: shark, rounds: 4}]`",
        ),
    ] = ("leap", "fairfs", "shark", "permutation")  # type: ignore[assignment]  # validated to be selectors

    @field_validator("of", mode="before")
    @classmethod
    def _names_are_selectors(cls, raw: Any) -> Any:
        if not isinstance(raw, list | tuple):
            return raw
        return [{"name": each} if isinstance(each, str) else each for each in raw]

    @model_validator(mode="after")
    def _members_fit(self) -> Self:
        for place, member in enumerate(self.of):
            if member in self.of[:place]:
                raise ValueError(
                    f"`of` has {member.name!r} with the same options more than once; take one out, or give it others"
                )
            if isinstance(member, GateSpec) and member.update == "progressive":
                raise ValueError(
                    f"`of` has {member.name!r} with update progressive, which reads a stream once, and every selector "
                    "reads the same rows; choose bilevel or joint"
                )
            if isinstance(member, GateSpec) and member.granularity == "dim":
                raise ValueError(
                    f"`of` has {member.name!r} with granularity dim, which ranks dims where others rank features; "
                    "leave it out"
                )
        return self

    @property
    def members(self) -> tuple[SelectorSpec, ...]:
        return self.of

    @property
    def labels(self) -> tuple[str, ...]:
        """What each member is called: its name, and from the second of one name on its number."""
        seen: Counter[str] = Counter()
        found = []
        for member in self.of:
            seen[member.name] += 1
            found.append(member.name if seen[member.name] == 1 else f"{member.name}_{seen[member.name]}")
        return tuple(found)
