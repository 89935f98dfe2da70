"""Figures: what their axes and scales say, and that a saved one is small and true in colour."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image

from n2sr_lib import plotting
from n2sr_lib.train import History


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:90, :140]
    x = (5 + np.cos(columns / 4) * np.cos(rows / 5)).astype(np.float32)
    return x + rng.normal(size=x.shape).astype(np.float32), x, np.abs(rng.normal(size=x.shape)) / 9


@pytest.mark.parametrize("width", [0.03, 0.6, 1.0, 1.5, 2.4986, 3000, 2999.9999999999995, 1e-6])
def test_scale_bar_is_round_and_about_a_quarter(width):
    length = plotting.bar_length(width)
    assert width / 7.5 < length <= width / 3 * (1 + 1e-9)  # the longest step is from 2 to 5
    assert float(f"{length:e}".split("e")[0]) in (1, 2, 5)


def test_power_of_white_noise_is_its_variance():
    y = np.random.default_rng(0).normal(100, 3, (120, 200))
    power = plotting.power_spectrum(y)
    # Relative error of a mean of squares under the window: the mean of a Hann window's fourth power over the
    # square of that of its second is 35/18 along each axis.
    assert power.mean() == pytest.approx(9, rel=5 * np.sqrt(2 * (35 / 18) ** 2 / y.size))
    frequency, mean = plotting.radial_mean(power)
    assert frequency[0] > 0 and frequency[-1] == pytest.approx(0.5)
    assert np.median(mean) == pytest.approx(9, rel=0.1)


@pytest.mark.parametrize(("fx", "fy"), [(0.2, 0), (0, 0.2), (0.12, -0.16)])
def test_radial_mean_finds_the_frequency_in_a_rectangular_image(fx, fy):
    rows, columns = np.mgrid[:100, :250]
    power = plotting.power_spectrum(np.cos(2 * np.pi * (fx * columns + fy * rows)))
    frequency, mean = plotting.radial_mean(power)
    assert frequency[mean.argmax()] == pytest.approx(0.2, abs=0.01)


def test_comparison_has_one_grey_scale_and_another_for_the_spread(images):
    y, x, spread = images
    fig = plotting.show_comparison(y, x, spread, 0.01, "nm", title="demo")
    shown = {axes.get_title(): axes.images[0] for axes in fig.axes if axes.get_title()}
    limits = shown["noisy"].get_clim()
    assert limits == shown["denoised"].get_clim() != shown["spread"].get_clim()
    assert shown["spread"].get_clim()[0] == 0
    assert "0.2 nm" in {text.get_text() for text in fig.axes[0].texts}
    bar = fig.axes[0].patches[1]  # behind the dark ground
    assert bar.get_width() * y.shape[1] * 0.01 == pytest.approx(0.2)
    assert not fig.axes[0].get_xlabel()
    assert any("standard deviation" in axes.get_xlabel() for axes in fig.axes)


def test_grey_scale_clips_noise_but_not_rare_atoms_of_the_result(images):
    y, x, _ = (image.copy() for image in images)
    low, high = plotting.show_comparison(y, x).axes[0].images[0].get_clim()
    assert 0.9 <= np.mean((y >= low) & (y <= high)) < 0.95
    for rare, height in ((np.s_[:10, :15], 30), (np.s_[-10:, -15:], -30)):  # 1.2 % of the pixels each
        x[rare] += height
        y[rare] += height
    low, high = plotting.show_comparison(y, x).axes[0].images[0].get_clim()
    assert np.mean((x >= low) & (x <= high)) >= 0.997


def test_without_a_pixel_size_axes_are_in_pixels(images):
    y, x, _ = images
    fig = plotting.show_comparison(y, x)
    assert fig.axes[0].get_xlabel() == "column (pixels)" and not fig.axes[0].texts
    # The enlarged part lies where the frame says: its pixels keep their numbers.
    assert fig.axes[2].images[0].get_extent() == [54.5, 84.5, 59.5, 29.5]
    np.testing.assert_array_equal(fig.axes[2].images[0].get_array(), y[30:60, 55:85])
    assert "cycles per pixel" in plotting.show_spectra(y, x).axes[0].get_xlabel()
    assert plotting.show_image(y).axes[0].get_ylabel() == "row (pixels)"


def test_spectra_are_in_inverse_nanometres_on_one_scale(images):
    y, x, _ = images
    fig = plotting.show_spectra(y, x, 0.01, "nm", noise_variance=1.0)
    before, after, mean = fig.axes[:3]
    assert before.get_xlabel() == "frequency (1/nm)" == mean.get_xlabel()
    assert before.images[0].get_clim() == after.images[0].get_clim()
    assert before.images[0].origin == "lower"
    assert set(mean.lines[2].get_ydata()) == {1.0}  # the noise
    frequency, power = mean.lines[0].get_data()
    # cos(c/4) cos(r/5): four waves at (1/4, 1/5)/2π per pixel
    expected = np.hypot(1 / 4, 1 / 5) / (2 * np.pi) / 0.01
    assert frequency[power.argmax()] == pytest.approx(expected, abs=1.5 / 0.9)
    # The image shows what it should where it should: its strongest pixel is one of the four waves.
    power = before.images[0].get_array()
    row, column = np.unravel_index(power.argmax(), power.shape)
    left, right, bottom, top = before.images[0].get_extent()
    fx = left + (column + 0.5) * (right - left) / power.shape[1]
    fy = bottom + (row + 0.5) * (top - bottom) / power.shape[0]
    assert abs(fx) == pytest.approx(25 / (2 * np.pi), abs=1 / 1.4)
    assert abs(fy) == pytest.approx(20 / (2 * np.pi), abs=1 / 0.9)


def test_profile_shows_the_pixels_themselves(images):
    y, x, spread = images
    fig = plotting.show_profile(y, x, spread, 0.01, "nm", clean=x)
    along, values = fig.axes[1].lines[0].get_data()
    np.testing.assert_array_equal(values, y[45])
    np.testing.assert_allclose(along, np.arange(140) * 0.01)
    assert fig.axes[1].get_xlabel() == "distance (nm)"
    np.testing.assert_array_equal(fig.axes[1].lines[1].get_ydata(), x[45])  # the clean one
    band = fig.axes[1].collections[0].get_paths()[0].vertices[:, 1]
    assert band.max() == pytest.approx((x + spread)[45].max())
    assert band.min() == pytest.approx((x - spread)[45].min())
    fig = plotting.show_profile(y, x, start=(10, 20), end=(50, 20))
    np.testing.assert_array_equal(fig.axes[1].lines[1].get_ydata(), x[10:51, 20])
    assert fig.axes[1].get_xlabel() == "distance (pixels)"
    assert [list(line.get_xdata()) for line in fig.axes[0].lines] == [[20, 20]]


def test_history_survives_points_without_held_out_pixels():
    fig = plotting.show_history(History([1, 2], [1.0, 0.5], [float("nan"), 0.6], [0.1, 0.2], 2))
    assert list(fig.axes[0].lines[0].get_ydata()) == [1.0, 0.5]
    assert fig.axes[0].get_xlabel() == "training step"


def test_a_saved_figure_is_small_and_keeps_its_greys(tmp_path):
    ramp = np.tile(np.linspace(0, 1, 600), (600, 1))
    noise = np.random.default_rng(0).random((300, 300))
    path = plotting.save_figure(plotting.show_comparison(noise, noise), tmp_path / "a.png", 150_000)
    assert path.stat().st_size <= 150_000
    fig, axes = plt.subplots(figsize=(6, 6))
    fig.figimage(ramp, cmap="gray")
    axes.remove()
    plotting.save_figure(fig, tmp_path / "b.png")
    seen = np.asarray(Image.open(tmp_path / "b.png").convert("RGB")).astype(int)
    assert (seen[2, 650] == 255).all()  # paper white
    grey = seen[-300, :600]
    assert np.ptp(grey, axis=1).max() <= 4  # no grey has turned into a colour
    assert (
        np.abs(grey[:, 0] - 255 * ramp[0]).max() <= 8
    )  # 64 levels, 4 apart; Pillow may miss the nearest by one


def test_a_title_is_no_formula(noisy):
    title = "run_$1_$2"
    for figure in (
        plotting.show_image(noisy, title=title),
        plotting.show_comparison(noisy, noisy, title=title),
    ):
        figure.canvas.draw()
        (text,) = [t for t in figure.findobj(Text) if t.get_text() == title]
        assert not text.get_parse_math()
