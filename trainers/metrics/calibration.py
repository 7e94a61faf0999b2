"""What a score is worth once it is calibrated. Numpy and scipy only.

Shapes: N rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

Vector = NDArray[np.float64]


def calibrated_logloss(score_N: Vector, label_N: Vector, weight_N: Vector) -> Vector:
    """Each row's logloss, in nats, after the best monotone calibration of the scores on these very rows.

    The calibration is isotonic regression (Zadrozny and Elkan 2002), fitted by pooling adjacent violators: of all
    nondecreasing functions of the score none has a lower weighted logloss. So only the order of the scores counts, and
    neither their scale, nor outliers among them. It is in-sample, and lower than on other rows by about the number of
    its steps over 2N.

    Args:
        score_N: any scale; rows of equal scores get equal probabilities.
        label_N: 0 or 1.
        weight_N: 0 or more, at least one of them above 0. A row of weight 0 costs nothing here.

    Returns:
        N losses, 0 where the weight is 0.
    """
    counts_N = weight_N > 0
    label_M, weight_M = label_N[counts_N], weight_N[counts_N]
    _, place_M = np.unique(score_N[counts_N], return_inverse=True)
    total_V = np.bincount(place_M, weight_M)
    share_V = np.bincount(place_M, weight_M * label_M) / total_V
    chance_M = isotonic_regression(share_V, weights=total_V).x[place_M]
    # A probability of 0 or 1 comes from rows of one label alone, whose loss is 0; rounding may leave it beside that.
    own_M = np.where(label_M > 0.5, chance_M, 1.0 - chance_M)
    loss_N = np.zeros(len(score_N))
    loss_N[counts_N] = -np.log(np.maximum(own_M, np.finfo(np.float64).tiny))
    return loss_N
