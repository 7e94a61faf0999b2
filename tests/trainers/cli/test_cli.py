"""The command line: help, machine output, exit codes."""

import json
import logging
import os
import subprocess
import sys
import warnings
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from service.cli import app
from tests.conftest import TinyDataset
from trainers.cli.output import LIBRARIES, Output, _cell, plain
from trainers.cli.output import __file__ as output_file
from trainers.report.summary import describe_diagnostics
from trainers.runs.directory import RunDirectory
from trainers.spec import JobSpec, load_spec

COMMANDS = [
    ["run"],
    ["simulate"],
    ["data", "movielens-100k"],
    ["data", "movielens-1m"],
    ["check"],
    ["report"],
    ["serve"],
    ["doctor"],
]


def winnow(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments], env={"COLUMNS": "200", "NO_COLOR": "1"})


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_an_example_and_json(command: list[str]) -> None:
    shown = winnow(*command, "--help")
    assert shown.exit_code == 0
    assert f"winnow {' '.join(command)}" in shown.stdout
    assert "Example" in shown.stdout
    assert "--json" in shown.stdout


def test_version() -> None:
    assert winnow("--version").stdout == "winnow 0.1.0\n"


def test_doctor_says_ok_to_people_and_machines(tmp_path: Path) -> None:
    assert "torchrec 1.8.0" in winnow("doctor", "--quick", "--home", tmp_path).stdout
    said = json.loads(winnow("doctor", "--quick", "--json", "--home", tmp_path).stdout)
    assert said["ok"] is True
    assert {"name", "status", "finding", "remedy"} == set(said["findings"][0])


def test_doctor_exits_1_where_a_check_fails(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = winnow("doctor", "--quick", "--json", "--home", tmp_path / "file" / "home")
    assert ended.exit_code == 1
    assert json.loads(ended.stdout)["ok"] is False


def write_spec(folder: Path, text: str) -> Path:
    path = folder / "spec.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_wrong_spec_is_a_message_and_exit_code_2(tmp_path: Path, command: str) -> None:
    spec = write_spec(tmp_path, "dataset: {train: x, splits: {}}\nfeatures: [{name: a, kind: dense, dims: 3}]\n")
    ended = winnow(command, spec)
    assert ended.exit_code == 2
    assert ended.stdout == ""
    assert "dims: unknown key" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_with_json_the_error_is_the_document(tmp_path: Path) -> None:
    ended = winnow("run", tmp_path / "missing.yaml", "--output", tmp_path / "run", "--json")
    said = json.loads(ended.stdout)
    assert (ended.exit_code, said["exit_code"]) == (2, 2)
    assert "missing.yaml" in said["error"]
    assert said["error"] in ended.stderr


def test_run_needs_an_output(tiny_dataset: TinyDataset) -> None:
    ended = winnow("run", tiny_dataset.spec)
    assert ended.exit_code == 2
    assert "--output" in ended.stderr


def test_a_directory_is_a_run_to_resume_only(tmp_path: Path) -> None:
    ended = winnow("run", tmp_path)
    assert ended.exit_code == 2
    assert "--resume" in ended.stderr


def test_report_of_no_run_names_what_is_missing(tmp_path: Path) -> None:
    ended = winnow("report", tmp_path, "--json")
    assert ended.exit_code == 2
    assert "prune_list.json" in json.loads(ended.stdout)["error"]


class FakeRunner:
    """In the place of `trainers.launch.runner`, whose runs take half a minute: notes the call, then ends as told."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, *, ends: BaseException | None = None, verdict: str = "passed"
    ) -> None:
        self.ends, self.verdict = ends, verdict
        self.spec: JobSpec | None = None
        self.output: Path | None = None
        self.resume = False
        for name, content in {
            "trainers.launch.runner": {"run": self.run},
            "trainers.report": {"render": lambda run, truth: run.report},
            "trainers.report.terminal": {"print_result": self.show},
        }.items():
            module = ModuleType(name)
            module.__dict__.update(content)
            monkeypatch.setitem(sys.modules, name, module)

    def run(self, spec: JobSpec, output: Path, *, resume: bool, observer: Any, warn: Any) -> SimpleNamespace:
        warn("train: the rows are sorted by the label")
        self.spec, self.output, self.resume = spec, output, resume
        print("a library's chatter")
        if self.ends:
            raise self.ends
        prune_list = {"id": "abc", "guard": {"verdict": self.verdict}}
        return SimpleNamespace(directory=RunDirectory(output), prune_list=prune_list, verdict=self.verdict)

    @staticmethod
    def show(run: RunDirectory, truth: Path | None, console: Console) -> None:
        console.print("the result")


def test_a_run_gives_its_result_alone_on_stdout(
    monkeypatch: pytest.MonkeyPatch, tiny_dataset: TinyDataset, tmp_path: Path
) -> None:
    runner = FakeRunner(monkeypatch)
    ended = winnow(
        "run", tiny_dataset.spec, "--output", tmp_path / "run", "--workers", "3", "--seeds", "2", "-q", "--json"
    )
    said = json.loads(ended.stdout)
    assert ended.exit_code == 0
    assert (said["verdict"], said["guard_passed"]) == ("passed", True)
    assert said["prune_list"]["id"] == "abc"
    assert said["report"] == str(tmp_path / "run" / "report.html")
    assert "chatter" in ended.stderr
    assert "train: the rows are sorted by the label\n" in ended.stderr
    assert runner.spec is not None
    assert (runner.spec.scaling.workers, runner.spec.training.seeds) == (3, 2)
    assert winnow("run", tiny_dataset.spec, "--output", tmp_path / "run", "-q").stdout == "the result\n"


def test_resuming_a_directory_takes_its_own_spec(
    monkeypatch: pytest.MonkeyPatch, tiny_dataset: TinyDataset, tmp_path: Path
) -> None:
    runner = FakeRunner(monkeypatch)
    spec = load_spec(tiny_dataset.spec)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "spec.json").write_text(spec.model_dump_json())
    assert winnow("run", "--resume", tmp_path / "run", "-q").exit_code == 0
    assert (runner.spec, runner.output, runner.resume) == (spec, tmp_path / "run", True)


class OurError(RuntimeError):
    pass


OurError.__module__ = "trainers.launch.runner"


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (OurError("the workers died"), 1, "the workers died"),
        (KeyError("x"), 1, "KeyError: 'x' (set WINNOW_TRACEBACK=1 to see where)"),
        (ValueError("features: bad"), 2, "features: bad"),
        (KeyboardInterrupt(), 130, "interrupted before the run began; `winnow run "),
    ],
    ids=["failed", "unforeseen", "wrong", "interrupted"],
)
def test_how_a_run_ends(
    monkeypatch: pytest.MonkeyPatch,
    tiny_dataset: TinyDataset,
    tmp_path: Path,
    error: BaseException,
    code: int,
    said: str,
) -> None:
    FakeRunner(monkeypatch, ends=error)
    ended = winnow("run", tiny_dataset.spec, "--output", tmp_path / "run", "--quiet", "--json")
    assert ended.exit_code == code
    document = json.loads(ended.stdout)
    assert said in document["error"]
    assert "Traceback" not in ended.stderr


def test_a_run_that_had_begun_is_to_be_resumed(
    monkeypatch: pytest.MonkeyPatch, tiny_dataset: TinyDataset, tmp_path: Path
) -> None:
    FakeRunner(monkeypatch, ends=KeyboardInterrupt())
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "spec.json").write_text("{}")
    ended = winnow("run", tiny_dataset.spec, "--output", tmp_path / "run", "--quiet")
    assert f"interrupted; `winnow run --resume {tmp_path / 'run'}` goes on" in ended.stderr


@pytest.mark.parametrize("verdict", ["failed", "inconclusive"])
def test_a_list_that_did_not_pass_is_a_result_and_exit_code_3(
    monkeypatch: pytest.MonkeyPatch, tiny_dataset: TinyDataset, tmp_path: Path, verdict: str
) -> None:
    FakeRunner(monkeypatch, verdict=verdict)
    ended = winnow("run", tiny_dataset.spec, "--output", tmp_path / "run", "--quiet", "--json")
    assert ended.exit_code == 3
    said = json.loads(ended.stdout)
    assert (said["verdict"], said["guard_passed"]) == (verdict, False)
    assert f"the guard's verdict is {verdict}" in ended.stderr


def test_a_broken_environment_is_found_before_torch_is_imported(tiny_dataset: TinyDataset, tmp_path: Path) -> None:
    info = tmp_path / "packages" / "fbgemm_gpu-1.8.0.dist-info"
    info.mkdir(parents=True)
    info.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: fbgemm-gpu\nVersion: 1.8.0\n")
    (info.parent / "torch.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'w')\n")
    code = "from trainers.cli import app; app()"
    ended = subprocess.run(
        [sys.executable, "-c", code, "run", str(tiny_dataset.spec), "--output", str(tmp_path / "run")],
        env={**os.environ, "PYTHONPATH": str(info.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert "pip uninstall -y fbgemm-gpu-cpu fbgemm-gpu" in ended.stderr
    assert not (tmp_path / "imported").exists()
    assert not (tmp_path / "run").exists()


def test_plain_takes_what_results_are_made_of() -> None:
    directory = RunDirectory(Path("x"))
    assert plain({"a": (directory, Path("y")), 1: None}) == {"a": [{"path": "x"}, "y"], "1": None}


def test_numbers_that_are_rounding_of_zero_are_zero() -> None:
    assert [_cell(value) for value in (-0.0, 8.9e-16, -8.9e-16, 0.25, 12_345, True)] == [
        "0", "0", "0", "0.25", "12,345", "True"
    ]  # fmt: skip
    told = describe_diagnostics({"spread": 8.9e-16, "low": -0.0, "share": 0.125, "passes": 1200.0})
    assert told == "spread 0, low 0, share 0.125, passes 1,200"


def test_a_warning_of_ours_is_a_line_and_those_of_libraries_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        with Output(as_json=False):
            warnings.warn_explicit("selector.stand_in has another name", FutureWarning, output_file, 1)
            warnings.warn_explicit("use the new function", FutureWarning, pytest.__file__, 1)
            warnings.warn_explicit("unclosed file", ResourceWarning, pytest.__file__, 2)
    assert capsys.readouterr().err == "selector.stand_in has another name\n"


def test_libraries_log_errors_alone_within_a_command_whatever_they_set_before() -> None:
    """torch sets a level of its own as it is imported."""
    loggers = [logging.getLogger(name) for name in LIBRARIES]
    before = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.INFO)
        with Output(as_json=False):
            assert {(each.isEnabledFor(logging.WARNING), each.isEnabledFor(logging.ERROR)) for each in loggers} == {
                (False, True)
            }
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def test_check_prints_each_problem_on_a_line_of_its_own(tmp_path: Path) -> None:
    text = (
        "dataset: {train: a, validation: b, test: c}\nfeatures:\n- {name: off, kind: dens}\n- {name: 3, kind: dense}\n"
    )
    ended = winnow("check", write_spec(tmp_path, text))
    assert ended.exit_code == 2
    assert ended.stderr.splitlines() == [
        "feature 'off': kind: choose one of 'dense', 'categorical', 'multi_categorical' (got 'dens')",
        "features.1.name: give text (got 3)",
    ]


def test_check_shows_each_feature_once_and_warnings_as_lines(tiny_dataset: TinyDataset) -> None:
    spec = tiny_dataset.spec
    spec.write_text(spec.read_text().replace("hash_size: 50", "hash_size: 7"))
    ended = CliRunner().invoke(app, ["check", str(spec)], env={"COLUMNS": "80", "NO_COLOR": "1"})
    assert ended.exit_code == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert max(len(line) for line in lines if not line.startswith("warning: ")) <= 80
    assert len([line for line in lines if "user_id" in line and not line.startswith("warning: ")]) == 1
    warnings = [line for line in lines if line.startswith("warning: ")]
    assert [line for line in warnings if line.startswith("warning: feature 'user_id': 100% of its 50 distinct values")]
    assert [line for line in warnings if line.startswith("warning: prune.guard.max_drop: ")], "few test rows"
    assert "training: batches of 64 rows a worker, 1 epochs, 8 steps" in lines
    assert lines[-1] == "the spec and its data fit together"


def test_check_tells_what_is_wrong_with_the_data_beside_what_is_wrong_with_the_spec(tiny_dataset: TinyDataset) -> None:
    spec = tiny_dataset.spec
    spec.write_text(spec.read_text().replace("name: age", "name: aeg").replace("epochs: 1", "epochs: 0"))
    ended = winnow("check", spec)
    assert ended.exit_code == 2
    lines = ended.stderr.splitlines()
    assert "training.epochs: give a number of at least 1 (got 0)" in lines
    assert any(line.startswith("column 'aeg' is missing from ") for line in lines)
