"""Signs that the label is known to the features, in what a run found."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from trainers.data.checks.leaks import LEAKY_FEATURE, LEAKY_MODEL
from trainers.runs.prune_list import Leak


def find_leaks(kept: Collection[str], single_feature_auc: Mapping[str, float], full_auc: float | None) -> list[Leak]:
    """Features that stay and predict the label alone, best first, and a full model that is too good to be true.

    Args:
        kept: names of the features that stay.
        single_feature_auc: by feature, as `trainers.data.checks.leaks` measures it.
        full_auc: of the full model on the test split.
    """
    found = [(name, auc) for name, auc in single_feature_auc.items() if name in kept and auc > LEAKY_FEATURE]
    leaks = [
        Leak(
            feature=name,
            auc=auc,
            message=f"feature {name!r}, which stays, predicts the label alone with AUC {auc:.3f}: it may be made from "
            "the label, or be known only after; take it out and run again, unless it is right",
        )
        for name, auc in sorted(found, key=lambda pair: -pair[1])
    ]
    if full_auc is not None and full_auc > LEAKY_MODEL:
        leaks.append(
            Leak(
                feature=None,
                auc=full_auc,
                message=f"the full model has a test AUC of {full_auc:.4f}: look for a feature that is made from the "
                "label, or for test rows among the training rows",
            )
        )
    return leaks
