"""What BENCH.yaml takes, and that everything wrong is told before a cell starts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import TinyDataset
from tests.trainers.benchmark.conftest import study_of
from trainers.benchmark.suite import BenchmarkSpec, label_backbone, load_suite, parse_suite
from trainers.spec import SpecError

SUITE: dict[str, Any] = {"methods": ["leap", "no_selection"], "datasets": ["spec.yaml"], "retention": [0.5]}


def test_names_stand_for_blocks() -> None:
    suite = parse_suite({**SUITE, "methods": ["fairfs", {"name": "leap", "variant": "paper"}], "backbones": ["lr"]})
    assert [method.label for method in suite.methods] == ["fairfs", "leap (variant=paper)"]
    assert [label_backbone(model) for model in suite.backbones] == ["lr"]
    assert suite.datasets[0].spec == "spec.yaml"
    assert suite.every_seed == range(5)


def test_a_method_may_have_a_label() -> None:
    entry = {"label": "as published", "selector": {"name": "leap", "variant": "paper"}}
    suite = parse_suite({**SUITE, "methods": [entry, {"label": "default", "selector": "leap"}, "leap"]})
    assert [method.label for method in suite.methods] == ["as published", "default", "leap"]
    assert [method.selector.name for method in suite.methods] == ["leap", "leap", "leap"]


def test_what_was_read_is_written_and_read_again() -> None:
    suite = parse_suite({**SUITE, "backbones": [{"backbone": "mlp", "hidden": [4]}]})
    assert BenchmarkSpec.model_validate(suite.model_dump(mode="json", exclude_unset=True)) == suite


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"methods": ["leep"]},
            r"methods\.0.*: name: choose one of .*'fairfs'.*'leap'.*'no_selection'.* \(got 'leep'\)",
        ),
        ({"methods": [{"name": "leap", "alfa": 1}]}, r"methods\.0\.alfa: unknown key"),
        ({"methods": ["leap", {"name": "leap"}]}, r"methods: leap is given twice; take one out"),
        ({"methods": ["no_selection"]}, r"methods: only no_selection; add a method"),
        ({"backbones": ["resnet"]}, r"backbones\.0: backbone: choose one of .*'wide_deep'"),
        ({"retention": []}, r"retention: give at least 1"),
        ({"retention": [0.5, 0.5]}, r"retention: 0\.5 is given twice"),
        ({"retention": [1.5]}, r"retention\.0: give a number of at most 1"),
        ({"seeds": 0}, r"seeds: give a number of at least 1"),
        ({"seeds": 2, "seed": 2**63 - 1}, r"seeds: the last of 2 is beyond"),
        ({"datasets": [{"spec": "a.yaml", "training": {}}]}, r"datasets\.0: has `spec` and `training`"),
        ({"datasets": [{"name": "x"}]}, r"datasets\.0: give `spec`, the path of a job's spec, or"),
        ({"retentions": [0.5]}, r"retentions: unknown key"),
    ],
)
def test_wrong_suites_are_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError) as refused:
        parse_suite({**SUITE, **changed})
    assert re.search(said, str(refused.value)), refused.value


def test_a_missing_suite_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"bench\.yaml: can't be read"):
        load_suite(tmp_path / "bench.yaml")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"retention": [0.1]}, r"retention\.0: 0\.1 of the 4 features of data set 'tiny' is 0.*at least 0\.25"),
        ({"retention": [1.0]}, r"retention\.0: 1 of the 4 features of data set 'tiny' is all of them"),
        ({"retention": [0.5, 0.7]}, r"retention\.1: 0\.7 of the 4 features of data set 'tiny' is 2, as 0\.5 is"),
        ({"retention": [0.05], "by": "dims"}, r"0\.05 of the 12 dims of data set 'tiny' is 0.*at least 0\.0834"),
        ({"datasets": ["spec.yaml", "spec.yaml"]}, r"datasets\.1: name: 'tiny' is another data set's too"),
        ({"datasets": ["other.yaml"]}, r"datasets\.0: .*other\.yaml: can't be read"),
        (
            {"methods": [{"name": "leap", "update": "progressive"}], "datasets": [{"spec": "epochs.yaml"}]},
            r"leap \(update=progressive\) with mlp on data set 'tiny': .*training\.epochs is 3",
        ),
        ({"datasets": [{"spec": "broken.yaml"}]}, r"data set 'tiny': .*column 'labell'"),
    ],
)
def test_what_doesnt_fit_the_data_is_refused(changed: dict[str, Any], said: str, tiny_dataset: TinyDataset) -> None:
    text = tiny_dataset.spec.read_text()
    (tiny_dataset.directory / "epochs.yaml").write_text(text.replace("epochs: 1", "epochs: 3"))
    (tiny_dataset.directory / "broken.yaml").write_text(text.replace("label: label", "label: labell"))
    with pytest.raises(SpecError) as refused:
        study_of(tiny_dataset.directory, **{**SUITE, **changed})
    assert re.search(said, str(refused.value)), refused.value


def test_ratios_must_leave_room_for_essential_features(tiny_dataset: TinyDataset) -> None:
    essential = "essential: [age, clip]\n" + tiny_dataset.spec.read_text()
    tiny_dataset.spec.write_text(essential)
    with pytest.raises(SpecError, match=r"is 1, and essential features take 2; give at least 0\.5"):
        study_of(tiny_dataset.directory, **{**SUITE, "retention": [0.25]})


def test_a_data_set_may_be_given_by_its_parts(tiny_dataset: TinyDataset) -> None:
    files = {split: f"tiny/{split}" for split in ("train", "validation", "test")}
    block = {"name": "inline", "dataset": files, "features": [{"name": "age", "kind": "dense"}]}
    block["features"] += [{"name": "user_id", "kind": "categorical", "hash_size": 50}]
    study = study_of(tiny_dataset.directory.parent, **{**SUITE, "datasets": [block]})
    assert [each.dataset for each in study.combinations] == ["inline", "inline"]
    assert study.combinations[0].base.dataset.train == str(tiny_dataset.directory / "train")
