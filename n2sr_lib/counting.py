"""Count atoms: find their columns, and compare them with the truth: how many are invented, how many lost."""

import math
from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter, label, maximum_filter
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from .errors import InputError


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


def find_columns(image: np.ndarray, width: float, share: float = 0.35) -> np.ndarray:
    """Places (n, 2) of bright spots about as wide as a Gaussian of deviation `width`, float64 (row, column).

    Maxima of the image after a smoothing with half that width, at least 2·`width` apart, that rise above the
    background (the 5th percentile) by more than a `share` of what the 99.5th does; the top of a parabola
    through each maximum and its neighbours, along either axis, gives the fraction of a pixel. Scale and
    offset of the intensities do not matter. A constant image has none.
    """
    if not width >= 1:
        raise InputError(f"spots of deviation {width:g} cannot be told from single pixels; give 1 or more")
    smooth = gaussian_filter(np.asarray(image, np.float64), width / 2)
    low, high = np.percentile(smooth, (5, 99.5))
    if not high > low:
        return np.empty((0, 2))
    peak = smooth == maximum_filter(smooth, 2 * math.ceil(width) + 1)
    peak &= smooth > low + share * (high - low)
    peak[:1] = peak[-1:] = peak[:, :1] = peak[:, -1:] = False
    names, _ = label(
        peak, np.ones((3, 3))
    )  # halfway between pixels two are equally high: one of them will do
    _, first = np.unique(names[peak], return_index=True)
    i, j = np.argwhere(peak)[first].T
    return np.stack([i + _top(smooth, i, j, 1, 0), j + _top(smooth, i, j, 0, 1)], axis=1)


def _top(smooth: np.ndarray, i: np.ndarray, j: np.ndarray, down: int, right: int) -> np.ndarray:
    """Where a parabola through three pixels in a line has its top, from the middle one: -1/2 ... 1/2."""
    before, here, after = (smooth[i + k * down, j + k * right] for k in (-1, 0, 1))
    curvature = before - 2 * here + after
    safe = np.where(curvature < 0, curvature, -1.0)
    return np.where(curvature < 0, 0.5 * (before - after) / safe, 0.0)


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
