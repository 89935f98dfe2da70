"""PSNR and SSIM as in the paper, down to the Noisy row of Table I."""

import math
import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from scipy.ndimage import uniform_filter

from n2sr_lib.errors import InputError
from n2sr_lib.metrics import data_range, psnr, ssim
from n2sr_lib.noise import add_noise

IMAGES = Path(os.environ.get("N2SR_DATA", "")) / "ptceo2"
NOISY = {0.1: (4.57, 0.0120), 0.05: (7.54, 0.0232), 0.02: (11.40, 0.0526)}  # Table I: a, PSNR, SSIM


def pair() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.random((37, 31))
    return x, x + 0.3 * rng.standard_normal(x.shape)


@pytest.mark.skipif("N2SR_DATA" not in os.environ, reason="N2SR_DATA is not set")
@pytest.mark.parametrize("a", list(NOISY))
def test_noisy_row_of_table_1(a):
    """Mean over the five images and the noise seeds 0, 1, 2; the ± of the table is over the images."""
    scores = np.empty((3, 5, 2))
    for i in range(5):
        x = tifffile.imread(IMAGES / f"{i + 1}.tif")
        peak = data_range(x)
        for seed in range(3):
            y = add_noise(torch.from_numpy(x), a, 0.02, torch.Generator().manual_seed(seed)).numpy()
            scores[seed, i] = psnr(x, y, data_range=peak), ssim(x, y, data_range=peak)
    found_psnr, found_ssim = scores.mean(axis=(0, 1))
    print(
        f"a = {a}: {found_psnr:.4f} dB, SSIM {found_ssim:.5f}, ± {scores[..., 0].mean(axis=0).std():.3f} dB"
    )
    assert abs(found_psnr - NOISY[a][0]) < 0.01
    assert abs(found_ssim - NOISY[a][1]) < 0.0002
    assert abs(scores[..., 0].mean(axis=0).std() - 2.67) < 0.01


def test_psnr_is_its_formula():
    x, x_hat = pair()
    expected = 10 * math.log10(4.0 / np.mean((x - x_hat) ** 2))
    assert psnr(x, x_hat, data_range=2.0) == pytest.approx(expected, abs=1e-9)
    assert psnr(x.astype(np.float32), x_hat, data_range=2.0) == pytest.approx(expected, abs=1e-4)
    assert psnr(x, x, data_range=2.0) == math.inf
    # unsigned integers must not wrap around
    assert psnr(np.uint16([[3, 5]]), np.uint16([[5, 3]]), data_range=10) == pytest.approx(10 * math.log10(25))


def test_ssim_is_its_formula():
    x, x_hat = pair()
    c1, c2, bessel = (0.01 * 1.5) ** 2, (0.03 * 1.5) ** 2, 49 / 48

    def mean(z):
        return uniform_filter(z, 7)[3:-3, 3:-3]

    m, m_hat = mean(x), mean(x_hat)
    v, v_hat, cov = (
        bessel * (mean(p) - q) for p, q in ((x * x, m * m), (x_hat**2, m_hat**2), (x * x_hat, m * m_hat))
    )
    expected = (2 * m * m_hat + c1) * (2 * cov + c2) / ((m**2 + m_hat**2 + c1) * (v + v_hat + c2))
    assert ssim(x, x_hat, data_range=1.5) == pytest.approx(expected.mean(), abs=1e-9)
    assert ssim(x, x, data_range=1.5) == pytest.approx(1.0)


def test_range_is_that_of_the_image():
    assert data_range(np.array([[2, 7], [5, 3]], dtype=np.uint8)) == 5.0
    assert data_range(np.array([-100, 100], dtype=np.int8)) == 200.0


def test_range_must_be_said():
    x, x_hat = pair()
    for score in (psnr, ssim):
        with pytest.raises(TypeError):
            score(x, x_hat)
        with pytest.raises(TypeError):
            score(x, x_hat, 1.0)


@pytest.mark.parametrize("score", [psnr, ssim])
@pytest.mark.parametrize(
    ("x_hat", "peak"),
    [
        (np.ones((31, 37)), 1.0),
        (np.full((37, 31), np.nan), 1.0),
        (np.ones((37, 31)), 0.0),
        (np.ones((37, 31)), -1.0),
        (np.ones((37, 31)), math.nan),
    ],
)
def test_unusable_pairs_are_refused(score, x_hat, peak):
    with pytest.raises(InputError):
        score(pair()[0], x_hat, data_range=peak)


def test_ssim_needs_its_window():
    with pytest.raises(InputError):
        ssim(np.ones((6, 50)), np.ones((6, 50)), data_range=1.0)
    with pytest.raises(InputError):
        ssim(np.ones((2, 50, 50)), np.ones((2, 50, 50)), data_range=1.0)
    with pytest.raises(InputError):
        data_range(np.array([1.0, np.nan]))
