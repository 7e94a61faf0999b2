"""What a model predicts."""

from __future__ import annotations

from typing import Literal

from trainers.config import Config


class LabelSpec(Config):
    """A column, and the task that learns it: `binary` is 0 or 1, by cross-entropy."""

    column: str
    task: Literal["binary"] = "binary"
