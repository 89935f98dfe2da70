"""Measure Poisson-Gaussian noise in one image: a and b of eq. 11, each with its interval."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import convolve, uniform_filter

from .checks import check_image
from .errors import InputError

Z = 3.0  # half-width of every interval in standard errors: 99.7 % if the estimates are normal
RADII = (3, 4, 6, 8, 12, 16)  # of the windows for the local mean, in pixels


@dataclass(frozen=True)
class NoiseEstimate:
    """Noise of one image: variance = a (x - offset) + b², in the image's own units.

    Intervals are (low, high), three standard errors to each side. `variance` is the noise variance at the
    image's `mean` intensity, always far better known than a and b. `offset` is 0 unless the variance clearly
    vanishes above zero intensity: a detector's pedestal, and `gat` then wants y - offset.
    """

    a: float
    b: float
    a_interval: tuple[float, float]
    b_interval: tuple[float, float]
    variance: float
    mean: float
    offset: float


def estimate_noise(y: np.ndarray) -> NoiseEstimate:
    """Estimate a and b from one noisy image whose noise is independent from pixel to pixel.

    The residual r = h * y of a degree-4 polynomial fit in every 5x5 window is nearly pure noise in an
    oversampled image (waves of 8 pixels or longer leave less than 1e-4 of their power), so that
    r² - a (h² * y) - b² has mean zero at every pixel. These equations are weighted and summed, once as they
    are and once times the mean u of a wider window without its 5x5 centre, whose noise is independent of
    theirs: no bias from errors in variables. Standard errors come from the scatter over blocks (Fieller's
    intervals, honest also where a is undetermined). Correlated noise is underestimated: ask
    `independence.noise_correlation` first. Measured on the paper's five images, three levels, five seeds:
    variance within 0.7 %, a within 8 %.

    b is hardly identifiable on lattice images of low contrast: at b = 0.02, a = 0.05, x ≈ 0.44, b² is 2 % of
    the variance; its interval then mostly starts at 0 and reaches twice the truth or more. Constant
    intensity determines neither a nor b, and the intervals say so. With an `offset`, b cannot be told from
    the pedestal: b = 0 is returned, with an interval up to the whole deviation.

    Parameters
    ----------
    y : ndarray (H, W), as `check_image` takes it; in any units: ``k * y`` gives k times a and b.

    Raises
    ------
    InputError
        If `y` is not an image, or one without any noise.
    """
    y = check_image(y)[0].astype(np.float64)
    mean, h = float(y.mean()), _residual_kernel()
    r2, m, u = _with_independent_mean(y, convolve(y, h) ** 2, convolve(y, h**2))
    v = float(r2.mean())
    if v < 1e-13 * np.square(y).mean():  # the rounding of float32 alone leaves about 1e-14
        raise InputError("the image has no pixel noise to estimate; give raw data, not smoothed or simulated")

    # Weights: 1/var(r²) up to a factor, from an unweighted first fit; they see u alone and add no bias.
    du = u - u.mean()
    slope = min(max((du * r2).mean() / (du * m).mean(), 0), v / mean) if mean > 0 else 0
    w = np.maximum(v + slope * du, 0.1 * v) ** -2
    w /= w.mean()
    R, M, W, uR, uM, uW = (_block_sums(f, y) for f in (w * r2, w * m, w, w * u * r2, w * u * m, w * u))
    a, a_low, a_high = _solve(R, M, W, uR, uM, uW)
    c, c_low, c_high = _solve(R, W, M, uR, uW, uM)  # c = b²

    gain, offset = R.sum() / M.sum(), 0.0  # gain: what a would be if b were 0
    slack = Z * float(np.std(R, ddof=1) / np.mean(R)) / math.sqrt(R.size)
    # A clipped value keeps the width of its interval, else a bad draw would look like a sharp result.
    if a < 0:
        a, a_high, c = 0.0, a_high - a, R.sum() / W.sum()
        c_low = c_low if c_low < c else c * (1 - slack)
    elif c + (4 / Z) * (c_high - c) < 0:  # four standard errors below zero: a pedestal
        offset, c, c_low, c_high = -c / a, 0.0, 0.0, v
    elif c < 0:
        a, a_low, c, c_high = gain, a_low + gain - a, 0.0, c_high - c
    variance = a * (mean - offset) + c
    if offset == 0:  # neither part of the variance can exceed the whole
        a_high = min(a_high, gain * (1 + slack) if gain > 0 else math.inf)
        c_high = min(c_high, variance * (1 + slack))
    return NoiseEstimate(
        a=float(a),
        b=math.sqrt(c),
        a_interval=(max(float(min(a_low, a)), 0.0), float(max(a_high, a))),
        b_interval=(math.sqrt(max(min(c_low, c), 0.0)), math.sqrt(max(c_high, c))),
        variance=float(variance),
        mean=mean,
        offset=float(offset),
    )


def _residual_kernel(radius: int = 2, degree: int = 4) -> np.ndarray:
    """Kernel of unit energy that removes a window's least-squares polynomial from its centre pixel."""
    i, j = np.mgrid[-radius : radius + 1, -radius : radius + 1].reshape(2, -1).astype(float)
    A = np.stack([i**p * j**q for p in range(degree + 1) for q in range(degree + 1 - p)], axis=1)
    h = np.eye(i.size)[i.size // 2] - (A @ np.linalg.pinv(A))[i.size // 2]
    return (h / np.linalg.norm(h)).reshape(2 * radius + 1, -1)


def _with_independent_mean(y: np.ndarray, r2: np.ndarray, m: np.ndarray) -> list[np.ndarray]:
    """Return r2, m, u without the image's edge; of the windows on offer u takes that telling most about m."""
    edge = min(max(RADII), min(y.shape) // 8)
    inner = 25 * uniform_filter(y, 5)
    r2, m, inner = (f[edge:-edge, edge:-edge] for f in (r2, m, inner))
    best, u = -1.0, m
    for n in (2 * radius + 1 for radius in RADII if radius <= edge):
        trial = (n**2 * uniform_filter(y, n)[edge:-edge, edge:-edge] - inner) / (n**2 - 25)
        (variance, covariance), _ = np.cov(trial.ravel(), m.ravel())
        if covariance**2 / variance > best:
            best, u = covariance**2 / variance, trial
    return [r2, m, u]


def _block_sums(f: np.ndarray, y: np.ndarray) -> np.ndarray:
    n = max(8, min(32, min(y.shape) // 10))
    h, w = f.shape[0] // n, f.shape[1] // n
    return f[: h * n, : w * n].reshape(h, n, w, n).sum(axis=(1, 3)).ravel()


def _solve(R, P, Q, uR, uP, uQ) -> tuple[float, float, float]:
    """p, low, high (Fieller) of R = p P + q Q, uR = p uP + q uQ summed over blocks; infinite if p is free."""
    # q is eliminated between the equations, then block by block, so that only errors are left to scatter.
    k = uQ.sum() / Q.sum()
    t = uQ - k * Q
    A = uR - k * R - R.sum() / Q.sum() * t
    B = uP - k * P - P.sum() / Q.sum() * t
    (vA, vAB), (_, vB) = Z**2 * R.size * np.cov(A, B)
    A, B = A.sum(), B.sum()
    if vB >= B**2:
        return A / B, -math.inf, math.inf
    root = math.sqrt(max((A * B - vAB) ** 2 - (B**2 - vB) * (A**2 - vA), 0.0))
    return A / B, (A * B - vAB - root) / (B**2 - vB), (A * B - vAB + root) / (B**2 - vB)
