"""The page: a run directory's files through one template."""

from __future__ import annotations

import json
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from trainers.report import summary
from trainers.report.plots import plots
from trainers.run_directory import RunDirectory, read_json, write_text


def render(run: RunDirectory, truth: Path | None = None) -> Path:
    """Write report.html from a finished run's files; with the simulator's truth.json, compared with it."""
    found, metrics, spec = read_json(run.prune_list), read_json(run.metrics), read_json(run.spec)
    # The SVG is matplotlib's own, and it escapes what it is given.
    drawn = {name: Markup(text) for name, text in plots(run, found, metrics, spec).items()}  # noqa: S704
    page = (
        _environment()
        .get_template("report.html")
        .render(
            found=found,
            metrics=metrics,
            spec=json.dumps(spec, indent=2),
            plots=drawn,
            truth=summary.against(found, truth),
            savings=summary.savings(found),
            qualities=summary.qualities(found),
            cautions=summary.cautions(found),
            rule=summary.rule(spec),
            models=summary.MODELS,
        )
    )
    write_text(run.report, page)
    return run.report


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("trainers.report"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["size"] = summary.size
    environment.filters["number"] = lambda value, form: "–" if value is None else format(value, form)
    return environment
