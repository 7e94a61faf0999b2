"""Who calls, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from service.core.errors import ForbiddenError

Scope = Literal["read", "submit", "approve", "admin"]
INCLUDED: dict[str, frozenset[str]] = {
    "read": frozenset({"read"}),
    "submit": frozenset({"submit", "read"}),
    "approve": frozenset({"approve", "read"}),
    "admin": frozenset({"admin", "approve", "submit", "read"}),
}


@dataclass(frozen=True)
class Caller:
    """A key's owner, or the user of this machine while there are no keys. `model` restricts the caller to one model.
    Of a browser that signed in with the key, `session` is the hash of its token.
    """

    id: str
    name: str
    scopes: frozenset[str]
    model: str | None = None
    session: str | None = None

    @property
    def key_id(self) -> str | None:
        return None if self is LOCAL else self.id

    def may(self, scope: str) -> bool:
        """Whether a scope is among the caller's own or included in one of them."""
        return any(scope in INCLUDED[own] for own in self.scopes)

    def sees(self, model: str | None) -> bool:
        """Whether things of `model` (None: of no model) are this caller's."""
        return self.model is None or self.model == model

    def require_all_models(self, what: str) -> None:
        """Raises ForbiddenError for the key of one model."""
        if self.model is not None:
            detail = f"key {self.name!r} is for model {self.model!r}; {what} is for keys of all models"
            raise ForbiddenError("key-of-one-model", detail)


LOCAL = Caller(id="local", name="local", scopes=frozenset({"admin"}))
