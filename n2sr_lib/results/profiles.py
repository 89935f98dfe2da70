"""Intensity profiles over surface atomic columns (Fig. 5), on a line that the clean image alone decides."""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates, uniform_filter
from skimage.feature import peak_local_max

from ..errors import InputError

SMOOTHING, APART = 3.0, 10  # pixels: blur before columns are looked for, least distance of two columns
ACROSS = 2  # pixels to either side of the line over which a profile is averaged
NEIGHBOUR, ASIDE = 1.35, 0.15  # of the spacing: distance of neighbours, and from the line
HEIGHT, CALM = 0.3, 0.15  # of the highest column: what is a column, and what is vacuum


class Line(NamedTuple):
    """Where a profile runs: (2,) row and column of both ends, and each column's distance from the start."""

    start: np.ndarray
    end: np.ndarray
    columns: np.ndarray


class Errors(NamedTuple):
    """An estimate's profile less the clean one, at the clean one's extrema, in intensity.

    peaks, troughs : signed, along the line.
    contrast : mean peak less mean trough of the clean profile.
    """

    peaks: np.ndarray
    troughs: np.ndarray
    contrast: float

    @property
    def absolute(self) -> np.ndarray:
        """Absolute errors of all extrema."""
        return np.abs(np.concatenate([self.peaks, self.troughs]))

    @property
    def bias(self) -> float:
        """How much the estimate's contrast exceeds the clean one, as a part of it."""
        return float((self.peaks.mean() - self.troughs.mean()) / self.contrast)


def vacuum_level(x: np.ndarray) -> float:
    """Intensity where a clean image (H, W) varies least."""
    side = 4 * APART + 1
    variance = uniform_filter(x**2, side) - uniform_filter(x, side) ** 2
    inner = (slice(side // 2, -(side // 2)),) * 2
    return float(x[inner].flat[int(variance[inner].argmin())])


def atomic_columns(above: np.ndarray) -> tuple[np.ndarray, float]:
    """Local maxima (n, 2) of intensities above the vacuum, and the height of the highest."""
    height = float(above.max())
    places = peak_local_max(above, min_distance=APART, threshold_abs=HEIGHT * height, exclude_border=False)
    return places.astype(float), height


def surface_line(x: np.ndarray, part: tuple[slice, slice]) -> Line:
    """The row of atomic columns next to the vacuum, in the coordinates of a part of the image.

    The rule: columns are the local maxima, or minima, of the slightly blurred image. Of all straight rows of
    neighbouring columns within the part, those are surface rows that have vacuum one spacing further out. Of
    these the row with the most columns is taken, and of several the one with the largest mean height. The
    line is the least-squares line through them, and reaches half a spacing beyond the first and last column
    where the part does.

    Parameters
    ----------
    x : ndarray (H, W), the whole clean image.
    part : rows and columns within which all pixels of the profile have to lie.

    Raises
    ------
    InputError
        If there is no such row of at least three columns.
    """
    smooth = gaussian_filter(np.asarray(x, np.float64), SMOOTHING)
    above = smooth - vacuum_level(smooth)
    candidates = [row for sign in (1, -1) for row in _surface_rows(sign * above, part)]
    if not candidates:
        raise InputError("there is no row of three atomic columns next to the vacuum; choose another part")
    return max(candidates, key=lambda row: row[:2])[2]


def _surface_rows(above: np.ndarray, part: tuple[slice, slice]) -> list[tuple[int, float, Line]]:
    """Every surface row of maxima within the part: number of columns, mean height and the line."""
    points, height = atomic_columns(above)
    corner = np.array([part[0].start, part[1].start])
    last = np.array([part[0].stop, part[1].stop]) - corner - 1 - ACROSS
    points = points - corner
    points = points[np.all((points >= ACROSS) & (points <= last), axis=1)]
    if len(points) < 3:
        return []
    distance = np.linalg.norm(points[:, None] - points, axis=-1)
    spacing = float(np.median(np.sort(distance, axis=1)[:, 1]))
    rows = []
    for i, j in np.argwhere((distance > 0) & (distance < NEIGHBOUR * spacing)):
        row = _row(points, i, j, spacing)
        middle = row.mean(axis=0)
        along = np.linalg.svd(row - middle)[2][0]
        along *= np.sign(along @ (points[j] - points[i]))
        place = np.sort((row - middle) @ along)
        first, end = middle + along * place[0], middle + along * place[-1]
        outward = spacing * np.array([-along[1], along[0]])  # the pair (j, i) looks to the other side
        beyond = sample(above, first + corner, end + corner, outward)
        if len(row) >= 3 and np.abs(beyond).max() < CALM * height:
            heights = above[tuple((row + corner).astype(int).T)]
            first = _reach(first, -along, spacing / 2, last)
            end = _reach(end, along, spacing / 2, last)
            rows.append((len(row), float(heights.mean()), Line(first, end, place - (first - middle) @ along)))
    return rows


def _row(points: np.ndarray, i: int, j: int, spacing: float) -> np.ndarray:
    """The columns on the straight line through two neighbours, without a gap, (n, 2)."""
    along = (points[j] - points[i]) / np.linalg.norm(points[j] - points[i])
    offset = points - points[i]
    near = np.abs(offset[:, 0] * along[1] - offset[:, 1] * along[0]) < ASIDE * spacing
    place = np.where(near, offset @ along, np.inf)
    order = [int(k) for k in np.argsort(place) if near[k]]
    low = high = order.index(int(i))
    while low > 0 and place[order[low]] - place[order[low - 1]] < NEIGHBOUR * spacing:
        low -= 1
    while high + 1 < len(order) and place[order[high + 1]] - place[order[high]] < NEIGHBOUR * spacing:
        high += 1
    return points[order[low : high + 1]]


def _reach(point: np.ndarray, direction: np.ndarray, length: float, last: np.ndarray) -> np.ndarray:
    """As far along a direction as the part allows, ``length`` at most."""
    steps = np.arange(0, length + 0.5, 0.5)
    path = point + steps[:, None] * direction
    inside = np.all((path >= ACROSS) & (path <= last), axis=1)
    return path[np.flatnonzero(inside).max(initial=0)]


def sample(
    image: np.ndarray, start: np.ndarray, end: np.ndarray, shift: np.ndarray | float = 0.0
) -> np.ndarray:
    """Intensities along a line, one a pixel, linear in between and averaged over ± `ACROSS` pixels across it.

    Parameters
    ----------
    image : ndarray (H, W).
    start, end : row and column of both ends, which may be fractions.
    shift : added to both.
    """
    start, end = np.asarray(start) + shift, np.asarray(end) + shift
    length = np.linalg.norm(end - start)
    across = np.array([-(end - start)[1], (end - start)[0]]) / length
    path = start + np.linspace(0, 1, round(length) + 1)[:, None] * (end - start)
    lines = [path + k * across for k in range(-ACROSS, ACROSS + 1)]
    return np.mean([map_coordinates(image, p.T, np.float64, order=1, mode="nearest") for p in lines], axis=0)


def errors(x: np.ndarray, x_hat: np.ndarray, line: Line) -> Errors:
    """Peak and trough errors of an estimate along a line of the same part (h, w).

    Peaks are the clean profile's extrema within a quarter of the spacing of a column, troughs the opposite
    ones around the middle between two columns.
    """
    clean, other = (sample(image, line.start, line.end) for image in (x, x_hat))
    scale = (len(clean) - 1) / np.linalg.norm(line.end - line.start)
    at, quarter = line.columns * scale, np.diff(line.columns).mean() * scale / 4
    between = (at[1:] + at[:-1]) / 2
    values = [np.interp(v, np.arange(len(clean)), clean) for v in (at, between)]
    sign = np.sign(np.mean(values[0]) - np.mean(values[1]))

    def extrema(places: np.ndarray, which: float) -> np.ndarray:
        windows = [
            np.arange(max(round(p - quarter), 0), min(round(p + quarter) + 1, len(clean))) for p in places
        ]
        return np.array([w[np.argmax(which * clean[w])] for w in windows])

    peaks, troughs = extrema(at, sign), extrema(between, -sign)
    difference = other - clean
    contrast = float(clean[peaks].mean() - clean[troughs].mean())
    return Errors(difference[peaks], difference[troughs], contrast)
