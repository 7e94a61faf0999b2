"""`winnow schedules`: selections of a model at times of day."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from service.cli.command import PANEL, AllUnless, Limit, Model, Server, command
from service.cli.models import laid
from service.cli.parse import parse_assignments, without_none
from service.cli.render import Rows

schedules = typer.Typer(help="Schedules of a model on a server.")
ScheduleId = Annotated[str, typer.Argument(metavar="ID", help="The schedule, as `winnow schedules list` shows it.")]
Changes = Annotated[
    list[str],
    typer.Option("--set", metavar="KEY=VALUE", help="Such as missed=once, overrides.training.epochs=1; repeatable."),
]


def register(app: typer.Typer) -> None:
    app.add_typer(schedules, name="schedules", no_args_is_help=True, rich_help_panel=PANEL)
    some = "feed-ranker schedule-5f0c2b7a9d1e4c3f8a6b"
    command(schedules, "winnow schedules list feed-ranker", "list")(list_schedules)
    command(schedules, f"winnow schedules show {some}")(show)
    command(
        schedules, "winnow schedules create feed-ranker nightly '0 3 * * *' --timezone Europe/Berlin --set missed=once"
    )(create)
    command(schedules, f"winnow schedules change {some} --set 'cron=30 4 * * *'")(change)
    command(schedules, f"winnow schedules delete {some}")(delete)
    command(schedules, f"winnow schedules pause {some}")(pause)
    command(schedules, f"winnow schedules resume {some} --catch-up")(resume)
    command(schedules, f"winnow schedules next {some} --count 5", "next")(next_times)
    command(schedules, f"winnow schedules run {some}")(run)
    command(schedules, f"winnow schedules fires {some}")(fires)
    command(schedules, f"winnow schedules backfill {some} --partition 2026-01-01 --partition 2026-01-02")(backfill)
    command(schedules, f"winnow schedules cancel-backfill {some}", "cancel-backfill")(cancel_backfill)


def list_schedules(server: Server, model: Model, limit: AllUnless = None) -> Rows:
    """List a model's schedules."""
    return server.list_rows(server.winnow.list_schedules, model, limit=limit)


def show(server: Server, model: Model, schedule_id: ScheduleId) -> Any:
    """Show a schedule and when it is due next."""
    return server.winnow.get_schedule(model, schedule_id)


def create(
    server: Server,
    model: Model,
    name: Annotated[str, typer.Argument(help="What it is called.")],
    cron: Annotated[str, typer.Argument(help="Cron expression of five fields, quoted.")],
    timezone: Annotated[str | None, typer.Option(help="IANA time zone; UTC unless given.")] = None,
    changes: Changes = [],  # noqa: B006
) -> Any:
    """Select for a model at the times of a cron expression."""
    body = {"name": name, "cron": cron, **without_none(timezone=timezone)}
    return server.winnow.create_schedule(model, laid(body, parse_assignments(changes)))


def change(server: Server, model: Model, schedule_id: ScheduleId, changes: Changes) -> Any:
    """Change a schedule; that fires nothing. `overrides` are replaced as a whole."""
    return server.winnow.change_schedule(model, schedule_id, parse_assignments(changes))


def delete(server: Server, model: Model, schedule_id: ScheduleId) -> Any:
    """Take a schedule away."""
    server.winnow.delete_schedule(model, schedule_id)
    return {"deleted": schedule_id}


def pause(server: Server, model: Model, schedule_id: ScheduleId) -> Any:
    """Let a schedule rest."""
    return server.winnow.pause_schedule(model, schedule_id)


def resume(
    server: Server,
    model: Model,
    schedule_id: ScheduleId,
    catch_up: Annotated[bool, typer.Option("--catch-up", help="Treat what was missed as `missed` says.")] = False,
) -> Any:
    """Let a paused schedule go on."""
    return server.winnow.resume_schedule(model, schedule_id, body={"catch_up": catch_up})


def next_times(
    server: Server,
    model: Model,
    schedule_id: ScheduleId,
    count: Annotated[int, typer.Option(min=1, max=100, help="How many.")] = 5,
) -> Any:
    """List when a schedule is due next, in UTC."""
    found = server.winnow.list_due_times(model, schedule_id, count=count)
    return found if server.out.as_json else "\n".join(f"{time:%Y-%m-%d %H:%M:%SZ}" for time in found.times)


def run(server: Server, model: Model, schedule_id: ScheduleId) -> Any:
    """Make a schedule's job now, paused or not."""
    return server.winnow.run_schedule(model, schedule_id)


def fires(
    server: Server,
    model: Model,
    schedule_id: ScheduleId,
    state: Annotated[str | None, typer.Option(help="pending, started or skipped.")] = None,
    limit: Limit = 20,
) -> Rows:
    """List what a schedule has fired and skipped, and what waits, newest first."""
    filters: dict[str, Any] = without_none(state=state)
    return server.list_rows(server.winnow.list_fires, model, schedule_id, limit=limit, **filters)


def backfill(
    server: Server,
    model: Model,
    schedule_id: ScheduleId,
    partitions: Annotated[list[str], typer.Option("--partition", help="By name; repeatable.")] = [],  # noqa: B006
    first: Annotated[str | None, typer.Option("--from", help="The first partition's time, with --to.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="The last one's.")] = None,
    every: Annotated[str | None, typer.Option(help="day or hour.")] = None,
    form: Annotated[str | None, typer.Option("--format", help="How partitions are called: %Y-%m-%d.")] = None,
) -> Any:
    """Run over partitions of the past: those named, or those of a range."""
    body = without_none(partitions=partitions, **{"from": first, "to": last, "every": every, "format": form})
    return server.winnow.backfill_schedule(model, schedule_id, body)


def cancel_backfill(server: Server, model: Model, schedule_id: ScheduleId) -> Any:
    """Skip the runs of a back-fill that still wait."""
    return server.winnow.cancel_backfill(model, schedule_id)
