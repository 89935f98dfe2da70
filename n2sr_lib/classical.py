"""Denoisers that learn nothing: the non-learning rows of Table I, and the filters that microscopists use.

Each takes a noisy image (H, W) in any units and returns an estimate, float32, in the same. Where noise
parameters (a, b) of eq. 11 are asked for, they are estimated from the image if left out.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from scipy.fft import dctn, idctn
from scipy.ndimage import gaussian_filter
from scipy.signal import wiener
from skimage.restoration import calibrate_denoiser, denoise_nl_means, denoise_wavelet

from .bm3d import bm3d
from .checks import check_image
from .errors import InputError
from .noise_estimate import estimate_noise
from .vst import gat, inverse_gat

WIDTHS = 0.5 * 2 ** (np.arange(21) / 4)  # of Gaussian blurs: 0.5 to 16 pixels, four to the octave


def adaptive_wiener(y: np.ndarray, window: int = 15, *, zero_border: bool = True) -> np.ndarray:
    """Local mean plus shrunk deviation from it, with the noise power taken as the mean local variance.

    With the defaults, SciPy's filter as it is, it gives Table I's numbers. SciPy takes the image to be black
    outside, which darkens a frame of window / 2 pixels; ``zero_border=False`` reflects it instead.
    """
    y = check_image(y)[0]
    edge = 0 if zero_border else window // 2
    padded = np.pad(y.astype(np.float64), edge, mode="reflect")
    with np.errstate(divide="ignore", invalid="ignore"):  # flat windows: they get their mean
        x_hat = wiener(padded, window)
    return x_hat[edge : edge + y.shape[0], edge : edge + y.shape[1]].astype(np.float32)


def vst_bm3d(
    y: np.ndarray, a: float | None = None, b: float | None = None, *, model: str = "poisson"
) -> np.ndarray:
    """BM3D between the generalised Anscombe transform and its exact unbiased inverse (Table I, VST+BM3D).

    Parameters
    ----------
    a, b : noise parameters; the paper does not say whether its row had them given or estimated. Where a is 0,
        BM3D runs without the transform, at deviation b.
    model : law of the noise for the inverse; see `vst.inverse_gat`.

    The noise after the transform is taken to be 1. In the paper's simulation it is 1.05 (a = 0.05) or 1.09
    (a = 0.1), since that draws from the normal law, not from Poisson's.
    """
    y, a, b, offset = _noise(y, a, b)
    if a == 0:
        return bm3d(y, b)
    d = bm3d(gat(torch.from_numpy(y - np.float32(offset)), a, b).numpy(), 1.0)
    return inverse_gat(torch.from_numpy(d), a, b, model).numpy() + np.float32(offset)


def gaussian_blur(y: np.ndarray, sigma: float | None = None) -> np.ndarray:
    """Gaussian blur of width `sigma` pixels; of the best width, as `blur_width` judges it, where left out."""
    y = check_image(y)[0]
    return gaussian_filter(y, blur_width(y) if sigma is None else sigma, mode="mirror")


def blur_width(y: np.ndarray, widths: Sequence[float] = WIDTHS) -> float:
    """Width of the Gaussian blur with the least J-invariant loss (Batson and Royer, ICML 2019).

    The loss is the mean squared difference between each pixel and the blur of all the others: no clean image
    is needed, but noise that is independent from pixel to pixel.
    """
    y = check_image(y)[0].astype(np.float64)
    losses = []
    for width in widths:
        point = np.zeros(2 * int(4 * width + 0.5) + 1)  # as far as SciPy's kernel reaches
        point[point.size // 2] = 1
        own = gaussian_filter(point, width).max() ** 2  # weight of the pixel itself
        others = (gaussian_filter(y, width, mode="mirror") - own * y) / (1 - own)
        losses.append(np.mean((others - y) ** 2))
    return float(widths[int(np.argmin(losses))])


def fourier_wiener(y: np.ndarray, a: float | None = None, b: float | None = None) -> np.ndarray:
    """Wiener filter in frequency space: every frequency is multiplied by (P − N) / P, at least 0.

    P is the image's power, averaged over rings of equal frequency, and N that of white noise, from its mean
    variance. In place of the Fourier transform it uses the cosine transform, which has no jump at the image's
    edges. (Averages over a spot's surroundings, as in a Bragg filter, are too short to tell weak spots from
    noise: they gave 0.5 and 0.6 dB less on images 1 and 2 of the paper, a = 0.05.)
    """
    y, a, b, offset = _noise(y, a, b)
    mean = float(y.mean())
    noise = max(a * (mean - offset) + b**2, 0.0)
    spectrum = dctn(y.astype(np.float64) - mean, norm="ortho")  # white noise keeps its variance
    i, j = np.ogrid[: y.shape[0], : y.shape[1]]
    # A ring is as wide as one frequency of the longer side.
    ring = (np.hypot(i / y.shape[0], j / y.shape[1]) * max(y.shape)).astype(int)
    count = np.bincount(ring.ravel())
    power = np.bincount(ring.ravel(), spectrum.ravel() ** 2) / np.maximum(count, 1)
    gain = np.maximum(power - noise, 0) / np.maximum(power, np.finfo(float).tiny)
    return (idctn(gain[ring] * spectrum, norm="ortho") + mean).astype(np.float32)


def non_local_means(y: np.ndarray, a: float | None = None, b: float | None = None) -> np.ndarray:
    """scikit-image's non-local means; its strength h has the least J-invariant loss of six."""
    y, a, b, offset = _noise(y, a, b)
    deviation = float(np.sqrt(a * (y.mean() - offset) + b**2))

    def denoise(image: np.ndarray, h: float) -> np.ndarray:
        return denoise_nl_means(image, patch_size=7, patch_distance=9, h=h * deviation, sigma=deviation)

    return _calibrated(y, denoise, {"h": [0.1, 0.2, 0.3, 0.45, 0.7, 1.0]})


def wavelet(y: np.ndarray, a: float | None = None, b: float | None = None) -> np.ndarray:
    """scikit-image's wavelet shrinkage (BayesShrink); wavelet and threshold have the least J-invariant loss.

    InputError where PyWavelets is not installed, which scikit-image needs for it.
    """
    try:
        import pywt  # noqa: F401
    except ImportError:
        raise InputError("wavelet shrinkage needs PyWavelets; pip install PyWavelets") from None
    y, a, b, offset = _noise(y, a, b)
    deviation = float(np.sqrt(a * (y.mean() - offset) + b**2))

    def denoise(image: np.ndarray, wavelet: str, strength: float) -> np.ndarray:
        return denoise_wavelet(image, sigma=strength * deviation, wavelet=wavelet)

    return _calibrated(y, denoise, {"wavelet": ["db2", "sym8"], "strength": [0.5, 0.7, 1.0, 1.4, 2.0]})


def _calibrated(y: np.ndarray, denoise: Callable[..., np.ndarray], ranges: dict) -> np.ndarray:
    """The denoiser with those parameters that best predict one pixel in 16 from the rest."""
    _, (tested, losses) = calibrate_denoiser(y, denoise, ranges, extra_output=True)
    # Not the J-invariant version, which would throw away each pixel's own value and take 16 runs.
    return denoise(y, **tested[int(np.argmin(losses))]).astype(np.float32)


def _noise(y: np.ndarray, a: float | None, b: float | None) -> tuple[np.ndarray, float, float, float]:
    """The checked image and a, b, offset of its noise: given, or estimated where neither is."""
    y = check_image(y)[0]
    if a is None and b is None:
        found = estimate_noise(y)
        return y, found.a, found.b, found.offset
    if a is None or b is None or not (0 <= a < np.inf and 0 <= b < np.inf and a + b > 0):
        raise InputError(f"give both a and b, not negative and not both 0, or neither; got a = {a}, b = {b}")
    return y, float(a), float(b), 0.0
