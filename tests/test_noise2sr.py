import numpy as np
import pytest
import torch
from torch import nn

from n2sr_lib.aside import keep_aside
from n2sr_lib.orientations import orient, orient_back
from n2sr_lib.strategies.noise2sr import Noise2SR
from n2sr_lib.subsample import draw_locations, subsample


class Repeat(nn.Module):
    """Not a network: repeats every pixel of its input s times, so that results can be worked out by hand."""

    def __init__(self, s):
        super().__init__()
        self.s = s

    def forward(self, y_sub):
        return y_sub.repeat_interleave(self.s, -1).repeat_interleave(self.s, -2)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def y(noisy):
    return torch.from_numpy(noisy)[None, None]


def test_eight_orientations_are_different_and_undone():
    y = torch.arange(12.0).view(1, 1, 3, 4)
    seen = {(*orient(y, g).flatten().tolist(), *orient(y, g).shape) for g in range(8)}
    assert len(seen) == 8
    assert all(torch.equal(orient_back(orient(y, g), g), y) for g in range(8))


@pytest.mark.parametrize(("s", "aside"), [(2, 0), (3, 0), (2, 1), (3, 1)])
def test_loss_is_the_mean_over_the_unsampled_kept_pixels(s, aside):
    y = torch.randn(3, 1, 6 * s, 5 * s)
    kept = (torch.rand(y.shape, generator=generator(1)) > 0.3).float()
    loss, held_out = Noise2SR(s=s, aside=aside).loss(Repeat(s), y, kept, generator(2))
    y_sub, mask = subsample(y, draw_locations((3, 6, 5), s, generator(2)), s)
    mask = keep_aside(mask, aside)
    squared = (Repeat(s)(y_sub) - y) ** 2
    assert loss.item() == pytest.approx(squared[(mask * kept) == 1].mean().item(), rel=1e-5)
    assert held_out.item() == pytest.approx(squared[(mask * (1 - kept)) == 1].mean().item(), rel=1e-5)


def test_the_network_is_never_fed_its_targets():
    """J-invariance (definition 1): changing every pixel that was not taken changes nothing that is fed."""
    fed = []

    def network(y_sub):
        fed.append(y_sub)
        return Repeat(2)(y_sub)

    y = torch.randn(1, 1, 24, 20)
    _, mask = subsample(y, draw_locations((1, 12, 10), 2, generator()), 2)
    for image in (y, y + 5 * mask):
        Noise2SR().loss(network, image, torch.ones_like(y), generator())
        Noise2SR(M=1).predict(network, image, generator())
    assert torch.equal(fed[0], fed[2]) and torch.equal(fed[1], fed[3])


def test_one_pass_is_one_pass(y):
    """M = 1: the network's output for the one sub-sampling, spread 0, out of bag everywhere else."""
    y = y[..., :130, :96]
    p = Noise2SR(M=1).predict(Repeat(2), y, generator(3))
    y_sub, mask = subsample(y, draw_locations((1, 65, 48), 2, generator(3)), 2)
    x_hat = Repeat(2)(y_sub)[0, 0]
    assert torch.equal(p.image, x_hat)
    assert torch.equal(p.spread, torch.zeros_like(x_hat))
    assert torch.equal(torch.isnan(p.out_of_bag), mask[0, 0] == 0)
    assert torch.equal(p.out_of_bag[mask[0, 0] == 1], x_hat[mask[0, 0] == 1])


@pytest.mark.parametrize("flips", [False, True])
@pytest.mark.parametrize("s", [2, 3])
def test_mean_spread_and_out_of_bag_against_a_plain_loop(y, s, flips):
    M = 11
    p = Noise2SR(s=s, M=M, flips=flips).predict(Repeat(s), y, generator(4))
    assert p.image.shape == p.spread.shape == p.out_of_bag.shape == y.shape[-2:]
    padded = np.pad(y[0, 0].numpy(), [(0, -n % s) for n in y.shape[-2:]], mode="reflect")
    guesses, unseen, g4 = [], [], generator(4)
    for m in sorted(range(M), key=lambda m: m % 8) if flips else range(M):
        view = orient(torch.from_numpy(padded)[None, None], m % 8 if flips else 0)
        shape = (1, view.shape[-2] // s, view.shape[-1] // s)
        y_sub, mask = subsample(view, draw_locations(shape, s, g4), s)
        for t, out in ((Repeat(s)(y_sub), guesses), (mask, unseen)):
            out.append(orient_back(t, m % 8 if flips else 0)[0, 0].numpy())
        for original, copy in ((n - 1 - k, n - 1 + k) for n in y.shape[-2:-1] for k in range(1, -n % s + 1)):
            unseen[-1][original] *= unseen[-1][copy]
        for original, copy in ((n - 1 - k, n - 1 + k) for n in y.shape[-1:] for k in range(1, -n % s + 1)):
            unseen[-1][:, original] *= unseen[-1][:, copy]
        guesses[-1], unseen[-1] = (t[: y.shape[-2], : y.shape[-1]] for t in (guesses[-1], unseen[-1]))
    guesses, unseen = np.array(guesses, np.float64), np.array(unseen)
    np.testing.assert_allclose(p.image, guesses.mean(0), atol=1e-5)
    np.testing.assert_allclose(p.spread, guesses.std(0, ddof=1), atol=1e-3)
    with np.errstate(invalid="ignore"):
        expected = (guesses * unseen).sum(0) / unseen.sum(0)
    np.testing.assert_allclose(p.out_of_bag, expected, atol=1e-5)


@pytest.mark.parametrize(("s", "flips"), [(2, False), (2, True), (3, True)])
def test_out_of_bag_mean_never_sees_its_pixel_nor_a_copy_of_it(y, s, flips):
    """Sides that s does not divide are continued by copies, next to their originals."""
    torch.manual_seed(0)
    network = nn.Sequential(Repeat(s), nn.Conv2d(1, 1, 7, padding=3))
    y = y[..., :37, :35].clone()
    strategy, before = Noise2SR(s=s, M=64, flips=flips), []
    for at in [(), *((i, j) for i in (36, 35, 34, 20) for j in (34, 33, 32, 10))]:
        moved = y.clone()
        moved[(0, 0, *at) if at else slice(0)] += 10
        out = strategy.predict(network, moved, generator(3)).out_of_bag
        before = before if at else out
        assert not at or out[at] == before[at] or out[at].isnan(), at
        assert not at or not torch.equal(out.nan_to_num(), before.nan_to_num())


def test_averaging_never_hurts_on_average(y, clean):
    """MSE of the mean = mean of the MSEs − variance (Jensen): exact for any network."""
    stream = generator()
    one = [Noise2SR(M=1).predict(Repeat(2), y, stream).image.numpy() for _ in range(6)]
    many = Noise2SR(M=6).predict(Repeat(2), y, generator())
    errors = [np.mean((o - clean) ** 2) for o in one]
    of_mean = np.mean((many.image.numpy() - clean) ** 2)
    variance = 5 / 6 * np.mean(many.spread.numpy() ** 2)  # the spread divides by M − 1
    assert of_mean == pytest.approx(np.mean(errors) - variance, rel=1e-3)


def test_batch_size_changes_nothing(y):
    results = [Noise2SR(M=7, flips=True, batch=b).predict(Repeat(2), y, generator(5)) for b in (1, 3, 50)]
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            torch.testing.assert_close(a, b, atol=1e-5, rtol=0, equal_nan=True)


def test_fixed_pixels_have_no_out_of_bag_value(y):
    p = Noise2SR(M=5, sampling="fixed").predict(Repeat(2), y, generator())
    undefined = torch.isnan(p.out_of_bag)
    assert undefined[::2, ::2].all() and undefined.sum() == undefined[::2, ::2].sum()


def test_input_is_left_alone(y):
    before = y.clone()
    Noise2SR(M=2, flips=True).predict(Repeat(2), y, generator())
    assert torch.equal(y, before)
