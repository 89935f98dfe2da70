"""The networks of Noise2Atom: a generator from one domain of images to another, and a critic of images.

Small relatives of those of Wang et al. (2020), without their normalisation, whose statistics change with the
size of the image, and with zero padding instead of transposed convolutions that grow the image first.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, leaky_relu, pad

from .initialise import he_normal

SLOPE = 0.2  # of the leaky ReLUs


class LowPass(nn.Module):
    """Gaussian blur of deviation `width` (pixels) with replicated borders: (B, 1, h, w) to the same."""

    def __init__(self, width: float):
        super().__init__()
        self.reach = math.ceil(4 * width)
        t = torch.arange(-self.reach, self.reach + 1, dtype=torch.float64) / width
        kernel = torch.exp(-t * t / 2)
        self.register_buffer("kernel", (kernel / kernel.sum()).float()[None, None, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        x = pad(x, (self.reach,) * 4, mode="replicate")
        return conv2d(conv2d(x, self.kernel), self.kernel.mT)


class _Convolutions(nn.Module):
    """Two convolutions with leaky ReLUs; with `residual` their input is added."""

    def __init__(self, c_in: int, c_out: int, residual: bool = False):
        super().__init__()
        self.one, self.two = (nn.Conv2d(c, c_out, 3, padding=1) for c in (c_in, c_out))
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        z = leaky_relu(self.two(leaky_relu(self.one(x), SLOPE)), SLOPE)
        return x + z if self.residual else z


class Generator(nn.Module):
    """From one domain to the other, (B, 1, h, w) to the same shape, any size.

    An encoder, residual blocks at the lowest level and a decoder whose skips are added. The output is added
    to the low-pass of the input on the scale of the other domain, so that the training begins with a blurred
    image of the right contrast: atoms and the gaps between them are lattices alike, and a pair of generators
    could else agree on drawing the one for the other.

    Parameters
    ----------
    widths : channels per level from the finest; one halving of the size between two levels.
    blocks : residual blocks at the lowest level.
    blur : deviation of the low-pass, pixels.
    line : slope and offset from the values of one domain to those of the other.
    """

    def __init__(self, widths: tuple[int, ...], blocks: int, blur: float, line: tuple[float, float]):
        super().__init__()
        self.low_pass, self.line, self.levels = LowPass(blur), line, len(widths) - 1
        self.down = nn.ModuleList()
        for k, width in enumerate(widths):
            first = nn.Conv2d(widths[k - 1], width, 4, 2, 1) if k else nn.Identity()
            self.down.append(nn.Sequential(first, _Convolutions(width if k else 1, width)))
        self.bottom = nn.Sequential(*(_Convolutions(widths[-1], widths[-1], True) for _ in range(blocks)))
        self.up, self.merge = nn.ModuleList(), nn.ModuleList()
        for below, width in zip(widths[:0:-1], widths[-2::-1], strict=True):
            enlarge = nn.Upsample(scale_factor=2, mode="bilinear")  # leaves no chequerboard
            self.up.append(nn.Sequential(nn.Conv2d(below, width, 1), enlarge))
            self.merge.append(_Convolutions(width, width))
        self.last = nn.Conv2d(widths[0], 1, 3, padding=1)
        he_normal(self)
        with torch.no_grad():
            self.last.weight.mul_(0.01)

    def forward(self, x: Tensor) -> Tensor:
        h, w = x.shape[-2:]
        step = 2**self.levels
        slope, offset = self.line
        x = pad(slope * x + offset, (0, -w % step, 0, -h % step), mode="replicate")
        z, skips = x, []
        for block in self.down:
            z = block(z)
            skips.append(z)
        z = self.bottom(skips.pop())
        for up, merge in zip(self.up, self.merge, strict=True):
            z = merge(up(z) + skips.pop())
        return (self.low_pass(x) + self.last(z))[..., :h, :w]


class Critic(nn.Module):
    """How much an image looks like one of the clean domain: (B, 1, h, w) to (B,), any size from 16 pixels.

    The mean of a map of scores, where Wang et al. have a dense layer, which ties it to one size. No dropout,
    since the gradient penalty is about one function, not about a random one. No normalisation, which would
    make the score of an image depend on the others of its batch.
    """

    def __init__(self, widths: tuple[int, ...]):
        super().__init__()
        layers: list[nn.Module] = []
        for c_in, c_out in zip((1, *widths[:-1]), widths, strict=True):
            layers += [nn.Conv2d(c_in, c_out, 4, 2, 1), nn.LeakyReLU(SLOPE)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 1))
        he_normal(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x).mean((1, 2, 3))
