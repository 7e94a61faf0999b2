"""What is missing or other in a thing of today, seen from a golden one; what is new in it doesn't count."""

from __future__ import annotations

import math
from typing import Any

from tests.golden.product import CHANGED, MOVED_KEYS

ANY = "<any>"  # where a golden file leaves the value open


def differences(golden: Any, today: Any, place: str = "") -> list[str]:
    """A line for each difference, which begins with its place."""
    if golden == ANY:
        return []
    if isinstance(golden, dict) and isinstance(today, dict):
        return [line for key in golden for line in _of_key(key, golden[key], today, f"{place}.{key}")]
    if isinstance(golden, list) and isinstance(today, list) and len(golden) == len(today):
        pairs = enumerate(zip(golden, today, strict=True))
        return [line for at, (one, two) in pairs for line in differences(one, two, f"{place}[{at}]")]
    return [] if _same(golden, today) else [f"{place}: was {golden!r:.300}, is {today!r:.300}"]


def unintended(operation: str, golden: Any, today: Any) -> list[str]:
    """The differences of an operation's answer, but those that are on purpose."""
    meant = CHANGED.get(operation, {})
    return [line for line in differences(golden, today) if line.partition(": ")[0] not in meant]


def _of_key(key: str, golden: Any, today: dict[str, Any], place: str) -> list[str]:
    if key in today:
        return differences(golden, today[key], place)
    found: Any = today
    for step in MOVED_KEYS.get(key, (key,)):
        if not isinstance(found, dict) or step not in found:
            return [f"{place}: is missing"]
        found = found[step]
    return differences(golden, found, place)


def _same(golden: Any, today: Any) -> bool:
    if isinstance(golden, float) and isinstance(today, float):
        return math.isclose(golden, today, rel_tol=1e-9, abs_tol=1e-12)
    return bool(golden == today)
