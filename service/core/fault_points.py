"""Where a loop may be made to die or to stop, for tests: `WINNOW_FAULT_POINT=kill:start.claimed@2`.

The action is `kill` (SIGKILL) or `stop` (SIGSTOP), and comes when the point is reached for the nth time (the first
unless given). Without the variable a point does nothing.
"""

from __future__ import annotations

import os
import signal
from itertools import count

JOB_POINTS = (
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
DELIVERY_POINTS = (
    "queue.written",
    "queue.committed",
    "lease.written",
    "lease.committed",
    "send.answered",
    "note.written",
    "note.committed",
)
VARIABLE = "WINNOW_FAULT_POINT"
ACTIONS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}

_times = count(1)  # that the wanted point was reached; loops reach theirs in several threads


def fault_point(point: str) -> None:
    """Die or stop here where that was asked for."""
    wanted = os.environ.get(VARIABLE)
    if not wanted:
        return
    action, _, place = wanted.partition(":")
    name, _, time = place.partition("@")
    if name == point and next(_times) == int(time or 1):
        signal.raise_signal(ACTIONS[action])  # this thread goes no further, whatever others do
