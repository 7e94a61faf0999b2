"""`winnow run`."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trainers.cli.output import REFUSED, Json, Output, TerminatedError
from trainers.doctor import Finding, quick, require
from trainers.runs.directory import RunDirectory
from trainers.runs.progress import Progress
from trainers.runs.prune_list import PASSED
from trainers.spec import JobSpec, SpecError, load_spec, merge_patch, parse_spec

if TYPE_CHECKING:
    from trainers.launch.runner import RunResult

Observer = Callable[[Progress], None]
EXAMPLES = "Examples: winnow run spec.yaml --output runs/first --workers 2; winnow run --resume runs/first"


def register(app: typer.Typer) -> None:
    app.command(epilog=EXAMPLES)(run)


def run(
    spec: Annotated[Path, typer.Argument(help="YAML or JSON spec; or a run directory, with --resume.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Run directory; the spec's `output` unless given.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Instead of the spec's `scaling.workers`.")] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="Searches whose rankings are averaged; instead of `training.seeds`.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in the directory.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress display.")] = False,
    reporting: Annotated[
        Path | None, typer.Option("--reporting", help="File of a control plane that says where to report progress.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Search, prune, fine-tune, evaluate, and write the prune list. Exit code 3: its guard did not pass."""
    with Output(as_json=as_json) as out, ended_once(), _reporter(reporting) as report:
        job, directory = _job(spec, output, resume, workers=workers, seeds=seeds)
        out.interrupted = lambda: _describe_interrupt(spec, directory)
        check_machine(out, directory, gpus=gpus_of(job))
        result = _run(job, directory, resume, report, out, quiet)
        truth = truth_of(job)
        _show_result(out, result, truth)
        if result.verdict != PASSED:
            out.say(f"the guard's verdict is {result.verdict}; see `guard` in prune_list.json", style="yellow")
            raise typer.Exit(REFUSED)


def _describe_interrupt(spec: Path, directory: Path) -> str:
    """What goes on where the run had begun, which its spec.json says, and where it had not."""
    if RunDirectory(directory).spec.exists():
        return f"interrupted; `winnow run --resume {directory}` goes on"
    return f"interrupted before the run began; `winnow run {spec} --output {directory}` starts it"


@contextmanager
def ended_once() -> Iterator[None]:
    """SIGTERM ends the run as Ctrl-C does: workers are ended, and the run says that it was interrupted. Another one of
    either that comes meanwhile changes nothing: it would keep the run from saying so."""

    came: list[int] = []

    def end(number: int, frame: object) -> None:
        came.append(number)
        for each in before:
            signal.signal(each, signal.SIG_IGN)
        raise TerminatedError if number == signal.SIGTERM else KeyboardInterrupt

    # A shell has SIGINT ignored by what it starts in the background.
    heard = [each for each in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(each) is not signal.SIG_IGN]
    before = {each: signal.signal(each, end) for each in heard}
    try:
        yield
    except KeyboardInterrupt as error:
        # Where it waits, Ray has an interrupt of its own for either.
        if came[:1] == [signal.SIGTERM] and not isinstance(error, TerminatedError):
            raise TerminatedError from error
        raise
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _job(
    spec: Path, output: Path | None, resume: bool, *, workers: int | None, seeds: int | None
) -> tuple[JobSpec, Path]:
    """The spec with the options' changes, and where the run goes."""
    if spec.is_dir():
        if not resume:
            raise SpecError(f"{spec} is a directory; give a spec file, or --resume to go on with the run in it")
        output = output or spec
        spec = spec / "spec.json"
    job = load_spec(spec)
    changes = {"scaling": {"workers": workers}} if workers is not None else {}
    changes |= {"training": {"seeds": seeds}} if seeds is not None else {}
    if changes:
        job = parse_spec(merge_patch(job.model_dump(mode="json", exclude_unset=True), changes))
    return job, output or _output_of_spec(job)


def _output_of_spec(job: JobSpec) -> Path:
    if job.output is None:
        raise SpecError("output: missing; give --output DIR, or `output` in the spec")
    if "://" in job.output:
        raise SpecError(f"output: {job.output} is a URI; `winnow run` writes a local directory: give --output DIR")
    return Path(job.output)


def gpus_of(job: JobSpec) -> int:
    """How many GPUs a run of the spec takes."""
    return job.scaling.workers if job.scaling.use_gpu else 0


def check_machine(out: Output, home: Path | None, *, gpus: int = 0) -> None:
    """The doctor's quick round, before anything imports torch. Raises DoctorError with the remedies.

    `home` is the directory that will be written, None where nothing will.
    """
    check_findings(out, quick(home, gpus=gpus))


def check_findings(out: Output, findings: list[Finding]) -> None:
    """Print warnings with their remedies. Raises DoctorError where a check failed."""
    require(findings)
    for finding in findings:
        if finding.status == "warn":
            out.say(f"{finding.name}: {finding.finding}. Remedy: {finding.remedy}", style="yellow")


@contextmanager
def _reporter(destination: Path | None) -> Iterator[Observer | None]:
    """Reports to a control plane, where there is one. They begin before torch is imported, which takes seconds."""
    if destination is None:
        yield None
        return
    from trainers.launch.progress_reporter import Destination, Reporter

    with Reporter(Destination.read(destination)) as reporter:
        yield reporter.update


def _run(job: JobSpec, directory: Path, resume: bool, report: Observer | None, out: Output, quiet: bool) -> RunResult:
    """The run, reported, and shown as it goes on unless `quiet`."""
    from trainers.launch.runner import run as start

    def warn(message: str) -> None:
        out.say(message, style="yellow")

    if quiet:
        return start(job, directory, resume=resume, observer=report, warn=warn)
    from trainers.report.terminal import LiveProgress

    with LiveProgress(out.errors) as progress:

        def show_and_report(newest: Progress) -> None:
            progress.update(newest)
            if report is not None:
                report(newest)

        return start(job, directory, resume=resume, observer=show_and_report, warn=warn)


def truth_of(job: JobSpec) -> Path | None:
    """The simulator's truth.json beside the data, where there is one."""
    train = job.dataset.train
    beside = Path(train).parent / "truth.json"
    return beside if "://" not in train and beside.is_file() else None


def _show_result(out: Output, result: RunResult, truth: Path | None) -> None:
    from trainers.report import render
    from trainers.report.terminal import print_result

    content = {
        "output": result.directory.path,
        "report": render(result.directory, truth),
        "verdict": result.verdict,
        "guard_passed": result.verdict == PASSED,
        "prune_list": result.prune_list,
    }
    out.result(content, lambda console: print_result(result.directory, truth, console))
