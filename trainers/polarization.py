"""How far the gates have parted, and whether they, and the model, have come to rest. Numpy only.

Shapes: T snapshots, F features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

LOW, HIGH = 0.1, 0.9


@dataclass(frozen=True)
class Polarization:
    """Shares of the gates in [0, 0.1), [0.1, 0.9] and (0.9, 1], and mean |g − mean g|."""

    low: float
    middle: float
    high: float
    spread: float

    @classmethod
    def of(cls, gate_F: NDArray[np.floating]) -> Polarization:
        low, high = float(np.mean(gate_F < LOW)), float(np.mean(gate_F > HIGH))
        return cls(low, max(0.0, 1.0 - low - high), high, float(np.mean(np.abs(gate_F - gate_F.mean()))))

    def as_dict(self) -> dict[str, float]:
        return asdict(self)


def gates_rest(gate_TF: NDArray[np.floating], *, window: int = 10, tolerance: float = 0.02) -> bool:
    """Whether over the last `window` snapshots no gate crossed 0.5 and the mean gate moved by less than `tolerance`."""
    if len(gate_TF) < window:
        return False
    recent_TF = gate_TF[-window:]
    undecided = np.any((recent_TF > 0.5) != (recent_TF[-1] > 0.5))
    return not undecided and float(np.abs(recent_TF[-1] - recent_TF[0]).mean()) < tolerance


def loss_rests(losses: Sequence[float], *, window: int = 10, tolerance: float = 1e-3) -> bool:
    """Whether the mean loss of the last `window` reports is no more than `tolerance` (a share) under the one before."""
    if len(losses) < 2 * window:
        return False
    before, now = np.mean(losses[-2 * window : -window]), np.mean(losses[-window:])
    return bool(before - now < tolerance * before)
