"""Section III of the paper put to numbers: Theorem 1, copying under eq. 2, and noise that is correlated.

`theorem1`, `copying` and `correlated` take a seed and return a flat dict: "effect", "spread" (its standard
error), "over_what", and every result behind them with its standard error ("..._error"). The statements hold
for any network, so all of it is done on a `toy`: one experiment takes less than a minute on one core.
"""

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from .crops import held_out_map
from .kernel import eq13 as eq13  # an experiment too
from .strategies.noise2sr import Noise2SR
from .toy import SMOOTH, WHITE, Law, lattice, one_pass, risk_gap, sampled, train, with_errors


class EveryPixel(Noise2SR):
    """Noise2SR without its mask: the squared error on all pixels, the sampled ones among them (eq. 2)."""

    def loss(self, network, y, kept, generator):
        y_sub, _ = sampled(y, generator, self.sampling, self.s)
        return (kept * (network(y_sub) - y) ** 2).sum() / kept.sum(), torch.full((), math.nan)


@dataclass(frozen=True)
class CleanTarget(Noise2SR):
    """The true loss instead: trained on x, with ever new noise (`law` in the units of the normalised x)."""

    law: Law = WHITE

    def loss(self, network, x, kept, generator):
        y_sub, mask = sampled(x + self.law.draw(x, generator), generator, self.sampling, self.s)
        target = kept * mask
        return (target * (network(y_sub) - x) ** 2).sum() / target.sum(), torch.full((), math.nan)


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
    return with_errors(rows)


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
    return _report(with_errors(rows), "random_difference", over)


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
                n_sub, mask = sampled(unit, generator, sampling)
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
    return _report(with_errors(rows), "correlated_difference", over)


def _neighbours(n: Tensor) -> float:
    """Mean correlation of vertical and horizontal neighbours of zero-mean noise."""
    down, right = (n[..., 1:, :] * n[..., :-1, :]).mean(), (n[..., 1:] * n[..., :-1]).mean()
    return float((down + right) / 2 / (n * n).mean())


def _report(results: dict[str, float], effect: str, over_what: str) -> dict:
    return {"effect": results[effect], "spread": results[f"{effect}_error"], "over_what": over_what} | results
