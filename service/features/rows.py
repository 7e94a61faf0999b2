"""What the store has of a feature, and what a registration has of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.schemas.features import NewCategorical, NewDense, NewMultiCategorical
from service.store.tables import Feature

APART = ("name", "column", "status", "owner", "tags")


def registered_columns(item: NewDense | NewCategorical | NewMultiCategorical, owner: str) -> dict[str, Any]:
    """What is stored of a new feature; `owner` where it has none of its own."""
    content = item.model_dump(mode="json")
    return {
        "name": item.name,
        "kind": item.kind,
        "dim": item.dim,
        "column": item.column or item.name,
        "spec": {key: value for key, value in content.items() if key not in APART},
        "owner": item.owner or owner,
        "tags": content["tags"],
        "status": content["status"],
    }


def exported_feature(feature: Feature) -> dict[str, Any]:
    """A feature in the form in which it could be registered."""
    return {**feature.spec, **{key: getattr(feature, key) for key in APART}}


def seen_by_models(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Of a feature's columns, what its values and its width in a model depend on. Its cost is the rule's alone."""
    spec = {key: value for key, value in columns["spec"].items() if key != "cost"}
    return {"dim": columns["dim"], "column": columns["column"], "spec": spec}
