"""Every network of every table, from a few words: an encoder, and what turns its features into an image.

Some rivals of Noise2SR cannot do with any encoder, or were published with a network of their own: these stand
as they are.
"""

from collections.abc import Sequence

import torch
from torch import nn

from ..errors import InputError
from .fbi_net import FBINet
from .growing_unet import GrowingUNet
from .initialise import he_normal
from .restormer import Restormer
from .same_size import SameSize, noise2noise_unet
from .self2self_net import Self2SelfNet
from .superres import SuperResolved
from .uformer import Uformer
from .unet import UNet
from .zs_net import ZSNet

ENCODERS = {
    "u-net": lambda o: UNet(o["width"], o["features"], o["depth"], o["share_weights"]),
    "growing u-net": lambda o: GrowingUNet(
        o["widths"], o["features"], o["activation"], o["padding"], o["normalisation"]
    ),
    "uformer": lambda o: Uformer(o["width"], window=o["window"], **_blocks(o)),
    "restormer": lambda o: Restormer(o["width"], refinement=o["refinement"], **_blocks(o)),
}
#: Whole networks from an image to one of the same size.
WHOLE = {
    "noise2noise u-net": lambda o: noise2noise_unet(),
    "fbi-net": lambda o: FBINet(o["depth"], o["width"]),
    "self2self-net": lambda o: Self2SelfNet(o["width"], o["depth"]),
    "zs-net": lambda o: ZSNet(o["width"]),
}


def _blocks(options: dict) -> dict:
    return {"blocks": options["blocks"]} if options["blocks"] else {}


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
    padding: str = "zeros",
    normalisation: str = "none",
    blocks: Sequence[int] = (),
    window: int = 8,
    refinement: int = 4,
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
    encoder : one of `ENCODERS`, or where scale is 1 of `WHOLE`; where it is empty, the growing U-Net if there
        are ``widths``, else the U-Net.
    width, features, depth, share_weights : of the `UNet`; ``width`` also of the other networks that have one,
        ``depth`` also the number of layers of `FBINet` and of levels of `Self2SelfNet`.
    widths, features, activation, padding, normalisation : of the `GrowingUNet`.
    blocks : per level of `Uformer` and `Restormer`; as in their papers where it is empty.
    window, refinement : of `Uformer`, and of `Restormer`.
    initial : starting weights: ``"torch"``, PyTorch's own, as in the paper (FBI-Net and the network of
        Self2Self bring theirs), or ``"he"``.
    decoder, decoder_width, upsampling : of `SuperResolved`.

    Raises
    ------
    InputError
        If a name is unknown, or such a network cannot have this scale.
    """
    options = locals()
    name = encoder or ("growing u-net" if widths else "u-net")
    known = ENCODERS | (WHOLE if scale == 1 else {})
    if name not in known:
        raise InputError(f"unknown encoder {name!r}; choose one of {', '.join(known)}")
    if initial not in ("torch", "he"):
        raise InputError(f"unknown starting weights {initial!r}; choose 'torch' or 'he'")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = known[name](options)
        if name in ENCODERS and scale == 1:
            network = SameSize(network)
        elif name in ENCODERS:
            network = SuperResolved(network, scale, decoder, decoder_width, upsampling)
        if initial == "he":
            he_normal(network)
        return network
