"""The template process itself: `python -m trainers.launch.template_process DESCRIPTOR`. See template.py."""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import importlib
import os
import pickle
import shutil
import signal
import sys
import traceback
from collections.abc import Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import recv_handle

from trainers.launch.template import Lost, Task

# The last three are imported late, by a worker's first step, its first optimizer and its first sharded model.
IMPORTS = (
    "torch",
    "torchrec",
    "trainers.launch.local_worker",
    "trainers.ops.kernels",
    "torch._dynamo",
    "torch.distributed.optim",
)
PR_SET_PDEATHSIG = 1  # prctl(2)


def main(descriptor: int) -> None:
    """Import, say so, and run a group for each task until the driver closes its end of the socket or dies.

    No thread may be started here, and no parallel operation run: a fork would lose its threads.
    """
    os.set_inheritable(descriptor, False)
    with Connection(descriptor) as control:
        gc.disable()  # What is imported stays: to look for garbage in it, again and again, is a sixth of the time.
        for name in IMPORTS:
            if control.poll():  # Before `ready` there is nothing to read but the end.
                return
            importlib.import_module(name)
        importlib.import_module("trainers.ops.kernels").warm_up()
        gc.freeze()  # Nor do workers look through it, which would copy its memory.
        gc.enable()
        control.send("ready")
        while True:
            try:
                task = control.recv()
                control.send(run_group(task, [recv_handle(control) for _ in task.arguments], control))
            except (EOFError, OSError):
                return


def run_group(task: Task, handles: list[int], control: Connection) -> Lost | None:
    """Fork the workers and wait for them; the first that fails ends the others. Raises EOFError without a driver."""
    context = get_context("fork")
    workers = [
        context.Process(target=_work, args=(at, task, handles, control, os.getpid()))
        for at in range(len(task.arguments))
    ]
    try:
        for worker in workers:
            worker.start()
        for handle in handles:
            os.close(handle)
        return _first_lost(workers, control)
    finally:
        for worker in workers:
            if worker.pid is not None:
                worker.kill()
                worker.join()
        shutil.rmtree(task.shared, ignore_errors=True)


def _first_lost(workers: Sequence[BaseProcess], control: Connection) -> Lost | None:
    running = {worker.sentinel: at for at, worker in enumerate(workers)}
    while running:
        ended = wait([*running, control])
        if control in ended:
            raise EOFError
        lost = []
        for at in [running.pop(sentinel) for sentinel in list(running) if sentinel in ended]:
            workers[at].join()
            lost.append(Lost(at, workers[at].exitcode or 0))
        # A worker that a signal ended is what others fail by, who lose their peer.
        if lost := sorted((each for each in lost if each.code), key=lambda each: each.code > 0):
            return lost[0]
    return None


def _work(at: int, task: Task, handles: list[int], control: Connection, parent: int) -> None:
    """In a worker, which has nothing but its own connection. Ends without the libraries' own farewells.

    Gloo's threads abort the orderly end of a process now and then, when all is done.
    """
    _end_with(parent)
    control.close()
    for other in (handle for number, handle in enumerate(handles) if number != at):
        os.close(other)
    output = os.open(task.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(output, 1)
    os.dup2(output, 2)
    faulthandler.enable()
    os.environ.clear()
    os.environ.update(task.environment)
    os.chdir(task.folder)
    code = 1
    try:
        module, _, name = task.function.partition(":")
        function = getattr(importlib.import_module(module), name)
        arguments = pickle.loads(task.arguments[at])  # noqa: S301 - from the driver, over its own socket
        function(Connection(handles[at]), task.shared, *arguments)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _end_with(parent: int) -> None:
    """Let the kernel end this process when its parent ends, whatever this process does then."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]))
