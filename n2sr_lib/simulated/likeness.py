"""Numbers that say how alike two sets of clean lattice images are."""

import numpy as np
from scipy.ndimage import maximum_filter, uniform_filter
from scipy.stats import skew

WINDOW = 49  # pixels: about a lattice plane, over which an empty part is flat


def describe(image: np.ndarray) -> dict[str, float]:
    """A clean image (H, W) in a few numbers.

    Returns
    -------
    dict
        ``minimum``, ``maximum``, ``mean`` and ``deviation`` of the intensity; its ``skewness``, above 0 where
        bright columns stand on a dark ground; ``finest``, the period (pixels) below which lies a thousandth
        of the variance; ``empty``, the share of the area without structure; ``spacing``, the period of the
        strongest lattice planes (pixels).
    """
    x = np.asarray(image, np.float64)
    local = uniform_filter(x**2, WINDOW) - uniform_filter(x, WINDOW) ** 2
    frequency = np.hypot(np.fft.fftfreq(x.shape[0])[:, None], np.fft.rfftfreq(x.shape[1])).ravel()
    order = np.argsort(frequency)
    reached = np.cumsum(np.abs(np.fft.rfft2(_windowed(x))).ravel()[order] ** 2)
    limit = frequency[order][np.searchsorted(reached, 0.999 * reached[-1])]
    return {
        "minimum": float(x.min()),
        "maximum": float(x.max()),
        "mean": float(x.mean()),
        "deviation": float(x.std()),
        "skewness": float(skew(x, axis=None)),
        "finest": float(1 / limit),
        "empty": float((local < (0.2 * x.std()) ** 2).mean()),
        "spacing": spacings(x, 1)[0],
    }


def spacings(image: np.ndarray, count: int = 3) -> list[float]:
    """Periods of the strongest lattice planes, in pixels between 15 and 100, strongest first.

    Peaks of the Hann-windowed power spectrum; two of periods within 4 % count as one.
    """
    x = _windowed(np.asarray(image, np.float64))
    across = np.arange(
        0, 1 / 15, 0.25 / max(x.shape)
    )  # finer than an FFT would give, and no further than asked
    down = np.concatenate([-across[:0:-1], across])
    rows, columns = (
        np.exp(-2j * np.pi * np.outer(f, np.arange(n))) for f, n in zip((down, across), x.shape, strict=True)
    )
    power = np.abs(rows @ x @ columns.T) ** 2
    frequency = np.hypot(down[:, None], across)
    peak = (power == maximum_filter(power, 17)) & (frequency > 1 / 100) & (frequency < 1 / 15)
    found: list[float] = []
    for k in np.argsort(np.where(peak, power, 0), axis=None)[::-1][: peak.sum()]:
        period = 1 / frequency.flat[k]
        if all(abs(np.log(period / known)) > 0.04 for known in found):
            found.append(float(period))
        if len(found) == count:
            break
    return found or [float("nan")]


def _windowed(x: np.ndarray) -> np.ndarray:
    return (x - x.mean()) * np.outer(*(np.hanning(n + 2)[1:-1] for n in x.shape))


def overlap(one: np.ndarray, other: np.ndarray, bins: int = 64) -> float:
    """Area that the histograms of two arrays share: 1 for equal, 0 for disjoint distributions."""
    edges = np.histogram_bin_edges(np.concatenate([one.ravel(), other.ravel()]), bins)
    shares = [np.histogram(values, edges)[0] / values.size for values in (one, other)]
    return float(np.minimum(*shares).sum())
