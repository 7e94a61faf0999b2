"""`winnow retrain`."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from trainers.cli.output import Json, Output, plain, table
from trainers.cli.run import check_machine
from trainers.metrics.quality import METRICS
from trainers.runs.directory import RunDirectory
from trainers.spec import JobSpec, SpecError, load_spec


def register(app: typer.Typer) -> None:
    app.command(
        epilog="Examples: winnow retrain spec.yaml --keep user_id,title --seeds 3; winnow retrain runs/first --seeds 3"
    )(retrain)


def retrain(
    spec: Annotated[Path, typer.Argument(help="YAML or JSON spec; or a finished run's directory.")],
    keep: Annotated[
        str | None, typer.Option(help="Features, separated by commas; those that the run kept unless given.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How many models to train.")] = 3,
    as_json: Json = False,
) -> None:
    """Train chosen features from scratch, once a seed, and measure them on the test split: what a list is worth."""
    with Output(as_json=as_json) as out:
        job, names = _read_choice(spec, keep)
        check_machine(out, None)
        import torch

        from trainers.pipeline.retrain import retrain as train
        from trainers.training.ranks import compute_threads

        torch.set_num_threads(compute_threads(1))
        found = train(job, names, seeds, lambda seed, metrics: out.say(f"seed {seed}: AUC {_number(metrics.auc)}"))
        rows = {f"seed {job.training.seed + at}": plain(metrics) for at, metrics in enumerate(found)}
        means = {name: _mean([row[name] for row in rows.values()]) for name in METRICS}
        content = {"keep": names, "mean": means, "seeds": rows}
        out.result(content, lambda console: _show(console, rows, means))


def _read_choice(spec: Path, keep: str | None) -> tuple[JobSpec, list[str]]:
    directory = RunDirectory(spec)
    job = load_spec(directory.spec if spec.is_dir() else spec)
    if keep is not None:
        return job, [name.strip() for name in keep.split(",") if name.strip()]
    prune_list = directory.read_prune_list() if spec.is_dir() else None
    if prune_list is None:
        raise SpecError(f"keep: missing, and {spec} is no finished run; give --keep a,b or a run's directory")
    return job, list(prune_list.kept)


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.mean(known) if known else None


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:z.5f}"


def _show(console: Console, rows: dict[str, Any], means: dict[str, float | None]) -> None:
    lines = [
        {"": name, **{key: _number(row[key]) for key in METRICS}} for name, row in (*rows.items(), ("mean", means))
    ]
    console.print(table("Retrained from scratch, on the test split", lines))
