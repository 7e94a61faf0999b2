"""YAML and JSON as people and programs write them: each key once in a mapping, and no number that two readers of YAML
read as two.

Scalars follow YAML 1.2's core schema (YAML 1.2.2 §10.3): true and false are the only booleans, and yes, no, on, off and
dates are text. Numbers that YAML 1.1 and 1.2 read differently are refused: 0100, 0o17, 0b1, 1_000, 12:30.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, ClassVar

import yaml

from trainers.problems import limit_lines

SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's, where PyYAML was built with it
UNCLEAR = "tag:winnow,2026:unclear"
MOST_DIGITS = 1000  # of a whole number; Python reads no more than 4,300
# By tag: how scalars look, and the characters that they begin with.
CORE = {
    "tag:yaml.org,2002:null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "tag:yaml.org,2002:bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    UNCLEAR: (r"[-+]?0[0-9_]+|0o[0-7]+|[-+]?0b[01_]+|[-+]?0x[0-9a-fA-F]*_[0-9a-fA-F_]*"
              r"|[-+]?[0-9]+(?:_[0-9]+)+(?:\.[0-9_]*)?|[-+]?[1-9][0-9]*(?::[0-5]?[0-9])+(?:\.[0-9]*)?",
              list("-+0123456789")),
    "tag:yaml.org,2002:int": (r"[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+", list("-+0123456789")),
    "tag:yaml.org,2002:float": (r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)"
                                r"|\.(?:nan|NaN|NAN)", list("-+0123456789.")),
    "tag:yaml.org,2002:merge": (r"<<", ["<"]),
}  # fmt: skip


TOO_DEEP = "it is nested too deep; write it flatter"
TOO_LONG = f"a whole number has more than {MOST_DIGITS} digits; write a smaller one"


class DocumentError(ValueError):
    """Text that isn't the YAML or JSON that it should be; the message has the place and the remedy."""


class RepeatedKeyError(DocumentError):
    """A key that stands twice in a JSON object: which of the two is meant can't be known."""


class _Loader(SafeLoader):  # type: ignore[misc]
    yaml_implicit_resolvers: ClassVar[dict[str, list[Any]]] = {}


def _construct_float(loader: Any, node: yaml.ScalarNode) -> float:
    text = node.value.lower()
    return float(text.replace(".inf", "inf").replace(".nan", "nan"))


for _tag, (_pattern, _first) in CORE.items():
    _Loader.add_implicit_resolver(_tag, re.compile(f"(?:{_pattern})$"), _first)
_Loader.add_constructor("tag:yaml.org,2002:float", _construct_float)


def read_yaml(text: str) -> Any:
    """The content of a YAML document, of which JSON is one. Raises DocumentError."""
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        _require_clear(root)
        return loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}: " if mark is not None else ""
        raise DocumentError(f"{where}not valid YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise DocumentError(f"not valid YAML: {error}") from None
    except RecursionError:
        raise DocumentError(f"not readable YAML: {TOO_DEEP}") from None
    except ValueError as error:  # a tag that the scalar doesn't fit, as !!int abc
        if isinstance(error, DocumentError):
            raise
        raise DocumentError(f"not readable YAML: {error}; correct the value, or take its tag out") from None
    finally:
        loader.dispose()


def _require_clear(root: yaml.Node) -> None:
    """Raises DocumentError with a line for each key that stands twice and each unclear number, in their order.

    A key beside one that `<<` brings is meant to replace it.
    """
    found: dict[int, str] = {}
    waiting, seen = [root], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            found |= _repeated_keys(node)
            waiting += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif node.tag == "tag:yaml.org,2002:int" and len(node.value) > MOST_DIGITS:
            found[node.start_mark.line] = TOO_LONG
        elif node.tag == UNCLEAR:
            found[node.start_mark.line] = (
                f"{node.value} is read as different numbers by different versions of YAML; "
                f"write the number in plain digits, or {node.value!r} in quotes if it is text"
            )
    if found:
        raise DocumentError("\n".join(limit_lines([f"line {line + 1}: {found[line]}" for line in sorted(found)])))


def _repeated_keys(node: yaml.MappingNode) -> dict[int, str]:
    """What to say, by line."""
    found: dict[int, str] = {}
    firsts: dict[tuple[str, str], yaml.ScalarNode] = {}
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode):
            first = firsts.setdefault((key.tag, key.value), key)
            if first is not key:
                found[key.start_mark.line] = (
                    f"key {key.value!r} stands in this mapping already, on line {first.start_mark.line + 1}; "
                    "keep one of the two"
                )
    return found


def read_json(text: str | bytes) -> Any:
    """The content of a JSON text. Raises DocumentError."""
    repeated: list[tuple[dict[str, Any], str]] = []

    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            keys = [key for key, _ in pairs]
            repeated.append((found, next(key for at, key in enumerate(keys) if key in keys[:at])))
        return found

    try:
        content = json.loads(text, object_pairs_hook=build)
    except json.JSONDecodeError as error:
        raise DocumentError(f"line {error.lineno}: not valid JSON: {error.msg}") from None
    except UnicodeDecodeError as error:
        raise DocumentError(f"not valid JSON: {error}; write it as UTF-8") from None
    except ValueError:
        raise DocumentError(f"not readable JSON: {TOO_LONG}") from None
    except RecursionError:
        raise DocumentError(f"not readable JSON: {TOO_DEEP}") from None
    if repeated:
        # An object whose key stands twice may itself be a value that was dropped; the outermost one never is.
        mapping, key = repeated[-1]
        place = next(_places(content, mapping), "")
        raise RepeatedKeyError(
            f"{place + ': ' if place else ''}key {key!r} stands in this object twice; keep one of the two"
        )
    return content


def _places(content: Any, wanted: dict[str, Any], place: str = "") -> Iterator[str]:
    if content is wanted:
        yield place
    pairs = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in pairs:
        yield from _places(value, wanted, f"{place}.{key}".lstrip("."))
