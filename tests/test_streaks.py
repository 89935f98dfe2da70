"""Noise along the scan lines: that it is what it says, its mask, and that the options are told apart."""

import pytest
import torch

from n2sr_lib import streaks
from n2sr_lib.aside import keep_aside
from n2sr_lib.strategies.noise2sr import Noise2SR
from n2sr_lib.subsample import draw_locations, subsample
from n2sr_lib.toy import WHITE


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_noise_is_correlated_along_rows_by_the_given_amount():
    x = torch.full((1, 1, 512, 512), 0.5)
    n = streaks.streaky_noise(x, 0.4, generator())
    variance = float(WHITE.variance(x).mean())
    assert float(n.var()) == pytest.approx(variance, rel=0.02)
    for k in (1, 2, 3):
        assert float((n[..., k:] * n[..., :-k]).mean()) / variance == pytest.approx(0.4**k, abs=0.01)
    assert abs((n[..., 1:, :] * n[..., :-1, :]).mean() / variance) < 0.01
    white = streaks.whiten(n, 0.4)[..., 1:]
    assert abs((white[..., 1:] * white[..., :-1]).mean() / white.var()) < 0.01


def test_whitening_is_undone():
    y = torch.randn(1, 1, 20, 30, generator=generator())
    torch.testing.assert_close(streaks.colour_again(streaks.whiten(y, 0.7), 0.7), y)


@pytest.mark.parametrize("s", [2, 3])
@pytest.mark.parametrize("arm", [0, 1, 2])
def test_targets_keep_their_distance(s, arm):
    y = torch.zeros(2, 1, 8 * s, 9 * s)
    _, mask = subsample(y, draw_locations((2, 8, 9), s, generator()), s)
    kept = keep_aside(mask, arm)
    expected = mask.clone()
    for b, _, i, j in (mask == 0).nonzero().tolist():
        expected[b, 0, max(i - arm, 0) : i + arm + 1, j] = 0
        expected[b, 0, i, max(j - arm, 0) : j + arm + 1] = 0
    assert torch.equal(kept, expected) and kept.sum() > 0
    assert torch.equal(keep_aside(kept.flip(-1).mT, 0), kept.flip(-1).mT)


def test_out_of_bag_leaves_neighbours_out():
    y = torch.randn(1, 1, 40, 40, generator=generator())

    def repeat(y_sub):
        return y_sub.repeat_interleave(2, -1).repeat_interleave(2, -2)

    plain, aside = (Noise2SR(M=64, aside=arm).predict(repeat, y, generator()).out_of_bag for arm in (0, 1))
    # what is left of one's own and one's row neighbours' values in the estimate
    right = torch.roll(y[0, 0], 1, -1)
    overlap = [(estimate[1:-1, 1:-1] * right[1:-1, 1:-1]).mean() for estimate in (plain, aside)]
    assert overlap[0] > 0.15 and abs(overlap[1]) < 0.1


def test_correlated_noise_asks_for_another_sampler():
    gains = streaks.streaks(0, 0.4, images=1, steps=80)
    assert set(gains) == {*streaks.OPTIONS, "whitened"}
    assert gains["s = 3, aside 1"][0] > gains["s = 2"][0] + 0.5
