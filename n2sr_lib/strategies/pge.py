"""PGE: noise parameters that give noise of deviation 1 after the transform (Byun et al., CVPR 2021)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import unfold

from ..vst import gat

PATCH, STRIDE = 8, 3  # pixels


def patch_noise(y: Tensor) -> Tensor:
    """Deviation of white noise in each image, from the covariance of its patches (Chen et al., ICCV 2015).

    Clean patches span few dimensions, so that most eigenvalues are the noise variance: the largest group of
    smallest eigenvalues that has as many members above its mean as below. Shape (B, 1, H, W) -> (B,),
    differentiable. Each image needs far more than the 64 patches that span the space.
    """
    patches = unfold(y, PATCH, stride=STRIDE).double()
    centred = patches - patches.mean(2, keepdim=True)
    eigenvalues = torch.linalg.eigvalsh(centred @ centred.mT / patches.shape[2])  # ascending
    # Row n: the n + 1 smallest eigenvalues against their mean.
    count = torch.arange(1, PATCH**2 + 1, device=y.device)
    means = eigenvalues.cumsum(1) / count
    above = eigenvalues[:, None] - means[:, :, None].detach()
    balance = (above.sign() * (count[None, :] <= count[:, None])).sum(2)
    # The largest group; that of one is always balanced.
    chosen = ((balance == 0) * count).argmax(1, keepdim=True)
    return means.gather(1, chosen)[:, 0].clamp(min=0).sqrt().to(y.dtype)


@dataclass(frozen=True)
class PGE:
    """Trains `networks.pge_net.PGENet` to give a and b of eq. 11; needs no clean image.

    For images in their own units, *not* with their mean taken off: y = 0 must mean no signal. One scalar is
    asked for and two are given: images of a narrow range of intensity fix the variance a x + b² there, but
    not a and b apart. `noise_estimate.estimate_noise` solves the same task without a network.
    """

    multiple = 1

    def loss(
        self, network: nn.Module, y: Tensor, kept: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Mean over the crops of (η − 1)², η the patch noise of the transformed crop.

        `kept` has no part in it, since no pixel is a target; the held-out loss is NaN.
        """
        a, b = (t[:, None, None, None] for t in _parameters(network, y))
        loss = ((patch_noise(gat(y, a, b)) - 1) ** 2).mean()
        return loss, torch.full_like(loss, torch.nan).detach()

    @torch.no_grad()
    def estimate(self, network: nn.Module, y: Tensor) -> tuple[float, float]:
        """a and b of one image (1, 1, H, W), for `fbi.FBI`."""
        a, b = _parameters(network, y)
        return float(a), float(b)


def _parameters(network: nn.Module, y: Tensor) -> tuple[Tensor, Tensor]:
    """a and b of each image (B,): the means of the network's two maps; a is kept from vanishing."""
    a, b = network(y).float().mean((2, 3)).unbind(1)
    return a.clamp(min=1e-6), b
