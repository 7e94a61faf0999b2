"""Every name of the product and of the tests' support that this folder imports: a move there changes this file alone.

What is installed, the `winnow` command too, is found by its entry point.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import typer
from typer.testing import CliRunner, Result

from service.app import create_app
from service.core.clock import utc_now
from service.ray.client import Status, Work
from service.settings import Settings
from service.store import keys
from tests.support.receivers import receiving
from tests.support.rehearsal import Pace, RehearsalEngine
from tests.support.serving import free_port, wait_until
from trainers.runs.prune_list import PruneList
from trainers.spec import load_spec, parse_spec

__all__ = [
    "CHANGED",
    "MOVED_KEYS",
    "NOW_UNNAMED",
    "RENAMED_SPEC_PATHS",
    "UNREAD",
    "WINNOW",
    "Pace",
    "RehearsalEngine",
    "Settings",
    "Status",
    "Work",
    "client",
    "client_models",
    "command_line",
    "create_app",
    "decisions",
    "first_key",
    "free_port",
    "load_spec",
    "parse_spec",
    "receiving",
    "utc_now",
    "wait_until",
    "winnow",
]

# What a key that went says only to LeAP's adaptive gate, and so to no gate of the base version.
UNREAD = object()
# Structural renames of the spec that no pydantic alias can say: dotted path in version 0.1.0 to its value today.
RENAMED_SPEC_PATHS: dict[str, Callable[[Any], Any]] = {
    "selector.name": lambda spec: spec.selector.name.removesuffix("_base"),
    "selector.penalty": lambda spec: "uniform" if spec.selector.name == "leap_base" else "adaptive",
    "selector.stand_in": lambda spec: spec.selector.replacement,
    "selector.ema": lambda spec: getattr(spec.selector, "ema", UNREAD),
    # Numbers of 0.1.0 where today the number of rows decides, unless a spec says them.
    "training.batch_size": lambda spec: spec.training.batch_size or UNREAD,
    "training.epochs": lambda spec: spec.training.epochs or UNREAD,
    "finetune.start": lambda spec: spec.finetune.start or UNREAD,
    "finetune.epochs": lambda spec: UNREAD if spec.finetune.epochs is None else spec.finetune.epochs,
    "selector.learning_rate": lambda spec: spec.selector.learning_rate or UNREAD,
    "selector.alpha": lambda spec: getattr(spec.selector, "alpha", None) or UNREAD,
    "selector.clip": lambda spec: getattr(spec.selector, "clip", None) or UNREAD,
}
# Values that 0.1.0 filled in where a spec named none, and that are null today: null is an id of its own.
NOW_UNNAMED = {"features[].default"}
# Keys of answers that lie deeper since version 0.1.0: the key, to where it is beside its former neighbours.
MOVED_KEYS: dict[str, tuple[str, ...]] = {}
# What is other on purpose: by operation id the places of its answers, as `differences` tells them, and why.
CHANGED: dict[str, dict[str, str]] = {
    operation: {".errors[0].message": "messages say what to give, in plain words, and no longer pydantic's"}
    for operation in ("submitJob", "listJobs")
} | {"inferFeatures": {".detail": "data that don't exist are told in one clause"}}

WINNOW = str(Path(sys.executable).with_name("winnow"))


def command_line() -> Any:
    """The click command that the `winnow` script calls."""
    return typer.main.get_command(_application())


def winnow(*arguments: object, **environment: str | None) -> Result:
    """What the `winnow` script does with these arguments, in this process: torch is imported once for all tests.

    Environment variables are those of the process but for these; one that is None is unset.
    """
    chosen = {"COLUMNS": "200", "RAY_ADDRESS": None, **environment}
    return CliRunner().invoke(_application(), [str(each) for each in arguments], env=chosen)


def _application() -> typer.Typer:
    (script,) = entry_points(group="console_scripts", name="winnow")
    found: typer.Typer = script.load()
    return found


def client() -> ModuleType:
    return importlib.import_module("service.client")


def client_models() -> ModuleType:
    return importlib.import_module("service.client.models")


def decisions(prune_list: Path) -> dict[str, str]:
    """What a prune list's file decides, read by the product: `keep` or `prune` by feature, in the list's order."""
    found = PruneList.parse(json.loads(prune_list.read_text(encoding="utf-8")))
    return {feature.name: feature.decision for feature in found.features}


def first_key(sessions: Any, now: Any) -> str:
    """The secret of an admin's key, as `winnow keys create` makes it on the service's host."""
    with sessions.begin() as session:
        return str(keys.create(session, "ana", ["admin"], now, by="host").secret)
