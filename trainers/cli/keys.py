"""`winnow keys`: API keys of the control plane whose home, or database, is at hand."""

from __future__ import annotations

import re
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trainers.cli.output import Json, Output, table

if TYPE_CHECKING:
    from rich.console import Console

keys = typer.Typer(
    help="API keys, made and revoked on the control plane's host: in its home, or in WINNOW_DATABASE_URL.",
    no_args_is_help=True,
)
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
LONGEST = timedelta(days=3660)


class Scope(StrEnum):
    """What a key may do; submit and approve include read, admin includes all."""

    READ = "read"
    SUBMIT = "submit"
    APPROVE = "approve"
    ADMIN = "admin"


Home = Annotated[Path, typer.Option(envvar="WINNOW_HOME", help="Where the control plane keeps its database.")]


def register(app: typer.Typer) -> None:
    app.add_typer(keys, name="keys")


@keys.command(epilog="Example: winnow keys create --name platform --scope admin")
def create(
    name: Annotated[str, typer.Option(help="Whose it is, as the audit log will say.")],
    scope: Annotated[list[Scope], typer.Option(help="What it may do; more than one may be given.")],
    home: Home = Path(".winnow"),
    model: Annotated[str | None, typer.Option(help="The one model that it is for; all unless given.")] = None,
    expires_in: Annotated[
        str | None, typer.Option(help="How long it is good for: 90d, 12h; ever unless given.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a key and print it, this once: the database keeps only its hash."""
    with Output(as_json=as_json) as out:
        from service.host_keys import create as make

        made = make(home, name, list(dict.fromkeys(scope)), model, _duration(expires_in))
        out.result({"key": made.secret, **_shown(made.key)}, lambda console: _print(console, made.secret))


@keys.command(name="list")
def list_(home: Home = Path(".winnow"), as_json: Json = False) -> None:
    """Show every key, without its secret."""
    with Output(as_json=as_json) as out:
        from service.host_keys import listed

        found = listed(home)
        rows = [_shown(key) for key in found]
        out.result({"keys": rows}, lambda console: console.print(table("keys", [_row(key) for key in found])))


@keys.command(epilog="Example: winnow keys revoke 9f86d081884c7d65")
def revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id, as `winnow keys list` shows it.")],
    home: Home = Path(".winnow"),
    as_json: Json = False,
) -> None:
    """Have a key refused from here on."""
    with Output(as_json=as_json) as out:
        from service.host_keys import revoke as end

        key = end(home, key_id)
        out.result(_shown(key), lambda console: console.print(f"{key.id} ({key.name}) is revoked", markup=False))


def _print(console: Console, secret: str) -> None:
    console.print(secret, markup=False, highlight=False, soft_wrap=True)


def _shown(key: Any) -> dict[str, Any]:
    """A row of the keys' table; instants in UTC."""
    instants = {name: getattr(key, name) for name in ("created_at", "expires_at", "last_used_at", "revoked_at")}
    return {
        "id": key.id,
        "name": key.name,
        "scopes": list(key.scopes),
        "model": key.model,
        "created_by": key.created_by,
        **{name: instant and instant.isoformat() for name, instant in instants.items()},
    }


def _row(key: Any) -> dict[str, Any]:
    """What fits the width of a terminal."""
    until = "revoked" if key.revoked_at else f"{key.expires_at:%Y-%m-%d %H:%M}" if key.expires_at else "ever"
    used = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never"
    of = key.model or "all"
    return {"id": key.id, "name": key.name, "scopes": " ".join(key.scopes), "model": of, "until": until, "used": used}


def _duration(text: str | None) -> timedelta | None:
    if text is None:
        return None
    found = re.fullmatch(r"([1-9]\d{0,8})([smhdw])", text)
    lasts = timedelta(**{UNITS[found[2]]: int(found[1])}) if found else None
    if lasts is None or lasts > LONGEST:
        raise ValueError(f"expires-in: {text!r} is no duration up to {LONGEST.days}d; give one such as 90d or 12h")
    return lasts
