"""Simulated atoms: the picture is the sum it says, and a series holds what its truth says."""

import numpy as np
import pytest

from n2sr_lib import atoms
from n2sr_lib.errors import InputError


def test_render_is_the_sum_of_gaussians():
    places, heights = np.array([[10.25, 7.5], [20.0, 30.75]]), np.array([1.0, 0.5])
    rows, columns = np.mgrid[:37, :31]
    expected = sum(
        h * np.exp(-((rows - i) ** 2 + (columns - j) ** 2) / (2 * 1.7**2))
        for (i, j), h in zip(places, heights, strict=True)
    )
    image = atoms.render(places, heights, 1.7, (37, 31))
    assert image.dtype == np.float32 and np.abs(image - expected).max() < 1e-6


def test_sites_are_a_lattice():
    places, vectors = atoms.sites(np.random.default_rng(0), 100, 9.0, np.radians(80))
    assert np.hypot(*vectors.T) == pytest.approx(9.0)
    assert vectors[0] @ vectors[1] == pytest.approx(81 * np.cos(np.radians(80)))
    indices = (places - places[0]) @ np.linalg.inv(vectors)
    assert np.abs(indices - np.rint(indices)).max() < 1e-9
    # One site per cell, on the frame and its border.
    area = (99 + 2 * atoms.BORDER) ** 2 / (81 * np.sin(np.radians(80)))
    assert len(places) == pytest.approx(area, rel=0.05)


def test_clean_domain_has_its_range_and_seed():
    images, again, other = (atoms.clean_domain(12, 48, seed) for seed in (3, 3, 4))
    assert images.shape == (12, 48, 48) and images.dtype == np.float32
    assert np.array_equal(images, again) and not np.array_equal(images, other)
    assert images.min() >= -1 and images.max() <= 1 and (np.ptp(images, axis=(1, 2)) > 0.5).mean() > 0.8


def test_series_is_true_to_its_truth():
    s, again = atoms.series(5, frames=6), atoms.series(5, frames=6)
    assert s.frames.shape == s.clean.shape == (6, 128, 128) and np.array_equal(s.frames, again.frames)
    # Poisson: mean and variance are the clean image; tolerance 5 standard errors.
    z = (s.frames - s.clean) / np.sqrt(s.clean)
    assert abs(z.mean()) < 5 / np.sqrt(z.size)
    assert abs((z**2).mean() - 1) < 5 * np.sqrt((2 + 1 / s.clean.min()) / z.size)
    for frame, places, vacant, loose in zip(s.clean, s.places, s.vacant, s.loose, strict=True):

        def at(those, frame=frame):
            i, j = np.rint(atoms.inside(those, 128, 0)).astype(int).T
            return (frame[i, j] - atoms.BACKGROUND) / atoms.PEAK

        assert at(places).min() > 0.6  # the dimmest has 0.7 of the peak, half a pixel aside
        assert at(vacant).max() < 0.25  # what the neighbours leave there
        assert len(loose) == atoms.EXTRA + atoms.ADATOMS
        assert {tuple(p) for p in loose} <= {tuple(p) for p in places}


def test_what_moves_and_what_stays():
    s = atoms.series(1, frames=8)
    # The first atoms are the lattice's; a site that is always vacant stays so while all of it drifts.
    empty = [len(v) for v in s.vacant]
    assert min(empty) > 0 and len(set(empty)) > 1  # some blink
    extra = [places[: atoms.EXTRA] for places in s.loose]
    drift = [e - extra[0] for e in extra]
    assert all(np.ptp(d, axis=0).max() < 1e-9 for d in drift) and 0 < np.abs(drift).max() < 8
    steps = np.diff([places[atoms.EXTRA :] - d[0] for places, d in zip(s.loose, drift, strict=True)], axis=0)
    hopped = np.hypot(*np.moveaxis(steps, -1, 0)) > 1e-6
    assert 0.05 < hopped.mean() < 0.5


def test_refuses_what_is_no_series():
    with pytest.raises(InputError, match="two frames"):
        atoms.series(0, frames=1)
