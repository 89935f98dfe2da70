"""The random sub-sampler (section III-C, Fig. 2): one pixel of every s×s block, and the mask of the rest."""

import torch
from torch import Tensor
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from .errors import InputError


def draw_locations(
    shape: tuple[int, int, int], s: int, generator: torch.Generator | None, sampling: str = "random"
) -> Tensor:
    """Choose one of the s² places in every block.

    Parameters
    ----------
    shape : (B, h, w), the number of images and of blocks in each direction.
    s : stride, at least 2.
    generator : source of randomness on the CPU, so that a seed gives the same choice on every device;
        not used for ``"fixed"``.
    sampling : ``"random"``, an independent uniform choice per block, or ``"fixed"``, always the upper left
        pixel (section IV-E).

    Returns
    -------
    Tensor (B, h, w), int64, values in [0, s²): row-major place within the block.
    """
    if s < 2:
        raise InputError(f"the stride s is {s}; choose 2 or more, since s = 1 leaves no pixel to predict")
    if sampling == "random":
        return torch.randint(s * s, shape, generator=generator)
    if sampling == "fixed":
        return torch.zeros(shape, dtype=torch.int64)
    raise InputError(f"unknown sampling {sampling!r}; choose 'random' or 'fixed'")


def subsample(y: Tensor, locations: Tensor, s: int) -> tuple[Tensor, Tensor]:
    """Split y into the sub-sampled image y_Jc and the mask m_J of the pixels that it leaves out.

    Parameters
    ----------
    y : Tensor (B, C, H, W), H and W multiples of s.
    locations : Tensor (B, H/s, W/s) from `draw_locations`; all channels use the same places.
    s : stride.

    Returns
    -------
    y_sub : Tensor (B, C, H/s, W/s), dtype of y.
    mask : Tensor (B, 1, H, W), dtype of y: 0 where the pixel was taken, 1 elsewhere.

    Raises
    ------
    InputError
        If H or W is no multiple of s.
    """
    batch, channels, height, width = y.shape
    if height % s or width % s:
        raise InputError(f"{height}×{width} pixels cannot be cut into {s}×{s} blocks; pad the image first")
    blocks = pixel_unshuffle(y, s).view(batch, channels, s * s, height // s, width // s)
    index = locations.to(y.device)[:, None]
    y_sub = blocks.gather(2, index[:, None].expand(-1, channels, -1, -1, -1)).squeeze(2)
    left_out = blocks.new_ones(batch, s * s, height // s, width // s).scatter_(1, index, 0)
    return y_sub, pixel_shuffle(left_out, s)
