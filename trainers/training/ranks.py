"""Where this process stands among the ranks, and the few collectives the trainer makes itself."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import nn

T = TypeVar("T")


@dataclass(frozen=True)
class RankContext:
    """Rank, number of ranks, how many of them share this host, device, and which attempt of the run this is."""

    rank: int = 0
    world: int = 1
    local_world: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    attempt: int = 0

    @property
    def is_leader(self) -> bool:
        return self.rank == 0

    def average(self, tensors: Iterable[torch.Tensor]) -> None:
        """Replace each tensor by its mean over the ranks, with one all-reduce."""
        parts = [tensor for tensor in tensors if tensor.is_floating_point()]
        if self.world == 1 or not parts:
            return
        flat = torch.cat([part.detach().reshape(-1) for part in parts])
        dist.all_reduce(flat)
        flat /= self.world
        for part, mean in zip(parts, flat.split([part.numel() for part in parts]), strict=True):
            part.detach().copy_(mean.view_as(part))

    def gather(self, part: T) -> list[T] | None:
        """Every rank's part at rank 0, None elsewhere."""
        if self.world == 1:
            return [part]
        parts: list[Any] | None = [None] * self.world if self.is_leader else None
        dist.gather_object(part, parts)
        return parts

    def broadcast(self, thing: T | None) -> T:
        """Rank 0's thing on every rank."""
        box: list[Any] = [thing]
        if self.world > 1:
            dist.broadcast_object_list(box)
        return box[0]  # type: ignore[no-any-return]

    def barrier(self) -> None:
        if self.world > 1:
            dist.barrier()

    def replicate(self, module: nn.Module) -> nn.Module:
        """The module with its gradients averaged over the ranks; itself where there is one rank."""
        if self.world == 1:
            return module
        devices = [self.device] if self.device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(
            module, device_ids=devices, broadcast_buffers=False, gradient_as_bucket_view=True
        )


def compute_threads(local_world: int) -> int:
    """Threads for one worker's own arithmetic: its share of the cores, less one for the thread that reads ahead.

    More would wait for each other: where cores are short, a parallel region ends when its unluckiest thread does.
    """
    return max(1, (os.cpu_count() or 1) // local_world - 1)


def seed_step(seed: int, rank: int, step: int) -> None:
    """Seed dropout and permutations by the step, so that a resumed run draws what an unbroken one would.

    Not `torch.manual_seed`: without a GPU that one records a stack trace per call for a device that never comes.
    """
    mixed = ((seed * 1_000_003 + step) * 4_099 + rank) % 2**64  # torch takes 64 bits
    torch.default_generator.manual_seed(mixed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed(mixed)
