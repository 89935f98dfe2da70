"""The three-layer network of Zero-Shot Noise2Noise (Mansour and Heckel, CVPR 2023)."""

from torch import Tensor, nn


class ZSNet(nn.Module):
    """Two 3×3 convolutions and a 1×1 one: 21,313 parameters, a pixel sees the 5×5 around it.

    Input (B, channels, h, w) of any size, output of the same shape: the noise, not the image.
    """

    def __init__(self, width: int = 48, channels: int = 1):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(width, width, 3, padding=1),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(width, channels, 1),
        )

    def forward(self, y: Tensor) -> Tensor:
        return self.layers(y)
