"""`winnow models`: ranking models under management."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli.command import PANEL, AllUnless, Model, Server, command
from service.cli.parse import document, parse_assignments, without_none
from service.cli.render import Rows
from trainers.spec import merge_patch

models = typer.Typer(help="Models on a server.")
Spec = Annotated[Path | None, typer.Option(help="YAML or JSON: what every job of the model begins with.")]
Owner = Annotated[str | None, typer.Option(help="Who answers for it.")]
Description = Annotated[str | None, typer.Option(help="What it ranks.")]
Changes = Annotated[
    list[str],
    typer.Option("--set", metavar="KEY=VALUE", help="Such as policy.auto_approve=true or spec.training.epochs=2."),
]


def register(app: typer.Typer) -> None:
    app.add_typer(models, name="models", no_args_is_help=True, rich_help_panel=PANEL)
    command(models, "winnow models list --owner ranking-team", "list")(list_models)
    command(models, "winnow models show feed-ranker")(show)
    command(models, "winnow models create feed-ranker --owner ranking-team --spec defaults.yaml")(create)
    command(models, "winnow models change feed-ranker --set policy.auto_approve=true")(change)
    command(models, "winnow models delete feed-ranker")(delete)
    command(models, "winnow models latency feed-ranker 0.043")(latency)


def list_models(
    server: Server,
    owner: Owner = None,
    name: Annotated[str | None, typer.Option(help="How the name begins.")] = None,
    limit: AllUnless = None,
) -> Rows:
    """List models by name."""
    return server.list_rows(server.winnow.list_models, limit=limit, **without_none(owner=owner, name=name))


def show(server: Server, model: Model) -> Any:
    """Show a model: its spec, policy, and how many features it has."""
    return server.winnow.get_model(model)


def create(
    server: Server,
    model: Model,
    owner: Annotated[str, typer.Option(help="Who answers for it: a team or a person.")],
    spec: Spec = None,
    description: Description = None,
    changes: Changes = [],  # noqa: B006
) -> Any:
    """Put a model under management. In its spec, name and features have no place."""
    body = without_none(name=model, owner=owner, description=description, spec=document(spec) or None)
    return server.winnow.create_model(merge_patch(body, parse_assignments(changes)))


def change(
    server: Server,
    model: Model,
    owner: Owner = None,
    spec: Spec = None,
    description: Description = None,
    changes: Changes = [],  # noqa: B006
) -> Any:
    """Change a model: objects are merged, null takes a key out. Jobs that are submitted keep their spec."""
    body = without_none(owner=owner, description=description, spec=document(spec) or None)
    return server.winnow.change_model(model, laid(body, parse_assignments(changes)))


def laid(base: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Two merge patches as one: a null stays, because the server is to see it."""
    both = {
        key: laid(base[key], value) if isinstance(value, dict) and isinstance(base.get(key), dict) else value
        for key, value in patch.items()
    }
    return {**base, **both}


def delete(server: Server, model: Model) -> Any:
    """Forget a model, its features and its lists, and revoke its keys; its jobs stay."""
    server.winnow.delete_model(model)
    return {"deleted": model}


def latency(
    server: Server,
    model: Model,
    p99_seconds: Annotated[float, typer.Argument(metavar="SECONDS", help="99th percentile of serving latency.")],
) -> Any:
    """Report how slow serving is, for latency triggers."""
    return server.winnow.report_latency(model, {"p99_seconds": p99_seconds})
