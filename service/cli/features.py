"""`winnow features`: what a model is fed, and what becomes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli.command import PANEL, AllUnless, Model, Server, command
from service.cli.parse import document, parse_assignments, text_of, without_none
from service.cli.render import Rows

features = typer.Typer(help="Features of a model on a server.")
Names = Annotated[list[str], typer.Argument(help="Names of features.")]
Source = Annotated[Path, typer.Argument(metavar="FILE", help="JSON, YAML or CSV by its ending; - is JSON from stdin.")]
CSV = "text/csv"


def register(app: typer.Typer) -> None:
    app.add_typer(features, name="features", no_args_is_help=True, rich_help_panel=PANEL)
    command(features, "winnow features list feed-ranker --status candidate", "list")(list_features)
    command(features, "winnow features show feed-ranker user_id")(show)
    command(features, "winnow features add feed-ranker user_id --kind categorical --set hash_size=6041")(add)
    command(features, "winnow features infer feed-ranker --dataset /data/train --register")(infer)
    command(features, "winnow features change feed-ranker user_id --set dim=32 --set tags='[user, id]'")(change)
    command(features, "winnow features export feed-ranker --output features.csv")(export)
    command(features, "winnow features import feed-ranker features.csv", "import")(import_)
    command(features, "winnow features set-status feed-ranker retired age zip --reason 'no longer logged'")(set_status)


def list_features(
    server: Server,
    model: Model,
    status: Annotated[list[str], typer.Option(help="Such as active or candidate; repeatable.")] = [],  # noqa: B006
    kind: Annotated[str | None, typer.Option(help="dense, categorical or multi_categorical.")] = None,
    tag: Annotated[str | None, typer.Option(help="With this tag.")] = None,
    name: Annotated[str | None, typer.Option(help="Whose name begins so.")] = None,
    limit: AllUnless = None,
) -> Rows:
    """List a model's features in the order of their registration."""
    filters: dict[str, Any] = without_none(status=status, kind=kind, tag=tag, name=name)
    return server.list_rows(server.winnow.list_features, model, limit=limit, **filters)


def show(server: Server, model: Model, feature: Annotated[str, typer.Argument(help="Name of the feature.")]) -> Any:
    """Show a feature and every decision on it."""
    return server.winnow.get_feature(model, feature)


def add(
    server: Server,
    model: Model,
    names: Names,
    kind: Annotated[str, typer.Option(help="dense, categorical or multi_categorical.")],
    changes: Annotated[
        list[str], typer.Option("--set", metavar="KEY=VALUE", help="Such as dim=16, hash_size=6041, status=active.")
    ] = [],  # noqa: B006
) -> Any:
    """Register features of one kind: all of them, or none. `import` registers many of many kinds."""
    items = [{"name": name, "kind": kind, **parse_assignments(changes)} for name in names]
    return server.winnow.register_features(model, {"features": items})


def infer(
    server: Server,
    model: Model,
    dataset: Annotated[
        str | None,
        typer.Option(help="Parquet, by path or URI as the server sees it; the model's own unless given."),
    ] = None,
    leave_out: Annotated[list[str], typer.Option(help="A column that is no feature; repeatable.")] = [],  # noqa: B006
    register: Annotated[bool, typer.Option("--register", help="Register what is proposed.")] = False,
) -> Any:
    """Propose features for the columns of a data set, from its Parquet schema; stores nothing without --register."""
    found = server.winnow.infer_features(model, without_none(dataset=dataset, leave_out=leave_out))
    # Beside the result: registered unseen, they would be lost.
    for name, auc in found.leaks.items():
        server.out.say(f"{name}: predicts the label alone (AUC {auc:.3f}); is it known before the label?", style="red")
    for name, warning in found.warnings.items():
        server.out.say(f"{name}: {warning}", style="yellow")
    if register:
        return server.winnow.register_features(model, {"features": found.features})
    return found


def change(
    server: Server,
    model: Model,
    feature: Annotated[str, typer.Argument(help="Name of the feature.")],
    changes: Annotated[
        list[str], typer.Option("--set", metavar="KEY=VALUE", help="Such as owner=ads, dim=32; null for the default.")
    ],
) -> Any:
    """Change a feature. What jobs see of it changes only while it is a candidate."""
    return server.winnow.change_feature(model, feature, parse_assignments(changes))


def export(
    server: Server,
    model: Model,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A .csv or .json file; stdout unless given.")
    ] = None,
) -> Any:
    """Write all features of a model in the form that `import` reads."""
    form = CSV if output is not None and output.suffix == ".csv" else "application/json"
    text = server.winnow.export_features(model, accept=form)
    if output is None:
        return server.out.part(f"{text}\n", json.loads(text))
    try:
        output.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise ValueError(f"--output: {output} can't be written ({error.strerror}); give another path") from None
    return {"model": model, "output": output}


def import_(server: Server, model: Model, source: Source) -> Any:
    """Register what `export` wrote, or a list of your own under `features:`; all of them, or none."""
    if source.suffix == ".csv":
        return server.winnow.import_features(model, text_of(source), content_type=CSV)
    return server.winnow.register_features(model, document(source))


def set_status(
    server: Server,
    model: Model,
    status: Annotated[str, typer.Argument(help="essential, active, candidate, pruned or retired.")],
    names: Names,
    reason: Annotated[str, typer.Option(help="Why, for the features' history.")],
) -> Any:
    """Give features a status: all of them, or none."""
    body = {"features": names, "status": status, "reason": reason}
    return server.winnow.change_feature_statuses(model, body)
