"""The base of every document that a run writes and a watcher reads: pydantic, frozen, unknown keys refused."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict


class Schema(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def parse(cls, document: Any) -> Self:
        """The document that JSON content holds, as this version or the one before wrote it. Raises ValueError."""
        return cls.model_validate(document)

    def document(self) -> dict[str, Any]:
        """The content as JSON has it."""
        return self.model_dump(mode="json")
