"""Results for people: a table of a list, a list of an object's fields. One way for every resource."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import yaml
from pydantic import BaseModel
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trainers.cli.output import DECIMALS, plain

# By what a page calls its list: the fields that are worth a column, the first one by which a row is named.
COLUMNS: dict[str, tuple[str, ...]] = {
    "jobs": ("id", "name", "state", "progress", "position", "created_at"),
    "attempts": ("number", "outcome", "reason", "started_at", "ended_at"),
    "events": ("number", "kind", "time", "data"),
    "models": ("name", "owner", "features", "updated_at"),
    "features": ("name", "kind", "dim", "hash_size", "status", "owner", "tags"),
    "history": ("time", "before", "after", "by", "reason"),
    "prune_lists": ("number", "state", "verdict", "job_id", "submitted_by", "proposed_at"),
    "scores": ("feature", "before", "after", "change"),
    "triggers": ("id", "when", "enabled", "dry_run", "fired_at"),
    "evaluations": ("number", "time", "fired", "reason", "job_id"),
    "checks": ("name", "passed", "detail"),
    "schedules": ("id", "name", "cron", "timezone", "next_at"),
    "fires": ("due_at", "origin", "partition", "state", "reason", "job_id"),
    "reports": ("number", "time", "p99_seconds", "reported_by"),
    "keys": ("id", "name", "scopes", "model", "expires_at", "revoked_at", "last_used_at"),
    "entries": ("time", "by", "operation", "status", "path"),
    "webhooks": ("id", "url", "model", "kinds", "enabled"),
    "deliveries": ("id", "event", "kind", "state", "tries", "status", "updated_at"),
    "profiles": ("name", "url", "key", "default"),
}
# Of an object: what is for machines, or has a command of its own.
HIDDEN = frozenset({"links", "gates"})
COLOURS = {
    "succeeded": "green",
    "active": "green",
    "approved": "green",
    "failed": "red",
    "rejected": "red",
    "cancelled": "yellow",
    "rolled_back": "yellow",
    "pruned": "yellow",
}
UNITS = (("d", 86400), ("h", 3600), ("m", 60))
# So many values of an object stand on one line.
FEW = 4
# Wide enough for any row: what is read by a program isn't cut.
UNCUT = 10_000


@dataclass(frozen=True)
class Rows:
    """A list: what it is of, its items, the cursor of the next page or None."""

    name: str
    items: Sequence[Any]
    next: Any = None


def show(console: Console, found: Any) -> None:
    """Print a result."""
    if not console.is_terminal:
        console = Console(file=console.file, width=UNCUT)
    if isinstance(found, Rows):
        _show_rows(console, found)
    elif isinstance(found, str):
        console.print(found, markup=False, highlight=False, soft_wrap=True, end="" if found.endswith("\n") else "\n")
    else:
        _show_fields(console, found.model_dump() if isinstance(found, BaseModel) else found)


def _show_rows(console: Console, rows: Rows) -> None:
    if not rows.items:
        console.print(f"no {rows.name.replace('_', ' ')}", markup=False)
        return
    console.print(_table(rows))
    if rows.next is not None:
        console.print(f"the first {len(rows.items)}; --limit shows more", style="dim")


def _table(rows: Rows) -> Table:
    items = [each.model_dump() if isinstance(each, BaseModel) else each for each in rows.items]
    columns = [name for name in COLUMNS[rows.name] if any(_has(item.get(name)) for item in items)]
    made = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for place, name in enumerate(columns):
        number = any(isinstance(item.get(name), int | float) and not isinstance(item.get(name), bool) for item in items)
        made.add_column(
            name.removesuffix("_at").replace("_", " "),
            justify="right" if number else "left",
            no_wrap=place == 0 or name.endswith("id"),
            overflow="fold",
        )
    for item in items:
        made.add_row(*(_cell(item.get(name)) for name in columns))
    return made


def _has(value: Any) -> bool:
    """Whether there is something to show; 0 and False are."""
    return value is not None and not (isinstance(value, str | list | tuple | dict) and not value)


def _show_fields(console: Console, fields: Mapping[str, Any]) -> None:
    """A line a field; lists of objects follow as tables."""
    grid = Table.grid(padding=(0, 2))
    tables = {name: value for name, value in fields.items() if name in COLUMNS and isinstance(value, list)}
    for name, value in fields.items():
        if name not in HIDDEN and name not in tables and _has(value):
            grid.add_row(Text(name.replace("_", " "), style="dim"), _block(value))
    console.print(grid)
    for name, value in tables.items():
        if value:
            console.print(f"\n{name}", style="bold")
            console.print(_table(Rows(name, value)))


def _block(value: Any) -> Text:
    """A field's value in full."""
    if isinstance(value, BaseModel):
        value = value.model_dump()
    if isinstance(value, Mapping):
        kept = {key: each for key, each in value.items() if key not in HIDDEN}
        if "stage" in kept or (len(kept) <= FEW and not any(map(_needs_a_line, kept.values()))):
            return Text(_inline(kept))
        return Text("\n".join(f"{key}: {_flow(each)}" for key, each in kept.items()))
    if isinstance(value, datetime):
        return Text(f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%SZ} ({_ago(value)})")
    return _cell(value)


def _flow(value: Any) -> str:
    """YAML on a line."""
    text = yaml.safe_dump(_readable(value), allow_unicode=True, default_flow_style=True, sort_keys=False, width=UNCUT)
    return text.removesuffix("\n").removesuffix("\n...")


def _readable(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return _readable(value.model_dump())
    if isinstance(value, Mapping):
        return {str(key): _readable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_readable(each) for each in value]
    if isinstance(value, float):
        return int(value) if value.is_integer() else float(_digits(value, 6))
    return _text(value)


def _text(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, datetime) else plain(value)


def _cell(value: Any) -> Text:
    """A value in short."""
    if value is None:
        return Text("–", style="dim")
    text = _short(value)
    return Text(text, style=COLOURS.get(text, ""))


def _short(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return _ago(value)
    if isinstance(value, float):
        return _digits(value, 4)
    if isinstance(value, BaseModel):
        return _inline(value.model_dump())
    if isinstance(value, Mapping):
        return _inline(value)
    return ", ".join(map(_short, value)) if isinstance(value, list | tuple) else str(_text(value))


def _needs_a_line(value: Any) -> bool:
    """Whether a value runs into its neighbours where they stand on one line: parts of its own, or several words."""
    return isinstance(value, Mapping | list) or (isinstance(value, str) and " " in value)


def _digits(value: float, digits: int) -> str:
    """So many significant digits, and all before the point: a size is never shown by a power of ten."""
    value = round(value, DECIMALS)
    return f"{value:.0f}" if abs(value) >= 10**digits else f"{value:z.{digits}g}"


def _inline(value: Mapping[str, Any]) -> str:
    """An object on a line: how far a progress is, or its kind and its other values."""
    if "stage" in value:
        return f"{value['step']}/{value['total_steps']}" if value.get("total_steps") else str(value["stage"])
    kind = [str(value["kind"])] if "kind" in value else []
    shown = {name: each for name, each in value.items() if _has(each) and name not in HIDDEN and name != "kind"}
    return " ".join([*kind, *(f"{name}={_short(each)}" for name, each in shown.items())])


def _ago(time: datetime) -> str:
    """How long ago, or from now, in one unit."""
    seconds = (datetime.now(UTC) - time).total_seconds()
    amount = abs(seconds)
    unit, size = next(((unit, size) for unit, size in UNITS if amount >= size), ("s", 1))
    return f"{int(amount // size)}{unit} ago" if seconds >= 0 else f"in {int(amount // size)}{unit}"
