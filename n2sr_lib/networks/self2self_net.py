"""The network of Self2Self (Quan et al., CVPR 2020): partial convolutions down, dropout on the way up."""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, leaky_relu, max_pool2d, pad


def _bordered(x: Tensor) -> Tensor:
    """The border repeated once, in the precision of x: autocast would have 32 bits for it."""
    with torch.autocast(x.device.type, enabled=False):
        return pad(x, (1, 1, 1, 1), mode="replicate")


class _Conv2d(nn.Conv2d):
    """3×3 convolution that repeats the border once."""

    def __init__(self, c_in: int, c_out: int):
        super().__init__(c_in, c_out, 3)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(_bordered(x))


class PartialConv2d(nn.Conv2d):
    """3×3 convolution that ignores masked pixels and makes up for their number.

    The kernel sees x·mask; the result, before the bias, is divided by the fraction of the nine pixels that
    are there (Liu et al., ECCV 2018), and is the bias alone where none is. The border is repeated once, mask
    and all.
    """

    def __init__(self, c_in: int, c_out: int):
        super().__init__(c_in, c_out, 3)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Of x (B, C, h, w) and mask (B, 1, h, w), 1 where a pixel is there: the result and its mask."""
        x, mask = _bordered(x * mask.to(x)), _bordered(mask)
        there = avg_pool2d(mask, 3, stride=1)
        out = nn.functional.conv2d(x, self.weight)
        # In the precision of the convolution: what follows would else be in that of the mask.
        out = out / there.clamp(min=1 / 9).to(out) + self.bias.to(out)[:, None, None]
        return out, (there > 0).to(mask)


def dropout(x: Tensor, rate: float) -> Tensor:
    """Dropout, with four draws from every random number: they were a third of a training step.

    x : Tensor (B, C, h, w). rate : probability that a value becomes 0, to within 2**-17; what is kept grows
    by the inverse of 1 − rate.
    """
    numbers = torch.empty(-(-x.numel() // 4), dtype=torch.int64, device=x.device).random_(-(2**63), None)
    draws = numbers.view(torch.int16)[: x.numel()].view(x.permute(0, 2, 3, 1).shape).permute(0, 3, 1, 2)
    return x * (draws >= round(rate * 2**16) - 2**15).to(x.dtype).div_(1 - rate)


class Self2SelfNet(nn.Module):
    """U-Net with partial convolutions in the contracting path and dropout in the expanding one.

    Dropout stays on in ``eval`` mode, since the estimate is a mean over it. It draws from torch's global
    generator; the strategy seeds that around each call. The last layer is linear, where the authors have a
    sigmoid for intensities in [0, 1]: here images have mean 0 and deviation 1. Without it the starting
    weights matter: each dropout makes the signal larger, and what the first gradients leave in Adam's memory
    of them slows down a thousand steps. So the weights behind a dropout are as much smaller, and the output
    starts near zero: on an image of our own 31.4 instead of 20.5 dB after 300 steps.

    Parameters
    ----------
    width : channels of the contracting path (48 as published); twice as many in the expanding path.
    depth : number of 2×2 poolings (5).
    dropout : rate before each convolution of the expanding path (0.3).

    The two layers before the output have 4/3 and 2/3 of ``width`` channels (64 and 32 as published).

    Input (B, 2, h, w): the image, and the mask of its pixels, 1 where there, 0 where dropped. Output
    (B, 1, h, w). Any h, w: the input is padded by repetition of its border, and the output is cut back.
    988,609 parameters as published.
    """

    def __init__(self, width: int = 48, depth: int = 5, dropout: float = 0.3):
        super().__init__()
        self.depth, self.dropout = depth, dropout
        w = width
        # The first level and the bottom have a convolution more than the others.
        self.first = PartialConv2d(1, w)
        self.down = nn.ModuleList(PartialConv2d(w, w) for _ in range(depth + 1))
        self.up = nn.ModuleList()
        for level in range(depth - 1):
            c_in = 2 * w if level == 0 else 3 * w
            self.up.append(nn.ModuleList((_Conv2d(c_in, 2 * w), _Conv2d(2 * w, 2 * w))))
        c_in, last = (w if depth == 1 else 2 * w) + 1, (4 * w // 3, 2 * w // 3)
        self.last = nn.ModuleList((_Conv2d(c_in, last[0]), _Conv2d(last[0], last[1])))
        self.out = _Conv2d(last[1], 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                behind_dropout = not isinstance(module, PartialConv2d)
                gain = nn.init.calculate_gain("leaky_relu", 0.1) * (1 - dropout * behind_dropout) ** 0.5
                deviation = gain / (9 * module.in_channels) ** 0.5
                nn.init.normal_(module.weight, 0.0, deviation * (0.01 if module is self.out else 1))
                nn.init.zeros_(module.bias)

    def _drop(self, conv: nn.Conv2d, x: Tensor) -> Tensor:
        return conv(dropout(x, self.dropout))

    def forward(self, image_and_mask: Tensor) -> Tensor:
        h, w = image_and_mask.shape[-2:]
        step = 2**self.depth
        x = pad(image_and_mask, (0, -w % step, 0, -h % step), mode="replicate")
        mask = x[:, 1:]
        x = x[:, :1] * mask
        # Strides by which `cat` knows channels-last, which one channel leaves open.
        skips = [x[:, 0].unsqueeze(-1).permute(0, 3, 1, 2)]
        x, mask = self.first(x, mask)
        x = leaky_relu(x, 0.1)
        for level, conv in enumerate(self.down):
            x, mask = conv(x, mask)
            x = leaky_relu(x, 0.1)
            if level < self.depth:
                x, mask = max_pool2d(x, 2), max_pool2d(mask, 2)
                skips.append(x)
        skips.pop()  # the coarsest level is x itself
        for block in (*self.up, self.last):
            x = torch.cat((interpolate(x, scale_factor=2, mode="nearest"), skips.pop().to(x)), 1)
            for conv in block:
                x = leaky_relu(self._drop(conv, x), 0.1)
        return self._drop(self.out, x)[..., :h, :w]
