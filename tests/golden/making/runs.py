"""A finished run and one that was killed in its search, both by `winnow run` on the data set of data.py."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tarfile
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil

from tests.golden.making import data
from tests.golden.product import WINNOW

# Absolute paths in the files begin with it; who reads them puts another folder in its place.
ROOT = Path("/tmp/winnow-golden")  # noqa: S108
MARK = "WINNOW_GOLDEN_FAMILY"
CALLED_DONE = (0, 3)  # 3: the guard refused the list


def make(golden: Path) -> None:
    """`data/`, `run/`, `killed/` and `killed-checkpoints.tar.xz` below `golden`."""
    shutil.rmtree(ROOT, ignore_errors=True)
    data.make(ROOT / "data")
    done = _winnow(uuid4().hex, "run", str(ROOT / "data" / "spec.yaml"), "--output", str(ROOT / "run")).wait()
    assert done in CALLED_DONE, done
    _kill_midway(ROOT / "data" / "long.yaml", ROOT / "killed")
    collect(golden)


def collect(golden: Path) -> None:
    """What the runs left, without checkpoints of the finished one, and without what can be made anew and is large."""
    for name in ("data", "run", "killed"):
        shutil.copytree(ROOT / name, golden / name, ignore=shutil.ignore_patterns("checkpoints", "report.html"))
    with tarfile.open(golden / "killed-checkpoints.tar.xz", "w:xz") as packed:
        packed.add(ROOT / "killed" / "checkpoints", "checkpoints", filter=_anonymous)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _winnow(mark: str, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    return subprocess.Popen([WINNOW, *arguments, "--quiet"], start_new_session=True, env={**environment, MARK: mark})


def _kill_midway(spec: Path, directory: Path) -> None:
    """SIGKILL to everything that the run started, once Ray has noted a checkpoint."""
    mark = uuid4().hex
    driver = _winnow(mark, "run", str(spec), "--output", str(directory))
    while not _noted(directory):
        assert driver.poll() is None, "the run was over before it was killed; give it more epochs"
        time.sleep(0.05)
    while left := _alive(mark):
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        driver.poll()
        time.sleep(0.1)
    assert not (directory / "prune_list.json").exists()


def _noted(directory: Path) -> bool:
    for note in (directory / "checkpoints").rglob("checkpoint_manager_snapshot.json"):
        with contextlib.suppress(json.JSONDecodeError):  # met while it is being written
            if json.loads(note.read_text(encoding="utf-8"))["latest_checkpoint_result"]:
                return True
    return False


def _alive(mark: str) -> list[Any]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found
