"""What others write against is still there: every operation, client method, command, option and setting of 0.1.0."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.golden import surface
from tests.golden.opened import GOLDEN, read
from tests.golden.product import WINNOW, winnow

OPENAPI, CLIENT = read(GOLDEN / "openapi.json.gz"), read(GOLDEN / "client.json.gz")
COMMANDS = read(GOLDEN / "commands.json.gz")


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return surface.openapi(tmp_path_factory.mktemp("home"))


@pytest.mark.parametrize("operation", OPENAPI)
def test_an_operation_is_there_and_asks_for_no_more(document: dict[str, Any], operation: str) -> None:
    golden, today = OPENAPI[operation], document[operation]
    assert (golden["method"], golden["path"]) == (today["method"], today["path"])
    assert lacking(golden["parameters"], today["parameters"]) == []
    assert newly_required(golden["parameters"], today["parameters"]) == []
    assert golden["request"].keys() <= today["request"].keys()
    for kind, body in golden["request"].items():
        assert lacking(body, today["request"][kind]) == []
        assert newly_required(body, today["request"][kind]) == []


@pytest.mark.parametrize("operation", OPENAPI)
def test_an_operations_answers_have_all_they_had(document: dict[str, Any], operation: str) -> None:
    golden, today = OPENAPI[operation]["answers"], document[operation]["answers"]
    for status, bodies in golden.items():
        assert status in today
        for kind, body in bodies.items():
            assert lacking(body, today[status][kind]) == []


def lacking(golden: dict[str, Any], today: dict[str, Any]) -> list[str]:
    """Places that are gone, moved to another part of the request, or can't have a word any more."""
    gone = [name for name in golden if name not in today]
    moved = [name for name in golden if name in today and golden[name].get("in") != today[name].get("in")]
    words = [
        f"{name}: {word}"
        for name in golden
        if today.get(name, {}).get("words")
        for word in golden[name].get("words", [])
        if word not in today[name]["words"]
    ]
    return [*gone, *moved, *words]


# Objects of any keys that have named ones now: a run has always reported all of them.
NAMED = ("progress.polarization.", "progress.converged.")


def newly_required(golden: dict[str, Any], today: dict[str, Any]) -> list[str]:
    """Of a part that is new itself, nothing counts."""
    return [
        name
        for name, found in today.items()
        if not name.startswith(NAMED)
        and found.get("required")
        and not golden.get(name, {}).get("required")
        and known(parent(name), golden)
    ]


def parent(place: str) -> str:
    return place.rpartition(".")[0].removesuffix("[]").removesuffix("{}")


def known(place: str, golden: dict[str, Any]) -> bool:
    return not place or place in golden


@pytest.fixture(scope="module")
def python_client() -> dict[str, Any]:
    return surface.python_client()


@pytest.mark.parametrize("name", CLIENT["client"])
def test_a_class_of_the_client_has_its_methods(python_client: dict[str, Any], name: str) -> None:
    golden, today = CLIENT["client"][name], python_client["client"][name]
    assert set(golden["values"]) <= set(today["values"])
    assert golden["methods"].keys() <= today["methods"].keys()
    wrong = {method: refused(given, today["methods"][method]) for method, given in golden["methods"].items()}
    assert {method: lines for method, lines in wrong.items() if lines} == {}


def refused(golden: list[dict[str, Any]], today: list[dict[str, Any]]) -> list[str]:
    """Calls of then that can't be made now: a parameter that is gone, in another place, or newly required."""
    now = {each["name"]: each for each in today}
    takes_all = any(each["kind"] == "VAR_KEYWORD" for each in today)
    gone = [each["name"] for each in golden if each["name"] not in now and not takes_all]
    required = {each["name"] for each in golden if each["required"]}
    asked = [each["name"] for each in today if each["required"] and each["name"] not in required]
    places = [by_place(golden), by_place(today)[: len(by_place(golden))]]
    moved = [] if places[0] == places[1] else [f"in place: {places[0]}, now {places[1]}"]
    stars = {"VAR_KEYWORD", "VAR_POSITIONAL"}
    return [*gone, *(name for name in asked if now[name]["kind"] not in stars), *moved]


def by_place(parameters: list[dict[str, Any]]) -> list[str]:
    return [each["name"] for each in parameters if each["kind"] in ("POSITIONAL_ONLY", "POSITIONAL_OR_KEYWORD")]


@pytest.mark.parametrize("name", CLIENT["models"])
def test_a_model_of_the_client_has_its_fields(python_client: dict[str, Any], name: str) -> None:
    golden, today = CLIENT["models"][name], python_client["models"][name]
    assert {key for key in golden if key not in today} == set()
    for key, value in golden.items():
        if not isinstance(value, dict):
            assert today[key] == value


@pytest.fixture(scope="module")
def commands() -> dict[str, Any]:
    return surface.commands()


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_takes_what_it_took(commands: dict[str, Any], words: str) -> None:
    golden, today = COMMANDS[words], commands[words]
    then, now = ({name: each for each in found for name in each["names"]} for found in (golden, today))
    options = {name for name in then if name.startswith("-")}
    assert options - now.keys() == set()
    assert {name for name in options if then[name]["flag"] != now[name]["flag"]} == set()
    assert {name for name in options if then[name]["many"] and not now[name]["many"]} == set()
    assert [name for name, each in now.items() if each["required"] and not then.get(name, each)["required"]] == []
    new = [name for name in now if name.startswith("-") and name not in then]
    assert [name for name in new if now[name]["required"]] == []
    assert {name for name in options if then[name]["environment"] != now[name]["environment"]} == set()
    before, after = (arguments(found) for found in (golden, today))
    assert len(before) <= len(after)
    assert [each["many"] for each in before] == [each["many"] for each in after[: len(before)]]
    for place, each in enumerate(after):
        assert not each["required"] or (place < len(before) and before[place]["required"])


def arguments(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """By place; their names are free to change."""
    return [each for each in found if each["kind"] == "argument"]


def test_the_script_is_that_command() -> None:
    environment = {**os.environ, "COLUMNS": "200"}
    told = subprocess.run([WINNOW, "run", "--help"], capture_output=True, text=True, check=True, env=environment)
    assert told.stdout == winnow("run", "--help").stdout


@pytest.mark.parametrize("words", ["winnow", "winnow run", "winnow prune-list", "winnow submit"])
def test_a_command_explains_itself(words: str) -> None:
    explained = winnow(*words.split()[1:], "--help")
    assert explained.exit_code == 0, explained.output
    told = explained.stdout
    options = [name for each in COMMANDS[words] for name in each["names"] if name.startswith("--")]
    inner = [path.rpartition(" ")[2] for path in COMMANDS if path.rpartition(" ")[0] == words]
    assert [name for name in (*options, *inner) if name not in told] == []


def test_settings_have_their_names_and_defaults() -> None:
    golden, today = read(GOLDEN / "settings.json"), surface.settings()
    assert {name: today.get(name, "gone") for name in golden} == golden


def test_what_is_gone_would_be_told() -> None:
    body = {"a": {"required": True}, "b": {"required": False, "words": ["x", "y"]}}
    today = {"b": {"required": True, "words": ["x"]}, "new": {"required": False}, "new.part": {"required": True}}
    assert lacking(body, today) == ["a", "b: y"]
    assert newly_required(body, today) == ["b"]
    then = [{"name": name, "kind": "POSITIONAL_OR_KEYWORD", "required": False} for name in ("url", "key")]
    assert refused(then, then) == []
    assert refused(then, [{**then[1], "required": True}]) == ["url", "key", "in place: ['url', 'key'], now ['key']"]


def test_the_files_are_of_the_whole_product(tmp_path: Path) -> None:
    assert len(OPENAPI) > 80
    assert len(COMMANDS) > 60
    assert len(CLIENT["models"]) > 80
