"""Periodicities that a noisy image and its estimate do not share: invented, lost, or below the noise."""

import math
from typing import NamedTuple

import numpy as np
from scipy.ndimage import maximum_filter

from ..spectra import power_spectrum, rings
from .window import middle

SPOT = 12.0  # a frequency's power counts from (ln n + SPOT) σ² on: once in 160,000 images by chance


class Spot(NamedTuple):
    """A frequency (cycles per pixel) and the power there, in units of the noise."""

    fy: float
    fx: float
    noisy: float
    denoised: float
    residual: float


class Spots(NamedTuple):
    """Frequencies at which noisy and denoised image disagree, strongest first.

    invented : only, or mostly, in the denoised image.
    lost : only, or mostly, in the noisy one.
    unseen : peaks of the denoised spectrum that lie so far below the noise that the data cannot tell.
    """

    invented: tuple[Spot, ...]
    lost: tuple[Spot, ...]
    unseen: tuple[Spot, ...]


def find_spots(y: np.ndarray, x_hat: np.ndarray, variance: float, most: int = 20) -> Spots:
    """Compare the spectra of the noisy and the denoised image, frequency by frequency.

    Where the residual's power is beyond what noise of this `variance` would leave, either image holds
    something that the other has not. Below that the data cannot tell, and peaks of the denoised spectrum,
    30 times as strong as their ring and a thousandth of the noise at least, are listed as unseen. Frequencies
    of less than four periods per image are left out.
    """
    y, x_hat = middle(y), middle(x_hat)
    noisy, denoised, left = (power_spectrum(f) / variance for f in (y, x_hat, y - x_hat))
    ring, width = rings(noisy.shape)
    limit = math.log(noisy.size) + SPOT
    used = (ring > 3) & (ring * width <= 0.5)
    h, w = noisy.shape  # a real image's spectrum is symmetric: half of it says all
    used[: h // 2] = used[h // 2, : w // 2] = False
    mean = np.bincount(ring.ravel(), denoised.ravel()) / np.bincount(ring.ravel())

    def listed(strength: np.ndarray, chosen: np.ndarray) -> tuple[Spot, ...]:
        peaks = np.argwhere(chosen & used & (strength == maximum_filter(strength, 5)))
        order = np.argsort(-strength[tuple(peaks.T)])[:most]
        return tuple(
            Spot((i - h // 2) / h, (j - w // 2) / w, *(float(p[i, j]) for p in (noisy, denoised, left)))
            for i, j in peaks[order].tolist()
        )

    beyond = left > limit
    unseen = (denoised > 30 * mean[ring]) & (denoised > 1e-3) & (noisy < limit) & ~beyond
    return Spots(
        invented=listed(left, beyond & (denoised > noisy)),
        lost=listed(left, beyond & (denoised <= noisy)),
        unseen=listed(denoised, unseen),
    )
