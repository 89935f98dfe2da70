"""Two simulated crystals seen by annular dark-field STEM, for want of the paper's: tellurium and a zeolite.

A stated model, not a simulation of scattering: every atom adds a Gaussian, the probe, of height Z^1.7, and
all atoms of a column add up. It holds for thin specimens; it has no channelling, no thermal diffuse
background and no scan distortion. In both some columns are missing, so that a network that draws every column
at its site is found out. Lengths are in nanometres, places are (row, column) in pixels.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from ..errors import InputError
from .scenes import BORDER, inside, render

SIDE, PIXEL = 384, 0.0125
PROBE = 0.038  # nm, deviation of the probe: 0.09 nm across at half its height
EXPONENT = 1.7  # of Z, for annular dark field
TURN = 0.2  # radians between the crystal and the scan
BACKGROUND = 0.05  # of the highest column: support, and what lies out of focus
MISSING = {"te": 0.06, "framework": 0.1}  # share of the columns that are looked at
STEP = 1 / 4096  # intensities are whole multiples of it, so that every machine gets the same bits


class Crystal(NamedTuple):
    """A clean image and where its columns are.

    image : (`SIDE`, `SIDE`), float32, 0 ... 1.
    present, missing : (n, 2) and (m, 2), the columns that are looked at: of Te, or of a single row of O.
    neighbours : (n, 2, 2) and (m, 2, 2), for each of them the two columns that it lies between.
    """

    image: np.ndarray
    present: np.ndarray
    missing: np.ndarray
    neighbours: tuple[np.ndarray, np.ndarray]


@cache
def crystal(name: str) -> Crystal:
    """``"te"``: tellurium along its chains; ``"framework"``: SiO2 sodalite along [001].

    Tellurium (P3121, a = 0.4456 nm, u = 0.2636) shows triangles of equal columns. Sodalite (Im-3m,
    a = 0.8965 nm) is the zeolite framework with the fewest atoms; its columns of single oxygen atoms lie
    halfway between columns of silicon, 0.16 nm from either, and have 0.39 of their height.

    Raises
    ------
    InputError
        If the name is another.
    """
    if name not in MISSING:
        raise InputError(f"there is no simulated crystal {name!r}; choose one of {', '.join(MISSING)}")
    cell, bright, sites = _tellurium() if name == "te" else _sodalite()
    turn = np.array([[np.cos(TURN), -np.sin(TURN)], [np.sin(TURN), np.cos(TURN)]])
    vectors = cell @ turn / PIXEL
    middle, reach = SIDE / 2, int(np.ceil(SIDE / np.linalg.norm(vectors, axis=1).min())) + 1
    cells = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1).T

    def everywhere(points: np.ndarray) -> np.ndarray:
        return middle + (points + cells[:, None]).reshape(-1, 2) @ vectors

    # A site and its two neighbours: (sites, 3, 2), in the frame.
    looked = np.stack([everywhere(sites[:, k]) for k in range(3)], axis=1)
    looked = looked[((looked[:, 0] > 0) & (looked[:, 0] < SIDE - 1)).all(axis=1)]
    gone = np.random.default_rng(0).random(len(looked)) < MISSING[name]
    places, heights = [looked[~gone, 0]], [np.full((~gone).sum(), bright["looked"])]
    for points, height in bright["others"]:
        spots = inside(everywhere(points), SIDE, BORDER)
        places.append(spots)
        heights.append(np.full(len(spots), height))
    outside = everywhere(sites[:, 0])
    outside = outside[((outside <= 0) | (outside >= SIDE - 1)).any(axis=1)]
    places.append(inside(outside, SIDE, BORDER))
    heights.append(np.full(len(places[-1]), bright["looked"]))
    image = render(np.concatenate(places), np.concatenate(heights), PROBE / PIXEL, (SIDE, SIDE))
    image = BACKGROUND + (1 - BACKGROUND) * image.astype(np.float64) / image.max()
    image = (np.rint(image / STEP) * STEP).astype(np.float32)
    return Crystal(image, looked[~gone, 0], looked[gone, 0], (looked[~gone, 1:], looked[gone, 1:]))


def _tellurium() -> tuple[np.ndarray, dict, np.ndarray]:
    """Vectors (2, 2) in nm, heights, and (site, its two nearest) in parts of the vectors (3, 3, 2)."""
    a, u = 0.4456, 0.2636
    cell = a * np.array([[1.0, 0.0], [-0.5, np.sqrt(0.75)]])
    chain = np.array([[u, 0.0], [0.0, u], [-u, -u]])
    sites = np.stack([np.roll(chain, -k, axis=0) for k in range(3)])
    return cell, {"looked": 52**EXPONENT, "others": []}, sites


def _sodalite() -> tuple[np.ndarray, dict, np.ndarray]:
    a, y = 0.8965, 0.25 * np.sqrt(2)
    si, o = 14**EXPONENT, 8**EXPONENT
    quarters = np.array([(p, q) for p in (0.25, 0.75) for q in (0.0, 0.5)])
    singles = np.concatenate((quarters, quarters[:, ::-1]))
    sites = []
    for p in (y, 1 - y):
        for q in (y, 1 - y):
            for shift in (0.0, 0.5):  # the cell is centred
                between = [(round(4 * p) / 4, 0.5), (0.5, round(4 * q) / 4)]
                sites.append([(p + shift, q + shift), *((r + shift, s + shift) for r, s in between)])
    axis = np.array([(0.0, y), (0.0, 1 - y), (y, 0.0), (1 - y, 0.0)])
    pairs = np.concatenate((axis, axis + 0.5))
    others = [
        (singles, si),
        (np.array([(0.0, 0.5), (0.5, 0.0)]), 2 * si),
        (pairs, 2 * o),
    ]
    return a * np.eye(2), {"looked": o, "others": others}, np.array(sites)


def contrast(image: np.ndarray, places: np.ndarray, neighbours: np.ndarray) -> np.ndarray:
    """How far columns stand out, (n,): mean of 3×3 pixels at each place less that halfway to its neighbours.

    Parameters
    ----------
    image : (H, W). A place of which a part lies outside is NaN.
    places, neighbours : of `Crystal`, in the coordinates of the image.
    """
    halfway = (places[:, None] + neighbours) / 2
    at = _around(image, np.concatenate([places[:, None], halfway], axis=1))
    return at[:, 0] - at[:, 1:].mean(axis=1)


def _around(image: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Mean of the 3×3 pixels around places (..., 2); NaN where one is outside."""
    near = np.rint(places).astype(int)
    fits = ((near >= 1) & (near <= np.array(image.shape) - 2)).all(axis=-1)
    i, j = np.moveaxis(np.where(fits[..., None], near, 1), -1, 0)
    rows, columns = np.mgrid[-1:2, -1:2].reshape(2, -1)
    values = image[i[..., None] + rows, j[..., None] + columns].mean(axis=-1, dtype=np.float64)
    return np.where(fits, values, np.nan)


def visibility(image: np.ndarray, name: str, corner: tuple[int, int] = (0, 0)) -> tuple[float, float, float]:
    """How well columns are told from sites where one is missing, in a part (h, w) of an image of `crystal`.

    Returns
    -------
    Mean contrast where there is a column and where there is none (in the units of the image), and their
    difference in deviations of a single site: root of the mean of both variances.
    """
    whole = crystal(name)
    both = []
    for places, neighbours in zip((whole.present, whole.missing), whole.neighbours, strict=True):
        values = contrast(image, places - corner, neighbours - corner)
        both.append(values[np.isfinite(values)])
    if min(map(len, both)) < 3:
        raise InputError("too few columns are in this part of the image; give a larger one")
    there, gone = both
    scatter = np.sqrt((there.var(ddof=1) + gone.var(ddof=1)) / 2)
    difference = float(there.mean() - gone.mean())
    return float(there.mean()), float(gone.mean()), difference / float(scatter) if scatter else float("inf")
