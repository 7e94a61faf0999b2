"""The table of metrics in docs/reference/metrics.md, from the code.

python -m tests.support.metrics_reference   # prints it
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fastapi.testclient import TestClient
from prometheus_client.metrics_core import Metric

from service.app import create_app
from service.metrics import Metrics
from service.settings import Settings
from tests.support.engines import HandEngine

TYPES = {"gaugehistogram": "histogram of what is"}


def families() -> Iterator[Metric]:
    """Of a service of which every metric is asked for."""
    with tempfile.TemporaryDirectory() as home:
        app = create_app(Settings(home=Path(home), metrics_features=1), HandEngine(), open_to_local=True)
        with TestClient(app, base_url="http://127.0.0.1") as http:
            assert http.get("/healthz").is_success
            metrics: Metrics = app.state.metrics
            metrics.step("reconcile", 0.1, 0)
            yield from list(metrics.registry.collect())
        app.state.sessions.kw["bind"].dispose()


def render() -> str:
    lines = ["| metric | type | labels | meaning |", "|---|---|---|---|"]
    for family in sorted(families(), key=lambda found: found.name):
        if not family.name.startswith("winnow_"):
            continue
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        shown = getattr(family, "_labelnames", ()) or sorted(labels)
        name = f"{family.name}_total" if family.type == "counter" else family.name
        meaning = family.documentation.rstrip(".")
        kind = TYPES.get(family.type, family.type)
        lines.append(f"| `{name}` | {kind} | {', '.join(shown)} | {meaning} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):  # where the service's log goes
        table = render()
    print(table, end="")
