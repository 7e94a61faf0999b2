"""The two rounds of checks."""

from __future__ import annotations

from pathlib import Path

from trainers.doctor import builds, machine, ports, probes
from trainers.doctor.finding import Finding


def quick(home: Path, *, use_gpu: bool = False) -> list[Finding]:
    """The checks without a subprocess or a network name, in well under a second.

    Args:
        home: the directory that will be written.
        use_gpu: whether the run wants GPUs.
    """
    packages = builds.installed_packages()
    return [
        builds.python_version(),
        builds.versions(packages),
        builds.one_fbgemm(packages),
        builds.device(packages, use_gpu=use_gpu),
        machine.shared_memory(),
        machine.open_files(),
        machine.storage(home),
    ]


def serving(home: Path) -> list[Finding]:
    """What the control plane needs of its own machine: it trains nothing, and needs no torch."""
    return [builds.python_version(), machine.open_files(), machine.storage(home)]


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
