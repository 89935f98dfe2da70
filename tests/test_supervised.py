"""Strategies for sets of clean images: supervised, and Noise2Noise with fresh and with fixed pairs."""

import numpy as np
import pytest
import torch
from torch import nn

from n2sr_lib.strategies.noise2noise import Noise2Noise
from n2sr_lib.strategies.supervised import Supervised
from n2sr_lib.train import Plan, fit

A, B = 0.05, 0.02
ALL = (Supervised(A, B), Noise2Noise(A, B), Noise2Noise(A, B, fresh=False))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


class Constant(nn.Module):
    """Not a network: one value everywhere, whatever it is given."""

    def __init__(self):
        super().__init__()
        self.value = nn.Parameter(torch.zeros(()))

    def forward(self, y):
        return self.value.expand_as(y)


def images(count=1, side=64):
    """A clean image of mean 0.5 and contrast."""
    row = 0.5 + 0.2 * torch.cos(torch.arange(side) * (2 * torch.pi / 16))
    return row.expand(count, 1, side, side).contiguous()


def given(strategy, x, seed=0):
    """What the strategy is trained on."""
    if strategy.takes == "clean":
        return x
    return torch.cat([Supervised(A, B).noisy(x, generator(seed + k)) for k in range(2)], 1)


@pytest.mark.parametrize("normalise", [False, True])
def test_noise_has_the_law_of_eq_12_in_any_unit(normalise):
    x, mean, deviation = images(40), 0.4, 0.17
    strategy = Supervised(A, B)
    if normalise:
        y = strategy.normalised(mean, deviation).noisy((x - mean) / deviation, generator()) * deviation + mean
    else:
        y = strategy.noisy(x, generator())
    expected = (A * x + B**2)[0, 0, 0]
    n = 40 * 64  # pixels of each column, all with the same x
    assert ((y - x).mean((0, 1, 2)).abs() < 4.5 * (expected / n).sqrt()).all()
    assert ((y.var((0, 1, 2)) / expected - 1).abs() < 4.5 * (2 / n) ** 0.5).all()


def test_normalising_a_pixel_of_no_intensity_does_not_make_it_negative():
    """In float32, (0 − mean)/deviation less its offset is 0 or up to 1e-7 below it, as the mean has it."""
    for k in range(20):
        x, mean, deviation = torch.zeros(1, 1, 8, 8), 0.3 + 0.0137 * k, 0.17 + 0.0071 * k
        y = Supervised(A, B).normalised(mean, deviation).noisy((x - mean).div_(deviation), generator())
        assert (y * deviation + mean).std() == pytest.approx(B, rel=0.5)


@pytest.mark.parametrize("strategy", ALL, ids=["supervised", "fresh", "pair"])
def test_best_constant_is_the_mean_of_the_clean_image(strategy):
    """E (c − y₂)² = (c − mean x)² + …: noisy targets move the minimum by no more than their own mean does."""
    x, network = images(4), Constant()
    plan = Plan(steps=300, batch=4, crop=64, lr=0.02, cosine=True, held_out=0.02, every=300)
    fit(network, strategy, given(strategy, x), plan, seed=0, progress=False)
    # The mean of 16,384 pixels of a noise of deviation 0.16, of which there is at least one draw.
    assert network.value.item() == pytest.approx(x.mean().item(), abs=4.5 * 0.16 / 128 + 1e-3)
    assert abs(x.mean() - 0.5) < 1e-6


@pytest.mark.parametrize("strategy", ALL[1:], ids=["fresh", "pair"])
def test_loss_is_the_supervised_one_plus_the_variance_of_the_noise(strategy):
    x = images(40)
    kept = (torch.rand(x.shape, generator=generator(9)) > 0.3).float()
    network = nn.AvgPool2d(3, 1, 1)
    clean, clean_held = Supervised(A, B).loss(network, x, kept, generator(1))
    loss, held = strategy.loss(network, given(strategy, x, 5), kept, generator(2))
    variance = A * 0.5 + B**2
    error = 3 * variance / (kept.numel() * 0.3) ** 0.5  # of a mean of squares of about that size
    for noisy, ideal in ((loss, clean), (held, clean_held)):
        assert (noisy - ideal).item() == pytest.approx(variance, abs=4.5 * error)
        assert noisy.item() > ideal.item()


def test_a_network_that_copies_pays_twice_the_noise():
    """The two noises of a pair are independent; one drawn twice from the same seed would cost nothing."""
    x = images(40)
    for strategy in ALL[1:]:
        loss, _ = strategy.loss(nn.Identity(), given(strategy, x), torch.ones_like(x), generator())
        assert loss.item() == pytest.approx(2 * (A * 0.5 + B**2), rel=0.03)


def seen(strategy, y, seed):
    inputs = []
    strategy.loss(lambda t: inputs.append(t) or t, y, torch.ones_like(y[:, :1]), generator(seed))
    return inputs[0]


def test_fresh_noise_is_new_every_time_and_a_fixed_pair_is_not():
    x = images(8)
    for strategy in ALL[:2]:
        assert torch.equal(seen(strategy, x, 0), seen(strategy, x, 0))
        assert not torch.equal(seen(strategy, x, 0), seen(strategy, x, 1))
    pair = given(ALL[2], x)
    first = [seen(ALL[2], pair, seed)[k] for seed in range(6) for k in range(8)]
    of_pair = [
        tuple(int(torch.equal(image, pair[i % 8, c : c + 1])) for c in (0, 1))
        for i, image in enumerate(first)
    ]
    assert set(of_pair) == {(1, 0), (0, 1)}  # each input is one of the two, and both occur


@pytest.mark.parametrize("strategy", ALL, ids=["supervised", "fresh", "pair"])
def test_only_kept_pixels_are_targets(strategy):
    x = given(strategy, images(2))
    kept = torch.ones(2, 1, 64, 64)
    kept[..., :32] = 0

    def gradient(where):
        shift = torch.zeros(2, 1, 64, 64, requires_grad=True)
        loss, held_out = strategy.loss(lambda y: y + shift, x, kept, generator())
        assert not held_out.requires_grad
        return torch.autograd.grad(loss, shift)[0][..., where]

    assert not gradient(slice(0, 32)).any() and gradient(slice(32, 64)).any()


def test_prediction_is_one_pass(noisy):
    y = torch.from_numpy(noisy)[None, None]
    p = Noise2Noise(A, B).predict(lambda t: 2 * t, y, generator())
    np.testing.assert_array_equal(p.image, 2 * noisy)
    assert not p.spread.any() and p.out_of_bag is None
