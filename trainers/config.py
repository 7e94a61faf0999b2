"""What options are made of: frozen models that refuse unknown keys, and errors that name the field."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

MAX_DIM = 256

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=200)]
Dim = Annotated[int, Field(ge=1, le=MAX_DIM)]
Share = Annotated[float, Field(gt=0.0, le=1.0)]


class SpecError(ValueError):
    """A spec, or the data it names, that can't be run; the message has the field, the value and the remedy."""


class Config(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def merge_patch(base: Any, patch: Any) -> Any:
    """JSON Merge Patch (RFC 7396): objects are merged, null takes a key out, anything else replaces."""
    if not isinstance(patch, dict):
        return patch
    kept = dict(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        if value is None:
            kept.pop(key, None)
        else:
            kept[key] = merge_patch(kept.get(key), value)
    return kept


def describe(error: ValidationError) -> str:
    """One line per problem: the field's path, what is wrong, the value given."""
    lines = []
    for problem in error.errors(include_url=False):
        path = ".".join(str(part) for part in problem["loc"]) or "spec"
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            lines.append(f"{path}: unknown key; remove it or correct its spelling")
        elif problem["type"] == "missing":
            lines.append(f"{path}: required, and missing; add it")
        elif problem["type"] == "value_error":
            lines.append(f"{path}: {message}")
        else:
            lines.append(f"{path}: {message} (got {problem['input']!r})")
    return "\n".join(lines)
