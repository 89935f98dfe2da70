"""The simulated crystals: known geometry, the same bits everywhere, and a contrast that is what it says."""

import numpy as np
import pytest

from n2sr_lib.errors import InputError
from n2sr_lib.simulated import crystals

NAMES = ("te", "framework")


@pytest.mark.parametrize("name", NAMES)
def test_image_is_clean_and_in_whole_steps(name):
    x = crystals.crystal(name).image
    assert x.shape == (crystals.SIDE, crystals.SIDE) and x.dtype == np.float32
    assert x.min() == pytest.approx(crystals.BACKGROUND, abs=0.02) and 0.99 < x.max() <= 1
    steps = x.astype(np.float64) / crystals.STEP
    np.testing.assert_array_equal(steps, np.rint(steps))


@pytest.mark.parametrize(("name", "distance"), [("te", 0.2636 * 0.4456 * np.sqrt(3)), ("framework", 0.1608)])
def test_sites_lie_between_neighbours_at_the_distance_of_the_structure(name, distance):
    crystal = crystals.crystal(name)
    for places, pair in zip((crystal.present, crystal.missing), crystal.neighbours, strict=True):
        assert len(places) == len(pair) > 5
        apart = np.linalg.norm(pair - places[:, None], axis=2) * crystals.PIXEL
        np.testing.assert_allclose(apart, distance, rtol=2e-3)  # nm
    share = len(crystal.missing) / (len(crystal.missing) + len(crystal.present))
    assert share == pytest.approx(crystals.MISSING[name], abs=0.05)


@pytest.mark.parametrize("name", NAMES)
def test_columns_are_where_they_are_said_to_be_and_missing_where_not(name):
    crystal = crystals.crystal(name)
    there, gone, apart = crystals.visibility(crystal.image, name)
    assert there > 0.05 and gone < 0 and apart > 20
    # the same in a part, in other units, and not at all in an image of nothing
    part = crystals.visibility(7 * crystal.image[64:320, 64:320], name, (64, 64))
    np.testing.assert_allclose(part[:2], (7 * there, 7 * gone), rtol=0.1)
    assert abs(crystals.visibility(np.random.default_rng(0).normal(size=crystal.image.shape), name)[2]) < 1
    with pytest.raises(InputError, match="too few columns"):
        crystals.visibility(crystal.image[:40, :40], name)


def test_a_dreamer_is_found_out():
    """With a column at every site nothing tells present from missing."""
    crystal = crystals.crystal("framework")
    rows, columns = np.indices(crystal.image.shape)
    dream = crystal.image.astype(np.float64)
    top = np.mean([crystal.image[tuple(np.rint(p).astype(int))] for p in crystal.present if p.max() < 380])
    width = crystals.PROBE / crystals.PIXEL
    for i, j in crystal.missing:
        dream += (top - crystals.BACKGROUND) * np.exp(
            -((rows - i) ** 2 + (columns - j) ** 2) / (2 * width**2)
        )
    assert abs(crystals.visibility(dream, "framework")[2]) < 1.5


def test_oxygen_has_its_share_of_silicons_height():
    crystal = crystals.crystal("framework")
    inner = [p for p in crystal.present if p.min() > 5 and p.max() < 378]
    oxygen = np.mean([crystal.image[tuple(np.rint(p).astype(int))] for p in inner]) - crystals.BACKGROUND
    pairs = crystal.neighbours[0].reshape(-1, 2)
    inner = [p for p in pairs if p.min() > 5 and p.max() < 378]
    silicon = np.mean([crystal.image[tuple(np.rint(p).astype(int))] for p in inner]) - crystals.BACKGROUND
    assert oxygen / silicon == pytest.approx((8 / 14) ** crystals.EXPONENT, abs=0.05)


def test_unknown_crystal():
    with pytest.raises(InputError, match="choose one of te, framework"):
        crystals.crystal("diamond")
