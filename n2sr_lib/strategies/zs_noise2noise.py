"""ZS-Noise2Noise: two diagonals predict each other (Mansour and Heckel, CVPR 2023)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss, pixel_unshuffle

from ..errors import InputError
from . import Prediction


def diagonals(y: Tensor) -> tuple[Tensor, Tensor]:
    """Means of the anti-diagonal and of the main diagonal of each 2×2 block: two tensors (B, 1, H/2, W/2).

    `y` is (B, 1, H, W); the two results share no pixel. InputError if a side is odd.
    """
    height, width = y.shape[-2:]
    if height % 2 or width % 2:
        raise InputError(f"{height}×{width} pixels cannot be cut into 2×2 blocks; pad the image first")
    p = pixel_unshuffle(y, 2)
    return (p[:, 1:2] + p[:, 2:3]) / 2, (p[:, 0:1] + p[:, 3:4]) / 2


@dataclass(frozen=True)
class ZSNoise2Noise:
    """Each diagonal mean is the other's noisy target; a second term ties the two scales together.

    The network (B, 1, H, W) -> the same shape predicts the *noise*; the estimate is y − network(y). The
    authors train `networks.zs_net.ZSNet` on the whole image in every step, without augmentation.
    """

    multiple = 2

    def loss(
        self, network: nn.Module, y: Tensor, kept: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Residual plus consistency loss, each the mean of its two halves; all terms carry gradients.

        A diagonal mean is a target where both its pixels are kept, and held out where one is not (4 % of the
        targets for 2 % of the pixels). In the consistency term y cancels, so it holds no noisy target and
        takes all pixels. The held-out loss is the residual loss alone. Nothing is drawn from `generator`.
        """
        noise = diagonals(network(y).float())
        targets, kept_mean = diagonals(y), diagonals(kept)
        estimates = [d - network(d).float() for d in targets]
        # Both halves one behind the other; each estimate has the other diagonal for its target.
        squared = (torch.cat(estimates) - torch.cat(targets[::-1])) ** 2
        target = (torch.cat(kept_mean[::-1]) == 1).to(y)
        consistency = mse_loss(torch.cat(estimates), torch.cat(targets) - torch.cat(noise))
        with torch.no_grad():
            held_out = (squared.detach() * (1 - target)).sum() / (1 - target).sum()
        return (squared * target).sum() / target.sum() + consistency, held_out

    @torch.no_grad()
    def predict(self, network: nn.Module, y: Tensor, generator: torch.Generator) -> Prediction:
        """One pass over the image (1, 1, H, W): y − network(y)."""
        x_hat = (y - network(y).float())[0, 0]
        return Prediction(x_hat, torch.zeros_like(x_hat))
