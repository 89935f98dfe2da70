"""Generalised Anscombe transform: stabilise the variance of Poisson-Gaussian noise, and the way back.

Mäkitalo and Foi, IEEE TIP 22 (2013) 91.
"""

from functools import lru_cache

import numpy as np
import torch
from scipy.stats import norm, poisson
from torch import Tensor

from .errors import InputError
from .noise import check_model


def gat(y: Tensor, a: float | Tensor, b: float | Tensor) -> Tensor:
    """Generalised Anscombe transform, which makes the variance of Poisson-Gaussian noise about 1.

    f(y) = (2/a) sqrt(max(a y + 3a²/8 + b², 0)), any shape, differentiable in `y`, `a` and `b`; needs a > 0.
    """
    _check_gain(a)
    return 2 * torch.sqrt(torch.clamp(y / a + 0.375 + (b / a) ** 2, min=1e-12))  # 1e-12: a finite gradient


def inverse_gat(d: Tensor, a: float, b: float, model: str = "poisson") -> Tensor:
    """Exact unbiased inverse of `gat`: the x for which the expectation of gat(y) is `d`, same shape.

    The expectation is tabulated for 0 <= x <= 400 a and interpolated; above, the asymptotic inverse
    a (d²/4 - 1/8 - b²/a²) takes over; what lies below the expectation at x = 0 becomes 0. `model` is the law
    of y as in `add_noise`: "poisson" is the transform's own, "gaussian" that of the paper's tables.
    InputError if ``a <= 0`` or `model` is unknown.
    """
    _check_gain(a)
    check_model(model)
    x, f = (torch.from_numpy(t).to(d.device) for t in _expectation(float(b) / float(a), model))
    e = d.to(torch.float64).contiguous()
    right = torch.searchsorted(f, e).clamp(1, len(f) - 1)
    share = ((e - f[right - 1]) / (f[right] - f[right - 1])).clamp(0, 1)
    inside = torch.lerp(x[right - 1], x[right], share)
    asymptotic = e**2 / 4 - 0.125 - (b / a) ** 2
    return (a * torch.where(e > f[-1], asymptotic, inside)).to(d.dtype)


def _check_gain(a: float | Tensor) -> None:
    if not bool((torch.as_tensor(a) > 0).all()):
        raise InputError("the Anscombe transform needs a > 0; divide purely Gaussian noise by b instead")


@lru_cache(maxsize=16)
def _expectation(s: float, model: str) -> tuple[np.ndarray, np.ndarray]:
    """Table of E[gat(y) | x], x in units of a, s = b/a: (x, expectation), both increasing."""
    x, xi = np.linspace(0, 20, 2001) ** 2, np.linspace(-8, 8, 2001)
    density = norm.pdf(xi) / norm.pdf(xi).sum()

    def mean_of_f(z: np.ndarray, deviation: np.ndarray | float) -> np.ndarray:
        return 2 * np.sqrt(np.maximum(z[:, None] + deviation * xi + 0.375 + s**2, 0)) @ density

    if model == "poisson":
        n = np.arange(650)  # 400 + 12.5 deviations
        e = poisson.pmf(n, x[:, None]) @ mean_of_f(n, s)
    else:
        e = mean_of_f(x, np.sqrt(x + s**2)[:, None])
    rising = np.diff(np.maximum.accumulate(e), prepend=-np.inf) > 0
    return x[rising], e[rising]
