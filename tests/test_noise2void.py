"""Noise2Void: one blind spot a square, filled from near it, and only spots are targets."""

import torch

from n2sr_lib.strategies.noise2void import Noise2Void, blind_spots


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_every_square_has_one_spot_anywhere():
    spots = blind_spots((50, 1, 24, 16), 8, generator())
    squares = spots.view(50, 3, 8, 2, 8).sum((2, 4))
    assert (squares == 1).all()
    assert spots.view(150, 8, 2, 8).permute(0, 2, 1, 3).reshape(300, 64).any(0).all()  # every place is drawn
    assert blind_spots((1, 1, 13, 9), 8, generator()).shape == (1, 1, 13, 9)


def test_a_spot_is_filled_from_near_it_and_the_rest_is_seen():
    y = torch.arange(40 * 30.0).view(1, 1, 40, 30)
    seen = {}

    def network(x):
        seen["x"] = x
        return torch.zeros_like(x)

    Noise2Void(reach=1).loss(network, y, torch.ones_like(y), generator())
    moved = (seen["x"] - y).abs()
    assert 0 < (moved > 0).sum() <= 5 * 4 and moved.max() <= 31  # one row and one column away
    steps = set()
    for seed in range(60):
        Noise2Void(reach=1).loss(network, y, torch.ones_like(y), generator(seed))
        steps |= set((seen["x"] - y)[..., 1:-1, 1:-1].unique().tolist())
    assert steps == {30.0 * row + column for row in (-1, 0, 1) for column in (-1, 0, 1)}


def test_the_loss_is_of_the_spots_that_may_be_targets():
    y, strategy = torch.randn(2, 1, 32, 24, generator=generator(1)), Noise2Void()
    spots = blind_spots(tuple(y.shape), 8, generator())
    kept = (torch.rand(y.shape, generator=generator(2)) > 0.4).float()
    loss, held_out = strategy.loss(lambda x: 0 * x + 0.5, y, kept, generator())
    torch.testing.assert_close(loss, ((y - 0.5) ** 2)[spots & (kept == 1)].mean())
    torch.testing.assert_close(held_out, ((y - 0.5) ** 2)[spots & (kept == 0)].mean())
    said = strategy.predict(lambda x: 2 * x, y[:1], generator())
    torch.testing.assert_close(said.image, 2 * y[0, 0])


def test_a_constant_is_what_noise_alone_leads_to():
    """The best that a network can say of a blind spot in white noise is the mean, not the pixel."""
    y, ones = torch.randn(4, 1, 64, 64, generator=generator(3)), torch.ones(4, 1, 64, 64)
    copying, _ = Noise2Void().loss(lambda x: x, y, ones, generator())
    constant, _ = Noise2Void().loss(lambda x: 0 * x, y, ones, generator())
    assert copying > 1.5 * constant > 1.2
