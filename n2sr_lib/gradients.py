"""Gradients of unusual length, one of which can undo a training."""

import torch
from torch import Tensor

LONGEST = 5.0  # gradient over the usual one; below 4 in the ordinary trainings that were looked at


@torch.no_grad()
def shorten(gradients: list[Tensor], usual: Tensor | None) -> Tensor:
    """Give a gradient of more than `LONGEST` times the usual length the usual one, in place.

    Ordinary trainings that were looked at have none. Where there is much noise one can undo a training: the
    weights jump, and the optimiser, which remembers it for a thousand steps, hardly moves again.

    Parameters
    ----------
    gradients : of all weights.
    usual : what the last call returned, None at first: a mean over the lengths of some ten steps.
    """
    length = torch.nn.utils.get_total_norm(gradients)
    if usual is None:
        return length
    allowed = torch.where(length > LONGEST * usual, usual, length)
    torch._foreach_mul_(gradients, allowed / length.clamp(min=torch.finfo(length.dtype).tiny))
    return torch.lerp(usual, allowed, 0.1)
