"""What gates say of their own ranking: how far they have parted, and a warning where the ranking may be weak."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trainers.pruning.ranking import RankedFeature
from trainers.runs.convergence import WINDOW, crossing_share
from trainers.runs.progress import Polarization
from trainers.runs.prune_list import Diagnostics
from trainers.selectors.gates.ranking import OPEN

# The share of gates under 0.1 or over 0.9 from which on gates count as polarized.
POLARIZED = 0.7


def gate_diagnostics(parted: Polarization) -> Diagnostics:
    """Shares of gates by position, and whether they are polarized."""
    polarized = parted.low + parted.high >= POLARIZED
    return {"low": parted.low, "middle": parted.middle, "high": parted.high, "polarized": polarized}


def still_moving(moving: Sequence[NDArray[np.floating]], steps: int, seeds: int = 1) -> str:
    """How far gates still moved over the last reports of a search.

    Args:
        moving: gates by report (T × F), of each seed whose gates moved.
        steps: of each seed.
        seeds: of the search.
    """
    recent_TF = max((gate_TF[-WINDOW:] for gate_TF in moving), key=_movement)
    crossed = round(crossing_share(recent_TF) * recent_TF.shape[1])
    ended = "the search" if seeds == 1 else f"the searches of {len(moving)} of {seeds} seeds"
    most = "" if len(moving) == 1 else ", where they moved most,"
    return (
        f"gates were still moving when {ended} ended: over the last {len(recent_TF)} reports of {steps:,} steps{most} "
        f"{crossed} of {recent_TF.shape[1]} crossed 0.5, and a gate moved by {_movement(recent_TF):.3f} on average; "
        "double training.epochs to be sure of features near the threshold"
    )


def _movement(gate_TF: NDArray[np.floating]) -> float:
    """Of a gate, on average, from the first of these reports to the last."""
    return float(np.abs(gate_TF[-1] - gate_TF[0]).mean())


def gate_warning(
    parted: Polarization, missed_target: str | None = None, *, seeds: int = 1, penalized: bool = True
) -> str | None:
    """Why the ranking may be weak; None where nothing says so. A missed target outweighs gates that haven't parted.

    Over several seeds `parted` is of the mean gates. Gates that are `penalized` have an option `alpha`.
    """
    if missed_target is not None or parted.low + parted.high >= POLARIZED:
        return missed_target
    if seeds > 1:
        return (
            f"{parted.middle:.0%} of the gates, as means over {seeds} seeds, lie between 0.1 and 0.9: the seeds "
            "disagree on these features, or their gates have not parted; see selection_frequency, and double "
            "training.epochs"
        )
    return (
        f"{parted.middle:.0%} of the gates lie between 0.1 and 0.9: the scores rank features weakly; "
        f"double training.epochs{', or raise selector.alpha' if penalized else ''}"
    )


def target_warning(features: Sequence[RankedFeature], target_dims: float | None) -> str | None:
    """What to say where a search for a share of dims ended with more of them open, by more than one feature."""
    total = sum(feature.dim for feature in features)
    open_dims = sum(feature.dim for feature in features if feature.score >= OPEN)
    if target_dims is None or open_dims - max(feature.dim for feature in features) < target_dims * total:
        return None
    return (
        f"{open_dims / total:.0%} of dims are still open where selector.target_dims asks for {target_dims:.0%}; "
        "double training.epochs, or cut by prune.rule dims"
    )
