"""The eight flips and quarter turns of an image: they move pixels without mixing them."""

import torch
from torch import Tensor


def orient(y: Tensor, g: int) -> Tensor:
    """The g-th (0 to 7) of the eight flips and quarter turns of the last two axes."""
    return torch.rot90(y.flip(-1) if g >= 4 else y, g % 4, (-2, -1))


def orient_back(y: Tensor, g: int) -> Tensor:
    """Undo `orient`."""
    y = torch.rot90(y, -(g % 4), (-2, -1))
    return y.flip(-1) if g >= 4 else y
