"""Self2Self: drop pixels, predict them, average many stochastic guesses (Quan et al., CVPR 2020)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..orientations import orient, orient_back
from . import Prediction

FLIPS = (0, 2, 4, 6)  # of the eight orientations: none, both, left-right, up-down


@dataclass(frozen=True)
class Self2Self:
    """Bernoulli samplings of one image, and dropout that stays on.

    The network maps (B, 2, H, W), the image with its dropped pixels set to 0 and the mask of the others, to
    (B, 1, H, W): see `networks.self2self_net.Self2SelfNet`. Its dropout is seeded from `generator`.

    Parameters
    ----------
    keep : probability that a pixel is fed to the network.
    M : stochastic passes that are averaged at inference.
    """

    keep: float = 0.7
    M: int = 100
    multiple = 1

    def _pass(self, network: nn.Module, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """One stochastic pass: the output and the mask (1 where a pixel was dropped)."""
        mask = (torch.rand(y.shape, generator=generator) < self.keep).to(y)
        seed = int(torch.randint(2**62, (), generator=generator))
        with torch.random.fork_rng(devices=[y.device] if y.device.type == "cuda" else []):
            torch.manual_seed(seed)
            out = network(torch.cat((y * mask, mask), 1))
        return out.float(), 1 - mask

    def loss(
        self, network: nn.Module, y: Tensor, kept: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Mean squared error on the dropped pixels that are kept as targets.

        The held-out loss is the same on the dropped pixels that are held out; those are inputs in other
        draws, as in Noise2SR. The flips of the authors are left to the trainer's augmentation.
        """
        out, dropped = self._pass(network, y, generator)
        squared = (out - y) ** 2
        target, held = dropped * kept, dropped * (1 - kept)
        with torch.no_grad():
            held_out = (squared.detach() * held).sum() / held.sum()
        return (squared * target).sum() / target.sum(), held_out

    @torch.no_grad()
    def predict(self, network: nn.Module, y: Tensor, generator: torch.Generator) -> Prediction:
        """Mean, spread and out-of-bag mean over M passes, each with its own flip, mask and dropout."""
        total, squares, unseen, count = (torch.zeros_like(y[0, 0]) for _ in range(4))
        for _ in range(self.M):
            g = FLIPS[int(torch.randint(4, (), generator=generator))]
            out, dropped = self._pass(network, orient(y, g), generator)
            x_hat, dropped = (orient_back(t[0, 0], g) for t in (out, dropped))
            total += x_hat
            squares += x_hat**2
            unseen += x_hat * dropped
            count += dropped
        mean = total / self.M
        variance = (squares / self.M - mean**2).clamp(min=0) * (self.M / max(self.M - 1, 1))
        return Prediction(mean, variance.sqrt(), unseen / count)
