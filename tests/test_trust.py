"""Checks without ground truth, on images where the truth is known: what must be found, and what must not."""

import dataclasses
import json
import math
import re

import numpy as np
import pytest
from scipy.ndimage import convolve1d, gaussian_filter

from n2sr_lib import trust_report
from n2sr_lib.assess import calibration, columns, halves, measured, spots, trust, words
from n2sr_lib.assess.suitability import suitability
from n2sr_lib.crops import held_out_map
from n2sr_lib.denoising import Denoised
from n2sr_lib.errors import InputError
from n2sr_lib.noise_estimate import NoiseEstimate, estimate_noise
from n2sr_lib.spectra import ring_correlation
from n2sr_lib.train import History

SHAPE = (240, 272)
A, B = 0.05, 0.02


def lattice(shape=SHAPE, period: float = 16.0) -> np.ndarray:
    i, j = np.mgrid[: shape[0], : shape[1]] * 2 * np.pi / period
    return 0.5 + 0.12 * (np.cos(i) + np.cos(j))


def noisy(x: np.ndarray, seed: int = 0) -> np.ndarray:
    return x + np.random.default_rng(seed).standard_normal(x.shape) * np.sqrt(A * x + B**2)


def true_noise(x: np.ndarray) -> NoiseEstimate:
    return NoiseEstimate(A, B, (A, A), (B, B), A * x.mean() + B**2, x.mean(), 0.0)


X = lattice()
NOISE = true_noise(X)


def test_the_error_is_estimated_where_the_noise_was_not_seen():
    everywhere, deviations = np.ones(SHAPE, bool), []
    for seed in range(12):
        y = noisy(X, seed)
        x_hat = X + 0.05 * gaussian_filter(np.random.default_rng(99 + seed).standard_normal(SHAPE), 1)
        found = measured.estimated_error(y, x_hat, everywhere, NOISE)
        deviations.append((found.estimate - ((x_hat - X) ** 2).mean()) / found.standard_error)
        assert found.pixels == X.size
        # half the noise copied: the estimate is far too low, and far below what is possible
        copied = measured.estimated_error(y, (X + y) / 2, everywhere, NOISE)
        assert copied.estimate < -20 * copied.standard_error < 0
    assert np.abs(deviations).max() < 4 and np.std(deviations) < 1.5
    # with the noise estimated from the image itself
    found = measured.estimated_error(y, X + 0.1, everywhere, estimate_noise(y))
    assert found.estimate == pytest.approx(0.01, abs=4 * found.standard_error)


@pytest.mark.parametrize("quiet", [True, False])
def test_held_out_pixels_without_noise_are_named(quiet):
    """As where torch.randn drew the noise with the seed of the training; copied noise is another fault."""
    held = np.random.default_rng(3).random(SHAPE) < 0.02
    y = noisy(X)
    y[held & quiet] = X[held & quiet]
    unseen = X if quiet else (X + y) / 2
    found = trust.assess_result(y, X, NOISE, out_of_bag=unseen, held_out=held)
    assert any("seed of the training" in remark.reason for remark in found.remarks) is quiet


def test_the_standard_error_grows_as_the_pixels_become_few():
    y, few = noisy(X), np.zeros(SHAPE, bool)
    few[::10, ::10] = True
    part = measured.estimated_error(y, X, few, NOISE)
    assert part.pixels == few.sum()
    chance = math.sqrt(2 / few.sum()) * NOISE.variance
    assert part.standard_error == pytest.approx(chance, rel=0.25)
    whole = measured.estimated_error(y, X, np.ones(SHAPE, bool), NOISE)
    known = math.hypot(math.sqrt(2 / X.size), measured.VARIANCE_ERROR) * NOISE.variance
    assert whole.standard_error == pytest.approx(known, rel=0.05)
    missing = np.full(SHAPE, np.nan)
    with pytest.raises(InputError, match="no pixel"):
        measured.estimated_error(y, missing, few, NOISE)


def test_a_pedestal_of_the_detector_changes_nothing():
    raised, y = dataclasses.replace(NOISE, mean=NOISE.mean + 10, offset=10.0), noisy(X)
    assert measured.residual(y + 10, X + 10, raised).variance == pytest.approx(
        measured.residual(y, X, NOISE).variance
    )
    everywhere = np.ones(SHAPE, bool)
    assert measured.estimated_error(y + 10, X + 10, everywhere, raised).estimate == pytest.approx(
        measured.estimated_error(y, X, everywhere, NOISE).estimate, abs=1e-6
    )


def test_the_report_asks_pixels_that_were_held_out_and_independent_halves():
    y, x = noisy(X).astype(np.float32), X.astype(np.float32)
    held = held_out_map((1, 1, *SHAPE), 0.02, 7)[0, 0].numpy() == 0
    settings = {"plan": {"held_out": 0.02}, "seed": 7}
    done = Denoised(x, 0 * x, np.where(held, x, y), History(), settings, None, None, 0.0, 1.0)
    _, after = trust_report.examine(y, y, done)
    assert after.held_out.pixels == held.sum()
    assert abs(after.held_out.estimate) < 4 * after.held_out.standard_error
    assert not any("noise is correlated" in remark.reason for remark in after.remarks)
    counts, x = np.random.default_rng(1).poisson(40 * X), (40 * X).astype(np.float32)
    done = dataclasses.replace(done, image=x, out_of_bag=x)
    before, after = trust_report.examine(counts, counts.astype(np.float32), done)
    frequency, correlation, chance, _ = after.agreement
    assert before.counts and (np.abs(correlation) < 4.5 * chance)[frequency > 0.2].all()
    streaks = convolve1d(noisy(X), [0.5, 1, 0.5], axis=1).astype(np.float32)
    _, after = trust_report.examine(streaks, streaks, done)
    assert any("noise is correlated" in remark.reason for remark in after.remarks)


def test_numbers_in_words_are_in_the_units_of_the_image():
    y = noisy(X)
    told = words.numbers(suitability(y), trust.assess_result(y, X, NOISE), 0.02, "nm")
    assert "period 16 px = 0.32 nm" in "\n".join(told)


def test_the_residual_of_the_truth_is_white():
    found = measured.residual(noisy(X), X, NOISE)
    assert found.variance == pytest.approx(1, abs=0.03) and found.outside < 0.02
    correlation = found.correlation.copy()
    assert correlation[measured.LAGS, measured.LAGS] == 1
    correlation[measured.LAGS, measured.LAGS] = 0
    assert np.abs(correlation).max() < 4.5 * found.chance
    assert correlation.std() == pytest.approx(found.chance, rel=0.2)
    assert np.abs(found.power[8:] - 1).max() < 0.25
    assert found.blocks.shape == (15, 17) and found.blocks.std() == pytest.approx(1, abs=0.2)


def test_the_autocorrelation_is_that_of_the_definition():
    y = noisy(X)
    found = measured.residual(y, X, NOISE)
    z = (y - X) / np.sqrt(A * X + B**2)
    z -= z.mean()
    L = measured.LAGS
    for dy, dx in ((0, 1), (1, 0), (2, 3), (5, 5)):
        direct = (z[dy:, dx:] * z[: SHAPE[0] - dy, : SHAPE[1] - dx]).mean() / (z**2).mean()
        assert found.correlation[L + dy, L + dx] == pytest.approx(direct, abs=1e-6)
        assert found.correlation[L - dy, L - dx] == pytest.approx(direct, abs=1e-6)


def test_nothing_is_said_against_the_truth():
    for seed in range(5):
        found = trust.assess_result(noisy(X, seed), X, NOISE, out_of_bag=X)
        assert found.level == trust.NOTHING and not found.remarks, found.remarks
        assert found.spots == ((), (), ())


def test_an_atom_that_was_lost_shows_in_the_map():
    x = X.copy()
    x[100:116, 100:116] += 0.15
    found = measured.residual(noisy(x), X, NOISE)
    assert np.unravel_index(np.abs(found.blocks).argmax(), found.blocks.shape) in {(6, 6), (6, 7), (7, 6)}
    assert np.abs(found.blocks).max() > 5
    remarks = trust.assess_result(noisy(X + 0.05 * (lattice(SHAPE, 90) - 0.5) / 0.12), X, NOISE).remarks
    assert any("blocks" in r.reason for r in remarks)


def test_a_lattice_that_was_invented_is_found():
    i, _ = np.mgrid[: SHAPE[0], : SHAPE[1]]
    wave = np.cos(2 * np.pi * i / 5)
    found = trust.assess_result(noisy(X), X + 0.02 * wave, NOISE)
    assert found.level == trust.DOUBT and "5.0 pixels" in found.reason
    (spot,) = found.spots.invented
    assert abs(spot.fy) == pytest.approx(0.2, abs=0.003) and spot.fx == 0 and spot.denoised > spot.noisy
    for across in (np.indices(SHAPE)[1] / 5, np.indices(SHAPE).sum(axis=0) / 7):  # along rows, and oblique
        found = spots.find_spots(noisy(X), X + 0.02 * np.cos(2 * np.pi * across), NOISE.variance)
        assert len(found.invented) == 1  # not once at f and once more at -f
    # the other way round it is one that was lost
    lost = trust.assess_result(noisy(X + 0.02 * wave), X, NOISE)
    assert lost.level == trust.LOOK and len(lost.spots.lost) == 1 and not lost.spots.invented
    # and below the noise nobody can tell
    faint = trust.assess_result(noisy(X), X + 0.0015 * wave, NOISE)
    assert faint.level == trust.NOTHING and len(faint.spots.unseen) == 1
    assert abs(faint.spots.unseen[0].fy) == pytest.approx(0.2, abs=0.003)


def test_a_blurred_result_leaves_structure_in_the_residual():
    x = lattice(SHAPE, 6.0)
    found = trust.assess_result(noisy(x), gaussian_filter(x, 1.0), true_noise(x))
    assert found.level == trust.LOOK and found.spots.lost
    (kept,) = re.findall(r"keeps (\d+) % of its amplitude", "\n".join(r.reason for r in found.remarks))
    assert float(kept) == pytest.approx(100 * math.exp(-2 * (math.pi / 6) ** 2), abs=2)
    assert any("the residual is correlated" in r.reason for r in found.remarks)
    relieved = trust.assess_result(noisy(x), gaussian_filter(x, 1.0), true_noise(x), correlated=True)
    assert not any("the residual is correlated" in r.reason for r in relieved.remarks)
    assert any("noise is correlated" in r.reason for r in relieved.remarks)


def test_noise_learned_by_heart_shows_in_the_variance():
    y = noisy(X)
    found = trust.assess_result(y, X, NOISE, out_of_bag=X + 0.1 * (y - X))
    assert any("by heart" in r.advice for r in found.remarks)


def test_worse_than_the_noisy_image():
    found = trust.assess_result(noisy(X), X + 0.3, NOISE, out_of_bag=X + 0.3)
    assert found.level == trust.DOUBT and any("further from the truth" in r.reason for r in found.remarks)


def test_everything_goes_into_json():
    y = noisy(X)
    x_hat = X.copy()
    unseen = X.copy()
    unseen[3, 4] = np.nan
    held = np.random.default_rng(0).random(SHAPE) < 0.02
    found = trust.assess_result(
        y, x_hat, NOISE, out_of_bag=unseen, spread=0.1 * X, held_out=held, pair=(y, y)
    )
    told = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert told["level"] == found.level and str(found).startswith(found.level)
    assert told["out_of_bag"]["pixels"] == X.size - 1 and told["held_out"]["pixels"] == held.sum()
    assert told["columns"]["period"] == pytest.approx(16, abs=0.5)
    assert told["spread"] == pytest.approx(0.1 * math.sqrt((X**2).mean()))
    assert np.shape(told["residual"]["correlation"]) == (11, 11)


# ---- Fourier ring correlation ------------------------------------------------------------------------------


def beyond(one, other) -> float:
    """Share of rings whose correlation is more than three deviations of chance from zero."""
    _, correlation, chance = ring_correlation(one, other)
    return float((np.abs(correlation[3:]) > 3 * chance[3:]).mean())


def test_flat_specimen_has_no_ring_correlation():
    """The control: independent halves of a specimen without structure, smoothed apart, agree nowhere."""
    shares, pulls = [], []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        two = halves.halve_counts(rng.poisson(8.0, (256, 256)), rng)
        smooth = [gaussian_filter(h, 1.0) for h in two]
        shares.append(beyond(*smooth))
        _, correlation, chance = ring_correlation(*two)
        pulls.append((correlation / chance)[3:])
    assert np.mean(shares) < 0.015
    # 1/√n is the deviation, not a bound that is never reached
    assert np.std(pulls) == pytest.approx(1, abs=0.12) and abs(np.mean(pulls)) < 0.15


@pytest.mark.parametrize("shape", [(128, 128), (128, 512)])
def test_deviation_of_chance_holds_in_an_oblong_image(shape):
    pulls = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        _, correlation, chance = ring_correlation(rng.normal(size=shape), rng.normal(size=shape))
        pulls.append((correlation / chance)[3:])
    assert np.std(pulls) == pytest.approx(1, abs=4.5 / np.sqrt(2 * np.size(pulls)))


def test_pairs_that_are_not_independent_agree_on_nothing_but_noise():
    """Why they are never offered: on the same flat specimen they look perfect."""
    y = np.random.default_rng(0).poisson(8.0, (256, 256)).astype(float)
    smooth = gaussian_filter(y, 1.0)
    assert beyond(y, smooth) > 0.9
    assert beyond(smooth[::2, ::2], smooth[1::2, 1::2]) > 0.5


def test_ring_correlation_finds_the_lattice_and_nothing_else():
    y = [noisy(X, seed) for seed in (1, 2)]
    frequency, correlation, chance = ring_correlation(*y)
    ring = np.argmin(np.abs(frequency - 1 / 16))
    assert correlation[ring] > 0.9
    assert (np.abs(correlation[frequency > 0.2]) < 4.5 * chance[frequency > 0.2]).all()
    assert halves.agreement(*y).finest == pytest.approx(1 / frequency[correlation > 4.5 * chance].max())
    np.testing.assert_allclose(ring_correlation(y[0], y[0])[1], 1, rtol=1e-6)
    for bad in (y[1][1:], np.ones(SHAPE)):
        with pytest.raises(InputError):
            ring_correlation(y[0], bad)


def test_halves_add_up_and_are_independent():
    rng = np.random.default_rng(5)
    counts = rng.poisson(6.0, (300, 300))
    one, other = halves.halve_counts(counts, rng)
    np.testing.assert_array_equal(one + other, counts)
    assert one.var() == pytest.approx(3, rel=0.03)
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 4.5 / 300
    for bad in (counts + 0.5, counts - 99, counts * np.nan):
        with pytest.raises(InputError, match="no counts"):
            halves.halve_counts(bad, rng)
    # values that are counts times a gain are not independent after it
    one, other = halves.halve_counts(9 * counts, rng)
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.5


# ---- the spread and the columns ----------------------------------------------------------------------------


def test_calibration_finds_the_factor():
    rng = np.random.default_rng(0)
    spread = 0.01 + 0.05 * rng.random(SHAPE)
    found = calibration.calibrate_spread(X, X + 2.5 * spread * rng.standard_normal(SHAPE), spread)
    assert found.factor == pytest.approx(2.5, rel=0.02)
    np.testing.assert_allclose(found.error / found.spread, 2.5, rtol=0.05)
    assert (np.diff(found.spread) > 0).all()
    assert found.within == pytest.approx((math.erf(0.4 / 2**0.5), math.erf(0.8 / 2**0.5)), abs=0.01)


def test_columns_lie_where_they_were_put():
    shape, period = (200, 230), 14.3
    i, j = np.mgrid[: shape[0], : shape[1]]
    x = 0.5 + 0.12 * (np.cos(2 * np.pi * (i - 3.3) / period) + np.cos(2 * np.pi * (j - 5.8) / period))
    assert columns.lattice_period(x) == pytest.approx(period, abs=0.6)
    found = columns.refine_columns(x, columns.find_columns(x, period), 4)
    true = np.rint((found - (3.3, 5.8)) / period) * period + (3.3, 5.8)
    assert len(found) > 100 and np.abs(found - true).max() < 0.04
    # two noisy frames, the other shifted as a whole: the scatter, not the shift
    frames = [x + 0.1 * np.random.default_rng(s).standard_normal(shape) for s in (1, 2)]
    one, other = (columns.refine_columns(f, np.rint(found), 4) for f in frames)
    scatter, share = columns.disagreement(one, other + 0.7, 4)
    direct = (one - other)[np.isfinite(one - other).all(axis=1)]
    assert scatter == pytest.approx(direct.std(), rel=0.05) and share > 0.95
    assert 0.05 < scatter < 0.5


def test_no_columns_without_a_lattice():
    flat = gaussian_filter(np.random.default_rng(0).standard_normal(SHAPE), 3)
    assert columns.lattice_period(flat) is None
    assert measured.measure_columns(flat, flat) is None
    assert math.isnan(columns.disagreement(np.full((4, 2), np.nan), np.zeros((4, 2)), 3)[0])
    with pytest.raises(InputError):
        columns.find_columns(flat, 2.0)


def test_columns_of_noise_and_result():
    found = measured.measure_columns(noisy(X), X)
    assert found.period == pytest.approx(16, abs=0.5) and found.count > 150
    assert 0 < found.difference < 2 and found.found > 0.9
