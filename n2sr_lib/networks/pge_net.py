"""PGE-Net, which estimates the parameters of Poisson-Gaussian noise (Byun, Cha and Moon, CVPR 2021)."""

from torch import Tensor, nn
from torch.nn.functional import max_pool2d, pad


def _convs(c_in: int, c: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(c_in, c, 3, padding=1), nn.ReLU(True), nn.Conv2d(c, c, 3, padding=1), nn.ReLU(True)
    )


class PGENet(nn.Module):
    """U-Net whose width doubles at each level and whose skips are added.

    Parameters
    ----------
    width : channels of the first level (64 as published).
    depth : levels (3), hence depth − 1 poolings.

    Input (B, channels, h, w), output (B, 2, h, w), not negative: maps whose means are the estimates of a and
    b. Any h, w: the input is padded by repetition of its border, and the output is cut back. 1,677,442
    parameters as published.
    """

    def __init__(self, width: int = 64, depth: int = 3, channels: int = 1):
        super().__init__()
        widths = [width * 2**level for level in range(depth)]
        self.down = nn.ModuleList(
            _convs(c_in, c) for c_in, c in zip([channels, *widths[:-1]], widths, strict=True)
        )
        self.up, self.merge = nn.ModuleList(), nn.ModuleList()
        for c in reversed(widths[:-1]):
            self.up.append(nn.ConvTranspose2d(2 * c, c, 2, stride=2))
            self.merge.append(_convs(c, c))
        self.head = nn.Conv2d(width, 2, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_normal_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, y: Tensor) -> Tensor:
        h, w = y.shape[-2:]
        step = 2 ** len(self.up)
        x = pad(y, (0, -w % step, 0, -h % step), mode="replicate")
        skips = []
        for block in self.down:
            x = block(max_pool2d(x, 2) if skips else x)
            skips.append(x)
        skips.pop()
        for up, merge in zip(self.up, self.merge, strict=True):
            x = merge(up(x) + skips.pop())
        return self.head(x)[..., :h, :w] ** 2
