"""`winnow simulate`, `winnow data` and `winnow check`: making data, and holding a spec against it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from trainers.cli.output import Json, Output, plain, table
from trainers.cli.run import check_machine, gpus_of
from trainers.problems import limit_lines
from trainers.spec import JobSpec, SpecError, load_data_part, load_spec

Target = Annotated[Path, typer.Option("--output", "-o", help="Directory to make; must not exist.")]
Source = Annotated[Path, typer.Option("--source", help="Directory with GroupLens's unpacked files.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of the rows' order and the splits.")]

MOST_FEATURES = 100  # that a person reads

movielens = typer.Typer(help="Make Parquet and a spec of a public data set.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.command(epilog="Example: winnow simulate --features 60 --rows 200000 --seed 1 --output data")(simulate)
    app.command(epilog="Example: winnow check data/spec.yaml --json")(check)
    app.add_typer(movielens, name="data")


def simulate(
    features: Annotated[int, typer.Option(min=1, help="Number of features.")],
    rows: Annotated[int, typer.Option(min=1, help="Number of rows, over all splits.")],
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same data.")],
    output: Target,
    base_rate: Annotated[float, typer.Option(min=0.001, max=0.999, help="Share of positive labels.")] = 0.25,
    as_json: Json = False,
) -> None:
    """Make a data set whose features' true roles are known: train/, validation/, test/, spec.yaml, truth.json."""
    with Output(as_json=as_json) as out:
        from trainers.simulator import simulate as make

        make(features=features, rows=rows, seed=seed, output=output, base_rate=base_rate)
        _made(out, output, truth=output / "truth.json")


@movielens.command("movielens-100k", epilog="Example: winnow data movielens-100k --source ml-100k --output data/100k")
def movielens_100k(source: Source, output: Target, seed: Seed = 0, as_json: Json = False) -> None:
    """MovieLens-100K: nine fields, label rating > 3, rows shuffled, 80/10/10."""
    with Output(as_json=as_json) as out:
        from trainers.datasets.movielens import prepare_100k

        prepare_100k(source, output, seed=seed)
        _made(out, output)


@movielens.command("movielens-1m", epilog="Example: winnow data movielens-1m --source ml-1m --output data/1m")
def movielens_1m(
    source: Source,
    output: Target,
    seed: Seed = 0,
    timestamp_rows: Annotated[
        bool, typer.Option("--timestamp-rows", help="Only the rows with a timestamp, and the timestamp as a field.")
    ] = False,
    as_json: Json = False,
) -> None:
    """MovieLens-1M: label rating > 3; the splits that are there, or rows shuffled, 80/10/10."""
    with Output(as_json=as_json) as out:
        from trainers.datasets.movielens import prepare_1m

        prepare_1m(source, output, seed=seed, timestamp_rows=timestamp_rows)
        _made(out, output)


def _made(out: Output, output: Path, **more: Path) -> None:
    spec = output / "spec.yaml"
    content = {"output": output, "spec": spec, **more}
    out.result(content, lambda console: console.print(f"made {spec}; next: winnow run {spec} --output …", markup=False))


def check(
    spec: Annotated[Path, typer.Argument(help="YAML or JSON spec.")],
    as_json: Json = False,
) -> None:
    """Hold a spec against its data without training: columns, types, rows, labels."""
    with Output(as_json=as_json) as out:
        job = _load(spec)
        check_machine(out, None, gpus=gpus_of(job))
        from trainers.data.checks.check import check as hold

        output = None if job.output is None or "://" in job.output else Path(job.output)
        summary = plain(hold(job, output))
        out.result(summary, lambda console: _show_summary(console, summary))


def _load(path: Path) -> JobSpec:
    """A spec. Where it is wrong and names its data all the same, what is wrong with these is told with it."""
    try:
        return load_spec(path)
    except SpecError as error:
        part = load_data_part(path)
        if part is None:
            raise
        from trainers.data.checks.check import check as hold

        try:
            hold(part)
        except SpecError as other:
            lines = dict.fromkeys([*str(error).splitlines(), *str(other).splitlines()])
            raise SpecError("\n".join(limit_lines(list(lines)))) from None
        raise


def _show_summary(console: Console, summary: dict[str, Any]) -> None:
    """Splits, features, how long a run trains, and last what deserves a look."""
    splits = [{"split": name, **split} for name, split in summary["splits"].items()]
    if all(split["base_rate"] == split["positive_share"] for split in splits):
        splits = [{key: value for key, value in split.items() if key != "positive_share"} for split in splits]
    console.print(table("Splits", splits))
    rows = [_feature_row(name, shares, summary) for name, shares in summary["share_at_default"].items()]
    console.print(table("Features", rows[:MOST_FEATURES]))
    if len(rows) > MOST_FEATURES:
        console.print(f"… and {len(rows) - MOST_FEATURES} more; --json has all of them", style="dim")
    plan = summary["training"]
    epochs = f"{plan['epochs']:,} epochs, {plan['steps']:,} steps"
    if "seeds" in plan:
        epochs += f", for each of {plan['seeds']} seeds"
    console.print(f"training: batches of {plan['batch_size']:,} rows a worker, {epochs}", highlight=False)
    console.print(f"fingerprint: {summary['fingerprint']}", markup=False, highlight=False, soft_wrap=True)
    for warning in summary["warnings"]:
        console.print(f"warning: {warning}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    console.print("the spec and its data fit together", style="green")


def _feature_row(name: str, shares: dict[str, float], summary: dict[str, Any]) -> dict[str, str]:
    """Of one feature: what it predicts alone, its distinct ids and those that share a row of the table, and in each
    split the rows that are null or at its default. What isn't known, or is none, is a dash."""
    auc, found = summary["single_feature_auc"].get(name), summary["collisions"].get(name)
    at_default = " / ".join(f"{share:.1%}" for share in shares.values())
    return {
        "feature": name,
        "AUC alone": "–" if auc is None else f"{auc:.3f}",
        "distinct ids": "–" if found is None else f"{found['distinct']:,}",
        "sharing a row": "–" if not found or not found["share"] else f"{found['share']:.1%}",
        f"null or default ({' / '.join(shares)})": at_default if any(shares.values()) else "–",
    }
