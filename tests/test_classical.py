import sys
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from conftest import lattice
from scipy.ndimage import gaussian_filter

from n2sr_lib import bm3d as bm3d_module
from n2sr_lib.bm3d import bm3d
from n2sr_lib.classical import (
    WIDTHS,
    adaptive_wiener,
    blur_width,
    fourier_wiener,
    gaussian_blur,
    non_local_means,
    vst_bm3d,
    wavelet,
)
from n2sr_lib.data import paper_image
from n2sr_lib.errors import InputError
from n2sr_lib.metrics import data_range, psnr
from n2sr_lib.noise import add_noise

A, B = 0.05, 0.02


def noisy_copy(x, a=A, b=B, seed=0, model="gaussian"):
    return add_noise(torch.from_numpy(x), a, b, torch.Generator().manual_seed(seed), model).numpy()


def quality(x, x_hat):
    return psnr(x, x_hat, data_range=data_range(x))


METHODS = [
    lambda y, a, b: adaptive_wiener(y, zero_border=False),
    lambda y, a, b: gaussian_blur(y),
    fourier_wiener,
    vst_bm3d,
    non_local_means,
]
if find_spec("pywt"):
    METHODS.append(wavelet)


@pytest.mark.parametrize("method", METHODS)
def test_takes_any_units_and_keeps_its_promises(clean, noisy, method):
    """Odd sides, float32 out, input untouched, better than the noisy image, and the same in other units."""
    before = noisy.copy()
    x_hat = method(noisy, A, B)
    assert x_hat.shape == noisy.shape and x_hat.dtype == np.float32
    assert np.array_equal(noisy, before)
    assert quality(clean, x_hat) > quality(clean, noisy) + 6
    scaled = method(1000 * noisy, 1000 * A, 1000 * B)
    # Not everywhere: rounding decides which of two equally similar blocks is taken.
    assert np.abs(scaled / 1000 - x_hat).mean() < 1e-3


def test_a_pedestal_of_the_detector_changes_nothing():
    x = 56 * lattice(224, 256, 26.0) - 12  # 2 to 30 counts
    y = noisy_copy(x, 1.0, 1.0, model="poisson")
    for method in (vst_bm3d, fourier_wiener):  # a and b are estimated, and from where they count
        assert quality(x, method(y + 1000) - 1000) > quality(x, method(y)) - 0.5


def test_wiener_reproduces_table_1(data_folder):
    """a = 0.05: the paper's mean over its five images, and what the dark frame costs."""
    images = [paper_image(k) for k in range(1, 6)]
    noisy = [noisy_copy(x) for x in images]
    means = [
        np.mean([quality(x, adaptive_wiener(y, zero_border=z)) for x, y in zip(images, noisy, strict=True)])
        for z in (True, False)
    ]
    assert means[0] == pytest.approx(22.96, abs=0.1)
    assert means[1] > means[0] + 1


@pytest.mark.parametrize(("period", "a"), [(12.0, 0.02), (20.0, 0.05), (40.0, 0.1)])
def test_calibration_finds_the_width_of_least_error(period, a):
    """Within one step of the grid of the width that a clean image would have chosen."""
    x = lattice(256, 192, period)
    y = noisy_copy(x, a)
    errors = [np.mean((gaussian_filter(y, w, mode="mirror") - x) ** 2) for w in WIDTHS]
    best = int(np.argmin(errors))
    assert 0 < best < len(WIDTHS) - 1
    chosen = list(WIDTHS).index(blur_width(y))
    assert abs(chosen - best) <= 1
    assert np.array_equal(gaussian_blur(y), gaussian_filter(y, blur_width(y), mode="mirror"))


def test_calibration_loss_leaves_the_pixel_out():
    """On pure noise the widest blur is right; a loss that saw the pixel would choose the narrowest."""
    y = np.random.default_rng(0).normal(size=(128, 128)).astype(np.float32)
    assert blur_width(y) > 4


def test_strength_of_non_local_means_is_chosen_by_the_image():
    """Nearly clean: nearly untouched. Very noisy: strongly smoothed."""
    x = lattice(96, 96)
    faint, strong = noisy_copy(x, 0, 0.01), noisy_copy(x, 0, 0.5)
    assert quality(x, non_local_means(faint, 0, 0.01)) > quality(x, faint)
    assert quality(x, non_local_means(strong, 0, 0.5)) > quality(x, strong) + 10


def test_missing_wavelets_are_named(noisy, monkeypatch):
    monkeypatch.setitem(sys.modules, "pywt", None)
    with pytest.raises(InputError, match="PyWavelets"):
        wavelet(noisy)


def test_fourier_wiener_removes_white_noise_and_keeps_a_lattice():
    x = lattice(256, 200)
    y = noisy_copy(x)
    x_hat = fourier_wiener(y, A, B)
    assert quality(x, x_hat) > quality(x, gaussian_blur(y))
    # nothing but noise: at most 1 % of its power is left, and the mean stays
    flat = noisy_copy(np.full((256, 200), 0.5, np.float32))
    left = fourier_wiener(flat, A, B)
    assert left.var() < 0.01 * flat.var()
    assert left.mean() == pytest.approx(flat.mean(), abs=1e-5)


def test_haar_is_orthonormal():
    for n in (2, 16, 32):
        haar = bm3d_module._haar(n)
        np.testing.assert_allclose(haar @ haar.T, np.eye(n), atol=1e-6)
        assert np.allclose(haar[0], n**-0.5)
    np.testing.assert_allclose(bm3d_module.DCT2 @ bm3d_module.DCT2.T, np.eye(64), atol=1e-5)


def test_block_matching_finds_the_copies():
    rng = np.random.default_rng(0)
    blocks = rng.normal(size=(9, 11, 64)).astype(np.float32)
    blocks[4, 7] = blocks[0, 3] = blocks[2, 2]
    own = np.array([2 * 11 + 2, 8])
    found = bm3d_module._most_similar(blocks, own, 3)
    assert found[:, 0].tolist() == own.tolist() and set(found[0]) == {4 * 11 + 7, 3, 2 * 11 + 2}
    every = bm3d_module._most_similar(blocks, own, 99)[0]
    distance = ((blocks - blocks[2, 2]) ** 2).sum(-1).ravel()
    assert (np.diff(distance[every]) > -1e-3).all()


def test_bm3d_leaves_a_clean_image_alone():
    """Shrinkage far below the signal, every pixel covered, blocks put back where they came from."""
    x = lattice(45, 61, 9.0) * 100
    np.testing.assert_allclose(bm3d(x, 1e-3), x, atol=1e-2)
    turned = lattice(61, 45, 9.0).T * 100
    np.testing.assert_allclose(bm3d(turned, 1e-3), turned, atol=1e-2)


def test_bm3d_beats_the_local_filters_on_a_lattice(clean, noisy):
    assert (
        quality(clean, vst_bm3d(noisy, A, B)) > quality(clean, adaptive_wiener(noisy, zero_border=False)) + 1
    )


def test_bm3d_covers_every_pixel_of_a_flat_image():
    """All blocks equally similar: each must still be in its own group."""
    assert np.abs(bm3d(np.full((40, 70), 3.0), 1.0) - 3).max() < 1e-5


def test_bm3d_second_stage_helps(clean):
    y = noisy_copy(clean, 0, 0.1) / np.float32(0.1)
    one = bm3d_module._stage(y, None)
    assert quality(clean, bm3d(y, 1) * 0.1) > quality(clean, one * np.float32(0.1))


def test_bm3d_is_equivariant_to_units_and_offset(clean):
    y = noisy_copy(clean, 0, 0.1)
    difference = bm3d(50 * y + 7, 5.0) - (50 * bm3d(y, 0.1) + 7)
    assert np.abs(difference).mean() < 0.05  # 1 % of the noise: rounding decides between equal blocks


@pytest.mark.parametrize("model", ["poisson", "gaussian"])
def test_vst_route_is_unbiased(model):
    """A flat image of 4 counts a pixel: the mean comes back, but for its error and 2 % for the filter."""
    level, a, b = 0.2, 0.05, 0.02
    y = noisy_copy(np.full((128, 128), level, np.float32), a, b, 3, model)
    x_hat = vst_bm3d(y, a, b, model=model)
    error = 4 * np.sqrt(a * level + b**2) / 128
    assert abs(x_hat.mean() - level) < error + 0.02 * level
    assert x_hat.std() < 0.2 * y.std()
    # the algebraic inverse would be low by a/4 = 6 %
    assert error + 0.02 * level < a / 4


def test_estimated_parameters_do_nearly_as_well(clean):
    x = lattice(192, 192)
    y = noisy_copy(x)
    assert abs(quality(x, vst_bm3d(y)) - quality(x, vst_bm3d(y, A, B))) < 0.5
    assert abs(quality(x, fourier_wiener(y)) - quality(x, fourier_wiener(y, A, B))) < 0.5


def test_gaussian_noise_needs_no_transform(clean):
    y = noisy_copy(clean, 0, 0.1)
    assert np.array_equal(vst_bm3d(y, 0, 0.1), bm3d(y, 0.1))


def test_unusable_parameters_are_refused(noisy):
    for a, b in ((A, None), (None, B), (-A, B), (0, 0), (np.nan, B)):
        with pytest.raises(InputError, match="both a and b"):
            vst_bm3d(noisy, a, b)
    for y, sigma in ((noisy[:15], 1.0), (noisy, 0.0), (noisy * np.nan, 1.0)):
        with pytest.raises(InputError):
            bm3d(y, sigma)
