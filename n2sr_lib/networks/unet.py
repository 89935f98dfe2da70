"""The U-Net encoder of section III-F.1 (after Noise2Noise), with a head that gives features."""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad


def _conv(c_in: int, c_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(c_in, c_out, 3, padding=1), nn.ReLU(inplace=True))


def _up(c_in: int, c: int, convolutions: int) -> nn.Sequential:
    """Convolutions, then a transposed convolution that doubles the size."""
    layers = [_conv(c_in if i == 0 else c, c) for i in range(convolutions)]
    return nn.Sequential(*layers, nn.ConvTranspose2d(c, c, 3, stride=2, padding=1, output_padding=1))


class UNet(nn.Module):
    """U-Net with one skip per level and no normalisation layer.

    Parameters
    ----------
    width : channels of the contracting path (48 in the paper; twice as many in the expanding path).
    features : channels that leave the network (128 in the paper).
    depth : number of 2×2 poolings (5 in the paper).
    share_weights : use one block for all levels below the first and one for all levels above the second, as
        the released code does (1.03 M parameters); otherwise every level has its own.

    Input (B, in_channels, h, w), output (B, features, h, w). Any h, w: the input is padded by repetition of
    its border to the next multiple of 2**depth, and the output is cut back.
    """

    def __init__(
        self,
        width: int = 48,
        features: int = 128,
        depth: int = 5,
        share_weights: bool = True,
        in_channels: int = 1,
    ):
        super().__init__()
        self.depth = depth
        self.features = features
        w = width
        self.first = nn.Sequential(_conv(in_channels, w), _conv(w, w), nn.MaxPool2d(2))

        def levels(make, n):
            """n blocks; with shared weights n times the same one."""
            return nn.ModuleList([make()] * n if share_weights else [make() for _ in range(n)])

        self.down = levels(lambda: nn.Sequential(_conv(w, w), nn.MaxPool2d(2)), depth - 1)
        self.bottom = _up(w, w, convolutions=1)
        self.up_first = _up(2 * w, 2 * w, convolutions=2)
        self.up = levels(lambda: _up(3 * w, 2 * w, convolutions=2), depth - 2)
        self.head = nn.Sequential(
            _conv(2 * w + in_channels, features),
            _conv(features, features),
            nn.Conv2d(features, features, 3, padding=1),
            nn.LeakyReLU(0.1, inplace=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        h, w = x.shape[-2:]
        step = 2**self.depth
        x = pad(x, (0, -w % step, 0, -h % step), mode="replicate")
        skips = [x, self.first(x)]
        for block in self.down:
            skips.append(block(skips[-1]))
        z = self.bottom(skips.pop())
        for block in (self.up_first, *self.up):
            z = block(torch.cat((z, skips.pop()), 1))
        z = self.head(torch.cat((z, skips.pop()), 1))
        return z[..., :h, :w]
