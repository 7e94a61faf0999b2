"""Do the installed builds of torch, torchrec and fbgemm fit together? Read from the packages' metadata alone."""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import Distribution, distributions

from trainers.doctor.finding import Finding

TESTED = {"torch": "2.13.0", "torchrec": "1.8.0", "fbgemm": "1.8.0"}
# torchrec and fbgemm 1.N are built against torch 2.(N + 5); their binary interfaces change with every minor version.
TORCH_MINORS_AHEAD = 5
CPU_FBGEMM, CUDA_FBGEMM = "fbgemm-gpu-cpu", "fbgemm-gpu"
INSTALL = "run `make setup`, or `uv pip install -e '.[cpu]'` in the repository"

Installed = dict[str, Distribution]


def installed_packages(path: Sequence[str] | None = None) -> Installed:
    """Distributions by normalized name, from `path` or sys.path; the first of a name wins, as for imports."""
    found: Installed = {}
    for distribution in distributions(path=list(path if path is not None else sys.path)):
        name = distribution.metadata["Name"]
        if name:
            found.setdefault(re.sub(r"[-_.]+", "-", name).lower(), distribution)
    return found


def python_version(version: tuple[int, int, int] = sys.version_info[:3]) -> Finding:
    """CPython 3.11 is what the tested builds exist for."""
    text = ".".join(str(part) for part in version)
    if version[:2] == (3, 11):
        return Finding(name="python", status="ok", finding=text)
    return Finding(
        name="python",
        status="fail",
        finding=f"this is Python {text}, and Winnow needs 3.11",
        remedy="install CPython 3.11 and run `make setup PYTHON=python3.11`",
    )


def versions(packages: Installed) -> Finding:
    """Are torch, torchrec, fbgemm and Ray there, and were the first three built for each other?"""
    fbgemm = packages.get(CPU_FBGEMM) or packages.get(CUDA_FBGEMM)
    found = {"torch": packages.get("torch"), "torchrec": packages.get("torchrec"), "fbgemm": fbgemm}
    missing = [name for name, distribution in (found | {"ray": packages.get("ray")}).items() if distribution is None]
    if missing:
        text = f"{', '.join(missing)} not installed"
        return Finding(name="versions", status="fail", finding=text, remedy=INSTALL)
    numbers = {name: distribution.version for name, distribution in found.items() if distribution is not None}
    text = _listed(numbers)
    if not _fit(numbers):
        return Finding(
            name="versions",
            status="fail",
            finding=f"{text}: not built for each other, so imports end in undefined symbols",
            remedy=f"install {_listed(TESTED)}: {INSTALL}",
        )
    if any(_minor(numbers[name]) != _minor(TESTED[name]) for name in TESTED):
        return Finding(
            name="versions",
            status="warn",
            finding=f"{text}: fit together, but Winnow is tested with {_listed(TESTED)}",
            remedy=INSTALL,
        )
    return Finding(name="versions", status="ok", finding=text)


def _listed(numbers: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in numbers.items())


def _minor(version: str) -> tuple[int, int]:
    numbers = re.match(r"(\d+)\.(\d+)", version)
    return (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)


def _fit(numbers: dict[str, str]) -> bool:
    torch, torchrec, fbgemm = (_minor(numbers[name]) for name in ("torch", "torchrec", "fbgemm"))
    return torchrec == fbgemm and torchrec[0] == 1 and torch == (2, torchrec[1] + TORCH_MINORS_AHEAD)


def one_fbgemm(packages: Installed) -> Finding:
    """Both fbgemm builds install into the folder `fbgemm_gpu`; the second overwrites the first one's libraries."""
    both = [name for name in (CPU_FBGEMM, CUDA_FBGEMM) if name in packages]
    if len(both) < 2:
        return Finding(name="fbgemm", status="ok", finding=f"one build: {both[0]}" if both else "not installed")
    uninstall = f"`pip uninstall -y {CPU_FBGEMM} {CUDA_FBGEMM}`"
    return Finding(
        name="fbgemm",
        status="fail",
        finding=f"{CPU_FBGEMM} and {CUDA_FBGEMM} are both installed, into the same folder, and overwrite each other",
        remedy=f"{uninstall}, then one of them: `pip install --no-deps {CPU_FBGEMM}=={TESTED['fbgemm']}`",
    )


def is_cuda_torch(packages: Installed) -> bool:
    """Whether torch is a CUDA build: its local version says so, or it requires NVIDIA's libraries."""
    torch = packages.get("torch")
    if torch is None or "+cpu" in torch.version:
        return False
    return "+cu" in torch.version or any(re.match(r"nvidia-|cuda-", need) for need in torch.requires or [])


def has_driver(library: str = "libcuda.so.1") -> bool:
    """Whether NVIDIA's driver library loads on this machine."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def count_gpus(library: str = "libcuda.so.1") -> int:
    """The GPUs that NVIDIA's driver shows this process; CUDA_VISIBLE_DEVICES hides some."""
    try:
        driver = ctypes.CDLL(library)
    except OSError:
        return 0
    count = ctypes.c_int()
    failed = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    return 0 if failed else count.value


def gpus(wanted: int, there: int | None = None) -> Finding:
    """Is there a GPU for each worker? Ray would wait for those that there aren't.

    Args:
        wanted: by the run's workers, one each.
        there: on this machine; counted unless given.
    """
    there = count_gpus() if there is None else there
    if there >= wanted:
        return Finding(name="gpus", status="ok", finding=f"{there} for {wanted} workers")
    return Finding(
        name="gpus",
        status="fail",
        finding=f"the spec wants a GPU for each of {wanted} workers (scaling.use_gpu), and this machine shows {there}",
        remedy=f"set `scaling.use_gpu: false`{f', or `scaling.workers: {there}`' if there else ''}, or set RAY_ADDRESS "
        "to a cluster with GPUs",
    )


def device(packages: Installed, *, use_gpu: bool = False, driver: bool | None = None) -> Finding:
    """Do the builds suit the devices: CUDA builds with a driver, CPU builds without?

    Args:
        packages: what is installed.
        use_gpu: whether the run wants GPUs; what is a warning without becomes a failure.
        driver: whether a driver is there; looked up unless given.
    """
    cuda, there = is_cuda_torch(packages), has_driver() if driver is None else driver
    if CUDA_FBGEMM in packages and not cuda:
        return Finding(
            name="device",
            status="fail",
            finding=f"{CUDA_FBGEMM} is a CUDA build and torch is a CPU build; its libraries can't be loaded",
            remedy=f"`pip uninstall -y {CUDA_FBGEMM}`, then `pip install --no-deps {CPU_FBGEMM}=={TESTED['fbgemm']}`",
        )
    if use_gpu and not (cuda and there and CUDA_FBGEMM in packages):
        lack = "no NVIDIA driver" if not there else "CPU builds of torch or fbgemm"
        remedy = "set `scaling.use_gpu: false`, or `make setup DEVICE=cuda` where a GPU is"
        return Finding(name="device", status="fail", finding=f"the spec wants GPUs and here is {lack}", remedy=remedy)
    if cuda and not there:
        return Finding(
            name="device",
            status="warn",
            finding="torch is a CUDA build and no NVIDIA driver is here; it runs on the CPU, with GBs unused",
            remedy="install the CPU build (`rm -rf .venv && make setup`), or the NVIDIA driver",
        )
    return Finding(name="device", status="ok", finding="CUDA builds with a driver" if cuda else "CPU builds")
