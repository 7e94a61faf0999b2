"""What a model under management is told: its jobs' spec, how lists are agreed to, how long runs are kept."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi.exceptions import RequestValidationError
from pydantic import Field, ValidationError

from service.core.policies import Policy, Retention
from service.jobs.data_roots import allowed
from service.schemas.common import Body, StoredText, refuse_unstorable
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


class ModelSettings(Body):
    """What can be changed of a model."""

    owner: Annotated[StoredText, Field(min_length=1, description="who answers for it: a team or a person")]
    description: str = Field(default="", max_length=10_000)
    spec: dict[str, Any] = Field(
        default={}, description="what every job of the model begins with: a job spec without name and features"
    )
    policy: Policy = Policy()
    retention: Retention = Retention()


def refuse_bad_spec(spec: dict[str, Any], settings: Settings) -> None:
    """A default spec that no overrides could make a job's is refused, and so is data outside the allowed roots.

    Raises:
        RequestValidationError: with a path below `spec` for each error.
        ApiError: 422, for a place that the operator doesn't allow.
    """
    for key, remedy in ELSEWHERE.items():
        if key in spec:
            raise RequestValidationError([{"loc": ("body", "spec", key), "msg": remedy, "input": None}])
    given = spec.get("dataset", {})
    whole = {**spec, "features": SOME_FEATURES, "dataset": _completed(given)}
    try:
        JobSpec.model_validate(whole)
    except ValidationError as error:
        errors = [{**each, "loc": ("body", "spec", *each["loc"])} for each in error.errors(include_url=False)]
        raise RequestValidationError(errors, body={"spec": whole}) from None
    refuse_unstorable(spec, ("body", "spec"))
    for split in ("train", "validation", "test"):
        if given.get(split) is not None:
            allowed(given[split], settings, f"spec.dataset.{split}")
    if spec.get("output") is not None:
        allowed(spec["output"], settings, "spec.output")


def _completed(dataset: Any) -> Any:
    """With a train set where there is none, and a way to the other splits where nothing is said of them."""
    if not isinstance(dataset, dict):
        return dataset
    apart = dataset.keys() & {"validation", "test", "splits"}
    return {**({} if apart else SOME_DATASET), "train": "/", **dataset}
