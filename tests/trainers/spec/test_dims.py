"""Dims that are ranked and kept each for itself, as a spec has them: what is refused, and what widths follow."""

from typing import Any

import pytest

from trainers.data.checks.memory import model_memory
from trainers.selectors.base import GateSpec
from trainers.selectors.registry import SELECTORS
from trainers.spec import JobSpec, SpecError, parse_spec
from trainers.spec.consistency import find_contradictions
from trainers.spec.order import canonical_order, with_features

BASE: dict[str, Any] = {
    "dataset": {"train": "train", "splits": {}},
    "features": [
        {"name": "age", "kind": "dense"},
        {"name": "clip", "kind": "dense", "dim": 16},
        {"name": "user", "kind": "categorical", "dim": 8, "hash_size": 99},
    ],
    "selector": {"granularity": "dim"},
}


def spec(**parts: Any) -> JobSpec:
    return parse_spec({**BASE, **parts})


GATES_DIMS = {name for name, kind in SELECTORS.items() if issubclass(kind, GateSpec) and kind.gates_dims}


@pytest.mark.parametrize("name", SELECTORS)
def test_gates_that_stand_on_whole_features_refuse_dims(name: str) -> None:
    rule = {"rule": "curve"}
    if name in GATES_DIMS:
        assert spec(selector={"name": name, "granularity": "dim"}).by_dim
        return
    message = f"gates of {name} stand on whole features" if issubclass(SELECTORS[name], GateSpec) else "granularity"
    with pytest.raises(SpecError, match=message):
        spec(selector={"name": name, "granularity": "dim"}, prune=rule)
    assert not spec(selector={"name": name}, prune=rule).by_dim


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"prune": {"rule": "top_k", "top_k": 2}}, "top_k, which counts features"),
        ({"prune": {"rule": "budget", "keep_cost": 2}}, "give keep_dims or keep_bytes"),
        ({"training": {"seeds": 2}}, "an embedding's dims mean something else under every seed"),
        ({"prune": {"rule": "dims", "share": 0.5, "kept_dims": {"clip": [0]}}}, "`kept_dims` is of rule given"),
        ({"prune": {"rule": "given", "keep": ["age"], "kept_dims": {"clip": [0]}}}, "'clip', which `prune.keep`"),
        ({"prune": {"rule": "given", "keep": ["clip"], "kept_dims": {"clip": [16]}}}, "dims that the feature has"),
        ({"prune": {"rule": "given", "keep": ["clip"], "kept_dims": {"clip": [3, 1]}}}, "in ascending order"),
        (
            {"selector": {}, "prune": {"rule": "given", "keep": ["clip"], "kept_dims": {"clip": [1]}}},
            "set `selector.granularity: dim`",
        ),
        ({"features": [{"name": "clip", "kind": "dense", "dim": 4, "kept_dims": [4]}]}, "dims from 0 to 3"),
        ({"features": [{"name": "clip", "kind": "dense", "dim": 4, "kept_dims": [1, 1]}]}, "in ascending order"),
    ],
)
def test_what_counts_features_or_compares_models_is_refused(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        spec(**parts)


def test_a_spec_of_kept_dims_is_narrower_and_round_trips() -> None:
    small = with_features(spec(), ["clip", "user"], {"clip": (3, 5, 9), "user": (0, 7)})
    assert small.dims == {"clip": 3, "user": 2}
    assert JobSpec.model_validate_json(small.model_dump_json()) == small
    again = with_features(small, ["clip"], {"clip": small.features[0].number_dims([0, 2])})
    assert again.features[0].kept_dims == (3, 9)
    assert again.features[0].dim == 16
    assert "kept_dims" not in spec().model_dump_json()
    ((_, bytes_of_table), *_) = [pair for pair in model_memory(small).largest if "user" in pair[0]]
    ((_, before), *_) = [pair for pair in model_memory(spec()).largest if "user" in pair[0]]
    assert bytes_of_table * 2 == before  # 2 dims are stored as 4, and 8 as 8
    assert [f.name for f in canonical_order(with_features(spec(), ["age", "clip"], {"clip": (1,)})).features] == [
        "age", "clip"
    ]  # fmt: skip


def test_budgets_smaller_than_a_feature_are_no_contradiction_of_dims() -> None:
    for prune in ({"rule": "dims", "share": 0.1}, {"rule": "budget", "keep_dims": 2}):
        features = [feature for feature in BASE["features"] if feature["name"] != "age"]
        assert not find_contradictions(spec(features=features, prune=prune))
        assert find_contradictions(spec(features=features, prune=prune, selector={}))
