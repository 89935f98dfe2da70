"""How much of each spatial frequency an estimate keeps, and what a filter of it could give back at most."""

from typing import NamedTuple

import numpy as np

from ..errors import InputError

HANN = 1.5**2  # neighbouring frequencies share so much, by the window's equivalent width along each axis


class Radial(NamedTuple):
    """Means over rings of equal spatial frequency, each (rings,); power is per pixel: white noise lies at σ².

    frequency : cycles per pixel; zero is left out, and the corners, above 0.5, are in.
    count : frequencies in the ring.
    clean, estimate : power of the truth x and of its estimate x̂.
    cross : Re⟨X̂ X*⟩.
    scatter : ⟨|X|² |X̂ − T X|²⟩, T being the `transfer` of the ring: what T's standard error is made of.
    """

    frequency: np.ndarray
    count: np.ndarray
    clean: np.ndarray
    estimate: np.ndarray
    cross: np.ndarray
    scatter: np.ndarray

    @property
    def transfer(self) -> np.ndarray:
        """Re⟨X̂ X*⟩ / ⟨|X|²⟩: 1 where the truth's amplitude is kept, 0 where it is lost; noise adds none."""
        return self.cross / self.clean

    @property
    def standard_error(self) -> np.ndarray:
        """Of `transfer`, over the frequencies of the ring."""
        return np.sqrt(HANN * self.scatter / self.count) / self.clean

    @property
    def error(self) -> np.ndarray:
        """Power of x̂ − x."""
        return np.maximum(self.estimate - 2 * self.cross + self.clean, 0)

    @property
    def gain(self) -> np.ndarray:
        """The factor for each ring of x̂ that leaves the least error; only the truth tells it."""
        return self.cross / np.maximum(self.estimate, np.finfo(float).tiny)

    @property
    def left(self) -> np.ndarray:
        """Power of the error after `gain`: what no radial filter of the estimate can undo."""
        return np.maximum(self.clean - self.gain * self.cross, 0)


def radial(x: np.ndarray, x_hat: np.ndarray) -> Radial:
    """Compare an estimate with the truth, ring by ring.

    Both are freed of their mean and weighted with a Hann window, so that the edges do not count as detail.
    Rings are as wide as one frequency of the shorter side.

    Parameters
    ----------
    x, x_hat : ndarray (H, W), the truth and its estimate. With x − x̂ and y − x̂ in their place, `Radial.gain`
        is the share of the residual that is worth adding back.

    Raises
    ------
    InputError
        If they are not two images of one shape, or the truth is constant.
    """
    x, x_hat = np.asarray(x, np.float64), np.asarray(x_hat, np.float64)
    if x.ndim != 2 or x.shape != x_hat.shape or np.ptp(x) == 0:
        raise InputError(
            f"give two images of one shape and a truth with detail; got {x.shape}, {x_hat.shape}"
        )
    window = np.outer(*(np.hanning(n + 2)[1:-1] for n in x.shape))
    window /= np.sqrt(np.mean(window**2))
    clean, estimate = (np.fft.fft2((v - v.mean()) * window, norm="ortho") for v in (x, x_hat))
    fy, fx = (np.fft.fftfreq(n) for n in x.shape)
    ring = np.rint(np.hypot(fy[:, None], fx) * min(x.shape)).astype(int)
    count = np.bincount(ring.ravel())

    def mean(power: np.ndarray) -> np.ndarray:
        return np.bincount(ring.ravel(), power.ravel()) / count

    power, cross = np.abs(clean) ** 2, mean((estimate * clean.conj()).real)
    kept = cross / mean(power)
    means = mean(power), mean(np.abs(estimate) ** 2), cross
    scatter = mean(power * np.abs(estimate - kept[ring] * clean) ** 2)
    return Radial(np.arange(len(count))[1:] / min(x.shape), *(v[1:] for v in (count, *means, scatter)))


def fine(rings: Radial, noise: float) -> np.ndarray:
    """The rings of the finest detail, (rings,) bool: a rule that looks at the truth and the noise only.

    They lie above those that hold nine tenths of the truth's power, as far as that is above a hundredth of
    the noise's, ``noise`` being the mean variance of a pixel.
    """
    power = rings.count * rings.clean
    chosen = (np.cumsum(power) > 0.9 * power.sum()) & (rings.clean > 0.01 * noise)
    if not chosen.any():
        raise InputError("the noise hides all fine detail of this image; take a less noisy one")
    return chosen


def kept(rings: Radial, chosen: np.ndarray) -> tuple[float, float]:
    """`Radial.transfer` over several rings together, and its standard error over frequencies."""
    count, clean, cross, scatter = (v[chosen] for v in (rings.count, rings.clean, rings.cross, rings.scatter))
    whole = np.sum(count * clean)
    return float(np.sum(count * cross) / whole), float(np.sqrt(HANN * np.sum(count * scatter)) / whole)


def structure(rings: Radial) -> float:
    """Power per pixel of what is the truth itself in the error, weakened or strengthened: (T − 1) X."""
    return _whole(rings, (rings.transfer - 1) ** 2 * rings.clean)


def structure_share(rings: Radial) -> float:
    """The share of the error's power that is `structure`."""
    return structure(rings) / _whole(rings, rings.error)


def _whole(rings: Radial, power: np.ndarray) -> float:
    return float(np.sum(rings.count * power) / np.sum(rings.count))


def decibels(before: np.ndarray, rings: Radial) -> float:
    """By how much an error of this power would fall to `Radial.left`, all rings together."""
    return float(10 * np.log10(np.sum(rings.count * before) / np.sum(rings.count * rings.left)))
