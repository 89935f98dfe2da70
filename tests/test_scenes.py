"""The simulated series: what they say is true of them is true; characters and their noise."""

import math

import numpy as np
import pytest
import torch

from n2sr_lib import characters, scenes
from n2sr_lib.errors import InputError
from n2sr_lib.io import font

K = 4  # standard errors
FRAMES = scenes.moving_atoms(40, 0)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def on_a_ring(frame, centre, radius):
    """The largest value on a circle."""
    angle = torch.linspace(0, 2 * math.pi, 60)
    rows, columns = (centre[:, None] + radius * torch.stack((angle.sin(), angle.cos()))).round().long()
    return float(frame[rows, columns].max())


def test_atoms_are_where_they_are_said_to_be_and_none_is_lost():
    atoms = FRAMES.x[:, 0] - FRAMES.support
    assert FRAMES.x.shape == (40, 1, 128, 128) and FRAMES.support.min() > 0
    nearest = FRAMES.atoms.round().long()
    heights = torch.stack([frame[at[:, 0], at[:, 1]] for frame, at in zip(atoms, nearest, strict=True)])
    assert (
        heights.min() > math.exp(-0.5 / (2 * scenes.ATOM**2)) - 0.01
    )  # at most half a pixel off on each axis
    matter = atoms.sum((1, 2)) / (2 * math.pi * scenes.ATOM**2)
    torch.testing.assert_close(matter, matter[:1].round().expand(40), atol=0.01, rtol=0)


def test_one_atom_joins_a_cluster():
    atoms = FRAMES.x[:, 0] - FRAMES.support
    rings = [on_a_ring(frame, at[0], scenes.SPACING) for frame, at in zip(atoms, FRAMES.atoms, strict=True)]
    assert max(rings[: int(0.3 * 40)]) < 0.1 and min(rings[FRAMES.joined :]) > 0.7
    # The other two stay alone, and all of them within the frame.
    assert all(on_a_ring(f, at[1], scenes.SPACING) < 0.1 for f, at in zip(atoms, FRAMES.atoms, strict=True))
    assert FRAMES.atoms.min() > 5 and FRAMES.atoms.max() < 122


def test_series_follow_their_seed_and_dose():
    again, other = scenes.moving_atoms(40, 0), scenes.moving_atoms(40, 1)
    assert torch.equal(again.x, FRAMES.x) and not torch.equal(other.x, FRAMES.x)
    torch.testing.assert_close(scenes.moving_atoms(40, 0, electrons=3.0).x, 3 * FRAMES.x)


def test_the_fault_shifts_the_rows_by_half_a_period():
    x, fault = scenes.lattice_with_fault(3, 0, 96)
    for image, column in zip(x[:, 0], fault, strict=True):
        left, right = image[:, : int(column) - 8].mean(1), image[:, int(column) + 8 :].mean(1)
        assert np.corrcoef(left, right)[0, 1] < -0.5
        assert np.corrcoef(left[:-6], right[6:])[0, 1] > 0.99


def test_stand_ins_have_the_noise_that_they_state():
    x, y = scenes.fluorescence(0, slices=6, size=64)
    residual = (y - x) / (x + 0.3**2).sqrt()
    assert abs(residual.mean()) < K / math.sqrt(x.numel())
    assert abs(residual.square().mean() - 1) < K * residual.square().std() / math.sqrt(x.numel())
    assert x.max() <= 3 and (x < 0.15).float().mean() > 0.3  # sparse
    x, y = scenes.sky(4, 0)
    assert y.max() == 1 and (x > 1).any() and x.shape == (4, 3, 128, 128)
    faint = (y - x)[..., :, :].masked_fill(x > 0.3, math.nan)
    assert faint.nanmean(2).std() == pytest.approx(0.03, rel=0.15)  # stripes: columns, colour by colour
    columns = faint - faint.nanmean(2, keepdim=True)
    assert columns[columns.isfinite()].std() == pytest.approx(0.05, rel=0.02)


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
