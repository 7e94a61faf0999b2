"""What options are made of: frozen models that refuse unknown keys, and errors that name the field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

from trainers.problems import NAME_PATTERN

MAX_DIM = 256
MAX_WORKERS = 4096


def _require_text(value: str) -> str:
    """Raises ValueError where no file and no column can have the name."""
    if "\0" in value:
        raise ValueError("has a null character, which no file and no column can have in its name; take it out")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("has half a character (a lone surrogate); write the name anew") from None
    return value


def _require_place(value: str) -> str:
    """Raises ValueError where a path or URI is empty, which would be the folder at hand."""
    if not value.strip():
        raise ValueError("is empty; give a path or a URI")
    return _require_text(value)


Column = Annotated[str, AfterValidator(_require_text)]
Place = Annotated[str, AfterValidator(_require_place)]
Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=200)]
Dim = Annotated[int, Field(ge=1, le=MAX_DIM)]
Share = Annotated[float, Field(gt=0.0, le=1.0)]
LARGEST_SEED = 2**63 - 1
Seed = Annotated[int, Field(ge=-(2**63), lt=2**63)]


class SpecError(ValueError):
    """A spec, or the data it names, that can't be run; the message has the field, the value and the remedy."""


def _take_numbers_strictly(part: Any) -> None:
    """Change a schema in place."""
    pairs = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for key, each in list(pairs):
        kind = each.get("type") if isinstance(each, dict) else None
        if kind == "int":
            each["strict"] = True
        elif kind == "float":
            part[key] = core_schema.no_info_before_validator_function(_refuse_bool, each)
        elif key != "metadata" and not runs_first(_refuse_bool, each):
            _take_numbers_strictly(each)


def runs_first(validator: Callable[[Any], Any], part: Any) -> bool:
    """Whether a part of a schema has the validator in front of it already: a model's schema is part of those of all
    models that hold it, and comes by once for each of them."""
    function = part.get("function") if isinstance(part, dict) else None
    return isinstance(function, dict) and function.get("function") is validator


def _refuse_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticKnownError("float_type")
    return value


class Config(BaseModel):
    """Whole numbers are taken as such alone, and no number is infinite or made of true and false."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        _take_numbers_strictly(schema)
        return schema


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
