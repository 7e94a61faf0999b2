"""What a service or a client refuses, in the names of the options and arguments of the command that was given."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

from typer.models import ArgumentInfo, OptionInfo

FIELD = re.compile(r"^([a-z_]+(?:\.[A-Za-z0-9_-]+)*)(?=: )", re.MULTILINE)
FLAG = re.compile(r'`"([a-z_]+)": true`')
SETS = "--set"  # options that set values by their path


def parameter_names(hints: Mapping[str, Any], function: Callable[..., Any]) -> dict[str, str]:
    """By a function's parameters, what its command calls them: `--deadline`, `MODEL`.

    Without `--set` where a file gives values by their path as well: the path is what both have in common.
    """
    found = {}
    for name in list(inspect.signature(function).parameters)[1:]:
        told = next((each for each in get_args(hints[name]) if isinstance(each, ArgumentInfo | OptionInfo)), None)
        if isinstance(told, ArgumentInfo):
            found[name] = told.metavar or name.upper()
        elif told is not None:
            # In an Annotated, typer holds the first name for the default.
            given = (told.default, *(told.param_decls or ()))
            long = [each.partition("/")[0] for each in given if isinstance(each, str) and each.startswith("--")]
            found[name] = long[0] if long else f"--{name.replace('_', '-')}"
    if any(get_args(hints[name])[0] in (Path, Path | None) for name in found):
        return {name: option for name, option in found.items() if option != SETS}
    return found


def in_options(message: str, names: Mapping[str, str]) -> str:
    """The message, with fields of the API at the begin of its lines, and flags within, named as the options are."""
    named = FIELD.sub(lambda found: option_of(found[1], names), message)
    return FLAG.sub(lambda found: f"`{names[found[1]]}`" if found[1] in names else found[0], named)


def option_of(field: str, names: Mapping[str, str]) -> str:
    """The option that gives a field of the API, such as `--cooldown` for cooldown_seconds; the field where none does.

    Where the command sets values by their path, that is how the others are given.
    """
    parts = [part for part in field.split(".") if not part.isdigit()]
    for part in (parts[-1], parts[0]):
        for name in (part, part.removesuffix("_seconds"), part.removesuffix("_at"), RENAMED.get(part, part)):
            if name in names:
                return names[name]
    return f"{SETS} {field}" if SETS in names.values() else field


RENAMED = {"url": "target"}
