"""What a sub-sampler can do against noise that is correlated along the scan lines, on a known lattice.

`python -m n2sr_lib.streaks` prints the table; a minute or two on one core.
"""

import dataclasses
import math

import torch
from scipy.signal import lfilter
from torch import Generator, Tensor
from torch.nn.functional import pad

from .strategies.noise2sr import Noise2SR
from .toy import WHITE, Law, lattice, train

#: What is compared: stride, neighbours kept out of the loss; and, apart, whitening before the plain method.
OPTIONS = {
    "s = 2": Noise2SR(),
    "s = 2, aside 1": Noise2SR(aside=1),
    "s = 2, aside 2": Noise2SR(aside=2),
    "s = 3": Noise2SR(s=3),
    "s = 3, aside 1": Noise2SR(s=3, aside=1),
    "s = 4": Noise2SR(s=4),
    "s = 4, aside 1": Noise2SR(s=4, aside=1),
}


def streaky_noise(x: Tensor, phi: float, generator: Generator, law: Law = WHITE) -> Tensor:
    """Noise for x (B, 1, H, W) of the variance of `law`; pixels k apart in a row correlate phi^k."""
    white = torch.randn(*x.shape[:-1], x.shape[-1] + 64, generator=generator)  # 64 to run in
    rows = lfilter([math.sqrt(1 - phi**2)], [1, -phi], white.numpy(), axis=-1)[..., 64:]
    return torch.from_numpy(rows).float() * law.variance(x).sqrt()


def whiten(y: Tensor, phi: float) -> Tensor:
    """y less phi times its left neighbour: whitens the noise of `streaky_noise`. The first column stays."""
    return torch.cat((y[..., :1], y[..., 1:] - phi * y[..., :-1]), -1)


def colour_again(z: Tensor, phi: float) -> Tensor:
    """The inverse of `whiten`."""
    return torch.from_numpy(lfilter([1.0], [1, -phi], z.double().numpy(), axis=-1)).to(z)


def streaks(seed: int, phi: float, images: int = 2, steps: int = 200) -> dict[str, list[float]]:
    """Gain 10 log10(σ²/MSE) in dB of each option, one value an image: of the mean over 48 sub-samplings."""
    x, gains = lattice(), {}
    for own in range(seed * images, (seed + 1) * images):
        generator = torch.Generator().manual_seed(own)
        y = x + streaky_noise(x, phi, generator)
        results = {name: _estimate(y, strategy, own, steps) for name, strategy in OPTIONS.items()}
        results["whitened"] = colour_again(_estimate(whiten(y, phi), Noise2SR(), own, steps), phi)
        for name, x_hat in results.items():
            error = (x_hat - x)[..., 4:-4, 4:-4].square().mean()
            gains.setdefault(name, []).append(float(10 * torch.log10(WHITE.variance(x).mean() / error)))
    return gains


def _estimate(y: Tensor, strategy: Noise2SR, seed: int, steps: int) -> Tensor:
    """Trained on y (1, 1, H, W) and averaged over M = 48 sub-samplings; the same shape."""
    height, width = y.shape[-2:]
    f = train(
        pad(y, (0, -width % strategy.s, 0, -height % strategy.s), mode="reflect"), strategy, seed, steps
    )
    mean = dataclasses.replace(strategy, M=48, batch=16)
    return mean.predict(f, y, torch.Generator().manual_seed(seed)).image[None, None]


if __name__ == "__main__":
    tables = {phi: streaks(0, phi) for phi in (0.0, 0.2, 0.4)}
    print(f"{'gain (dB) at correlation':26s}", *(f"{phi:>12g}" for phi in tables))
    for name in next(iter(tables.values())):
        values = (f"{sum(t[name]) / len(t[name]):6.2f}" for t in tables.values())
        print(f"{name:26s}", *(f"{v:>12s}" for v in values))
