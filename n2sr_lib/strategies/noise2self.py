"""Noise2Self (Batson and Royer, ICML 2019): hide a grid of pixels, predict them from the others."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from ..errors import InputError
from . import Prediction


def hidden_pixels(shape: tuple[int, int], period: int, phase: Tensor) -> Tensor:
    """The grid J: every period-th pixel of every period-th row.

    Parameters
    ----------
    shape : (H, W).
    phase : Tensor (B,), int64, values in [0, period²): row-major place of the grid's first pixel.

    Returns
    -------
    Tensor (B, 1, H, W), bool: True where the pixel is hidden.
    """
    rows, columns = (torch.arange(n, device=phase.device) % period for n in shape)
    row, column = phase[:, None] // period == rows, phase[:, None] % period == columns
    return (row[:, :, None] & column[:, None, :])[:, None]


def neighbour_mean(y: Tensor) -> Tensor:
    """Weighted mean of the eight neighbours of every pixel, diagonal ones with half the weight.

    y : Tensor (B, 1, H, W). Beyond the border it is reflected; repeating the border would show a pixel of
    the border to itself.
    """
    p = pad(y, (1, 1, 1, 1), mode="reflect")
    up, middle, down = p[..., :-2, :], p[..., 1:-1, :], p[..., 2:, :]
    edges = (up + down)[..., 1:-1] + middle[..., :-2] + middle[..., 2:]
    corners = (up + down)[..., :-2] + (up + down)[..., 2:]
    return (edges + corners / 2) / 6


@dataclass(frozen=True)
class Noise2Self:
    """The strategy of Noise2Self with a grid of hidden pixels, each replaced by the mean of its neighbours.

    The Noise2SR paper states neither the period nor the way of prediction; the period is that of the released
    code of Noise2Self. The network is one of the same size: (B, 1, H, W) -> (B, 1, H, W).

    Parameters
    ----------
    period : distance of the hidden pixels in both directions, at least 2.
    prediction : ``"invariant"``, period² passes, in which every pixel is taken from the one that did not see
        it; or ``"plain"``, one pass over the image as it is, less noisy than what the network was trained on.
    """

    period: int = 4
    prediction: str = "invariant"

    def __post_init__(self):
        if self.period < 2:
            raise InputError(f"the period is {self.period}; choose 2 or more, since 1 hides every pixel")
        if self.prediction not in ("invariant", "plain"):
            raise InputError(f"unknown prediction {self.prediction!r}; choose 'invariant' or 'plain'")

    @property
    def multiple(self) -> int:
        return 1

    def loss(
        self, network: nn.Module, y: Tensor, kept: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Mean squared error on the hidden pixels; every image of the batch has a grid of its own."""
        phase = torch.randint(self.period**2, (len(y),), generator=generator)
        hidden = hidden_pixels(y.shape[-2:], self.period, phase.to(y.device))
        squared = (network(torch.where(hidden, neighbour_mean(y), y)).float() - y) ** 2
        target, held = hidden * kept, hidden * (1 - kept)
        with torch.no_grad():
            held_out = (squared.detach() * held).sum() / held.sum()
        return (squared * target).sum() / target.sum(), held_out

    @torch.no_grad()
    def predict(self, network: nn.Module, y: Tensor, generator: torch.Generator) -> Prediction:
        """Estimate of one image; nothing is drawn. An invariant estimate is its own out-of-bag mean."""
        spread = torch.zeros_like(y[0, 0])
        if self.prediction == "plain":
            return Prediction(network(y).float()[0, 0], spread)
        image, filled = torch.zeros_like(y), neighbour_mean(y)
        for phase in range(self.period**2):
            hidden = hidden_pixels(y.shape[-2:], self.period, torch.tensor([phase], device=y.device))
            image = torch.where(hidden, network(torch.where(hidden, filled, y)).float(), image)
        return Prediction(image[0, 0], spread, image[0, 0])
