"""What the autoencoder is compared with on a series of frames: filters, Noise2SR, Noise2Atom."""

import dataclasses

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from .. import noise2atom
from ..denoising import denoise
from ..errors import InputError
from ..noise2atom import Noise2AtomPlan
from ..presets import Preset, choose_preset
from ..simulated import scenes

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
