"""The base of every document that a run writes and a watcher reads: pydantic, frozen, unknown keys refused."""

from __future__ import annotations

import warnings
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")
# A value that documents leave out while it is None.
Known = Annotated[T | None, Field(exclude_if=lambda value: value is None)]


class Schema(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def parse(cls, document: Any) -> Self:
        """The document that JSON content holds, as this version or the one before wrote it. Raises ValueError."""
        return cls.model_validate(document)

    def document(self) -> dict[str, Any]:
        """The content as JSON has it."""
        return self.model_dump(mode="json")

    def __getitem__(self, key: str) -> Any:
        """Deprecated: content by key, as answers of the client had it in version 0.1. Raises KeyError."""
        warnings.warn(f"[{key!r}]: read the attribute `{key}`", DeprecationWarning, stacklevel=2)
        return self.document()[key]

    def get(self, key: str, default: Any = None) -> Any:
        """Deprecated: content by key, or the default."""
        warnings.warn(f"get({key!r}): read the attribute `{key}`", DeprecationWarning, stacklevel=2)
        return self.document().get(key, default)

    def __contains__(self, key: str) -> bool:
        """Deprecated: whether the document has a key."""
        warnings.warn(f"{key!r} in: compare the attribute `{key}` with None", DeprecationWarning, stacklevel=2)
        return key in self.document()
