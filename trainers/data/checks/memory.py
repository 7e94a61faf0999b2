"""Whether the model of a spec fits in memory: its embedding tables and its backbone. Imports no torch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from trainers.spec import DenseFeature, JobSpec

# Floats kept of a row: fbgemm stores its dims rounded up to LANES; see sharding/tables.py.
LANES = 4
# Weights, and as much again for each array of the optimizer's state; Adam's gradient is dense too.
COPIES = {"adagrad": 2, "adam": 4}
FLOAT_BYTES = 4
BACKBONE = "backbone"
SHOWN = 3
# At "0" Ray listens on loopback alone, as one that `winnow serve` starts: no other machine is part of it. What runs in
# it inherits the variable.
RAY_CLUSTERS = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
CGROUPS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


@dataclass(frozen=True, kw_only=True)
class ModelMemory:
    """What tables and backbone take while they are trained: `bytes` in all, over all workers.

    `largest` has the table of each feature and the backbone, the largest first.
    """

    bytes: int
    largest: tuple[tuple[str, int], ...]

    def describe(self, available: str) -> str:
        """The field that takes most, what all of them take, what there is, and the remedy."""
        listed = ", ".join(f"{name} {format_bytes(count)}" for name, count in self.largest[:SHOWN] if count)
        field, remedy = "features", "lower `hash_size` or `dim`"
        if self.largest[0][0].startswith(BACKBONE):
            field, remedy = "model", "lower the sizes of its layers"
        return (
            f"{field}: tables and backbone take {format_bytes(self.bytes)} while they are trained, the largest "
            f"{listed}; {available}: {remedy}"
        )


def model_memory(spec: JobSpec) -> ModelMemory:
    """Every worker has the backbone, and under Adam every table; Adagrad's tables are split over the workers."""
    kind, workers = spec.training.embedding_optimizer, spec.scaling.workers
    times = FLOAT_BYTES * COPIES[kind] * (workers if kind == "adam" else 1)
    sizes = {
        f"table {feature.name!r}": feature.table_rows * (-(-feature.width // LANES) * LANES) * times
        for feature in spec.features
        if not isinstance(feature, DenseFeature)
    }
    weights = spec.model.count_parameters(list(spec.dims.values()), len(spec.dataset.labels))
    sizes[f"{BACKBONE} {spec.model.backbone}"] = weights * FLOAT_BYTES * COPIES["adam"] * workers
    largest = tuple(sorted(sizes.items(), key=lambda pair: -pair[1]))
    return ModelMemory(bytes=sum(sizes.values()), largest=largest)


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
    """An error where the model is beyond the memory of the one machine that trains, a warning where that can't be
    told from here; None and None where they fit.

    Args:
        available: bytes; this machine's unless given.
    """
    memory = model_memory(spec)
    stated = spec.scaling.topology.memory_bytes
    elsewhere = spec.scaling.use_gpu or _may_have_other_machines()
    most = available if available is not None else machine_memory()
    where = "this machine has"
    if stated is not None:
        most, where = stated * spec.scaling.workers, "scaling.topology.memory_bytes gives the workers"
    if memory.bytes <= most:
        return None, None
    finding = memory.describe(f"{where} {format_bytes(most)}")
    if stated is None and elsewhere:
        return None, f"{finding}, unless the workers' machines have more"
    return finding, None


def _may_have_other_machines() -> bool:
    return os.environ.get("RAY_ADDRESS", "local") != "local" and os.environ.get(RAY_CLUSTERS) != "0"


def format_bytes(count: float) -> str:
    """With a binary unit and three digits: 64 TiB, 1.5 GiB."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if count < 1024:
            return f"{count:.3g} {unit}"
        count /= 1024
    return f"{count:,.3g} PiB"
