"""The run directory: the files a run leaves, and the only interface between a run and whoever watches it.

| file | written | content |
|---|---|---|
| spec.json | first | the spec, complete with defaults |
| progress.json | every report, replaced whole | state, stage, step, total_steps, loss, polarization … |
| gates.parquet | at the end and at every stage's end, replaced whole | step, feature, gate, divergence |
| history/ | every few seconds of the search | the same in levels, for readers of parts (see gate_history.py) |
| history/measures.arrow | with them, replaced whole | losses, polarization, throughput by step (see measures.py) |
| metrics.json | at the end | quality of the full, pruned and fine-tuned model, curve, timings, what features weigh |
| prune_list.json | at the end | the decision (see pruning/prune_list.py) |
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
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

MEASURES = "measures.arrow"


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

    def record(self, kind: str, **data: Any) -> None:
        """Append an event, on a line of its own even where a killed run left half of one."""
        self.path.mkdir(parents=True, exist_ok=True)
        line = json.dumps({"time": datetime.now(UTC).isoformat(), "kind": kind, "data": data})
        with self.events.open("a+b") as stream:
            if stream.seek(0, os.SEEK_END):
                stream.seek(-1, os.SEEK_END)
                line = line if stream.read(1) == b"\n" else "\n" + line
            stream.write(line.encode() + b"\n")


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
