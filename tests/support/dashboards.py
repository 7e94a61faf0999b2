"""The queries of Grafana's dashboards, with their variables filled in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.repository import ROOT

FOLDER = ROOT / "deploy" / "grafana" / "dashboards"
FILES = sorted(FOLDER.glob("*.json"))
VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)[^}]*\}")


@dataclass(frozen=True)
class Query:
    """One target of a panel; `expr` still has its variables."""

    dashboard: str
    panel: str
    expr: str

    def filled(self, **values: str) -> str:
        return VARIABLE.sub(lambda found: values[found[1] or found[2]], self.expr)


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def queries() -> Iterator[Query]:
    for path in FILES:
        for panel in read(path)["panels"]:
            for target in panel.get("targets", []):
                yield Query(path.stem, panel["title"], target["expr"])


def variables(path: Path) -> set[str]:
    """Names that a dashboard may use: its own, and those that Grafana gives."""
    return {each["name"] for each in read(path)["templating"]["list"]} | {"__rate_interval", "__range"}
