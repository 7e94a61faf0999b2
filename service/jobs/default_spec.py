"""The spec that every job of a model begins with."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from service.core.errors import FieldError, InvalidFieldsError
from service.jobs.data_roots import require_allowed
from service.schemas.common import refuse_unstorable
from service.settings import Settings
from trainers.spec import JobSpec

ELSEWHERE = {
    "name": "a job of a model has the model's name; leave this out",
    "features": "features have resources of their own; register them under /v1/models/{model}/features",
    "essential": "give the features the status `essential` instead",
}


# What a job's overrides may still bring: any place will do, to check the rest.
SOME_DATASET = {"train": "/", "splits": {}}


SOME_FEATURES = [{"name": "any", "kind": "dense"}]


def check_default_spec(spec: dict[str, Any], settings: Settings) -> None:
    """A default spec that no overrides could make a job's is refused, and so is data outside the allowed roots.

    Raises:
        InvalidFieldsError: with a path below `spec` for each error.
        InvalidError: a place that the operator doesn't allow.
    """
    for key, remedy in ELSEWHERE.items():
        if key in spec:
            raise InvalidFieldsError([FieldError(field=f"spec.{key}", message=remedy)])
    given = spec.get("dataset", {})
    whole = {**spec, "features": SOME_FEATURES, "dataset": _complete_dataset(given)}
    try:
        JobSpec.model_validate(whole)
    except ValidationError as error:
        raise InvalidFieldsError.from_validation(error, under=("spec",), body={"spec": whole}) from None
    refuse_unstorable(spec, ("body", "spec"))
    for split in ("train", "validation", "test"):
        if given.get(split) is not None:
            require_allowed(given[split], settings, f"spec.dataset.{split}")
    if spec.get("output") is not None:
        require_allowed(spec["output"], settings, "spec.output")


def _complete_dataset(dataset: Any) -> Any:
    """With a train set where there is none, and a way to the other splits where nothing is said of them."""
    if not isinstance(dataset, dict):
        return dataset
    apart = dataset.keys() & {"validation", "test", "splits"}
    return {**({} if apart else SOME_DATASET), "train": "/", **dataset}
