"""What an image's raw values tell of the detector: grey levels, counts, cut-offs, hot and dead pixels.

`values`, `counted` : of ``numpy.unique``, the K different values (K,), float64 and rising, and how many
pixels have each. `size` : the number of all pixels.
"""

import functools
import math

import numpy as np
from scipy.ndimage import maximum_filter

from ..noise_estimate import NoiseEstimate

OUTLIER = 6.0  # deviations by which a dead or hot pixel lies beyond all its eight neighbours


def grey_step(values: np.ndarray, size: int) -> float | None:
    """The distance of which all distances between grey levels are multiples; None if there is none.

    None as well where over half of the pixels have values of their own: those are as good as continuous.
    """
    if not 1 < len(values) <= max(size // 2, 2):
        return None
    gaps = np.diff(values)
    multiples = gaps / gaps.min()
    return float(gaps.min()) if np.abs(multiples - np.rint(multiples)).max() < 0.05 else None


def pile(counted: np.ndarray, size: int) -> float:
    """Share of pixels at the first level, where they are more than the next three levels hold together."""
    return float(counted[0] / size) if len(counted) > 3 and counted[0] > counted[1:4].sum() else 0.0


def are_counts(values: np.ndarray, step: float, noise: NoiseEstimate) -> bool:
    """Are the values electrons times `step`? Then all are whole multiples of it, and a is `step`.

    `noise` : of the same image, in the same units.
    """
    low, high = noise.a_interval
    whole = abs(values[0] / step - round(values[0] / step)) < 0.05 and values[0] > -0.5 * step
    return bool(whole and noise.offset == 0 and 0.9 * low <= step <= 1.1 * high and high < 2 * step)


def outliers(y: np.ndarray, step: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Where a pixel lies above, and where below, all its neighbours by `OUTLIER` deviations of the noise.

    `y` : (H, W), finite. `step` : of `grey_step`. Both maps are bool (H, W).
    The deviation comes from the differences between rows in blocks of 16×16, the largest of nine blocks.
    """
    h, w = y.shape
    padded = np.pad(y, 1, mode="reflect")
    around = [padded[i : i + h, j : j + w] for i in range(3) for j in range(3) if (i, j) != (1, 1)]
    n = 16
    differences = np.abs(np.diff(y, axis=0, append=y[-2:-1]))
    blocks = np.pad(differences, ((0, -h % n), (0, -w % n)), mode="reflect")
    blocks = blocks.reshape(-(-h // n), n, -(-w // n), n)
    deviation = maximum_filter(np.median(blocks, axis=(1, 3)), 3) / (0.6745 * math.sqrt(2))
    least = 0.1 * float(np.median(deviation))
    if least == 0:  # rare events on an empty ground: of most differences nothing can be learnt
        least = math.sqrt((differences[differences > 0] ** 2).mean())
    deviation = np.maximum(deviation, least)
    variance = deviation.repeat(n, axis=0).repeat(n, axis=1)[:h, :w] ** 2
    high, low = functools.reduce(np.maximum, around), functools.reduce(np.minimum, around)
    if step:  # of few electrons the differences say little: one here, and those of the neighbours
        variance = variance + step**2 + step * (high - y.min())
    limit = OUTLIER * np.sqrt(variance)
    return y - high > limit, low - y > limit


def share_of_variance(y: np.ndarray, chosen: np.ndarray) -> float:
    """Share that the pixels `chosen`, bool (H, W), have in the squared distances from the median of `y`."""
    squared = (y.astype(np.float64) - np.median(y)) ** 2
    return float(squared[chosen].sum() / squared.sum())
