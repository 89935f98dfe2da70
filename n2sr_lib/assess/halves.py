"""What two independent noisy images of the same have in common, and how to make two of one."""

from typing import NamedTuple

import numpy as np

from ..errors import InputError
from ..spectra import ring_correlation


class Agreement(NamedTuple):
    """Fourier ring correlation of two independent noisy images: what the data hold, before any denoising.

    frequency, correlation, chance : of `spectra.ring_correlation`.
    finest : smallest period in pixels at which they agree beyond 4.5 deviations of chance; None if nowhere.
    """

    frequency: np.ndarray
    correlation: np.ndarray
    chance: np.ndarray
    finest: float | None


def agreement(one: np.ndarray, other: np.ndarray) -> Agreement:
    """What two frames, or two halves of one image's counts, have in common; see `ring_correlation`."""
    frequency, correlation, chance = ring_correlation(one, other)
    common = frequency[(correlation > 4.5 * chance) & (frequency > 2 / min(one.shape))]
    return Agreement(frequency, correlation, chance, float(1 / common.max()) if common.size else None)


def halve_counts(counts: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two independent images of half the dose: every electron falls into one of them by the toss of a coin.

    Their noise is independent only if the values are counts, whose law is Poisson's.

    Parameters
    ----------
    counts : ndarray (H, W) of whole numbers, not negative; scaled counts divided by `Suitability.step`.

    Raises
    ------
    InputError
        If the values are not counts.
    """
    counts = np.asarray(counts)
    whole = np.rint(counts)
    if not np.isfinite(counts).all() or (whole < 0).any() or np.abs(counts - whole).max() > 1e-3:
        raise InputError("the values are no counts, and cannot be halved; use two frames instead")
    first = generator.binomial(whole.astype(np.int64), 0.5)
    return first.astype(np.float32), (whole - first).astype(np.float32)
