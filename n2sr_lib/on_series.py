"""A series of frames of atoms: the other ways to denoise it, and what is measured of an estimate.

Estimates are ndarray (T, H, W) in any units, T being the first frames of a series only: they are enough to
judge by.
"""

import dataclasses
import math
from statistics import fmean

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from . import metrics, noise2atom
from .assess.columns import brightest, count, find_columns, located, occupied
from .assess.css import aligned, correlation, css, drift, others
from .denoising import denoise
from .errors import InputError
from .noise2atom import Noise2AtomPlan
from .presets import Preset, choose_preset
from .simulated import scenes

BINNING = 3  # of the real series: its atoms are then as wide as those of the clean domain
EDGE = 11  # pixels from the border within which no column is counted, for none is looked for within 8
ISOLATED = 4.0  # pixels about the true place in which a single atom is looked for

#: What is not trained: what the others start from, a matched filter, and what CSS likes best.
FILTERS = {
    "noisy": lambda frames: frames,
    "blurred": lambda frames: gaussian_filter(frames, (0, scenes.WIDTH, scenes.WIDTH)),
    "constant": lambda frames: np.full_like(frames, frames.mean(dtype=np.float64)),
}
_TINY = {"batch": 2, "crop": 48, "clean_images": 8, "widths": (8, 8), "blocks": 1, "critic_widths": (8, 16)}
NOISE2ATOM = {"smoke": Noise2AtomPlan(steps=8, critic_steps=2, every=4, **_TINY), "laptop": Noise2AtomPlan()}


def settings_for(method: str, preset: str) -> Preset | Noise2AtomPlan | None:
    """What Noise2SR and Noise2Atom need, else None; InputError if there is no such preset."""
    if method == "noise2sr":
        chosen = choose_preset(preset)
        # The same precision everywhere: a series has small frames, which gain little from another.
        return dataclasses.replace(chosen, plan=dataclasses.replace(chosen.plan, precision="float32"))
    if method == "noise2atom":
        if preset not in NOISE2ATOM:
            raise InputError(f"Noise2Atom has no preset {preset!r}; choose one of {', '.join(NOISE2ATOM)}")
        return NOISE2ATOM[preset]
    return None


def fit(method: str, frames: np.ndarray, seed: int, settings: Preset | Noise2AtomPlan | None, device: str):
    """A filter, Noise2SR or Noise2Atom on the frames of a series: from frames (T, H, W) to estimates.

    Noise2SR trains when it is applied, for each frame anew. InputError if there is no such method.
    """
    if method in FILTERS:
        return FILTERS[method]
    if method == "noise2sr":
        quiet = {"preset": settings, "device": device, "seed": seed, "progress": False}
        return lambda some: np.stack([denoise(frame, **quiet).image for frame in some])
    if method == "noise2atom":
        return as_atoms(frames, seed, settings, device)
    known = ("autoencoder", "noise2sr", "noise2atom", *FILTERS)
    raise InputError(f"unknown method {method!r} for a series; choose one of {', '.join(known)}")


def as_atoms(frames: np.ndarray, seed: int, settings: Noise2AtomPlan, device: str):
    """Noise2Atom, trained on all frames and the clean domain: from frames (T, H, W) to estimates."""
    clean = scenes.clean_domain(settings.clean_images, 3 * settings.crop // 2, seed)
    seen = torch.from_numpy(frames)
    domains = (noise2atom.normalised(seen).to(device), torch.from_numpy(clean)[:, None].to(device))
    networks = noise2atom.build(settings, seed, *domains).to(device)
    noise2atom.fit(networks, *domains, settings, seed=seed, progress=False)

    def estimate(some: np.ndarray) -> np.ndarray:
        given = (torch.from_numpy(some) - seen.mean()) / seen.std()  # as the frames of the training
        return noise2atom.translate(networks["to_clean"], given[:, None].to(device)).cpu().numpy()

    return estimate


def prepared(frames: np.ndarray) -> np.ndarray:
    """The real frames as methods get them, float32: atoms bright, `BINNING`² pixels averaged to one."""
    n, b = len(frames), BINNING
    h, w = (side // b for side in frames.shape[1:])
    frames = frames[:, : h * b, : w * b].astype(np.float64).reshape(n, h, b, w, b).mean(axis=(2, 4))
    return (frames.max() - frames).astype(np.float32)


def measure(estimate: np.ndarray, frames: np.ndarray, truth: scenes.Series | None = None) -> dict:
    """What a record says of an estimate (T, H, W) of noisy frames, in any units.

    ``found``, ``atoms``, ``invented``, ``lost``, ``precision``, ``recall``, ``error``: columns over all
    frames, against the truth, or, where there is none, against the columns of the mean of the other frames.
    With several frames ``css``, the SSIM of each pair after the drift of the noisy frames is taken back, and
    ``agreement``, the mean correlation with the mean of the other noisy frames. With the truth ``psnr`` and
    ``ssim`` of each frame, all on the scale of the truth by one straight line; ``vacant_filled``, the share
    of the empty sites where a column is found, ``loose_lost``, that of the single atoms where none is, and
    ``truth_css``. None: not defined.
    """
    result: dict = {}
    if len(frames) > 1:
        moved = drift(frames)
        still, noisy = aligned(estimate, moved), aligned(frames, moved)
        result["css"] = [_short(value) for value in series_css(estimate, frames)]
        result["agreement"] = _short(fmean(map(correlation, still, others(noisy))))
    period = scenes.SPACING
    if truth is None:
        looked, places = still, [_columns(mean, period) for mean in others(noisy)]
    else:
        looked, places = estimate, truth.places
    found = [_columns(frame, period) for frame in looked]
    where = (2 * scenes.WIDTH, looked.shape[1:], EDGE)
    counts = [count(f, p, *where) for f, p in zip(found, places, strict=False)]
    n, m, invented, lost = (sum(c[k] for c in counts) for k in range(4))
    squares = [c.error**2 for c in counts if math.isfinite(c.error)]
    result |= {
        "found": n,
        "atoms": m,
        "invented": invented,
        "lost": lost,
        "precision": _short(1 - invented / n) if n else None,
        "recall": _short(1 - lost / m) if m else None,
        "error": _short(math.sqrt(fmean(squares))) if squares else None,
    }
    if truth is None:
        return result
    filled, seen = (
        [hit for f, p in zip(found, those, strict=False) for hit in occupied(f, p, *where)]
        for those in (truth.vacant, truth.loose)
    )
    x = truth.clean[: len(estimate)]
    scaled, drange = on_scale(estimate, x), metrics.data_range(x)
    for name in ("psnr", "ssim"):
        score = getattr(metrics, name)
        pairs = zip(x, scaled, strict=True)
        result[name] = [_short(min(score(*pair, data_range=drange), 999.0)) for pair in pairs]
    return result | {
        "vacant_filled": _short(fmean(filled)) if filled else None,
        "loose_lost": _short(1 - fmean(seen)) if seen else None,
        "truth_css": _short(fmean(series_css(x, frames))) if len(frames) > 1 else None,
    }


def on_scale(estimate: np.ndarray, x: np.ndarray) -> np.ndarray:
    """`estimate` on the scale of x by the straight line that fits best."""
    u, v = (values.astype(np.float64) for values in (estimate, x))
    deviation = u - u.mean()
    slope = (deviation * (v - v.mean())).mean() / max((deviation**2).mean(), 1e-12)
    return (deviation * slope + v.mean()).astype(np.float32)


def quality(estimate: np.ndarray, truth: scenes.Series, some: slice) -> list[float]:
    """Of some frames, in counts: root mean square error; the same of the background, far from any atom; and
    the height of single atoms over the ground, as a share of the true one.
    """
    x, error = truth.clean[some], estimate - truth.clean[some]
    empty = (x - truth.ground) < 0.01 * (x - truth.ground).max()
    at = [
        np.rint(p[((p >= 0) & (p < np.array(x.shape[1:]) - 1)).all(axis=1)]).astype(int).T
        for p in truth.loose[some]
    ]
    heights = [
        np.concatenate([(f - truth.ground)[*p] for f, p in zip(stack, at, strict=True)])
        for stack in (estimate, x)
    ]
    height = heights[0].mean() / heights[1].mean() if len(heights[1]) else math.nan
    return [_short(v) for v in (np.sqrt((error**2).mean()), np.sqrt((error[empty] ** 2).mean()), height)]


def misses(frames: np.ndarray, truth: scenes.Series) -> np.ndarray:
    """Distance (T, k) of each single atom from where it is brightest within `ISOLATED` pixels of the truth.

    A place drawn at random would be 2.7 pixels off.
    """
    return np.stack(
        [
            np.hypot(*(brightest(frame, near, ISOLATED, scenes.SPACING) - near).T)
            for frame, near in zip(frames, truth.loose, strict=True)
        ]
    )


def _columns(image: np.ndarray, period: float) -> np.ndarray:
    return located(image, find_columns(image, period), period)


def series_css(estimate: np.ndarray, noisy: np.ndarray) -> list[float]:
    """CSS within the range of all frames; the lowest value is made 0, since SSIM depends on the offset.

    Each pair is aligned by itself, to half a pixel: over the whole series rounding would add up to one.
    """
    low, drange = float(estimate.min()), float(np.ptp(estimate)) or 1.0
    scores = []
    for t in range(len(noisy) - 1):
        pair = slice(t, t + 2)
        still = aligned(estimate[pair].astype(np.float64) - low, drift(noisy[pair]))
        scores += css(still, data_range=drange)
    return scores


def _short(value: float) -> float:
    return float(f"{value:.6g}")
