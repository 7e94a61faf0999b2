"""Checks that import the builds and use them, each in a subprocess: a crash there is a finding here."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

from trainers.doctor.builds import INSTALL
from trainers.doctor.finding import Finding

PROBE_SECONDS = 180
MODULES = ("torch", "fbgemm_gpu", "torchrec", "ray")

IMPORT = """
import importlib, sys, warnings
warnings.simplefilter("ignore")
for name in sys.argv[1:]:
    print(name, flush=True)
    importlib.import_module(name)
"""

KERNEL = """
import warnings
warnings.simplefilter("ignore")
import torch, fbgemm_gpu
print("fbgemm kernel", flush=True)
assert torch.ops.fbgemm.asynchronous_complete_cumsum(torch.tensor([2, 3])).tolist() == [0, 2, 5]
"""

ALL_REDUCE = """
import sys, torch, torch.distributed as dist
for backend in ["gloo"] + (["nccl"] if torch.cuda.is_available() else []):
    print(backend, flush=True)
    dist.init_process_group(backend, store=dist.HashStore(), rank=0, world_size=1)
    value = torch.ones(1, device="cuda" if backend == "nccl" else "cpu")
    dist.all_reduce(value)
    assert value.item() == 1.0
    dist.destroy_process_group()
"""


def imports(modules: Sequence[str] = MODULES, environment: Mapping[str, str] | None = None) -> Finding:
    """Do the packages import, in this order, without an undefined symbol or a crash?

    Args:
        modules: import names.
        environment: the subprocess's environment; this process's unless given.
    """
    reached, trouble = _probe(IMPORT, modules, environment)
    if trouble is None:
        return Finding(name="imports", status="ok", finding=", ".join(reached))
    finding = f"importing {reached[-1] if reached else 'Python modules'} {trouble}"
    return Finding(name="imports", status="fail", finding=finding, remedy=f"reinstall the builds: {INSTALL}")


def kernels(environment: Mapping[str, str] | None = None) -> Finding:
    """Does an fbgemm kernel run on a tensor?"""
    _, trouble = _probe(KERNEL, (), environment)
    if trouble is None:
        return Finding(name="kernels", status="ok", finding="an fbgemm kernel ran")
    return Finding(
        name="kernels",
        status="fail",
        finding=f"running an fbgemm kernel {trouble}",
        remedy=f"reinstall torch and fbgemm so that they fit: {INSTALL}",
    )


def collectives(environment: Mapping[str, str] | None = None) -> Finding:
    """Does a one-rank all_reduce work over gloo, and over NCCL where a GPU is?"""
    reached, trouble = _probe(ALL_REDUCE, (), environment)
    if trouble is None:
        return Finding(name="collectives", status="ok", finding=f"all_reduce over {' and '.join(reached)}")
    return Finding(
        name="collectives",
        status="fail",
        finding=f"all_reduce over {reached[-1] if reached else 'gloo'} {trouble}",
        remedy="make the host name resolve to an address of this machine (/etc/hosts), "
        "or name an interface that has one: `export GLOO_SOCKET_IFNAME=lo` (NCCL_SOCKET_IFNAME for nccl)",
    )


def _probe(code: str, arguments: Sequence[str], environment: Mapping[str, str] | None) -> tuple[list[str], str | None]:
    """Lines that the code printed, and in words how it ended where it didn't end well."""
    try:
        ended = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env=None if environment is None else dict(environment),
            capture_output=True,
            text=True,
            timeout=PROBE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as expired:
        printed = expired.stdout or b""
        return bytes(printed).decode(errors="replace").split(), f"did not end within {PROBE_SECONDS} s"
    return ended.stdout.splitlines(), _ending(ended.returncode, ended.stderr)


def _ending(code: int, errors: str) -> str | None:
    if code == 0:
        return None
    if code < 0:
        return f"crashed with {signal.Signals(-code).name}"
    lines = [line for line in errors.splitlines() if line.strip()]
    return f"failed: {lines[-1].strip()}" if lines else f"failed with exit code {code}"
