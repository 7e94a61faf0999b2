"""Partitions of a data set, named in overrides by `{partition}`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any, Literal

PLACEHOLDER = "{partition}"
STEPS = {"day": timedelta(days=1), "hour": timedelta(hours=1)}
DAY_FORMAT = "%Y-%m-%d"
# What strftime gives alike on every machine, and text that a path may hold.
FORMAT = re.compile(r"(?:%[YmdHj]|[^%\x00-\x1f\x7f])+")


def fill_partition(template: Any, partition: str) -> Any:
    """With `partition` wherever a text says `{partition}`."""
    if isinstance(template, str):
        return template.replace(PLACEHOLDER, partition)
    if isinstance(template, dict):
        return {key: fill_partition(value, partition) for key, value in template.items()}
    if isinstance(template, list):
        return [fill_partition(value, partition) for value in template]
    return template


def has_placeholder(template: Any) -> bool:
    """Whether `{partition}` stands anywhere in a template."""
    return bool(fill_partition(template, "") != template)


def partition_names(first: datetime, last: datetime, every: Literal["day", "hour"], form: str, limit: int) -> list[str]:
    """Names of the partitions from `first` to `last`, both counted.

    Raises:
        ValueError: none or over `limit` of them, or the format can't name them apart.
    """
    if FORMAT.fullmatch(form) is None:
        raise ValueError(f"format: {form!r} can't be used; give text with %Y, %m, %d, %H, %j, such as {DAY_FORMAT}")
    count = (last - first) // STEPS[every] + 1
    if not 1 <= count <= limit:
        raise ValueError(
            f"to: from {first} to {last} are {max(count, 0)} partitions of a {every}; give between 1 and {limit}"
        )
    names = [(first + number * STEPS[every]).strftime(form) for number in range(count)]
    if len(set(names)) < count:
        raise ValueError(f"format: {form!r} gives the same name twice; let it tell every {every} apart")
    return names
