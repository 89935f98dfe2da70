"""What the trainer cuts out of an image: random crops, their augmentation, and the pixels held out."""

import math

import torch
from torch import Tensor

from .orientations import orient


def held_out_map(shape: tuple[int, ...], fraction: float, seed: int) -> Tensor:
    """Seeded map of the pixels that may be targets: float32, 1 kept, 0 held out. The same for a whole run."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(shape, generator=generator) >= fraction).float()


def _turned_crop(image: Tensor, degrees: float, top: int, left: int, size: int) -> Tensor:
    """Crop of the image turned about its centre by nearest neighbour: the released augmentation.

    It repeats pixels, which breaks the independence that Theorem 1 needs. Outside the image the fill is 0,
    the mean of a normalised image, where the released code has black.
    """
    height, width = image.shape[-2:]
    t = math.radians(degrees)
    rows = torch.arange(top, top + size)[:, None] - (height - 1) / 2
    columns = torch.arange(left, left + size)[None] - (width - 1) / 2
    i = (math.cos(t) * rows - math.sin(t) * columns + (height - 1) / 2).round().long()
    j = (math.sin(t) * rows + math.cos(t) * columns + (width - 1) / 2).round().long()
    inside = (i >= 0) & (i < height) & (j >= 0) & (j < width)
    crop = image[:, i.clamp(0, height - 1), j.clamp(0, width - 1)]
    return crop * inside.to(crop)


def draw_crops(
    images: Tensor, batch: int, crop: int, multiple: int, augment: str, generator: torch.Generator
) -> Tensor:
    """Random crops (batch, C, size, size) of ``images`` (N, C, H, W).

    ``size`` is ``crop``, or the image's shorter side where that is less, cut to a multiple of ``multiple``.
    ``augment``: ``"turns"``, the eight flips and quarter turns; ``"released"``, flips and up to ±20°, as the
    released code; ``"none"``.
    """

    def draw(n: int) -> int:
        return int(torch.randint(n, (), generator=generator))

    count, _, height, width = images.shape
    size = min(crop, height, width) // multiple * multiple
    out = []
    for _ in range(batch):
        i, top, left = draw(count), draw(height - size + 1), draw(width - size + 1)
        g = draw(8)
        if augment == "released":
            degrees = float(torch.rand((), generator=generator)) * 40 - 20
            view = _turned_crop(images[i], degrees, top, left, size)
            view = view.flip([d for d, on in ((-1, g & 1), (-2, g & 2)) if on])
        else:
            view = images[i, :, top : top + size, left : left + size]
            if augment == "turns":
                view = orient(view, g)
        out.append(view)
    return torch.stack(out)
