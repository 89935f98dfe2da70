"""Noise2Atom: its losses against known values, its networks, and that a training repeats and goes on."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from n2sr_lib.networks.translation import Critic, Generator, LowPass
from n2sr_lib.noise2atom import (
    adversarial_loss,
    build,
    critic_loss,
    cycle_loss,
    fit,
    gradient_penalty,
    normalised,
    translate,
)
from n2sr_lib.series.rivals import NOISE2ATOM
from n2sr_lib.simulated import scenes

PLAN = dataclasses.replace(NOISE2ATOM["smoke"], steps=4, every=1, crop=32)
SERIES = scenes.crystal(0, frames=2, side=64)
NOISY = normalised(torch.from_numpy(SERIES.frames))
CLEAN = torch.from_numpy(scenes.clean_domain(4, 48, 0))[:, None]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=generator(seed))


# Losses


@pytest.mark.parametrize("size", [0.25, 1.0, 3.0])
def test_gradient_penalty_of_a_linear_critic(size):
    """⟨w, x⟩ has the gradient w everywhere."""
    w = images(1, 1, 9, 7)
    w *= size / w.norm()
    real, fake = images(4, 1, 9, 7, seed=1), images(4, 1, 9, 7, seed=2)
    penalty = gradient_penalty(lambda x: (x * w).sum((1, 2, 3)), real, fake, generator())
    assert penalty.item() == pytest.approx((size - 1) ** 2, abs=1e-6)


def test_gradient_penalty_looks_between_real_and_fake_one_draw_an_image():
    """‖x‖²/2 has the gradient x: between 2u and 3u, u of norm 1, the penalty is (t - 1)², 2 < t < 3."""
    u = images(1, 1, 8, 8)
    u /= u.norm()
    real, fake = (k * u.expand(400, -1, -1, -1) for k in (2, 3))
    penalty = gradient_penalty(lambda x: (x**2).sum((1, 2, 3)) / 2, real, fake, generator())
    # t - 1 is uniform in 1 ... 2: mean of the square 7/3, deviation 0.90. A draw a pixel would give 2.25 + .
    assert penalty.item() == pytest.approx(7 / 3, abs=5 * 0.9 / 20)
    spread = [
        gradient_penalty(lambda x: (x**2).sum((1, 2, 3)) / 2, real[:1], fake[:1], generator(k))
        for k in range(20)
    ]
    assert np.std([s.item() for s in spread]) > 0.5  # a draw a pixel would average out


def test_gradient_penalty_teaches_the_critic_and_not_the_generator():
    critic, fake = Critic((4, 4)), images(2, 1, 16, 16).requires_grad_()
    gradient_penalty(critic, images(2, 1, 16, 16, seed=1), fake, generator()).backward()
    assert fake.grad is None
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in critic.parameters())


def test_critic_learns_to_score_real_images_higher():
    scores = {1.0: 5.0, 0.0: 2.0}

    def critic(x):
        return torch.tensor([scores[v.item()] for v in x.mean((1, 2, 3))])

    real, fake = torch.ones(3, 1, 4, 4), torch.zeros(3, 1, 4, 4)
    assert critic_loss(critic, real, fake).item() == -3.0  # the better it tells them apart, the smaller
    assert adversarial_loss(critic, real).item() < adversarial_loss(critic, fake).item()


def test_low_pass_is_a_gaussian():
    low_pass = LowPass(2.0)
    assert low_pass(torch.full((1, 1, 20, 15), 3.0)) == pytest.approx(3.0, abs=1e-5)
    point = torch.zeros(1, 1, 41, 41)
    point[..., 20, 20] = 1
    rows, columns = np.mgrid[-20:21, -20:21]
    expected = np.exp(-(rows**2 + columns**2) / 8) / (8 * np.pi)
    assert np.abs(low_pass(point)[0, 0].numpy() - expected).max() < 1e-5


def test_cycle_loss_is_blind_to_high_frequencies_of_noisy_images_only():
    def same(x):
        return x

    low_pass, y, x = LowPass(2.0), images(1, 1, 64, 64), images(1, 1, 64, 64, seed=1)
    chequers = (-1.0) ** (torch.arange(64)[:, None] + torch.arange(64))
    wave = torch.cos(2 * torch.pi * torch.arange(64) / 32).expand(64, 64)
    assert cycle_loss(same, same, low_pass, y, x).item() == 0
    # Add a pattern on the way back: to the noisy image it is y that differs, to the clean one x.
    fast, slow = (cycle_loss(same, lambda z, p=p: z + p, low_pass, y, x) for p in (chequers, wave))
    damped = np.exp(-2 * (np.pi * 2.0 / 32) ** 2)
    clean_part = 1.0, wave.abs().mean().item()
    assert fast.item() == pytest.approx(
        clean_part[0], abs=0.05
    )  # the noisy part, 1 before the low-pass, is gone
    assert slow.item() == pytest.approx(clean_part[1] * (1 + damped), abs=0.05)
    # And each goes its own way round: the noisy one is cleaned first, the clean one made noisy first.
    nothing = torch.zeros(1, 1, 64, 64)
    doubled = cycle_loss(lambda z: 2 * z, lambda z: z + wave, low_pass, nothing, nothing)
    assert doubled.item() == pytest.approx(clean_part[1] * (2 + damped), abs=0.05)


# Networks


@pytest.mark.parametrize("line", [(1.0, 0.0), (1.5, -0.6)])
def test_generator_takes_any_size_and_begins_as_a_low_pass(line):
    torch.manual_seed(0)
    network, x = Generator((8, 8, 8), 1, 2.0, line), images(2, 1, 37, 31)
    with torch.no_grad():
        out, expected = network(x), line[0] * network.low_pass(x) + line[1]
    assert out.shape == x.shape
    assert (out - expected).std() < 0.3 * expected.std()
    assert abs((out - expected).mean()) < 0.05


def test_the_generators_begin_on_the_scale_of_the_other_domain():
    networks, low_pass = build(PLAN, 0, 3 * NOISY + 2, CLEAN), LowPass(PLAN.blur)
    with torch.no_grad():
        for name, seen, other in (("to_clean", 3 * NOISY + 2, CLEAN), ("to_noisy", CLEAN, 3 * NOISY + 2)):
            begun, expected = networks[name](seen), low_pass(other)
            assert begun.mean().item() == pytest.approx(
                expected.mean().item(), abs=0.25 * expected.std().item()
            )
            assert begun.std().item() == pytest.approx(expected.std().item(), rel=0.1)


def test_critic_scores_each_image_alone():
    torch.manual_seed(0)
    critic, x = Critic((4, 8, 8)), images(3, 1, 40, 33)
    assert critic(x).shape == (3,)
    assert torch.allclose(critic(x)[1], critic(x[1:2])[0], atol=1e-6)


# Training


def trained(plan=PLAN, seed=0, **options):
    networks = build(plan, seed, NOISY, CLEAN)
    course = fit(networks, NOISY, CLEAN, plan, seed=seed, progress=False, **options)
    return translate(networks["to_clean"], NOISY), course


def test_same_seed_same_bits():
    state = torch.get_rng_state()
    (whole, course), (again, _) = trained(), trained()
    assert torch.equal(torch.get_rng_state(), state) and torch.equal(whole, again)
    assert whole.shape == (2, 64, 64) and whole.abs().max() < 2
    assert course.step == [1, 2, 3, 4] and course.steps == 4 and len(course.cycle) == 4


def test_the_rate_falls_to_zero(monkeypatch):
    rates, step = [], torch.optim.Adam.step

    def watched(optimizer):
        rates.append(optimizer.param_groups[0]["lr"])
        return step(optimizer)

    monkeypatch.setattr(torch.optim.Adam, "step", watched)
    trained()
    falling = [PLAN.lr * part for part in (1, 0.75, 0.5, 0.25)]
    a_step = [*(PLAN.critic_steps * [1.0]), PLAN.adversarial, 1.0]
    assert rates == pytest.approx([rate * share for rate in falling for share in a_step])


def test_seed_and_averaging_matter():
    plan = dataclasses.replace(PLAN, steps=2)
    one, other = trained(plan)[0], trained(plan, seed=1)[0]
    last = trained(dataclasses.replace(plan, averaging=0.0))[0]
    assert not torch.equal(one, other) and not torch.equal(one, last)


def test_all_three_networks_are_trained():
    """Also the critic, which is held still while the generator climbs its score."""
    networks, before = (build(PLAN, 0, NOISY, CLEAN) for _ in range(2))
    fit(networks, NOISY, CLEAN, dataclasses.replace(PLAN, steps=1, averaging=0.0), seed=0, progress=False)
    for name in networks:
        pairs = zip(networks[name].parameters(), before[name].parameters(), strict=True)
        assert all(isinstance(p, nn.Parameter) and p.requires_grad for p in networks[name].parameters())
        assert any(not torch.equal(p, q) for p, q in pairs), name


def test_normalised():
    y = normalised(torch.from_numpy(SERIES.frames))
    assert y.shape == (2, 1, 64, 64) and abs(y.mean().item()) < 1e-5 and y.std().item() == pytest.approx(1)
