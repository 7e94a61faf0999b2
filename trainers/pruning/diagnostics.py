"""What gates say of their own ranking: how far they have parted, and a warning where the ranking may be weak."""

from __future__ import annotations

from collections.abc import Sequence

from trainers.pruning.ranking import RankedFeature
from trainers.runs.progress import Polarization
from trainers.runs.prune_list import Diagnostics
from trainers.selectors.gates.ranking import OPEN

# The share of gates under 0.1 or over 0.9 from which on gates count as polarized.
POLARIZED = 0.7
STILL_MOVING = "gates were still moving when the search ended; train longer to be sure of those near the threshold"


def gate_diagnostics(parted: Polarization) -> Diagnostics:
    """Shares of gates by position, and whether they are polarized."""
    polarized = parted.low + parted.high >= POLARIZED
    return {"low": parted.low, "middle": parted.middle, "high": parted.high, "polarized": polarized}


def gate_warning(parted: Polarization, missed_target: str | None = None) -> str | None:
    """Why the ranking may be weak; None where nothing says so. A missed target outweighs gates that haven't parted."""
    if missed_target is not None or parted.low + parted.high >= POLARIZED:
        return missed_target
    return (
        f"{parted.middle:.0%} of the gates lie between 0.1 and 0.9: the scores rank features weakly; "
        "train longer, or change selector.alpha"
    )


def target_warning(features: Sequence[RankedFeature], target_dims: float | None) -> str | None:
    """What to say where a search for a share of dims ended with more of them open, by more than one feature."""
    total = sum(feature.dim for feature in features)
    open_dims = sum(feature.dim for feature in features if feature.score >= OPEN)
    if target_dims is None or open_dims - max(feature.dim for feature in features) < target_dims * total:
        return None
    return (
        f"{open_dims / total:.0%} of dims are still open where selector.target_dims asks for {target_dims:.0%}; "
        "train longer, or cut by prune.rule dims"
    )
