"""Commands to a server, by REST: a function each; `command.py` gives them their common options and their errors."""

from __future__ import annotations

import typer

from service.cli import features, jobs, login, models, prune_lists, schedules, stream, triggers, watch, webhooks

GROUPS = (login, jobs, stream, watch, prune_lists, models, features, triggers, schedules, webhooks)


def register(app: typer.Typer) -> None:
    for group in GROUPS:
        group.register(app)
