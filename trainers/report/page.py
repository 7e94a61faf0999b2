"""The page: the views' modules, the libraries they draw with and a run's documents, packed into one file.

All of them lie in the page as one gzipped JSON text in base64. A few lines of script unpack it, give each module an
address of its own (`blob:`), and start `views/report`: the same modules as on the service's pages. Until that has
drawn, or where it can't, the page says its numbers as plain tables.
"""

from __future__ import annotations

import base64
import gzip
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from trainers.report import summary
from trainers.runs import grid, measures_reader
from trainers.runs.directory import FinishedRun, RunDirectory, write_text
from trainers.runs.retrained import Retrained
from trainers.web import assets


def render(run: RunDirectory, truth: Path | None = None) -> Path:
    """Write report.html from a finished run's files; with the simulator's truth.json, compared with it.

    Raises:
        RunFileError: a file of the run is missing or can't be read.
        MissingLibraryError: the package was installed without the libraries that draw.
    """
    finished = run.read_finished()
    found, rule = finished.prune_list, summary.describe_rule(finished.spec.prune)
    outcomes = [asdict(outcome) for outcome in summary.compare_with_truth(found, truth)]
    report = {
        "run": _run_document(run, finished),
        "rule": rule,
        "truth": outcomes,
        "date": datetime.fromtimestamp(run.prune_list.stat().st_mtime, UTC).isoformat(timespec="seconds"),
        "retrained": _read_retrained(run),
    }
    page = render_view(
        "report",
        report,
        assets.scripts(),
        name=found.name,
        found=found,
        rule=rule,
        diagnostics=summary.describe_diagnostics(found.diagnostics),
        statements=summary.statements(found.diagnostics),
        crosses=summary.describe_crosses(found),
        copies=summary.describe_copies(found),
        budget=found.budget and summary.describe_budget(found.budget),
        savings=summary.savings(found),
        metric_rows=summary.metric_rows(found.metrics),
        models=summary.MODELS,
    )
    write_text(run.report, page)
    return run.report


def render_view(view: str, report: Mapping[str, Any], scripts: Mapping[str, Path], **content: Any) -> str:
    """A page whose template and whose view have the same name.

    Args:
        view: the name; its template extends page.html.
        report: what the view is given.
        scripts: files of the modules that the page has, by name.
        content: what the template shows, `name` among it.
    """
    modules = {name: path.read_text(encoding="utf-8") for name, path in scripts.items()}
    return (
        _environment()
        .get_template(f"{view}.html")
        .render(
            styles=[path.read_text(encoding="utf-8") for path in assets.styles()],
            packed=_pack({"modules": modules, "view": view, "report": report}),
            # Scripts with it may run: a name that turned out to be markup could not.
            nonce=secrets.token_urlsafe(16),
            **content,
        )
    )


def _run_document(run: RunDirectory, finished: FinishedRun) -> dict[str, Any]:
    """What views draw, as the API has it (trainers/web/modules/run.js)."""
    return {
        "spec": finished.spec.model_dump(mode="json"),
        "progress": None,
        "list": finished.prune_list.document(),
        "results": finished.results.document(),
        "measures": measures_reader.read(run.measures).document(),
        "grid": grid.read(run.history).document(),
    }


def _read_retrained(run: RunDirectory) -> dict[str, Any] | None:
    """What `winnow retrain` left in the run's directory; None where it wasn't run."""
    if not run.retrained.exists():
        return None
    return Retrained.parse(json.loads(run.retrained.read_text(encoding="utf-8"))).document()


def _pack(content: Mapping[str, Any]) -> str:
    """Modules, the name of the view that draws, and under `report` what it is given; see templates/report.js."""
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return base64.b64encode(gzip.compress(text.encode(), compresslevel=6, mtime=0)).decode()


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("trainers.report"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = lambda value, form: "–" if value is None else format(value, form)
    return environment
