"""Atomic columns: find them, refine their places, compare two images, and count what is invented or lost."""

import math
from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter, label, maximum_filter
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from ..errors import InputError
from ..spectra import power_spectrum, rings


class Count(NamedTuple):
    """Found places against true ones, both counted away from the edge only.

    invented, lost : how many found places have no atom, how many atoms were not found.
    precision, recall : share of the found places that are atoms, of the atoms that are found; NaN of none.
    error : root mean square distance of the pairs, pixels; NaN if there is none.
    """

    found: int
    atoms: int
    invented: int
    lost: int
    precision: float
    recall: float
    error: float


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


def find_columns(image: np.ndarray, period: float, share: float = 0.35) -> np.ndarray:
    """Bright columns about `period` pixels apart, (n, 2) float64: row and column of each, to the pixel.

    They are the maxima of the image after a light smoothing that rise above the background (the 5th
    percentile) by more than a `share` of what the 99.5th does, half a period and more from the edge. Scale
    and offset of the intensities do not matter. A constant image has none.
    """
    if not period >= 3:
        raise InputError(f"columns {period:g} pixels apart cannot be told apart; three pixels are the least")
    smooth = gaussian_filter(np.asarray(image, np.float64), period / 8)
    low, high = np.percentile(smooth, (5, 99.5))
    if not high > low:
        return np.empty((0, 2))
    side = 2 * int(0.35 * period) + 1
    peak = (smooth == maximum_filter(smooth, side)) & (smooth > low + share * (high - low))
    edge = math.ceil(period / 2) + 1
    peak[:edge] = peak[-edge:] = peak[:, :edge] = peak[:, -edge:] = False
    names, _ = label(peak, np.ones((3, 3)))  # of two neighbours that are equally high one will do
    return np.argwhere(peak)[np.unique(names[peak], return_index=True)[1]].astype(np.float64)


def window(period: float) -> int:
    """The radius, in pixels, within which columns `period` pixels apart are refined."""
    return max(2, round(0.3 * period))


def located(image: np.ndarray, places: np.ndarray, period: float) -> np.ndarray:
    """The places (n, 2) refined where that is possible, the others as they are."""
    refined = refine_columns(image, places, window(period))
    return np.where(np.isfinite(refined), refined, places)


def brightest(image: np.ndarray, near: np.ndarray, radius: float, period: float) -> np.ndarray:
    """Where an image is brightest within `radius` of each of some places (n, 2), refined: (n, 2)."""
    rows, columns = np.indices(image.shape)
    distance = np.hypot(rows - near[:, 0, None, None], columns - near[:, 1, None, None])
    best = np.where(distance <= radius, image, -np.inf).reshape(len(near), -1).argmax(axis=1)
    return located(image, np.stack(np.unravel_index(best, image.shape), axis=1).astype(np.float64), period)


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


def pairs(found: np.ndarray, atoms: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Indices (k,), (k,) of found places and atoms that belong together: one to one, at most `reach` apart.

    As many pairs as there can be and, among such pairings, the least sum of squared distances.
    """
    distance = cdist(found, atoms)
    allowed = distance <= reach
    # What is too far costs more than all allowed pairs together, so that it never pays to save on pairs.
    cost = np.where(allowed, distance**2, (1 + min(distance.shape)) * reach**2 + 1)
    k, n = linear_sum_assignment(cost)
    return k[allowed[k, n]], n[allowed[k, n]]


def count(found: np.ndarray, atoms: np.ndarray, reach: float, shape: tuple[int, int], edge: float) -> Count:
    """Compare found places (n, 2) with atoms (m, 2); those within `edge` of the border are only partners.

    A place near the border may belong to an atom beyond it, so neither is counted there, but a pair with one
    foot on either side is no mistake.
    """
    k, n = pairs(found, atoms, reach)
    counted = [((p >= edge) & (p <= np.array(shape) - 1 - edge)).all(axis=1) for p in (found, atoms)]
    hit, caught = np.zeros(len(found), bool), np.zeros(len(atoms), bool)
    hit[k], caught[n] = True, True
    totals = [int(c.sum()) for c in counted]
    invented, lost = int((counted[0] & ~hit).sum()), int((counted[1] & ~caught).sum())
    distance = np.hypot(*(found[k] - atoms[n]).T)[counted[1][n]]
    return Count(
        *totals,
        invented,
        lost,
        *(
            1 - wrong / total if total else math.nan
            for wrong, total in zip((invented, lost), totals, strict=True)
        ),
        float(np.sqrt(np.mean(distance**2))) if len(distance) else math.nan,
    )


def occupied(
    found: np.ndarray, places: np.ndarray, reach: float, shape: tuple[int, int], edge: float
) -> list[bool]:
    """For each of some places (m, 2) away from the edge, whether a column was found within `reach`."""
    counted = ((places >= edge) & (places <= np.array(shape) - 1 - edge)).all(axis=1)
    near = cdist(places[counted], found) <= reach
    return near.any(axis=1).tolist()
