"""Noise2Void (Krull, Buchholz and Jug, CVPR 2019): scattered blind spots, filled from their surroundings."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from . import Prediction


def blind_spots(shape: tuple[int, ...], side: int, generator: torch.Generator) -> Tensor:
    """One random pixel in every square of side × side pixels of images (B, 1, H, W): bool, True there."""
    b, _, h, w = shape
    rows, columns = -(-h // side), -(-w // side)
    place = torch.randint(side**2, (b, 1, rows, columns), generator=generator)
    each = torch.nn.functional.one_hot(place, side**2).view(b, 1, rows, columns, side, side)
    return each.permute(0, 1, 2, 4, 3, 5).reshape(b, 1, rows * side, columns * side)[..., :h, :w].bool()


@dataclass(frozen=True)
class Noise2Void:
    """A blind spot gets the value of a random pixel near it, itself included, and is what is predicted.

    The network is one of the same size: (B, 1, H, W) -> (B, 1, H, W). A plain pass predicts.

    Parameters
    ----------
    side : of the squares that have one blind spot each: 8 makes 1.6 % of the pixels blind, as published.
    reach : pixels to each side from which a value is taken.
    """

    side: int = 8
    reach: int = 2
    multiple = 1

    def loss(
        self, network: nn.Module, y: Tensor, kept: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Mean squared error on the blind spots."""
        spots = blind_spots(tuple(y.shape), self.side, generator).to(y.device)
        at, filled = spots.nonzero(as_tuple=True), y.clone()
        near = list(at)
        for axis in (2, 3):
            last = y.shape[axis] - 1
            moved = torch.randint(-self.reach, self.reach + 1, at[axis].shape, generator=generator)
            near[axis] = last - (last - (at[axis] + moved.to(y.device)).abs()).abs()  # reflected
        filled[at] = y[tuple(near)]
        squared = (network(filled).float() - y) ** 2
        target, held = spots * kept, spots * (1 - kept)
        with torch.no_grad():
            held_out = (squared.detach() * held).sum() / held.sum()
        return (squared * target).sum() / target.sum(), held_out

    @torch.no_grad()
    def predict(self, network: nn.Module, y: Tensor, generator: torch.Generator) -> Prediction:
        """One pass over the image as it is; nothing is drawn."""
        image = network(y).float()[0, 0]
        return Prediction(image, torch.zeros_like(image))
