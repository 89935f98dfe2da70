"""Every method of the tables: its strategy, or the filter that it is, and the settings of each profile."""

import dataclasses
from collections.abc import Callable

import numpy as np

from . import classical
from .errors import InputError
from .presets import Preset, choose_preset
from .strategies.fbi import FBI
from .strategies.neighbor2neighbor import Neighbor2Neighbor
from .strategies.noise2noise import Noise2Noise
from .strategies.noise2self import Noise2Self
from .strategies.noise2sr import Noise2SR
from .strategies.self2self import Self2Self
from .strategies.supervised import Supervised
from .strategies.zs_noise2noise import ZSNoise2Noise

STRATEGIES = {
    "noise2sr": Noise2SR,
    "noise2self": Noise2Self,
    "neighbor2neighbor": Neighbor2Neighbor,
    "zs_noise2noise": ZSNoise2Noise,
    "self2self": Self2Self,
    "fbi": FBI,
}
#: Steps that all methods share in `laptop` where they are compared with each other.
SHARED_STEPS = 1000
#: The networks of full size: of ZS-Noise2Noise and Self2Self their authors'; for the others those to which
#: the MACs of Table III point, since the Noise2SR paper names none: FBI-Net with 8 layers, and one U-Net for
#: Noise2Self and Neighbor2Neighbor, though this has another one of its own.
PUBLISHED: dict[str, dict] = {
    "noise2self": {"encoder": "noise2noise u-net"},
    "neighbor2neighbor": {"encoder": "noise2noise u-net"},
    "zs_noise2noise": {"encoder": "zs-net"},
    "self2self": {"encoder": "self2self-net"},
    "fbi": {"encoder": "fbi-net", "width": 64, "depth": 8},
}
#: Where a strategy asks for a network of its own kind, a small one of it; the others share that of `laptop`.
SMALL: dict[str, dict] = {
    "self2self": {"encoder": "self2self-net", "width": 12, "depth": 5},
    "fbi": {"encoder": "fbi-net", "width": 10, "depth": 8},
}

#: Filters (noisy image, its noise {a, b, …}) -> estimate. Those that want a and b are given the true ones,
#: or, where the name says so, estimate them.
CLASSICAL: dict[str, Callable[[np.ndarray, dict], np.ndarray]] = {
    "adaptive_wiener": lambda y, noise: classical.adaptive_wiener(y),
    "vst_bm3d": lambda y, noise: classical.vst_bm3d(y, noise["a"], noise["b"]),
    "vst_bm3d_estimated": lambda y, noise: classical.vst_bm3d(y),
    "gaussian_blur": lambda y, noise: classical.gaussian_blur(y),
    "fourier_wiener": lambda y, noise: classical.fourier_wiener(y, noise["a"], noise["b"]),
    "non_local_means": lambda y, noise: classical.non_local_means(y, noise["a"], noise["b"]),
    "wavelet": lambda y, noise: classical.wavelet(y, noise["a"], noise["b"]),
}


def preset_for(method: str, profile: str) -> Preset:
    """Network, strategy and plan of a trained method in a profile; InputError if one of them is unknown.

    Noise2SR is used with the presets themselves. In `laptop` its rivals get the same network (or a small one
    of their own kind) and plan, for `SHARED_STEPS` steps, so that rows compare strategies and not networks.
    In `paper` they get the networks of full size (`PUBLISHED`), and the paper's plan.
    """
    if method not in STRATEGIES:
        raise InputError(f"unknown method {method!r}; choose one of {', '.join(STRATEGIES)}")
    preset = choose_preset(profile)
    if method == "noise2sr":
        return preset
    strategy = STRATEGIES[method]()
    if profile == "paper":
        return Preset(PUBLISHED[method], strategy, preset.plan)
    plan = dataclasses.replace(preset.plan, steps=min(preset.plan.steps, SHARED_STEPS))
    return Preset(SMALL.get(method, preset.network), strategy, plan)


#: Methods whose network is trained on a set of images, once for all images of a noise level. The last one is
#: not in the paper: it is there to begin with, and then to be adapted to one image.
ON_SET = {
    "supervised": Supervised(),
    "noise2noise": Noise2Noise(),
    "noise2noise_pair": Noise2Noise(fresh=False),
    "noise2self_set": Noise2Self(),
    "neighbor2neighbor_set": Neighbor2Neighbor(),
    "noise2sr_set": Noise2SR(M=96, flips=True),
}
#: Half the weights of the preset `laptop`: in 16 bits they are small enough to be part of the repository.
SMALL_ON_SET = {"widths": (12, 24, 32, 48, 64), "features": 12}
SET_STEPS = 4000  # in `laptop`: about ten minutes on two cores


def preset_for_set(method: str, profile: str) -> Preset:
    """Network, strategy and plan on a set; in `paper` the U-Net that the paper names for these rows.

    Noise2SR has the network of the preset itself, so that its weights can be adapted by `denoising.denoise`.
    """
    if method not in ON_SET:
        raise InputError(f"unknown method {method!r}; choose one of {', '.join(ON_SET)}")
    preset = choose_preset(profile)
    plan = dataclasses.replace(preset.plan, epochs=0.0)
    if profile == "laptop":
        plan = dataclasses.replace(plan, steps=SET_STEPS)
    network = preset.network
    if method != "noise2sr_set":
        published = {"encoder": "noise2noise u-net"}
        network = {"laptop": network | SMALL_ON_SET, "paper": published}.get(profile, network)
    return Preset(network, ON_SET[method], plan)
