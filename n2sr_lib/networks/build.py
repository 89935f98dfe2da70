"""Every network of every table, from a few words: an encoder, and what turns its features into an image."""

from collections.abc import Sequence

import torch
from torch import nn

from ..errors import InputError
from .growing_unet import GrowingUNet
from .initialise import he_normal
from .restormer import Restormer
from .same_size import SameSize
from .superres import SuperResolved
from .uformer import Uformer
from .unet import UNet

ENCODERS = ("u-net", "growing u-net", "uformer", "restormer")


def build_network(
    scale: int,
    seed: int,
    *,
    encoder: str = "",
    width: int = 48,
    features: int = 128,
    depth: int = 5,
    share_weights: bool = True,
    widths: Sequence[int] = (),
    activation: str = "relu",
    blocks: Sequence[int] = (),
    initial: str = "torch",
    decoder: str = "code",
    decoder_width: int | None = None,
    upsampling: str = "pixel shuffle",
) -> nn.Module:
    """A network with seeded weights; the defaults are the paper's (Fig. 3).

    Parameters
    ----------
    scale : sides of the output over those of the input. With the stride s of Noise2SR the encoder gets the
        super-resolved decoder (`SuperResolved`), with 1 a single convolution (`SameSize`).
    encoder : one of `ENCODERS`; where it is empty, the growing U-Net if there are ``widths``, else the U-Net.
    width, features, depth, share_weights : of the `UNet`; ``width`` also of `Uformer` and `Restormer`.
    widths, features, activation : of the `GrowingUNet`.
    blocks : per level of `Uformer` and `Restormer`; as in their papers where it is empty.
    initial : starting weights: ``"torch"``, PyTorch's own, as in the paper, or ``"he"``.
    decoder, decoder_width, upsampling : of `SuperResolved`.

    Raises
    ------
    InputError
        If a name is unknown.
    """
    name = encoder or ("growing u-net" if widths else "u-net")
    if name not in ENCODERS:
        raise InputError(f"unknown encoder {name!r}; choose one of {', '.join(ENCODERS)}")
    if initial not in ("torch", "he"):
        raise InputError(f"unknown starting weights {initial!r}; choose 'torch' or 'he'")
    sizes = {"blocks": blocks} if blocks else {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        match name:
            case "u-net":
                chosen = UNet(width, features, depth, share_weights)
            case "growing u-net":
                chosen = GrowingUNet(widths, features, activation)
            case "uformer":
                chosen = Uformer(width, **sizes)
            case "restormer":
                chosen = Restormer(width, **sizes)
        if scale == 1:
            network = SameSize(chosen)
        else:
            network = SuperResolved(chosen, scale, decoder, decoder_width, upsampling)
        if initial == "he":
            he_normal(network)
        return network
