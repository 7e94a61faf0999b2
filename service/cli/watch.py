"""`winnow watch`: a job live in the terminal, and how a job's outcome ends a command."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.bar import Bar
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from service.cli.command import Server, command
from service.cli.render import COLOURS, show
from trainers.cli.output import FAILED, REFUSED
from trainers.runs.progress import Polarization, Progress, Stage
from trainers.runs.prune_list import PASSED, PruneList

if TYPE_CHECKING:
    from service.schemas.jobs import JobView

EVERY_SECONDS = 1.0
BRIEF = ("id", "name", "model", "state", "position", "reason", "attempt", "deadline", "started_at", "ended_at")
# Gates shown from the top and from the bottom.
ENDS = 10


def register(app: typer.Typer) -> None:
    command(app, "winnow watch job-5f0c2b7a9d1e4c3f8a6b")(watch)


def watch(
    server: Server, job_id: Annotated[str, typer.Argument(metavar="ID", help="The job, as `winnow jobs` lists it.")]
) -> Any:
    """Show a job's progress and gates until it has ended. Exit code 1: it failed; 3: its guard did not pass."""
    return finish(server, follow(server, job_id))


def follow(server: Server, job_id: str) -> JobView:
    """Show a job until it has ended; without a terminal a line a state. A server that is restarted is waited for."""
    from service.client.core import OUTAGE_SECONDS

    server.out.interrupted = f"job {job_id} goes on; `winnow watch {job_id}` shows it, `winnow cancel {job_id}` ends it"
    console = server.out.errors
    job = server.winnow.get_job(job_id)
    if job.state == "queued":
        say_queue_problem(server)
    patient = server.winnow.waiting(OUTAGE_SECONDS)
    with Live(view(job, console), console=console, auto_refresh=False, transient=True) as live:
        shown = ""
        while True:
            if console.is_terminal:
                live.update(view(job, console), refresh=True)
            elif shown != job.state:
                server.out.say(f"{job.id} {job.state}")
            shown = job.state
            if job.state.ended:
                return job
            time.sleep(EVERY_SECONDS)
            job = patient.get_job(job_id)


def say_queue_problem(server: Server) -> None:
    """Say why no waiting job starts, beside the result, where the service knows a reason."""
    problem = server.winnow.get_queue(limit=1).problem
    if problem is not None:
        server.out.say(problem, style="yellow")


def finish(server: Server, job: JobView) -> None:
    """Give an ended job as the result. Raises typer.Exit with the code that its outcome stands for."""
    server.out.result(job, lambda console: show(console, brief(job)))
    if job.state != "succeeded":
        raise typer.Exit(FAILED)
    if job.dry_run:
        return
    guard = PruneList.parse(server.winnow.get_job_prune_list(job.id)).guard
    if guard.verdict != PASSED:
        server.out.say(f"the guard's verdict is {guard.verdict}: {guard.reason}", style="yellow")
        raise typer.Exit(REFUSED)


def brief(job: JobView) -> dict[str, Any]:
    """What people want to know of a job that they have just submitted, or that has ended."""
    return {name: getattr(job, name) for name in BRIEF}


def view(job: JobView, console: Console) -> RenderableType:
    """A job as it stands: where it is, how far its gates have parted, the highest and the lowest of them."""
    progress = job.progress if isinstance(job.progress, Progress) else None
    parts: list[RenderableType] = [_head(job, progress)]
    if progress is not None and progress.total_steps:
        parts.append(_steps(progress))
    if progress is not None and progress.polarization is not None:
        parts.append(_polarization(progress.polarization))
    if progress is not None and progress.gates:
        parts.append(_gates(progress.gates, max(2, min(ENDS, (console.height - 8) // 2))))
    return Group(*parts)


def _head(job: JobView, progress: Progress | None) -> Text:
    text = Text.assemble((job.name, "bold"), f" {job.id} ", (str(job.state), COLOURS.get(job.state, "cyan")))
    if job.position is not None:
        text.append(f", place {job.position} in the queue")
    if job.state == "starting" and progress is not None and progress.stage is Stage.VALIDATING:
        text.append(", validating the data")
    if job.cancel_requested and not job.state.ended:
        text.append(", to be cancelled", style="yellow")
    if job.attempt > 1:
        text.append(f", attempt {job.attempt}")
    if progress is not None and progress.loss is not None:
        text.append(f"  loss {progress.loss:.4f}  {progress.rows_per_second or 0:,.0f} rows/s", style="dim")
    return text


def _steps(progress: Progress) -> Table:
    step, total = progress.step, progress.total_steps
    grid = Table.grid(padding=(0, 1))
    left = "" if progress.eta is None else f"{timedelta(seconds=round(progress.eta))} left"
    stage = progress.stage.value + (f", seed {progress.seed_number} of {progress.seeds}" if progress.seeds else "")
    grid.add_row(stage, ProgressBar(total=total, completed=step, width=30), f"{step}/{total}", left)
    return grid


def _polarization(found: Polarization) -> Text:
    return Text.assemble(
        "gates: ",
        (f"{found.low:.0%} under 0.1", "yellow"),
        f", {found.middle:.0%} between, ",
        (f"{found.high:.0%} over 0.9", "green"),
    )


def _gates(gates: Mapping[str, float], ends: int) -> Table:
    ranked = sorted(gates.items(), key=lambda each: -each[1])
    grid = Table.grid(padding=(0, 1))
    grid.add_column(justify="right", style="dim")
    grid.add_column(no_wrap=True, overflow="ellipsis", max_width=32)
    grid.add_column(justify="right")
    cut = len(ranked) > 2 * ends
    for place, (name, gate) in enumerate(ranked, 1):
        if cut and place == ends + 1:
            grid.add_row("", f"… {len(ranked) - 2 * ends} more", "", "")
        if not cut or place <= ends or place > len(ranked) - ends:
            grid.add_row(str(place), name, f"{gate:.3f}", Bar(1.0, 0.0, gate, width=24, color=_colour(gate)))
    return grid


def _colour(gate: float) -> str:
    return "green" if gate > 0.9 else "yellow" if gate < 0.1 else "blue"
