"""Runs in processes of this machine: workers and drivers are killed, interrupted, resumed; nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.commands import Family
from trainers.data.checks.check import CHECKED_ROWS
from trainers.launch.launcher import RunError
from trainers.launch.runner import run
from trainers.runs import measures_reader
from trainers.runs.directory import RunDirectory, read_json, write_json
from trainers.runs.progress import Progress
from trainers.simulator import simulate
from trainers.spec import JobSpec, SpecError, load_spec

pytestmark = pytest.mark.filterwarnings("ignore")

EVERY, TOTAL = 30, 12 * -(-3200 // 64)
PARTS = ("full", "pruned", "finetuned", "curve", "steps")


@pytest.fixture(autouse=True)
def _no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> JobSpec:
    """Two workers, 600 steps: enough to be stopped three times, on a busy machine too."""
    folder = tmp_path_factory.mktemp("data") / "sim"
    simulate(features=10, rows=4000, seed=3, output=folder)
    training = {"epochs": 12, "batch_size": 32, "report_every": 5, "checkpoint_every": EVERY}
    short = {"training": training, "finetune": {"epochs": 1}, "scaling": {"workers": 2}}
    return with_(load_spec(folder / "spec.yaml"), **short)


def with_(spec: JobSpec, **changed: dict[str, Any]) -> JobSpec:
    raw = spec.model_dump(mode="json")
    return JobSpec.model_validate({**raw, **{part: {**raw[part], **values} for part, values in changed.items()}})


@pytest.fixture(scope="module")
def unbroken(spec: JobSpec, tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """By a driver that then says what it has imported."""
    folder = tmp_path_factory.mktemp("unbroken")
    write_json(folder / "spec.json", spec.model_dump(mode="json"))
    code = (
        "import json, sys\nfrom pathlib import Path\nfrom trainers.launch.runner import run\n"
        "from trainers.spec import load_spec\nrun(load_spec(sys.argv[1]), Path(sys.argv[2]))\n"
        "print(json.dumps([name for name in ('torch', 'torchrec', 'ray') if name in sys.modules]))"
    )
    command = [sys.executable, "-c", code, str(folder / "spec.json"), str(folder / "run")]
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert ended.returncode == 0, ended.stderr
    write_json(folder / "run" / "imported.json", json.loads(ended.stdout))
    return RunDirectory(folder / "run")


def workers_of(driver: psutil.Process) -> list[psutil.Process]:
    templates = [each for each in driver.children() if "trainers.launch.template_process" in each.cmdline()]
    return [worker for template in templates for worker in template.children()]


def events_of(directory: RunDirectory, kind: str) -> list[dict[str, Any]]:
    events = [json.loads(line) for line in directory.events.read_text().splitlines()]
    return [event["data"] for event in events if event["kind"] == kind]


def assert_same(found: RunDirectory, expected: RunDirectory) -> None:
    """To the last bit: what was learned, what was decided, and that each step was counted once."""
    for part in PARTS:
        assert read_json(found.metrics)[part] == read_json(expected.metrics)[part], part
    assert read_json(found.prune_list)["features"] == read_json(expected.prune_list)["features"]
    steps = list(measures_reader.read(found.measures).steps)
    assert steps == sorted(set(steps))
    assert steps[-1] == read_json(found.metrics)["steps"] == TOTAL


def test_the_driver_imports_neither_torch_nor_ray(unbroken: RunDirectory) -> None:
    assert read_json(unbroken.path / "imported.json") == []
    assert read_json(unbroken.metrics)["attempts"] == 1
    entered = [each["stage"] for each in events_of(unbroken, "stage")]
    assert (entered[0], entered[-1] in ("finetuning", "evaluating", "done")) == ("validating", True)
    times = read_json(unbroken.metrics)["stages"]
    assert times["validating"] == times["check"] == read_json(unbroken.progress)["stages"]["validating"] > 0


# The other tests kill by SIGKILL.
@pytest.mark.parametrize("number", [pytest.param(signal.SIGKILL, marks=pytest.mark.slow), signal.SIGSEGV])
def test_a_worker_that_dies_costs_nothing_but_time(
    spec: JobSpec, unbroken: RunDirectory, tmp_path: Path, number: signal.Signals
) -> None:
    struck: list[int] = []

    def strike(progress: Progress) -> None:
        if progress.stage == "searching" and progress.step > EVERY and not struck:
            victim = workers_of(psutil.Process())[-1]
            struck.append(victim.pid)
            victim.send_signal(number)

    result = run(spec, tmp_path / "run", observer=strike)
    assert struck
    assert read_json(result.directory.metrics)["attempts"] == 2
    assert_same(result.directory, unbroken)
    assert workers_of(psutil.Process()) == []


def test_a_template_that_dies_takes_its_workers_with_it_and_the_run_goes_on(
    spec: JobSpec, unbroken: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    orphans: list[psutil.Process] = []

    def strike(progress: Progress) -> None:
        if progress.stage == "searching" and progress.step > EVERY and not orphans:
            orphans.extend(workers_of(psutil.Process()))
            orphans[0].parent().kill()

    result = run(spec, tmp_path / "run", observer=strike)
    assert len(orphans) == 2
    assert psutil.wait_procs(orphans, timeout=15)[1] == []
    assert_same(result.directory, unbroken)
    assert list(tmp_path.glob("winnow-group-*")) == []


def test_workers_that_keep_dying_end_the_run_with_their_error_in_one_line(spec: JobSpec, tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "run")
    directory.path.mkdir()
    directory.checkpoints.write_text("no directory")
    with pytest.raises(RunError) as caught:
        run(with_(spec, scaling={"max_failures": 0}), directory.path)
    message = str(caught.value)
    assert "\n" not in message
    assert "failure 1 of a run that may go on after 0 (scaling.max_failures)" in message
    assert "worker 1 of 2 failed: FileExistsError" in message or "worker 1 of 2 failed: NotADirectoryError" in message
    assert str(directory.workers_log) in message
    assert "Traceback" in directory.workers_log.read_text()
    assert events_of(directory, "failed") == [{"reason": message, "fault": "run"}]


def test_an_error_that_comes_again_is_tried_twice_and_no_more(spec: JobSpec, tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "run")
    directory.path.mkdir()
    directory.checkpoints.write_text("no directory")
    with pytest.raises(RunError) as caught:
        run(with_(spec, scaling={"max_failures": 3}), directory.path)
    message = str(caught.value)
    assert f"failed twice at step {EVERY} of searching by the same error: " in message  # its first checkpoint
    assert "it isn't tried again" in message
    assert str(directory.workers_log) in message
    assert directory.workers_log.read_text().count("Traceback") <= 8  # two attempts of two workers


def test_a_signal_that_comes_again_at_the_same_step_is_not_awaited_a_third_time(spec: JobSpec, tmp_path: Path) -> None:
    """As where memory runs out: each group of workers is killed before its first report."""
    killed: set[int] = set()
    over = threading.Event()

    def strike() -> None:
        while not over.wait(0.05):
            with suppress(psutil.Error):
                for victim in workers_of(psutil.Process()):
                    if victim.pid not in killed:
                        killed.add(victim.pid)
                        victim.kill()

    directory = RunDirectory(tmp_path / "run")
    striking = threading.Thread(target=strike)
    striking.start()
    try:
        with pytest.raises(RunError) as caught:
            run(with_(spec, scaling={"max_failures": 5}), directory.path)
    finally:
        over.set()
        striking.join()
    message = str(caught.value)
    assert "by the same error: a worker was ended by signal 9 (SIGKILL; memory ran out, most likely: " in message
    assert "\n" not in message
    assert len(killed) <= 4  # two attempts of two workers
    assert events_of(directory, "failed") == [{"reason": message, "fault": "run"}]


def test_numbers_that_run_away_are_the_specs_fault_and_are_not_tried_again(spec: JobSpec, tmp_path: Path) -> None:
    wild = with_(spec, training={"learning_rate": 1e30})
    with pytest.raises(SpecError, match="learning_rate"):
        run(wild, tmp_path / "run")
    directory = RunDirectory(tmp_path / "run")
    assert [each["fault"] for each in events_of(directory, "failed")] == ["user"]
    assert directory.workers_log.read_text().count("Traceback") <= 2  # one a worker: a single attempt


def test_damage_that_only_workers_meet_is_the_datas_fault_and_is_not_tried_again(tmp_path: Path) -> None:
    """In the one row group of nine that the check doesn't read: whole numbers have no values that it looks for."""
    rows, path = CHECKED_ROWS + 8192, tmp_path / "train.parquet"
    table = pa.table({"x": np.random.default_rng(0).integers(0, 1000, rows), "label": np.arange(rows) % 2})
    pq.write_table(table, path, row_group_size=8192, use_dictionary=False)
    unread = pq.read_metadata(path).row_group(4).column(0)
    content = bytearray(path.read_bytes())
    content[unread.data_page_offset : unread.data_page_offset + 60] = bytes(60)
    path.write_bytes(content)
    pq.write_table(table.slice(0, 1000), tmp_path / "held_out.parquet")
    held_out = str(tmp_path / "held_out.parquet")
    raw = {
        "dataset": {"train": str(path), "validation": held_out, "test": held_out},
        "features": [{"name": "x", "kind": "dense"}],
        "scaling": {"workers": 2},
    }
    with pytest.raises(SpecError, match=r"train\.parquet' can't be read as Parquet"):
        run(JobSpec.model_validate(raw), tmp_path / "run")
    directory = RunDirectory(tmp_path / "run")
    assert [each["fault"] for each in events_of(directory, "failed")] == ["user"]
    assert directory.workers_log.read_text().count("Traceback") <= 4  # a worker's error and its cause: one attempt


def searching_past(step: int, directory: RunDirectory, driver: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 420
    while not directory.progress.exists() or read_json(directory.progress)["step"] <= step:
        assert driver.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)
    assert read_json(directory.progress)["stage"] == "searching", "too late: the search was over"


def start(family: Family, spec: JobSpec, directory: RunDirectory) -> subprocess.Popen[bytes]:
    """A run as a command, once it is past its first checkpoint."""
    path = directory.path.with_suffix(".json")
    write_json(path, spec.model_dump(mode="json"))
    driver = family.start(str(path), "--output", str(directory.path))
    searching_past(EVERY, directory, driver, family.log)
    return driver


def resume(family: Family, directory: RunDirectory) -> subprocess.Popen[bytes]:
    """The same, once it is past another checkpoint."""
    step = read_json(directory.progress)["step"]
    driver = family.start("--resume", str(directory.path))
    searching_past(step + EVERY, directory, driver, family.log)
    return driver


def test_a_driver_that_is_told_to_end_or_killed_leaves_no_process_and_its_run_goes_on(
    spec: JobSpec, unbroken: RunDirectory, tmp_path: Path
) -> None:
    directory, family = RunDirectory(tmp_path / "run"), Family(tmp_path / "log")
    try:
        driver = start(family, spec, directory)
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)):
            assert len(workers_of(psutil.Process(driver.pid))) == 2
            driver.send_signal(number)
            assert driver.wait(timeout=20) == code, family.log.read_text()
            assert family.alive_after(15) == []
            assert not directory.prune_list.exists()
            if number != signal.SIGKILL:
                driver = resume(family, directory)
        exit_code = family.start("--resume", str(directory.path)).wait(timeout=300)
        assert exit_code in (0, 3), family.log.read_text()
        assert family.alive_after(15) == []
    finally:
        family.kill()
    assert_same(directory, unbroken)
    assert family.log.read_text().count(f"interrupted; `winnow run --resume {directory.path}` goes on") == 2
    kinds = [json.loads(line)["kind"] for line in directory.events.read_text().splitlines()]
    ends = [kind for kind in kinds if kind not in ("stage", "warning")]
    assert ends == ["started", "interrupted", "started", "interrupted", "started", "started", "succeeded"]


@pytest.mark.slow
def test_a_driver_on_ray_that_is_told_to_end_says_so(spec: JobSpec, tmp_path: Path) -> None:
    """Ray has handlers of its own for SIGINT, sent twice here, and for SIGTERM: both end the process at once."""
    directory, family = RunDirectory(tmp_path / "run"), Family(tmp_path / "log")
    path = tmp_path / "spec.json"
    write_json(path, spec.model_dump(mode="json"))
    try:
        for arguments, number, code in (
            ((str(path), "--output", str(directory.path)), signal.SIGINT, 130),
            (("--resume", str(directory.path)), signal.SIGTERM, 143),
        ):
            step = read_json(directory.progress)["step"] if directory.progress.exists() else 0
            driver = family.start(*arguments, ray_address="local")
            searching_past(step + EVERY, directory, driver, family.log)
            driver.send_signal(number)
            time.sleep(0.1)
            driver.send_signal(number)
            assert driver.wait(timeout=60) == code, family.log.read_text()
            assert family.alive_after(30) == []
            assert read_json(directory.progress)["state"] == "interrupted"
    finally:
        family.kill()
    assert not directory.prune_list.exists()
    kinds = [json.loads(line)["kind"] for line in directory.events.read_text().splitlines()]
    ends = [kind for kind in kinds if kind not in ("stage", "warning")]
    assert ends == ["started", "interrupted", "started", "interrupted"]


@pytest.mark.slow
def test_what_began_here_goes_on_under_ray_to_the_same_end(
    spec: JobSpec, unbroken: RunDirectory, tmp_path: Path
) -> None:
    directory, family = RunDirectory(tmp_path / "run"), Family(tmp_path / "log")
    try:
        start(family, spec, directory)
        family.kill()
        exit_code = family.start("--resume", str(directory.path), ray_address="local").wait(timeout=300)
        assert exit_code in (0, 3), family.log.read_text()
    finally:
        family.kill()
    assert_same(directory, unbroken)
    found, expected = (measures_reader.read(each.measures) for each in (directory, unbroken))
    assert found.loss == expected.loss
