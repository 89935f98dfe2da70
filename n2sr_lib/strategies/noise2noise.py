"""Noise2Noise (Lehtinen et al., ICML 2018): one noisy image of a scene is the target of another."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .supervised import Supervised, masked_loss


@dataclass(frozen=True)
class Noise2Noise(Supervised):
    """Compare the estimate from y₁ with y₂, another noisy image of the same x.

    The noise of y₂ has mean 0 and does not depend on y₁: the best estimate is the one for clean targets, and
    the loss is larger by the variance of the noise.

    Parameters
    ----------
    a, b, offset : as for `Supervised`, whose prediction it shares.
    fresh : draw both noisy images anew in every step, from clean crops (B, 1, H, W): as many pairs as there
        are steps, which no microscope gives. Otherwise the strategy is given the same pair every time, as
        two channels (B, 2, H, W): two exposures of each scene. Either may be the target.
    """

    fresh: bool = True

    @property
    def takes(self) -> str:
        return "clean" if self.fresh else "pair"

    def loss(
        self, network: nn.Module, x: Tensor, kept: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Mean of (f(y₁) − y₂)² over the kept pixels; ``x`` is the pair where it is not drawn here."""
        if self.fresh:
            first, second = (self.noisy(x, generator) for _ in range(2))
        else:
            turn = torch.rand(len(x), 1, 1, 1, generator=generator).to(x.device) < 0.5
            y, z = x.split(1, 1)
            first, second = torch.where(turn, y, z), torch.where(turn, z, y)
        return masked_loss((network(first).float() - second) ** 2, kept)
