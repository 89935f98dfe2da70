"""One verdict before denoising: images made unsuitable in one known way each, and the real ones."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import convolve1d, gaussian_filter

from n2sr_lib import data, io
from n2sr_lib.assess.independence import flat_correlation
from n2sr_lib.assess.suitability import CARE, GOOD, LEVELS, UNSUITABLE, suitability
from n2sr_lib.assess.window import WINDOW, middle
from n2sr_lib.noise import add_noise

DATA = Path(os.environ.get("N2SR_DATA", ""))
needs_data = pytest.mark.skipif("N2SR_DATA" not in os.environ, reason="N2SR_DATA is not set")
# Hx/Hy (± 0.07) and SNR in dB (± 2.5), measured apart from this code.
REAL = {
    "MoS2_stem_Exp-000-2.npy": (0.72, -1.8),
    "MoS2_stem_Exp-001-5.npy": (0.72, -1.3),
    "HRSTEM.h5": (0.63, 4.2),
    "091_HAADF_15nm_Sample_PtNC_21Oct20.tif": (0.92, 7.0),
    "stem_abf_data_imagestack.hspy": (0.70, 0.3),
    "Moire.npz": (0.94, -2.6),
}


def lattice(shape=(256, 320), period: float = 22.0) -> np.ndarray:
    i, j = np.mgrid[: shape[0], : shape[1]] * 2 * np.pi / period
    return 2 + 0.5 * np.cos(i) + 0.5 * np.cos(0.8 * j + 0.2 * i)


def white(shape=(256, 320), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def counts(per_pixel: float = 20.0) -> np.ndarray:
    return np.random.default_rng(1).poisson(per_pixel / 2 * lattice())


@pytest.mark.parametrize("a", [0.1, 0.05, 0.02])
def test_bundled_samples_with_noise_are_good(a):
    for seed, name in enumerate(("ptceo2_a_black", "ptceo2_b_mixed", "ptceo2_c_white")):
        x = torch.from_numpy(data.sample(name))
        found = suitability(add_noise(x, a, 0.02, torch.Generator().manual_seed(seed)).numpy())
        variance = a * float(x.mean()) + 0.02**2
        assert (found.level, found.remarks, found.sampler, found.step) == (GOOD, (), {}, None), (name, found)
        assert found.snr == pytest.approx(10 * np.log10(float(x.var()) / variance), abs=0.6)
        assert found.finest > 6  # of a lattice of some 30 pixels: no noise is taken for structure
        assert max(map(abs, found.flat_correlation)) < 0.05


def test_counts_are_told_from_scaled_values():
    demo = io.read(data.samples_folder() / "demo_noisy.tif").image
    for y, step, true in (
        (counts(), 1, True),
        (demo, 1, True),
        (37 * counts().astype(np.int32), 37, True),
        (counts() / 255.0, 1 / 255, True),
        (counts() + 200, 1, False),  # a pedestal
        (np.rint(20 * counts() + 3 * white()).astype(np.int32), 1, False),  # a detector's own gain
        (np.sqrt(counts()) + 1e-3 * white(), None, False),
    ):
        found = suitability(y)
        assert found.step == (None if step is None else pytest.approx(step)) and found.counts is true, found


def test_hot_and_dead_pixels_are_counted():
    y = counts().astype(np.float32)
    assert (suitability(y).hot, suitability(y).dead) == (0, 0)
    where = np.random.default_rng(2).choice(y.size, 90, replace=False)
    y.flat[where[:60]] += 200
    y = y + 500
    y.flat[where[60:]] = 0
    found = suitability(y)
    # two of them that touch hide each other
    assert 52 <= found.hot <= 60 and 26 <= found.dead <= 30
    assert found.level == CARE and f"{found.hot} hot and {found.dead} dead" in found.reason
    # they do not spoil the estimate of the noise
    assert found.noise.variance == pytest.approx(suitability(counts() + 500).noise.variance, rel=0.02)


def test_many_hot_pixels_are_counted_too():
    y = counts().astype(np.float32)
    y.flat[np.random.default_rng(2).choice(y.size, y.size // 50, replace=False)] += 200
    found = suitability(y)
    assert found.hot > 0.01 * y.size
    assert any(f"{found.hot} hot" in remark.reason for remark in found.remarks)


def test_sparse_counts_are_not_hot_pixels():
    y = np.random.default_rng(3).poisson(np.where(lattice() > 2.5, 3.0, 0.02))
    assert (suitability(y).hot, suitability(y).dead) == (0, 0)
    events = np.random.default_rng(4).poisson(0.05, (256, 320)) * np.random.default_rng(5).normal(1, 0.05)
    for y in (events, events * (1 + 0.05 * white())):  # of one height, and of heights with a spread
        assert (suitability(y).hot, suitability(y).dead) == (0, 0)


@pytest.mark.parametrize(("level", "quantile"), [(CARE, 0.99), (UNSUITABLE, 0.9)])
def test_saturated_and_clipped(level, quantile):
    y = np.rint(40 * lattice() + 8 * white()).astype(np.int16)
    top = int(np.quantile(y, quantile))
    found = suitability(np.minimum(y, top))
    assert found.level == level and "brightest" in found.reason
    assert found.saturated == pytest.approx((y >= top).mean())
    found = suitability(np.maximum(y, int(np.quantile(y, 1 - quantile))))
    assert found.level == level and "darkest" in found.reason and found.saturated == 0
    assert suitability(np.clip(lattice() + white(), None, 4.0)).saturated > 0.01  # not only integers
    # without an electron there is a zero, and that is no clipping
    assert suitability(counts(2.0)).clipped == 0


@pytest.mark.parametrize("axis", [0, 1])
def test_noise_that_is_correlated_along_a_line_by_a_known_amount(axis):
    for weight, level in ((0.1, CARE), (0.2, CARE), (1.0, UNSUITABLE)):
        kernel = np.array([weight, 1, weight])
        found = suitability(3 * lattice() + convolve1d(white(), kernel, axis=axis, mode="wrap"))
        rho = 2 * weight / (kernel**2).sum()
        measured = found.correlation.correlation[(0, 1) if axis else (1, 0)]
        assert measured == pytest.approx(rho, abs=0.03)
        assert found.level == level and ("rows" if axis else "columns") in found.reason
        assert found.sampler == ({"aside": 1} if rho < 0.3 else {"aside": 1, "s": 3})
        assert (found.correlation.hx_hy < 0.8) if axis else (found.correlation.hx_hy > 1.25)


@pytest.mark.parametrize("size", [4, 5])
def test_noise_that_is_smooth_over_many_pixels_is_told_by_its_direction(size):
    found = suitability(3 * lattice() + convolve1d(white(), np.ones(size), axis=1, mode="wrap"))
    assert found.level == UNSUITABLE and "along rows" in found.reason and found.sampler["s"] == 3
    assert max(map(abs, found.correlation.correlation.values())) <= 1


def test_flat_patches_show_the_correlation_of_the_noise():
    y = convolve1d(white((512, 512)), [0.5, 1, 0.5], axis=1)
    y[:, 256:] += 9 * lattice((512, 256))  # half of the image is flat
    rows, columns = flat_correlation(y)
    assert rows == pytest.approx(2 / 3, abs=0.03) and abs(columns) < 0.05


def test_blur_is_not_noise():
    noisy = lattice() + 0.2 * white()
    assert suitability(noisy).level == GOOD
    blurred = suitability(gaussian_filter(noisy, 1.0))
    assert blurred.level == UNSUITABLE and "in both directions" in blurred.reason
    assert suitability(gaussian_filter(noisy, 4.0)).level == UNSUITABLE
    simulated = suitability(lattice())
    assert simulated.level == UNSUITABLE and "sharpen" in simulated.advice
    for deviation, level in ((0.01, CARE), (0.004, UNSUITABLE)):
        found = suitability(gaussian_filter(lattice(), 5) + deviation * white())
        assert found.level == level and "little noise" in found.reason and "blur" in found.advice


@pytest.mark.parametrize(
    ("y", "word"),
    [
        (np.ones((99, 99)), "constant"),
        (np.ones((20, 200)), "20×200"),
        (np.ones((2, 99, 99)), "3 dimensions"),
        (np.full((99, 99), np.nan), "NaN"),
    ],
)
def test_what_is_no_image_is_not_suitable(y, word):
    found = suitability(y)
    assert found.level == UNSUITABLE and word in found.reason and found.advice
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["level"] == UNSUITABLE


def test_small_flat_and_coarse_images_need_care():
    assert "few to learn from" in suitability(lattice((100, 300)) + 0.3 * white((100, 300))).reason
    flat = suitability(np.random.default_rng(0).poisson(9.0, (256, 256)))
    assert flat.level == CARE and "nothing stands out" in flat.reason and flat.finest is None
    i, j = np.indices((256, 320))
    fine = suitability(2 + 0.4 * np.cos(2 * np.pi * 0.2 * (i + j)) + white())
    assert fine.finest == pytest.approx(3.5, abs=0.1)
    assert fine.level == CARE and "as fine as 3.5 pixels" in fine.reason
    holes = lattice() + white()
    holes[5, 5] = np.nan
    assert suitability(holes).missing == 1 and "NaN" in suitability(holes).reason


def test_the_worst_comes_first_and_units_do_not_matter():
    y = np.minimum(lattice((100, 300)) + convolve1d(white((100, 300)), [1, 1, 1], axis=1), 3.5)
    found = suitability(y)
    assert found.level == UNSUITABLE and len(found.remarks) >= 2
    assert [LEVELS.index(r.level) for r in found.remarks] == sorted(
        (LEVELS.index(r.level) for r in found.remarks), reverse=True
    )
    other = suitability(1000 * y)
    assert [r.level for r in other.remarks] == [r.level for r in found.remarks]
    assert str(found) == f"{found.level}: {found.reason}; {found.advice}"
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["correlation"]["hx_hy"] > 0


def test_a_large_image_is_measured_in_its_middle():
    assert middle(np.arange(35).reshape(5, 7), 2).tolist() == [[9, 10], [16, 17]]
    assert middle(np.ones((5, 7)), 6).shape == (5, 6)
    y = 9 * white((WINDOW + 900, 64))
    y[450:-450] = 2 * lattice((WINDOW, 64)) + white((WINDOW, 64))
    found = suitability(y)
    assert found.shape == (WINDOW + 900, 64)
    assert found.noise.variance == pytest.approx(1, rel=0.1)


@needs_data
@pytest.mark.parametrize("name", list(REAL))
def test_real_images(name):
    path, (hx_hy, snr) = DATA / "real" / name, REAL[name]
    reach = {} if "MoS2" in name else {"s": 3}  # the noise of the others correlates over two pixels
    if path.suffix == ".h5":
        h5py = pytest.importorskip("h5py")
        with h5py.File(path) as file:
            y = file["data"][()]
    else:
        pytest.importorskip("rsciio")
        y = io.read(path, frame=0 if path.suffix == ".hspy" else None).image
    found = suitability(y)
    assert found.correlation.hx_hy == pytest.approx(hx_hy, abs=0.07)
    assert found.snr == pytest.approx(snr, abs=2.5)
    assert (found.level, found.sampler) == ((GOOD, {}) if hx_hy > 0.9 else (CARE, {"aside": 1} | reach))
    assert (found.hot, found.dead, found.saturated, found.clipped) == (0, 0, 0.0, 0.0)
