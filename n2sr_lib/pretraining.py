"""Train one network on many images, and apply it to others: the rows of Table I that need a training set."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from .checks import check_image
from .denoising import for_prediction
from .devices import choose_device, fastest_precision
from .errors import InputError
from .methods import ON_SET
from .networks.build import build_network
from .noise import add_noise
from .presets import Preset
from .silence import DEAD
from .train import History, fit
from .weights import load_weights, save_weights


@dataclass(frozen=True)
class Pretrained:
    """A network for one method and noise level, and the settings with which it was trained (plain JSON)."""

    network: nn.Module
    strategy: object
    settings: dict


def noisy_stack(images: np.ndarray, a: float, b: float, seed: int, copies: int = 1) -> Tensor:
    """Noisy images (eq. 12) of clean ones (N, H, W): Tensor (N, copies, H, W), the same for the same seed.

    What is drawn for an image does not depend on how many there are.
    """
    out = torch.empty(len(images), copies, *images.shape[1:])
    for k, image in enumerate(images):
        words = np.random.SeedSequence([seed, k]).generate_state(1, np.uint64)
        generator = torch.Generator().manual_seed(int(words[0] >> np.uint64(1)))
        for copy in out[k]:
            copy[:] = add_noise(torch.from_numpy(image), a, b, generator)
    return out


def pretrain(
    images: np.ndarray,
    preset: Preset,
    a: float,
    b: float,
    *,
    seed: int = 0,
    device: str = "auto",
    checkpoint: str | Path | None = None,
    progress: bool = True,
    origin: object = None,
) -> tuple[Pretrained, History]:
    """Train on clean `images` with noise of one level.

    The strategy says what it is given (see `strategies`): the clean images, one noisy image of each, or one
    pair of each, drawn once. All are normalised with the mean of the set and the deviation of a noisy image
    of it, two numbers that are kept in the settings.

    Parameters
    ----------
    images : ndarray (N, H, W), float32, not negative.
    a, b : noise of eq. 12 in their units.
    seed : of noise, weights and training.
    origin : plain JSON that says where the images come from, noted in the settings.

    Raises
    ------
    InputError
        If the images, the noise or the device cannot be used, or the network died in its first steps.
    """
    images = np.asarray(images, np.float32)
    if images.ndim != 3 or not len(images):
        raise InputError(f"the training images have the shape {images.shape}; give a stack (N, H, W)")
    if not images.min() >= 0 or not images.max() < np.inf:
        raise InputError("the training images have negative or infinite values, or NaN; shift or repair them")
    where, strategy, plan = choose_device(device), preset.strategy, preset.plan
    if plan.precision == "fastest":
        plan = dataclasses.replace(plan, precision=fastest_precision(where))
    mean = float(images.mean(dtype=np.float64))
    deviation = float(np.sqrt(images.var(dtype=np.float64) + a * mean + b**2))
    takes = getattr(strategy, "takes", "noisy")
    if takes == "clean":
        stack = torch.from_numpy(images)[:, None].clone()
    else:
        stack = noisy_stack(images, a, b, seed, copies=2 if takes == "pair" else 1)
    stack = stack.sub_(mean).div_(deviation).to(where)
    trained = strategy
    if hasattr(strategy, "normalised"):
        trained = dataclasses.replace(strategy, a=a, b=b).normalised(mean, deviation)
    scale = getattr(strategy, "s", 1)
    network = build_network(scale, seed, **preset.network).to(where, memory_format=torch.channels_last)
    history = fit(network, trained, stack, plan, seed=seed, checkpoint=checkpoint, progress=progress)
    if history.stopped == DEAD:
        raise InputError(f"the training died after {history.steps} steps; give another seed")
    settings = {
        "method": next((name for name, known in ON_SET.items() if known == strategy), "custom"),
        "network": preset.network,
        "scale": scale,
        "plan": dataclasses.asdict(plan),
        "noise": {"model": "gaussian", "a": a, "b": b},
        "mean": mean,
        "deviation": deviation,
        "images": len(images),
        "seed": seed,
        "steps": history.steps,
        "train_seconds": round(history.seconds[-1], 2),
        "device": str(where),
        "origin": origin,
    }
    return Pretrained(network, strategy, settings), history


def apply(pretrained: Pretrained, y: np.ndarray, device: str = "auto", seed: int = 0) -> np.ndarray:
    """Estimate of x from one noisy image, float32 (H, W) in its units.

    The image is normalised with its own mean and deviation, as everywhere else in this package, so that its
    unit and offset do not matter. For an image of the set's mean and contrast they are nearly those of the
    set; for others this is the kinder choice.
    """
    y, _ = check_image(y)
    where = choose_device(device)
    mean, deviation = float(y.mean(dtype=np.float64)), float(y.std(dtype=np.float64))
    network = pretrained.network.to(where, memory_format=torch.channels_last)
    run = for_prediction(network, "float32", where)
    normal = torch.from_numpy((y - mean) / deviation)[None, None].to(where)
    generator = torch.Generator().manual_seed(seed + 1)
    return pretrained.strategy.predict(run, normal, generator).image.cpu().numpy() * deviation + mean


def write(path: str | Path, pretrained: Pretrained, half: bool = True) -> None:
    """Keep a pretrained network as safetensors, by default in 16 bits."""
    save_weights(path, pretrained.network, pretrained.settings, half)


def read(path: str | Path) -> Pretrained:
    """What `write` has kept; InputError for another file."""
    network, settings = load_weights(path)
    if settings.get("method") not in ON_SET:
        raise InputError(f"{path} is of the unknown method {settings.get('method')!r}")
    return Pretrained(network, ON_SET[settings["method"]], settings)
