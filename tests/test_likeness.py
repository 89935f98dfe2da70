import numpy as np
import pytest

from n2sr_lib.simulated.likeness import describe, overlap, spacings


def planes(period, angle, shape=(300, 333)):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    phase = 2 * np.pi / period * (np.cos(np.radians(angle)) * columns + np.sin(np.radians(angle)) * rows)
    return np.cos(phase)


@pytest.mark.parametrize("angle", [0, 35, 90, 140])
def test_spacings_are_the_periods_of_the_planes_strongest_first(angle):
    image = planes(46.4, angle) + 0.5 * planes(28.4, angle + 60) + 0.2 * planes(20.0, angle + 100)
    assert spacings(image) == pytest.approx([46.4, 28.4, 20.0], rel=0.02)


def test_description_of_a_known_image():
    image = 0.4 + 0.1 * planes(20.0, 30)
    image[:, :120] = 0.4
    d = describe(image.astype(np.float32))
    assert (d["minimum"], d["maximum"], d["mean"]) == pytest.approx((0.3, 0.5, 0.4), abs=2e-3)
    assert d["deviation"] == pytest.approx(0.1 * np.sqrt(0.5 * 213 / 333), rel=0.01)
    assert d["empty"] == pytest.approx((120 - 24) / 333, abs=0.02)  # half the window less
    assert d["spacing"] == pytest.approx(20, rel=0.02)
    assert 15 < describe(planes(20.0, 30))["finest"] <= 20
    assert abs(d["skewness"]) < 0.05
    # Bright columns on a dark ground, and the other way round.
    columns = np.exp(4 * (planes(40.0, 0) + planes(40.0, 90)))
    assert describe(columns)["skewness"] > 1 > -1 > describe(-columns)["skewness"]


def test_overlap_of_histograms():
    a = np.random.default_rng(0).normal(size=(200, 300))
    assert overlap(a, a.T) == pytest.approx(1)
    assert overlap(a, a + 100) == 0
    # Two normal laws one deviation apart share 2 Φ(−1/2).
    assert overlap(a, a[::-1] + 1) == pytest.approx(0.617, abs=0.02)
