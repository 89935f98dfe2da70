"""Noise2SR: predict the pixels that the sub-sampler left out (Algorithm 1), average many guesses (eq. 9)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from ..aside import keep_aside, originals_aside
from ..orientations import orient, orient_back
from ..subsample import draw_locations, subsample
from . import Prediction


@dataclass(frozen=True)
class Noise2SR:
    """The strategy of the paper.

    Parameters
    ----------
    s : stride of the sub-sampler (section IV-F.1).
    M : number of sub-samplings that are averaged at inference (eq. 9).
    sampling : ``"random"`` or ``"fixed"`` (section IV-E).
    flips : spread the M passes evenly over the eight flips and quarter turns of the image.
    batch : passes that go through the network together; changes memory and speed only.
    aside : for noise correlated along rows or columns: pixels so near to a sampled one are neither targets
        nor out of bag. At s = 2 and 1 pixel, 14 % of the pixels remain targets.
    """

    s: int = 2
    M: int = 50
    sampling: str = "random"
    flips: bool = False
    batch: int = 1
    aside: int = 0

    @property
    def multiple(self) -> int:
        return self.s

    def loss(
        self, network: nn.Module, y: Tensor, kept: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Mean squared error on the unsampled pixels (eq. 7, steps 2 to 5 of Algorithm 1)."""
        batch, _, height, width = y.shape
        shape = (batch, height // self.s, width // self.s)
        locations = draw_locations(shape, self.s, generator, self.sampling)
        y_sub, mask = subsample(y, locations, self.s)
        mask = keep_aside(mask, self.aside)
        squared = (network(y_sub).float() - y) ** 2
        target, held = mask * kept, mask * (1 - kept)
        with torch.no_grad():
            held_out = (squared.detach() * held).sum() / held.sum()
        return (squared * target).sum() / target.sum(), held_out

    @torch.no_grad()
    def predict(self, network: nn.Module, y: Tensor, generator: torch.Generator) -> Prediction:
        """Mean, spread and out-of-bag mean over M sub-samplings of one image (eq. 9).

        Sides that s does not divide are padded by reflection, and the result is cut back.
        """
        height, width = y.shape[-2:]
        y = pad(y, (0, -width % self.s, 0, -height % self.s), mode="reflect")
        total, squares, unseen, count = (y.new_zeros(height, width) for _ in range(4))
        for g in range(8 if self.flips else 1):
            view = orient(y, g)
            passes = len(range(g, self.M, 8)) if self.flips else self.M
            for done in range(0, passes, self.batch):
                n = min(self.batch, passes - done)
                # One draw per pass, so that the batch size does not change the sub-samplings.
                shape = (1, view.shape[-2] // self.s, view.shape[-1] // self.s)
                locations = torch.cat(
                    [draw_locations(shape, self.s, generator, self.sampling) for _ in range(n)]
                )
                y_sub, mask = subsample(view.expand(n, -1, -1, -1), locations, self.s)
                x_hat = orient_back(network(y_sub).float()[:, 0], g)[:, :height, :width]
                mask = orient_back(keep_aside(mask, self.aside)[:, 0], g)
                mask = originals_aside(mask, height, width)
                total += x_hat.sum(0)
                squares += (x_hat**2).sum(0)
                unseen += (x_hat * mask).sum(0)
                count += mask.sum(0)
        mean = total / self.M
        variance = (squares / self.M - mean**2).clamp(min=0) * (self.M / max(self.M - 1, 1))
        return Prediction(mean, variance.sqrt(), unseen / count)
