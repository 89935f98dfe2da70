import pytest
import torch
from scipy.stats import chisquare

from n2sr_lib.errors import InputError
from n2sr_lib.subsample import draw_locations, subsample


def blocks(y, s):
    """(B, C, h, w, s²) by plain slicing: the oracle."""
    return torch.stack([y[..., i::s, j::s] for i in range(s) for j in range(s)], -1)


@pytest.mark.parametrize("s", [2, 3, 4, 5])
@pytest.mark.parametrize("sampling", ["random", "fixed"])
def test_exactly_one_pixel_of_each_block_is_taken(s, sampling):
    y = torch.randn(3, 2, 7 * s, 5 * s)
    before = y.clone()
    locations = draw_locations((3, 7, 5), s, torch.Generator().manual_seed(0), sampling)
    y_sub, mask = subsample(y, locations, s)
    assert y_sub.shape == (3, 2, 7, 5) and mask.shape == (3, 1, 7 * s, 5 * s)
    assert torch.equal(y, before)
    inside = blocks(mask, s)
    assert torch.equal((inside == 0).sum(-1), torch.ones(3, 1, 7, 5, dtype=torch.int64))
    assert torch.equal((inside == 1).sum(-1), torch.full((3, 1, 7, 5), s * s - 1))
    # What was taken is what the mask leaves out, in both channels and at the same place.
    assert torch.equal((blocks(y, s) * (1 - inside)).sum(-1), y_sub)


def test_parts_make_the_whole():
    y = torch.randn(1, 1, 12, 8)
    y_sub, mask = subsample(y, draw_locations((1, 6, 4), 2, torch.Generator().manual_seed(1)), 2)
    spread_out = y_sub.repeat_interleave(2, -1).repeat_interleave(2, -2) * (1 - mask)
    assert torch.equal(spread_out + y * mask, y)


def test_places_are_uniform_and_independent():
    s, n = 3, 200
    places = draw_locations((1, n, n), s, torch.Generator().manual_seed(2)).flatten()
    counts = torch.bincount(places, minlength=s * s)
    assert chisquare(counts.numpy()).pvalue > 1e-4
    pairs = torch.bincount(places[:-1] * s * s + places[1:], minlength=s**4)
    assert chisquare(pairs.numpy()).pvalue > 1e-4


def test_seeds():
    def draw(seed):
        return draw_locations((2, 9, 9), 2, torch.Generator().manual_seed(seed))

    assert torch.equal(draw(0), draw(0))
    assert not torch.equal(draw(0), draw(1))


def test_fixed_takes_the_upper_left_pixel():
    y = torch.arange(16.0).view(1, 1, 4, 4)
    y_sub, _ = subsample(y, draw_locations((1, 2, 2), 2, None, "fixed"), 2)
    assert y_sub.flatten().tolist() == [0, 2, 8, 10]


def test_refusals():
    with pytest.raises(InputError, match="stride"):
        draw_locations((1, 4, 4), 1, None)
    with pytest.raises(InputError, match="sampling"):
        draw_locations((1, 4, 4), 2, None, "sometimes")
    with pytest.raises(InputError, match="7×8"):
        subsample(torch.zeros(1, 1, 7, 8), draw_locations((1, 3, 4), 2, None, "fixed"), 2)
