"""What a prediction owes to each training image: eq. 13 of Wang et al. (2021)."""

import math

import torch
from torch import Tensor

from .networks.autoencoder import Autoencoder

KINDS = ("level stripes", "upright stripes", "a spot")
EACH = 3  # training images of each kind
NOISE, SIDE = 0.7, 16


def _gradient(value: Tensor, network: Autoencoder) -> Tensor:
    return torch.cat([g.flatten() for g in torch.autograd.grad(value, tuple(network.parameters()))])


def eq13(seed: int, steps: int = 150, gamma: float = 0.001) -> dict:
    """Train on noisy images of three kinds, and book every change of a prediction to the image that made it.

    Predicted is the share of the clean pattern in the output for a tenth image, of the first kind. A step of
    gradient descent changes it by -γ Σ ⟨∇f, ∇ℓᵢ⟩, a term for each training image; what finite steps leave is
    ``effect``, the sum of all terms over the true change, less 1.

    Returns
    -------
    As the functions of `theory`; ``terms`` are those of the three kinds, ``change`` is the true one, and
    ``averaging`` is √n times the deviation of a mean of n equal noisy pixels over that of
    one, less 1, for n = 4, 16 and 64, with its standard error.
    """
    draw = torch.Generator().manual_seed(seed)
    r, c = torch.meshgrid(torch.arange(float(SIDE)), torch.arange(float(SIDE)), indexing="ij")
    spot = 2 * torch.exp(-((r - SIDE / 2) ** 2 + (c - SIDE / 2) ** 2) / 8)
    clean = torch.stack([torch.cos(0.8 * r), torch.cos(0.8 * c), spot]).double()
    count = EACH * len(KINDS)
    noise = NOISE * torch.randn((count + 1, SIDE, SIDE), generator=draw, dtype=torch.float64)
    images = (clean.repeat_interleave(EACH, 0) + noise[:count])[:, None, None]
    x, terms = (clean[:1] + noise[count:])[None], torch.zeros(count, dtype=torch.float64)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Autoencoder((4, 8, 8), channels=4, inner=8, blocks=0, kernels=(), outputs=1).double()

    def share() -> Tensor:
        return (network(x)[0, 0] * clean[0]).sum() / clean[0].square().sum()

    begin = share().item()
    for _ in range(steps):
        towards = _gradient(share(), network)
        each = torch.stack([_gradient((network(y) - y).square().mean(), network) for y in images])
        terms -= gamma * each @ towards
        with torch.no_grad():
            moves = each.sum(0).split([p.numel() for p in network.parameters()])
            for parameter, move in zip(network.parameters(), moves, strict=True):
                parameter -= gamma * move.view_as(parameter)
    change = share().item() - begin
    averaging, draws = {}, 4096
    for n in (4, 16, 64):
        means = torch.randn((draws, n), generator=draw, dtype=torch.float64).mean(1)
        averaging[str(n)] = [means.std().item() * math.sqrt(n) - 1, 1 / math.sqrt(2 * draws)]
    return {
        "effect": terms.sum().item() / change - 1,
        "spread": 0.0,
        "over_what": f"one training of {steps} steps on {count} images; share of the change",
        "terms": dict(zip(KINDS, terms.view(-1, EACH).sum(1).tolist(), strict=True)),
        "change": change,
        "averaging": averaging,
    }
