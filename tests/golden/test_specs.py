"""Specs of version 0.1.0 still mean what they meant: every key is taken, and has its value."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import AliasChoices, BaseModel

from tests.golden.opened import GOLDEN, read
from tests.golden.product import NOW_UNNAMED, RENAMED_SPEC_PATHS, UNREAD, load_spec, parse_spec

pytestmark = pytest.mark.filterwarnings("ignore:.*the old key goes with the next version:FutureWarning")

SPECS = sorted(path for path in (GOLDEN / "specs").iterdir() if not path.name.endswith(".parsed.json"))


def changed(golden: Any, today: Any, root: BaseModel, place: str = "") -> list[str]:
    """A line for each key of `golden` that `today` hasn't, under its name or one that it is an alias of."""
    if place in RENAMED_SPEC_PATHS:
        today = RENAMED_SPEC_PATHS[place](root)
        if today is UNREAD:
            return []
    if isinstance(golden, dict) and isinstance(today, BaseModel):
        lines = []
        for key, value in golden.items():
            inner = f"{place}.{key}".lstrip(".")
            name = field(today, key)
            if name is None and inner not in RENAMED_SPEC_PATHS:
                lines.append(f"{inner}: no such key")
            else:
                lines += changed(value, None if name is None else getattr(today, name), root, inner)
        return lines
    if isinstance(golden, list) and isinstance(today, tuple | list) and len(golden) == len(today):
        pairs = enumerate(zip(golden, today, strict=True))
        return [line for at, (one, two) in pairs for line in changed(one, two, root, f"{place}[{at}]")]
    if re.sub(r"\[\d+\]", "[]", place) in NOW_UNNAMED and today is None:
        return []
    return [] if golden == today else [f"{place}: was {golden!r}, is {today!r}"]


def field(model: BaseModel, key: str) -> str | None:
    for name, found in type(model).model_fields.items():
        alias = found.validation_alias
        others = alias.choices if isinstance(alias, AliasChoices) else [alias, found.alias]
        if key == name or key in others:
            return name
    return None


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.name)
def test_a_spec_has_the_values_it_had(path: Path) -> None:
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    spec = parse_spec(raw)
    assert changed(read(path.with_name(f"{path.name}.parsed.json")), spec, spec) == []


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.name)
def test_the_spec_beside_a_run_is_the_spec_itself(path: Path) -> None:
    """`spec.json` has all defaults of its time, and reproduces the run."""
    spec = parse_spec(yaml.safe_load(path.read_text(encoding="utf-8")))
    saved = parse_spec(read(path.with_name(f"{path.name}.parsed.json")))
    assert saved == with_numbers_of(spec, saved)
    assert None not in (saved.training.batch_size, saved.training.epochs, saved.selector.learning_rate)


def with_numbers_of(spec: Any, saved: Any) -> Any:
    """The spec, and what it leaves to the number of rows, or leaves unnamed, as the saved one has it."""
    training = {
        name: getattr(saved.training, name) for name in ("batch_size", "epochs") if not getattr(spec.training, name)
    }
    tuning = {
        name: getattr(saved.finetune, name) for name in ("start", "epochs") if getattr(spec.finetune, name) is None
    }
    selector = {
        name: getattr(saved.selector, name)
        for name in ("learning_rate", "alpha", "clip")
        if getattr(spec.selector, name, 0) is None
    }
    if "clip" in selector:
        selector["divergence"] = saved.selector.divergence
    features = tuple(
        one.model_copy(update={"default": two.default}) if getattr(one, "default", 0) is None else one
        for one, two in zip(spec.features, saved.features, strict=True)
    )
    return spec.model_copy(
        update={
            "features": features,
            "training": spec.training.model_copy(update=training),
            "finetune": spec.finetune.model_copy(update=tuning),
            "selector": spec.selector.model_copy(update=selector),
        }
    )


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.name)
def test_a_file_is_read_with_its_places_taken_from_its_folder(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "specs" / path.name
    copy.parent.mkdir()
    copy.write_bytes(path.read_bytes())
    given, found = read(path.with_name(f"{path.name}.parsed.json"))["dataset"], load_spec(copy).dataset
    for split in ("train", "validation", "test"):
        place = given[split]
        at_its_place = place if place is None or "://" in place else str((copy.parent / place).resolve())
        assert getattr(found, split) == at_its_place


def test_both_forms_of_a_file_are_the_same_spec() -> None:
    assert load_spec(GOLDEN / "specs" / "every-key.yaml") == load_spec(GOLDEN / "specs" / "every-key.json")


def test_differences_would_be_told() -> None:
    golden = read(GOLDEN / "specs" / "every-key.json.parsed.json")
    golden["training"]["epochs"] += 1
    golden["selector"]["gone"] = 1
    golden["features"][3]["dim"] = 9
    spec = parse_spec(json.loads((GOLDEN / "specs" / "every-key.json").read_text(encoding="utf-8")))
    assert changed(golden, spec, spec) == [
        "features[3].dim: was 9, is 8",
        "selector.gone: no such key",
        "training.epochs: was 8, is 7",
    ]
