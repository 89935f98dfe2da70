"""Train one network on a stack of images, then apply it to any: the autoencoder and its rivals."""

from collections.abc import Callable
from itertools import product
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from ..errors import InputError
from ..networks.autoencoder import Autoencoder
from ..networks.growing_unet import GrowingUNet
from ..networks.initialise import he_normal
from ..networks.same_size import SameSize
from ..strategies.noise2self import Noise2Self
from ..strategies.noise2void import Noise2Void
from ..strategies.reconstruction import Reconstruction
from ..train import Plan, fit

POINTS = 20  # of the curves
LAPTOP = {"inner": 64, "blocks": 2, "kernels": ()}  # a sixth of the work of the released script's network
MASKED = {"noise2self": Noise2Self, "noise2void": Noise2Void}
Apply = Callable[[np.ndarray], np.ndarray]


class Trained(NamedTuple):
    """A network that was trained on a stack.

    apply : images (N, C, H, W) to estimates of the same shape and in the same units, float32; patch by patch
        where the network was trained on patches, and so has seen no border of zeros but theirs.
    seconds : of the training.
    curve : at every twentieth of the steps: the step, and what `look` said.
    weights : how many the network has.
    """

    apply: Apply
    seconds: float
    curve: list[list[float]]
    weights: int


def train_on(
    stack: np.ndarray,
    seed: int,
    *,
    method: str = "autoencoder",
    levels: int = 5,
    channels: int = 64,
    outputs: int = 4,
    error: str = "squared",
    steps: int = 600,
    batch: int = 8,
    crop: int = 128,
    augment: str = "none",
    full: bool = False,
    device: str = "cpu",
    look: Callable[[Apply], list[float]] | None = None,
) -> Trained:
    """Train on images (N, C, H, W), float32.

    Parameters
    ----------
    method : ``"autoencoder"``, ``"noise2self"`` or ``"noise2void"``; the last two for C = 1.
    levels, channels, outputs, error : of the autoencoder, which halves its input `levels` times.
    full : the channels and blocks of the released script.
    look : is given the network so far, as ``apply``, in one plain pass.
    """
    mean, deviation = stack.mean(dtype=np.float64), stack.std(dtype=np.float64)
    normal, generator = torch.from_numpy(((stack - mean) / deviation).astype(np.float32)), torch.Generator()
    colours = stack.shape[1]
    if method not in ("autoencoder", *MASKED):
        raise InputError(f"unknown method {method!r}; choose 'autoencoder' or one of {', '.join(MASKED)}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if method == "autoencoder":
            widths, size = (8, 16, 32, 64, 64, 64)[: levels + 1], {} if full else LAPTOP
            network: nn.Module = Autoencoder(widths, channels, outputs=outputs, colours=colours, **size)
            strategy: object = Reconstruction(error, outputs)
        else:
            network, strategy = SameSize(GrowingUNet((8, 16, 32, 48), 8)), MASKED[method]()
        he_normal(network)
        if method == "autoencoder":
            with torch.no_grad():  # the training begins near the mean, not with a picture of chance
                for head in network.heads:
                    head.weight.mul_(0.1)
    network.to(device)

    @torch.no_grad()
    def plain(images: np.ndarray, now: nn.Module = network) -> np.ndarray:
        y = torch.from_numpy(((images - mean) / deviation).astype(np.float32))
        said = torch.cat([_in_patches(now, part.to(device), crop).cpu() for part in y.split(32)])
        return said.numpy() * np.float32(deviation) + np.float32(mean)

    def each(images: np.ndarray) -> np.ndarray:  # pixel by pixel, from a pass that did not see it
        y = torch.from_numpy(((images - mean) / deviation).astype(np.float32)).to(device).split(1)
        said = torch.stack([strategy.predict(network, one, generator).image[None].cpu() for one in y])
        return said.numpy() * np.float32(deviation) + np.float32(mean)

    # The learning rate rises and falls, where the script has 1e-3 throughout: ours are far fewer steps.
    plan = Plan(steps, 0.0, batch, crop, 2e-3, 0.0, 20, True, 0.98, augment, 0.0)
    watch = look and (max(steps // POINTS, 1), lambda now: look(lambda images: plain(images, now)))
    history = fit(network, strategy, normal.to(device), plan, seed=seed, progress=False, watch=watch)
    curve = [[point[0], *point[2:]] for point in history.watched]
    weights = sum(p.numel() for p in network.parameters())
    return Trained(each if method == "noise2self" else plain, history.seconds[-1], curve, weights)


def _corners(length: int, side: int) -> list[int]:
    """Where patches begin that cover a length; the last ends with it, over the one before."""
    return [*range(0, length - side, side), max(length - side, 0)]


def _in_patches(network: nn.Module, images: torch.Tensor, side: int) -> torch.Tensor:
    """The network's estimate of images (n, C, H, W), each put together of its patches."""
    whole = torch.empty_like(images)
    for row, column in product(*(_corners(length, side) for length in images.shape[-2:])):
        part = (..., slice(row, row + side), slice(column, column + side))
        whole[part] = network(images[part])[:, : images.shape[1]].to(whole.dtype)
    return whole
