"""The control plane as it is started, over HTTP, on a real Ray: a job goes on through a kill of either of them."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from service.ray.local_cluster import Head
from tests.conftest import TinyDataset
from trainers.spec import load_spec

ENDED = {"succeeded", "failed", "cancelled"}


class Served:
    """`winnow serve` on a home: started, killed, started again. Its Ray is left to `end_ray`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        winnow = Path(sys.executable).with_name("winnow")
        with (self.home.parent / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(winnow), "serve", "--home", str(self.home), "--port", str(self.port)],
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "WINNOW_POLL_SECONDS": "0.2", "WINNOW_LEASE_SECONDS": "21"},
            )
        until(self._ready, 240)

    def _ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.home.parent / "serve.log").read_text()
        try:
            return self.http.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def job(self, job_id: str) -> dict[str, Any]:
        answer = self.http.get(f"/v1/jobs/{job_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()  # type: ignore[no-any-return]

    def told(self, job_id: str, kind: str) -> list[dict[str, Any]]:
        events = self.http.get(f"/v1/jobs/{job_id}/events").json()
        return [event["data"] for event in events if event["kind"] == kind]

    def states(self, job_id: str) -> list[str]:
        return [data["to"] for data in self.told(job_id, "job.state")]

    @property
    def head(self) -> Head:
        return Head(**json.loads((self.home / "ray.json").read_text()))

    def submissions(self) -> dict[str, str]:
        """What Ray itself says was submitted to it, with its state."""
        headers = {"Authorization": f"Bearer {self.head.token}"}
        listed = httpx.get(f"{self.head.address}/api/jobs/", headers=headers, timeout=30).json()
        return {job["submission_id"]: job["status"] for job in listed if job["type"] == "SUBMISSION"}


def until(done: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"not so after {seconds} s"
        time.sleep(0.2)


def end_ray(home: Path) -> None:
    """The head and all it started, of this home alone."""
    if not (home / "ray.json").exists():
        return
    head = Head(**json.loads((home / "ray.json").read_text()))
    if head.alive:
        process = psutil.Process(head.pid)
        family = [*process.children(recursive=True), process]
        process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 20
        while left := [each for each in family if runs(each)]:
            if time.monotonic() > deadline:
                for each in left:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        each.kill()
            time.sleep(0.2)
    shutil.rmtree(head.folder)


def runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def drivers(job_id: str) -> list[int]:
    """Processes that run a job: their command has the directory of one of its attempts."""
    running = psutil.process_iter(["cmdline"])
    return [
        each.pid for each in running if any(f"/runs/{job_id}/attempt-" in part for part in each.info["cmdline"] or ())
    ]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path / "home")
    try:
        served.start()
        yield served
    finally:
        served.kill()
        served.http.close()
        end_ray(served.home)


def test_a_job_survives_the_kill_of_the_control_plane(served: Served, tiny_dataset: TinyDataset) -> None:
    spec = load_spec(tiny_dataset.spec).model_dump(mode="json")
    first = str(served.http.post("/v1/jobs", json=spec).json()["id"])
    until((served.home / "runs" / first / "attempt-1" / "spec.json").exists, 240)  # its driver is at work
    assert served.job(first)["state"] not in ENDED, served.job(first)
    second = str(served.http.post("/v1/jobs", json={**spec, "name": "second"}).json()["id"])
    head = served.head

    served.kill()
    served.start()
    assert served.head == head
    served.http.post(f"/v1/jobs/{second}/cancel")
    until(lambda: served.job(first)["state"] in ENDED, 240)
    until(lambda: served.job(second)["state"] in ENDED, 60)

    assert (served.job(first)["state"], served.job(second)["state"]) == ("succeeded", "cancelled"), served.job(first)
    assert sorted(served.submissions()) in ([f"{first}-1"], sorted([f"{first}-1", f"{second}-1"]))
    states = served.states(first)
    assert (states.count("starting"), states[-1], len(states)) == (1, "succeeded", len(set(states)))
    features = {feature["name"] for feature in spec["features"]}
    listed = served.http.get(f"/v1/jobs/{first}/prune-list").json()["features"]
    assert {feature["name"] for feature in listed} == features
    gates = served.http.get(f"/v1/jobs/{first}/gates").json()
    assert set(gates["features"]) == features
    assert len(gates["gates"]) == len(gates["steps"]) > 0
    assert 'winnow_jobs{state="succeeded"} 1.0' in served.http.get("/metrics").text
    listening = []
    for process in psutil.Process(head.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # What the job had ends while it is looked at.
            listening += [
                each.laddr.ip for each in process.net_connections("inet") if each.status == psutil.CONN_LISTEN
            ]
    assert listening
    assert set(listening) <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


@pytest.mark.slow
def test_a_job_goes_on_in_another_ray(served: Served, tiny_dataset: TinyDataset) -> None:
    spec = load_spec(tiny_dataset.spec).model_dump(mode="json")
    job = str(served.http.post("/v1/jobs", json=spec).json()["id"])
    until((served.home / "runs" / job / "attempt-1" / "spec.json").exists, 240)
    assert drivers(job)
    head = served.head
    psutil.Process(head.pid).kill()
    until(lambda: not drivers(job), 60)  # none is left to write beside its successor
    assert served.job(job)["state"] not in ENDED
    until(lambda: served.head.pid != head.pid, 60)  # the service that started it starts it again
    until(lambda: served.http.get("/readyz").status_code == 200, 240)
    assert not Path(head.folder).exists()
    until(lambda: served.job(job)["state"] in ENDED, 240)
    assert served.job(job)["state"] == "succeeded", served.job(job)
    assert served.states(job).count("starting") == 2
    assert sorted(served.submissions()) == [f"{job}-2"]
    assert not (served.home / "runs" / job / "attempt-1").exists()


@pytest.mark.slow
def test_a_running_job_that_is_cancelled_ends_by_itself(served: Served, tiny_dataset: TinyDataset) -> None:
    spec = load_spec(tiny_dataset.spec).model_dump(mode="json")
    spec["training"] |= {"epochs": 2000, "report_every": 20}
    job = str(served.http.post("/v1/jobs", json=spec).json()["id"])
    check = str(served.http.post("/v1/jobs", json=spec, params={"dry_run": True}).json()["id"])
    until(lambda: served.job(job)["state"] == "searching", 240)
    until(lambda: served.job(check)["state"] in ENDED, 60)
    assert served.told(job, "job.snapshot")
    asked = time.monotonic()
    served.http.post(f"/v1/jobs/{job}/cancel")
    until(lambda: served.job(job)["state"] in ENDED, 60)
    print(f"cancelled in {time.monotonic() - asked:.1f} s")
    assert served.job(job)["state"] == "cancelled", served.job(job)
    assert served.submissions()[f"{job}-1"] != "STOPPED"  # which is what Ray calls what it had to end
    until(lambda: not drivers(job), 10)
    assert (served.job(check)["state"], served.job(check)["reason"]) == (
        "succeeded",
        "the spec and its data fit together",
    )
