"""The selectors there are: the modules here, and the entry points `winnow.selectors` of other packages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Union

from pydantic import Field

from trainers.extensions import find_subclasses
from trainers.selectors import combined, gates, sensitivity, tabular
from trainers.selectors.base import SelectorSpec
from trainers.selectors.combined.consensus import ConsensusSpec

SELECTORS = find_subclasses(
    SelectorSpec,
    key="name",
    folders=(gates, combined),
    modules=(sensitivity, tabular),
    entry_points="winnow.selectors",
)
_SINGLE = tuple(kind for kind in SELECTORS.values() if kind.family != ConsensusSpec.family)
# A consensus is of any others, those of other packages too.
ConsensusSpec.model_rebuild(
    _types_namespace={"AnyMember": Annotated[Union[_SINGLE], Field(discriminator="name")]}  # noqa: UP007
)

if TYPE_CHECKING:
    AnySelector = SelectorSpec
else:
    AnySelector = Annotated[Union[tuple(SELECTORS.values())], Field(discriminator="name")]  # noqa: UP007
