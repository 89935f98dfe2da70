"""Uformer (Wang et al., CVPR 2022) as an encoder: one of the two transformers of Table III."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def _mirrored(x: Tensor, dim: int, size: int) -> Tensor:
    """Continue an axis to ``size`` by reflecting it as often as needed."""
    last = x.shape[dim] - 1
    index = torch.arange(size, device=x.device) % max(2 * last, 1)
    return x.index_select(dim, last - (last - index).abs())


class _WindowAttention(nn.Module):
    """Self-attention within windows, with a learnt bias for every offset; (B, H, W, C) in and out.

    A side shorter than the window is one window; a longer one must be a multiple of it. With ``shifted`` the
    windows lie half a window further, so that neighbours exchange what they know.
    """

    def __init__(self, width: int, heads: int, window: int, shifted: bool):
        super().__init__()
        self.heads, self.window, self.shift = heads, window, window // 2 * shifted
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.bias = nn.Parameter(torch.zeros(2 * window - 1, 2 * window - 1, heads))

    def forward(self, x: Tensor) -> Tensor:
        batch, *sides, c = x.shape
        h, w = (min(self.window, n) for n in sides)
        dy, dx = (self.shift * (n > self.window) for n in sides)
        rows, columns = (torch.arange(n, device=x.device) for n in sides)
        if dy or dx:
            x = x.roll((-dy, -dx), (1, 2))

        def windows(t: Tensor) -> Tensor:
            """(n, H, W, c) to (n · windows, pixels of a window, c)."""
            t = t.unflatten(2, (-1, w)).unflatten(1, (-1, h)).transpose(2, 3)
            return t.reshape(-1, h * w, t.shape[-1])

        q, k, v = self.qkv(windows(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        y, x_ = rows[:h, None].expand(h, w).flatten(), columns[:w].repeat(h)
        offsets = (y[:, None] - y + self.window - 1, x_[:, None] - x_ + self.window - 1)
        logits = (q * (c // self.heads) ** -0.5) @ k.transpose(-1, -2) + self.bias[offsets].permute(2, 0, 1)
        if dy or dx:
            # What came round from the opposite border is no neighbour.
            side = (rows[:, None] >= sides[0] - dy) + 2 * (columns >= sides[1] - dx)
            side = windows(side[None, ..., None]).squeeze(-1)
            apart = (side[:, :, None] != side[:, None]).repeat(batch, 1, 1)
            logits = logits.masked_fill(apart[:, None], -torch.inf)
        z = self.out((logits.softmax(-1) @ v).transpose(1, 2).flatten(2))
        z = z.view(batch, sides[0] // h, sides[1] // w, h, w, c).transpose(2, 3).reshape(batch, *sides, c)
        return z.roll((dy, dx), (1, 2)) if dy or dx else z


class _Block(nn.Module):
    """Window attention, then a feed-forward layer with a depthwise convolution; (B, C, H, W) in and out."""

    def __init__(self, width: int, heads: int, window: int, shifted: bool, modulated: bool):
        super().__init__()
        self.norm, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = _WindowAttention(width, heads, window, shifted)
        self.modulator = nn.Parameter(torch.zeros(window, window, width)) if modulated else None
        hidden = 4 * width
        self.widen, self.narrow = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.local = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.gelu = nn.GELU()

    def forward(self, x: Tensor) -> Tensor:
        x = x.permute(0, 2, 3, 1)
        z = self.norm(x)
        if self.modulator is not None:
            h, w, _ = self.modulator.shape
            height, width = z.shape[1:3]
            tiles = self.modulator.repeat(-(-height // h), -(-width // w), 1)
            z = z + tiles[:height, :width]
        x = x + self.attention(z)
        z = self.gelu(self.widen(self.norm2(x))).permute(0, 3, 1, 2)
        z = self.gelu(self.local(z)).permute(0, 2, 3, 1)
        return (x + self.narrow(z)).permute(0, 3, 1, 2)


class Uformer(nn.Module):
    """U-shaped transformer with attention within windows.

    Written from the paper; without its stochastic depth, and the modulators of the expanding path start at
    zero.

    Parameters
    ----------
    width : channels of the first level, C, and of each attention head; a level has twice those of the one
        above, and the expanding path, which concatenates, twice as many as the contracting one.
    blocks : blocks per level, from the finest to the bottom; as many in the expanding path. The default is
        Uformer-S, which gives Table III's MACs.
    window : side of the attention windows, a power of 2.

    Input (B, in_channels, h, w), output (B, 2·width, h, w): ``features`` is 2·width. Any h, w: the input is
    continued by reflection to a multiple of window·2**levels (128), or, where it is smaller, to 2**levels
    times a power of 2, and the output is cut back.
    """

    def __init__(
        self, width: int = 32, blocks: Sequence[int] = (2, 2, 2, 2, 2), window: int = 8, in_channels: int = 1
    ):
        super().__init__()
        self.features, self.window, self.levels = 2 * width, window, len(blocks) - 1

        def level(channels: int, number: int, modulated: bool) -> nn.Sequential:
            heads = channels // width
            return nn.Sequential(
                *(_Block(channels, heads, window, bool(i % 2), modulated) for i in range(number))
            )

        self.first = nn.Sequential(nn.Conv2d(in_channels, width, 3, padding=1), nn.LeakyReLU(inplace=True))
        self.contract, self.down = nn.ModuleList(), nn.ModuleList()
        self.up, self.expand = nn.ModuleList(), nn.ModuleList()
        for i, number in enumerate(blocks[:-1]):
            c = width * 2**i
            self.contract.append(level(c, number, False))
            self.down.append(nn.Conv2d(c, 2 * c, 4, stride=2, padding=1))
        self.bottom = level(width * 2**self.levels, blocks[-1], False)
        below = width * 2**self.levels
        for i, number in reversed(list(enumerate(blocks[:-1]))):
            c = width * 2**i
            self.up.append(nn.ConvTranspose2d(below, c, 2, stride=2))
            self.expand.append(level(2 * c, number, True))
            below = 2 * c

    def _padded(self, n: int) -> int:
        """The next size that the windows tile on every level."""
        bottom = -(-n // 2**self.levels)
        if bottom < self.window:
            return 2 ** (self.levels + (bottom - 1).bit_length())
        return -(-bottom // self.window) * self.window * 2**self.levels

    def forward(self, x: Tensor) -> Tensor:
        h, w = x.shape[-2:]
        for dim, n in ((2, h), (3, w)):
            if self._padded(n) != n:
                x = _mirrored(x, dim, self._padded(n))
        x = self.first(x)
        skips = []
        for blocks, down in zip(self.contract, self.down, strict=True):
            skips.append(blocks(x))
            x = down(skips[-1])
        x = self.bottom(x)
        for up, blocks in zip(self.up, self.expand, strict=True):
            x = blocks(torch.cat((up(x), skips.pop()), 1))
        return x[..., :h, :w]
