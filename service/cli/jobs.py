"""`winnow submit`, `jobs`, `job`, `cancel`, `retry`, `clone`, `queue`: jobs on a server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.command import Limit, Server, command
from service.cli.parse import Sets, document, parse_assignments, seconds, without_none
from service.cli.render import Rows
from service.cli.watch import brief, finish, follow, say_queue_problem
from trainers.runs.progress import Progress
from trainers.spec import load_spec, merge_patch, parse_spec

if TYPE_CHECKING:
    from service.schemas.jobs import JobView

JobId = Annotated[str, typer.Argument(metavar="ID", help="The job, as `winnow jobs` lists it.")]
Priority = Annotated[int | None, typer.Option(min=-100, max=100, help="Higher ones start first; 0 unless given.")]
Deadline = Annotated[str | None, typer.Option(help="It is cancelled where it hasn't ended so long from now: 12h, 2d.")]
Wait = Annotated[bool, typer.Option("--wait", help="Stay until it has ended; its outcome is the exit code.")]


def register(app: typer.Typer) -> None:
    command(app, "winnow submit spec.yaml --set training.epochs=2 --wait")(submit)
    command(app, "winnow jobs --state failed --model feed-ranker", "jobs")(list_jobs)
    command(app, "winnow job job-5f0c2b7a9d1e4c3f8a6b")(job)
    command(app, "winnow cancel job-5f0c2b7a9d1e4c3f8a6b")(cancel)
    command(app, "winnow retry job-5f0c2b7a9d1e4c3f8a6b")(retry)
    command(app, "winnow clone job-5f0c2b7a9d1e4c3f8a6b --set training.seed=1")(clone)
    command(app, "winnow queue")(queue)


def submit(
    server: Server,
    spec: Annotated[Path | None, typer.Argument(help="YAML or JSON spec; with --model what differs from its.")] = None,
    model: Annotated[str | None, typer.Option(help="Select for a model, over its own features.")] = None,
    changes: Sets = [],  # noqa: B006 (typer copies it)
    priority: Priority = None,
    deadline: Deadline = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Hold the spec against the data; train nothing.")] = False,
    idempotency_key: Annotated[
        str | None, typer.Option(help="Given again within a day, it answers with the job made then.")
    ] = None,
    wait: Wait = False,
) -> Any:
    """Submit a job: a spec, or a model with overrides. With --wait, exit code 1: it failed; 3: no pass by its guard."""
    from service.client.core import new_key

    key = idempotency_key or new_key()
    options = without_none(priority=priority, deadline_seconds=seconds(deadline, "--deadline"), dry_run=dry_run or None)
    if model is not None:
        body = {**options, "overrides": merge_patch(document(spec), parse_assignments(changes))}
        made = server.winnow.submit_model_job(model, body, idempotency_key=key)
    elif spec is None:
        raise ValueError("SPEC: missing; give a spec file, or --model for a model's own")
    else:
        made = server.winnow.submit_job(_spec(spec, changes), **options, idempotency_key=key)
    return _created(server, made, wait)


def _created(server: Server, job: JobView, wait: bool = False) -> Any:
    """A job that was submitted; with `wait`, what became of it."""
    if wait:
        server.out.say(f"submitted {job.id}")
        return finish(server, follow(server, job.id))
    return job if server.out.as_json else brief(job)


def _spec(path: Path, changes: list[str]) -> Any:
    """Checked here, so that what is wrong is said before anything is sent."""
    found = load_spec(path)
    return (
        parse_spec(merge_patch(found.model_dump(mode="json", exclude_unset=True), parse_assignments(changes)))
        if changes
        else found
    )


def list_jobs(
    server: Server,
    state: Annotated[list[str], typer.Option(help="Of this state, such as searching or failed; repeatable.")] = [],  # noqa: B006
    model: Annotated[str | None, typer.Option(help="Of this model.")] = None,
    name: Annotated[str | None, typer.Option(help="Whose name begins so.")] = None,
    limit: Limit = 20,
) -> Rows:
    """List jobs, newest first."""
    rows = server.list_rows(server.winnow.list_jobs, limit=limit, **without_none(state=state, model=model, name=name))
    if any(each.state == "queued" for each in rows.items):
        say_queue_problem(server)
    return rows


def job(server: Server, job_id: JobId) -> Any:
    """Show a job: its state, progress, attempts."""
    found = server.winnow.get_job(job_id)
    if found.state == "queued":
        say_queue_problem(server)
    whole = {**dict(found), "attempts": server.winnow.list_attempts(job_id)}
    if not server.out.as_json and isinstance(found.progress, Progress):
        whole["progress"] = progress_fields(found.progress)
    return whole


def progress_fields(progress: Progress) -> dict[str, Any]:
    """What people want to know of a progress; with --json there is all of it."""
    # A stage without steps has 0 of 0.
    steps = {"step": progress.step, "total_steps": progress.total_steps} if progress.total_steps else {}
    measured = without_none(
        loss=progress.loss,
        held_out_loss=progress.held_out_loss,
        rows_per_second=progress.rows_per_second,
        polarization=progress.polarization,
        converged=progress.converged,
        eta=progress.eta,
    )
    return {"stage": progress.stage, **steps, **measured}


def cancel(server: Server, job_id: JobId) -> Any:
    """Ask for a job to end; asking again changes nothing."""
    return _created(server, server.winnow.cancel_job(job_id))


def retry(server: Server, job_id: JobId, wait: Wait = False) -> Any:
    """Submit the spec of a failed or cancelled job anew."""
    from service.client.core import new_key

    made = server.winnow.retry_job(job_id, idempotency_key=new_key())
    return _created(server, made, wait)


def clone(
    server: Server,
    job_id: JobId,
    changes: Sets = [],  # noqa: B006
    priority: Priority = None,
    deadline: Deadline = None,
) -> Any:
    """Submit a job's spec anew, with changes."""
    from service.client.core import new_key

    options = without_none(priority=priority, deadline_seconds=seconds(deadline, "--deadline"))
    body = {**options, "overrides": parse_assignments(changes)}
    return _created(server, server.winnow.clone_job(job_id, body, idempotency_key=new_key()))


def queue(server: Server, limit: Limit = 50) -> Rows:
    """List the jobs that wait, in the order in which they start."""
    say_queue_problem(server)
    return server.list_rows(server.winnow.get_queue, limit=limit)
