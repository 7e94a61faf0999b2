"""`winnow keys`: API keys in the database, where it is at hand; over REST, where `--profile` or `--url` is given."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.command import PANEL, Server, command, connect
from service.cli.parse import duration, seconds
from service.cli.render import Rows, show
from trainers.cli.output import Json, Output

if TYPE_CHECKING:
    from rich.console import Console

keys = typer.Typer(
    help="API keys: on the control plane's host, in --home or WINNOW_DATABASE_URL; elsewhere with --profile or --url.",
    no_args_is_help=True,
)
ALL = 10_000


class Scope(StrEnum):
    """What a key may do; submit and approve include read, admin includes all."""

    READ = "read"
    SUBMIT = "submit"
    APPROVE = "approve"
    ADMIN = "admin"


Home = Annotated[Path, typer.Option(envvar="WINNOW_HOME", help="On the host: where the database is kept.")]
Profile = Annotated[str | None, typer.Option("--profile", help="Over REST: on the server of this profile.")]
Url = Annotated[str | None, typer.Option("--url", help="Over REST: on the server at this URL.")]
KeyId = Annotated[str, typer.Argument(metavar="ID", help="The key's id, as `winnow keys list` shows it.")]


def register(app: typer.Typer) -> None:
    app.add_typer(keys, name="keys", rich_help_panel=PANEL)
    command(keys, "winnow keys rotate key-9f86d081884c7d65 --grace 1h")(rotate)


@keys.command(epilog="Example: winnow keys create --name platform --scope admin")
def create(
    name: Annotated[str, typer.Option(help="Whose it is, as the audit log will say.")],
    scope: Annotated[list[Scope], typer.Option(help="What it may do; more than one may be given.")],
    home: Home = Path(".winnow"),
    model: Annotated[str | None, typer.Option(help="The one model that it is for; all unless given.")] = None,
    expires_in: Annotated[
        str | None, typer.Option(help="How long it is good for: 90d, 12h; ever unless given.")
    ] = None,
    profile: Profile = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Make a key and print it, this once: the database keeps only its hash."""
    with Output(as_json=as_json) as out:
        scopes = list(dict.fromkeys(scope))
        if profile or url:
            lasts_seconds = seconds(expires_in, "--expires-in")
            body = {"name": name, "scopes": scopes, "model": model, "expires_in_seconds": lasts_seconds}
            with connect(profile, url) as winnow:
                key = winnow.create_key(body)
            secret, content = key.key, _key_fields(key)
        else:
            from service.cli.host_keys import create as make

            lasts = None if expires_in is None else duration(expires_in, "--expires-in")
            made = make(home, name, scopes, model, lasts)
            secret, content = made.secret, _key_fields(made.key)
        out.result({"key": secret, **content}, lambda console: _print(console, secret))


@keys.command(name="list", epilog="Example: winnow keys list --profile prod")
def list_(home: Home = Path(".winnow"), profile: Profile = None, url: Url = None, as_json: Json = False) -> None:
    """Show every key, without its secret."""
    with Output(as_json=as_json) as out:
        if profile or url:
            with connect(profile, url) as winnow:
                found = Server(winnow, out).list_rows(winnow.list_keys, limit=ALL).items
        else:
            from service.cli.host_keys import list_keys

            found = list_keys(home)
        rows = [_key_fields(key) for key in found]
        out.result({"keys": rows}, lambda console: show(console, Rows("keys", rows)))


@keys.command(epilog="Example: winnow keys revoke key-9f86d081884c7d65")
def revoke(
    key_id: KeyId, home: Home = Path(".winnow"), profile: Profile = None, url: Url = None, as_json: Json = False
) -> None:
    """Have a key refused from here on."""
    with Output(as_json=as_json) as out:
        if profile or url:
            with connect(profile, url) as winnow:
                key: Any = winnow.revoke_key(key_id)
        else:
            from service.cli.host_keys import revoke as end

            key = end(home, key_id)
        out.result(_key_fields(key), lambda console: console.print(f"{key.id} ({key.name}) is revoked", markup=False))


def rotate(
    server: Server,
    key_id: KeyId,
    grace: Annotated[str, typer.Option(help="How long the old secret is still good: 1h, 1d.")] = "1d",
) -> Any:
    """Give a key another secret and print it, this once; over REST alone."""
    key = server.winnow.rotate_key(key_id, body={"grace_seconds": seconds(grace, "--grace")})
    return {"key": key.key, **_key_fields(key)} if server.out.as_json else key.key


def _print(console: Console, secret: str) -> None:
    console.print(secret, markup=False, highlight=False, soft_wrap=True)


def _key_fields(key: Any) -> dict[str, Any]:
    """A row of the keys' table; instants in UTC."""
    instants = ("created_at", "expires_at", "last_used_at", "revoked_at")
    return {
        "id": key.id,
        "name": key.name,
        "scopes": list(key.scopes),
        "model": key.model,
        "created_by": key.created_by,
        **{name: getattr(key, name) for name in instants},
    }


def _row(key: Any) -> dict[str, Any]:
    """What fits the width of a terminal."""
    until = "revoked" if key.revoked_at else f"{key.expires_at:%Y-%m-%d %H:%M}" if key.expires_at else "ever"
    used = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never"
    of = key.model or "all"
    return {"id": key.id, "name": key.name, "scopes": " ".join(key.scopes), "model": of, "until": until, "used": used}
