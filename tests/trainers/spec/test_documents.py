"""YAML and JSON: a key once, and no number that two readers take for two."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from trainers.documents import DocumentError, read_json, read_yaml
from trainers.spec import SpecError, load_spec


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("off", "off"),
        ("n", "n"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("1e-3", 0.001),
        ("1e3", 1000.0),
        ("-.5", -0.5),
        (".inf", float("inf")),
        ("0", 0),
        ("-7", -7),
        ("0x10", 16),
        ("2024-01-02", "2024-01-02"),
        ("'0100'", "0100"),
        ("1.2.3", "1.2.3"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: Any) -> None:
    found = read_yaml(f"[{text}]" if text else "- ")[0]
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize("text", ["0100", "-017", "0o17", "0b11", "1_000", "12:30", "190:20:30", "0x_1f", "1_0.5"])
def test_a_number_that_versions_of_yaml_read_differently_is_refused(text: str) -> None:
    with pytest.raises(DocumentError, match=r"^line 2: .* by different versions of YAML; .* in quotes"):
        read_yaml(f"a: 1\nb: {text}\n")


def test_all_that_is_unclear_is_told_in_the_order_of_lines() -> None:
    with pytest.raises(DocumentError) as refused:
        read_yaml("a: 0100\nb: {x: 1, x: 2}\nc: [12:30]\na: 1\n")
    lines = str(refused.value).splitlines()
    assert [line.split(" ")[:3] for line in lines] == [
        ["line", "1:", "0100"],
        ["line", "2:", "key"],
        ["line", "3:", "12:30"],
        ["line", "4:", "key"],
    ]


def test_a_key_stands_once() -> None:
    with pytest.raises(DocumentError, match=r"^line 4: key 'b' stands in this mapping already, on line 2"):
        read_yaml("a:\n  b: 1\n  c: 2\n  b: 3\n")
    with pytest.raises(DocumentError, match=r"^x\.1: key 'b' stands in this object twice"):
        read_json('{"x": [{"b": 1}, {"b": 1, "c": 2, "b": 3}]}')
    with pytest.raises(DocumentError, match=r"^key 'x' stands in this object twice"):
        read_json('{"x": {"b": 1, "b": 1}, "x": 1}')


def test_a_key_that_another_mapping_brings_may_be_replaced() -> None:
    text = "a: &a {x: 1, y: 2}\nb: &b\n  <<: *a\n  y: 3\nc:\n  <<: *b\n  x: 4\n"
    assert read_yaml(text) == yaml.safe_load(text)
    assert read_yaml("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}")["b"] == {"x": 1, "y": 3}


@pytest.mark.parametrize(
    ("read", "text", "words"),
    [
        (read_yaml, "a: [1\nb: 2", "line 2: not valid YAML"),
        (read_yaml, "a: !!python/object:os.x {}", "could not determine a constructor"),
        (read_json, '{"a": 1\n,}', "line 2: not valid JSON"),
        (read_json, b"\xff\xfe\xfa", "write it as UTF-8"),
    ],
)
def test_what_is_neither_names_its_line(read: Any, text: Any, words: str) -> None:
    with pytest.raises(DocumentError, match=words):
        read(text)


SPEC: dict[str, Any] = {
    "dataset": {"train": "a", "validation": "b", "test": "c"},
    "features": [{"name": "u", "kind": "categorical", "hash_size": 50}],
}


@pytest.mark.parametrize("suffix", [".yaml", ".json"])
def test_a_file_with_a_key_twice_is_refused_by_name(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"spec{suffix}"
    path.write_text(json.dumps(SPEC).replace('"hash_size": 50', '"hash_size": 50, "hash_size": 5'))
    with pytest.raises(SpecError, match=rf"spec{suffix}: .*key 'hash_size' stands in this"):
        load_spec(path)


def test_a_file_that_is_no_text_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(SpecError, match=r"spec\.yaml: is no text .*UTF-8"):
        load_spec(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: " + "[" * 5000 + "]" * 5000, "nest"),
        ("a: " + "9" * 5000, "line 1: a whole number has more than 1000 digits; write a smaller one"),
        ("a: 0x" + "f" * 5000, "line 1: a whole number has more than 1000 digits"),
        ("a: !!int abc", "not readable YAML: .*'abc'.*; correct the value, or take its tag out"),
    ],
)
def test_yaml_beyond_what_python_reads_is_a_message(text: str, words: str) -> None:
    with pytest.raises(DocumentError, match=words):
        read_yaml(text)


@pytest.mark.parametrize("depth", [100, 900, 100_000])
@pytest.mark.parametrize("suffix", [".json", ".yaml"])
def test_a_spec_that_is_nested_deep_is_one_short_message(tmp_path: Path, suffix: str, depth: int) -> None:
    path = tmp_path / f"spec{suffix}"
    path.write_text('{"essential": ' + "[" * depth + "]" * depth + "}")
    with pytest.raises(SpecError) as refused:
        load_spec(path)
    assert max(map(len, str(refused.value).splitlines())) < 300
