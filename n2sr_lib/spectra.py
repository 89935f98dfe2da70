"""Power spectra, and the Fourier ring correlation: what two images have in common at which frequency."""

import math

import numpy as np

from .errors import InputError


def power_spectrum(image: np.ndarray) -> np.ndarray:
    """Power per pixel of a Hann-windowed image (H, W), zero frequency in the middle, float32.

    White noise lies at its variance.
    """
    return (np.abs(_windowed(image)) ** 2).astype(np.float32)


def radial_mean(power: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies up to 0.5 (cycles per pixel) and the mean of a centred spectrum over all directions."""
    ring, width = rings(power.shape)
    mean = np.bincount(ring.ravel(), power.ravel()) / np.bincount(ring.ravel())
    kept = slice(1, min(power.shape) // 2 + 1)  # zero frequency is the mean that was removed
    return np.arange(len(mean))[kept] * width, mean[kept]


def rings(shape: tuple[int, int]) -> tuple[np.ndarray, float]:
    """The ring in which each frequency of a centred spectrum lies, int64 of that shape, and their width."""
    fy, fx = (np.fft.fftshift(np.fft.fftfreq(n)) for n in shape)
    width = 1 / min(shape)
    return np.rint(np.hypot(fy[:, None], fx) / width).astype(np.int64), width


def finest_period(y: np.ndarray, variance: float) -> float | None:
    """Smallest period, in pixels, at which the spectrum holds more than white noise; None where none does.

    In a ring of n frequencies the largest power of white noise stays below (ln n + 12)·variance but for one
    ring in 160,000.
    """
    power = power_spectrum(y)
    ring, width = rings(power.shape)
    n = np.bincount(ring.ravel())
    largest = np.zeros(len(n))
    np.maximum.at(largest, ring.ravel(), power.ravel())
    # of the noise: near the highest frequencies, where correlation lowers it and structure is rare
    floor = max(variance, float(power[(ring * width > 0.35) & (ring * width <= 0.5)].mean()))
    found = np.flatnonzero(largest > (np.log(n) + 12) * floor)
    found = found[(found > 1) & (found * width <= 0.5)]
    return float(1 / (found.max() * width)) if found.size else None


def ring_correlation(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fourier ring correlation of two *independent* noisy images, or of what was made of each apart.

    Independent are two frames, or the halves of counts that `halves.halve_counts` draws. Not independent are
    parts of one denoised image, or an image and its own estimate: they share the noise, and would agree
    perfectly where there is nothing but noise.

    Parameters
    ----------
    one, other : ndarray (H, W), aligned.

    Returns
    -------
    frequency : ndarray (R,), cycles per pixel, up to 0.5.
    correlation : ndarray (R,), 1 where all agrees.
    chance : ndarray (R,), the deviation 1/√n of the correlation where nothing is in common; n is the number
        of independent values in the ring, about half of all, since the Hann window correlates neighbours.

    Raises
    ------
    InputError
        If the images differ in shape, or one of them is constant.
    """
    if one.shape != other.shape or one.ndim != 2:
        raise InputError(f"the images are {one.shape} and {other.shape}; cut both to one height and width")
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        raise InputError("one of the images is constant, and correlates with nothing; give the noisy frames")
    ring, width = rings(one.shape)
    a, b = _windowed(one).ravel(), _windowed(other).ravel()
    cross, first, second = (
        np.bincount(ring.ravel(), v) for v in ((a * b.conj()).real, np.abs(a) ** 2, np.abs(b) ** 2)
    )
    kept = slice(1, min(one.shape) // 2 + 1)  # zero frequency is the mean that was removed
    count = _independent(ring)[kept]
    frequency = np.arange(len(cross))[kept] * width
    return frequency, cross[kept] / np.sqrt(first[kept] * second[kept]), 1 / np.sqrt(count)


def _independent(ring: np.ndarray) -> np.ndarray:
    """Independent values in each ring: n²/Σr² over all pairs of bins in it, which the window correlates by r.

    The square of the window, 3/8 − cos(t)/2 + cos(2t)/8, makes r = 1, 2/3, 1/6, 0 along each side. A ring is
    one bin of the shorter side wide, and several of the longer one.
    """
    reach = {0: 1.0, 1: 4 / 9, 2: 1 / 36}  # r²
    pairs = np.zeros(ring.max() + 1)
    for dy, ry in reach.items():
        for dx in range(-2, 3):
            if dy or dx >= 0:  # the others are the same pairs
                same = ring[ring == np.roll(ring, (dy, dx), (0, 1))]
                twice = 2 if dy or dx else 1
                pairs += twice * ry * reach[abs(dx)] * np.bincount(same, minlength=len(pairs))
    return np.bincount(ring.ravel()) ** 2 / pairs


def _windowed(image: np.ndarray) -> np.ndarray:
    window = np.outer(*(np.hanning(n + 2)[1:-1] for n in image.shape)).astype(np.float32)
    window /= math.sqrt(np.square(window, dtype=np.float64).mean())
    values = (image - np.mean(image, dtype=np.float64)).astype(np.float32) * window
    return np.fft.fftshift(np.fft.fft2(values, norm="ortho"))
