"""Theorem 1 and what breaks it, with fewer draws than the recorded runs; tolerances are standard errors."""

import json
import math

import pytest
import torch

from n2sr_lib import theory
from n2sr_lib.strategies.noise2sr import Noise2SR
from n2sr_lib.theory import CleanTarget, EveryPixel
from n2sr_lib.toy import SMOOTH, WHITE, Law, lattice, risk_gap, train

K = 4  # standard errors
X = lattice()


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def trained():
    """f after a short training on noise that no test draws again."""
    return train(X + WHITE.draw(X, generator(99)), Noise2SR(), seed=0, steps=100)


def repeated(y_sub):
    """The simplest f, the same for every test: each sampled pixel in all places of its block."""
    return y_sub.repeat_interleave(2, -1).repeat_interleave(2, -2)


@pytest.mark.parametrize("law", [WHITE, SMOOTH, Law(0.0, 0.2), Law(0.3, 0.0, (1.0, 1.0, 1.0))])
def test_noise_has_the_variance_and_correlation_of_its_law(law):
    x = X.expand(40, -1, -1, -1)
    n = law.draw(x, generator())
    unit = n / (law.a * x + law.b**2).sqrt()
    k = torch.tensor(law.kernel)
    expected = (k[1:] * k[:-1]).sum() / (k**2).sum() if len(k) > 1 else 0.0
    for values, truth in ((unit**2, 1.0), (unit[..., 1:] * unit[..., :-1], expected), (unit, 0.0)):
        means = values.mean((1, 2, 3))
        assert abs(means.mean() - truth) < K * means.std() / math.sqrt(len(means))


@pytest.mark.parametrize("law", [Law(0.0, 0.16), WHITE])
@pytest.mark.parametrize("sampling", ["random", "fixed"])
def test_theorem_holds_for_independent_noise(trained, law, sampling):
    gap = risk_gap(trained, X, law, 60, generator(1), sampling=sampling)
    assert abs(gap["gap"]) < K * gap["gap_error"]
    assert abs(gap["inner"]) < K * gap["inner_error"]
    # The errors are small enough to mean something: the noise of n² alone gives √(2 / pixels) a draw.
    assert gap["gap_error"] < 1.5 * math.sqrt(2 / (0.75 * X.numel()) * (1 + 2 * gap["risk"]) / 60)
    assert gap["inner_error"] < gap["gap_error"]


def test_theorem_fails_where_a_condition_is_broken(trained):
    seen = risk_gap(trained, X, WHITE, 20, generator(2))
    assert seen["seen_inner"] < -20 * seen["seen_inner_error"]
    smooth = risk_gap(trained, X, SMOOTH, 20, generator(3))
    assert smooth["gap"] < -20 * smooth["gap_error"]


def test_gap_of_a_known_function():
    """If f repeats the sampled pixel, −2⟨f − x, n⟩ is −2σ² where it was seen, −2ρσ² beside it."""
    x = torch.full_like(X, 0.5)
    law = Law(0.0, 0.1, SMOOTH.kernel)
    gap = risk_gap(repeated, x, law, 60, generator(4))
    assert abs(gap["seen_inner"] + 2) < K * gap["seen_inner_error"]
    assert abs(gap["inner"] + 2 * (2 * 2 / 3 + (2 / 3) ** 2) / 3) < K * gap["inner_error"]
    white = risk_gap(repeated, x, Law(0.0, 0.1), 60, generator(5))
    assert abs(white["risk"] - 1) < K * white["risk_error"]


def test_theorem1_reports_what_a_record_needs():
    result = theory.theorem1(0, draws=30, steps=80)
    json.dumps(result, allow_nan=False)
    assert {"effect", "spread", "over_what"} <= set(result)
    assert result["effect"] == result["constant_gap"] and result["spread"] == result["constant_gap_error"]
    for case in ("constant", "signal_dependent"):
        assert abs(result[f"{case}_gap"]) < K * result[f"{case}_gap_error"]
        assert abs(result[f"{case}_z"]) < K
    assert result["control_seen_z"] < -20 and result["control_correlated_z"] < -20
    # The pixels it was trained on flatter it; those held out of the loss do not.
    assert result["control_trained_z"] < -K < result["control_held_out_z"] < K


def test_mask_prevents_copying():
    result = theory.copying(0, images=2, steps=120)
    json.dumps(result, allow_nan=False)
    errors = [result[f"random_{name}_slope_error"] for name in ("mask", "no_mask")]
    assert result["effect"] > K * math.hypot(*errors)
    # Where the sampled pixel may be any of the four, copying it pays in one case of four; else always.
    assert 0.2 < result["random_no_mask_slope"] < 0.35 < 0.8 < result["fixed_no_mask_slope"] < 1.05
    # With the mask a seen pixel weighs no more than a denoiser gives it.
    assert abs(result["fixed_mask_slope"]) < 0.1 and result["random_mask_slope"] < 0.12
    # No function of y_Jc can know the noise of the other pixels: 8 draws, one error of √(1 / pixels) each.
    for sampling in ("random", "fixed"):
        for name in ("mask", "no_mask"):
            assert abs(result[f"{sampling}_{name}_unseen_slope"]) < K / math.sqrt(2 * 8 * 0.75 * X.numel())


def test_correlated_noise():
    result = theory.correlated(0, images=2, steps=80)
    json.dumps(result, allow_nan=False)
    # ρ(1) = 2/3, ρ(2) = 1/6. Random places lie 1, 2, 3 pixels apart along, and 0 or 1 across, the direction.
    along, across = 2 / 3 / 4 + 1 / 6 / 2, (1 + 2 / 3) / 2
    expected = {
        "white_full_neighbours": 0,
        "correlated_full_neighbours": 2 / 3,
        "correlated_fixed_neighbours": 1 / 6,
        "correlated_random_neighbours": along * across,
        "correlated_random_input_target": (2 * 2 / 3 + (2 / 3) ** 2) / 3,
        "correlated_fixed_input_target": (2 * 2 / 3 + (2 / 3) ** 2) / 3,
    }
    # 2 images, 256² sub-sampled pixels; correlated noise has (Σρ²)² times fewer independent ones.
    error = (1 + 2 * (4 / 9 + 1 / 36)) / math.sqrt(2 * 256**2)
    for name, value in expected.items():
        assert abs(result[name] - value) < K * error, name
    # 2 images, 20 draws each: errors of the variance of x_hat − x, noise of the variance σ².
    risk = 10 ** (-result["white_random_gain"] / 10)
    assert abs(result["white_random_inner"]) < K * 2 * math.sqrt(risk / (0.75 * X.numel() * 2 * 20))
    assert result["correlated_random_inner"] < -0.5 and result["correlated_fixed_inner"] < -0.5
    # On white noise the self-supervised loss teaches almost what the true loss does; on correlated noise not.
    assert result["white_supervised_gain"] - result["white_random_gain"] < 2
    assert result["correlated_supervised_gain"] - result["correlated_random_gain"] > 4


def test_strategies_differ_in_what_they_compare():
    """A network that repeats the sampled pixel has no loss there: eq. 2 is 3/4 of eq. 7."""
    y, kept = WHITE.draw(X, generator(6)), torch.ones_like(X)
    masked, every = (cls().loss(repeated, y, kept, generator(7))[0] for cls in (Noise2SR, EveryPixel))
    assert float(every / masked) == pytest.approx(0.75, rel=1e-5)
    strategies = (CleanTarget(law=Law(0.0, 0.0), sampling="fixed"), Noise2SR(sampling="fixed"))
    without_noise, same = (strategy.loss(repeated, X, kept, generator(8))[0] for strategy in strategies)
    assert float(without_noise) == pytest.approx(float(same), rel=1e-5)


def test_seed_fixes_everything_and_the_global_stream_is_left_alone():
    state = torch.get_rng_state()
    first, again, other = (theory.copying(seed, images=2, steps=4) for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    assert repr(first) == repr(again) != repr(other)
