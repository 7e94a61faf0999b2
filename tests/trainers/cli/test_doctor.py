"""Every check of the doctor, driven into failure by the condition it looks for."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from trainers import scratch
from trainers.doctor import DoctorError, Finding, builds, cluster, full, machine, ports, probes, quick, require
from trainers.doctor.cluster import ray_address

NO_DRIVER = "libno-such-driver.so.1"


def fake_packages(folder: Path, *requires: str, **versions: str) -> builds.Installed:
    """Real dist-info folders of the given versions (underscores in names as they are), and what is read from them."""
    for name, version in versions.items():
        info = folder / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        needs = "".join(f"Requires-Dist: {need}\n" for need in requires if name == "torch")
        info.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
    return builds.installed_packages([str(folder)])


GOOD = {"torch": "2.13.0+cpu", "torchrec": "1.8.0", "fbgemm_gpu_cpu": "1.8.0", "ray": "2.60.0"}


def test_builds_that_fit_are_fine(tmp_path: Path) -> None:
    packages = fake_packages(tmp_path, **GOOD)
    assert builds.versions(packages).status == "ok"
    assert builds.one_fbgemm(packages).status == "ok"
    assert builds.device(packages, driver=False).status == "ok"


@pytest.mark.parametrize(
    "changed",
    [{"torch": "2.12.1"}, {"torchrec": "1.7.0"}, {"fbgemm_gpu_cpu": "1.7.0"}, {"torch": "3.0.0"}],
    ids=["torch older", "torchrec older", "fbgemm older", "next torch"],
)
def test_builds_that_do_not_fit_fail(tmp_path: Path, changed: dict[str, str]) -> None:
    found = builds.versions(fake_packages(tmp_path, **(GOOD | changed)))
    assert found.status == "fail"
    assert next(iter(changed.values())) in found.finding
    assert "2.13.0" in found.remedy


def test_other_builds_that_fit_are_a_warning(tmp_path: Path) -> None:
    older = {"torch": "2.12.0", "torchrec": "1.7.0", "fbgemm_gpu_cpu": "1.7.0"}
    assert builds.versions(fake_packages(tmp_path, **(GOOD | older))).status == "warn"


@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_missing_package_fails(tmp_path: Path, name: str) -> None:
    found = builds.versions(fake_packages(tmp_path, **{key: value for key, value in GOOD.items() if key != name}))
    assert found.status == "fail"
    assert found.finding.startswith(name.removesuffix("_gpu_cpu"))


def test_both_fbgemm_packages_fail(tmp_path: Path) -> None:
    found = builds.one_fbgemm(fake_packages(tmp_path, **GOOD, fbgemm_gpu="1.8.0"))
    assert found.status == "fail"
    assert "pip uninstall -y fbgemm-gpu-cpu fbgemm-gpu" in found.remedy


def test_cuda_torch_without_a_driver_is_a_warning(tmp_path: Path) -> None:
    packages = fake_packages(
        tmp_path, "nvidia-nccl-cu13==2.29; sys_platform == 'linux'", **(GOOD | {"torch": "2.13.0"})
    )
    assert builds.device(packages, driver=builds.has_driver(NO_DRIVER)).status == "warn"
    assert builds.device(packages, driver=True).status == "ok"


def test_cuda_fbgemm_beside_a_cpu_torch_fails(tmp_path: Path) -> None:
    packages = fake_packages(tmp_path, torch="2.13.0+cpu", torchrec="1.8.0", fbgemm_gpu="1.8.0")
    assert builds.device(packages).status == "fail"


def test_a_run_that_wants_gpus_fails_without_them(tmp_path: Path) -> None:
    found = builds.device(fake_packages(tmp_path, **GOOD), use_gpu=True, driver=False)
    assert found.status == "fail"
    assert "scaling.use_gpu" in found.remedy


def test_each_worker_of_a_run_on_gpus_needs_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert builds.gpus(2, there=2).status == "ok"
    found = builds.gpus(2, there=1)
    assert found.status == "fail"
    assert found.finding == ("the spec wants a GPU for each of 2 workers (scaling.use_gpu), and this machine shows 1")
    assert "`scaling.workers: 1`" in found.remedy
    assert builds.count_gpus(NO_DRIVER) == 0

    monkeypatch.setattr(builds, "count_gpus", lambda: 0)
    for address, wanted in (("", True), ("local", True), ("127.0.0.1:6379", True), ("10.0.0.1:6379", False)):
        monkeypatch.setenv("RAY_ADDRESS", address)
        monkeypatch.setattr(cluster, "ray_address", builds.python_version)
        assert ("gpus" in {each.name for each in quick(tmp_path, gpus=1)}) is wanted, address


def test_another_python_fails() -> None:
    assert builds.python_version((3, 12, 1)).status == "fail"
    assert builds.python_version().status == "ok"


def with_module(folder: Path, body: str) -> dict[str, str]:
    """An environment in which `broken` can be imported."""
    (folder / "broken.py").write_text(body)
    return {**os.environ, "PYTHONPATH": str(folder)}


def test_an_undefined_symbol_is_a_finding(tmp_path: Path) -> None:
    body = "raise ImportError('/x/fbgemm.so: undefined symbol: _ZN3c10')"
    found = probes.imports(["json", "broken"], with_module(tmp_path, body))
    assert found.status == "fail"
    assert found.finding.startswith("importing broken failed: ImportError: /x/fbgemm.so: undefined symbol")


def test_a_segmentation_fault_is_a_finding(tmp_path: Path) -> None:
    body = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
    found = probes.imports(["broken"], with_module(tmp_path, body))
    assert (found.status, found.finding) == ("fail", "importing broken crashed with SIGSEGV")


def test_imports_that_work_are_listed() -> None:
    assert probes.imports(["json", "email"]) == Finding(name="imports", status="ok", finding="json, email")


def test_an_unusable_interface_fails_the_collectives() -> None:
    found = probes.collectives({**os.environ, "GLOO_SOCKET_IFNAME": "nosuch0"})
    assert found.status == "fail"
    assert found.finding.startswith("all_reduce over gloo failed")
    assert "GLOO_SOCKET_IFNAME" in found.remedy


def test_a_broken_kernel_library_fails(tmp_path: Path) -> None:
    (tmp_path / "fbgemm_gpu.py").write_text("")
    found = probes.kernels({**os.environ, "PYTHONPATH": str(tmp_path)})
    assert found.status == "fail"
    assert "asynchronous_complete_cumsum" in found.finding


def test_small_shared_memory_is_a_warning(tmp_path: Path) -> None:
    found = machine.shared_memory(tmp_path, minimum=2**60)
    assert found.status == "warn"
    assert "--shm-size" in found.remedy
    assert machine.shared_memory(tmp_path / "missing").status == "warn"
    assert machine.shared_memory(tmp_path, minimum=1).status == "ok"


def test_a_low_limit_of_open_files_is_a_warning() -> None:
    code = "from trainers.doctor import machine; print(machine.open_files().status)"
    said = subprocess.run(
        ["bash", "-c", 'ulimit -n 256; exec "$@"', "-", sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == "warn\n"


def test_a_host_name_that_does_not_resolve() -> None:
    assert machine.names("no-such-host.invalid").status == "warn"
    assert machine.names(loopback="no-such-host.invalid").status == "fail"
    assert machine.names("localhost").status == "ok"


@pytest.mark.parametrize("place", ["under-a-file", "read-only"])
def test_storage_that_cannot_be_written_fails(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    home = tmp_path / "file" / "home" if place == "under-a-file" else Path("/proc/winnow/home")
    found = machine.storage(home)
    assert found.status == "fail"
    assert str(home) in found.finding


def test_storage_that_is_nearly_full_is_a_warning(tmp_path: Path) -> None:
    assert machine.storage(tmp_path / "to" / "make", minimum=2**60).status == "warn"
    assert machine.storage(tmp_path / "to" / "make", minimum=1).status == "ok"
    assert list(tmp_path.iterdir()) == []


def test_a_taken_port_is_a_warning_that_names_who_has_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        found = ports.ray_ports({port: "head"})
        assert found.status == "warn"
        assert f"{port} (head) by" in found.finding
        assert f"(pid {os.getpid()})" in found.finding
    assert ports.ray_ports({port: "head"}).status == "ok"


def test_failures_are_raised_with_their_remedies_and_warnings_are_not() -> None:
    warning = Finding(name="a", status="warn", finding="hot", remedy="wait")
    require([warning])
    with pytest.raises(DoctorError, match=r"^b: broken. Remedy: mend it$"):
        require([warning, Finding(name="b", status="fail", finding="broken", remedy="mend it")])


def test_a_problem_needs_a_remedy() -> None:
    with pytest.raises(AssertionError):
        Finding(name="a", status="fail", finding="broken")


def test_the_quick_round_imports_nothing_heavy_and_takes_a_moment(tmp_path: Path) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom trainers.doctor import quick\n"
        f"began = time.process_time(); quick(Path({str(tmp_path)!r})); took = time.process_time() - began\n"
        "assert 'torch' not in sys.modules; assert 'ray' not in sys.modules; assert took < 0.3, took"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_full_round_finds_this_environment_sound(tmp_path: Path) -> None:
    findings = full(tmp_path)
    assert {each.name for each in quick(tmp_path)} < {each.name for each in findings}
    assert [each for each in findings if each.status == "fail"] == []


def test_an_address_of_ray_is_asked_before_ray_tries_for_minutes() -> None:
    assert ray_address("").status == ray_address("local").status == ray_address("auto").status == "ok"
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert ray_address(f"127.0.0.1:{port}").status == "ok"
        assert ray_address(f"ray://127.0.0.1:{port}").status == "ok"
    away = ray_address(f"127.0.0.1:{port}")
    assert away.status == "fail"
    assert away.finding.startswith(f"RAY_ADDRESS=127.0.0.1:{port} doesn't answer (")
    assert "unset RAY_ADDRESS" in away.remedy
    for wrong in ("here", "127.0.0.1", "127.0.0.1:x", ":6379", "127.0.0.1:99999999"):
        assert ray_address(wrong).status == "fail", wrong


def test_a_host_that_never_answers_is_given_up() -> None:
    began = time.monotonic()
    assert ray_address("192.0.2.1:6379", seconds=0.2).status == "fail"  # TEST-NET-1 (RFC 5737)
    assert time.monotonic() - began < 5


def test_without_room_for_temporary_files_nothing_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert machine.temporary_files().status == "ok"
    monkeypatch.setattr(machine.tempfile, "tempdir", str(tmp_path / "none"))
    found = machine.temporary_files()
    assert (found.status, "TMPDIR" in found.remedy) == ("fail", True)


def test_a_full_disk_is_a_failure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for free, status in ((2**20, "fail"), (2**30, "warn"), (2**40, "ok")):
        monkeypatch.setattr(machine.shutil, "disk_usage", lambda path, free=free: SimpleNamespace(free=free))
        assert machine.storage(tmp_path).status == status


def test_what_only_reads_needs_no_folder_to_write() -> None:
    assert "storage" not in {finding.name for finding in quick(None)}


def test_ray_gets_a_folder_whose_path_is_short_enough_for_sockets(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(scratch.tempfile, "tempdir", str(tmp_path))
    long = tmp_path / ("x" * 90)
    long.mkdir()
    monkeypatch.setattr(scratch.tempfile, "tempdir", str(long))
    folder = scratch.private_folder("winnow-test-")
    assert len(str(folder)) < 32
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.rmdir()
    monkeypatch.setattr(scratch.tempfile, "mkdtemp", lambda **_: (_ for _ in ()).throw(OSError(30, "Read-only")))
    with pytest.raises(ValueError, match=r"^TMPDIR: .*Read-only.*set TMPDIR"):
        scratch.private_folder("winnow-test-")
