"""Start-up of `winnow run` by stage: processes of this machine with one worker and with two, and Ray with two.

    python -m tests.experiments.startup

Prints Markdown: seconds from the command's start, each row one command. Other work on the machine counts too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import typer
import yaml

from trainers.runs.directory import RunDirectory, read_json
from trainers.simulator import simulate

WINNOW = str(Path(sys.executable).with_name("winnow"))
STEPS = 20


@dataclass(frozen=True)
class StartUp:
    """Seconds from the command's start until each."""

    data_checked: float
    workers_up: float
    searching: float
    first_step: float
    end: float


def prepare(folder: Path, features: int, rows: int) -> Path:
    """Simulated data, and a spec of a few steps, each of them reported."""
    simulate(features=features, rows=rows, seed=7, output=folder)
    raw = yaml.safe_load((folder / "spec.yaml").read_text(encoding="utf-8"))
    raw["training"] = {"batch_size": 128, "epochs": 1, "max_steps": STEPS, "report_every": 1}
    (folder / "spec.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    return folder / "spec.yaml"


def measure(spec: Path, output: Path, *, workers: int, on_ray: bool) -> StartUp:
    """One run, on a Ray of its own where asked for."""
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    command = [WINNOW, "run", str(spec), "--output", str(output), "--workers", str(workers), "--quiet", "--json"]
    began = time.time()
    done = subprocess.run(
        command,
        env={**environment, "RAY_ADDRESS": "local"} if on_ray else environment,
        capture_output=True,
        text=True,
        check=False,
    )
    end = time.time() - began
    assert done.returncode in (0, 3), done.stderr
    directory = RunDirectory(output)
    events = [json.loads(line) for line in directory.events.read_text(encoding="utf-8").splitlines()]
    started = next(datetime.fromisoformat(each["time"]) for each in events if each["kind"] == "started")
    at_start = started.timestamp() - began
    stages = read_json(directory.metrics)["stages"]
    with pa.memory_map(str(directory.measures)) as source:
        first = pa.ipc.open_file(source).read_all()["seconds"][0].as_py()
    searching = at_start + stages["starting"]
    return StartUp(
        data_checked=at_start,
        workers_up=at_start + stages["workers"],
        searching=searching,
        first_step=searching + first,
        end=end,
    )


def main(features: int = 32, rows: int = 60_000, rounds: int = 1) -> None:
    with tempfile.TemporaryDirectory() as folder:
        spec = prepare(Path(folder) / "data", features, rows)
        print("| launcher | workers | " + " | ".join(field.name.replace("_", " ") for field in fields(StartUp)) + " |")
        print("|---" * (2 + len(fields(StartUp))) + "|")
        for turn in range(rounds):
            for name, workers in (("local", 1), ("local", 2), ("ray", 2)):
                found = measure(spec, Path(folder) / f"{name}-{workers}-{turn}", workers=workers, on_ray=name == "ray")
                seconds = " | ".join(f"{each:.1f}" for each in astuple(found))
                print(f"| {name} | {workers} | {seconds} |", flush=True)


if __name__ == "__main__":
    typer.run(main)
