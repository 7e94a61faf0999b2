"""Threads for kernels that let go of the interpreter's lock: as many as PyTorch uses."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch

_executors: dict[int, ThreadPoolExecutor] = {}
# A fork has the executor, but none of its threads.
os.register_at_fork(after_in_child=_executors.clear)


def run_parts(function: Callable[[int, int], None], most: int) -> None:
    """Call function(part, parts) for each part: the first here, others on threads. At most `most` parts.

    Not numba's own threads: those of its layers either die with a fork, or refuse calls from two threads.
    """
    parts = max(1, min(torch.get_num_threads(), most))
    others = [_executor(parts - 1).submit(function, part, parts) for part in range(1, parts)]
    try:
        function(0, parts)
    finally:
        for other in others:
            other.result()


def _executor(threads: int) -> ThreadPoolExecutor:
    if threads not in _executors:
        _executors[threads] = ThreadPoolExecutor(threads, thread_name_prefix="mix")
    return _executors[threads]
