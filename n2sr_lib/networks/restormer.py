"""Restormer (Zamir et al., CVPR 2022) as an encoder: the best row of Table III."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, pad


def _pointwise(c_in: int, c_out: int) -> nn.Conv2d:
    return nn.Conv2d(c_in, c_out, 1, bias=False)


def _conv(c_in: int, c_out: int, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(c_in, c_out, 3, padding=1, groups=groups, bias=False)


class _Norm(nn.Module):
    """Divide every pixel by the deviation over its channels; the mean stays (the form without bias).

    On a CPU two means over the last axis take half as long as PyTorch's variance, its gradient included.
    """

    def __init__(self, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = x.permute(0, 2, 3, 1)  # (B, H, W, C), a view if x is in channels-last
        variance = (x - x.mean(-1, keepdim=True)).square().mean(-1, keepdim=True)
        return (x * (self.weight.flatten().to(x) * (variance + 1e-5).rsqrt())).permute(0, 3, 1, 2)


class _ChannelAttention(nn.Module):
    """Attention between channels instead of pixels: its cost grows linearly with the image."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.qkv = nn.Sequential(_pointwise(width, 3 * width), _conv(3 * width, 3 * width, 3 * width))
        self.out = _pointwise(width, width)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).flatten(2).unflatten(1, (3, len(self.temperature), -1)).unbind(1)
        # Rows of unit length, for which it is enough to scale the small matrix of their products.
        q_norm, k_norm = (t.norm(dim=-1, keepdim=True).clamp(min=1e-12) for t in (q, k))
        cosine = (q @ k.transpose(-1, -2)) / (q_norm * k_norm.transpose(-1, -2))
        return self.out(((cosine * self.temperature).softmax(-1) @ v).flatten(1, 2).view_as(x))


class _FeedForward(nn.Module):
    """Two depthwise branches of which one is the gate of the other."""

    def __init__(self, width: int, expansion: float):
        super().__init__()
        hidden = int(width * expansion)
        self.widen = nn.Sequential(_pointwise(width, 2 * hidden), _conv(2 * hidden, 2 * hidden, 2 * hidden))
        self.narrow = _pointwise(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.widen(x).permute(0, 2, 3, 1).chunk(2, -1)
        # Of every other part of a channels-last map GELU would take one value at a time.
        return self.narrow((gelu(gate.contiguous()) * value).permute(0, 3, 1, 2))


class _Block(nn.Module):
    def __init__(self, width: int, heads: int, expansion: float):
        super().__init__()
        self.attention = nn.Sequential(_Norm(width), _ChannelAttention(width, heads))
        self.feed = nn.Sequential(_Norm(width), _FeedForward(width, expansion))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(x)
        return x + self.feed(x)


class Restormer(nn.Module):
    """U-shaped transformer with attention between channels.

    Written from the paper, without its output convolution and without adding the input to the output.

    Parameters
    ----------
    width : channels of the first level; a level has twice those of the one above, and as many more heads.
    blocks : blocks per level, from the finest to the bottom; as many in the expanding path.
    refinement : blocks after the expanding path.
    expansion : channels of the feed-forward layer for one of its input.

    The defaults are the paper's. Input (B, in_channels, h, w), output (B, 2·width, h, w): ``features`` is
    2·width, since the finest level of the expanding path keeps what it concatenates. Any h, w: the input is
    padded by repetition of its border to the next multiple of 2**(len(blocks) − 1), and the output is cut
    back.
    """

    def __init__(
        self,
        width: int = 48,
        blocks: Sequence[int] = (4, 6, 6, 8),
        refinement: int = 4,
        expansion: float = 2.66,
        in_channels: int = 1,
    ):
        super().__init__()
        self.features = 2 * width

        def level(channels: int, i: int, number: int) -> nn.Sequential:
            return nn.Sequential(*(_Block(channels, 2**i, expansion) for _ in range(number)))

        self.first = _conv(in_channels, width)
        self.contract, self.down = nn.ModuleList(), nn.ModuleList()
        self.up, self.reduce, self.expand = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        bottom = len(blocks) - 1
        for i, number in enumerate(blocks[:-1]):
            c = width * 2**i
            self.contract.append(level(c, i, number))
            self.down.append(nn.Sequential(_conv(c, c // 2), nn.PixelUnshuffle(2)))
        self.bottom = level(width * 2**bottom, bottom, blocks[-1])
        for i, number in reversed(list(enumerate(blocks[:-1]))):
            c = width * 2**i
            self.up.append(nn.Sequential(_conv(2 * c, 4 * c), nn.PixelShuffle(2)))
            self.reduce.append(_pointwise(2 * c, c) if i else nn.Identity())
            self.expand.append(level(c if i else 2 * c, i, number))
        self.refine = level(2 * width, 0, refinement)

    def forward(self, x: Tensor) -> Tensor:
        h, w = x.shape[-2:]
        step = 2 ** len(self.down)
        x = self.first(pad(x, (0, -w % step, 0, -h % step), mode="replicate"))
        skips = []
        for blocks, down in zip(self.contract, self.down, strict=True):
            skips.append(blocks(x))
            x = down(skips[-1])
        x = self.bottom(x)
        for up, reduce, blocks in zip(self.up, self.reduce, self.expand, strict=True):
            x = blocks(reduce(torch.cat((up(x), skips.pop()), 1)))
        return self.refine(x)[..., :h, :w]
