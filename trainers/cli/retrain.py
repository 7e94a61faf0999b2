"""`winnow retrain`."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from trainers.cli.output import Json, Output, quiet_libraries, table
from trainers.cli.run import check_machine
from trainers.runs.directory import RunDirectory, write_json
from trainers.runs.results import METRICS, Quality
from trainers.runs.retrained import Retrained
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
    seeds: Annotated[int, typer.Option(min=1, help="How many models of each kind to train.")] = 3,
    output: Annotated[
        Path | None, typer.Option(help="File for the result; retrained.json of a run's directory unless given.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Train chosen features and all features from new weights, once a seed, and compare them on the test split."""
    with Output(as_json=as_json) as out:
        job, names, kept_dims = _read_choice(spec, keep)
        path = output or (RunDirectory(spec).retrained if spec.is_dir() else None)
        _require_writable(path, spec, job)
        check_machine(out, None if path is None else path.parent)
        _check_data(out, job, RunDirectory(spec) if spec.is_dir() else None)
        import torch

        from trainers.metrics.significance import compare_seeds
        from trainers.pipeline.retrain import retrain as train
        from trainers.training.ranks import compute_threads

        quiet_libraries()
        torch.set_num_threads(compute_threads(1))

        def train_all(kind: str, keep: Sequence[str], dims: Mapping[str, Sequence[int]]) -> tuple[Quality, ...]:
            def say(seed: int, found: Quality) -> None:
                out.say(f"{kind}, seed {seed}: AUC {_number(found.auc)}")

            return tuple(train(job, keep, seeds, say, kept_dims=dims))

        every = [feature.name for feature in job.features]
        kept = train_all("chosen features", names, kept_dims)
        full = () if set(names) == set(every) and not kept_dims else train_all("all features", every, {})
        first = job.training.seed
        found = Retrained(
            keep=tuple(names),
            kept_dims=kept_dims,
            seeds=tuple(range(first, first + seeds)),
            kept=kept,
            full=full,
            differences=compare_seeds(kept, full),
        )
        if path is not None:
            write_json(path, found.document())
            out.say(f"result: {path}")
        out.result(_content(found), lambda console: _show(console, found))


def _content(found: Retrained) -> dict[str, Any]:
    """The result for machines; `mean` and `seeds` are of the chosen features."""
    means = {name: _mean(found.kept, name) for name in METRICS}
    rows = {f"seed {seed}": metrics.document() for seed, metrics in zip(found.seeds, found.kept, strict=True)}
    return {**found.document(), "keep": list(found.keep), "mean": means, "seeds": rows}


def _read_choice(spec: Path, keep: str | None) -> tuple[JobSpec, list[str], dict[str, tuple[int, ...]]]:
    """The spec, the chosen features, and of those of which some dims alone are chosen, which."""
    directory = RunDirectory(spec)
    job = load_spec(directory.spec if spec.is_dir() else spec)
    if keep is not None:
        return job, [name.strip() for name in keep.split(",") if name.strip()], {}
    prune_list = directory.read_prune_list() if spec.is_dir() else None
    if prune_list is None:
        raise SpecError(f"keep: missing, and {spec} is no finished run; give --keep a,b or a run's directory")
    return job, list(prune_list.kept), prune_list.kept_dims


def _require_writable(path: Path | None, spec: Path, job: JobSpec) -> None:
    """Raises SpecError where the result can't be written, or must not be: after the training is too late."""
    from trainers.data.checks.outputs import require_output_apart

    if path is None:
        return
    if path.is_dir():
        raise SpecError(f"output: {path} is a directory; name a file, such as {path / 'retrained.json'}")
    if path.resolve() == spec.resolve():
        raise SpecError(f"output: {path} is the spec itself, and would be written over; name another file")
    require_output_apart(job.dataset, path)


def _check_data(out: Output, job: JobSpec, run: RunDirectory | None) -> None:
    """Hold the spec against its data as a run does, say what deserves a look, and whether the run's data were others.
    Raises SpecError."""
    from trainers.data.checks.check import check

    found = check(job)
    for line in found.warnings:
        out.say(line, style="yellow")
    changes = None if run is None else _find_changes(run, job, found.fingerprint)
    if changes is not None:
        out.say(
            f"dataset: the data aren't those that the run was made from{changes}; its features may have been chosen "
            "on other rows: put the files back, or run again",
            style="yellow",
        )


def _find_changes(run: RunDirectory, job: JobSpec, digest: str) -> str | None:
    """What became of a run's data, None where nothing did. Of runs of version 0.1 the digest alone is known, and of
    lists of other programs nothing."""
    from trainers.data.fingerprint import find_changes, read_fingerprint

    if (before := run.read_data()) is not None:
        changes = find_changes(before, read_fingerprint(job))
        return f": {'; '.join(changes)}" if changes else None
    prune_list = run.read_prune_list()
    known = None if prune_list is None else prune_list.fingerprints.get("data")
    return None if known in (None, digest) else ""


def _mean(models: Sequence[Quality], metric: str) -> float | None:
    known = [value for model in models if (value := model.value(metric)) is not None]
    return statistics.mean(known) if known else None


def _number(value: float | None, form: str = "z.5f") -> str:
    return "–" if value is None else format(value, form)


def _show(console: Console, found: Retrained) -> None:
    rows = [
        *((f"chosen, seed {seed}", model.value) for seed, model in zip(found.seeds, found.kept, strict=True)),
        *((f"all, seed {seed}", model.value) for seed, model in zip(found.seeds, found.full, strict=False)),
    ]
    metrics = [metric for metric in METRICS if any(value(metric) is not None for _, value in rows)]
    lines = [{"": name, **{metric: _number(value(metric)) for metric in metrics}} for name, value in rows]
    for kind, models in (("chosen, mean", found.kept), ("all, mean", found.full)):
        if models:
            lines.append({"": kind, **{metric: _number(_mean(models, metric)) for metric in metrics}})
    if found.differences:
        lines.append({"": "difference", **{metric: _difference(found, metric, "mean") for metric in metrics}})
    if any(difference.interval is not None for difference in found.differences.values()):
        lines.append({"": "95% interval", **{metric: _difference(found, metric, "interval") for metric in metrics}})
    console.print(table("Retrained from new weights, on the test split", lines))
    if not found.full:
        console.print("every feature is chosen, so that there is nothing to compare with", style="dim")
    elif len(found.seeds) == 1:
        console.print("one seed says nothing of chance: an interval takes --seeds 2 or more", style="dim")


def _difference(found: Retrained, metric: str, part: str) -> str:
    difference = found.differences.get(metric)
    if difference is None:
        return "–"
    if part == "mean":
        return _number(difference.mean, "+z.5f")
    return "–" if difference.interval is None else " to ".join(_number(end, "+z.5f") for end in difference.interval)
