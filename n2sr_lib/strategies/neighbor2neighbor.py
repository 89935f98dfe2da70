"""Neighbor2Neighbor: one neighbour predicts the other (Huang et al., CVPR 2021)."""

from dataclasses import dataclass, replace
from itertools import product

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..subsample import subsample
from . import Prediction


def draw_neighbours(shape: tuple[int, int, int], generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Choose an ordered pair of adjacent pixels in every 2×2 cell, all eight pairs equally often.

    Parameters
    ----------
    shape : (B, h, w), the number of images and of cells in each direction.

    Returns
    -------
    first, second : Tensor (B, h, w), int64, row-major places in [0, 4), as `subsample.subsample` takes them.
        They share a row or a column, never a diagonal.
    """
    first = torch.randint(4, shape, generator=generator)
    # The bits of a place are its row and its column: flip one of them.
    return first, first ^ (1 << torch.randint(2, shape, generator=generator))


@dataclass(frozen=True)
class Neighbor2Neighbor:
    """Learn one neighbour from the other, and correct for their true difference.

    A network maps (B, 1, H, W) to the same shape. It learns at half the image's size and is used at the full
    size, where a lattice has twice the pixels per period, which the network has never seen.

    Parameters
    ----------
    regularisation : weight of the term that compares the difference between the two neighbours with that in
        the network's own estimate of the whole image (without gradient). The authors let it rise in
        proportion to the epoch, up to 2 for synthetic noise; a strategy knows of no epochs, so it is constant
        here.
    prediction : ``"whole"``, one pass over the image, as published; or ``"parts"``, one pass over each of its
        four parts of every second pixel, which have the size that it learned at. Not in the paper.
    """

    regularisation: float = 2.0
    prediction: str = "whole"
    multiple = 2

    def __post_init__(self) -> None:
        if self.prediction not in ("whole", "parts"):
            raise InputError(f"unknown prediction {self.prediction!r}; choose 'whole' or 'parts'")

    @property
    def also(self) -> dict[str, "Neighbor2Neighbor"]:
        """The other way to predict, scored beside the published one."""
        return {"parts": replace(self, prediction="parts")} if self.prediction == "whole" else {}

    def loss(
        self, network: nn.Module, y: Tensor, kept: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Mean of (f(g₁y) − g₂y)² plus the regulariser, over the cells whose target pixel g₂y is kept.

        The held-out loss is the first of the two terms on the other cells. A held-out pixel may still be an
        input, as in Noise2SR.
        """
        with torch.no_grad():
            whole = network(y).float()
        batch, _, height, width = y.shape
        first, second = draw_neighbours((batch, height // 2, width // 2), generator)

        def g1(image: Tensor) -> Tensor:
            return subsample(image, first, 2)[0]

        def g2(image: Tensor) -> Tensor:
            return subsample(image, second, 2)[0]

        difference = network(g1(y)).float() - g2(y)
        gap = g1(whole) - g2(whole)
        target = g2(kept)
        cost = difference**2 + self.regularisation * (difference - gap) ** 2
        with torch.no_grad():
            held_out = (difference.detach() ** 2 * (1 - target)).sum() / (1 - target).sum()
        return (cost * target).sum() / target.sum(), held_out

    @torch.no_grad()
    def predict(self, network: nn.Module, y: Tensor, generator: torch.Generator) -> Prediction:
        """Of the image (1, 1, H, W), in one pass or part by part."""
        if self.prediction == "whole":
            x_hat = network(y).float()
        else:
            x_hat = torch.empty_like(y)
            for i, j in product(range(2), repeat=2):
                x_hat[..., i::2, j::2] = network(y[..., i::2, j::2]).float()
        return Prediction(x_hat[0, 0], torch.zeros_like(x_hat[0, 0]))
