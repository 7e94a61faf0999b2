"""`winnow login`, `winnow logout` and `winnow profiles`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from service.cli import profiles
from service.cli.command import PANEL, command_error
from service.cli.profiles import Place, Profile
from service.cli.render import Rows, show
from trainers.cli.output import WRONG, CommandError, Json, Output

Name = Annotated[str, typer.Option("--name", help="What the profile is called.")]


def register(app: typer.Typer) -> None:
    app.command(rich_help_panel=PANEL, epilog="Example: winnow login https://winnow.example.com --name prod < key.txt")(
        login
    )
    app.command(rich_help_panel=PANEL, epilog="Example: winnow logout --name prod")(logout)
    app.command("profiles", rich_help_panel=PANEL, epilog="Example: winnow profiles --default prod")(list_profiles)


def login(
    url: Annotated[str, typer.Argument(help="The server's URL.")],
    name: Name = "default",
    as_json: Json = False,
) -> None:
    """Store a server and a key for it, which is asked for, or read from stdin. An empty key is none.

    The server is asked whether it takes the key. The first profile is the default one.
    """
    with Output(as_json=as_json) as out:
        profiles.check_name(name)
        stored = profiles.load()
        key = _key(name)
        _try(Place(url, key, name))
        stored.profiles[name] = Profile(url, key)
        stored.default = stored.default or name
        profiles.save(stored)
        said = f"logged in to {url} as profile {name}; it is kept in {profiles.path()}"
        out.result({"profile": name, "url": url, "path": profiles.path()}, lambda console: show(console, said))


def logout(name: Name, as_json: Json = False) -> None:
    """Forget a profile and its key."""
    with Output(as_json=as_json) as out:
        stored = profiles.load()
        stored.get(name)
        del stored.profiles[name]
        if stored.default == name:
            stored.default = ""
        profiles.save(stored)
        out.result({"forgotten": name}, lambda console: show(console, f"profile {name} is forgotten"))


def list_profiles(
    default: Annotated[str | None, typer.Option("--default", help="Make this one the default.")] = None,
    as_json: Json = False,
) -> None:
    """List the stored servers; keys are shown by their first letters."""
    with Output(as_json=as_json) as out:
        stored = profiles.load()
        if default is not None:
            stored.get(default)
            stored.default = default
            profiles.save(stored)
        rows = [
            {
                "name": name,
                "url": profile.url,
                "key": f"{profile.key[:8]}…" if profile.key else None,
                "default": name == stored.default,
            }
            for name, profile in sorted(stored.profiles.items())
        ]
        out.result({"profiles": rows}, lambda console: show(console, Rows("profiles", rows)))


def _key(name: str) -> str:
    """Asked for without echo at a terminal, else the first line that comes in."""
    if at_terminal():
        asked = f"API key for {name} (empty for none)"
        return str(typer.prompt(asked, default="", hide_input=True, show_default=False, err=True)).strip()
    return sys.stdin.readline().strip()


def at_terminal() -> bool:
    return sys.stdin.isatty()


def _try(place: Place) -> None:
    """Raises CommandError for a server that isn't one, or doesn't take the key; a key may have any scope."""
    from service.client import Winnow, WinnowError

    try:
        with Winnow(place.url, place.key, patience=0.0) as winnow:
            winnow.list_jobs(limit=1)
    except WinnowError as error:
        if error.status == 401:
            said = f"{place.url} doesn't take this key: {error}"
            raise CommandError(said, WRONG, status=401, kind=error.kind) from error
        if error.status != 403:
            raise command_error(error, place) from error
