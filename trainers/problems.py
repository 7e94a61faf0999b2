"""What pydantic finds wrong, in plain words: where it is, what to give instead, and what was given."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

# Lines that a person reads at once; the rest is counted.
MOST_LINES = 20
MOST_NAMES = 5

Place = tuple[str | int, ...]

# Values as they were given, cut where they are long or deep.
_shown = reprlib.Repr()
_shown.maxlevel, _shown.maxdict, _shown.maxlist, _shown.maxtuple = 3, 5, 10, 10
_shown.maxstring = _shown.maxlong = _shown.maxother = 100


@dataclass(frozen=True, kw_only=True)
class FieldProblem:
    """One thing that is wrong. `place` is pydantic's; `shows_value` says whether `value` helps to find it."""

    place: Place
    message: str
    value: Any = None
    shows_value: bool = True


def read_problems(found: Iterable[Mapping[str, Any]]) -> list[FieldProblem]:
    """One for each thing that is wrong, from what pydantic lists.

    A value that fits none of several types is one problem. A list that looks short only because its items are wrong
    is none.
    """
    problems: dict[tuple[Place, int], list[Mapping[str, Any]]] = {}
    for each in found:
        if each.get("type") == "too_short" and len(each["input"]) >= each["ctx"]["min_length"]:
            continue
        place = tuple(each["loc"])
        is_branch = bool(place) and place[-1] in BRANCHES.get(each.get("type", ""), ())
        problems.setdefault((place[:-1] if is_branch else place, id(each.get("input"))), []).append(each)
    return [problem for (place, _), group in problems.items() for problem in _problems(place, group)]


def field_path(place: Sequence[str | int], content: Any) -> str:
    """Where it is in the content as given: pydantic also names the type that it tried, where there are several."""
    parts, inside = [], content
    for depth, part in enumerate(place, start=1):
        known = part in inside if isinstance(inside, dict) else isinstance(inside, list) and part in range(len(inside))
        if isinstance(inside, dict) and not known and depth < len(place):
            continue
        inside = inside[part] if known else None
        parts.append(str(part))
    return ".".join(parts)


def describe(error: ValidationError, content: Any = None) -> str:
    """A line for each problem, the first MOST_LINES of them: the field's path, what to do, the value given.

    Args:
        error: pydantic's.
        content: what was checked, to call features by their names.
    """
    return "\n".join(limit_lines([_line(each, content) for each in read_problems(error.errors(include_url=False))]))


def limit_lines(lines: Sequence[str]) -> list[str]:
    """The first MOST_LINES, and how many there are beyond."""
    if len(lines) <= MOST_LINES:
        return list(lines)
    return [*lines[:MOST_LINES], f"… and {len(lines) - MOST_LINES} more; correct these first"]


def list_names(names: Iterable[str]) -> str:
    """Names one after another; of many, the first MOST_NAMES and how many there are beyond."""
    every = list(names)
    more = f" and {len(every) - MOST_NAMES} more" if len(every) > MOST_NAMES else ""
    return f"{', '.join(every[:MOST_NAMES])}{more}"


def one_line(error: BaseException) -> str:
    """An error of somebody else's, with its type."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def show_value(value: Any) -> str:
    """A value as Python writes it, in at most some hundred characters."""
    try:
        return _shown.repr(value)
    except ValueError:  # Python doesn't write whole numbers of more than 4,300 digits.
        return "a whole number of thousands of digits"


def _line(problem: FieldProblem, content: Any) -> str:
    given = f" (got {show_value(problem.value)})" if problem.shows_value else ""
    return f"{_named_path(problem.place, content)}: {problem.message}{given}"


def _named_path(place: Place, content: Any) -> str:
    """`feature 'age': dim` where the feature has a name, else the path."""
    features = content.get("features") if isinstance(content, dict) else None
    if len(place) > 1 and place[0] == "features" and isinstance(features, list) and isinstance(place[1], int):
        feature = features[place[1]]
        name = feature.get("name") if isinstance(feature, dict) else None
        below = field_path(place[2:], feature)
        if isinstance(name, str) and below != "name":
            return f"feature {name!r}" + (f": {below}" if below else "")
    return field_path(place, content) or "spec"


def _problems(place: Place, group: Sequence[Mapping[str, Any]]) -> list[FieldProblem]:
    first = group[0]
    kind = first.get("type", "value_error")
    if place and place[-1] == KEY:
        return [FieldProblem(place=place[:-1], message=f"unknown key; {_message(first)}", shows_value=False)]
    if kind == "missing" and isinstance(place[-1], int):
        message = f"item {place[-1] + 1} of the list is missing; add it"
        return [FieldProblem(place=place[:-1], message=message, value=first.get("input"))]
    if kind == "value_error":
        place = _without_branch(place, first.get("input"))
        lines = first["msg"].removeprefix("Value error, ").splitlines()
        return [FieldProblem(place=place, message=line, value=first.get("input"), shows_value=False) for line in lines]
    if kind.startswith("union_tag"):
        key = str(first["ctx"]["discriminator"]).strip("'")
        return [FieldProblem(place=place, message=f"{key}: {MESSAGES[kind](first)}", shows_value=False)]
    messages = list(dict.fromkeys(_message(each) for each in group))
    alternatives = [messages[0], *(message.removeprefix("give ") for message in messages[1:])]
    shows_value = kind not in {"missing", "extra_forbidden"}
    message = ", or ".join(alternatives)
    return [FieldProblem(place=place, message=message, value=first.get("input"), shows_value=shows_value)]


def _without_branch(place: Place, value: Any) -> Place:
    """A place without the name of the type that pydantic chose by a key of the mapping there."""
    chosen = [value.get(key) for key in DISCRIMINATORS] if isinstance(value, Mapping) else []
    return place[:-1] if place and place[-1] in chosen else place


def _message(problem: Mapping[str, Any]) -> str:
    known = MESSAGES.get(problem["type"])
    return str(problem["msg"]) if known is None else known(problem)


def _whole(problem: Mapping[str, Any]) -> str:
    given = problem.get("input")
    if isinstance(given, str) and len(given) < MOST_DIGITS and given.isascii() and given.isdigit():
        return f"give a whole number, {int(given)}, without quotes"
    if isinstance(given, float) and given.is_integer() and abs(given) < 2**53:
        return f"give a whole number: write {int(given)}"
    return "give a whole number"


def _bound(words: str, key: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda problem: f"give a number {words} {problem['ctx'][key]}"


def _matching(problem: Mapping[str, Any]) -> str:
    pattern = problem["ctx"]["pattern"]
    if pattern == NAME_PATTERN:
        return "give a name that begins with a letter or a digit and has letters, digits, `.`, `_` and `-` only"
    return f"give text that fits {pattern}"


NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
MOST_DIGITS = 20
# What pydantic appends to the place of a mapping's key, and the keys that choose the type of a mapping.
KEY = "[key]"
DISCRIMINATORS = ("kind", "name", "backbone")
INSTANT = "give a date and a time, such as 2026-01-01T00:00:00Z"
# What pydantic appends to the place of a value that may have several types.
BRANCHES = {
    "int_type": {"int"},
    "float_type": {"float"},
    "string_type": {"str"},
    "bool_type": {"bool"},
}
MESSAGES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "missing": lambda _: "required, and missing; add it",
    "invalid_key": lambda _: "a key is text; take it out, or correct it",
    "extra_forbidden": lambda _: "unknown key; remove it or correct its spelling",
    "int_type": _whole,
    "int_parsing": _whole,
    "int_from_float": _whole,
    "float_type": lambda _: "give a number",
    "float_parsing": lambda _: "give a number",
    "finite_number": lambda _: "give a finite number",
    "bool_type": lambda _: "give true or false",
    "bool_parsing": lambda _: "give true or false",
    "string_type": lambda _: "give text",
    "list_type": lambda _: "give a list",
    "tuple_type": lambda _: "give a list",
    "dict_type": lambda _: "give a mapping of keys to values",
    "model_type": lambda _: "give a mapping of keys to values",
    "model_attributes_type": lambda _: "give a mapping of keys to values",
    "datetime_type": lambda _: INSTANT,
    "datetime_parsing": lambda _: INSTANT,
    "datetime_from_date_parsing": lambda _: INSTANT,
    "timezone_aware": lambda _: "add the time zone, as in 2026-01-01T00:00:00Z",
    "timezone_naive": lambda _: "leave the time zone out, as in 2026-01-01T00:00:00",
    "greater_than": _bound("greater than", "gt"),
    "greater_than_equal": _bound("of at least", "ge"),
    "less_than": _bound("less than", "lt"),
    "less_than_equal": _bound("of at most", "le"),
    "too_short": lambda problem: f"give at least {problem['ctx']['min_length']}",
    "too_long": lambda problem: f"give at most {problem['ctx']['max_length']}",
    "string_too_short": lambda problem: f"give text of at least {problem['ctx']['min_length']} characters",
    "string_too_long": lambda problem: f"give text of at most {problem['ctx']['max_length']} characters",
    "string_pattern_mismatch": _matching,
    "literal_error": lambda problem: f"choose one of {problem['ctx']['expected']}",
    "enum": lambda problem: f"choose one of {problem['ctx']['expected']}",
    "union_tag_invalid": lambda problem: (
        f"choose one of {problem['ctx']['expected_tags']} (got {show_value(problem['ctx']['tag'])})"
    ),
    "union_tag_not_found": lambda _: "required, and missing; add it",
}
