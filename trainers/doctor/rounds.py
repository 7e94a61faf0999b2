"""The two rounds of checks."""

from __future__ import annotations

from pathlib import Path

from trainers.doctor import builds, cluster, machine, ports, probes
from trainers.doctor.finding import Finding


def quick(home: Path | None, *, gpus: int = 0) -> list[Finding]:
    """The checks without a subprocess, in well under a second: but for a RAY_ADDRESS that has to be asked.

    Args:
        home: the directory that will be written; None where nothing will.
        gpus: how many the run's workers want; they are of this machine unless RAY_ADDRESS names another.
    """
    gpus = 0 if cluster.is_elsewhere() else gpus
    packages = builds.installed_packages()
    storage = [] if home is None else [machine.storage(home)]
    return [
        builds.python_version(),
        builds.versions(packages),
        builds.one_fbgemm(packages),
        builds.device(packages, use_gpu=gpus > 0),
        *([builds.gpus(gpus)] if gpus else []),
        machine.shared_memory(),
        machine.open_files(),
        machine.temporary_files(),
        *storage,
        cluster.ray_address(),
    ]


def serving(home: Path) -> list[Finding]:
    """What the control plane needs of its own machine: it trains nothing, and needs no torch."""
    return [builds.python_version(), machine.open_files(), machine.temporary_files(), machine.storage(home)]


def full(home: Path) -> list[Finding]:
    """Every check; takes some ten seconds, as each probe imports torch anew.

    Args:
        home: the directory that will be written.
    """
    return [
        *quick(home),
        machine.names(),
        ports.ray_ports(),
        probes.imports(),
        probes.kernels(),
        probes.collectives(),
    ]
