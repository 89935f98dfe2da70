"""Starting weights that let a signal through a deep network; PyTorch's own shrink it a hundredfold."""

import math

from torch import nn


def he_normal(network: nn.Module) -> None:
    """Draw the weights of all convolutions anew, in place, and set their biases to zero.

    Variance 2/fan-in (He et al. 2015), or 1/fan-in for 1×1 convolutions, which mix channels and need not make
    up for an activation. With PyTorch's own starting weights whole levels of the laptop network never woke
    up, and what they would have averaged over many repeats of the lattice was lost.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            taps = math.prod(module.kernel_size)
            # Of a transposed convolution with stride s only every s-th tap in each direction meets an input.
            fan_in = module.in_channels * taps / (math.prod(module.stride) if module.transposed else 1)
            nn.init.normal_(module.weight, 0.0, ((1 if taps == 1 else 2) / fan_in) ** 0.5)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
