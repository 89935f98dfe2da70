"""What a denoised image and the noisy one tell of each other: error, residual, columns. No judgement."""

import math
from typing import NamedTuple

import numpy as np

from ..errors import InputError
from ..noise_estimate import NoiseEstimate
from ..spectra import power_spectrum, radial_mean
from .columns import disagreement, find_columns, lattice_period, refine_columns
from .window import middle

VARIANCE_ERROR = 0.007  # of `estimate_noise`, relative: measured on the paper's images
LAGS = 5  # pixels to each side for which the residual is correlated with itself
BLOCK = 16  # pixels a side of the blocks whose mean residual is looked at
OUTSIDE = 0.0027  # share of blocks beyond three deviations that chance leaves


class Error(NamedTuple):
    """An estimated mean squared error, its standard error, and over how many pixels."""

    estimate: float
    standard_error: float
    pixels: int


class Residual(NamedTuple):
    """The residual divided by its expected deviation: white, of mean 0 and variance 1 if all is well.

    variance : of the whole.
    correlation : (2·`LAGS`+1, 2·`LAGS`+1) with itself, lag 0 in the middle.
    chance : its standard deviation where nothing is correlated.
    blocks : (H // `BLOCK`, W // `BLOCK`) means over blocks in units of their own deviation.
    outside : share of blocks beyond 3.
    frequency, power : mean spectrum over all directions, 1 at every frequency (cycles per pixel) if white.
    """

    variance: float
    correlation: np.ndarray
    chance: float
    blocks: np.ndarray
    outside: float
    frequency: np.ndarray
    power: np.ndarray


class Columns(NamedTuple):
    """Atomic columns: their period in pixels, how many, and where the noisy image puts the same ones.

    difference : deviation per coordinate between the places in the two images, pixels.
    found : share that can be refined in the noisy image at all.
    """

    period: float
    count: int
    difference: float
    found: float


def expected_variance(x_hat: np.ndarray, noise: NoiseEstimate) -> np.ndarray:
    """Variance a (x̂ − offset) + b² of the noise at each pixel, at least a thousandth of its mean."""
    variance = noise.a * (np.asarray(x_hat, np.float64) - noise.offset) + noise.b**2
    return np.maximum(variance, 1e-3 * noise.variance)


def estimated_error(y: np.ndarray, x_hat: np.ndarray, where: np.ndarray, noise: NoiseEstimate) -> Error:
    """Mean squared error of x̂ on some pixels, from the noisy image alone (Theorem 1).

    mean((y − x̂)²) less the mean variance of the noise. It is honest only where the prediction of a pixel
    owes nothing to its own noise: for the out-of-bag mean on pixels that were never targets. On pixels that
    were, memory makes it too small; for the plain mean, which has seen them, it is of no use.

    Parameters
    ----------
    y, x_hat : ndarray (H, W), noisy image and estimate; NaN in the estimate leaves a pixel out.
    where : bool (H, W), the pixels to take.

    Returns
    -------
    Error
        The standard error holds the chance of the noise on these pixels and the uncertainty of the estimated
        variance, which is that of `VARIANCE_ERROR`. The estimate may come out negative.
    """
    where = where & np.isfinite(x_hat)
    n = int(where.sum())
    if n < 2:
        raise InputError("there is no pixel on which the error could be estimated; average over more passes")
    # of the mean of y, which is right whatever x̂ is
    variance = float(expected_variance(y[where].mean(dtype=np.float64), noise))
    squared = (y[where].astype(np.float64) - x_hat[where]) ** 2
    chance = squared.std(ddof=1) / math.sqrt(n)
    return Error(float(squared.mean()) - variance, math.hypot(chance, VARIANCE_ERROR * variance), n)


def residual(y: np.ndarray, x_hat: np.ndarray, noise: NoiseEstimate) -> Residual:
    """The residual of an estimate, best of one that has not seen the pixel; NaN counts as no residual."""
    z = (y.astype(np.float64) - x_hat) / np.sqrt(expected_variance(x_hat, noise))
    z[~np.isfinite(z)] = 0.0
    h, w = (n // BLOCK * BLOCK for n in z.shape)
    blocks = z[:h, :w].reshape(h // BLOCK, BLOCK, w // BLOCK, BLOCK).mean(axis=(1, 3)) * BLOCK
    part = middle(z)
    part = part - part.mean()
    padded = [n + LAGS for n in part.shape]
    products = np.fft.irfft2(np.abs(np.fft.rfft2(part, padded)) ** 2, padded)
    lags = np.arange(-LAGS, LAGS + 1)
    pairs = np.outer(*(n - np.abs(lags) for n in part.shape))
    correlation = products[np.ix_(lags, lags)] / pairs
    frequency, power = radial_mean(power_spectrum(part))
    return Residual(
        variance=float((z**2).mean()),
        correlation=correlation / correlation[LAGS, LAGS],
        chance=1 / math.sqrt(part.size),
        blocks=blocks,
        outside=float((np.abs(blocks) > 3).mean()),
        frequency=frequency,
        power=power,
    )


def measure_columns(y: np.ndarray, x_hat: np.ndarray) -> Columns | None:
    """Columns of the denoised image, and how far away the noisy one puts them; None without a lattice."""
    period = lattice_period(middle(x_hat))
    if period is None or period < 4:
        return None
    radius = max(2, round(0.3 * period))
    places = refine_columns(x_hat, find_columns(x_hat, period), radius)
    places = places[np.isfinite(places).all(axis=1)]
    if len(places) < 10:
        return None
    again = refine_columns(y, places, radius)
    found = np.isfinite(again).all(axis=1)
    return Columns(period, len(places), disagreement(places, again, radius)[0], float(found.mean()))
