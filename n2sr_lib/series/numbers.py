"""Numbers as a record has them: six digits."""

import math

import numpy as np


def short(value) -> float:
    """`value` to six digits."""
    return float(f"{float(value):.6g}")


def mean(values) -> float:
    """Mean of `values`, short."""
    return short(np.mean(values))


def standard_error(values) -> float:
    """Standard error of the mean, short; of a single value 0."""
    return short(np.std(values, ddof=1) / math.sqrt(len(values))) if len(values) > 1 else 0.0


def psnr(x: np.ndarray, estimate: np.ndarray) -> float:
    """In dB, for a range of 1."""
    return short(-10 * math.log10(float(((x - estimate) ** 2).mean())))
