"""`@ranks(2)`: a plain pytest function run by real gloo processes, one a rank."""

from __future__ import annotations

import functools
import importlib
import os
import sys
import tempfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp


def ranks(world: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run the function on `world` ranks with a gloo process group; any rank's failure fails the test."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def test(*args: Any, **kwargs: Any) -> None:
            with tempfile.TemporaryDirectory() as folder:
                task = (function.__module__, function.__qualname__, world, f"{folder}/store", args, kwargs)
                mp.spawn(_rank, args=task, nprocs=world)

        test.on_rank = function  # type: ignore[attr-defined]
        return test

    return decorate


def _rank(rank: int, module: str, name: str, world: int, store: str, args: Any, kwargs: Any) -> None:
    torch.set_num_threads(1)
    os.environ.update(LOCAL_WORLD_SIZE=str(world), LOCAL_RANK=str(rank), RANK=str(rank), WORLD_SIZE=str(world))
    dist.init_process_group(
        "gloo", store=dist.FileStore(store, world), rank=rank, world_size=world, timeout=timedelta(seconds=60)
    )
    try:
        getattr(importlib.import_module(module), name).on_rank(*args, **kwargs)
        dist.barrier()
    except BaseException:
        dist.destroy_process_group()
        raise
    # All is checked by now. Gloo's threads abort the orderly end of a process now and then.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
