"""Noise model, its estimate from one image, and the variance-stabilising transform."""

import math
import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

from n2sr_lib.errors import InputError
from n2sr_lib.noise import add_noise
from n2sr_lib.noise_estimate import estimate_noise
from n2sr_lib.vst import gat, inverse_gat

K = 4.5  # standard errors allowed per comparison: one false alarm in 150,000
IMAGES = Path(os.environ.get("N2SR_DATA", "")) / "ptceo2"
needs_images = pytest.mark.skipif("N2SR_DATA" not in os.environ, reason="N2SR_DATA is not set")


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def lattice(low: float, high: float, shape=(224, 256), period: float = 26.0) -> torch.Tensor:
    i, j = np.mgrid[: shape[0], : shape[1]] * 2 * np.pi / period
    return torch.from_numpy(low + (high - low) * (2 + np.cos(i) + np.cos(0.8 * j)) / 4).float()


@pytest.mark.parametrize("model", ["gaussian", "poisson"])
@pytest.mark.parametrize(
    ("x", "a", "b"), [(0.44, 0.05, 0.02), (0.0, 0.1, 0.3), (7.0, 2.0, 1.5), (3.0, 0.0, 1.0)]
)
def test_moments_are_those_of_eq_11(model, x, a, b):
    n = 400_000
    noise = add_noise(torch.full((n,), x), a, b, seeded(0), model).double() - x
    variance = a * x + b**2
    third = a**2 * x if model == "poisson" else 0.0
    fourth = 3 * variance**2 + (a**3 * x if model == "poisson" else 0.0)
    assert abs(noise.mean()) < K * math.sqrt(variance / n)
    assert abs((noise**2).mean() - variance) < K * math.sqrt((fourth - variance**2) / n)
    # the third moment tells eq. 10 from eq. 12; 1.5: margin for the sixth moment of a skew law
    assert abs((noise**3).mean() - third) < 1.5 * K * math.sqrt(
        15 * variance**3 / n
    ) + K * a * third / math.sqrt(n)


def test_noise_belongs_to_its_pixel():
    x = torch.tensor([0.1, 10.0]).repeat(100_000, 1)
    deviation = (add_noise(x, 1.0, 0.0, seeded(1)) - x).double().std(dim=0)
    for got, expected in zip(deviation, (0.1**0.5, 10**0.5), strict=True):
        assert abs(got / expected - 1) < K / math.sqrt(2 * 100_000)


@pytest.mark.parametrize("model", ["gaussian", "poisson"])
def test_noise_depends_on_the_generator_alone(model):
    x = lattice(0.3, 0.6)[None, None]
    kept = x.clone()
    torch.manual_seed(0)
    first = add_noise(x, 0.1, 0.02, seeded(3), model)
    torch.manual_seed(1)
    assert torch.equal(first, add_noise(x, 0.1, 0.02, seeded(3), model))
    assert not torch.equal(first, add_noise(x, 0.1, 0.02, seeded(4), model))
    assert first.shape == x.shape and first.dtype == torch.float32 and torch.equal(x, kept)
    assert first.min() < 0  # not clipped


@pytest.mark.parametrize(
    ("x", "a", "b", "model"),
    [
        (torch.ones(3), -0.1, 0.0, "gaussian"),
        (torch.ones(3), 0.1, -1.0, "gaussian"),
        (torch.ones(3), math.nan, 0.0, "gaussian"),
        (torch.ones(3), 0.1, math.inf, "gaussian"),
        (torch.tensor([1.0, -1e-3]), 0.1, 0.0, "gaussian"),
        (torch.tensor([1.0, math.nan]), 0.1, 0.0, "poisson"),
        (torch.tensor([1.0, math.inf]), 0.1, 0.0, "poisson"),
        (torch.ones(3), 0.1, 0.0, "laplace"),
    ],
)
def test_unusable_noise_is_refused(x, a, b, model):
    with pytest.raises(InputError):
        add_noise(x, a, b, seeded(0), model)


def holds(interval, truth) -> bool:
    return interval[0] <= truth <= interval[1]


@needs_images
def test_estimate_on_the_papers_images():
    """Three levels, five images, five seeds: variance within 3 %, a within 15 %, b inside its interval."""
    missed = []
    for number in range(1, 6):
        x = torch.from_numpy(tifffile.imread(IMAGES / f"{number}.tif"))
        for a in (0.1, 0.05, 0.02):
            for seed in range(5):
                e = estimate_noise(add_noise(x, a, 0.02, seeded(seed)).numpy())
                variance = a * float(x.mean()) + 0.02**2
                good = abs(e.variance / variance - 1) < 0.03 and abs(e.a / a - 1) < 0.15
                if not (good and holds(e.a_interval, a) and holds(e.b_interval, 0.02) and e.offset == 0):
                    missed.append((number, a, seed, e))
    assert not missed


@pytest.mark.parametrize("model", ["gaussian", "poisson"])
@pytest.mark.parametrize(
    ("low", "high", "a", "b"), [(2, 30, 1.0, 2.0), (0.3, 0.6, 0.02, 0.08), (20, 400, 3.0, 5.0)]
)
def test_intervals_have_the_width_of_the_scatter(low, high, a, b, model):
    """Over repeated draws: no bias, and intervals as wide as 3 standard deviations to each side."""
    x, n = lattice(low, high), 24
    found = [estimate_noise(add_noise(x, a, b, seeded(s), model).numpy()) for s in range(n)]
    gains = np.array([e.a for e in found])
    assert abs(gains.mean() - a) < K * gains.std(ddof=1) / math.sqrt(n)
    widths = [(e.a_interval[1] - e.a_interval[0]) / 6 for e in found if e.b_interval[0] > 0]  # the uncut ones
    # the logarithm of a deviation from n draws has standard error 1/sqrt(2 n)
    assert len(widths) >= n / 2
    assert abs(math.log(np.median(widths) / gains.std(ddof=1))) < K / math.sqrt(2 * n)
    assert sum(not (holds(e.a_interval, a) and holds(e.b_interval, b)) for e in found) <= 1
    level = a * float(x.mean()) + b**2
    # r² correlates over the 5x5 kernel: 2.4 times the variance of white noise; Poisson adds 1/counts at most
    error = math.sqrt(2 * 2.5 * (1 + a / low) / x.numel())
    assert all(abs(e.variance / level - 1) < K * error for e in found)


def test_clipped_estimates_do_not_claim_more_than_the_others():
    """Without readout noise half the draws give b² < 0: clipped to 0, and the bound must not shrink too."""
    found = [estimate_noise(add_noise(lattice(2, 30), 1.0, 0.0, seeded(s)).numpy()) for s in range(24)]
    bounds = np.array(
        [e.b_interval[1] ** 2 for e in found]
    )  # 3 standard errors, or 3 plus a positive estimate
    assert 4 < sum(e.b == 0 for e in found) < 20
    assert bounds.min() > 0.6 * np.median(bounds)
    assert all(holds(e.b_interval, 0.0) and holds(e.a_interval, 1.0) for e in found)


@pytest.mark.parametrize("k", [1e-3, 7.0, 3e5])
def test_units_do_not_matter(k):
    y = add_noise(lattice(2, 30), 1.0, 2.0, seeded(0)).numpy().astype(np.float64)
    one, other = estimate_noise(y), estimate_noise(k * y)
    for name in ("a", "b", "a_interval", "b_interval", "mean"):
        assert np.allclose(getattr(other, name), k * np.array(getattr(one, name)), rtol=1e-3), name
    assert math.isclose(other.variance, k**2 * one.variance, rel_tol=1e-4)


def test_constant_intensity_gives_the_level_and_admits_the_rest():
    for seed in range(5):
        e = estimate_noise(add_noise(torch.full((256, 256), 0.44), 0.05, 0.02, seeded(seed)).numpy())
        level = 0.05 * 0.44 + 0.02**2
        assert abs(e.variance / level - 1) < K * math.sqrt(2 * 2.5 / 256**2)
        assert e.a_interval[0] == 0 and 0.95 < e.a_interval[1] / (level / 0.44) < 1.1
        assert e.b_interval[0] == 0 and 0.95 < e.b_interval[1] / math.sqrt(level) < 1.05


def test_gaussian_noise_alone_has_no_gain():
    e = estimate_noise(add_noise(lattice(2, 30), 0.0, 3.0, seeded(0)).numpy())
    assert e.a_interval[0] == 0 and e.a < 0.06  # 9/16 of it would be all the variance at the mean
    assert holds(e.b_interval, 3.0) and e.b_interval[0] > 2.5


def test_counts_keep_their_gain_on_a_pedestal():
    y = add_noise(lattice(2, 30), 1.0, 1.0, seeded(0), "poisson").numpy()
    plain, raised = estimate_noise(y), estimate_noise((y + 1000).astype(np.float64))
    assert plain.offset == 0 and raised.b == 0 and raised.b_interval[0] == 0
    assert holds(raised.a_interval, 1.0)
    assert raised.variance == pytest.approx(plain.variance, rel=0.01)
    # the variance x + 1 vanishes at 1000 - 1; its error there is that of a times the distance from the mean
    assert abs(raised.offset - 999) < (raised.a_interval[1] - raised.a_interval[0]) * 16


def test_estimate_takes_integers_and_leaves_the_image_alone():
    y = (3 * add_noise(lattice(20, 300), 1.0, 0.0, seeded(0), "poisson")).numpy().astype(np.uint16)
    kept = y.copy()
    assert holds(estimate_noise(y).a_interval, 3.0)
    assert np.array_equal(y, kept)


@pytest.mark.parametrize(
    "y", [lattice(0.3, 0.6).numpy(), np.ones((128, 128)), np.ones((32, 32)), np.ones(99)]
)
def test_images_without_noise_are_refused(y):
    with pytest.raises(InputError):
        estimate_noise(y)


def closed_form(d: np.ndarray, s: float) -> np.ndarray:
    root = math.sqrt(1.5)
    return d**2 / 4 + root / 4 / d - 11 / 8 / d**2 + 5 / 8 * root / d**3 - 1 / 8 - s**2


@pytest.mark.parametrize("a", [0.02, 1.0, 5.0])
def test_inverse_agrees_with_the_closed_form(a):
    """The published closed form of the exact inverse, in counts: within 0.02 without readout noise."""
    d = torch.linspace(1.3, 60.0, 500, dtype=torch.float64)
    x = inverse_gat(d, a, 0.0).numpy() / a
    assert np.abs(x - np.maximum(closed_form(d.numpy(), 0.0), 0)).max() < 0.02
    assert (np.diff(x) > 0).all()  # also across the end of the table, near d = 40


@pytest.mark.parametrize("model", ["gaussian", "poisson"])
@pytest.mark.parametrize("s", [0.05, 0.4, 3.0])
@pytest.mark.parametrize("count", [0.4, 4.0, 60.0, 390.0, 450.0])
def test_inverse_is_unbiased(count, s, model):
    """The mean of the transform, inverted, is the clean intensity."""
    a, n = 0.05, 200_000
    d = gat(add_noise(torch.full((n,), a * count), a, a * s, seeded(0), model).double(), a, a * s)
    error = d.std() / math.sqrt(n)
    low, high = inverse_gat(torch.stack([d.mean() - K * error, d.mean() + K * error]), a, a * s, model)
    slack = 2e-4 * a  # of the asymptotic inverse beyond the table, where the law is Gaussian
    assert low - slack < a * count < high + slack
    # and the plain algebraic inverse is not, so the test can tell
    if count == 4.0:
        assert a * ((d.mean() + K * error) ** 2 / 4 - 0.375 - s**2) < a * count


@pytest.mark.parametrize(("count", "s", "tolerance"), [(4, 0.0, 0.08), (10, 0.5, 0.02), (100, 2.0, 0.003)])
def test_transform_stabilises_the_variance(count, s, tolerance):
    n = 200_000
    y = add_noise(torch.full((n,), 3.0 * count), 3.0, 3.0 * s, seeded(0), "poisson").double()
    # tolerance: what the transform itself misses by; the rest is the scatter of a variance
    assert abs(gat(y, 3.0, 3.0 * s).var() - 1) < tolerance + K * math.sqrt(2 / n)


def test_transform_survives_the_dark_and_has_gradients():
    y = torch.tensor([-5.0, 0.0, 2.0], requires_grad=True)
    a, b = torch.tensor(0.5, requires_grad=True), torch.tensor(0.1, requires_grad=True)
    gat(y, a, b).sum().backward()
    assert all(torch.isfinite(t.grad).all() for t in (y, a, b))
    dark = inverse_gat(torch.tensor([[0.0, 1.0], [1e-6, 50.0]]), 0.5, 0.1)
    assert dark.shape == (2, 2) and dark.dtype == torch.float32
    assert dark[0, 0] == dark[1, 0] == dark[0, 1] == 0 and torch.isfinite(dark).all()
    for bad in (0.0, -1.0):
        with pytest.raises(InputError):
            gat(y, bad, 0.1)
        with pytest.raises(InputError):
            inverse_gat(dark, bad, 0.1)
    with pytest.raises(InputError):
        inverse_gat(dark, 1.0, 0.1, "laplace")
