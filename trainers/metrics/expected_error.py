"""How far chance moves an AUC, from the number of rows alone: before there is a model, or where only its AUC is kept.

Rows count as independent: groups make the true error larger.
"""

from __future__ import annotations

import math


def auc_error(auc: float, positives: float, negatives: float) -> float:
    """Standard error of an AUC (Hanley and McNeil 1982, Eq. 1 and 2); infinite where a class has no row.

    Args:
        auc: the AUC, 0 to 1.
        positives, negatives: rows of either class.

    Example:
        >>> round(auc_error(0.5, 100, 100), 4)  # √((2n + 1) / (12 n²)), that of a Mann–Whitney test
        0.0409
    """
    if positives <= 0 or negatives <= 0:
        return math.inf
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (positives - 1) * (q1 - auc**2) + (negatives - 1) * (q2 - auc**2)
    return math.sqrt(max(variance, 0.0) / (positives * negatives))
