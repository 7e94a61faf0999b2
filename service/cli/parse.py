"""What options and files say, as the API takes it. Every error names the option, the value and the remedy."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from trainers.documents import DocumentError, read_yaml

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
LONGEST = timedelta(days=3660)
Sets = Annotated[
    list[str],
    typer.Option("--set", metavar="KEY=VALUE", help="A value by its path, such as training.epochs=2."),
]


def parse_assignments(pairs: Sequence[str]) -> dict[str, Any]:
    """`["training.epochs=2"]` as `{"training": {"epochs": 2}}`; values are YAML, so that null, 0.5 and [a, b] work."""
    found: dict[str, Any] = {}
    for pair in pairs:
        path, equals, text = pair.partition("=")
        if not equals or not all(path.split(".")):
            raise ValueError(f"--set: {pair!r} is no KEY=VALUE; give one such as training.epochs=2")
        try:
            value = read_yaml(text)
        except DocumentError as error:
            raise ValueError(f"--set: {text!r} is no YAML value: {error}") from None
        *outer, last = path.split(".")
        inside = found
        for part in outer:
            below = inside.setdefault(part, {})
            if not isinstance(below, dict):
                raise ValueError(f"--set: {path} is given below a value; give one or the other")  # noqa: TRY004
            inside = below
        inside[last] = value
    return found


def text_of(path: Path) -> str:
    """A file's text; `-` is what comes in."""
    try:
        return sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: can't be read ({error}); give the path of a text file, or - for stdin") from None


def document(path: Path | None) -> dict[str, Any]:
    """A YAML or JSON object; an empty one where there is no file."""
    if path is None:
        return {}
    try:
        content = read_yaml(text_of(path))
    except DocumentError as error:
        raise ValueError(f"{path}: {error}") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path}: has no keys at its top; give a YAML or JSON object")  # noqa: TRY004
    return content


def without_none(**options: Any) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in options.items() if value is not None and value != []}


def duration(text: str, option: str) -> timedelta:
    """`90d`, `12h`, `30m`, `45s`, `2w`."""
    found = re.fullmatch(r"([1-9]\d{0,8})([smhdw])", text)
    lasts = timedelta(**{UNITS[found[2]]: int(found[1])}) if found else None
    if lasts is None or lasts > LONGEST:
        raise ValueError(f"{option}: {text!r} is no duration up to {LONGEST.days}d; give one such as 90d or 12h")
    return lasts


def seconds(text: str | None, option: str) -> int | None:
    return None if text is None else int(duration(text, option).total_seconds())
