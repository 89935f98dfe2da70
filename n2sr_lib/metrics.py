"""PSNR and SSIM as the paper reports them: scikit-image's defaults, the range of the clean image."""

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from .errors import InputError


def data_range(x: np.ndarray) -> float:
    """Return max - min of the clean image `x`, the range that the paper's tables use for each image."""
    x = np.asarray(x)
    if x.size == 0 or not np.isfinite(x).all():
        raise InputError("the image is empty or not finite; replace NaN and infinity first")
    return float(x.max()) - float(x.min())


def psnr(x: np.ndarray, x_hat: np.ndarray, *, data_range: float) -> float:
    """Peak signal-to-noise ratio 10 log10(data_range² / mean((x - x_hat)²)), in dB.

    Parameters
    ----------
    x, x_hat : ndarray, same shape
        Clean image and its estimate, in the same units.
    data_range : float
        Peak of the ratio, in the same units; for the paper's numbers ``data_range(x)``.

    Raises
    ------
    InputError
        If the shapes differ, a pixel is not finite, or `data_range` is not positive.
    """
    x, x_hat = _checked(x, x_hat, data_range)
    if np.array_equal(x, x_hat):
        return float("inf")
    return float(peak_signal_noise_ratio(x, x_hat, data_range=data_range))


def ssim(x: np.ndarray, x_hat: np.ndarray, *, data_range: float) -> float:
    """Structural similarity with a uniform 7x7 window, the default of scikit-image.

    Parameters and errors are those of `psnr`; the images are (H, W), at least 7 pixels along each side.
    """
    x, x_hat = _checked(x, x_hat, data_range)
    if x.ndim != 2 or min(x.shape) < 7:
        raise InputError(f"SSIM compares two images of at least 7×7 pixels; got shape {x.shape}")
    return float(structural_similarity(x, x_hat, data_range=data_range))


def _checked(x: np.ndarray, x_hat: np.ndarray, data_range: float) -> tuple[np.ndarray, np.ndarray]:
    x, x_hat = np.asarray(x, np.float64), np.asarray(x_hat, np.float64)
    if x.shape != x_hat.shape:
        raise InputError(f"the two images must have the same shape; got {x.shape} and {x_hat.shape}")
    if x.size == 0 or not (np.isfinite(x).all() and np.isfinite(x_hat).all()):
        raise InputError("an image is empty or not finite; replace NaN and infinity first")
    if not (np.isfinite(data_range) and data_range > 0):
        raise InputError(
            f"data_range is {data_range} but must be positive; give max - min of the clean image"
        )
    return x, x_hat
