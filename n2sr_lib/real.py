"""Experimental images: how a method is applied, and what is measured where nobody knows the clean image."""

import math
from collections.abc import Callable
from statistics import fmean
from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter, maximum_filter

from .assess.columns import disagreement, find_columns, lattice_period, refine_columns
from .assess.css import aligned, correlation, drift, others
from .assess.measured import LAGS, VARIANCE_ERROR, estimated_error, measure_columns, residual
from .assess.remarks import plain
from .assess.spots import find_spots
from .denoising import denoise
from .errors import InputError
from .experiments.micrographs import UNTOLD
from .methods import CLASSICAL
from .noise_estimate import estimate_noise
from .presets import Preset
from .series.measures import series_css


class Source(NamedTuple):
    """An image, or a series of them, and how it is looked at.

    pixel : nm. frames : more than 1 for a series. corner : (row, column) of the part that figures show.
    dark : atoms are darker than what is around them. single : deviation of a single atom's spot in pixels,
    where there is no lattice.
    """

    label: str
    pixel: float
    corner: tuple[int, int] = (0, 0)
    frames: int = 1
    dark: bool = False
    single: float = 0.0


#: By their names in `data.FILES`.
SOURCES = {
    "real/MoS2_stem_Exp-000-2.npy": Source("MoS₂ (1 % V)", 0.0177, (90, 270)),
    "real/MoS2_stem_Exp-001-5.npy": Source("MoS₂", 0.0128, (280, 325)),
    "real/Moire.npz": Source("twisted graphene", 0.01062, (270, 235)),
    "real/091_HAADF_15nm_Sample_PtNC_21Oct20.tif": Source("single Pt atoms", 0.0293, (200, 370), single=2.0),
    "real/stem_abf_data_imagestack.hspy": Source("SrTiO₃, ABF", 0.0092, (64, 64), frames=5, dark=True),
}
_NOTHING = {"a": None, "b": None}  # the noise is not known
#: Estimates that are not trained, of one frame; noisy and constant, the same for all frames, are no methods:
#: they show what the numbers are worth.
FILTERS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "noisy": lambda y: y,
    "constant": lambda y: y,
    **{name: (lambda y, f=CLASSICAL[name]: f(y, _NOTHING)) for name in UNTOLD if name in CLASSICAL},
}
FAR = 4.0  # deviations above which a spot counts as a single atom


def estimate(
    method: str, frames: np.ndarray, preset: Preset | None = None, **how
) -> tuple[np.ndarray, list[np.ndarray | None]]:
    """Estimates of noisy frames (T, H, W), each from itself alone, and their out-of-bag means, if any.

    Parameters
    ----------
    preset : of a trained method; `how` goes to `denoising.denoise`.
    """
    if preset is not None:
        done = [denoise(y, preset=preset, **how) for y in frames]
        return np.stack([one.image for one in done]), [one.out_of_bag for one in done]
    if method not in FILTERS:
        raise InputError(f"unknown filter {method!r}; choose one of {', '.join(FILTERS)}")
    if method == "constant":
        return np.full_like(frames, frames.mean(dtype=np.float64)), [None] * len(frames)
    return np.stack([FILTERS[method](y) for y in frames]).astype(np.float32), [None] * len(frames)


def measure(estimates: np.ndarray, frames: np.ndarray, unseen: list, source: Source) -> dict:
    """What a record says of estimates (T, H, W) of noisy frames; None: not defined. Means over the frames.

    ``removed``: mean squared y − x̂ in units of the noise variance (1, plus the error, of an estimate that
    owes a pixel nothing of its own noise; less where it keeps some). ``row``, ``column``: correlation of
    y − x̂ with its neighbour. ``outside``: share of its blocks beyond three deviations. ``invented``,
    ``lost``: spectral spots. ``error``, ``error_se``: estimated error (out of bag) in the same units.
    ``period``, ``columns``, ``deviation``: of `trust.measure_columns`. Of a series besides: ``agreement``, of
    each frame with the mean of the *other* noisy ones, ``css``, and ``stability``, the deviation of column
    positions between frames, of one (pixels). Of single atoms: `single_atoms`.
    """
    each = [_one(*three, source) for three in zip(estimates, frames, unseen, strict=True)]
    result: dict = {}
    for name in each[0]:
        values = [one[name] for one in each if one[name] is not None]
        result[name] = fmean(values) if values else None
    effect, spread = result["removed"], VARIANCE_ERROR
    over = "mean squared y − x̂ over the noise variance"
    if source.frames > 1:
        result |= _series(estimates, frames, source)
        effect = fmean(result["agreement"])
        spread = float(np.std(result["agreement"], ddof=1))
        over = f"correlation with the mean of the other frames, {len(frames)} frames"
    if source.single:
        result |= single_atoms(frames[0], estimates[0], source.single)
    return plain(_rounded({"effect": effect, "spread": spread, "over_what": over} | result))


def _one(x_hat: np.ndarray, y: np.ndarray, unseen: np.ndarray | None, source: Source) -> dict:
    noise = estimate_noise(y)
    with np.errstate(invalid="ignore"):  # nothing is left where the estimate is the image itself
        left = residual(y, x_hat, noise)
    spots = find_spots(y, x_hat, noise.variance)
    sign = -1 if source.dark else 1
    columns = None if source.single else measure_columns(sign * y, sign * x_hat)
    error = None if unseen is None else estimated_error(y, unseen, y == y, noise)
    return {
        "noise_variance": noise.variance,
        "removed": float(np.square(y - x_hat, dtype=np.float64).mean() / noise.variance),
        "row": float(left.correlation[LAGS, LAGS + 1]),
        "column": float(left.correlation[LAGS + 1, LAGS]),
        "outside": left.outside,
        "invented": len(spots.invented),
        "lost": len(spots.lost),
        "error": error and error.estimate / noise.variance,
        "error_se": error and error.standard_error / noise.variance,
        "period": columns and columns.period,
        "columns": columns and columns.count,
        "deviation": columns and columns.difference,
    }


def _series(estimates: np.ndarray, frames: np.ndarray, source: Source) -> dict:
    moved, sign = drift(frames), -1 if source.dark else 1
    still, noisy = sign * aligned(estimates, moved), sign * aligned(frames, moved)
    alike = list(map(correlation, still, others(noisy)))
    found = {"agreement": alike, "css": series_css(estimates, frames), "stability": None}
    mean = noisy.mean(axis=0)
    period = lattice_period(mean)
    if period is not None and period >= 4:
        places, radius = np.rint(find_columns(mean, period)), max(2, round(0.3 * period))
        refined = [refine_columns(frame, places, radius) for frame in still]
        pairs = [disagreement(refined[k], refined[k + 1], radius)[0] for k in range(len(refined) - 1)]
        found["stability"] = fmean(pairs) / math.sqrt(2)
    return found


def single_atoms(y: np.ndarray, x_hat: np.ndarray, width: float) -> dict:
    """How much of the height of single bright spots an estimate keeps: does it erase what does not repeat?

    Half of the pixels, as on a chessboard, says where spots are: maxima of the difference of two Gaussian
    means, `width` and four times as wide, beyond `FAR` deviations. The other half, whose noise has not chosen
    the places, says how high they are: no spot looks brighter for having been picked.

    Returns
    -------
    dict : ``atoms``, their number; ``kept``, mean height in x̂ over mean height in y; ``kept_se``.
    """
    i, j = np.indices(y.shape)
    black = (i + j) % 2 == 0
    chosen = _heights(y, black, width)
    deviation = 1.4826 * np.median(np.abs(chosen - np.median(chosen)))
    peak = (chosen == maximum_filter(chosen, 2 * math.ceil(3 * width) + 1)) & (chosen > FAR * deviation)
    edge = math.ceil(6 * width)
    peak[:edge] = peak[-edge:] = peak[:, :edge] = peak[:, -edge:] = False
    before, after = (_heights(image, ~black, width)[peak] for image in (y, x_hat))
    n = len(before)
    if n < 3 or not before.mean() > 0:
        return {"atoms": n, "kept": None, "kept_se": None}
    kept = after.mean() / before.mean()
    error = (after - kept * before).std(ddof=1) / math.sqrt(n) / before.mean()
    return {"atoms": n, "kept": float(kept), "kept_se": float(error)}


def _heights(image: np.ndarray, used: np.ndarray, width: float) -> np.ndarray:
    """Mean near each pixel less the mean around it, over the pixels that are used."""
    weight = used.astype(np.float64)
    near, around = (
        gaussian_filter(image * weight, w) / gaussian_filter(weight, w) for w in (width, 4 * width)
    )
    return near - around


def _rounded(value):
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
