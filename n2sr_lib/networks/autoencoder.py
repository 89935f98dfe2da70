"""The compressive autoencoder of "Self-supervised denoising for massive noisy images" (Wang et al. 2021).

No connection leads around the bottleneck: what the output knows of the input are the numbers in it.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

from ..errors import InputError


def _block(layer: nn.Module, channels: int) -> nn.Sequential:
    """A convolution, the normalisation over height, width and channels of the released script, LeakyReLU."""
    return nn.Sequential(layer, nn.GroupNorm(1, channels), nn.LeakyReLU(0.2))


class SideBySide(nn.Module):
    """Convolutions of several kernel sizes on the same input, their channels put together."""

    def __init__(self, channels: int, kernels: Sequence[int]):
        super().__init__()
        each = [channels // len(kernels)] * len(kernels)
        each[0] += channels - sum(each)
        self.convs = nn.ModuleList(
            nn.Conv2d(channels, n, k, padding=k // 2) for n, k in zip(each, kernels, strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([conv(x) for conv in self.convs], 1)


class Residual(nn.Module):
    """Two 3×3 convolutions added to their input: behind the bottleneck, never across it."""

    def __init__(self, c: int):
        super().__init__()
        convs = [nn.Conv2d(c, c, 3, padding=1) for _ in range(2)]
        self.change = nn.Sequential(_block(convs[0], c), convs[1])

    def forward(self, z: Tensor) -> Tensor:
        return z + self.change(z)


class Autoencoder(nn.Module):
    """Halves the image `len(widths) - 1` times, keeps `channels` numbers a place, and draws it anew.

    The extra outputs (multi-resolution, MCNN) leave the decoder at 1/2, 1/4 and 1/8 of the size. The defaults
    have the channels of the released script; it has two convolutions where this has one, and larger kernels
    (9, 7, 5) before the outputs. The outputs are linear: behind the script's sigmoid no negative value could
    ever be met.

    Parameters
    ----------
    widths : channels per level from the full size. Six levels make 16×16 places of 512×512 pixels.
    channels : of the bottleneck: the strength of the denoising, the fewer the stronger.
    inner, blocks : channels and number of the residual blocks behind the bottleneck.
    kernels : of a further layer at every level, side by side; none where it is empty.
    outputs : number of scales, the full one first: 4 in the paper, 1 for an autoencoder without the others.
    colours : channels of the image.

    Input (B, colours, H, W) of any H, W: the border is repeated up to a multiple of 2**(len(widths) - 1), and
    the output cut back. Output (B, outputs · colours, H, W): the scale 1/2^k has every pixel 2^k × 2^k times,
    so that one tensor holds all of them.
    """

    def __init__(
        self,
        widths: Sequence[int] = (8, 16, 32, 64, 64, 64),
        channels: int = 64,
        inner: int = 128,
        blocks: int = 16,
        kernels: Sequence[int] = (3, 5),
        outputs: int = 4,
        colours: int = 1,
    ):
        super().__init__()
        if not 1 <= outputs < len(widths):
            raise InputError(
                f"{outputs} outputs and {len(widths)} levels; choose 1 to {len(widths) - 1} outputs"
            )
        self.step = 2 ** (len(widths) - 1)

        def refined(c: int) -> list[nn.Module]:
            return [_block(SideBySide(c, kernels), c)] if kernels else []

        # As in the script, the first layer is not normalised: there the intensities are still themselves.
        encoder: list[nn.Module] = [nn.Conv2d(colours, widths[0], 3, padding=1), nn.LeakyReLU(0.2)]
        for c_in, c in pairwise(widths):
            encoder += [_block(nn.Conv2d(c_in, c, 4, stride=2, padding=1), c), *refined(c)]
        self.encoder = nn.Sequential(*encoder, nn.Conv2d(widths[-1], channels, 1))
        residual = [Residual(inner) for _ in range(blocks)]
        self.bottom = nn.Sequential(_block(nn.Conv2d(channels, inner, 3, padding=1), inner), *residual)
        c_in, up = inner, []
        for c in reversed(widths[:-1]):
            up.append(
                nn.Sequential(_block(nn.ConvTranspose2d(c_in, c, 4, stride=2, padding=1), c), *refined(c))
            )
            c_in = c
        self.up = nn.ModuleList(up)
        self.heads = nn.ModuleList(nn.Conv2d(c, colours, 3, padding=1) for c in widths[:outputs])

    def code(self, y: Tensor) -> Tensor:
        """The bottleneck (B, channels, ⌈H/step⌉, ⌈W/step⌉) of images (B, colours, H, W)."""
        h, w = y.shape[-2:]
        return self.encoder(pad(y, (0, -w % self.step, 0, -h % self.step), mode="replicate"))

    def draw(self, code: Tensor) -> Tensor:
        """All outputs from a bottleneck: (B, outputs · colours, step · h, step · w)."""
        z, images = self.bottom(code), []
        for k, block in zip(reversed(range(len(self.up))), self.up, strict=True):
            z = block(z)
            if k < len(self.heads):
                images.insert(0, interpolate(self.heads[k](z), scale_factor=2**k, mode="nearest"))
        return torch.cat(images, 1)

    def forward(self, y: Tensor) -> Tensor:
        return self.draw(self.code(y))[..., : y.shape[-2], : y.shape[-1]]
