"""Studies of a trained network, with estimators whose answers are known instead of one."""

import numpy as np
import pytest

from n2sr_lib import metrics
from n2sr_lib.strategies import Prediction
from n2sr_lib.strategies.noise2sr import Noise2SR
from n2sr_lib.studies import CHAINS, COUNTS, SHOWN, calibration, readings, samples

A, B, SIGMA = 0.05, 0.02, 0.05
SHAPE = (200, 240)


@pytest.fixture(scope="module")
def pair():
    rng = np.random.default_rng(0)
    x = (0.5 + 0.2 * np.sin(np.arange(SHAPE[0]) / 3)[:, None] * np.cos(np.arange(SHAPE[1]) / 4)).astype("f4")
    variance = A * x + B**2
    return x, (x + rng.normal(size=SHAPE) * np.sqrt(variance)).astype("f4"), variance


def test_error_of_independent_guesses_falls_as_one_over_m(pair):
    x, y, variance = pair

    def guess(strategy, y, seed):
        """x with fresh noise, turned as y is: the transposed sizes say how far."""
        rng = np.random.default_rng(seed)
        image = rng.normal(0.5, SIGMA, y.shape).astype("f4")
        return Prediction(image, image, np.where(rng.random(y.shape) < 0.75, image, np.nan))

    flat = np.full_like(x, 0.5)
    flat[0, 0] = 0.51  # PSNR wants a range
    result, shown = samples(guess, Noise2SR(M=8, flips=True), flat, y - x + flat, variance)
    assert result["M"] == list(COUNTS) and len(shown) == len(SHOWN)
    assert len(result["psnr"]) == CHAINS
    peak = np.ptp(flat) ** 2
    np.testing.assert_allclose(result["psnr"], 10 * np.log10(peak / np.array(result["error"])), atol=1e-3)
    last = [np.array(result[name])[:, -1] for name in ("psnr_unseen", "error_unseen")]
    np.testing.assert_allclose(last[0], 10 * np.log10(peak / last[1]), atol=1e-3)
    pixels = x.size
    for error, estimate in zip(result["error"], result["estimate"], strict=True):
        expected = SIGMA**2 / np.array(COUNTS)
        assert np.abs(np.array(error) / expected - 1).max() < 5 * np.sqrt(2 / pixels)
        # The noise of y is independent of these guesses, so that the estimate is honest for both means.
        spread = np.sqrt(2 / pixels) * variance.mean() * 5
        assert np.abs(np.array(estimate) - error).max() < spread
    # Out of bag fewer guesses count, a known number of each pixel's: 3/4 of M on the average.
    unseen = np.mean(result["error_unseen"], axis=0)
    assert unseen[COUNTS.index(100)] == pytest.approx(SIGMA**2 / 75, rel=0.03)
    assert np.mean((shown[1] - 0.5) ** 2) == pytest.approx(SIGMA**2 / 5, rel=0.05)


def test_readings_come_back_to_their_place(pair):
    """An estimator that returns its input makes every reading return y itself."""
    x, y, variance = pair

    def same(strategy, y, seed):
        return Prediction(y, y, y)

    for s in (2, 3):
        result, _ = readings(same, Noise2SR(s=s, sampling="fixed"), x, y, variance)
        assert set(result) == {"phases", "flips", "both", "random"}
        drange = metrics.data_range(x)
        for score in result.values():
            assert score["psnr"] == pytest.approx(metrics.psnr(x, y, data_range=drange), abs=1e-4)
            assert score["ssim"] == pytest.approx(metrics.ssim(x, y, data_range=drange), abs=1e-5)


def test_readings_differ_in_what_the_network_gets(pair):
    x, y, variance = pair
    asked = []

    def note(strategy, y, seed):
        asked.append((strategy.sampling, strategy.M, y.shape))
        return Prediction(y, y, y)

    readings(note, Noise2SR(s=2, M=96, sampling="fixed"), x, y, variance)
    h, w = SHAPE
    assert asked[:4] == [("fixed", 1, (h + i, w + j)) for i in (0, 1) for j in (0, 1)]
    assert asked[4:12].count(("fixed", 1, (w, h))) == 4
    assert asked[-1] == ("random", 96, SHAPE) and len(asked) == 4 + 8 + 32 + 1


def test_calibration_knows_an_honest_estimate_from_one_that_has_seen_the_noise(pair):
    x, y, variance = pair
    noise = y - x
    spread = np.linspace(0.02, 0.08, x.size).reshape(SHAPE)  # twice the deviation of the error
    wrong = x + np.random.default_rng(1).normal(size=SHAPE) * spread / 2

    def independent(strategy, y, seed):
        return Prediction(wrong, spread, wrong)

    said, shown = calibration(independent, Noise2SR(), x, y, variance)
    assert shown == [] and said["true"] == pytest.approx(
        np.mean((wrong - x) ** 2) / variance.mean(), rel=1e-3
    )
    assert abs(said["estimate"] - said["true"]) < 4 * said["standard_error"] < 0.1
    assert said["variance"] == pytest.approx(1, abs=0.03)
    assert said["factor"] == pytest.approx(0.5, rel=0.03) and said["within"][0] == pytest.approx(
        0.954, abs=0.01
    )
    np.testing.assert_allclose(said["error"], 0.5 * np.array(said["spread"]), rtol=0.05)

    def copied(strategy, y, seed):
        return Prediction(wrong, spread, wrong + 0.2 * noise)

    said, _ = calibration(copied, Noise2SR(), x, y, variance)
    assert said["estimate"] < said["true"] - 4 * said["standard_error"]
