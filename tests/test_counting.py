"""Columns are found where they are, and every one that is invented or lost is counted."""

import math

import numpy as np
import pytest

from n2sr_lib import atoms
from n2sr_lib.counting import count, find_columns, occupied, pairs
from n2sr_lib.errors import InputError

SHAPE, WIDTH, REACH, EDGE = (101, 90), 1.6, 3.0, 6
LATTICE = np.stack(np.mgrid[8:95:9.3, 8:85:9.7], axis=-1).reshape(-1, 2)


def picture(places, heights=None):
    return atoms.render(places, np.ones(len(places)) if heights is None else heights, WIDTH, SHAPE)


def test_finds_every_column_to_a_fraction_of_a_pixel():
    jitter = LATTICE + np.random.default_rng(0).uniform(-0.5, 0.5, LATTICE.shape)
    heights = np.random.default_rng(1).uniform(0.6, 1, len(LATTICE))
    result = count(find_columns(picture(jitter, heights), WIDTH), jitter, REACH, SHAPE, EDGE)
    assert (result.invented, result.lost) == (0, 0) and result.found == result.atoms == len(LATTICE)
    assert result.precision == result.recall == 1.0 and result.error < 0.06


def test_units_do_not_matter():
    image = picture(LATTICE)
    assert np.allclose(find_columns(image, WIDTH), find_columns(50 * image - 7, WIDTH), atol=1e-4)


@pytest.mark.parametrize(("removed", "added"), [(0, 0), (7, 0), (0, 5), (7, 5)])
def test_counts_what_is_removed_and_what_is_invented(removed, added):
    rng = np.random.default_rng(2)
    kept = LATTICE[rng.permutation(len(LATTICE))[removed:]]
    hollow = LATTICE[:60][rng.permutation(50)[:added]] + np.array((4.65, 4.85))
    drawn = np.concatenate((kept, hollow))
    result = count(find_columns(picture(drawn), WIDTH), LATTICE, REACH, SHAPE, EDGE)
    assert (result.lost, result.invented) == (removed, added)
    assert result.precision == pytest.approx(1 - added / len(drawn))
    assert result.recall == pytest.approx(1 - removed / len(LATTICE))


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
    nothing = find_columns(np.full(SHAPE, 3.0), WIDTH)
    result = count(nothing, LATTICE, REACH, SHAPE, EDGE)
    assert (
        len(nothing) == 0 and math.isnan(result.precision) and result.recall == 0 and math.isnan(result.error)
    )
    assert occupied(nothing, LATTICE, REACH, SHAPE, EDGE) == [False] * len(LATTICE)
    with pytest.raises(InputError, match="1 or more"):
        find_columns(picture(LATTICE), 0.5)


def test_occupied_places():
    places = np.array([[20.0, 20.0], [50.0, 50.0], [2.0, 2.0]])
    assert occupied(np.array([[21.0, 22.0]]), places, REACH, SHAPE, EDGE) == [True, False]
