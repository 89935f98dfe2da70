"""Supervised denoising of simulated images, as SBD (Mohan et al., 2022): the clean image is the target."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ..noise import add_noise
from . import Prediction


def masked_loss(squared: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
    """Mean over the kept pixels, and over the others without gradient."""
    with torch.no_grad():
        held_out = (squared.detach() * (1 - kept)).sum() / (1 - kept).sum()
    return (squared * kept).sum() / kept.sum(), held_out


@dataclass(frozen=True)
class Supervised:
    """Compare the estimate with the clean image; the noise is drawn anew in every step.

    For a set of clean images: what `train.fit` is given is x, not y. The network has the same size:
    (B, 1, H, W) -> (B, 1, H, W).

    Parameters
    ----------
    a, b : noise parameters (eq. 11) in the units of the images that the strategy is given; None: whoever
        trains gives them.
    offset : intensity at which counting noise vanishes, as in `NoiseEstimate`.
    """

    a: float | None = None
    b: float | None = None
    offset: float = 0.0
    multiple = 1
    takes = "clean"

    def normalised(self, mean: float, deviation: float) -> "Supervised":
        """The strategy for images (x − mean) / deviation, where this one is for x."""
        offset = (self.offset - mean) / deviation
        return replace(self, a=self.a / deviation, b=self.b / deviation, offset=offset)

    def noisy(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """A noisy image y of the clean x (eq. 12), drawn on the device of `x`."""
        seed = int(torch.randint(2**62, (), generator=generator))
        here = torch.Generator(x.device).manual_seed(seed)
        intensity = (x - self.offset).clamp(min=0)  # what was 0 before it was normalised may be -1e-7
        return add_noise(intensity, self.a, self.b, here) + self.offset

    def loss(
        self, network: nn.Module, x: Tensor, kept: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Mean of (f(y) − x)² over the kept pixels, with y drawn from `generator`."""
        return masked_loss((network(self.noisy(x, generator)).float() - x) ** 2, kept)

    @torch.no_grad()
    def predict(self, network: nn.Module, y: Tensor, generator: torch.Generator) -> Prediction:
        """One pass over the noisy image (1, 1, H, W)."""
        x_hat = network(y).float()[0, 0]
        return Prediction(x_hat, torch.zeros_like(x_hat))
