"""The law of averaging (eq. 9, Fig. 12): how the error of a mean falls with the number of its passes."""

import numpy as np
from scipy.optimize import nnls


def law(M: np.ndarray, flips: bool) -> np.ndarray:
    """The terms of the error of a mean over M passes (eq. 9): 1, 1/M and, with flips, their own.

    The passes go through the eight flips and turns in order. A mean that holds them equally often has lost
    their share of the variance, as a sample of a finite population that was drawn without putting back.
    """
    M = np.asarray(M, int)
    q, r = M // 8, M % 8
    uneven = (r * (q + 1) ** 2 + (8 - r) * q**2) / M**2 - 1 / 8
    return np.stack([np.ones(len(M)), 1 / M, *([uneven] if flips else [])], axis=1)


def fit_law(M: np.ndarray, error: np.ndarray, flips: bool) -> np.ndarray:
    """bias², V and, with flips, their variance: least squares of the relative residuals, none below zero.

    Parameters
    ----------
    M : (k,) numbers of passes.
    error : (k,) mean squared errors, in any unit; the result has the same.
    """
    error = np.asarray(error, float)
    terms, _ = nnls(law(M, flips) / error[:, None], np.ones(len(error)))
    return terms


def enough(terms: np.ndarray, share: float) -> float:
    """The least M whose error, by the law (without its flips), is at most ``share`` above bias²."""
    return max(1.0, float(np.ceil(terms[1] / (share * terms[0])))) if terms[0] > 0 else float("inf")
