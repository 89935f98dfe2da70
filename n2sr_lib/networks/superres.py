"""The super-resolved decoder of section III-F.2: features of the sub-sampled image to the full-size image."""

from torch import Tensor, nn

from ..errors import InputError

UPSAMPLINGS = ("pixel shuffle", "transposed convolution", "bilinear")


def _upsample(c_in: int, c_out: int, r: int, upsampling: str) -> nn.Sequential:
    """One stage of Table IV: features (B, c_in, h, w) to (B, c_out, r·h, r·w)."""
    if upsampling == "pixel shuffle":
        layers = [nn.Conv2d(c_in, c_out * r * r, 3, padding=1), nn.PixelShuffle(r)]
    elif upsampling == "transposed convolution":
        layers = [nn.ConvTranspose2d(c_in, c_out, 3, stride=r, padding=1, output_padding=r - 1)]
    else:
        layers = [nn.Conv2d(c_in, c_out, 3, padding=1), nn.Upsample(scale_factor=r, mode="bilinear")]
    return nn.Sequential(*layers, nn.LeakyReLU(0.1, inplace=True))


class SuperResolved(nn.Module):
    """An encoder followed by pixel-shuffle upsampling by s and three convolutions.

    Parameters
    ----------
    encoder : network (B, C, h, w) -> (B, encoder.features, h, w).
    stride : s, at least 2.
    decoder : ``"code"``, the released code (a 3×3 convolution first, which alone gives Table III's 6.82 G
        MACs), or ``"paper"``, three 1×1 convolutions as section III-F.2 says.
    width : channels after upsampling; the two hidden layers then have 3/4 and 3/8 of the encoder's features,
        at most ``width``. None, as in the paper: ``features`` of the encoder, then 96 and 48 whatever it is.
    upsampling : one of `UPSAMPLINGS` (Table IV). The paper does not say how: a 3×3 convolution stands before
        the pixel shuffle, as released, and before the bilinear interpolation; the transposed one is 3×3.

    Input (B, C, h, w), output (B, 1, s·h, s·w).
    """

    def __init__(
        self,
        encoder: nn.Module,
        stride: int = 2,
        decoder: str = "code",
        width: int | None = None,
        upsampling: str = "pixel shuffle",
    ):
        super().__init__()
        if upsampling not in UPSAMPLINGS:
            raise InputError(f"unknown upsampling {upsampling!r}; choose one of {', '.join(UPSAMPLINGS)}")
        if decoder not in ("code", "paper"):
            raise InputError(f"unknown decoder {decoder!r}; choose 'code' or 'paper'")
        self.encoder = encoder
        features = encoder.features
        hidden, last = (min(width, features * k // 8) for k in (6, 3)) if width else (96, 48)
        width = width or features
        kernel = 3 if decoder == "code" else 1
        # Two stages for s = 4, as released; one otherwise.
        stages = [2, 2] if stride == 4 else [stride]
        inputs = [features, *[width] * (len(stages) - 1)]
        up = [_upsample(c_in, width, r, upsampling) for c_in, r in zip(inputs, stages, strict=True)]
        self.upsample = nn.Sequential(*(layer for stage in up for layer in stage))
        self.decode = nn.Sequential(
            nn.Conv2d(width, hidden, kernel, padding=kernel // 2),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, last, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(last, 1, 1),
        )

    def forward(self, y_sub: Tensor) -> Tensor:
        return self.decode(self.upsample(self.encoder(y_sub)))
