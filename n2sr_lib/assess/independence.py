"""Is a noisy image fit for a method that takes the noise of different pixels as independent (Theorem 1)?"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, t

from ..checks import check_image
from ..errors import InputError

LAGS = ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0))  # (rows, columns); (1, 1) is the mean of both diagonals
MAX_Z = 4.0  # a correlation counts only if chance makes it as rarely as 4 standard errors (`_limit`) ...
MAX_CORRELATION = 0.05  # ... and at least this large,
MAX_RATIO = 1.25  # ... or if Hx/Hy lies outside 1/1.25 ... 1.25


@dataclass(frozen=True)
class NoiseCorrelation:
    """What `noise_correlation` found.

    `correlation` and `standard_error` are keyed by lag (rows, columns). `hx_hy` is the noise power at high
    horizontal over that at high vertical frequency: 1 is white, below 1 the noise is smooth along the rows.
    """

    correlation: dict[tuple[int, int], float]
    standard_error: dict[tuple[int, int], float]
    hx_hy: float
    hx_hy_standard_error: float
    independent: bool
    advice: str


def noise_correlation(y: np.ndarray) -> NoiseCorrelation:
    """Measure how far the noise of neighbouring pixels is correlated, from one noisy image.

    The spectra of half-overlapping Hann-windowed patches are averaged, and 1 + 2 Σ ρ cos(2π f·lag) is fitted
    to them where |fx| or |fy| is at least 0.25 cycles per pixel: an oversampled image has almost no signal
    there, and lower frequencies are never read. Standard errors come from the scatter between patches.
    Hx/Hy compares |fx| > 0.35, |fy| < 0.15 with the same region turned by 90 degrees.

    Not independent means: a correlation above 0.05 in size, or Hx/Hy outside 0.8 ... 1.25, and beyond 4
    standard errors (7.6 where nine patches tell them, in an image of 64×64 pixels). Structure finer than 4
    pixels (atoms sampled too coarsely) reads as correlated noise. Where neighbours correlate by more than
    0.4, Hx/Hy says better by how much.

    Parameters
    ----------
    y : ndarray (H, W), as `check_image` takes it; any intensity units.

    Raises
    ------
    InputError
        If `y` is not an image, or one whose noise is over 60 dB below its signal.
    """
    y = check_image(y)[0].astype(np.float64)
    spectra, fy, fx, count = _patch_spectra(y, 64 if min(y.shape) >= 256 else 32)
    high = np.maximum(fy, fx) >= 0.25
    if spectra[:, high].mean() < 1e-6 * y.var():  # signal leaks through the window at 4e-8
        raise InputError(
            "the image has no pixel noise within 60 dB of its signal, so there is none to assess"
        )

    waves = [2 * np.cos(2 * np.pi * dy * fy) * np.cos(2 * np.pi * dx * fx) for dy, dx in LAGS]
    waves[LAGS.index((1, 1))] *= 2  # both diagonals
    basis = np.stack([np.ones_like(fx), *waves])[:, high].T
    mean, weight = spectra[:, high].mean(axis=0), count[high]
    for _ in range(2):  # the spread of a power spectrum is proportional to its level: fit, weigh, fit again
        solve = np.linalg.solve((basis.T * weight) @ basis, basis.T * weight)
        c = solve @ mean
        weight = count[high] / np.maximum(basis @ c, 0.05 * c[0]) ** 2
    rho = np.clip(c[1:] / c[0], -1, 1)  # noise that is smooth over many pixels does not fit into these lags
    per_patch = spectra[:, high] @ solve.T
    error = _standard_error((per_patch[:, 1:] - rho * per_patch[:, :1]) / c[0])

    across, along = (fx > 0.35) & (fy < 0.15), (fy > 0.35) & (fx < 0.15)
    hx, hy = (np.average(spectra[:, s], axis=1, weights=count[s]) for s in (across, along))
    ratio = hx.mean() / hy.mean()
    ratio_error = _standard_error((hx - ratio * hy) / hy.mean())

    limit = _limit(len(spectra))
    found = (np.abs(rho) > limit * error) & (np.abs(rho) > MAX_CORRELATION)
    skewed = abs(np.log(ratio)) > max(np.log(MAX_RATIO), limit * ratio_error / ratio)
    independent = not (found.any() or skewed)
    return NoiseCorrelation(
        correlation={lag: float(r) for lag, r in zip(LAGS, rho, strict=True)},
        standard_error={lag: float(e) for lag, e in zip(LAGS, error, strict=True)},
        hx_hy=float(ratio),
        hx_hy_standard_error=float(ratio_error),
        independent=bool(independent),
        advice=_advice(rho, limit * error, ratio, independent),
    )


def flat_correlation(y: np.ndarray, side: int = 32, share: float = 0.1) -> tuple[float, float]:
    """Correlation of neighbours along a row and along a column in the flattest patches of an image.

    Of all patches of `side` pixels the `share` with the smallest variance of their 4×4 means is taken, at
    least four, and a plane removed from each. Contrary to `noise_correlation` this sees all
    frequencies, and where no patch is flat it sees structure as well. Of noise alone the choice of the
    flattest takes up to 0.04 away.
    """
    h, w = (n // side * side for n in y.shape)
    patches = y[:h, :w].astype(np.float64).reshape(h // side, side, w // side, side).swapaxes(1, 2)
    patches = patches.reshape(-1, side, side)
    i, j = np.mgrid[:side, :side].reshape(2, -1) - (side - 1) / 2
    plane = np.stack([np.ones_like(i), i, j])
    plane /= np.linalg.norm(plane, axis=1, keepdims=True)
    flat = patches.reshape(-1, side * side)
    patches = (flat - (flat @ plane.T) @ plane).reshape(-1, side, side)
    coarse = patches.reshape(-1, side // 4, 4, side // 4, 4).mean(axis=(2, 4)).var(axis=(1, 2))
    chosen = patches[np.argsort(coarse)[: max(4, round(share * len(patches)))]]
    power = (chosen**2).mean()
    rows, columns = (chosen[:, :, 1:] * chosen[:, :, :-1]).mean(), (chosen[:, 1:] * chosen[:, :-1]).mean()
    return float(rows / power), float(columns / power)


def _patch_spectra(y: np.ndarray, n: int, most: int = 1500) -> tuple[np.ndarray, ...]:
    """Power of Hann-windowed patches (patches, n, n//2 + 1), then |fy|, |fx| and each bin's multiplicity."""
    patches = np.lib.stride_tricks.sliding_window_view(y, (n, n))[:: n // 2, :: n // 2].reshape(-1, n, n)
    patches = patches[:: -(-len(patches) // most)]  # enough for any standard error, and bounded memory
    window = np.outer(np.hanning(n + 1)[:n], np.hanning(n + 1)[:n])
    window /= np.linalg.norm(window)
    power = np.abs(np.fft.rfft2((patches - patches.mean(axis=(1, 2), keepdims=True)) * window)) ** 2
    fy, fx = np.meshgrid(np.abs(np.fft.fftfreq(n)), np.fft.rfftfreq(n), indexing="ij")
    return power, fy, fx, np.where((fx == 0) | (fx == 0.5), 1.0, 2.0)


def _standard_error(samples: np.ndarray) -> np.ndarray:
    return samples.std(axis=0, ddof=1) / np.sqrt(len(samples))


def _limit(patches: int) -> float:
    """How many standard errors chance exceeds as rarely as `MAX_Z` of known size: Student's t."""
    return float(t.isf(norm.sf(MAX_Z), patches - 1))


def _advice(rho: np.ndarray, chance: np.ndarray, ratio: float, independent: bool) -> str:
    worst = int(np.argmax(np.abs(rho)))
    what = f"largest correlation {rho[worst]:.3f} at lag {LAGS[worst]} (rows, columns), Hx/Hy {ratio:.2f}"
    if not independent:
        return (
            f"The noise is correlated ({what}): expect part of it to survive any pixel-independent method; "
            "prefer raw frames without resampling, drift correction or smoothing."
        )
    if np.any(np.abs(rho) > chance):
        return f"The noise is nearly independent ({what}): usable, but look for faint streaks in the result."
    return f"No correlation of the noise was found ({what}): pixel-independent methods apply."
