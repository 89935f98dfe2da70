"""FBI-Net (Byun, Cha and Moon, CVPR 2021): a network that never sees the pixel that it speaks of."""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, prelu

#: The taps of the three kinds of masked convolution. The first leaves the centre out; the steps of the others
#: can never lead back to it, whatever their number.
RING = ("xxx", "x.x", "xxx")
KNIGHT = (".x.x.", "x...x", "..x..", "x...x", ".x.x.")
CROSS = ("x.x", ".x.", "x.x")
_ROWS = 128  # of maps at a time that the fastest memory holds


class _Masked(nn.Conv2d):
    """A convolution with some of its taps held at zero."""

    def __init__(self, c_in: int, c_out: int, taps: tuple[str, ...], dilation: int = 1):
        super().__init__(c_in, c_out, len(taps), padding=len(taps) // 2 * dilation, dilation=dilation)
        self.fan_in = c_in * "".join(taps).count("x")
        self.register_buffer("taps", torch.tensor([[float(t == "x") for t in row] for row in taps]), False)

    def forward(self, x: Tensor) -> Tensor:
        return conv2d(x, self.weight * self.taps, self.bias, 1, self.padding, self.dilation)


class _Pointwise(nn.Conv2d):
    """A 1×1 convolution.

    With one thread and few images PyTorch has a kernel for it that takes three times as long, so every row
    passes for an image. No copy is made of maps in channels-last.
    """

    def __init__(self, c_in: int, c_out: int):
        super().__init__(c_in, c_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        rows = x.permute(0, 2, 3, 1).flatten(0, 1)  # (B·H, W, C)
        out = super().forward(rows[:, None].permute(0, 3, 1, 2))
        return out.squeeze(2).transpose(1, 2).unflatten(0, (len(x), -1)).permute(0, 3, 1, 2)


class _Slope(torch.autograd.Function):
    """x > 0 → x, else slope · x: x (N, K), slope (K,)."""

    @staticmethod
    def forward(ctx, x: Tensor, slope: Tensor) -> Tensor:
        ctx.save_for_backward(x, slope)
        return prelu(x, slope)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor]:
        x, slope = ctx.saved_tensors
        of_x, of_slope = torch.empty_like(grad), torch.zeros_like(slope, dtype=torch.float32)
        for g, v, out in zip(grad.split(_ROWS), x.split(_ROWS), of_x.split(_ROWS), strict=True):
            above = torch.ops.aten.threshold_backward(g, v, 0)
            below = g - above
            torch.addcmul(above, below, slope, out=out)
            of_slope += (below * v).sum(0)
        return of_x, of_slope.to(slope.dtype)


class _PReLU(nn.PReLU):
    """A PReLU with a slope of 0 to begin with.

    PyTorch takes one pixel at a time of maps in channels-last, and its derivative is slow at any: together
    half the seconds of a step. So whole rows pass for pixels, and the derivative is made of fast parts.
    """

    def __init__(self, width: int = 1):
        super().__init__(width, init=0.0)

    def forward(self, x: Tensor) -> Tensor:
        rows = x.permute(0, 2, 3, 1)  # (B, H, W, C), a view if x is in channels-last
        slope = self.weight.to(x.dtype).expand(x.shape[1]).repeat(x.shape[3])
        return _Slope.apply(rows.flatten(2).flatten(0, 1), slope).view(rows.shape).permute(0, 3, 1, 2)


class _Mean(nn.Module):
    """The mean of two maps, then a PReLU."""

    def __init__(self, width: int):
        super().__init__()
        self.activation = _PReLU(width)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return self.activation((a + b) / 2)


class _Residual(nn.Module):
    """Two 1×1 convolutions beside a shortcut."""

    def __init__(self, width: int):
        super().__init__()
        self.convolve = nn.Sequential(_Pointwise(width, width), _PReLU(width), _Pointwise(width, width))
        self.mean = _Mean(width)

    def forward(self, x: Tensor) -> Tensor:
        return self.mean(x, self.convolve(x))


class FBINet(nn.Module):
    """Fully convolutional network with a blind spot: output (i, j) does not depend on input (i, j).

    Parameters
    ----------
    layers : masked convolutions, at least 2. With 8, the default of the released code, it has Table III's
        6.56 G MACs; the published results use 17.
    width : channels.
    outputs : maps that leave the network: 2 for the slope and offset of the paper's pixelwise affine
        estimate (both without an activation), 1 for an image.

    Input (B, 1, H, W), output (B, outputs, H, W), any H, W.
    """

    def __init__(self, layers: int = 8, width: int = 64, outputs: int = 2):
        super().__init__()
        self.outputs = outputs
        self.convolve = nn.ModuleList(
            [nn.Sequential(_Masked(1, width, RING), _PReLU())]
            + [
                nn.Sequential(
                    _Masked(width, width, KNIGHT) if k == 1 else _Masked(width, width, CROSS, dilation=3),
                    _PReLU(width),
                )
                for k in range(1, layers)
            ]
        )
        self.merge = nn.ModuleList(_Mean(width) for _ in range(layers - 1))
        self.residual = nn.ModuleList(_Residual(width) for _ in range(layers))
        self.head = nn.Sequential(_PReLU(width), _Residual(width), _Pointwise(width, outputs))
        self._start()

    def _start(self) -> None:
        """He's weights by the taps that are used, and a small output: neither a slope nor an intercept yet.

        With PyTorch's own the shared plan of `laptop` ended 1.5 dB lower, on an image of our own.
        """
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                variance = 2 / module.fan_in if isinstance(module, _Masked) else 1 / module.in_channels
                nn.init.normal_(module.weight, 0.0, variance**0.5)
                nn.init.zeros_(module.bias)
        self.head[-1].weight.data *= 0.1

    def forward(self, y: Tensor) -> Tensor:
        new = self.convolve[0](y)
        out = total = self.residual[0](new)
        for convolve, merge, residual in zip(self.convolve[1:], self.merge, self.residual[1:], strict=True):
            new = convolve(new)
            out = residual(merge(new, out))
            total = total + out
        return self.head(total / len(self.convolve))
