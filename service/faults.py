"""Where the job loop may be made to die or to stop, for tests: `WINNOW_FAULT_POINT=kill:start.claimed@2`.

The action is `kill` (SIGKILL) or `stop` (SIGSTOP), and comes when the point is reached for the nth time (the first
unless given). Without the variable a point does nothing.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

POINTS = (
    "look.leased",
    "look.seen",
    "look.stopped",
    "apply.written",
    "apply.committed",
    "start.token",
    "start.written",
    "start.claimed",
    "start.prepared",
    "start.held",
    "start.submitted",
    "start.confirmed",
)
VARIABLE = "WINNOW_FAULT_POINT"
ACTIONS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}

_reached: Counter[str] = Counter()


def reached(point: str) -> None:
    """Die or stop here where that was asked for."""
    wanted = os.environ.get(VARIABLE)
    if not wanted:
        return
    action, _, place = wanted.partition(":")
    name, _, count = place.partition("@")
    if name != point:
        return
    _reached[point] += 1
    if _reached[point] == int(count or 1):
        os.kill(os.getpid(), ACTIONS[action])
