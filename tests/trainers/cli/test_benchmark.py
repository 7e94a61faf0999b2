"""`winnow benchmark` as a process: killed and called again, what it leaves, what it says to machines."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from tests.conftest import TinyDataset
from tests.support.commands import MARK, WINNOW, Family, hear_interrupts
from trainers.cli import app

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def suite(tiny_dataset: TinyDataset) -> Path:
    path = tiny_dataset.directory / "bench.yaml"
    content = {
        "methods": ["mutual_information", "random", "no_selection"],
        "datasets": ["spec.yaml"],
        "retention": [0.5, 0.25],
        "seeds": 3,
    }
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def start(suite: Path, output: Path, family: Family) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    return subprocess.Popen(
        [WINNOW, "benchmark", str(suite), "--output", str(output), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**environment, MARK: family.mark},
        preexec_fn=hear_interrupts,  # noqa: PLW1509 - no thread of the tests holds what it takes
    )


def stopped(suite: Path, output: Path, family: Family, *, cells: int, by: signal.Signals) -> tuple[int, str]:
    """Exit code and stdout of a command that was sent a signal when so many cells were there; no worker outlives it."""
    command = start(suite, output, family)
    deadline = time.monotonic() + 120
    while len(list(output.glob("cells/*.json"))) < cells:
        assert command.poll() is None, command.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    command.send_signal(by)
    told, _ = command.communicate(timeout=60)
    assert family.alive_after(10) == []
    return command.returncode, told


def test_stopped_in_the_middle_it_goes_on_where_it_stopped(suite: Path, tmp_path: Path) -> None:
    output, family = tmp_path / "out", Family(tmp_path / "log")
    code, told = stopped(suite, output, family, cells=1, by=signal.SIGINT)
    assert code == 130
    assert json.loads(told)["error"].startswith("interrupted; the same command goes on: winnow benchmark ")
    code, _ = stopped(suite, output, family, cells=5, by=signal.SIGKILL)
    assert code == -signal.SIGKILL
    before = {path: path.stat().st_mtime_ns for path in output.glob("cells/*.json")}
    assert not (output / "results.parquet").exists()
    again = start(suite, output, family)
    told, said = again.communicate(timeout=120)
    assert again.returncode == 0, said
    assert "3 known" in said, "every search"
    after = {path: path.stat().st_mtime_ns for path in output.glob("cells/*.json")}
    assert before.items() <= after.items(), "what was there wasn't computed again"
    results = json.loads(told)["results"]
    assert results["failures"] == []
    assert [row["method"] for row in results["tables"][0]["rows"]] == ["mutual_information", "random", "no_selection"]
    rows = pq.read_table(output / "results.parquet").to_pylist()
    assert len(rows) == 3 * (2 + 2 + 1)
    assert {
        tuple(row["kept"]) for row in rows if (row["method"], row["retention"]) == ("mutual_information", 0.25)
    } == {("age",)}
    peaks = [row["search_peak_bytes"] for row in rows if row["method"] == "mutual_information"]
    assert all(2**20 < peak < 2**30 for peak in peaks), "beyond the libraries, which take hundreds of MiB"
    assert (output / "results.md").read_text(encoding="utf-8").startswith("# benchmark\n")


def test_a_cell_whose_process_dies_is_a_failure(suite: Path, tmp_path: Path, tiny_dataset: TinyDataset) -> None:
    """The selector ends its own process, as the kernel does where memory runs out."""
    package = tmp_path / "packages" / "winnow_dies-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: winnow-dies\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[winnow.selectors]\ndies = winnow_dies:DiesSpec\n")
    (package.parent / "winnow_dies.py").write_text(
        "import os\nfrom typing import Literal\nfrom trainers.selectors.base import Ranking, TabularSpec\n"
        "class DiesSpec(TabularSpec):\n    name: Literal['dies']\n"
        "    def rank(self, sample):\n        os.kill(os.getpid(), 9)\n"
    )
    content = yaml.safe_load(suite.read_text()) | {"methods": ["dies", "random"], "seeds": 1, "retention": [0.5]}
    suite.write_text(yaml.safe_dump(content))
    environment = {**os.environ, "PYTHONPATH": str(package.parent)}
    environment.pop("RAY_ADDRESS", None)
    command = [WINNOW, "benchmark", str(suite), "--output", str(tmp_path / "out"), "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120)
    assert ended.returncode == 1, ended.stderr
    results = json.loads(ended.stdout)["results"]
    (failure,) = results["failures"]
    assert failure.startswith("dies, mlp, tiny, 0.5, seed 0: search: the cell's process was ended by signal 9 (SIGKILL")
    assert results["tables"][0]["rows"][1]["entries"][0] is not None, "the rest went on"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"methods": ["leep"]}, "methods.0.selector: name: choose one of"),
        ({"retention": [0.1]}, "retention.0: 0.1 of the 4 features"),
        ({"output": None}, "output: missing; give --output DIR"),
    ],
)
def test_what_is_wrong_is_told_by_exit_code_2(
    content: dict[str, object], said: str, suite: Path, tmp_path: Path
) -> None:
    suite.write_text(yaml.safe_dump({**yaml.safe_load(suite.read_text()), **content}))
    options = [] if "output" in content else ["--output", str(tmp_path / "out")]
    ended = CliRunner().invoke(app, ["benchmark", str(suite), *options, "--json"])
    assert ended.exit_code == 2
    assert said in json.loads(ended.stdout)["error"]
    assert not (tmp_path / "out" / "cells").exists()
