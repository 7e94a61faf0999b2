"""Bodies of requests take numbers, true and false, and instants as such alone: what only looks like one is refused."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from service.app import ROUTERS
from service.core.policies import Policy, Retention
from service.schemas.common import RequestModel
from service.schemas.conditions import Facts
from service.schemas.schedules import Backfill
from tests.support.managed import MODEL, Managed

# What was taken for a value of the type before, and isn't one.
LOOKALIKES: dict[type, list[Any]] = {
    int: ["3", 3.0, True],
    float: ["3", True],
    bool: [1, 0, "true", "yes", 1.0],
    datetime: [1767225600, 1767225600000, 1.5, "1767225600", True],
}


def bodies(kind: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Of the service: every class below `kind`."""
    for each in kind.__subclasses__():
        if each.__module__.startswith("service.schemas."):
            yield each
        yield from bodies(each)


def plain_types(annotation: Any) -> set[type]:
    """The types that a value may have, without bounds; a list or a mapping is none of ours."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return plain_types(inner[0])
    if origin in {typing.Union, types.UnionType}:
        return set().union(*map(plain_types, inner))
    if getattr(annotation, "__name__", "") in {"AwareDatetime", "NaiveDatetime"}:
        return {datetime}
    return {annotation} if isinstance(annotation, type) else set()


def fields() -> Iterator[tuple[type[BaseModel], str, type]]:
    """Each field of each body that takes one of these types, and neither text nor a wider number."""
    assert ROUTERS  # whose import has made all bodies
    models: list[type[BaseModel]] = [*dict.fromkeys(bodies(RequestModel)), Policy, Retention]
    for model in models:
        for name, field in model.model_fields.items():
            found = plain_types(field.annotation)
            for kind in found & LOOKALIKES.keys():
                if str not in found and not (kind is int and float in found):
                    yield model, field.alias or name, kind


CASES = list(fields())


def test_fields_of_every_type_are_found() -> None:
    assert {kind for _, _, kind in CASES} == set(LOOKALIKES)
    assert len(CASES) > 40


@pytest.mark.parametrize(("model", "name", "kind"), CASES, ids=[f"{model.__name__}.{name}" for model, name, _ in CASES])
def test_what_looks_like_it_is_refused(model: type[BaseModel], name: str, kind: type) -> None:
    for value in LOOKALIKES[kind]:
        with pytest.raises(ValidationError) as caught:
            model.model_validate({name: value})
        assert name in {error["loc"][0] for error in caught.value.errors()}, (value, caught.value)


def test_what_it_is_is_taken() -> None:
    facts = Facts.model_validate({"candidates": 3, "p99_seconds": 1, "time": "2026-01-01T01:00:00+01:00"})
    assert (facts.candidates, facts.p99_seconds, str(facts.time)) == (3, 1.0, "2026-01-01 00:00:00+00:00")
    days = {"from": "2026-01-01T00:00", "to": datetime(2026, 1, 2)}
    assert Backfill.model_validate(days).names() == ["2026-01-01", "2026-01-02"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Managed]:
    found = Managed(tmp_path_factory.mktemp("home"))
    found.model("a")
    yield found
    found.close()


MANUAL = {"when": {"kind": "manual"}}
NIGHTLY = {"name": "nightly", "cron": "0 3 * * *"}
REFUSED: list[tuple[str, dict[str, Any], str, Any, str]] = [
    ("jobs", {"priority": "3"}, "priority", "3", "give a whole number, 3, without quotes"),
    ("jobs", {"max_failures": 3.0}, "max_failures", 3.0, "give a whole number: write 3"),
    ("jobs", {"dry_run": 1}, "dry_run", 1, "give true or false"),
    ("triggers", {**MANUAL, "cooldown_seconds": True}, "cooldown_seconds", True, "give a whole number"),
    ("triggers", {"when": {"kind": "candidates", "threshold": "30"}}, "when.threshold", "30", "without quotes"),
    ("triggers", {"when": {"kind": "latency", "max_seconds": "1"}}, "when.max_seconds", "1", "give a number"),
    ("schedules", {**NIGHTLY, "start_at": 1767225600}, "start_at", 1767225600, "such as 2026-01-01T00:00:00Z"),
    ("schedules", {**NIGHTLY, "start_at": "2026-01-01T00:00"}, "start_at", "2026-01-01T00:00", "add the time zone"),
    ("latency", {"p99_seconds": "0.04"}, "p99_seconds", "0.04", "give a number"),
]


@pytest.mark.parametrize(("path", "body", "field", "value", "remedy"), REFUSED, ids=[each[2] for each in REFUSED])
def test_refusals_name_field_value_and_remedy(
    made: Managed, path: str, body: dict[str, Any], field: str, value: Any, remedy: str
) -> None:
    answer = made.http.post(f"/v1/models/{MODEL}/{path}", json=body)
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert (error["field"], error["value"]) == (field, value)
    assert remedy in error["message"]


def test_policies_take_true_and_false_alone(made: Managed) -> None:
    for body, field in (({"policy": {"four_eyes": 0}}, "policy.four_eyes"), ({"owner": 3}, "owner")):
        answer = made.http.patch(f"/v1/models/{MODEL}", json=body)
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["field"] == field


def test_queries_stay_text(made: Managed) -> None:
    answer = made.http.get("/v1/jobs", params={"limit": "5", "dry_run": "true", "created_after": "2026-01-01T00:00Z"})
    assert answer.status_code == 200, answer.text
    spec = {"dataset": {"train": "/d", "splits": {}}, "features": [{"name": "a", "kind": "dense"}]}
    assert made.http.post("/v1/jobs", params={"priority": "3", "dry_run": "true"}, json=spec).status_code == 202
