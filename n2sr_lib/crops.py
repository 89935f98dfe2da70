"""What the trainer cuts out of an image: random crops, their augmentation, and the pixels held out."""

import torch
from torch import Tensor

from .orientations import orient

#: The eight flips and quarter turns; or none. The released code turns by up to ±20° as well, which repeats
#: pixels and so breaks the independence that Theorem 1 needs.
AUGMENTATIONS = ("turns", "none")


def held_out_map(shape: tuple[int, ...], fraction: float, seed: int) -> Tensor:
    """Seeded map of the pixels that may be targets: float32, 1 kept, 0 held out. The same for a whole run.

    ``torch.randn`` in float32 makes its numbers of the same stream: of an image whose noise it drew first
    after ``manual_seed(seed)``, the map holds out just the pixels with almost no noise. `add_noise` draws in
    float64, which does not; real noise knows no seed. Another stream would change the bits of every record.
    """
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=generator).ge_(fraction)  # in place: of a set it has a gigabyte


def draw_crops(
    images: Tensor,
    batch: int,
    crop: int,
    multiple: int,
    augment: str,
    generator: torch.Generator,
    kept: Tensor | None = None,
) -> Tensor:
    """Random crops (batch, C, size, size) of ``images`` (N, C, H, W).

    ``size`` is ``crop``, or the image's shorter side where that is less, cut to a multiple of ``multiple``.
    ``augment``: one of `AUGMENTATIONS`. ``kept``: a map (N, 1, H, W) of any type, which is cut at the same
    places and becomes the last channel.
    """

    def draw(n: int) -> int:
        return int(torch.randint(n, (), generator=generator))

    count, _, height, width = images.shape
    size = min(crop, height, width) // multiple * multiple
    out = []
    for _ in range(batch):
        i, top, left = draw(count), draw(height - size + 1), draw(width - size + 1)
        g = draw(8)
        place = (i, slice(None), slice(top, top + size), slice(left, left + size))
        view = images[place] if kept is None else torch.cat((images[place], kept[place].to(images)))
        out.append(orient(view, g) if augment == "turns" else view)
    return torch.stack(out)
