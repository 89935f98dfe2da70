"""What is measured of an estimate of a series of frames of atoms.

Estimates are ndarray (T, H, W) in any units, T being the first frames of a series only: they are enough to
judge by.
"""

import math
from statistics import fmean

import numpy as np

from .. import metrics
from ..assess.columns import brightest, count, find_columns, located, occupied
from ..assess.css import aligned, correlation, css, drift, others
from ..errors import InputError
from ..simulated import scenes
from .numbers import short

EDGE = 11  # pixels from the border within which no column is counted, for none is looked for within 8
ISOLATED = 4.0  # pixels about the true place in which a single atom is looked for


def measure(estimate: np.ndarray, frames: np.ndarray, truth: scenes.Series | None = None) -> dict:
    """What a record says of an estimate (T, H, W) of noisy frames, in any units.

    ``found``, ``atoms``, ``invented``, ``lost``, ``precision``, ``recall``, ``error``: columns over all
    frames, against the truth, or, where there is none, against the columns of the mean of the other frames.
    With several frames ``css``, the SSIM of each pair after the drift of the noisy frames is taken back, and
    ``agreement``, the mean correlation with the mean of the other noisy frames. With the truth ``psnr`` and
    ``ssim`` of each frame, all on the scale of the truth by one straight line; ``vacant_filled``, the share
    of the empty sites where a column is found, ``loose_lost``, that of the single atoms where none is, and
    ``truth_css``. None: not defined. InputError for one frame without its truth.
    """
    if truth is None and len(frames) < 2:
        raise InputError("one frame without its truth cannot be judged; give two or more")
    result: dict = {}
    if len(frames) > 1:
        moved = drift(frames)
        still, noisy = aligned(estimate, moved), aligned(frames, moved)
        result["css"] = [short(value) for value in series_css(estimate, frames)]
        result["agreement"] = short(fmean(map(correlation, still, others(noisy))))
    period = scenes.SPACING
    if truth is None:
        looked, places = still, [_columns(mean, period) for mean in others(noisy)]
    else:
        looked, places = estimate, truth.places
    found = [_columns(frame, period) for frame in looked]
    where = (2 * scenes.WIDTH, looked.shape[1:], EDGE)
    counts = [count(f, p, *where) for f, p in zip(found, places, strict=False)]
    n, m, invented, lost = (sum(c[k] for c in counts) for k in range(4))
    squares = [c.error**2 for c in counts if math.isfinite(c.error)]
    result |= {
        "found": n,
        "atoms": m,
        "invented": invented,
        "lost": lost,
        "precision": short(1 - invented / n) if n else None,
        "recall": short(1 - lost / m) if m else None,
        "error": short(math.sqrt(fmean(squares))) if squares else None,
    }
    if truth is None:
        return result
    filled, seen = (
        [hit for f, p in zip(found, those, strict=False) for hit in occupied(f, p, *where)]
        for those in (truth.vacant, truth.loose)
    )
    x = truth.clean[: len(estimate)]
    scaled, drange = on_scale(estimate, x), metrics.data_range(x)
    for name in ("psnr", "ssim"):
        score = getattr(metrics, name)
        pairs = zip(x, scaled, strict=True)
        result[name] = [short(min(score(*pair, data_range=drange), 999.0)) for pair in pairs]
    return result | {
        "vacant_filled": short(fmean(filled)) if filled else None,
        "loose_lost": short(1 - fmean(seen)) if seen else None,
        "truth_css": short(fmean(series_css(x, frames))) if len(frames) > 1 else None,
    }


def on_scale(estimate: np.ndarray, x: np.ndarray) -> np.ndarray:
    """`estimate` on the scale of x by the straight line that fits best."""
    u, v = (values.astype(np.float64) for values in (estimate, x))
    deviation = u - u.mean()
    slope = (deviation * (v - v.mean())).mean() / max((deviation**2).mean(), 1e-12)
    return (deviation * slope + v.mean()).astype(np.float32)


def quality(estimate: np.ndarray, truth: scenes.Series, some: slice) -> list[float]:
    """Of some frames, in counts: root mean square error; the same of the background, far from any atom; and
    the height of single atoms over the ground, as a share of the true one.
    """
    x, error = truth.clean[some], estimate - truth.clean[some]
    empty = (x - truth.ground) < 0.01 * (x - truth.ground).max()
    at = [
        np.rint(p[((p >= 0) & (p < np.array(x.shape[1:]) - 1)).all(axis=1)]).astype(int).T
        for p in truth.loose[some]
    ]
    heights = [
        np.concatenate([(f - truth.ground)[*p] for f, p in zip(stack, at, strict=True)])
        for stack in (estimate, x)
    ]
    height = heights[0].mean() / heights[1].mean() if len(heights[1]) else math.nan
    return [short(v) for v in (np.sqrt((error**2).mean()), np.sqrt((error[empty] ** 2).mean()), height)]


def misses(frames: np.ndarray, truth: scenes.Series) -> np.ndarray:
    """Distance (T, k) of each single atom from where it is brightest within `ISOLATED` pixels of the truth.

    A place drawn at random would be 2.7 pixels off.
    """
    return np.stack(
        [
            np.hypot(*(brightest(frame, near, ISOLATED, scenes.SPACING) - near).T)
            for frame, near in zip(frames, truth.loose, strict=True)
        ]
    )


def _columns(image: np.ndarray, period: float) -> np.ndarray:
    return located(image, find_columns(image, period), period)


def series_css(estimate: np.ndarray, noisy: np.ndarray) -> list[float]:
    """CSS within the range of all frames; the lowest value is made 0, since SSIM depends on the offset.

    Each pair is aligned by itself, to half a pixel: over the whole series rounding would add up to one.
    """
    low, drange = float(estimate.min()), float(np.ptp(estimate)) or 1.0
    scores = []
    for t in range(len(noisy) - 1):
        pair = slice(t, t + 2)
        still = aligned(estimate[pair].astype(np.float64) - low, drift(noisy[pair]))
        scores += css(still, data_range=drange)
    return scores
