"""`winnow webhooks` and `winnow audit`: who is told what happens, and who did what."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from service.cli.command import PANEL, AllUnless, Limit, Server, command
from service.cli.parse import seconds, without_none
from service.cli.render import Rows

webhooks = typer.Typer(help="Webhooks on a server.")
WebhookId = Annotated[str, typer.Argument(metavar="ID", help="The webhook, as `winnow webhooks list` shows it.")]
ModelOption = Annotated[str | None, typer.Option(help="Of this model; all unless given.")]
Kinds = Annotated[
    list[str], typer.Option("--kind", help="Such as job.state or prune_list.*; repeatable; all unless given.")
]


def register(app: typer.Typer) -> None:
    app.add_typer(webhooks, name="webhooks", no_args_is_help=True, rich_help_panel=PANEL)
    some = "webhook-5f0c2b7a9d1e4c3f8a6b"
    command(webhooks, "winnow webhooks list --model feed-ranker", "list")(list_webhooks)
    command(webhooks, f"winnow webhooks show {some}")(show)
    command(webhooks, "winnow webhooks create https://example.com/hook --kind 'prune_list.*'")(create)
    command(webhooks, f"winnow webhooks enable {some}")(enable)
    command(webhooks, f"winnow webhooks disable {some}")(disable)
    command(webhooks, f"winnow webhooks rotate {some} --grace 1d")(rotate)
    command(webhooks, f"winnow webhooks delete {some}")(delete)
    command(webhooks, f"winnow webhooks test {some}")(test)
    command(webhooks, f"winnow webhooks deliveries {some} --state failed")(deliveries)
    command(webhooks, f"winnow webhooks redeliver {some} msg_5f0c2b7a9d1e4c3f8a6b")(redeliver)
    command(app, "winnow audit --limit 20")(audit)


def list_webhooks(server: Server, model: ModelOption = None, limit: AllUnless = None) -> Rows:
    """List webhooks, newest first."""
    if model is not None:
        return server.list_rows(server.winnow.list_model_webhooks, model, limit=limit)
    return server.list_rows(server.winnow.list_webhooks, limit=limit, every=True)


def show(server: Server, webhook_id: WebhookId) -> Any:
    """Show a webhook, without its secret."""
    return server.winnow.get_webhook(webhook_id)


def create(
    server: Server,
    target: Annotated[str, typer.Argument(metavar="URL", help="Where events are sent.")],
    model: ModelOption = None,
    kinds: Kinds = [],  # noqa: B006
) -> Any:
    """Have events sent somewhere; the signing secret is shown this once."""
    body = {"url": target, "kinds": kinds}
    if model is not None:
        return server.winnow.create_model_webhook(model, body)
    return server.winnow.create_webhook(body)


def enable(server: Server, webhook_id: WebhookId) -> Any:
    """Send events again."""
    return server.winnow.change_webhook(webhook_id, {"enabled": True})


def disable(server: Server, webhook_id: WebhookId) -> Any:
    """Send no events for now."""
    return server.winnow.change_webhook(webhook_id, {"enabled": False})


def rotate(
    server: Server,
    webhook_id: WebhookId,
    grace: Annotated[str, typer.Option(help="How long events are signed with the old secret too: 1h, 1d.")] = "1d",
) -> Any:
    """Give a webhook another signing secret, which is shown this once."""
    return server.winnow.rotate_webhook_secret(webhook_id, body={"grace_seconds": seconds(grace, "--grace")})


def delete(server: Server, webhook_id: WebhookId) -> Any:
    """Take a webhook away, and what was still to be sent."""
    server.winnow.delete_webhook(webhook_id)
    return {"deleted": webhook_id}


def test(server: Server, webhook_id: WebhookId) -> Any:
    """Send a test event; `deliveries` says what became of it."""
    return server.winnow.test_webhook(webhook_id)


def deliveries(
    server: Server,
    webhook_id: WebhookId,
    state: Annotated[str | None, typer.Option(help="pending, delivered or failed.")] = None,
    limit: Limit = 20,
) -> Rows:
    """List what was sent, and how it was answered, newest first."""
    filters: dict[str, Any] = without_none(state=state)
    return server.list_rows(server.winnow.list_deliveries, webhook_id, limit=limit, **filters)


def redeliver(
    server: Server,
    webhook_id: WebhookId,
    delivery_id: Annotated[str, typer.Argument(metavar="DELIVERY", help="As `winnow webhooks deliveries` shows it.")],
) -> Any:
    """Send a delivery once more."""
    return server.winnow.redeliver(webhook_id, delivery_id)


def audit(
    server: Server,
    by: Annotated[str | None, typer.Option(help="Of the key of this name.")] = None,
    model: ModelOption = None,
    limit: Limit = 50,
) -> Rows:
    """List who did what, newest first."""
    return server.list_rows(server.winnow.list_audit, limit=limit, **without_none(by=by, model=model))
