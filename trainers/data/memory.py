"""Whether the embedding tables of a spec fit in memory. Imports no torch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from trainers.spec import DenseFeature, JobSpec

# Floats kept of a row: fbgemm stores its dims rounded up to LANES; see sharding/tables.py.
LANES = 4
# Weights, and as much again for each array of the optimizer's state; Adam's gradient is dense too.
COPIES = {"adagrad": 2, "adam": 4}
SHOWN = 3
CGROUPS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


@dataclass(frozen=True, kw_only=True)
class TableMemory:
    """What the tables take while they are trained: `bytes` in all, over all workers, and the largest first."""

    bytes: int
    largest: tuple[tuple[str, int], ...]

    def describe(self) -> str:
        listed = ", ".join(f"{name!r} {format_bytes(count)}" for name, count in self.largest[:SHOWN])
        return (
            f"the embedding tables take {format_bytes(self.bytes)} with their optimizer's state, the largest {listed}"
        )


def table_memory(spec: JobSpec) -> TableMemory:
    """Adam keeps every table on every worker; Adagrad's are split over them."""
    kind = spec.training.embedding_optimizer
    times = 4 * COPIES[kind] * (spec.scaling.workers if kind == "adam" else 1)
    sizes = {
        feature.name: feature.table_rows * (-(-feature.dim // LANES) * LANES) * times
        for feature in spec.features
        if not isinstance(feature, DenseFeature)
    }
    largest = tuple(sorted(sizes.items(), key=lambda pair: -pair[1]))
    return TableMemory(bytes=sum(sizes.values()), largest=largest)


def machine_memory() -> int:
    """Bytes that this process may use: the machine's, or its container's where that is less."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in CGROUPS:
        try:
            limits.append(int(path.read_text(encoding="ascii")))
        except (OSError, ValueError):  # not mounted, or `max`
            continue
    return min(limits)


def find_memory_problem(spec: JobSpec, available: int | None = None) -> tuple[str | None, str | None]:
    """An error where the tables are beyond the memory of the one machine that trains, a warning where that can't be
    told from here; None and None where they fit.

    Args:
        available: bytes; this machine's unless given.
    """
    memory = table_memory(spec)
    stated = spec.scaling.topology.memory_bytes
    elsewhere = spec.scaling.use_gpu or os.environ.get("RAY_ADDRESS", "local") != "local"
    most = available if available is not None else machine_memory()
    where = "this machine has"
    if stated is not None:
        most, where = stated * spec.scaling.workers, "scaling.topology.memory_bytes gives the workers"
    if memory.bytes <= most:
        return None, None
    finding = f"features: {memory.describe()}; {where} {format_bytes(most)}: lower `hash_size` or `dim`"
    if stated is None and elsewhere:
        return None, f"{finding}, unless the workers' machines have more"
    return finding, None


def format_bytes(count: float) -> str:
    """With a binary unit and three digits: 64 TiB, 1.5 GiB."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if count < 1024:
            return f"{count:.3g} {unit}"
        count /= 1024
    return f"{count:,.3g} PiB"
