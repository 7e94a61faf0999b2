"""Commands to a server, by REST: a function each; `command.py` gives them their common options and their errors."""

from __future__ import annotations

import typer

from trainers.cli.remote import (
    features,
    following,
    jobs,
    login,
    models,
    prune_lists,
    schedules,
    triggers,
    watching,
    webhooks,
)

GROUPS = (login, jobs, following, watching, prune_lists, models, features, triggers, schedules, webhooks)


def register(app: typer.Typer) -> None:
    for group in GROUPS:
        group.register(app)
