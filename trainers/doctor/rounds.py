"""The two rounds of checks."""

from __future__ import annotations

from pathlib import Path

from trainers.doctor import builds, cluster, machine, ports, probes
from trainers.doctor.finding import Finding


def quick(home: Path | None, *, use_gpu: bool = False) -> list[Finding]:
    """The checks without a subprocess, in well under a second: but for a RAY_ADDRESS that has to be asked.

    Args:
        home: the directory that will be written; None where nothing will.
        use_gpu: whether the run wants GPUs.
    """
    packages = builds.installed_packages()
    storage = [] if home is None else [machine.storage(home)]
    return [
        builds.python_version(),
        builds.versions(packages),
        builds.one_fbgemm(packages),
        builds.device(packages, use_gpu=use_gpu),
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
