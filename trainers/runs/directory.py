"""The run directory: the files a run leaves, and the only interface between a run and whoever watches it.

| file | written | content |
|---|---|---|
| spec.json | first | the spec, complete with defaults (see trainers/spec) |
| progress.json | every report, replaced whole | how far the run is (see progress.py) |
| gates.parquet | at the end and at every stage's end, replaced whole | step, feature, gate, details of the selector |
| history/ | every few seconds of the search | the same in levels, for readers of parts (see history.py) |
| history/measures.arrow | with them, replaced whole | losses, polarization, throughput by step (see measures.py) |
| metrics.json | at the end | quality of the three models, curve, timings, what features weigh (see results.py) |
| data.json | once the data were checked | what the files were like, split by split (see trainers/data/fingerprint.py) |
| prune_list.json | at the end | the decision (see prune_list.py) |
| events.jsonl | appended | one JSON object a line: time (ISO 8601, UTC), kind, data |
| report.html | at the end | the report |
| checkpoints/ | during the run | the newest checkpoint of the search, and Ray Train's notes |
| workers.log | appended, in runs without Ray | what the workers and their libraries said |
| log.txt | appended, in runs of a control plane | what the run and its libraries said |

Every replaced file is written under a temporary name and renamed, so that a reader never meets half a file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from trainers.problems import describe
from trainers.runs.progress import Progress
from trainers.runs.prune_list import PruneList
from trainers.runs.results import Results
from trainers.spec import JobSpec, parse_spec

MEASURES = "measures.arrow"
Document = TypeVar("Document")


class RunFileError(ValueError):
    """A file of a run directory that isn't what it should be; the message names the file, the field and the remedy."""


@dataclass(frozen=True)
class FinishedRun:
    """What a finished run says of itself."""

    spec: JobSpec
    results: Results
    prune_list: PruneList


@dataclass(frozen=True)
class RunDirectory:
    path: Path

    @property
    def spec(self) -> Path:
        return self.path / "spec.json"

    @property
    def progress(self) -> Path:
        return self.path / "progress.json"

    @property
    def gates(self) -> Path:
        return self.path / "gates.parquet"

    @property
    def history(self) -> Path:
        return self.path / "history"

    @property
    def measures(self) -> Path:
        return self.history / MEASURES

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.json"

    @property
    def prune_list(self) -> Path:
        return self.path / "prune_list.json"

    @property
    def data(self) -> Path:
        return self.path / "data.json"

    @property
    def retrained(self) -> Path:
        return self.path / "retrained.json"

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def workers_log(self) -> Path:
        return self.path / "workers.log"

    @property
    def log(self) -> Path:
        return self.path / "log.txt"

    def read_spec(self) -> JobSpec | None:
        """The run's spec; None where there is none. Raises RunFileError."""
        return _read(self.spec, parse_spec)

    def read_progress(self) -> Progress | None:
        """How far the run is; None until it has said so. Raises RunFileError."""
        return _read(self.progress, Progress.parse)

    def read_results(self) -> Results | None:
        """What the run measured; None until its end. Raises RunFileError."""
        return _read(self.metrics, Results.parse)

    def read_prune_list(self) -> PruneList | None:
        """What the run decided, of either version; None until its end. Raises RunFileError."""
        return _read(self.prune_list, PruneList.parse)

    def read_data(self) -> dict[str, dict[str, Any]] | None:
        """The fingerprint of its data; None of runs of version 0.1. Raises RunFileError."""
        return _read(self.data, dict)

    def read_finished(self) -> FinishedRun:
        """The documents of a finished run. Raises RunFileError: a file is missing or can't be read.

        A selector without gates has no history.
        """
        spec, results, prune_list = self.read_spec(), self.read_results(), self.read_prune_list()
        needed = [self.spec, self.metrics, self.prune_list]
        if prune_list is None or prune_list.selector.family == "gate":
            needed.append(self.measures)
        missing = [str(path.relative_to(self.path)) for path in needed if not path.is_file()]
        if spec is None or results is None or prune_list is None or missing:
            raise RunFileError(
                f"{self.path} has no {', '.join(missing)}; give the directory of a finished run, "
                f"or finish it: winnow run --resume {self.path}"
            )
        return FinishedRun(spec, results, prune_list)

    def record(self, kind: str, **data: Any) -> None:
        """Append an event, on a line of its own even where a killed run left half of one."""
        self.path.mkdir(parents=True, exist_ok=True)
        line = json.dumps({"time": datetime.now(UTC).isoformat(), "kind": kind, "data": data})
        with self.events.open("a+b") as stream:
            if stream.seek(0, os.SEEK_END):
                stream.seek(-1, os.SEEK_END)
                line = line if stream.read(1) == b"\n" else "\n" + line
            stream.write(line.encode() + b"\n")


def _read(path: Path, parse: Callable[[Any], Document]) -> Document | None:
    """The content of a JSON file, None where there is no file. Raises RunFileError."""
    try:
        return parse(read_json(path))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise RunFileError(
            f"{path} can't be read: {_first_line(error)}; give the directory of a run of this version of Winnow, "
            "or of the one before"
        ) from None


def _first_line(error: ValueError) -> str:
    """The first problem: the field's path and what is wrong with it."""
    return (describe(error) if isinstance(error, ValidationError) else str(error)).splitlines()[0]


def write_text(path: Path, text: str) -> None:
    """Replace a file whole: a reader sees the old content or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def write_json(path: Path, content: Any) -> None:
    write_text(path, json.dumps(content, indent=2, sort_keys=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
