"""A Ray head of one home's own, on loopback, that outlives the control plane; the next one on that home finds it.

`HOME/ray.json` says where it is. Its ports are free ones, its folder and token are private to the user, and its
session's name tells it from any other Ray that may listen there later. Ending the process `pid` ends all of it.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog

from service.ray.client import RayEngine
from trainers.runs.directory import read_json, write_json
from trainers.scratch import private_folder

log = structlog.get_logger()

START_SECONDS = 180.0  # a start that gave up is repeated so long
ANSWER_SECONDS = 600.0  # a start that goes on, on a busy machine, is waited for so long
TOLD_SECONDS = 30.0
# What ends sooner didn't wait for a busy machine, and would end so again.
SLOW_SECONDS = 1.0
LONGEST = 500  # characters of what Ray says
HEAD_ENVIRONMENT = {
    # Where clusters are off, Ray takes the loopback address for the host's and listens nowhere else.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    # SIGTERM ends it at once: what ran goes on from its checkpoint, so there is nothing to wait for.
    "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
    "NO_COLOR": "1",
}


class RayStartError(RuntimeError):
    """No local Ray came up; the message has Ray's last words and the remedy."""


@dataclass(frozen=True)
class Head:
    """A head's process and its birth, its job server's URL, and the private folder of its token, log and sessions."""

    pid: int
    born: str
    address: str
    folder: str

    @property
    def token(self) -> str:
        return Path(self.folder, "token").read_text(encoding="ascii")

    @property
    def alive(self) -> bool:
        """Whether the process runs, and is no later one of that number."""
        return self.born != "" and _born(self.pid) == self.born

    @property
    def has_started(self) -> bool:
        """Whether `ray start` has come to its end: its job server answers before its node is there."""
        return Path(self.folder, "ray", "ray_current_cluster").exists()

    def answers(self) -> bool:
        """Whether the job server answers with the session that this head began."""
        session = Path(self.folder, "ray", "session_latest")
        if not session.exists():
            return False
        return RayEngine(self.address, token=self.token).session() == session.resolve().name


class LocalRay(RayEngine):
    """Runs on the head of a home, which is started here and started again by `restore`.

    Args:
        home: of the control plane.
        timeout_seconds, winnow: as RayEngine has them.

    Raises:
        RayStartError: as `ensure` has it.
    """

    def __init__(self, home: Path, *, timeout_seconds: float = 10.0, winnow: str = "winnow") -> None:
        self.home, self.head = home, ensure(home)
        super().__init__(self.head.address, token=self.head.token, timeout_seconds=timeout_seconds, winnow=winnow)

    def restore(self) -> None:
        """Start the head again where its process has ended. What ran in it is lost to the new one, which is told.

        Raises:
            RayStartError: as `ensure` has it; the next call tries again.
        """
        if self.head.alive:
            return
        log.warning("ray has ended and is started again", process=self.head.pid, said=_last_words(self.head))
        self.head = ensure(self.home)
        self.connect(self.head.address, self.head.token)
        log.info("ray was started again", address=self.head.address)


def ensure(home: Path) -> Head:
    """The head of this home, started where none runs; again where Ray gave up before START_SECONDS have passed.

    Raises:
        RayStartError: Ray ends at once, or isn't there in time.
    """
    home.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + START_SECONDS
    with _alone(home):
        head = _remembered(home)
        if head is None or not head.alive:
            if head is not None:  # its processes ended with it; its folder is what is left
                shutil.rmtree(head.folder, ignore_errors=True)
            head = _start(home)
        while not _wait(head, deadline):
            log.warning("Ray gave up while it started, and is started again", said=_last_words(head))
            shutil.rmtree(head.folder, ignore_errors=True)
            head = _start(home)
    return head


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Two control planes that start on one home at once share a head."""
    with (home / "ray.lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _remembered(home: Path) -> Head | None:
    path = home / "ray.json"
    return Head(**read_json(path)) if path.exists() else None


def _start(home: Path) -> Head:
    """Start a head in a session of its own. It is remembered at once: whoever dies now leaves it to be found."""
    folder = private_folder("winnow-")
    (folder / "token").write_text(secrets.token_hex(32), encoding="ascii")
    dashboard, agent, client = _free_ports(3)
    with (folder / "log").open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            _command(folder, dashboard, agent, client),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=_environment(folder),
            start_new_session=True,
        )
    head = Head(process.pid, _born(process.pid), f"http://127.0.0.1:{dashboard}", str(folder))
    write_json(home / "ray.json", asdict(head))
    return head


def _command(folder: Path, dashboard: int, agent: int, client: int) -> list[str]:
    ray = Path(sys.executable).with_name("ray")
    command = [str(ray), "start", "--head", "--block", "--node-ip-address=127.0.0.1", "--port=0"]
    command += ["--dashboard-host=127.0.0.1", f"--dashboard-port={dashboard}"]
    command += [f"--dashboard-agent-listen-port={agent}", f"--ray-client-server-port={client}"]
    # Sockets lie in there, whose paths may have 107 bytes: too few for a folder under the home.
    return [
        *command,
        f"--temp-dir={folder / 'ray'}",
        "--disable-usage-stats",
        f"--num-cpus={max(2, os.cpu_count() or 1)}",
    ]


def _born(pid: int) -> str:
    """When a process began, in ticks of which boot; empty where it doesn't run."""
    try:
        state, *others = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
    return "" if state == "Z" else f"{others[18]} {boot}"


def _environment(folder: Path) -> dict[str, str]:
    """This process's, without what would lead to another Ray. What runs in the head inherits it."""
    others = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_ADDRESS", "RAY_AUTH_"))}
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(folder / "token")}
    return {**others, **token, **HEAD_ENVIRONMENT}


def _free_ports(count: int) -> list[int]:
    """Different ones: all are held until the last is found."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


def _wait(head: Head, deadline: float) -> bool:
    """Whether the head is up; False where Ray gave up and there is time to try again. Raises RayStartError."""
    began = time.monotonic()
    output = Path(head.folder, "log")
    told = began
    # Its process is looked at last: what answered may have ended meanwhile.
    while not (head.has_started and head.answers() and head.alive):
        now = time.monotonic()
        if not head.alive:
            if now - began > SLOW_SECONDS and now < deadline:
                return False
            raise RayStartError(
                f"Ray could not be started: {_last_words(head)}; see whether this machine is short of memory or "
                f"processors, and start again, or name a running cluster by WINNOW_RAY_ADDRESS ({output} has more)"
            )
        if now - began > ANSWER_SECONDS:
            raise RayStartError(
                f"Ray (process {head.pid}) runs and has not answered at {head.address} for {ANSWER_SECONDS:.0f} s; "
                f"see {output}, then end it with `kill {head.pid}` and start again: "
                "its jobs go on from their checkpoints"
            )
        if now - told > TOLD_SECONDS:
            told = now
            log.info("waiting for ray, which still starts", seconds=round(now - began), log=str(output))
        time.sleep(0.2)
    return True


def _last_words(head: Head) -> str:
    """The last line of what Ray said: of a traceback, the error."""
    try:
        text = Path(head.folder, "log").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "it said nothing"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:LONGEST] if lines else "it said nothing"
