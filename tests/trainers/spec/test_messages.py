"""What is wrong with a spec, all of it, in plain words, and what nobody means."""

import copy
from typing import Any

import pytest

from trainers.problems import MOST_LINES
from trainers.spec import BACKBONES, CategoricalFeature, JobSpec, SpecError, parse_spec
from trainers.spec.consistency import find_contradictions, find_unread
from trainers.spec.dataset import DatasetSpec


def spec(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "dataset": {"train": "a", "validation": "b", "test": "c"},
        "features": [
            {"name": "age", "kind": "dense"},
            {"name": "user", "kind": "categorical", "hash_size": 50, "dim": 4},
        ],
    }
    return copy.deepcopy({**base, **changes})


def refusal(raw: Any) -> list[str]:
    with pytest.raises(SpecError) as refused:
        parse_spec(raw)
    return str(refused.value).splitlines()


def categorical(**changes: Any) -> list[dict[str, Any]]:
    return [{"name": "u", "kind": "categorical", "hash_size": 50, **changes}]


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({"features": categorical(hash_size=True)}, ["feature 'u': hash_size: give a whole number (got True)"]),
        (
            {"features": categorical(hash_size=50.0)},
            ["feature 'u': hash_size: give a whole number: write 50 (got 50.0)"],
        ),
        (
            {"features": categorical(hash_size="50")},
            ["feature 'u': hash_size: give a whole number, 50, without quotes (got '50')"],
        ),
        ({"features": categorical(hash_size=1e3, dim="yes")}, [
            "feature 'u': dim: give a whole number (got 'yes')",
            "feature 'u': hash_size: give a whole number: write 1000 (got 1000.0)",
        ]),
        ({"features": categorical(dim=300)}, ["feature 'u': dim: give a number of at most 256 (got 300)"]),
        ({"features": categorical(default=1.5)}, ["feature 'u': default: give a whole number, or text (got 1.5)"]),
        ({"features": categorical(kind="number")}, [
            "feature 'u': kind: choose one of 'dense', 'categorical', 'multi_categorical' (got 'number')"
        ]),
        ({"features": [{"name": "u"}]}, ["feature 'u': kind: required, and missing; add it"]),
        ({"features": [{"name": False, "kind": "dense"}]}, ["features.0.name: give text (got False)"]),
        ({"features": [{"name": "ä", "kind": "dense"}]}, [
            "features.0.name: give a name that begins with a letter or a digit and has letters, digits, `.`, `_` and "
            "`-` only (got 'ä')"
        ]),
        ({"features": []}, ["features: give at least 1 (got [])"]),
        ({"training": {"epochs": 0, "seed": None, "learning_rate": True}}, [
            "training.epochs: give a number of at least 1 (got 0)",
            "training.learning_rate: give a number (got True)",
            "training.seed: give a whole number (got None)",
        ]),
        ({"prune": {"guard": {"max_drop": float("inf")}}}, [
            "prune.guard.max_drop: give a finite number (got inf)"
        ]),
        ({"selector": {"alpha": float("inf"), "temperature": float("nan")}}, [
            "selector.alpha: give a finite number (got inf)",
            "selector.temperature: give a finite number (got nan)",
        ]),
        ({"selector": {"clip": [1.5, float("inf")]}}, ["selector.clip.1: give a finite number (got inf)"]),
        ({"model": {"backbone": "mlp", "hidden": [8.0], "dept": 1}}, [
            "model.hidden.0: give a whole number: write 8 (got 8.0)",
            "model.dept: unknown key; remove it or correct its spelling",
        ]),
        ({"model": {"backbone": "cnn"}}, None),
        ({"selector": {"clip": [1.5]}}, ["selector.clip: item 2 of the list is missing; add it (got [1.5])"]),
        ({"selector": {"clip": [9.0, 2.0]}}, ["selector: `clip` takes two numbers, 0 < low < high"]),
        ({"prune": {"guard": {"limits": {"zz": 1.0}}}}, [
            "prune.guard.limits.zz: unknown key; choose one of 'auc', 'gauc', 'logloss' or 'ne'"
        ]),
        ({"training": {1: 2}}, ["training.1: a key is text; take it out, or correct it (got 1)"]),
        ({"training": {"seed": 2**70}, "dataset": {"train": "a", "splits": {"seed": -(2**70)}}}, [
            f"training.seed: give a number less than {2**63} (got {2**70})",
            f"dataset.splits.seed: give a number of at least -{2**63} (got -{2**70})",
        ]),
        ({"training": {"seed": "9" * 5000}}, [f"training.seed: give a whole number (got '{'9' * 47}...{'9' * 48}')"]),
        ({"training": {"seed": int("f" * 5000, 16)}}, [
            f"training.seed: give a number less than {2**63} (got a whole number of thousands of digits)"
        ]),
        ({"model": {"backbone": "dcnv2", "hidden": [2**62], "rank": 10**9}}, [
            f"model.hidden.0: give a number of at most 1048576 (got {2**62})",
            "model.rank: give a number of at most 1048576 (got 1000000000)",
        ]),
        ({"scaling": {"workers": 10**9}}, ["scaling.workers: give a number of at most 4096 (got 1000000000)"]),
        ({"prune": {"rule": "top_k", "top_k": 1, "keep": ["age"]}}, [
            "prune: `keep` is of rule given, and the rule is top_k; set `rule: given`, or take it out"
        ]),
        ({"prune": {"rule": "given"}}, ["prune: rule given needs `keep`, the names of the features to keep"]),
        ({"training": 3}, ["training: give a mapping of keys to values (got 3)"]),
        ({"prune": {"top_k": 1}}, ["prune: `top_k` is of rule top_k, and no rule is given; set `rule: top_k`"]),
        ({"prune": {"share": 0.5}}, ["prune: `share` is of rule dims, and no rule is given; set `rule: dims`"]),
        ({"prune": {"keep_dims": 9}}, [
            "prune: `keep_dims` is of rule budget, and no rule is given; set `rule: budget`"
        ]),
        ({"prune": {"rule": "budget"}}, [
            "prune: rule budget needs one of `keep_dims`, `keep_bytes` and `keep_cost`, and has none; give one"
        ]),
        ({"prune": {"rule": "budget", "keep_dims": 9, "keep_cost": 1}}, [
            "prune: rule budget needs one of `keep_dims`, `keep_bytes` and `keep_cost`, and has `keep_dims` and "
            "`keep_cost`; give one"
        ]),
        ({"prune": {"rule": "budget", "keep_bytes": 0.5}}, ["prune.keep_bytes: give a whole number (got 0.5)"]),
        ({"prune": {"keep_cost": 1}, "selector": {"name": "mutual_information"}}, [
            "prune: `keep_cost` is of rule budget, and no rule is given; set `rule: budget`"
        ]),
        ({"prune": {"top_k": 1}, "selector": {"name": "mutual_information"}}, [
            "prune: `top_k` is of rule top_k, and no rule is given; set `rule: top_k`"
        ]),
    ],
)  # fmt: skip
def test_a_line_for_each_problem(changes: dict[str, Any], lines: list[str] | None) -> None:
    found = refusal(spec(**changes))
    if lines is None:
        assert len(found) == 1
        assert found[0].startswith(f"model: backbone: choose one of {min(BACKBONES)!r}, ")
    else:
        assert sorted(found) == sorted(lines)


def test_what_excludes_each_other_is_told_at_once() -> None:
    found = refusal(
        spec(
            essential=["agee"],
            selector={"name": "leap", "update": "progressive"},
            training={"embedding_optimizer": "adam", "epochs": 4},
            scaling={"topology": {"sharding": ["table_wise"]}},
        )
    )
    assert [line.split(": ")[0] for line in found] == ["spec"] * 3
    assert "'agee'" in found[0]
    assert "progressive" in found[1]
    assert "adam" in found[2]


def test_many_problems_are_cut_and_counted() -> None:
    found = refusal(spec(features=[{"name": f"f{at}", "kind": "dense", "dims": 1} for at in range(30_000)]))
    assert len(found) == MOST_LINES + 1
    assert found[0] == "feature 'f0': dims: unknown key; remove it or correct its spelling"
    assert found[-1] == f"… and {30_000 - MOST_LINES} more; correct these first"


def test_flags_stand_for_ids_of_a_column_of_booleans() -> None:
    feature = parse_spec(spec(features=categorical(default=True))).features[0]
    assert isinstance(feature, CategoricalFeature)
    assert type(feature.default) is int
    assert feature.default == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dataset": {"label": "age"}}, ["feature 'age': column 'age' is dataset.label"]),
        ({"dataset": {"weight": "label"}}, ["dataset.weight: column 'label' is dataset.label"]),
        ({"dataset": {"group": "label"}}, ["dataset.group: column 'label' is dataset.label"]),
        ({"dataset": {"group": "w", "weight": "w"}}, ["dataset.group: column 'w' is dataset.weight too"]),
        ({"prune": {"rule": "top_k", "top_k": 3}}, ["prune.top_k: 3 of 2 features"]),
        ({"prune": {"guard": {"metric": "gauc"}}}, ["prune.guard.metric: gauc needs groups"]),
        # Widths 1 and 4; 0.2 of 5 dims is 1.
        ({"prune": {"rule": "dims", "share": 0.19}}, [
            "prune.share: 0.19 of 5 dims is 0, and the narrowest feature, 'age', has 1: no feature could be kept; "
            "give at least 0.2"
        ]),
        ({"prune": {"rule": "dims", "share": 0.2}}, []),
        ({"prune": {"rule": "dims", "share": 0.1}, "essential": ["age"]}, []),
        ({"prune": {"rule": "budget", "keep_dims": 3}, "essential": ["user"]}, [
            "prune.keep_dims: 3 dims, and the essential features alone take 4 dims, 'user' the most with 4 dims; give "
            "at least 4, or make fewer features essential"
        ]),
        ({"prune": {"rule": "budget", "keep_dims": 4}, "essential": ["user"]}, []),
        ({"prune": {"rule": "budget", "keep_cost": 0.5}}, [
            "prune.keep_cost: cost 0.5, and the narrowest feature, 'age', takes cost 1: no feature could be kept; give "
            "at least 1"
        ]),
        ({"prune": {"rule": "budget", "keep_bytes": 1}}, []),  # age has no table
        ({"dataset": {"splits": {}, "test": None}}, ["dataset.validation: 'b' wouldn't be read"]),
        ({"dataset": {"splits": {}, "validation": None}}, ["dataset.test: 'c' wouldn't be read"]),
        ({"dataset": {"splits": {}, "validation": None, "test": None}}, []),
        ({"scaling": {"workers": 3, "topology": {"workers_per_host": 2, "sharding": ["row_wise", "table_wise"]}}}, [
            "scaling.topology.workers_per_host: 3 workers don't fill hosts of 2",
            "scaling.topology.sharding: 'row_wise' can't run on CPUs",
        ]),
        ({"dataset": {"group": "user"}, "prune": {"guard": {"metric": "gauc"}, "rule": "top_k", "top_k": 2}}, []),
    ],
)  # fmt: skip
def test_contradictions(changes: dict[str, Any], words: list[str]) -> None:
    raw = spec(**{key: value for key, value in changes.items() if key != "dataset"})
    raw["dataset"].update(changes.get("dataset", {}))
    found = find_contradictions(parse_spec(raw))
    assert len(found) == len(words)
    assert all(word in line for word, line in zip(words, found, strict=True))


def test_problems_between_parts_are_told_beside_those_within_one() -> None:
    """A rule and a key that don't exist hide neither a feature that isn't there nor a name that is there twice."""
    unknown = "spec: `essential` names 'usr', which `features` doesn't declare; add the feature or take the name out"
    assert refusal(spec(essential=["usr"], prune={"rule": "best"}, epochs=3))[-1] == unknown
    assert len(refusal(spec(essential=["usr"], prune={"rule": "best"}, epochs=3))) == 3
    twice = [{"name": "age", "kind": "dense"}, {"name": "age", "kind": "dense", "dim": 0}]
    found = refusal(spec(features=twice, essential=["usr"]))
    assert found[1:] == ["spec: `features` has 'age' more than once; names must be unique", unknown]
    assert refusal(spec(essential=["usr"])) == [unknown]
    assert len(refusal(spec(essential=["usr"], features=[{"kind": "dense"}]))) == 1, "names that aren't known"
    assert len(refusal({"features": spec()["features"], "essential": ["usr"]})) == 2, "no dataset at all"


@pytest.mark.parametrize(
    "prune",
    [
        {"rule": "budget", "keep_dims": 1000}, {"rule": "top_k", "top_k": 2}, {"rule": "dims", "share": 1.0},
        {"threshold": 0.0},
    ],
)  # fmt: skip
def test_room_for_all_features_still_prunes_copies(prune: dict[str, Any]) -> None:
    (line,) = find_unread(parse_spec(spec(prune=prune)))
    assert "so that nothing but constant features and copies of others is pruned; " in line


@pytest.mark.parametrize(
    ("changes", "keys"),
    [
        ({"prune": {"rule": "dims", "share": 0.5, "top_k": 2, "threshold": 0.4, "delta": 0.1}}, [
            "prune.threshold", "prune.top_k", "prune.delta"
        ]),
        ({"finetune": {"start": "fresh", "epochs": 3}}, ["finetune.epochs"]),
        ({"selector": {"name": "mutual_information"}, "training": {"max_steps": 5, "checkpoint_every": 2}}, [
            "training.max_steps", "training.checkpoint_every"
        ]),
        ({"selector": {"name": "adafs", "ramp": 0.5, "order": "elimination"}}, ["selector.ramp", "selector.order"]),
        ({"selector": {"name": "stg", "ramp": 0.5, "order": "elimination"}}, []),
        ({"dataset": {"train": "a", "validation": "b", "test": "c", "weight": "age"}}, ["feature 'age'"]),
        ({"prune": {"guard": {"limits": {"gauc": 0.1, "auc": 0.1}}}}, ["prune.guard.limits.auc"]),
        ({"prune": {"guard": {"limits": {"gauc": 0.1}}}}, ["prune.guard.limits.gauc"]),
        ({"prune": {"rule": "given", "keep": ["age", "age"]}}, ["prune.keep"]),
        ({"prune": {"rule": "given", "keep": ["age"]}, "essential": ["user"]}, ["prune.keep"]),
        ({"essential": ["age", "age"]}, ["essential"]),
        ({"essential": ["age", "user"]}, ["essential"]),
        ({"prune": {"rule": "top_k", "top_k": 2}}, ["prune.top_k"]),
        ({"prune": {"rule": "dims", "share": 1.0}}, ["prune.share"]),
        ({"prune": {"rule": "dims", "share": 0.7}, "essential": ["user"]}, ["prune.share"]),  # 3.5 dims, and 4 stay
        ({"prune": {"rule": "dims", "share": 0.8}, "essential": ["user"]}, ["prune.share"]),
        ({"prune": {"rule": "dims", "share": 0.5, "keep_dims": 2}}, ["prune.keep_dims"]),
        ({"prune": {"rule": "budget", "keep_dims": 5}}, ["prune.keep_dims"]),  # all there are
        ({"prune": {"rule": "budget", "keep_dims": 4}}, []),
        ({"prune": {"rule": "budget", "keep_dims": 4}, "essential": ["user"]}, ["prune.keep_dims"]),
        ({"prune": {"rule": "budget", "keep_cost": 4}}, ["prune.keep_cost"]),  # no feature has a cost
        ({"prune": {"threshold": 0.0}}, ["prune.threshold"]),
        ({"finetune": {"epochs": 0, "learning_rate": 0.1}}, ["finetune.learning_rate"]),
        (
            {"features": [{"name": "age", "kind": "dense"}], "training": {"embedding_learning_rate": 0.1}},
            ["training.embedding_learning_rate"],
        ),
        ({"essential": ["age"], "prune": {"rule": "top_k", "top_k": 1}}, ["prune.top_k"]),
        ({"essential": ["age"], "prune": {"rule": "top_k", "top_k": 2}}, ["prune.top_k"]),
        ({"essential": ["age"], "prune": {"rule": "dims", "share": 0.99}}, ["prune.share"]),
        ({"essential": ["age"], "prune": {"rule": "dims", "share": 1.0}}, ["prune.share"]),
        ({"essential": ["age", "user"], "prune": {"rule": "dims", "share": 0.1}}, ["essential"]),
        ({}, []),
    ],
)  # fmt: skip
def test_options_that_nothing_reads(changes: dict[str, Any], keys: list[str]) -> None:
    assert [line.split(": ")[0] for line in find_unread(parse_spec(spec(**changes)))] == keys


def test_fewer_features_than_the_essential_ones_are_warned_of() -> None:
    raw = spec(prune={"rule": "top_k", "top_k": 1}, essential=["age", "user"])
    raw["features"].append({"name": "city", "kind": "dense"})
    (line,) = find_unread(parse_spec(raw))
    assert line == (
        "prune.top_k: 1 is no more than the 2 essential features, which stay anyway: every other feature is pruned, "
        "whatever its score"
    )


def test_no_number_of_a_spec_may_be_infinite_and_no_count_a_fraction() -> None:
    """Whatever options come to be: numbers of every part are taken strictly."""

    def parts(schema: Any) -> Any:
        if isinstance(schema, dict):
            yield schema
        for each in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list | tuple) else ():
            yield from parts(each)

    found = [part for part in parts(JobSpec.__pydantic_core_schema__) if part.get("type") == "int"]
    assert len(found) > 20
    assert all(part.get("strict") for part in found)
    assert DatasetSpec.model_config["allow_inf_nan"] is False


@pytest.mark.parametrize(
    ("dataset", "line"),
    [
        ({"train": ""}, "dataset.train: is empty; give a path or a URI"),
        ({"test": " "}, "dataset.test: is empty; give a path or a URI"),
        ({"train": "a\0b"}, "dataset.train: has a null character, which no file and no column can have in its name; "),
        ({"label": "\ud800"}, "dataset.label: has half a character (a lone surrogate); write the name anew"),
    ],
)
def test_names_that_no_file_and_no_column_can_have(dataset: dict[str, str], line: str) -> None:
    files = {"train": "a", "validation": "b", "test": "c"}
    (found,) = refusal(spec(dataset={**files, **dataset}))
    assert found.startswith(line)
    (found,) = refusal(spec(features=[{"name": "age", "kind": "dense", "column": "\ud800"}]))
    assert found.startswith("feature 'age': column: has half a character")
