"""Whether to begin with weights of another training: decided by pixels that no network was trained on."""

import dataclasses
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from .checks import check_image
from .crops import held_out_map
from .denoising import denoise, for_prediction
from .devices import choose_device
from .presets import Preset, limited

HELD_OUT = 0.1  # of the pixels: more than a training keeps back, since here they decide
PASSES = 16
K = 3  # standard errors, as in `verdicts`


class Choice(NamedTuple):
    """What was found on the held-out pixels; errors are squared, in units of the image's variance.

    warm : whether the given weights are better by more than `K` standard errors.
    gain : error after the trial from scratch, less that of the given weights as they are.
    standard_error : of `gain`.
    scratch, given : both errors; the variance of the noise is part of them.
    """

    warm: bool
    gain: float
    standard_error: float
    scratch: float
    given: float


def choose(
    image, network: nn.Module, trial: Preset, *, device: str = "auto", seed: int = 0, progress: bool = True
) -> Choice:
    """Are the given weights, as they are, better for this image than a short training from scratch?

    On an image like those of their training they are, by far. On another one they are not, and what begins
    with them would have to unlearn first. Both networks predict the image; compared are their out-of-bag
    means on pixels that were never targets of the trial, where the error is that against the clean image plus
    the variance of the noise (Theorem 1), the same for both. Where the difference is within its error, the
    answer is no.

    Parameters
    ----------
    image : as for `denoising.denoise`.
    network : trained, as that of the preset `trial`.
    trial : a preset of Noise2SR with the steps of the short training.

    Raises
    ------
    InputError
        If the image or the device cannot be used.
    """
    y, _ = check_image(image)
    plan = dataclasses.replace(trial.plan, held_out=HELD_OUT)
    strategy = limited(trial.strategy, PASSES)
    tried = denoise(
        y,
        preset=Preset(trial.network, strategy, plan),
        device=device,
        seed=seed,
        progress=progress,
        restarts=0,
    )
    where = choose_device(device)
    normal = torch.from_numpy((y - tried.mean) / tried.deviation)[None, None]
    run = for_prediction(network.to(where), tried.settings["plan"]["precision"], where)
    generator = torch.Generator().manual_seed(seed + 1)  # the places that `denoise` has drawn
    given = strategy.predict(run, normal.to(where), generator).out_of_bag.cpu().numpy()
    scratch = (tried.out_of_bag - tried.mean) / tried.deviation
    held = held_out_map((1, 1, *y.shape), HELD_OUT, seed)[0, 0].numpy() == 0
    held &= np.isfinite(given)
    errors = [(normal[0, 0].numpy()[held] - one[held]) ** 2 for one in (scratch, given)]
    differences = (errors[0] - errors[1]).astype(np.float64)
    gain = float(differences.mean())
    error = float(differences.std(ddof=1) / np.sqrt(len(differences)))
    return Choice(gain > K * error, gain, error, *(float(e.mean(dtype=np.float64)) for e in errors))
