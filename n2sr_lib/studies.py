"""What can be asked of a trained network beyond one estimate: how many samples, which readings of "fixed"."""

import dataclasses
from collections.abc import Callable

import numpy as np
import torch

from . import metrics
from .assess.calibration import calibrate_spread
from .assess.measured import estimated_error
from .noise_estimate import estimate_noise
from .orientations import orient, orient_back
from .strategies import Prediction
from .strategies.noise2sr import Noise2SR

CHAINS, PASSES = 3, 200
COUNTS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200)
SHOWN = (1, 5, 20, 50)  # of Fig. 12

#: (strategy, noisy image, seed) -> prediction, ndarrays (H, W) in the units of the noisy image
Estimate = Callable[[Noise2SR, np.ndarray, int], Prediction]


def samples(
    estimate: Estimate, strategy: Noise2SR, x: np.ndarray, y: np.ndarray, variance: np.ndarray
) -> tuple[dict, list[np.ndarray]]:
    """PSNR and estimated error against the number of sub-samplings M (Fig. 12), in repeated draws.

    Parameters
    ----------
    x, y : the clean and the noisy image, (H, W).
    variance : of the noise, (H, W) (eq. 12).

    Returns
    -------
    dict : ``M``, and for each of `CHAINS` draws and each M the PSNR of the plain and of the out-of-bag mean
        (``psnr``, ``psnr_unseen``), their mean squared errors (``error``, ``error_unseen``) and what one
        would say of them without x, mean((y − x̂)²) − mean(variance) (``estimate``, ``estimate_unseen``).
    list : the plain mean of the first draw at M = 1, 5, 20, 50.
    """
    one = dataclasses.replace(strategy, M=1, flips=False)
    names = ("psnr", "psnr_unseen", "error", "error_unseen", "estimate", "estimate_unseen")
    said: dict[str, list] = {name: [] for name in names}
    drange, noise, shown = metrics.data_range(x), float(variance.mean(dtype=np.float64)), []
    for chain in range(CHAINS):
        total, unseen, count = (np.zeros(x.shape, np.float64) for _ in range(3))
        rows: dict[str, list] = {name: [] for name in names}
        for m in range(1, PASSES + 1):
            g = (m - 1) % 8 if strategy.flips else 0
            guess = estimate(one, _turned(y, g), 1000 * chain + m)
            image, out = (_turned_back(part, g) for part in (guess.image, guess.out_of_bag))
            total += image
            unseen += np.where(np.isfinite(out), out, 0)
            count += np.isfinite(out)
            if m not in COUNTS:
                continue
            mean = total / m
            if chain == 0 and m in SHOWN:
                shown.append(mean.astype(np.float32))
            known = count > 0
            away = np.where(known, unseen / np.maximum(count, 1), mean)
            for end, guessed, where in (("", mean, np.ones_like(known)), ("_unseen", away, known)):
                rows["psnr" + end].append(metrics.psnr(x, guessed.astype(np.float32), data_range=drange))
                rows["error" + end].append(float(((guessed - x)[where] ** 2).mean()))
                rows["estimate" + end].append(float(((y - guessed)[where] ** 2).mean() - noise))
        for name in names:
            said[name].append([float(f"{value:.6g}") for value in rows[name]])
    return {"M": list(COUNTS), "noise_variance": noise} | said, shown


def readings(
    estimate: Estimate, strategy: Noise2SR, x: np.ndarray, y: np.ndarray, variance: np.ndarray
) -> tuple[dict, list[np.ndarray]]:
    """Readings of "Fixed with MMSE" (Table II), which the paper does not define, on the same network.

    ``phases``: the s² places of the pixel in its block, by shifting the image; ``flips``: the eight flips and
    turns; ``both``; ``random``: random places although it was trained on fixed ones. PSNR and SSIM of each.
    """
    s, drange = strategy.s, metrics.data_range(x)
    still = dataclasses.replace(strategy, M=1, flips=False)
    shifts = [(i, j) for i in range(s) for j in range(s)]

    def mean(views: list[tuple[int, tuple[int, int]]]) -> np.ndarray:
        guesses = []
        for g, (i, j) in views:
            moved = np.pad(_turned(y, g), ((i, 0), (j, 0)), mode="reflect")
            guess = estimate(still, moved, 0).image[i:, j:]
            guesses.append(_turned_back(guess, g))
        return np.mean(guesses, axis=0, dtype=np.float64).astype(np.float32)

    random = dataclasses.replace(strategy, sampling="random")
    images = {
        "phases": mean([(0, shift) for shift in shifts]),
        "flips": mean([(g, (0, 0)) for g in range(8)]),
        "both": mean([(g, shift) for g in range(8) for shift in shifts]),
        "random": estimate(random, y, 0).image,
    }
    return {
        name: {
            "psnr": round(metrics.psnr(x, image, data_range=drange), 5),
            "ssim": round(metrics.ssim(x, image, data_range=drange), 6),
        }
        for name, image in images.items()
    }, []


def calibration(
    estimate: Estimate, strategy: Noise2SR, x: np.ndarray, y: np.ndarray, variance: np.ndarray
) -> tuple[dict, list[np.ndarray]]:
    """What can be said of the error without x, beside the truth, in units of the mean noise variance.

    ``true``, ``estimate`` and ``standard_error``: mean squared error of the out-of-bag mean, and what
    `measured.estimated_error` says of it with the noise estimated from y. ``spread`` and ``error``: of
    `calibration.calibrate_spread`, root mean squares in classes of the spread; ``factor`` and ``within``.
    """
    noise, mean = estimate_noise(y), float(variance.mean(dtype=np.float64))
    image, spread, unseen = estimate(strategy, y, 2)
    said, c = estimated_error(y, unseen, y == y, noise), calibrate_spread(x, image, spread)
    true = float(np.nanmean((unseen - x).astype(np.float64) ** 2))
    root = np.sqrt(mean)
    numbers = {
        "true": true / mean,
        "estimate": said.estimate / mean,
        "standard_error": said.standard_error / mean,
        "variance": noise.variance / mean,
        "factor": c.factor,
    }
    lists = {"within": c.within, "spread": c.spread / root, "error": c.error / root}
    return {k: float(f"{v:.6g}") for k, v in numbers.items()} | {
        k: [float(f"{v:.6g}") for v in values] for k, values in lists.items()
    }, []


def _turned(image: np.ndarray, g: int) -> np.ndarray:
    return orient(torch.from_numpy(image), g).contiguous().numpy()


def _turned_back(image: np.ndarray, g: int) -> np.ndarray:
    return orient_back(torch.from_numpy(image), g).contiguous().numpy()


STUDIES = {"samples": samples, "readings": readings, "calibration": calibration}
