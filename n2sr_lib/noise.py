"""Poisson-Gaussian noise (eqs. 10 to 12): a pixel of clean intensity x has the variance a x + b² (eq. 11).

a is the gain (intensity per counted electron), b the deviation of the readout noise.
"""

import math

import torch
from torch import Tensor

from .errors import InputError

MODELS = ("gaussian", "poisson")


def add_noise(x: Tensor, a: float, b: float, generator: torch.Generator, model: str = "gaussian") -> Tensor:
    """Draw a noisy image y from the clean image x.

    Parameters
    ----------
    x : Tensor, any shape
        Clean intensities, not negative.
    a, b : float
        Gain and readout deviation in the units of `x`, not negative; ``a = 0`` leaves Gaussian noise alone.
    generator : torch.Generator
        The only source of randomness, on the device of `x`.
    model : {"gaussian", "poisson"}
        "gaussian": y = x + N(0, a x + b²), eq. 12, what the paper's tables use.
        "poisson": y = a Poisson(x/a) + N(0, b²), eq. 10.

    Returns
    -------
    Tensor of the shape of `x`, float32, not clipped: values below zero are part of the model.

    Raises
    ------
    InputError
        If `a` or `b` is negative, `x` is negative or not finite, or `model` is unknown.
    """
    check_model(model)
    if not (0 <= a < math.inf and 0 <= b < math.inf):
        raise InputError(f"noise parameters must be finite and not negative; got a = {a}, b = {b}")
    if not bool((torch.isfinite(x) & (x >= 0)).all()):
        raise InputError("clean intensities must be finite and not negative; shift or repair the image first")
    x = x.to(torch.float64)
    white = torch.randn(x.shape, generator=generator, device=x.device, dtype=torch.float64)
    if model == "gaussian" or a == 0:
        y = x + white * torch.sqrt(a * x + b**2)
    else:
        y = a * torch.poisson(x / a, generator=generator) + b * white
    return y.to(torch.float32)


def check_model(model: str) -> None:
    """InputError unless `model` is one of `MODELS`."""
    if model not in MODELS:
        raise InputError(f"unknown noise model {model!r}; choose one of {', '.join(MODELS)}")
