"""What every command to a server shares: its options, its connection, its errors, how its result is shown.

A command is a function of a `Server` and its own options; what it returns is the result. One that returns None has
said all there is.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.options import in_options, parameter_names
from service.cli.profiles import Place, choose
from service.cli.render import Rows, show
from trainers.cli.output import AWAY, FAILED, WRONG, CommandError, Json, Output
from trainers.spec import SpecError

if TYPE_CHECKING:
    from service.client import Winnow, WinnowError

# Seconds for which a command repeats a call while the server is away; who waits for a job waits longer.
PATIENCE = 3.0
PAGE = 200
PANEL = "On a server"
PROFILE = Annotated[
    str | None, typer.Option("--profile", help="Which server; WINNOW_PROFILE, or the default one, unless given.")
]
URL = Annotated[str | None, typer.Option("--url", help="Which server, by its URL; the key is WINNOW_API_KEY.")]
COMMON = (("profile", PROFILE, None), ("url", URL, None), ("as_json", Json, False))
Limit = Annotated[int, typer.Option(min=1, help="How many at most.")]
AllUnless = Annotated[int | None, typer.Option("--limit", min=1, help="How many at most; all unless given.")]
Model = Annotated[str, typer.Argument(help="Name of the model.")]


@dataclass(frozen=True)
class Server:
    """A connection, and where to say what."""

    winnow: Winnow
    out: Output

    def list_rows(self, operation: Callable[..., Any], *place: Any, limit: int | None, **filters: Any) -> Rows:
        """The first `limit` that an operation lists, over its pages; all where that is None."""
        found: list[Any] = []
        cursor = None
        while True:
            size = PAGE if limit is None else min(limit - len(found), PAGE)
            page = operation(*place, limit=size, cursor=cursor, **filters)
            name, items = next((name, value) for name, value in page if isinstance(value, list))
            found += items
            cursor = page.next
            if cursor is None or (limit is not None and len(found) >= limit):
                return Rows(name, found, cursor)


def command(app: typer.Typer, example: str, name: str | None = None) -> Callable[[Callable[..., Any]], None]:
    """Register a function as a command to a server."""

    def register(function: Callable[..., Any]) -> None:
        hints = typing.get_type_hints(function, include_extras=True)
        names = parameter_names(hints, function)
        _, *own = inspect.signature(function).parameters.values()

        def run(*, profile: str | None, url: str | None, as_json: bool, **options: Any) -> None:
            with Output(as_json=as_json) as out, connect(profile, url, names) as winnow:
                found = function(Server(winnow, out), **options)
                if found is not None:
                    out.result(content_of(found), lambda console: show(console, found))

        keyword = inspect.Parameter.KEYWORD_ONLY
        given = [each.replace(annotation=hints[each.name], kind=keyword) for each in own]
        given += [inspect.Parameter(key, keyword, default=value, annotation=kind) for key, kind, value in COMMON]
        panel = PANEL if app.info.name == "winnow" else None
        run.__doc__, run.__name__ = function.__doc__, function.__name__
        run.__annotations__ = {each.name: each.annotation for each in given}
        run.__signature__ = inspect.Signature(given)  # type: ignore[attr-defined]
        app.command(name, epilog=f"Example: {example}", rich_help_panel=panel)(run)

    return register


def content_of(found: Any) -> Any:
    """A result as machines get it."""
    if isinstance(found, Rows):
        return {found.name: found.items, "next": found.next}
    return found


@contextmanager
def connect(profile: str | None, url: str | None, names: Mapping[str, str] | None = None) -> Iterator[Winnow]:
    """A client of the chosen server. Raises CommandError for what the server refuses, and where it is away.

    Args:
        names: what the command calls its parameters; refusals name those.
    """
    from service.client import Winnow, WinnowError

    place = choose(profile, url)
    try:
        with Winnow(place.url, place.key, patience=PATIENCE) as winnow:
            yield winnow
    except WinnowError as error:
        raise command_error(error, place, names or {}) from error
    except SpecError:
        raise  # names keys of the spec's file
    except ValueError as error:
        raise ValueError(in_options(str(error), names or {})) from error
    except TimeoutError as error:
        raise CommandError(str(error), FAILED) from error


def command_error(error: WinnowError, place: Place, names: Mapping[str, str]) -> CommandError:
    """The server's words, in the names of the command's options, and what to do about them here."""
    message, code = in_options(str(error), names), WRONG
    if error.status == 401:
        how = f"--name {place.profile}" if place.profile else "--name NAME"
        message += f"\n`winnow login {place.url} {how}` stores a key; WINNOW_API_KEY is one"
    elif error.status in {0, 429, 502, 503, 504}:
        code = AWAY
        if error.status == 0 and place.profile:
            message += f" (profile {place.profile!r})"
    elif error.status >= 500:
        code = FAILED
    return CommandError(message, code, status=error.status, kind=error.kind, errors=error.errors)
