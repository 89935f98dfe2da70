"""Is the noise independent from pixel to pixel? Known white noise, known filters, real images."""

import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from scipy.ndimage import convolve1d, zoom

from n2sr_lib.assess.independence import LAGS, noise_correlation
from n2sr_lib.errors import InputError
from n2sr_lib.noise import add_noise

K = 4.5  # standard errors allowed per comparison
DATA = Path(os.environ.get("N2SR_DATA", ""))
needs_data = pytest.mark.skipif("N2SR_DATA" not in os.environ, reason="N2SR_DATA is not set")
# Noise power at high horizontal over high vertical frequency, measured apart from this code (± 0.07).
HX_HY = {
    "MoS2_stem_Exp-000-2.npy": 0.72,
    "MoS2_stem_Exp-001-5.npy": 0.72,
    "HRSTEM.h5": 0.63,
    "091_HAADF_15nm_Sample_PtNC_21Oct20.tif": 0.92,
    "stem_abf_data_imagestack.hspy": 0.70,
    "Moire.npz": 0.94,
}


def white(seed: int = 0, shape=(320, 384)) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def lattice(shape=(320, 384), period: float = 22.0) -> np.ndarray:
    i, j = np.mgrid[: shape[0], : shape[1]] * 2 * np.pi / period
    return np.cos(i) + np.cos(0.8 * j + 0.2 * i)


@needs_data
def test_white_noise_on_the_papers_images():
    for number in range(1, 6):
        x = torch.from_numpy(tifffile.imread(DATA / "ptceo2" / f"{number}.tif"))
        for level, a in enumerate((0.1, 0.05, 0.02)):
            found = noise_correlation(
                add_noise(x, a, 0.02, torch.Generator().manual_seed(10 * number + level))
            )
            assert found.independent, (number, a, found)
            assert abs(found.hx_hy - 1) < K * found.hx_hy_standard_error
            for lag in LAGS:
                assert abs(found.correlation[lag]) < K * found.standard_error[lag], (number, a, lag)


def test_white_noise_on_the_smallest_images_raises_no_alarm():
    """Nine patches tell their standard error badly: at 4 of them three images in a hundred were blamed."""
    assert all(noise_correlation(white(seed, (64, 64))).independent for seed in range(200))


@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_standard_errors_are_the_scatter(weight):
    n, shape, kernel = 40, (256, 320), [weight, 1.0, weight]
    found = [noise_correlation(convolve1d(white(s, shape), kernel) + lattice(shape)) for s in range(n)]
    for values, errors in [([f.hx_hy for f in found], [f.hx_hy_standard_error for f in found])] + [
        ([f.correlation[lag] for f in found], [f.standard_error[lag] for f in found]) for lag in LAGS
    ]:
        # ln of a deviation has standard error 1/sqrt(2n); half-overlapping patches add up to 8 %
        assert abs(np.log(np.std(values) / np.mean(errors))) < K / np.sqrt(2 * n) + 0.08
    assert sum(f.independent for f in found) == (0 if weight else n)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("weight", [0.1, 0.5])
def test_known_filter_gives_its_autocorrelation(axis, weight):
    kernel = np.array([weight, 1.0, weight])
    energy = 1 + 2 * weight**2
    expected = dict.fromkeys(LAGS, 0.0)
    one, two = ((1, 0), (2, 0)) if axis == 0 else ((0, 1), (0, 2))
    expected[one], expected[two] = 2 * weight / energy, weight**2 / energy
    # a lattice of three times the noise: none of it may be read as correlation
    found = noise_correlation(3 * lattice() + convolve1d(white(), kernel, axis=axis, mode="wrap"))
    assert not found.independent and "correlated" in found.advice
    assert (found.hx_hy > 1.25) if axis == 0 else (found.hx_hy < 0.8)
    for lag in LAGS:
        assert abs(found.correlation[lag] - expected[lag]) < K * found.standard_error[lag] + 1e-3, lag


def test_correlation_equal_in_both_directions_is_found():
    y = convolve1d(convolve1d(white(shape=(768, 768)), [0.1, 1, 0.1], axis=0), [0.1, 1, 0.1], axis=1)
    found = noise_correlation(y)
    assert abs(found.hx_hy - 1) < K * found.hx_hy_standard_error and not found.independent
    assert abs(found.correlation[(1, 1)] - (0.2 / 1.02) ** 2) < K * found.standard_error[(1, 1)] + 2e-3
    assert not noise_correlation(zoom(white(shape=(256, 256)), 1.3, order=1)).independent  # resampled


def test_many_small_correlations_show_in_the_spectrum():
    y = convolve1d(convolve1d(white(shape=(768, 768)), [0.02, 1, 0.02], axis=1), [-0.02, 1, -0.02], axis=0)
    found = noise_correlation(y)
    assert max(map(abs, found.correlation.values())) < 0.05 and found.hx_hy < 0.8 and not found.independent


def test_a_weak_correlation_is_named_but_passes():
    found = noise_correlation(convolve1d(white(shape=(768, 768)), [0.0, 1.0, 0.03], axis=1))
    assert found.independent and "nearly" in found.advice
    assert noise_correlation(white(shape=(768, 768))).advice.startswith("No correlation")


def test_units_do_not_matter():
    y = lattice() + white() + 5
    one, other = noise_correlation(y), noise_correlation(4096 * y)
    assert other.hx_hy == pytest.approx(one.hx_hy) and other.independent == one.independent


@pytest.mark.parametrize(
    "y", [np.ones((128, 128)), np.ones((20, 200)), np.ones((2, 128, 128)), lattice() + 10]
)
def test_images_without_noise_are_refused(y):
    with pytest.raises(InputError):
        noise_correlation(y)


def read(name: str) -> np.ndarray:
    path = DATA / "real" / name
    if path.suffix in (".h5", ".hspy"):
        h5py = pytest.importorskip("h5py")
        with h5py.File(path) as file:
            return file["data" if path.suffix == ".h5" else "Experiments/004_ABF_movie_21/data"][()]
    if path.suffix == ".npz":
        return np.load(path)["im_array"]
    return np.load(path) if path.suffix == ".npy" else tifffile.imread(path)


@needs_data
@pytest.mark.parametrize("name", list(HX_HY))
def test_real_images(name):
    y = read(name)
    found = noise_correlation(y[0] if y.ndim == 3 else y)
    print(
        f"{name}: Hx/Hy {found.hx_hy:.3f} ± {found.hx_hy_standard_error:.3f} (README {HX_HY[name]}), {found}"
    )
    assert abs(found.hx_hy - HX_HY[name]) < 0.07
    assert found.independent == (HX_HY[name] > 0.9)
