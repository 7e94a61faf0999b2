"""Memory of large tensors, used again from step to step."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

# A cache line: rows that begin at one are read and written whole.
ALIGNMENT = 64


class Buffers:
    """Tensors whose memory comes back once nobody holds them: neither a variable nor a graph.

    A new tensor of some megabytes costs more than its copy: the kernel hands out pages one by one, and takes them back
    at the end of each step. Copies and pickles begin empty.
    """

    def __init__(self) -> None:
        self._free: list[NDArray[np.uint8]] = []

    def __reduce__(self) -> tuple[type[Buffers], tuple[()]]:
        return Buffers, ()

    def empty(self, rows: int, columns: int, dtype: torch.dtype) -> torch.Tensor:
        """A tensor of rows × columns on the CPU, not initialized."""
        size = rows * columns * dtype.itemsize
        block = self._take(size + ALIGNMENT)
        begin = -block.ctypes.data % ALIGNMENT
        view: NDArray[Any] = block[begin : begin + size].view(str(dtype).removeprefix("torch."))
        view = view.reshape(rows, columns)
        # The tensor holds the view alone, and the storage lets it go when its last user does.
        weakref.finalize(view, self._free.append, block).atexit = False
        return torch.from_numpy(view)

    def _take(self, size: int) -> NDArray[np.uint8]:
        while self._free:
            block = self._free.pop()
            if block.nbytes >= size:
                return block
        return np.empty(size, np.uint8)
