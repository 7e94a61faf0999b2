"""Keys that version 0.1 of the spec had by other names: read, and written beside today's, for one more version."""

from __future__ import annotations

from typing import Any

from trainers.selectors.gates.permutation_options import OLD


def read_old_keys(raw: Any) -> Any:
    """The mapping by today's keys. What isn't a mapping is left to validation."""
    selector = raw.get("selector") if isinstance(raw, dict) else None
    if not isinstance(selector, dict) or not OLD.keys() & selector.keys():
        return raw
    new = dict(selector)
    if "stand_in" in new:
        new.setdefault("replacement", new["stand_in"])
    if new.get("name", "leap") == "leap" and new.get("penalty") == "uniform":
        # What only the adaptive penalty reads is left out.
        new = {key: value for key, value in new.items() if key not in ("ema", "clip")} | {"name": "leap_base"}
    return {**raw, "selector": {key: value for key, value in new.items() if key not in OLD}}


def describe_old_keys(raw: Any) -> list[str]:
    """What to tell the author of a spec that has only the old key."""
    selector = raw.get("selector") if isinstance(raw, dict) else None
    if not isinstance(selector, dict) or "replacement" in selector:
        return []
    return [f"{message}; the old key goes with the next version" for key, message in OLD.items() if key in selector]
