"""What the spread over sub-samplings is worth, on images whose clean x is known."""

from typing import NamedTuple

import numpy as np


class Calibration(NamedTuple):
    """What the spread says of the error: per class of the spread, its root mean square and the error's.

    factor : what to multiply the spread with, so that it has the root mean square of the error.
    within : share of pixels whose error is less than the spread, and than twice the spread.
    """

    spread: np.ndarray
    error: np.ndarray
    factor: float
    within: tuple[float, float]


def calibrate_spread(x: np.ndarray, x_hat: np.ndarray, spread: np.ndarray, classes: int = 10) -> Calibration:
    """Compare the spread over sub-samplings with the true error, on an image whose clean x is known."""
    error, spread = np.abs(x_hat.astype(np.float64) - x).ravel(), spread.astype(np.float64).ravel()
    groups = np.array_split(np.argsort(spread), classes)

    def rms(values: np.ndarray) -> float:
        return float(np.sqrt((values**2).mean()))

    means = (np.array([rms(values[g]) for g in groups]) for values in (spread, error))
    within = tuple(float((error < k * spread).mean()) for k in (1, 2))
    return Calibration(*means, rms(error) / rms(spread), within)
