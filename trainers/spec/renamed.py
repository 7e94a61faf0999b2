"""Keys that version 0.1 of the spec had by other names: read for one more version, with a warning."""

from __future__ import annotations

import warnings
from typing import Any


def read_old_keys(raw: Any) -> Any:
    """The mapping with today's keys. What isn't a mapping is left to validation."""
    selector = raw.get("selector") if isinstance(raw, dict) else None
    if not isinstance(selector, dict) or not selector.keys() & {"stand_in", "penalty"}:
        return raw
    return {**raw, "selector": _leap(selector)}


def _leap(old: dict[str, Any]) -> dict[str, Any]:
    new = dict(old)
    if "stand_in" in new:
        _warn("selector.stand_in is called selector.replacement")
        new.setdefault("replacement", new.pop("stand_in"))
    if new.get("name", "leap") == "leap" and new.get("penalty") in ("adaptive", "uniform"):
        if new.pop("penalty") == "uniform":
            _warn("selector: {name: leap, penalty: uniform} is called selector: {name: leap_base}")
            # What only the adaptive penalty reads.
            new = {key: value for key, value in new.items() if key not in ("ema", "clip")} | {"name": "leap_base"}
        else:
            _warn("selector.penalty is no longer read: leap is adaptive, and leap_base uniform")
    return new


def _warn(message: str) -> None:
    warnings.warn(f"{message}; the old key goes with the next version", FutureWarning, stacklevel=2)
