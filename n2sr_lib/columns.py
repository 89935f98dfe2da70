"""Atomic columns: find them, refine their places, and say how stable these are from one image to another."""

import math

import numpy as np
from scipy.ndimage import gaussian_filter, maximum_filter
from scipy.spatial import cKDTree

from .errors import InputError
from .spectra import power_spectrum, rings


def lattice_period(image: np.ndarray) -> float | None:
    """Period, in pixels, of the strongest lattice spot of a denoised image; None where there is no lattice.

    A spot is 60 times as strong as half of its ring, beyond the third ring; noise reaches 20.
    """
    power = power_spectrum(image)
    ring, width = rings(power.shape)
    order, count = np.lexsort((power.ravel(), ring.ravel())), np.bincount(ring.ravel())
    median = power.ravel()[order][np.cumsum(count) - count + count // 2]
    inside = (ring > 3) & (ring * width < 0.5)
    spots = np.where(inside & (power > 60 * median[ring]), power, 0)
    best = np.unravel_index(np.argmax(spots), power.shape)
    if not 0 < 0.1 * power[inside].max() <= spots[best]:
        return None
    fy, fx = ((k - n // 2) / n for k, n in zip(best, power.shape, strict=True))
    return 1 / math.hypot(fy, fx)


def find_columns(image: np.ndarray, period: float) -> np.ndarray:
    """Bright columns about `period` pixels apart, (n, 2) float64: row and column of each, to the pixel.

    They are the maxima of the image after a light smoothing that lie above its mean, away from the edge.
    """
    if not period >= 3:
        raise InputError(f"columns {period:g} pixels apart cannot be told apart; three pixels are the least")
    smooth = gaussian_filter(image.astype(np.float64), period / 8)
    side = 2 * int(0.35 * period) + 1
    peak = (smooth == maximum_filter(smooth, side)) & (smooth > smooth.mean())
    edge = math.ceil(period / 2) + 1
    peak[:edge] = peak[-edge:] = peak[:, :edge] = peak[:, -edge:] = False
    return np.argwhere(peak).astype(np.float64)


def refine_columns(image: np.ndarray, places: np.ndarray, radius: int) -> np.ndarray:
    """The places (n, 2) moved to the top of the paraboloid that fits the pixels within `radius` best.

    Least squares, weighted with a Gaussian of deviation radius/1.5, twice. NaN where there is no top within
    `radius`, or the window leaves the image.
    """
    u, v = np.mgrid[-radius : radius + 1, -radius : radius + 1].reshape(2, -1).astype(np.float64)
    basis = np.stack([np.ones_like(u), u, v, u * u, u * v, v * v], axis=1)
    weight = np.exp(-(u**2 + v**2) / (2 * (radius / 1.5) ** 2))
    solve = np.linalg.solve((basis.T * weight) @ basis, basis.T * weight)
    height, width = image.shape
    start, refined = places, places.copy()
    for _ in range(2):
        near = np.rint(np.nan_to_num(refined, nan=-1)).astype(int)
        inside = ((near >= radius) & (near < np.array((height, width)) - radius)).all(axis=1)
        refined = np.full(places.shape, np.nan)
        rows, columns = (near[inside, k, None] + part.astype(int) for k, part in enumerate((u, v)))
        _, gu, gv, a, b, c = solve @ image[rows, columns].astype(np.float64).T
        determinant = 4 * a * c - b * b
        with np.errstate(divide="ignore", invalid="ignore"):
            top = np.stack([b * gv - 2 * c * gu, b * gu - 2 * a * gv], axis=1) / determinant[:, None]
        top[(determinant <= 0) | (a >= 0)] = np.nan
        refined[inside] = near[inside] + top
    with np.errstate(invalid="ignore"):
        refined[~(np.hypot(*(refined - start).T) <= radius)] = np.nan
    return refined


def disagreement(one: np.ndarray, other: np.ndarray, reach: float) -> tuple[float, float]:
    """How far two lists of places (n, 2) and (m, 2) differ: (deviation per coordinate, share found in both).

    Each place of `one` is paired with the nearest of `other` within `reach` pixels, and the common shift (the
    median) taken away. Of two independent, equally good frames one has the deviation / √2.
    """
    one, other = (p[np.isfinite(p).all(axis=1)] for p in (one, other))
    if not len(one) or not len(other):
        return math.nan, 0.0
    distance, index = cKDTree(other).query(one)
    near = distance <= reach
    if near.sum() < 3:
        return math.nan, float(near.mean())
    difference = other[index[near]] - one[near]
    difference = difference - np.median(difference, axis=0)
    return float(np.sqrt((difference**2).mean())), float(near.mean())
