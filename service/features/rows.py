"""What the store has of a feature, and what a registration has of it."""

from __future__ import annotations

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
