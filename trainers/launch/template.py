"""The driver's side of a template: a process that has imported what workers need, and forks groups of them.

The two speak through one inherited socket pair, and each worker has one of its own to the driver; nobody else can reach
them. No process outlives the driver: the template ends when its socket does, and the kernel ends workers with the
template, whatever killed either.
"""

from __future__ import annotations

import atexit
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from trainers.launch.launcher import RunError

PROCESS = "trainers.launch.template_process"
END_SECONDS = 10.0
# What ends a worker by a signal, most of the time.
CAUSES = {
    "SIGKILL": "; memory ran out, most likely: lower training.batch_size, hash_size or scaling.workers, or add memory",
    "SIGBUS": "; /dev/shm or the disk is full, or a file was cut while it was read",
    "SIGSEGV": "; a fault of native code",
    "SIGABRT": "; a library gave up",
    "SIGILL": "; this processor lacks an instruction",
}


@dataclass(frozen=True)
class Task:
    """What a group of workers is to do.

    Each calls function(connection to the driver, folder that the group shares while it runs, *its arguments).

    Args:
        function: as "module:name", so that the driver needn't import it.
        arguments: a pickled tuple for each worker.
        shared: the folder that the group shares. Driver and template both remove it: either may be killed.
        environment, folder, log: the workers' environment, working directory, and file that their output goes to.
    """

    function: str
    arguments: tuple[bytes, ...]
    shared: str
    environment: dict[str, str]
    folder: str
    log: str


@dataclass(frozen=True)
class Lost:
    """The end of a worker, or where `worker` is None of the template: an exit code, or less a signal's number."""

    worker: int | None
    code: int

    @property
    def cause(self) -> str:
        """What ended it, as a predicate."""
        if self.code >= 0:
            return "failed"
        name = signal.Signals(-self.code).name
        return f"was ended by signal {-self.code} ({name}{CAUSES.get(name, '')})"


class Template:
    """One group of workers at a time: `start`, then `wait`. A group that nobody waits for ends with `close`."""

    def __init__(self) -> None:
        self.path = list(sys.path)
        self._control, remote = Pipe()
        self._ready = self._busy = False
        self._shared: str | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - read when the process has died
        paths = os.pathsep.join(path or str(Path.cwd()) for path in self.path)
        with remote:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", PROCESS, str(remote.fileno())],
                env={**os.environ, "PYTHONPATH": paths},
                pass_fds=[remote.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                start_new_session=True,  # Ctrl-C reaches the driver alone.
            )

    @classmethod
    def borrow(cls) -> Template:
        """A template that has been given back, or a new one, which begins to import and isn't waited for."""
        while _idle:
            template = _idle.pop()
            if template.is_alive and template.path == sys.path:
                return template
            template.close()
        return cls()

    def give_back(self) -> None:
        """Keep it warm for the next that borrows one; it ends with this process."""
        if self.is_alive and not self._busy:
            _idle.append(self)
        else:
            self.close()

    @property
    def is_alive(self) -> bool:
        return not self._control.closed and self._process.poll() is None

    def start(self, function: str, arguments: Sequence[tuple[Any, ...]], log: Path) -> list[Connection]:
        """Start a worker for each of `arguments`; returns a connection to each. See `Task` for the call.

        Raises:
            RunError: the template can't import what workers need.
        """
        self._wait_for_imports()
        packed = tuple(pickle.dumps(each) for each in arguments)
        pairs = [Pipe() for _ in arguments]
        self._shared = tempfile.mkdtemp(prefix="winnow-group-")
        self._busy = True
        try:
            self._control.send(Task(function, packed, self._shared, dict(os.environ), str(Path.cwd()), str(log)))
            for _, theirs in pairs:
                send_handle(self._control, theirs.fileno(), self._process.pid)
        except OSError:
            pass  # It has died; `wait` says how.
        for _, theirs in pairs:
            theirs.close()
        return [ours for ours, _ in pairs]

    def wait(self) -> Lost | None:
        """Wait until the group has ended: None when every worker did all it had to, else the first that didn't."""
        try:
            lost: Lost | None = self._control.recv()
        except (EOFError, OSError):
            self.close()
            return Lost(None, self._process.returncode)
        self._busy = False
        self._remove_shared()
        return lost

    def close(self) -> None:
        """End the template, and its group where one runs."""
        self._control.close()
        self._errors.close()
        if not self._busy:
            self._process.kill()  # It may be importing still.
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._remove_shared()

    def _remove_shared(self) -> None:
        if self._shared is not None:
            shutil.rmtree(self._shared, ignore_errors=True)
            self._shared = None

    def _wait_for_imports(self) -> None:
        if self._ready:
            return
        try:
            self._control.recv()
        except (EOFError, OSError):
            self._process.wait()
            self._errors.seek(0)
            said = self._errors.read().decode(errors="replace").strip().splitlines() or [
                Lost(None, self._process.returncode).cause
            ]
            raise RunError(f"workers can't start: {said[-1]}; `winnow doctor` looks for the cause") from None
        self._ready = True


_idle: list[Template] = []


class Borrower:
    """A context with a template, which is given back at its end."""

    def __enter__(self) -> Self:
        self._template = Template.borrow()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._template.give_back()

    def template(self) -> Template:
        """The one that is borrowed, or another where it has died."""
        if not self._template.is_alive:
            self._template = Template.borrow()
        return self._template


@atexit.register
def _close_idle() -> None:
    while _idle:
        _idle.pop().close()
