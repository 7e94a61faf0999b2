"""Calibration of a model's logits. Numpy and scipy only.

Shapes: N rows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

Vector = NDArray[np.float64]


class Calibration(NamedTuple):
    """What maps a logit z to slope · z + intercept. A slope below 1 says that the model is too sure of itself."""

    slope: float
    intercept: float


AS_IT_IS = Calibration(1.0, 0.0)


def calibrate(logit_N: Vector, label_N: Vector, weight_N: Vector) -> Calibration:
    """The slope and the intercept of the least weighted logloss: Platt scaling (Platt 1999, without its prior).

    Logits that say nothing, or the reverse of what is, have no slope above 0: `AS_IT_IS`.

    Args:
        logit_N: finite.
        label_N: 0 or 1, some of both.
        weight_N: 0 or more, some above 0.
    """
    weight_N = weight_N / weight_N.sum()
    mean = weight_N @ logit_N
    deviation = np.sqrt(weight_N @ (logit_N - mean) ** 2)
    rate = weight_N @ label_N
    if deviation == 0 or not 0 < rate < 1:
        return AS_IT_IS
    z_N = (logit_N - mean) / deviation

    def logloss(scale: Vector) -> tuple[float, Vector]:
        calibrated_N = scale[0] * z_N + scale[1]
        pull_N = weight_N * (expit(calibrated_N) - label_N)
        loss = weight_N @ (np.logaddexp(0.0, calibrated_N) - label_N * calibrated_N)
        return float(loss), np.array([pull_N @ z_N, pull_N.sum()])

    start = np.array([0.0, np.log(rate / (1 - rate))])
    slope, intercept = minimize(logloss, start, jac=True, method="BFGS").x
    if slope <= 0:
        return AS_IT_IS
    return Calibration(float(slope / deviation), float(intercept - slope * mean / deviation))
