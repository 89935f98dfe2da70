"""The U-Net of the laptop preset: few channels where pixels are many, more of them the deeper it goes."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, pad

from ..errors import InputError

ACTIVATIONS = {"silu": nn.SiLU, "relu": nn.ReLU}
PADDINGS = ("zeros", "reflect")
NORMALISATIONS = ("none", "group")


def _upsample(c_in: int, c_out: int) -> nn.Sequential:
    """Twice the size, bilinearly: a lattice is smooth at this scale, and need not be learnt to be."""
    return nn.Sequential(nn.Conv2d(c_in, c_out, 1), nn.Upsample(scale_factor=2, mode="bilinear"))


class GrowingUNet(nn.Module):
    """U-Net with bilinear upsampling, two convolutions and a width of its own at every level.

    A convolution two levels down costs a sixteenth per channel pair, so that depth, which is what averages
    over many repeats of a lattice, is nearly free; the paper's U-Net has the same width everywhere. The
    starting weights matter (`initialise.he_normal`): with PyTorch's own, half of the deep channels stay dead.

    Parameters
    ----------
    widths : channels per level from the finest; their number is the number of 2×2 poolings. Multiples of 16
        suit the vector units of a CPU.
    features : channels that leave the network.
    activation : ``"silu"`` or ``"relu"``.
    padding : what 3×3 convolutions see beyond the border: ``"zeros"`` or ``"reflect"``.
    normalisation : before each activation: ``"none"``, or ``"group"``, groups of 8 channels (all widths are
        then multiples of 8).

    Input (B, in_channels, h, w), output (B, features, h, w). Any h, w: the input is padded by repetition of
    its border to the next multiple of 2**len(widths), and the output is cut back.
    """

    def __init__(
        self,
        widths: Sequence[int],
        features: int,
        activation: str = "silu",
        padding: str = "zeros",
        normalisation: str = "none",
        in_channels: int = 1,
    ):
        super().__init__()
        for what, name, known in (
            ("activation", activation, ACTIVATIONS),
            ("padding", padding, PADDINGS),
            ("normalisation", normalisation, NORMALISATIONS),
        ):
            if name not in known:
                raise InputError(f"unknown {what} {name!r}; choose one of {', '.join(known)}")

        def convolution(c_in: int, c_out: int) -> nn.Sequential:
            layers = [nn.Conv2d(c_in, c_out, 3, padding=1, padding_mode=padding)]
            if normalisation != "none":
                layers.append(nn.GroupNorm(c_out // 8, c_out))
            return nn.Sequential(*layers, ACTIVATIONS[activation](inplace=True))

        self.features = features
        self.down, self.up, self.merge = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        c = in_channels
        for width in widths:
            self.down.append(nn.Sequential(convolution(c, width), convolution(width, width)))
            c = width
        self.bottom = convolution(c, c)
        for skip, width in zip(reversed(widths), [*reversed(widths[:-1]), features], strict=True):
            self.up.append(_upsample(c, width))
            self.merge.append(nn.Sequential(convolution(width + skip, width), convolution(width, width)))
            c = width

    def forward(self, x: Tensor) -> Tensor:
        h, w = x.shape[-2:]
        step = 2 ** len(self.down)
        x = pad(x, (0, -w % step, 0, -h % step), mode="replicate")
        skips = []
        for block in self.down:
            skips.append(block(x))
            x = max_pool2d(skips[-1], 2)
        x = self.bottom(x)
        for up, merge in zip(self.up, self.merge, strict=True):
            x = merge(torch.cat((up(x), skips.pop()), 1))
        return x[..., :h, :w]
