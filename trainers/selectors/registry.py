"""The selectors there are: the modules here, and the entry points `winnow.selectors` of other packages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Union

from pydantic import Field

from trainers.extensions import find_subclasses
from trainers.selectors import gates, sensitivity, tabular
from trainers.selectors.base import SelectorSpec

SELECTORS = find_subclasses(
    SelectorSpec, key="name", folders=(gates,), modules=(sensitivity, tabular), entry_points="winnow.selectors"
)

if TYPE_CHECKING:
    AnySelector = SelectorSpec
else:
    AnySelector = Annotated[Union[tuple(SELECTORS.values())], Field(discriminator="name")]  # noqa: UP007
