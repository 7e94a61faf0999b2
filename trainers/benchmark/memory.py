"""The most memory that this process has over a time, as Linux counts it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")
RESET_PEAK = "5"  # proc(5): the peak resident set is set to the present one


class PeakMemory:
    """The peak from when this is made on, beyond what the process had then: libraries that are loaded don't count.

    Example:
        >>> peak = PeakMemory()
        >>> rows = bytearray(2**26)
        >>> found = peak.bytes()
        >>> found is None or found >= 2**26
        True
    """

    def __init__(self) -> None:
        self._start: int | None = None
        with suppress(OSError):
            CLEAR.write_text(RESET_PEAK, encoding="ascii")
            self._start = _read("VmRSS")

    def bytes(self) -> int | None:
        """None where the system doesn't tell."""
        if self._start is None:
            return None
        peak = _read("VmHWM")
        return None if peak is None else max(0, peak - self._start)


def _read(name: str) -> int | None:
    """Bytes of one line of the status; None where it isn't there."""
    with suppress(OSError):
        for line in STATUS.read_text(encoding="ascii").splitlines():
            key, _, value = line.partition(":")
            if key == name:
                return int(value.split()[0]) * 1024
    return None
