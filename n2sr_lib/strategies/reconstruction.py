"""Reconstruction of the noisy image itself, at several scales (Wang et al. 2021; MCNN, Wang et al. 2020)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from ..errors import InputError
from . import Prediction

ERRORS = {"absolute": torch.abs, "squared": torch.square}


def pooled(y: Tensor, kept: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Means over blocks of n×n pixels, of those that are kept, and the share of these.

    y, kept : Tensor (B, C, H, W), H and W multiples of n. Both results (B, C, H/n, W/n); where nothing is
    kept the mean is 0, and so is its share.
    """
    share = avg_pool2d(kept, n)
    return avg_pool2d(kept * y, n) / share.clamp(min=0.5 / n**2), share


@dataclass(frozen=True)
class Reconstruction:
    """The noisy image is input and target; only the network's bottleneck keeps the noise out.

    The network gives all scales in one tensor, as `networks.autoencoder.Autoencoder` does. Nothing is masked,
    so the held-out loss, of full-size pixels that are input but never target, is no measure of the error
    against the truth.

    Parameters
    ----------
    error : ``"absolute"``, as in the paper, which leads to the median of the noisy values, or ``"squared"``,
        which leads to their mean. They differ where noise is skewed, as counts are where they are few: the
        median of a pixel that expects 0.6 electrons is 0.
    outputs : number of scales, each with the same weight in the loss.
    """

    error: str = "absolute"
    outputs: int = 4

    def __post_init__(self):
        if self.error not in ERRORS:
            raise InputError(f"unknown error {self.error!r}; choose 'absolute' or 'squared'")

    @property
    def multiple(self) -> int:
        return 2 ** (self.outputs - 1)

    def loss(
        self, network: nn.Module, y: Tensor, kept: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Sum over scales and colours of the mean error against the average-pooled image; nothing drawn."""
        error, loss = ERRORS[self.error], torch.zeros((), device=y.device)
        scales = network(y).float().chunk(self.outputs, 1)
        for k, estimate in enumerate(scales):
            n = 2**k
            target, share = pooled(y, kept, n)
            loss = loss + (error(estimate[..., ::n, ::n] - target) * share).sum() / share.sum()
        with torch.no_grad():
            held_out = (error(scales[0] - y) * (1 - kept)).sum() / (1 - kept).sum()
        return loss, held_out

    @torch.no_grad()
    def predict(self, network: nn.Module, y: Tensor, generator: torch.Generator) -> Prediction:
        """The output of full size, in one pass."""
        image = network(y).float()[0, 0]
        return Prediction(image, torch.zeros_like(image))
