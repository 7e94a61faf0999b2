"""A Ray head of the control plane's own, on loopback, that outlives a restart of the control plane."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from service.engine import RayEngine

PORT, DASHBOARD_PORT = 6389, 8275


def ensure() -> str:
    """The job server's address; starts a head where none answers. Raises RuntimeError with Ray's own words."""
    address = f"http://127.0.0.1:{DASHBOARD_PORT}"
    if RayEngine(address).healthy():
        return address
    ray = Path(sys.executable).with_name("ray")
    command = [str(ray), "start", "--head", "--node-ip-address=127.0.0.1", f"--port={PORT}"]
    command += ["--dashboard-host=127.0.0.1", f"--dashboard-port={DASHBOARD_PORT}", "--disable-usage-stats"]
    command += [f"--num-cpus={max(2, os.cpu_count() or 1)}"]
    started = subprocess.run(command, capture_output=True, text=True, check=False)
    if started.returncode:
        raise RuntimeError(f"Ray could not be started: {started.stderr.strip() or started.stdout.strip()}")
    return address
