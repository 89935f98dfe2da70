import numpy as np
import pytest
import torch
from scipy.ndimage import convolve
from torch import nn

from n2sr_lib.denoising import for_prediction
from n2sr_lib.errors import InputError
from n2sr_lib.networks.growing_unet import GrowingUNet
from n2sr_lib.networks.same_size import SameSize
from n2sr_lib.strategies.noise2self import Noise2Self, hidden_pixels, neighbour_mean
from n2sr_lib.train import Plan, fit


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def y(noisy):
    return torch.from_numpy(noisy)[None, None]


@pytest.fixture
def network():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return SameSize(GrowingUNet(widths=(8, 8), features=8))


@pytest.mark.parametrize("period", [2, 3, 4])
@pytest.mark.parametrize("shape", [(12, 12), (13, 7), (3, 2)])
def test_grids_tile_the_image(period, shape):
    grids = hidden_pixels(shape, period, torch.arange(period**2))
    assert grids.shape == (period**2, 1, *shape) and grids.dtype == torch.bool
    assert (grids.sum(0) == 1).all()
    for phase, grid in enumerate(grids[:, 0]):
        expected = np.zeros(shape, bool)
        expected[phase // period :: period, phase % period :: period] = True
        np.testing.assert_array_equal(grid, expected)


def test_neighbour_mean_against_scipy(y):
    kernel = np.array([[1, 2, 1], [2, 0, 2], [1, 2, 1]]) / 12
    expected = convolve(y[0, 0].numpy().astype(np.float64), kernel, mode="mirror")
    np.testing.assert_allclose(neighbour_mean(y)[0, 0], expected, atol=1e-6)


def test_hidden_pixels_are_not_used_to_fill_hidden_pixels(y):
    """With period 2 the grid is as dense as it may be; borders reflect the neighbours, not the pixel."""
    for phase in range(4):
        hidden = hidden_pixels(y.shape[-2:], 2, torch.tensor([phase]))
        changed = neighbour_mean(y + 7 * hidden)
        assert torch.equal(changed[hidden], neighbour_mean(y)[hidden])


@pytest.mark.parametrize("period", [2, 4])
def test_loss_is_the_mean_over_the_hidden_kept_pixels(period):
    y = torch.randn(3, 1, 15, 18)
    kept = (torch.rand(y.shape, generator=generator(1)) > 0.3).float()
    loss, held_out = Noise2Self(period).loss(nn.Tanh(), y, kept, generator(2))
    phases = torch.randint(period**2, (3,), generator=generator(2))
    assert len(set(phases.tolist())) > 1
    errors, held = [], []
    for image, keep, phase in zip(y, kept, phases.tolist(), strict=True):
        grid = (0, slice(phase // period, None, period), slice(phase % period, None, period))
        squared = (torch.tanh(neighbour_mean(image[None])[0][grid]) - image[grid]) ** 2
        errors.append(squared[keep[grid] == 1])
        held.append(squared[keep[grid] == 0])
    assert loss.item() == pytest.approx(torch.cat(errors).mean().item(), rel=1e-5)
    assert held_out.item() == pytest.approx(torch.cat(held).mean().item(), rel=1e-5)


def test_only_hidden_pixels_are_replaced():
    y, seen = torch.randn(2, 1, 12, 9), []
    Noise2Self().loss(lambda x: seen.append(x) or x, y, torch.ones_like(y), generator(3))
    hidden = hidden_pixels((12, 9), 4, torch.randint(16, (2,), generator=generator(3)))
    assert torch.equal(seen[0], torch.where(hidden, neighbour_mean(y), y))


def test_invariant_prediction_does_not_depend_on_the_pixel(network, y):
    """J-invariance, exactly, at corners and borders too; the plain pass has none."""
    invariant, plain = Noise2Self(), Noise2Self(prediction="plain")
    y = y[..., :30, :27]
    before, plain_before = (s.predict(network, y, generator()) for s in (invariant, plain))
    for i, j in ((0, 0), (0, 13), (14, 11), (29, 26)):
        other = y.clone()
        other[..., i, j] += 3
        after = invariant.predict(network, other, generator()).image
        assert after[i, j] == before.image[i, j]
        assert (after != before.image).sum() > 8
        assert plain.predict(network, other, generator()).image[i, j] != plain_before.image[i, j]


def test_predictions_of_a_network_that_copies(y):
    p = Noise2Self(3).predict(nn.Identity(), y, generator())
    assert torch.equal(p.image, neighbour_mean(y)[0, 0]) and torch.equal(p.out_of_bag, p.image)
    assert p.spread.shape == y.shape[-2:] and not p.spread.any()
    p = Noise2Self(prediction="plain").predict(nn.Identity(), y, generator())
    assert torch.equal(p.image, y[0, 0]) and p.out_of_bag is None


def test_loss_is_the_true_error_plus_the_variance_of_the_noise():
    """E (f − y)² = E (f − x)² + σ², since f does not see the noise n of the pixel: E (f − x) n = 0."""
    x = torch.from_numpy(np.cos(np.arange(400) / 5)).float().expand(1, 1, 400, 400)
    n = torch.randn(x.shape, generator=generator(4)) * 0.5
    product = (neighbour_mean(x + n) - x) * n
    # Products of pixels farther apart than 2 are independent: at most 25 go together.
    error = product.std() * (25 / product.numel()) ** 0.5
    assert abs(product.mean()) < 4 * error
    loss, _ = Noise2Self(2).loss(nn.Identity(), x + n, torch.ones_like(x), generator(5))
    true = ((neighbour_mean(x + n) - x) ** 2).mean()
    error = ((neighbour_mean(x + n) - x - n) ** 2).std() / 200  # of a mean over 200×200 hidden pixels
    assert loss.item() == pytest.approx((true + 0.25).item(), abs=4 * error.item())


def test_training_lowers_the_loss_and_denoises(network, noisy, clean):
    mean, deviation = float(noisy.mean()), float(noisy.std())
    y = torch.from_numpy((noisy - mean) / deviation)[None, None]
    plan = Plan(steps=100, batch=4, crop=48, lr=5e-3, warmup=5, cosine=True, every=5)
    history = fit(network, Noise2Self(), y, plan, seed=0, progress=False)
    assert history.loss[-1] < 0.8 * history.loss[0]
    run = for_prediction(network, "float32", torch.device("cpu"))
    for prediction in ("invariant", "plain"):
        p = Noise2Self(prediction=prediction).predict(run, y, generator())
        image = p.image.numpy() * deviation + mean
        assert ((image - clean) ** 2).mean() < 0.1 * ((noisy - clean) ** 2).mean()


def test_input_is_left_alone(network, y):
    before = y.clone()
    Noise2Self().predict(network, y[..., :20, :20], generator())
    Noise2Self().loss(network, y, torch.ones_like(y), generator())
    assert torch.equal(y, before)


def test_unusable_settings():
    with pytest.raises(InputError, match="period"):
        Noise2Self(period=1)
    with pytest.raises(InputError, match="prediction"):
        Noise2Self(prediction="mean")
