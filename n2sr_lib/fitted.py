"""A trained network that is handed from image to image: may it be, does it still serve, where is it kept."""

import dataclasses
import json
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from .assess.measured import Error, estimated_error
from .checkpoint import save
from .crops import held_out_map
from .denoising import Denoised
from .devices import choose_device
from .errors import InputError
from .networks.build import build_network
from .noise_estimate import NoiseEstimate
from .presets import choose_preset
from .train import History

RISE = 0.05  # of the error, in units of the noise variance, from which on the network is trained again


class Fitted(NamedTuple):
    """The network that is handed on: what it was trained on, how many images ago, and its error then."""

    result: Denoised  # without images
    name: str
    key: str  # of the image and the options, see `one_image`
    age: int
    error: Error | None


def fits(fitted: Fitted, preset) -> bool:
    """Whether a network may be handed on to an image with this preset: not if the sub-sampler differs."""
    old, new = fitted.result.strategy, preset.strategy
    return (old.s, old.aside) == (new.s, new.aside)


def error_of(
    y: np.ndarray, result: Denoised, noise: NoiseEstimate | None, held_out: bool = False
) -> Error | None:
    """Estimated error in units of the noise variance: on pixels held out of the training, or on all."""
    if noise is None or result.out_of_bag is None:
        return None
    where = np.ones(y.shape, bool)
    if held_out:
        fraction, seed = result.settings["plan"]["held_out"], result.settings["seed"]
        where = held_out_map((1, 1, *y.shape), fraction, seed)[0, 0].numpy() == 0
    try:
        found = estimated_error(y, result.out_of_bag, where, noise)
    except InputError:
        return None
    return found._replace(
        estimate=found.estimate / noise.variance, standard_error=found.standard_error / noise.variance
    )


def risen(error: Error | None, reference: Error | None) -> bool:
    """Whether the error is higher than another by more than `RISE` and three standard errors."""
    if error is None or reference is None:
        return False
    spread = math.hypot(error.standard_error, reference.standard_error)
    return error.estimate - reference.estimate > max(RISE, 3 * spread)


def keep(path: Path, fitted: Fitted) -> None:
    """Write the network that an interrupted batch goes on with."""
    result = fitted.result
    state = {
        "key": fitted.key,
        "network": result.network.state_dict(),
        "settings": json.dumps(result.settings),
        "numbers": [fitted.age, result.mean, result.deviation],
        "name": fitted.name,
        "error": None if fitted.error is None else list(fitted.error),
    }
    save(state, path)


def kept(path: Path, preset: str, seed: int, device: str) -> Fitted | None:
    """What `keep` wrote; None for anything else. Whether it may be used is told by its ``key``."""
    if not path.exists():
        return None
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
        settings = json.loads(state["settings"])
        named = dict(settings["strategy"])
        del named["name"]
        settled = choose_preset(preset)
        strategy = dataclasses.replace(settled.strategy, **named)
        network = build_network(strategy.s, seed, **settled.network)
        network.load_state_dict(state["network"])
    except Exception:  # torch has many ways to fail on a file that is not its own
        return None
    network = network.to(choose_device(device), memory_format=torch.channels_last).eval()
    age, mean, deviation = state["numbers"]
    nothing = np.empty((0, 0), np.float32)
    result = Denoised(nothing, nothing, None, History(), settings, network, strategy, mean, deviation)
    return Fitted(result, state["name"], state["key"], age, state["error"] and Error(*state["error"]))
