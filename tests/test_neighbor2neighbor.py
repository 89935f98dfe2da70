import math

import pytest
import torch
from torch import nn

from n2sr_lib.errors import InputError
from n2sr_lib.strategies.neighbor2neighbor import Neighbor2Neighbor, draw_neighbours
from n2sr_lib.subsample import subsample
from n2sr_lib.train import Plan, fit


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


class Affine(nn.Module):
    """Not a network: scales and shifts every pixel."""

    def __init__(self, scale=1.0, shift=0.0):
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.tensor(scale)), shift

    def forward(self, y):
        return self.scale * y + self.shift


def test_pairs_are_adjacent_and_all_eight_equally_frequent():
    n = 80_000
    first, second = draw_neighbours((1, 200, n // 200), generator())
    row, column = (first // 2 - second // 2).abs(), (first % 2 - second % 2).abs()
    assert (row + column == 1).all()  # different, and never on the diagonal
    counts = torch.bincount((4 * first + second).flatten(), minlength=16)
    pairs = counts[counts > 0].double()
    assert len(pairs) == 8
    # 4.5 standard errors of a binomial count with p = 1/8
    assert ((pairs - n / 8).abs() < 4.5 * math.sqrt(n * 7 / 64)).all()


def test_loss_against_a_plain_loop():
    y, kept = torch.randn(2, 1, 6, 8, generator=generator(1)), torch.ones(2, 1, 6, 8)
    kept[torch.rand(kept.shape, generator=generator(2)) < 0.3] = 0
    f, strategy = Affine(0.7, 0.2), Neighbor2Neighbor(regularisation=1.5)
    loss, held_out = strategy.loss(f, y, kept, generator(3))
    first, second = draw_neighbours((2, 3, 4), generator(3))
    costs, others = [], []
    f.requires_grad_(False)
    for n in range(2):
        for i in range(3):
            for j in range(4):
                (p, q) = (
                    (2 * i + int(k[n, i, j]) // 2, 2 * j + int(k[n, i, j]) % 2) for k in (first, second)
                )
                g1, g2 = y[n, 0][p], y[n, 0][q]
                main = (f(g1) - g2) ** 2
                term = (f(g1) - g2 - (f(g1) - f(g2))) ** 2
                (costs if kept[n, 0][q] else others).append((main + 1.5 * term, main))
    assert loss.item() == pytest.approx(float(sum(c for c, _ in costs)) / len(costs), rel=1e-5)
    assert held_out.item() == pytest.approx(float(sum(m for _, m in others)) / len(others), rel=1e-5)
    assert loss.requires_grad and not held_out.requires_grad


def test_regulariser_vanishes_for_the_ideal_denoiser():
    """On a clean image the identity has exactly the true gap between neighbours: the regulariser is 0.

    The main term is not: it holds that gap, which is what the regulariser is there to correct.
    """
    x, kept = torch.rand(1, 1, 32, 32, generator=generator()), torch.ones(1, 1, 32, 32)
    plain, weighted = (
        Neighbor2Neighbor(w).loss(Affine(), x, kept, generator(1))[0].item() for w in (0.0, 100.0)
    )
    assert plain > 0.05 and weighted == pytest.approx(plain, rel=1e-5)
    wrong = Neighbor2Neighbor(100.0).loss(Affine(0.5), x, kept, generator(1))[0].item()
    assert wrong > 2 * Neighbor2Neighbor(0.0).loss(Affine(0.5), x, kept, generator(1))[0].item()


def test_whole_image_has_no_gradient():
    """The derivative is that of f(g₁y) alone, the gap being a constant."""
    y, kept, f = torch.randn(1, 1, 8, 8, generator=generator()), torch.ones(1, 1, 8, 8), Affine(0.6)
    loss, _ = Neighbor2Neighbor(2.0).loss(f, y, kept, generator(1))
    loss.backward()
    first, second = draw_neighbours((1, 4, 4), generator(1))
    g1, g2 = (subsample(y, k, 2)[0] for k in (first, second))
    difference, gap = 0.6 * g1 - g2, 0.6 * (g1 - g2)
    expected = (2 * g1 * (difference + 2.0 * (difference - gap))).mean()
    assert f.scale.grad.item() == pytest.approx(expected.item(), rel=1e-4)


def test_nothing_held_out_is_nan_and_the_rest_is_finite():
    y = torch.randn(1, 1, 4, 4)
    loss, held_out = Neighbor2Neighbor().loss(Affine(), y, torch.ones_like(y), generator())
    assert torch.isfinite(loss) and torch.isnan(held_out)


def test_held_out_pixels_are_no_targets():
    """A cell whose target is held out has a held-out loss and no other."""
    y, kept = torch.randn(1, 1, 2, 2, generator=generator()), torch.ones(1, 1, 2, 2)
    _, second = draw_neighbours((1, 1, 1), generator(5))
    target = divmod(int(second), 2)
    kept[0, 0][target] = 0
    loss, held_out = Neighbor2Neighbor().loss(Affine(), y, kept, generator(5))
    assert torch.isnan(loss) and torch.isfinite(held_out)  # the only cell has no target


@pytest.mark.parametrize("shape", [(1, 1, 7, 9), (1, 1, 8, 8)])
def test_predicts_in_one_pass(shape):
    y = torch.randn(shape)
    p = Neighbor2Neighbor().predict(Affine(0.5), y, generator())
    assert torch.equal(p.image, 0.5 * y[0, 0]) and torch.equal(p.spread, torch.zeros(shape[-2:]))
    assert p.out_of_bag is None and not p.image.requires_grad


@pytest.mark.parametrize("shape", [(7, 9), (8, 6)])
def test_parts_are_predicted_each_by_itself(shape):
    """A mean over all pixels that are seen: of the whole image one value, of its parts four."""
    y = torch.randn(1, 1, *shape, generator=generator())

    def mean(seen):
        return seen.mean().expand_as(seen)

    strategy = Neighbor2Neighbor().also["parts"]
    image = strategy.predict(mean, y, generator()).image
    for i in range(2):
        for j in range(2):
            part = image[i::2, j::2]
            assert torch.equal(part, y[0, 0, i::2, j::2].mean().expand_as(part))
    assert len(Neighbor2Neighbor().predict(mean, y, generator()).image.unique()) == 1
    assert not strategy.also
    with pytest.raises(InputError, match="unknown prediction 'half'"):
        Neighbor2Neighbor(prediction="half")


def test_trains_to_the_neighbour_predictor():
    """White noise has nothing to predict, so the best scale is near 0; with the trainer, as in use."""
    y, f = torch.randn(1, 1, 64, 64, generator=generator()), Affine(1.0)
    strategy = Neighbor2Neighbor(regularisation=0.0)
    plan = Plan(steps=200, batch=2, crop=48, lr=2e-2, every=50)
    history = fit(f, strategy, y, plan, seed=0, progress=False)
    assert abs(f.scale.item()) < 0.1
    assert math.isfinite(history.held_out[-1])
