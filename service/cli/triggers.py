"""`winnow triggers`: conditions on a model that start a selection."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from service.cli.command import PANEL, AllUnless, Limit, Model, Server, command
from service.cli.models import laid
from service.cli.parse import parse_assignments, seconds, without_none
from service.cli.render import Rows

triggers = typer.Typer(help="Triggers of a model on a server.")
TriggerId = Annotated[str, typer.Argument(metavar="ID", help="The trigger, as `winnow triggers list` shows it.")]
Threshold = Annotated[int | None, typer.Option(min=1, help="candidates: how many start a selection; 30 unless given.")]
MaxLatency = Annotated[float | None, typer.Option(help="latency: p99 in seconds over which it fires.")]
Query = Annotated[str | None, typer.Option(help="latency: PromQL that gives it, in place of reports.")]
Pattern = Annotated[str | None, typer.Option(help="freshness: partitions, such as s3://logs/day=*.")]
Cooldown = Annotated[str | None, typer.Option(help="How long it rests after it has fired, such as 12h.")]
Kind = Annotated[str, typer.Argument(help="candidates, latency, freshness or manual.")]
Changes = Annotated[
    list[str],
    typer.Option("--set", metavar="KEY=VALUE", help="A field of the trigger, such as enabled=false; repeatable."),
]
Facts = Annotated[
    list[str],
    typer.Option("--suppose", metavar="KEY=VALUE", help="As if it were so, such as candidates=31."),
]


def register(app: typer.Typer) -> None:
    app.add_typer(triggers, name="triggers", no_args_is_help=True, rich_help_panel=PANEL)
    some = "feed-ranker trigger-5f0c2b7a9d1e4c3f8a6b"
    command(triggers, "winnow triggers list feed-ranker", "list")(list_triggers)
    command(triggers, f"winnow triggers show {some}")(show)
    command(triggers, "winnow triggers create feed-ranker candidates --threshold 30 --cooldown 1d")(create)
    command(triggers, f"winnow triggers change {some} --set enabled=false")(change)
    command(triggers, f"winnow triggers delete {some}")(delete)
    command(triggers, f"winnow triggers explain {some} --suppose candidates=31")(explain)
    command(triggers, f"winnow triggers fire {some}")(fire)
    command(triggers, f"winnow triggers evaluations {some}")(evaluations)


def list_triggers(server: Server, model: Model, limit: AllUnless = None) -> Rows:
    """List a model's triggers."""
    return server.list_rows(server.winnow.list_triggers, model, limit=limit)


def show(server: Server, model: Model, trigger_id: TriggerId) -> Any:
    """Show a trigger."""
    return server.winnow.get_trigger(model, trigger_id)


def create(
    server: Server,
    model: Model,
    kind: Kind,
    threshold: Threshold = None,
    max_seconds: MaxLatency = None,
    query: Query = None,
    pattern: Pattern = None,
    cooldown: Cooldown = None,
    changes: Annotated[
        list[str],
        typer.Option("--set", metavar="KEY=VALUE", help="Such as dry_run=true or overrides.training.epochs=1."),
    ] = [],  # noqa: B006
) -> Any:
    """Start selections of a model by themselves: when candidates wait, serving is slow, or new data is there."""
    when = {"kind": kind, **without_none(threshold=threshold, max_seconds=max_seconds, query=query, pattern=pattern)}
    body = {"when": when, **without_none(cooldown_seconds=seconds(cooldown, "--cooldown"))}
    return server.winnow.create_trigger(model, laid(body, parse_assignments(changes)))


def change(server: Server, model: Model, trigger_id: TriggerId, changes: Changes) -> Any:
    """Change a trigger, such as enabled=false; `when`, `overrides` and `quiet_hours` are replaced as a whole."""
    return server.winnow.change_trigger(model, trigger_id, parse_assignments(changes))


def delete(server: Server, model: Model, trigger_id: TriggerId) -> Any:
    """Take a trigger away."""
    server.winnow.delete_trigger(model, trigger_id)
    return {"deleted": trigger_id}


def explain(server: Server, model: Model, trigger_id: TriggerId, facts: Facts = []) -> Any:  # noqa: B006
    """Say whether it would fire, and why; nothing is recorded, nothing starts."""
    return server.winnow.explain_trigger(model, trigger_id, body=parse_assignments(facts) or None)


def fire(
    server: Server,
    model: Model,
    trigger_id: TriggerId,
    force: Annotated[bool, typer.Option("--force", help="Although it rests, or a job of it runs.")] = False,
    partition: Annotated[str | None, typer.Option(help="For `{partition}` in its overrides.")] = None,
) -> Any:
    """Fire a trigger, whatever its condition."""
    return server.winnow.fire_trigger(model, trigger_id, body=without_none(force=force or None, partition=partition))


def evaluations(
    server: Server,
    model: Model,
    trigger_id: TriggerId,
    fired: Annotated[bool | None, typer.Option("--fired/--not-fired", help="Only those that did, or didn't.")] = None,
    limit: Limit = 20,
) -> Rows:
    """List what a trigger saw, and why it fired or didn't, newest first."""
    return server.list_rows(server.winnow.list_evaluations, model, trigger_id, limit=limit, **without_none(fired=fired))
