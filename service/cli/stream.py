"""`winnow logs` and `winnow events`: what a job says, and what happens."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any

import typer

from service.cli.command import Server, command
from service.cli.jobs import JobId
from service.cli.parse import without_none
from service.cli.render import Rows

Follow = Annotated[bool, typer.Option("--follow", "-f", help="Stay, and show what comes; with --json a line each.")]
EVERY_SECONDS = 1.0


def register(app: typer.Typer) -> None:
    command(app, "winnow logs job-5f0c2b7a9d1e4c3f8a6b -f")(logs)
    command(app, "winnow events --kind 'prune_list.*' -f")(events)


def logs(
    server: Server,
    job_id: JobId,
    follow: Follow = False,
    tail: Annotated[int, typer.Option(min=1, max=10_000, help="Begin with the last so many lines.")] = 1000,
) -> Any:
    """Show what a job's run says; with -f until the job has ended."""
    from service.client.core import OUTAGE_SECONDS

    part = server.winnow.get_logs(job_id, tail=tail)
    if not follow:
        return part if server.out.as_json else server.out.part(part.text, part)
    patient = server.winnow.waiting(OUTAGE_SECONDS)
    while True:
        if part.text:
            server.out.part(part.text, part)
        elif part.ended:
            return None
        else:
            time.sleep(EVERY_SECONDS)
        part = patient.get_logs(job_id, offset=part.next)


def events(
    server: Server,
    job_id: Annotated[str | None, typer.Option("--job", metavar="ID", help="Of one job.")] = None,
    model: Annotated[str | None, typer.Option(help="Of one model.")] = None,
    kind: Annotated[list[str], typer.Option(help="Of this kind, such as job.state or prune_list.*; repeatable.")] = [],  # noqa: B006
    after: Annotated[int, typer.Option(min=0, help="Beyond this number.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most; without -f.")] = 200,
    follow: Follow = False,
) -> Any:
    """List what happened, oldest first; with -f also what happens from here on."""
    if not follow:
        if job_id is not None:
            found = server.winnow.list_job_events(job_id, after=after, limit=limit)
        else:
            found = server.winnow.list_events(after=after, limit=limit, **without_none(model=model, kind=kind))
        return Rows("events", found)
    for event in server.winnow.events(job_id, model=model, kinds=kind, after=after):
        about = " ".join(filter(None, (event.model, event.job_id)))
        data = json.dumps(event.data, ensure_ascii=False)
        server.out.part(f"{event.number} {event.time:%Y-%m-%d %H:%M:%SZ} {event.kind} {about} {data}\n", event)
    return None
