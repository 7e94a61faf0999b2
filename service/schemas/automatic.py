"""What bodies of triggers and schedules share."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, ValidationError

from service.core.cron import YEARS, validate_cron, validate_zone
from service.core.errors import InvalidFieldsError
from service.schemas.common import Instant, storable
from trainers.spec import merge_patch

DEPTH = 20
Kind = TypeVar("Kind", bound=BaseModel)


def _in_reach(instant: Instant) -> Instant:
    if instant.year not in YEARS:
        raise ValueError(f"give an instant in the years {YEARS.start} to {YEARS.stop - 1}")
    return instant


def _usable(overrides: dict[str, Any]) -> dict[str, Any]:
    if "features" in overrides:
        raise ValueError("features: a job of a model has the model's features; change their statuses instead")
    waiting: list[tuple[Any, int]] = [(overrides, 0)]
    while waiting:
        part, depth = waiting.pop()
        if depth > DEPTH:
            raise ValueError(f"objects and lists are nested more than {DEPTH} deep; a spec isn't")
        if isinstance(part, str) and not storable(part):
            raise ValueError("give text without NUL characters and halves of surrogate pairs")
        if isinstance(part, float) and not -1e300 < part < 1e300:
            raise ValueError("give finite numbers")
        if isinstance(part, dict):
            waiting.extend((each, depth + 1) for pair in part.items() for each in pair)
        elif isinstance(part, list):
            waiting.extend((each, depth + 1) for each in part)
    return overrides


# Within what cron expressions are calculated for.
Moment = Annotated[Instant, AfterValidator(_in_reach)]
Cron = Annotated[str, StringConstraints(max_length=200), AfterValidator(validate_cron)]
Zone = Annotated[str, StringConstraints(max_length=100), AfterValidator(validate_zone)]
Overrides = Annotated[
    dict[str, Any],
    AfterValidator(_usable),
    Field(
        description="laid over the model's spec (JSON Merge Patch, RFC 7396), `{partition}` filled in; "
        "features can't be among them"
    ),
]


def apply_patch(body: type[Kind], present: dict[str, Any], patch: BaseModel) -> Kind:
    """`present` with a merge patch laid over it, checked as a whole. Raises InvalidFieldsError."""
    changes = patch.model_dump(exclude_unset=True)
    whole = {name for name in ("overrides", "when", "quiet_hours") if name in changes}
    content = merge_patch(present, {name: each for name, each in changes.items() if name not in whole})
    content.update({name: changes[name] for name in whole})
    content = {name: each for name, each in content.items() if name not in whole or each is not None}
    try:
        return body.model_validate(content)
    except ValidationError as error:
        raise InvalidFieldsError.from_validation(error) from None
