"""Profiles over surface columns: a lattice whose columns, surface and intensities are known."""

import numpy as np
import pytest

from n2sr_lib.errors import InputError
from n2sr_lib.results import profiles

SPACING, WIDTH, VACUUM, HEIGHT = 40.0, 7.0, 0.5, 0.2


def crystal(
    angle: float = 0.0, sign: float = 1.0, shape=(260, 300)
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A slab with its surface at the top, turned: the image, its surface columns, their direction."""
    along = np.array([np.sin(angle), np.cos(angle)])
    down = np.array([np.cos(angle), -np.sin(angle)])
    start = np.array([90.0, 60.0])
    i, j = np.mgrid[: shape[0], : shape[1]]
    x = np.full(shape, VACUUM)
    # Surface columns are lower than those below, so that a rule of height alone would choose wrongly.
    for row in range(9):
        for k in range(-8, 12):
            place = start + (k + row / 2) * SPACING * along + row * 0.87 * SPACING * down
            height = HEIGHT * (0.8 if row == 0 else 1.0)
            x += sign * height * np.exp(-((i - place[0]) ** 2 + (j - place[1]) ** 2) / (2 * WIDTH**2))
    columns = np.array([start + k * SPACING * along for k in range(-8, 12)])
    return x, columns, along


PART = (slice(60, 220), slice(40, 260))


@pytest.mark.parametrize("angle", [0.0, 0.2])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_finds_the_row_next_to_the_vacuum(angle, sign):
    x, columns, along = crystal(angle, sign)
    line = profiles.surface_line(x, PART)
    corner = np.array([PART[0].start, PART[1].start])
    last = np.array([160, 220]) - 1 - profiles.ACROSS
    inside = np.all((columns - corner >= profiles.ACROSS) & (columns - corner <= last), axis=1)
    expected = columns[inside] - corner
    direction = (line.end - line.start) / np.linalg.norm(line.end - line.start)
    found = line.start + line.columns[:, None] * direction
    assert len(found) == len(expected) >= 5
    if direction @ along < 0:
        found = found[::-1]
    assert np.abs(found - expected).max() < 1
    # Every pixel of the profile lies within the part.
    assert np.all(line.start >= profiles.ACROSS) and np.all(line.end <= last)


def test_errors_are_those_that_were_put_in():
    whole = crystal()[0]
    line = profiles.surface_line(whole, PART)
    x = whole[PART]
    same = profiles.errors(x, x, line)
    assert same.absolute.max() == 0 and same.bias == 0
    assert len(same.peaks) == len(same.troughs) + 1
    shifted = profiles.errors(x, x + 0.03, line)
    assert shifted.absolute == pytest.approx(0.03) and shifted.bias == pytest.approx(0)
    flat = profiles.errors(x, 0.5 + 0.8 * (x - 0.5), line)
    assert flat.bias == pytest.approx(-0.2)
    assert np.all(flat.peaks < 0) and np.abs(flat.peaks).min() > np.abs(flat.troughs).max()
    # of the clean one's extrema, wherever those of the estimate lie
    assert np.all(profiles.errors(x, np.roll(whole, 5, axis=1)[PART], line).peaks < 0)
    dark = crystal(sign=-1.0)[0]
    other = profiles.errors(dark[PART], 0.5 + 0.8 * (dark[PART] - 0.5), profiles.surface_line(dark, PART))
    assert other.bias == pytest.approx(-0.2) and np.all(other.peaks > 0)  # peaks of columns that are dark


def test_sampling_is_exact_on_a_ramp():
    i, j = np.mgrid[:40, :50].astype(float)
    start, end = np.array([10.0, 5.0]), np.array([30.0, 40.0])
    values = profiles.sample(2 * i - j, start, end)
    share = np.linspace(0, 1, len(values))
    assert len(values) == round(np.hypot(20, 35)) + 1
    assert values == pytest.approx(2 * (10 + 20 * share) - (5 + 35 * share))
    # and on a valley the mean over two pixels to each side of it
    valley = profiles.sample((i - 20) ** 2, np.array([20.0, 5.0]), np.array([20.0, 40.0]))
    assert valley == pytest.approx(np.mean(np.arange(-profiles.ACROSS, profiles.ACROSS + 1) ** 2.0))


def test_no_surface_no_line():
    x = crystal()[0]
    with pytest.raises(InputError, match="no row of three"):
        profiles.surface_line(x, (slice(150, 250), slice(40, 260)))
