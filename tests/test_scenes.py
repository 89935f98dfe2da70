"""The simulated series: what they say is true of them is true; characters and their noise."""

import math

import numpy as np
import pytest
import torch

from n2sr_lib.errors import InputError
from n2sr_lib.io import font
from n2sr_lib.simulated import characters, scenes, stand_ins

K = 4  # standard errors
MOVING = scenes.moving(0, 40)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_render_is_the_sum_of_gaussians():
    places, heights = np.array([[10.25, 7.5], [20.0, 30.75]]), np.array([1.0, 0.5])
    rows, columns = np.mgrid[:37, :31]
    expected = sum(
        h * np.exp(-((rows - i) ** 2 + (columns - j) ** 2) / (2 * 1.7**2))
        for (i, j), h in zip(places, heights, strict=True)
    )
    image = scenes.render(places, heights, 1.7, (37, 31))
    assert image.dtype == np.float32 and np.abs(image - expected).max() < 1e-6


def test_sites_are_a_lattice():
    places, vectors = scenes.sites(np.random.default_rng(0), 100, 9.0, np.radians(80))
    assert np.hypot(*vectors.T) == pytest.approx(9.0)
    assert vectors[0] @ vectors[1] == pytest.approx(81 * np.cos(np.radians(80)))
    indices = (places - places[0]) @ np.linalg.inv(vectors)
    assert np.abs(indices - np.rint(indices)).max() < 1e-9
    # One site per cell, on the frame and its border.
    area = (99 + 2 * scenes.BORDER) ** 2 / (81 * np.sin(np.radians(80)))
    assert len(places) == pytest.approx(area, rel=0.05)


def test_clean_domain_has_its_range_and_seed():
    images, again, other = (scenes.clean_domain(12, 48, seed) for seed in (3, 3, 4))
    assert images.shape == (12, 48, 48) and images.dtype == np.float32
    assert np.array_equal(images, again) and not np.array_equal(images, other)
    assert images.min() >= -1 and images.max() <= 1 and (np.ptp(images, axis=(1, 2)) > 0.5).mean() > 0.8


@pytest.mark.parametrize("scene", [scenes.crystal, scenes.moving, scenes.faulty])
def test_a_series_is_counts_of_its_truth(scene):
    s, again, other = scene(5, 6, 96), scene(5, 6, 96), scene(6, 6, 96)
    assert s.frames.shape == s.clean.shape == (6, 96, 96) and s.ground.shape == (96, 96)
    assert np.array_equal(s.frames, again.frames) and not np.array_equal(s.clean, other.clean)
    # Poisson: mean and variance are the clean image; tolerance 5 standard errors.
    z = (s.frames - s.clean) / np.sqrt(s.clean)
    assert abs(z.mean()) < 5 / np.sqrt(z.size)
    assert abs((z**2).mean() - 1) < 5 * np.sqrt((2 + 1 / s.clean.min()) / z.size)
    np.testing.assert_allclose(scene(5, 6, 96, 3.0).clean, 3 * s.clean, rtol=1e-5)
    for places, loose in zip(s.places, s.loose, strict=True):
        assert len(loose) and {tuple(p) for p in loose} <= {tuple(p) for p in places}
    with pytest.raises(InputError, match="48 pixels"):
        scene(0, 0)


def test_a_crystal_is_true_to_its_truth():
    s = scenes.crystal(5, 6)
    for frame, places, vacant in zip(s.clean, s.places, s.vacant, strict=True):

        def at(those, frame=frame):
            i, j = np.rint(scenes.inside(those, 128, 0)).astype(int).T
            return (frame[i, j] - scenes.BACKGROUND) / scenes.PEAK

        assert at(places).min() > 0.6  # the dimmest has 0.7 of the peak, half a pixel aside
        assert at(vacant).max() < 0.25  # what the neighbours leave there
    assert scenes.crystal(5, 1, 256).clean.shape == (1, 256, 256)  # with more single atoms
    longer = scenes.crystal(5, 9)
    assert np.array_equal(longer.frames[:6], s.frames)


def test_what_moves_in_a_crystal_and_what_stays():
    s, extra = scenes.crystal(1, 8), scenes.EXTRA
    empty = [len(v) for v in s.vacant]
    assert min(empty) > 0 and len(set(empty)) > 1  # some blink
    drift = [loose[:extra] - s.loose[0][:extra] for loose in s.loose]
    assert all(np.ptp(d, axis=0).max() < 1e-9 for d in drift) and 0 < np.abs(drift).max() < 8
    steps = np.diff([loose[extra:] - d[0] for loose, d in zip(s.loose, drift, strict=True)], axis=0)
    assert 0.05 < (np.hypot(*np.moveaxis(steps, -1, 0)) > 1e-6).mean() < 0.5


def on_a_ring(frame, centre, radius):
    """The largest value on a circle."""
    angle = np.linspace(0, 2 * math.pi, 60)
    i, j = np.rint(centre[:, None] + radius * np.stack((np.sin(angle), np.cos(angle)))).astype(int)
    return frame[i, j].max()


def test_one_atom_joins_a_cluster():
    atoms = MOVING.clean - MOVING.ground
    each = list(zip(atoms, MOVING.loose, strict=True))
    rings = [on_a_ring(frame, at[0], scenes.SPACING) for frame, at in each]
    assert max(rings[: int(0.3 * 40)]) < 0.1 and min(rings[MOVING.joined :]) > 0.7
    # The other two stay alone, and all of them within the frame.
    assert all(on_a_ring(frame, at[1], scenes.SPACING) < 0.1 for frame, at in each)
    assert np.min(MOVING.loose) > 5 and np.max(MOVING.loose) < 122
    # None is lost, wherever it goes.
    matter = atoms.sum(axis=(1, 2)) / (2 * math.pi * scenes.WIDTH**2)
    np.testing.assert_allclose(matter, matter[0].round(), atol=0.01)


def test_the_fault_shifts_the_rows_by_half_a_period():
    s = scenes.faulty(0, 3, 96)
    for image, loose in zip(s.clean, s.loose, strict=True):
        middle = int(loose[:, 1].mean())
        left, right = image[:, : middle - 14].mean(axis=1), image[:, middle + 14 :].mean(axis=1)
        assert np.corrcoef(left, right)[0, 1] < -0.3
        assert np.corrcoef(left[6:], right[:-6])[0, 1] > 0.99
        assert np.ptp(loose[:, 1]) < 2 * scenes.FAULT


def test_stand_ins_have_the_noise_that_they_state():
    x, y = stand_ins.fluorescence(0, 6, 64)
    residual = (y - x) / np.sqrt(x + 0.3**2)
    assert abs(residual.mean()) < K / math.sqrt(x.size)
    assert abs((residual**2).mean() - 1) < K * (residual**2).std() / math.sqrt(x.size)
    assert x.max() <= 3 and (x < 0.15).mean() > 0.3  # sparse
    x, y = stand_ins.sky(0, 4)
    assert y.max() == 1 and (x > 1).any() and x.shape == (4, 3, 128, 128)
    faint = np.where(x > 0.3, np.nan, y - x)
    assert np.nanmean(faint, axis=2).std() == pytest.approx(0.03, rel=0.15)  # stripes, colour by colour
    assert np.nanstd(faint - np.nanmean(faint, axis=2, keepdims=True)) == pytest.approx(0.05, rel=0.02)


@pytest.mark.parametrize("x", [0.0, 0.4, 1.0])
def test_clipped_noise_keeps_the_median_and_moves_the_mean(x):
    y = 3 * characters.corrupt(torch.full((400_000,), x), generator()).double().numpy()
    assert y.min() >= 0 and y.max() <= x + 2 + 1e-6
    assert y.mean() == pytest.approx((x + 2) ** 2 / 8, abs=K * y.std() / math.sqrt(len(y)))
    assert np.median(y) == pytest.approx(x, abs=K * 0.5 * 4 / math.sqrt(len(y)))  # density 1/4


def test_composed_and_illegal_characters():
    images = characters.composed(60, 0)
    assert images.shape == (60, 64, 64) and images.dtype == np.uint8 and images.max() == 255
    assert len({image.tobytes() for image in images}) == 60
    assert np.array_equal(images[:20], characters.composed(20, 0))
    assert -14 < characters.snr(torch.from_numpy(images) / 255) < -8
    lines = characters.illegal() > 127
    along_diagonal = np.diagonal(lines).astype(int)
    assert (np.diff(along_diagonal) == 1).sum() == 5
    assert np.array_equal(lines, lines.T) and not lines[np.arange(6)].any()


def test_characters_of_the_font():
    try:
        path = font.font_file()
    except InputError:
        pytest.skip("WenQuanYi Zen Hei is not installed")
    images, codes = font.characters(path, 64, ((0x4E00, 0x4E20), (0x4E00, 0x4E04), (0xE000, 0xE010)))
    assert len(images) == len(codes) == 33  # what looks alike counts once; nothing is drawn for private use
    assert codes[0] == "一" and images.shape[1:] == (64, 64)
    ink = images[0] > 127
    assert ink.any(0).sum() > 40 and ink.any(1).sum() < 15  # one level stroke
    assert len({image.tobytes() for image in images}) == len(images)


def test_says_how_to_get_the_font(monkeypatch, tmp_path):
    monkeypatch.setenv("N2SR_FONT", str(tmp_path / "none.ttc"))
    with pytest.raises(InputError, match="apt-get install fonts-wqy-zenhei"):
        font.font_file()
    (tmp_path / "bad.ttf").write_bytes(b"no font")
    with pytest.raises(InputError, match="cannot be read as a font"):
        font.characters(tmp_path / "bad.ttf")
