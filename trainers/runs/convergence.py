"""How far the gates have parted, and whether they, and the model, have come to rest. Numpy only.

Shapes: T snapshots, F features.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trainers.runs.progress import Polarization

LOW, HIGH = 0.1, 0.9
TENTHS = 10
# Reports at a search's end over which gates have to rest.
WINDOW = 10


def measure_polarization(gate_F: NDArray[np.floating]) -> Polarization:
    """Shares of the gates in [0, 0.1), [0.1, 0.9] and (0.9, 1], and mean |g − mean g|."""
    low, high = float(np.mean(gate_F < LOW)), float(np.mean(gate_F > HIGH))
    spread = float(np.mean(np.abs(gate_F - gate_F.mean())))
    return Polarization(low=low, middle=max(0.0, 1.0 - low - high), high=high, spread=spread)


def gates_converged(gate_TF: NDArray[np.floating], *, window: int = WINDOW, tolerance: float = 0.02) -> bool:
    """Whether over the last `window` snapshots no gate crossed 0.5 and the mean gate moved by less than `tolerance`."""
    if len(gate_TF) < window:
        return False
    recent_TF = gate_TF[-window:]
    return crossing_share(recent_TF) == 0 and float(np.abs(recent_TF[-1] - recent_TF[0]).mean()) < tolerance


def crossing_share(gate_TF: NDArray[np.floating]) -> float:
    """The share of gates that crossed 0.5 within these snapshots: their features would have been decided otherwise."""
    return float(np.mean(np.any((gate_TF > 0.5) != (gate_TF[-1] > 0.5), axis=0)))


def entropy(gate_F: NDArray[np.floating]) -> float:
    """Mean binary entropy in bits: 1 where every gate is 0.5, 0 where each is 0 or 1."""
    gate = np.clip(gate_F.astype(np.float64), 0.0, 1.0)
    parts = [np.where(each > 0, each * -np.log2(np.where(each > 0, each, 1.0)), 0.0) for each in (gate, 1.0 - gate)]
    return float(np.mean(np.where(np.isnan(gate), np.nan, parts[0] + parts[1])))


def count_by_tenth(gate_F: NDArray[np.floating]) -> list[int]:
    """How many gates lie in each tenth of [0, 1]; a gate on a boundary counts in the tenth above it, 1 in the last."""
    found: list[int] = np.histogram(gate_F, bins=TENTHS, range=(0.0, 1.0))[0].tolist()
    return found


def loss_converged(losses: Sequence[float], *, window: int = 10, tolerance: float = 1e-3) -> bool:
    """Whether the mean loss of the last `window` reports is no more than `tolerance` (a share) under the one before."""
    if len(losses) < 2 * window:
        return False
    before, now = np.mean(losses[-2 * window : -window]), np.mean(losses[-window:])
    return bool(before - now < tolerance * before)
