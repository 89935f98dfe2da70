"""From features to an image of the same size: what Noise2Self puts behind an encoder (Table III)."""

from torch import Tensor, nn

from .unet import UNet


class SameSize(nn.Module):
    """An encoder followed by one 3×3 convolution, the last layer of all three networks of Table III.

    Input (B, C, H, W), output (B, 1, H, W), with no activation and without adding the input.
    """

    def __init__(self, encoder: nn.Module):
        super().__init__()
        self.encoder = encoder
        self.last = nn.Conv2d(encoder.features, 1, 3, padding=1)

    def forward(self, y: Tensor) -> Tensor:
        return self.last(self.encoder(y))


def noise2noise_unet() -> SameSize:
    """The U-Net of Table III's first row: that of Noise2Noise, whose head narrows to 64 and 32 channels.

    Its last activation is left out, since our images are normalised and have negative values.
    """
    encoder = UNet(features=32)
    c_in = encoder.head[0][0].in_channels
    encoder.head = nn.Sequential(
        nn.Conv2d(c_in, 64, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(64, 32, 3, padding=1),
        nn.ReLU(inplace=True),
    )
    return SameSize(encoder)
