"""Consecutive structural similarity (CSS): quality of a denoised series without a clean one, and its drift.

Wang et al. (2020) propose it because structures hardly change from one frame of a series to the next. It has
a blind spot: what does not depend on the frame at all, a constant at the extreme, is the most similar.
"""

from itertools import pairwise

import numpy as np
from scipy.ndimage import gaussian_filter
from skimage.registration import phase_cross_correlation

from ..errors import InputError
from ..metrics import ssim


def css(frames: np.ndarray, *, data_range: float) -> list[float]:
    """SSIM of each frame (T, H, W) with the one before it: T - 1 numbers; CSS is their mean.

    The abstract of Wang et al. does not say which SSIM; here it is that of `metrics.ssim`.

    Raises
    ------
    InputError
        If there are fewer than two frames, and where `metrics.ssim` does.
    """
    frames = np.asarray(frames)
    if frames.ndim != 3 or len(frames) < 2:
        raise InputError(f"CSS compares consecutive frames; give (T, H, W), T ≥ 2, not {frames.shape}")
    return [ssim(one, two, data_range=data_range) for one, two in pairwise(frames)]


def drift(frames: np.ndarray, blur: float = 1.5) -> np.ndarray:
    """How far each frame has moved since the first, whole pixels, (T, 2) int: the maximum of a correlation.

    Whole pixels, since interpolation would smooth, and smooth frames have a better CSS; from the first frame,
    since fractions add up from pair to pair. Frames are blurred by a Gaussian of deviation `blur` first.
    Beyond half a period of a lattice a shift is ambiguous.
    """
    first, *others = (gaussian_filter(frame.astype(np.float64), blur) for frame in frames)
    back = [phase_cross_correlation(first, other, normalization=None)[0] for other in others]
    return np.rint(-np.stack([np.zeros(2), *back])).astype(int)


def aligned(frames: np.ndarray, moved: np.ndarray) -> np.ndarray:
    """The part that all frames (T, H, W) share, each moved back by its `drift`: (T, h, w)."""
    low, high = moved.min(axis=0), moved.max(axis=0)
    h, w = np.array(frames.shape[1:]) - (high - low)
    corners = moved - low
    return np.stack([f[i : i + h, j : j + w] for f, (i, j) in zip(frames, corners, strict=True)])


def others(frames: np.ndarray) -> np.ndarray:
    """For each of several aligned frames (T, h, w), T ≥ 2, the mean of all *others*: it stands for the truth.

    The correlation of an estimate with it is what CSS lacks: a constant has none. A method that has seen the
    other frames has an advantage.
    """
    return (frames.sum(axis=0, dtype=np.float64) - frames) / (len(frames) - 1)


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's, of two images; 0 where one of them is constant."""
    one, other = (image - image.mean(dtype=np.float64) for image in (one, other))
    size = np.sqrt((one**2).sum() * (other**2).sum())
    return float((one * other).sum() / size) if size > 0 else 0.0
