"""Transfer of spatial frequencies: known filters, known noise, and bounds that hold for any estimate."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from n2sr_lib.errors import InputError
from n2sr_lib.results import transfer


def white(seed: int, shape=(150, 200), deviation: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(scale=deviation, size=shape)


def wave(frequency: float, amplitude: float, shape=(192, 160)) -> np.ndarray:
    return amplitude * np.cos(2 * np.pi * frequency * np.arange(shape[1])) * np.ones((shape[0], 1))


def test_the_truth_itself_is_kept_whole():
    x = white(0)
    rings = transfer.radial(x, x + 3)  # a constant is no detail
    assert rings.transfer == pytest.approx(1) and rings.error.max() < 1e-12
    assert transfer.kept(rings, rings.frequency < 0.5) == pytest.approx((1, 0))
    assert rings.count.sum() == x.size - 1
    # White noise lies at its variance, ring by ring.
    well = rings.count > 100
    assert np.all(np.abs(rings.clean[well] - 1) < 5 * np.sqrt(2 * transfer.HANN / rings.count[well]))


def test_a_blur_has_its_known_transfer():
    sigma, x = 1.5, white(1)
    rings = transfer.radial(x, gaussian_filter(x, sigma, mode="wrap"))
    seen = (rings.frequency > 0.03) & (rings.frequency < 0.3)
    expected = np.exp(-2 * (np.pi * sigma * rings.frequency[seen]) ** 2)
    assert np.abs(rings.transfer[seen] - expected).max() < 0.02
    # Undoing it leaves next to nothing: what is damped is not lost. All of the error is structure.
    seen &= rings.frequency > 0.1  # below, the blur's own error is as small as the width of a ring makes it
    assert np.all(rings.left[seen] < 0.03 * rings.error[seen])
    assert transfer.structure_share(rings) == pytest.approx(1, abs=0.02)


def test_noise_adds_error_and_no_transfer():
    x, variance = white(2), 0.5
    rings = transfer.radial(x, 0.8 * x + white(3, deviation=variance**0.5))
    everything = np.ones_like(rings.count, dtype=bool)
    value, error = transfer.kept(rings, everything)
    assert abs(value - 0.8) < 4 * error
    power = np.average(rings.error, weights=rings.count)
    assert power == pytest.approx(0.2**2 + variance, rel=0.05)
    # The best factor is Wiener's: 0.8 / (0.8² + 0.5).
    gain = np.average(rings.gain, weights=rings.count)
    assert gain == pytest.approx(0.8 / (0.64 + variance), rel=0.03)
    assert np.all(rings.left <= rings.error + 1e-12)
    before, after = 0.2**2 + variance, 1 - 0.8**2 / (0.8**2 + variance)
    assert transfer.decibels(rings.error, rings) == pytest.approx(10 * np.log10(before / after), abs=0.05)
    assert transfer.structure_share(rings) == pytest.approx(0.04 / 0.54, abs=0.03)
    assert transfer.structure(rings) == pytest.approx(0.04, rel=0.3)  # of a truth of variance 1


def test_standard_errors_are_the_scatter():
    x = white(4, (96, 96)) + wave(0.1, 3.0, (96, 96))
    band = slice(5, 20)
    found = []
    for seed in range(80):
        rings = transfer.radial(x, x + white(100 + seed, x.shape))
        chosen = np.zeros(len(rings.count), bool)
        chosen[band] = True
        found.append((*transfer.kept(rings, chosen), rings.transfer[12], rings.standard_error[12]))
    values, errors, one, one_error = np.array(found).T
    for value, error in ((values, errors), (one, one_error)):
        # ln of a deviation has the standard error 1/sqrt(2n) = 0.08
        assert abs(np.log(value.std(ddof=1) / np.sqrt(np.mean(error**2)))) < 0.35
        assert abs(value.mean() - 1) < 4 * value.std() / np.sqrt(80)


def test_fine_detail_lies_between_the_lattice_and_the_noise():
    x = wave(0.05, 1.0) + wave(0.15, 0.2) + wave(0.3, 1e-3)
    rings = transfer.radial(x, x)
    chosen = rings.frequency[transfer.fine(rings, 0.01)]
    assert chosen.min() > 0.045 and chosen.max() < 0.16 and np.abs(chosen - 0.15).min() < 0.01
    with pytest.raises(InputError, match="noise hides"):
        transfer.fine(rings, 1e6)


@pytest.mark.parametrize("pair", [(np.ones((8, 8)), np.ones((8, 8))), (white(0), white(0)[1:])])
def test_refuses_what_cannot_be_compared(pair):
    with pytest.raises(InputError, match="two images of one shape"):
        transfer.radial(*pair)
