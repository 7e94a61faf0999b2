"""The page: a run directory's files through one template."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup

from trainers.report.plots import plots
from trainers.run_directory import RunDirectory, read_json, write_text
from trainers.simulator.outcome import compare


def render(run: RunDirectory, truth: Path | None = None) -> Path:
    """Write report.html from a finished run's files; with the simulator's truth.json, compared with it."""
    found, metrics, spec = read_json(run.prune_list), read_json(run.metrics), read_json(run.spec)
    environment = Environment(
        loader=PackageLoader("trainers.report"), autoescape=select_autoescape(default=True), trim_blocks=True
    )
    # The SVG is matplotlib's own, and it escapes what it is given.
    drawn = {name: Markup(text) for name, text in plots(run, found, metrics).items()}  # noqa: S704
    page = environment.get_template("report.html").render(
        found=found,
        metrics=metrics,
        spec=json.dumps(spec, indent=2),
        plots=drawn,
        truth=_truth(found, truth),
        savings=_savings(found),
    )
    write_text(run.report, page)
    return run.report


def _truth(found: dict[str, Any], truth: Path | None) -> list[Any]:
    if truth is None:
        return []
    decisions = {feature["name"]: feature["decision"] for feature in found["features"]}
    return compare(json.loads(truth.read_text(encoding="utf-8")), decisions)


def _savings(found: dict[str, Any]) -> list[tuple[str, float, float, float | None]]:
    """(what, before, after, share saved)."""
    rows = []
    for key in ("features", "dims", "embedding_bytes", "bytes_per_example"):
        before, after = found["before"][key], found["after"][key]
        rows.append((key.replace("_", " "), before, after, 1 - after / before if before else None))
    return rows
