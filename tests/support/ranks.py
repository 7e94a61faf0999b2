"""`@ranks(2)`: a plain pytest function run by real gloo processes, one a rank."""

from __future__ import annotations

import functools
import importlib
import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from trainers.launch.template import Template


def ranks(world: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run the function on `world` ranks with a gloo process group; any rank's failure fails the test.

    Ranks are forked from a template, as a run's workers on this machine are: the first test waits for its imports.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def test(*args: Any, **kwargs: Any) -> None:
            tasks = [(function.__module__, function.__qualname__, rank, world, args, kwargs) for rank in range(world)]
            with tempfile.TemporaryDirectory() as folder:
                log = Path(folder) / "log"
                _run(tasks, log)

        test.on_rank = function  # type: ignore[attr-defined]
        return test

    return decorate


def _run(tasks: list[tuple[Any, ...]], log: Path) -> None:
    template = Template.borrow()
    try:
        with ExitStack() as stack:
            for connection in template.start("tests.support.ranks:run_rank", tasks, log):
                stack.enter_context(connection)
            lost = template.wait()
    except BaseException:
        template.close()
        raise
    template.give_back()
    if lost is not None:
        rank = "the template" if lost.worker is None else f"rank {lost.worker}"
        raise AssertionError(f"{rank} {lost.cause}\n{log.read_text() if log.exists() else ''}")


def run_rank(
    connection: Connection, shared: str, module: str, name: str, rank: int, world: int, args: Any, kwargs: Any
) -> None:
    """In a rank's process; see trainers.launch.template.Task."""
    torch.set_num_threads(1)
    os.environ.update(LOCAL_WORLD_SIZE=str(world), LOCAL_RANK=str(rank), RANK=str(rank), WORLD_SIZE=str(world))
    store = dist.FileStore(f"{shared}/store", world)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=world, timeout=timedelta(seconds=60))
    getattr(importlib.import_module(module), name).on_rank(*args, **kwargs)
    dist.barrier()
