"""FBI-Denoiser: a pixelwise affine map from a blind-spot network (Byun, Cha and Moon, CVPR 2021)."""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import InputError
from ..noise_estimate import estimate_noise
from ..vst import gat, inverse_gat
from . import Prediction


@dataclass(frozen=True)
class FBI:
    """Unbiased risk of an affine estimate in the stabilised domain.

    The generalised Anscombe transform f of the image is brought to mean 0 and deviation 1; noise of deviation
    τ is left in it. A blind-spot network maps it, (B, 1, H, W), to two maps (B, 2, H, W) of which neither
    depends on the pixel itself: the logit of the slope α = 0.1 sigmoid(·), and the intercept β. The estimate
    is α Z + β. Since it uses Z, it is not J-invariant.

    The authors bring f to [0, 1] instead, by its minimum and maximum. These grow with the image,
    so that a crop and the whole would differ in τ; and a weak contrast is then lost beside the offset of
    1/2: after 300 steps the small network had 13.1 instead of 23.3 dB, on an image of our own.

    Parameters
    ----------
    a, b : noise parameters (eq. 11) in the units of the images that the strategy is given; None: `denoise`
        estimates them from the image by `noise_estimate.estimate_noise`. The authors do it by PGE-Net
        (`strategies.pge`).
    offset : intensity at which counting noise vanishes, as in `NoiseEstimate`.
    model : law of the noise for the exact unbiased inverse; see `vst.inverse_gat`.
    noise : deviation of the noise in f. About 1, but the risk is touchy: where it is 4 % more, a slope of
        0.08 is the best by that risk, and lets the noise through. `denoise` measures it (`calibrated`).
    """

    a: float | None = None
    b: float | None = None
    offset: float = 0.0
    model: str = "poisson"
    noise: float = 1.0
    multiple = 1

    def normalised(self, mean: float, deviation: float) -> "FBI":
        """The strategy for images (y − mean) / deviation, where this one is for y."""
        offset = (self.offset - mean) / deviation
        return replace(self, a=self.a / deviation, b=self.b / deviation, offset=offset)

    def calibrated(self, y: np.ndarray) -> "FBI":
        """The strategy with the deviation `noise` that f has on the whole image y (H, W).

        What PGE-Net aims at, a deviation of 1, holds neither for estimated a and b nor, with the true ones,
        for the Gaussian noise of the paper's tables (1.04 at a = 0.05). InputError where a is 0.
        """
        if not self.a > 0:
            raise InputError("the noise does not grow with the intensity, as FBI needs; take another method")
        f = gat(torch.from_numpy(y) - self.offset, self.a, self.b)
        return replace(self, noise=math.sqrt(estimate_noise(f.numpy()).variance))

    def _stabilised(self, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Z, and mean and deviation of the transform f, each (B, 1, 1, 1): f = mean + deviation Z."""
        f = gat(y - self.offset, self.a, self.b)
        deviation, mean = torch.std_mean(f, (1, 2, 3), keepdim=True)
        return (f - mean) / deviation, mean, deviation

    def loss(
        self, network: nn.Module, y: Tensor, kept: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Mean of (Z − αZ − β)² + 2ατ² − τ² over the kept pixels: unbiased for the error against the truth.

        In units of τ², so that 1 is the error of the noisy image itself; a constant factor that Adam ignores.
        The held-out loss is the same mean over the others, which remain inputs for their neighbours. Nothing
        is drawn from `generator`.
        """
        z, _, deviation = self._stabilised(y)
        slope, intercept = _affine(network, z)
        tau = self.noise / deviation
        risk = ((z - slope * z - intercept) / tau) ** 2 + 2 * slope - 1
        with torch.no_grad():
            held_out = (risk.detach() * (1 - kept)).sum() / (1 - kept).sum()
        return (risk * kept).sum() / kept.sum(), held_out

    @torch.no_grad()
    def predict(self, network: nn.Module, y: Tensor, generator: torch.Generator) -> Prediction:
        """One pass over the image (1, 1, H, W), and the exact unbiased inverse of the transform."""
        z, mean, deviation = self._stabilised(y)
        slope, intercept = _affine(network, z)
        d = mean + deviation * (slope * z + intercept)
        x_hat = (inverse_gat(d, self.a, self.b, self.model) + self.offset)[0, 0]
        return Prediction(x_hat, torch.zeros_like(x_hat))


def _affine(network: nn.Module, z: Tensor) -> tuple[Tensor, Tensor]:
    """Slope and intercept, each (B, 1, H, W); the slope's bound is that of the released code."""
    logit, intercept = network(z).float().split(1, 1)
    return 0.1 * torch.sigmoid(logit), intercept
