"""The backbones there are: the folders here, and the entry points `winnow.backbones` of other packages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Union

from pydantic import Field

from trainers.extensions import find_subclasses
from trainers.models import backbones
from trainers.models.backbones.spec import BackboneSpec

BACKBONES = find_subclasses(
    BackboneSpec,  # type: ignore[type-abstract]
    key="backbone",
    folders=(backbones,),
    entry_points="winnow.backbones",
)

if TYPE_CHECKING:
    AnyBackbone = BackboneSpec
else:
    AnyBackbone = Annotated[Union[tuple(BACKBONES.values())], Field(discriminator="backbone")]  # noqa: UP007
