"""`winnow` commands as processes of their own, with all that they start."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import psutil

WINNOW = str(Path(sys.executable).with_name("winnow"))
MARK = "WINNOW_TEST_FAMILY"


@dataclass
class Family:
    """`winnow` commands and all that they start, told from other processes by a mark in their environment.

    A process group isn't enough: Ray's daemons and workers have groups of their own.
    """

    log: Path
    mark: str = field(default_factory=lambda: uuid4().hex)

    def start(self, *arguments: str, ray_address: str | None = None) -> subprocess.Popen[bytes]:
        """`winnow run` with these arguments; on Ray where an address is given, on this machine alone where not."""
        environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
        if ray_address is not None:
            environment["RAY_ADDRESS"] = ray_address
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [WINNOW, "run", *arguments, "--quiet"],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**environment, MARK: self.mark},
                preexec_fn=hear_interrupts,  # noqa: PLW1509 - no thread of the tests holds what it takes
            )

    def alive(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def alive_after(self, seconds: float) -> list[psutil.Process]:
        """Who is left when all had so long to end."""
        deadline = time.monotonic() + seconds
        while (left := self.alive()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return left

    def kill(self) -> None:
        """SIGKILL all at once, again until none is left: one may be starting another."""
        deadline = time.monotonic() + 30
        while left := self.alive():
            assert time.monotonic() < deadline, left
            for process in left:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            time.sleep(0.1)


def hear_interrupts() -> None:
    """A shell has SIGINT ignored by what it starts in the background, tests and their processes too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
