"""A toy on which statements are put to numbers: a known lattice, noise of a known law, the smallest network.

The clean image is analytic, so the truth is known exactly, and the network is the smallest that does the
work.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import conv2d, pad

from .strategies.noise2sr import Noise2SR
from .subsample import draw_locations, subsample
from .train import Plan, fit

Denoiser = Callable[[Tensor], Tensor]  # f: (B, 1, h, w) -> (B, 1, s·h, s·w), in the units of the image


@dataclass(frozen=True)
class Law:
    """Noise of variance a x + b² (eq. 12; the defaults are the paper's middle level).

    kernel : of odd length; correlates the noise along both axes. The variance does not depend on it.
    """

    a: float = 0.05
    b: float = 0.02
    kernel: tuple[float, ...] = (1.0,)

    def variance(self, x: Tensor) -> Tensor:
        """a x + b² at each pixel of x."""
        return self.a * x + self.b**2

    def draw(self, x: Tensor, generator: Generator) -> Tensor:
        """Noise n for the clean image x (B, 1, H, W), same shape."""
        k, r = torch.tensor(self.kernel), len(self.kernel) // 2
        # In float64: `held_out_map` says why.
        white = torch.randn(x.shape, generator=generator, dtype=torch.float64).to(x)
        white = pad(white, (r, r, r, r), mode="circular")
        return conv2d(white, (torch.outer(k, k) / (k**2).sum())[None, None]) * self.variance(x).sqrt()


WHITE = Law()
SMOOTH = Law(kernel=(1.0, 2.0, 1.0))  # neighbouring pixels correlate 2/3, every other pixel 1/6, the rest 0


def lattice(size: int = 128) -> Tensor:
    """Clean oblique lattice x, float32 (1, 1, size, size), in 0.25 ... 0.75; periods of 16 and 17 pixels."""
    t = 2 * math.pi / 128 * torch.arange(size)
    return (0.5 + 0.125 * (torch.cos(8 * t) + torch.cos(7 * t[:, None] + 3 * t)))[None, None]


def tiny_network(s: int, seed: int, width: int = 12) -> nn.Module:
    """Three convolutions and a pixel shuffle with seeded weights: y_Jc (B, 1, h, w) to (B, 1, s·h, s·w)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        channels = (1, width, width, s * s)
        conv = [nn.Conv2d(*channels[i : i + 2], 5, padding=2, padding_mode="replicate") for i in range(3)]
        return nn.Sequential(conv[0], nn.ReLU(), conv[1], nn.ReLU(), conv[2], nn.PixelShuffle(s))


def train(y: Tensor, strategy: Noise2SR, seed: int, steps: int, **plan) -> Denoiser:
    """A tiny network f trained on one image y (1, 1, H, W) (Algorithm 1); f keeps no gradient."""
    mean, deviation = y.mean(), y.std()
    network = tiny_network(strategy.s, seed)
    recipe = {"batch": 4, "crop": 64, "lr": 1e-2, "warmup": 10, "averaging": 0.95, "cosine": True} | plan
    fit(network, strategy, (y - mean) / deviation, Plan(steps=steps, **recipe), seed=seed, progress=False)

    @torch.no_grad()
    def f(y_sub: Tensor) -> Tensor:
        return network((y_sub - mean) / deviation) * deviation + mean

    return f


def one_pass(f: Denoiser, y: Tensor, generator: Generator, sampling: str = "random", s: int = 2):
    """f(y_Jc) for one sub-sampling of y (B, 1, H, W), and the mask m_J: true where f did not see y."""
    y_sub, mask = sampled(y, generator, sampling, s)
    return f(y_sub), mask == 1


def risk_gap(f: Denoiser, x: Tensor, law: Law, draws: int, generator: Generator, **how) -> dict[str, float]:
    """``gap``: left minus right side of eq. 3 over many draws of noise and sub-sampling, in units of σ².

    σ² is the mean of a x + b² over the pixels J of each draw. f was fixed beforehand: no noise of these draws
    has shaped it. ``inner`` is the part −2⟨f(y_Jc)_J − x_J, n_J⟩ of the gap, which eq. 5 says is zero:
    sharper, since it leaves out the chance fluctuation of ‖n_J‖². ``risk`` is the true loss. ``seen_inner``
    is ``inner`` at the pixels that f saw, where it need not be zero. Each has its standard error. `how` may
    name the `sampling`.
    """
    rows = []
    for _ in range(draws):
        n = law.draw(x, generator)
        x_hat, J = one_pass(f, x + n, generator, **how)
        variance = law.variance(x)[J].double().mean()
        error, inner = (x_hat - x).double(), -2 * (x_hat - x).double() * n / variance
        supervised, self_supervised = (error[J] ** 2).mean(), ((error - n)[J] ** 2).mean()
        gap, risk = (self_supervised - supervised) / variance - 1, supervised / variance
        rows.append({"gap": gap, "inner": inner[J].mean(), "risk": risk, "seen_inner": inner[~J].mean()})
    return with_errors(rows)


def sampled(y: Tensor, generator: Generator, sampling: str, s: int = 2) -> tuple[Tensor, Tensor]:
    """y_Jc (B, 1, h, w) of one sub-sampling of y (B, 1, s·h, s·w), and the mask m_J, float32, 1 at J."""
    shape = (len(y), y.shape[-2] // s, y.shape[-1] // s)
    return subsample(y, draw_locations(shape, s, generator, sampling), s)


def with_errors(rows: list[dict]) -> dict[str, float]:
    """Means of repeated results and, under "..._error", their standard errors; at least two rows."""
    results = {}
    for name in rows[0]:
        v = torch.tensor([float(row[name]) for row in rows], dtype=torch.float64)
        results |= {name: float(v.mean()), f"{name}_error": float(v.std() / math.sqrt(len(v)))}
    return results
