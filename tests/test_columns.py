"""Columns are found where they are, and every one that is invented or lost is counted."""

import math

import numpy as np
import pytest

from n2sr_lib.assess.columns import brightest, count, find_columns, located, occupied, pairs
from n2sr_lib.errors import InputError
from n2sr_lib.simulated import scenes

SHAPE, PERIOD, REACH, EDGE = (101, 90), 9.0, 3.0, 11
LATTICE = np.stack(np.mgrid[8:95:9.3, 8:85:9.7], axis=-1).reshape(-1, 2)
COUNTED = int(((LATTICE >= EDGE) & (np.array(SHAPE) - 1 - EDGE >= LATTICE)).all(axis=1).sum())


def picture(places, heights=None):
    heights = np.ones(len(places)) if heights is None else heights
    return scenes.render(places, heights, scenes.WIDTH, SHAPE)


def columns_of(image):
    return located(image, find_columns(image, PERIOD), PERIOD)


def test_finds_every_column_to_a_fraction_of_a_pixel():
    jitter = LATTICE + np.random.default_rng(0).uniform(-0.5, 0.5, LATTICE.shape)
    heights = np.random.default_rng(1).uniform(0.6, 1, len(LATTICE))
    result = count(columns_of(picture(jitter, heights)), jitter, REACH, SHAPE, EDGE)
    assert (result.invented, result.lost) == (0, 0) and result.found == result.atoms > 0.6 * len(LATTICE)
    assert result.precision == result.recall == 1.0 and result.error < 0.15
    heights[44] = 0.2  # less than a share of 0.35
    assert len(columns_of(picture(jitter, heights))) == len(LATTICE) - 1


def test_units_do_not_matter():
    image = picture(LATTICE)
    assert np.allclose(columns_of(image), columns_of(50 * image - 7), atol=1e-3)


@pytest.mark.parametrize(("removed", "added"), [(0, 0), (7, 0), (0, 5), (7, 5)])
def test_counts_what_is_removed_and_what_is_invented(removed, added):
    middle = LATTICE[((LATTICE > 15) & (LATTICE < 70)).all(axis=1)]
    drawn = np.random.default_rng(2).permutation(len(middle))
    gone = {tuple(p) for p in middle[drawn[:removed]]}
    kept = np.array([p for p in LATTICE if tuple(p) not in gone])
    hollow = middle[drawn[10 : 10 + added]] + np.array((4.65, 4.85))
    result = count(columns_of(picture(np.concatenate((kept, hollow)))), LATTICE, REACH, SHAPE, EDGE)
    assert (result.lost, result.invented, result.atoms) == (removed, added, COUNTED)
    assert result.precision == pytest.approx(1 - added / (COUNTED - removed + added))
    assert result.recall == pytest.approx(1 - removed / COUNTED)


def test_a_single_atom_is_found_where_it_is_brightest():
    places = np.array([[30.3, 40.7], [54.0, 22.5]])
    image = picture(places)
    assert np.hypot(*(brightest(image, places + np.array((2.0, -1.5)), 4.0, PERIOD) - places).T).max() < 0.1
    # A brighter one further than the radius from where it is looked for does not disturb.
    other = picture(places[:1] + np.array((0.0, 15.0)), np.array([9.0]))
    assert np.hypot(*(brightest(image + other, places, 4.0, PERIOD) - places).T).max() < 0.15
    noise = np.random.default_rng(0).normal(size=(400, 41, 41))
    chance = [np.hypot(*(brightest(f, np.full((1, 2), 20.0), 4.0, PERIOD)[0] - 20)) for f in noise]
    assert np.mean(chance) == pytest.approx(2 / 3 * 4.0, abs=0.3)  # uniform on a disc


def test_error_is_the_distance():
    found = LATTICE + np.array((0.3, -0.4))
    assert count(found, LATTICE, REACH, SHAPE, EDGE).error == pytest.approx(0.5)


def test_pairs_are_one_to_one_and_as_many_as_can_be():
    """The nearest alone would take 0-0 and leave 1 without a partner."""
    found, places = np.array([[0.0, 1.0], [0.0, -1.5]]), np.array([[0.0, 0.0], [0.0, 3.5]])
    k, n = pairs(found, places, 2.5)
    assert list(zip(k.tolist(), n.tolist(), strict=True)) == [(0, 1), (1, 0)]
    k, n = pairs(found[:1], places, 2.5)
    assert (k.tolist(), n.tolist()) == ([0], [0])  # the nearer of two


def test_a_pair_across_the_edge_is_no_mistake():
    inside, outside = np.array([[EDGE + 0.2, 40.0]]), np.array([[EDGE - 0.2, 40.0]])
    for found, places in ((inside, outside), (outside, inside)):
        result = count(found, places, REACH, SHAPE, EDGE)
        assert (result.invented, result.lost) == (0, 0) and result.found + result.atoms == 1


def test_nothing_found_is_no_precision():
    nothing = columns_of(np.full(SHAPE, 3.0))
    result = count(nothing, LATTICE, REACH, SHAPE, EDGE)
    assert len(nothing) == 0 and math.isnan(result.precision) and math.isnan(result.error)
    assert result.recall == 0
    assert occupied(nothing, LATTICE, REACH, SHAPE, EDGE) == [False] * COUNTED
    with pytest.raises(InputError, match="three pixels"):
        find_columns(picture(LATTICE), 2.5)


def test_occupied_places():
    places = np.array([[20.0, 20.0], [50.0, 50.0], [2.0, 2.0]])
    assert occupied(np.array([[21.0, 22.0]]), places, REACH, SHAPE, EDGE) == [True, False]
