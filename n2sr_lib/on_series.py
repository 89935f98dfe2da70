"""Methods for a series of frames, and what is measured of each: CSS, columns invented and lost, likeness."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from . import atoms, noise2atom
from .counting import count, find_columns, occupied
from .css import agreement, aligned, correlation, css, drift
from .denoising import Preset, choose_preset, denoise
from .errors import InputError
from .noise2atom import Noise2AtomPlan

REAL = "real/stem_abf_data_imagestack.hspy"  # five frames of SrTiO3, whose atoms are dark (ABF)
BINNING = 3  # of REAL: its atoms are then as wide as those of the clean domain
WIDTHS = {"simulated": atoms.WIDTH, REAL: 2.0}  # deviation of an atom, pixels
BLUR = 1.6  # deviation of the plain Gaussian filter, pixels
EDGE = 6  # pixels from the border within which no column is counted

Settings = Preset | Noise2AtomPlan | None
#: frames (T, H, W), settings, seed, checkpoint, progress -> estimate of the same shape, in any units.
Method = Callable[[np.ndarray, Settings, int, Path | None, bool], np.ndarray]


def _noise2sr(frames, preset, seed, checkpoint, progress):
    """Each frame from itself alone."""
    quiet = {"preset": preset, "device": "cpu", "seed": seed, "progress": False}
    return np.stack([denoise(frame, **quiet).image for frame in frames])


def _noise2atom(frames, plan, seed, checkpoint, progress):
    """All frames from all frames and the clean domain."""
    noisy = noise2atom.normalised(torch.from_numpy(frames))
    clean = torch.from_numpy(atoms.clean_domain(plan.clean_images, 3 * plan.crop // 2, seed))[:, None]
    networks = noise2atom.build(plan, seed)
    noise2atom.fit(networks, noisy, clean, plan, seed=seed, checkpoint=checkpoint, progress=progress)
    return noise2atom.translate(networks["to_clean"], noisy).numpy()


#: Those that are trained last. The first is what the others start from; the third is what CSS likes best.
METHODS: dict[str, Method] = {
    "noisy": lambda frames, *_: frames,
    "blurred": lambda frames, *_: gaussian_filter(frames, (0, BLUR, BLUR)),
    "constant": lambda frames, *_: np.full_like(frames, frames.mean(dtype=np.float64)),
    "noise2sr": _noise2sr,
    "noise2atom": _noise2atom,
}
TRAINED = ("noise2sr", "noise2atom")
_TINY = {"batch": 2, "crop": 48, "clean_images": 8, "widths": (8, 8), "blocks": 1, "critic_widths": (8, 16)}
NOISE2ATOM = {"smoke": Noise2AtomPlan(steps=8, critic_steps=2, every=4, **_TINY), "laptop": Noise2AtomPlan()}


def settings_for(method: str, profile: str) -> Settings:
    """What a method needs in a profile; InputError if the method or the profile is unknown."""
    if method not in METHODS:
        raise InputError(f"unknown method {method!r} for a series; choose one of {', '.join(METHODS)}")
    if method == "noise2sr":
        preset = choose_preset(profile)
        # The same precision everywhere: a series has small frames, which gain little from another.
        return dataclasses.replace(preset, plan=dataclasses.replace(preset.plan, precision="float32"))
    if method == "noise2atom":
        if profile not in NOISE2ATOM:
            raise InputError(f"Noise2Atom has no profile {profile!r}; choose one of {', '.join(NOISE2ATOM)}")
        return NOISE2ATOM[profile]
    return None


def prepared(frames: np.ndarray) -> np.ndarray:
    """The frames of REAL as methods get them, float32: atoms bright, `BINNING`² pixels averaged to one."""
    n, b = len(frames), BINNING
    h, w = (side // b for side in frames.shape[1:])
    frames = frames[:, : h * b, : w * b].astype(np.float64).reshape(n, h, b, w, b).mean(axis=(2, 4))
    return (frames.max() - frames).astype(np.float32)


def measure(
    estimate: np.ndarray, frames: np.ndarray, width: float, truth: atoms.Series | None = None
) -> dict:
    """What a record says of an estimate (T, H, W) of noisy frames, in any units.

    ``effect``, the CSS, and ``spread``, its deviation over the pairs of frames in ``css``: SSIM within the
    range of the estimate, after the drift (of the noisy frames, the same for all methods) is taken back.
    ``agreement``: mean of `css.agreement`. ``found``, ``atoms``, ``invented``, ``lost``, ``precision``,
    ``recall``, ``error``: columns over all frames, against the truth, or, where there is none, against the
    columns of the mean of the other frames. With the truth also ``correlation`` with the clean frames,
    ``vacant_filled``, the share of the empty sites where a column is found, ``loose_lost``, that of the atoms
    off the lattice where none is, and ``truth_css``. None: not defined.
    """
    moved = drift(frames)
    still, noisy = aligned(estimate, moved), aligned(frames, moved)
    pairs = series_css(estimate, frames)
    result: dict = {
        "effect": _short(fmean(pairs)),
        "spread": _short(stdev(pairs)) if len(pairs) > 1 else 0.0,
        "over_what": f"{len(pairs)} pairs of consecutive frames",
        "css": [_short(value) for value in pairs],
        "agreement": _short(fmean(agreement(still, noisy))),
    }
    if truth is None:
        others = (noisy.sum(axis=0, dtype=np.float64) - noisy) / (len(noisy) - 1)
        looked, places = still, [find_columns(mean, width) for mean in others]
    else:
        looked, places = estimate, truth.places
    found = [find_columns(frame, width) for frame in looked]
    reach, shape = 2 * width, looked.shape[1:]
    counts = [count(f, p, reach, shape, EDGE) for f, p in zip(found, places, strict=True)]
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
    if truth is not None:
        filled, seen = (
            [hit for f, p in zip(found, those, strict=True) for hit in occupied(f, p, reach, shape, EDGE)]
            for those in (truth.vacant, truth.loose)
        )
        result |= {
            "correlation": _short(fmean(map(correlation, estimate, truth.clean))),
            "vacant_filled": _short(fmean(filled)) if filled else None,
            "loose_lost": _short(1 - fmean(seen)) if seen else None,
            "truth_css": _short(fmean(series_css(truth.clean, frames))),
        }
    return result


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
