"""Section III of the paper put to numbers: Theorem 1, copying under eq. 2, and noise that is correlated.

`theorem1`, `copying` and `correlated` take a seed and return a flat dict: "effect", "spread" (its standard
error), "over_what", and every result behind them with its standard error ("..._error"). The clean image is an
analytic lattice, so the truth is known exactly, and the network is the smallest that does the work: the
statements hold for any, and one experiment takes less than a minute on one core.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import conv2d, pad

from .kernel import eq13 as eq13  # an experiment too
from .strategies.noise2sr import Noise2SR
from .subsample import draw_locations, subsample
from .train import Plan, fit, held_out_map

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


class EveryPixel(Noise2SR):
    """Noise2SR without its mask: the squared error on all pixels, the sampled ones among them (eq. 2)."""

    def loss(self, network, y, kept, generator):
        y_sub, _ = _draw(y, generator, self.sampling, self.s)
        return (kept * (network(y_sub) - y) ** 2).sum() / kept.sum(), torch.full((), math.nan)


@dataclass(frozen=True)
class CleanTarget(Noise2SR):
    """The true loss instead: trained on x, with ever new noise (`law` in the units of the normalised x)."""

    law: Law = WHITE

    def loss(self, network, x, kept, generator):
        y_sub, mask = _draw(x + self.law.draw(x, generator), generator, self.sampling, self.s)
        target = kept * mask
        return (target * (network(y_sub) - x) ** 2).sum() / target.sum(), torch.full((), math.nan)


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
    y_sub, mask = _draw(y, generator, sampling, s)
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
    return _with_errors(rows)


def theorem1(seed: int, draws: int = 400, steps: int = 200) -> dict:
    """Claim C01: on unsampled pixels, self-supervised loss = true loss + noise variance (eq. 3).

    For noise of constant variance and of the signal-dependent variance of eq. 12, and three controls that
    break a condition: at pixels that f saw, for correlated noise, and at the very pixels that f was trained
    on (a 64×64 image, which it can learn by heart; beside it pixels held out of the loss). Units of σ².
    """
    x, generator = lattice(), torch.Generator().manual_seed(seed)
    f = train(x + WHITE.draw(x, generator), Noise2SR(), seed, steps)
    constant = Law(0.0, math.sqrt(WHITE.variance(x).mean()))
    cases = {"constant": constant, "signal_dependent": WHITE, "control_correlated": SMOOTH}
    gaps = {case: risk_gap(f, x, law, draws, generator) for case, law in cases.items()}
    results = {f"{case}_{name}": v for case in cases for name, v in gaps[case].items() if "seen" not in name}
    results["control_seen_inner"] = gaps["signal_dependent"]["seen_inner"]
    results["control_seen_inner_error"] = gaps["signal_dependent"]["seen_inner_error"]
    results |= _own_pixels(seed, 6, 2 * steps, generator)
    for case in (*cases, "control_seen", "control_trained", "control_held_out"):
        results[f"{case}_z"] = results[f"{case}_inner"] / results[f"{case}_inner_error"]
    over = f"{draws} draws of noise and sub-sampling of one lattice, one network; units of σ², standard error"
    return _report(results, "constant_gap", over)


def _own_pixels(seed: int, images: int, steps: int, generator: Generator) -> dict[str, float]:
    """`inner` of `risk_gap` on the image that f was trained on: at its targets, and at pixels held out."""
    x, rows = lattice(64), []
    for own in range(seed * images, (seed + 1) * images):
        n = WHITE.draw(x, generator)
        f = train(x + n, Noise2SR(), own, steps, held_out=0.2, augment="none")
        kept = held_out_map(tuple(x.shape), 0.2, own) == 1
        x_hat, J = one_pass(f, (x + n).expand(16, -1, -1, -1), generator)
        inner = -2 * (x_hat - x) * n / WHITE.variance(x).mean()
        trained, held_out = inner[J & kept].mean(), inner[J & ~kept].mean()
        rows.append({"control_trained_inner": trained, "control_held_out_inner": held_out})
    return _with_errors(rows)


def copying(seed: int, images: int = 4, steps: int = 200) -> dict:
    """Claim C02: without the mask (eq. 2) the network copies the pixels that it sees; with it (eq. 7) not.

    ``slope``: of the error x_hat − x against the noise n at the sampled pixels, on noise that the network was
    not trained on: 1 is a copy, 0 none. ``unseen_slope``: the same at the unsampled pixels, 0 for any f.
    ``mse``: of the mean over 16 sub-samplings (eq. 9) of the image trained on, in units of σ². The effect is
    the slope without the mask less that with it, for random sub-sampling.
    """
    x, rows = lattice(), []
    for own in range(seed * images, (seed + 1) * images):
        generator, results = torch.Generator().manual_seed(own), {}
        n, fresh = WHITE.draw(x, generator), WHITE.draw(x.expand(8, -1, -1, -1), generator)
        for sampling in ("random", "fixed"):
            for name, strategy in (("mask", Noise2SR), ("no_mask", EveryPixel)):
                f = train(x + n, strategy(sampling=sampling), own, steps)
                x_hat, J = one_pass(f, x + fresh, generator, sampling)
                for key, pixels in (("slope", ~J), ("unseen_slope", J)):
                    error, cause = (x_hat - x)[pixels], fresh[pixels] - fresh[pixels].mean()
                    results[f"{sampling}_{name}_{key}"] = (error * cause).mean() / (cause**2).mean()
                if sampling == "random":
                    mean = one_pass(f, (x + n).expand(16, -1, -1, -1), generator)[0].mean(0)
                    results[f"{name}_mse"] = (mean - x).square().mean() / WHITE.variance(x).mean()
            without, masked = (results[f"{sampling}_{name}_slope"] for name in ("no_mask", "mask"))
            results[f"{sampling}_difference"] = without - masked
        rows.append(results)
    over = f"{images} draws of noise, weights and masks on one lattice; slope, standard error"
    return _report(_with_errors(rows), "random_difference", over)


def correlated(seed: int, images: int = 4, steps: int = 200) -> dict:
    """Claim C29: does random sub-sampling break the spatial correlation of noise, and what is gained by it?

    Noise of the law `SMOOTH` and white noise of its variance, sub-sampled at random and at fixed places.
    ``neighbours``: correlation of the noise of neighbouring pixels in the full and the sub-sampled image.
    ``input_target``: that between a pixel of J and the sampled pixel of its block, which eq. 5 needs to be 0.
    ``inner`` and ``gain`` = 10 log10(σ²/MSE) in dB: `risk_gap`, on fresh noise, of the network that was
    trained with the self-supervised loss; ``supervised_gain``: of one that was trained with the true loss.
    The effect is the gain of random over fixed sub-sampling on the correlated noise.
    """
    x, rows = lattice(), []
    for own in range(seed * images, (seed + 1) * images):
        generator, results = torch.Generator().manual_seed(own), {}
        for name, law in (("white", WHITE), ("correlated", SMOOTH)):
            y = x + law.draw(x, generator)
            unit = Law(0.0, 1.0, law.kernel).draw(torch.zeros(1, 1, 512, 512), generator)
            results[f"{name}_full_neighbours"] = _neighbours(unit)
            for sampling in ("random", "fixed"):
                n_sub, mask = _draw(unit, generator, sampling)
                product = (n_sub.repeat_interleave(2, -1).repeat_interleave(2, -2) * unit)[mask == 1]
                f = train(y, Noise2SR(sampling=sampling), own, steps)
                gap = risk_gap(f, x, law, 20, generator, sampling=sampling)
                results[f"{name}_{sampling}_neighbours"] = _neighbours(n_sub)
                results[f"{name}_{sampling}_input_target"] = product.mean()
                results[f"{name}_{sampling}_inner"] = gap["inner"]
                results[f"{name}_{sampling}_gain"] = -10 * math.log10(gap["risk"])
            results[f"{name}_difference"] = results[f"{name}_random_gain"] - results[f"{name}_fixed_gain"]
            mean, deviation = float(x.mean()), float(x.std())
            normal = Law(law.a / deviation, math.sqrt(law.variance(mean)) / deviation, law.kernel)
            gap = risk_gap(train(x, CleanTarget(law=normal), own, steps), x, law, 20, generator)
            results[f"{name}_supervised_gain"] = -10 * math.log10(gap["risk"])
        rows.append(results)
    over = f"{images} draws of noise, weights and masks on one lattice; dB, standard error"
    return _report(_with_errors(rows), "correlated_difference", over)


def _draw(y: Tensor, generator: Generator, sampling: str, s: int = 2) -> tuple[Tensor, Tensor]:
    shape = (len(y), y.shape[-2] // s, y.shape[-1] // s)
    return subsample(y, draw_locations(shape, s, generator, sampling), s)


def _neighbours(n: Tensor) -> float:
    """Mean correlation of vertical and horizontal neighbours of zero-mean noise."""
    down, right = (n[..., 1:, :] * n[..., :-1, :]).mean(), (n[..., 1:] * n[..., :-1]).mean()
    return float((down + right) / 2 / (n * n).mean())


def _with_errors(rows: list[dict]) -> dict[str, float]:
    """Means of repeated results and, under "..._error", their standard errors; at least two rows."""
    results = {}
    for name in rows[0]:
        v = torch.tensor([float(row[name]) for row in rows], dtype=torch.float64)
        results |= {name: float(v.mean()), f"{name}_error": float(v.std() / math.sqrt(len(v)))}
    return results


def _report(results: dict[str, float], effect: str, over_what: str) -> dict:
    return {"effect": results[effect], "spread": results[f"{effect}_error"], "over_what": over_what} | results
