"""Normalise, fit, predict, de-normalise: one noisy image in, one estimate out."""

import dataclasses
import math
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from numbers import Integral, Real
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from .checkpoint import again
from .checks import check_image
from .devices import choose_device, fastest_precision
from .errors import InputError
from .networks.build import build_network
from .noise_estimate import estimate_noise
from .presets import Preset, choose_preset, limited
from .progress import bar
from .silence import DEAD, SILENT
from .tiling import tiled
from .train import History, autocast, fit

TILE, OVERLAP = 1024, 160  # pixels of the sub-sampled image per pass, and seen around it
WATCH_PASSES = 8  # of the estimates along the way


@dataclass(frozen=True)
class Denoised:
    """A denoised image in the units of the noisy one.

    image, spread, out_of_bag : ndarray (H, W), float32: see `strategies.Prediction`.
    history : the course of the training.
    settings : all that is needed to repeat the result.
    network, strategy, mean, deviation : the trained network, its strategy and the normalisation
        (y − mean) / deviation, for further predictions.
    """

    image: np.ndarray
    spread: np.ndarray
    out_of_bag: np.ndarray | None
    history: History
    settings: dict
    network: nn.Module
    strategy: object
    mean: float
    deviation: float


def for_prediction(network: nn.Module, precision: str, device: torch.device):
    """The trained network for any image size: in the right precision, tile by tile where it is large."""

    def run(y_sub: Tensor) -> Tensor:
        with torch.inference_mode(), autocast(precision, device):
            return network(y_sub).float()

    return tiled(run, TILE, OVERLAP)


def denoise(
    image,
    *,
    preset: str | Preset = "laptop",
    budget: float | None = None,
    device: str = "auto",
    seed: int = 0,
    checkpoint: str | os.PathLike | None = None,
    progress: bool = True,
    watch: tuple[float, Callable[[np.ndarray], list[float]]] | None = None,
    restarts: int = 2,
    start: nn.Module | None = None,
) -> Denoised:
    """Denoise one image with Noise2SR, from that image alone.

    Parameters
    ----------
    image : array-like (H, W), real, any unit, at least 64×64 pixels. Up to 1 % of NaN or infinite pixels are
        filled in (`checks.check_image`).
    preset : ``"smoke"``, ``"laptop"``, ``"paper"``, or a `Preset`.
    budget : seconds for training and prediction together; the number of training steps, and where need be
        M, follow from it after a few steps have been timed, and are recorded. A restart late in the training
        still gets half of it.
    device : ``"auto"``, ``"cpu"`` or ``"cuda"``.
    seed : same seed, same machine, same number of steps: same bits on a CPU. Not the one with which
        ``torch.randn`` drew noise of your own in float32, or held-out errors deceive (`crops.held_out_map`).
    checkpoint : file from which an interrupted training continues; see `train.fit`. It stays, so that what
        is interrupted afterwards need not be trained again: `checkpoint.remove` it when the result is safe.
    progress : show progress bars.
    watch : (n, look): every n steps (n < 1: every such part of all steps) ``look`` gets the estimate of that
        moment, ndarray (H, W) in the units of ``image``, averaged over `WATCH_PASSES` passes; what it says
        goes into ``history.watched``. Its time does not count, and it changes nothing.
    restarts : some starting weights lead to a constant output (`silence.DEAD`), or to one constant at many
        places (`silence.SILENT`), which no longer learn: begin again so often, each time with the next seed,
        which is then the seed of ``settings``. The last trial goes on where it is silent in part; where it
        dies the constant is returned, with a warning, and ``history.stopped`` is `silence.DEAD`.
    start : a trained network of the same preset, such as the previous frame's, to begin with its weights.

    Returns
    -------
    Denoised
        In the units of ``image``.

    Raises
    ------
    InputError
        If something given cannot be used; one sentence, before any long work.
    """
    chosen = choose_preset(preset)
    where = choose_device(device)
    if not (isinstance(seed, Integral) and 0 <= seed < 2**63 - 1):
        raise InputError(f"the seed {seed!r} cannot be used; give a whole number from 0 to 2**63 - 2")
    if budget is not None and not (isinstance(budget, Real) and 0 < budget < math.inf):
        raise InputError(f"the budget {budget!r} cannot be used; give seconds, a positive number such as 60")
    seed, budget = int(seed), budget and float(budget)  # plain numbers, since they go into the settings
    y, filled = check_image(image)
    plan, strategy = chosen.plan, chosen.strategy
    if plan.precision == "fastest":
        plan = dataclasses.replace(plan, precision=fastest_precision(where))
    begin = time.monotonic()
    mean, deviation = float(y.mean(dtype=np.float64)), float(y.std(dtype=np.float64))
    normal = torch.from_numpy((y - mean) / deviation)[None, None].to(where)
    if hasattr(strategy, "normalised"):
        if strategy.a is None:
            noise = estimate_noise(y)
            strategy = dataclasses.replace(strategy, a=noise.a, b=noise.b, offset=noise.offset)
        if hasattr(strategy, "calibrated"):
            strategy = strategy.calibrated(y)
        strategy = strategy.normalised(mean, deviation)
    trained_with = strategy  # not with the M of this moment's timing, which a checkpoint would not recognise
    scale, passes = getattr(strategy, "s", 1), getattr(strategy, "M", 1)
    network = build_network(scale, seed, **chosen.network).to(where, memory_format=torch.channels_last)
    if start is not None:
        network.load_state_dict(start.state_dict())
    predictor = for_prediction(network, plan.precision, where)
    training = None
    if budget is not None:
        each = _seconds_per_pass(predictor, normal, strategy)
        # At most a third of the time goes into averaging, where that leaves a few passes.
        strategy = limited(strategy, max(8, int(budget / 3 / each)))
        passes = getattr(strategy, "M", 1)
        training = budget - (time.monotonic() - begin) - passes * each

    def look(average: nn.Module) -> list[float]:
        quick = limited(strategy, WATCH_PASSES)
        one = for_prediction(average, plan.precision, where)
        image_hat = quick.predict(one, normal, torch.Generator().manual_seed(seed + 2)).image
        return watch[1](image_hat.cpu().numpy() * deviation + mean)

    history = fit(
        network,
        trained_with,
        normal,
        plan,
        seed=seed,
        budget=training,
        checkpoint=checkpoint,
        progress=progress,
        watch=watch and (watch[0], look),
        wary=restarts > 0,
    )
    if history.stopped in (DEAD, SILENT):
        if restarts:
            result = denoise(
                image,
                preset=chosen,
                budget=budget and max(budget - (time.monotonic() - begin), budget / 2),
                device=device,
                seed=seed + 1,
                checkpoint=checkpoint and again(Path(checkpoint)),
                progress=progress,
                watch=watch,
                restarts=restarts - 1,
                start=start,
            )
            name = preset if isinstance(preset, str) else "custom"
            return dataclasses.replace(result, settings=result.settings | {"preset": name})
        warnings.warn(f"the training died after {history.steps} steps; give another seed", stacklevel=2)
    trained = time.monotonic()
    image_hat, spread, out_of_bag = _predict(strategy, predictor, normal, seed, (mean, deviation), progress)
    settings = {
        "preset": preset if isinstance(preset, str) else "custom",
        "network": chosen.network,
        "strategy": {"name": type(strategy).__name__, **asdict(strategy)},
        "plan": asdict(plan),
        "passes": passes,
        "steps": history.steps,
        "stopped": history.stopped,
        "budget": budget,
        "seed": seed,
        "device": str(where),
        "threads": torch.get_num_threads(),
        "filled_pixels": filled,
        "train_seconds": round(history.seconds[-1], 2),
        "predict_seconds": round(time.monotonic() - trained, 2),
    }
    return Denoised(image_hat, spread, out_of_bag, history, settings, network, strategy, mean, deviation)


def apply(fitted: Denoised, image, *, progress: bool = True) -> Denoised:
    """Denoise an image with a network that was trained on another one like it: averaging only.

    Parameters
    ----------
    fitted : of `denoise`; its images are not needed.
    image : as for `denoise`. It is normalised by its own mean and deviation.

    Raises
    ------
    InputError
        If the image cannot be used, or the strategy belongs to the noise of the first image.
    """
    if hasattr(fitted.strategy, "normalised"):
        raise InputError("this method has learned the noise of one image; denoise the other one by itself")
    y, filled = check_image(image)
    begin = time.monotonic()
    mean, deviation = float(y.mean(dtype=np.float64)), float(y.std(dtype=np.float64))
    where = next(fitted.network.parameters()).device
    normal = torch.from_numpy((y - mean) / deviation)[None, None].to(where)
    predictor = for_prediction(fitted.network, fitted.settings["plan"]["precision"], where)
    seed = fitted.settings["seed"]
    images = _predict(fitted.strategy, predictor, normal, seed, (mean, deviation), progress)
    settings = fitted.settings | {
        "filled_pixels": filled,
        "train_seconds": 0.0,
        "predict_seconds": round(time.monotonic() - begin, 2),
    }
    return Denoised(*images, fitted.history, settings, fitted.network, fitted.strategy, mean, deviation)


def _predict(strategy, predictor, normal: Tensor, seed: int, back: tuple[float, float], progress: bool):
    """Image, spread and out-of-bag mean in the units of the image, whose mean and deviation are `back`."""
    generator = torch.Generator().manual_seed(seed + 1)  # not the stream that drew the training masks
    with bar(getattr(strategy, "M", 1), "averaging", progress) as shown:

        def counted(y_sub: Tensor) -> Tensor:
            shown.update(len(y_sub))
            return predictor(y_sub)

        prediction = strategy.predict(counted, normal, generator)
    mean, deviation = back
    image_hat, spread, out_of_bag = (t if t is None else t.cpu().numpy() * deviation for t in prediction)
    return image_hat + mean, spread, out_of_bag if out_of_bag is None else out_of_bag + mean


def _seconds_per_pass(predictor, y: Tensor, strategy) -> float:
    """Seconds of one pass over the image: the second of two, since the first is slower.

    A strategy that averages no passes may need many predictions for its only one: it is not made twice.
    """
    for _ in range(1 + hasattr(strategy, "M")):
        begin = time.monotonic()
        limited(strategy, 1).predict(predictor, y, torch.Generator().manual_seed(0)).image.sum().item()
    return time.monotonic() - begin
