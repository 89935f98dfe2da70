"""The autoencoder knows only its bottleneck, its targets are pooled, and its errors lead where they say."""

import pytest
import torch
from torch import nn

from n2sr_lib.errors import InputError
from n2sr_lib.networks.autoencoder import Autoencoder
from n2sr_lib.networks.unet import UNet
from n2sr_lib.strategies.reconstruction import Reconstruction, pooled
from n2sr_lib.train import Plan, fit


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def small(**more):
    torch.manual_seed(0)
    options = {"widths": (4, 6, 8, 8), "channels": 2, "inner": 8, "blocks": 1, "kernels": (), "outputs": 3}
    return Autoencoder(**options | more).eval()


def rank(network, size):
    """Rank of the Jacobian of all outputs with respect to all pixels, at a random image."""
    y = torch.randn(1, 1, size, size, generator=generator(), dtype=torch.float64)
    matrix = torch.autograd.functional.jacobian(network.double(), y).reshape(-1, size**2)
    return int(torch.linalg.matrix_rank(matrix))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kernels", [(), (3, 5)])
def test_nothing_passes_but_what_the_bottleneck_holds(channels, kernels):
    """The output moves in at most as many directions as the bottleneck has numbers, and in all of these."""
    network = small(channels=channels, kernels=kernels)
    numbers = network.code(torch.zeros(1, 1, 16, 16)).numel()
    assert numbers == channels * (16 // 8) ** 2
    assert rank(network, 16) == numbers


def test_a_skip_connection_would_be_noticed():
    assert rank(UNet(4, 4, 2), 16) > 3 * (16 // 8) ** 2


@pytest.mark.parametrize("shape", [(32, 32), (37, 31), (8, 50)])
@pytest.mark.parametrize("colours", [1, 3])
def test_any_size_and_scales_in_one_tensor(shape, colours):
    network, y = small(colours=colours), torch.randn(2, colours, *shape, generator=generator())
    out = network(y)
    assert out.shape == (2, 3 * colours, *shape)
    for k, scale in enumerate(out.chunk(3, 1)):
        coarse = scale[..., :: 2**k, :: 2**k]
        again = coarse.repeat_interleave(2**k, -1).repeat_interleave(2**k, -2)[..., : shape[0], : shape[1]]
        assert torch.equal(again, scale)


def test_the_code_has_the_size_that_the_papers_name():
    """16×16×c of 512×512 pixels; 4×4×4 of characters of 64×64 pixels, with one level less."""
    assert Autoencoder(blocks=0, channels=16).code(torch.zeros(1, 1, 512, 512)).shape == (1, 16, 16, 16)
    characters = Autoencoder((8, 16, 32, 64, 64), channels=4, blocks=0)
    assert characters.code(torch.zeros(1, 1, 64, 64)).shape == (1, 4, 4, 4)


def test_refuses_what_it_cannot_be():
    with pytest.raises(InputError, match="choose 1 to 3 outputs"):
        small(outputs=4)
    with pytest.raises(InputError, match="unknown error"):
        Reconstruction("cubed")


def test_targets_are_means_of_the_kept_pixels_of_each_block():
    y, kept = torch.randn(2, 1, 12, 8, generator=generator()), torch.rand(2, 1, 12, 8, generator=generator(1))
    kept = (kept > 0.4).float()
    kept[0, 0, :4, :4] = 0
    target, share = pooled(y, kept, 4)
    assert share[0, 0, 0, 0] == 0 and target[0, 0, 0, 0] == 0
    block = (1, 0, slice(4, 8), slice(0, 4))
    torch.testing.assert_close(target[1, 0, 1, 0], y[block][kept[block] == 1].mean())
    torch.testing.assert_close(share[1, 0, 1, 0], kept[block].mean())
    torch.testing.assert_close(
        pooled(y, torch.ones_like(y), 4)[0], y.view(2, 1, 3, 4, 2, 4).mean((3, 5)), atol=1e-6, rtol=1e-5
    )


class Fixed(nn.Module):
    """A network whose outputs are parameters of their own."""

    def __init__(self, outputs, size):
        super().__init__()
        self.image = nn.Parameter(torch.full((1, outputs, size, size), 0.3))

    def forward(self, y):
        return self.image.expand(len(y), -1, -1, -1)


@pytest.mark.parametrize("error", ["absolute", "squared"])
def test_loss_is_the_sum_over_scales_and_held_out_pixels_are_no_targets(error):
    y = torch.randn(2, 1, 16, 16, generator=generator())
    kept = (torch.rand(y.shape, generator=generator(1)) > 0.3).float()
    network, strategy = Fixed(3, 16), Reconstruction(error, 3)
    with torch.no_grad():
        network.image[:, 0], network.image[:, 2] = 0.0, -0.2
    power = {"absolute": 1, "squared": 2}[error]
    loss, held_out = strategy.loss(network, y, kept, generator())
    expected = torch.zeros(())
    for n, value in ((1, 0.0), (2, 0.3), (4, -0.2)):
        target, share = pooled(y, kept, n)
        expected += ((target - value).abs() ** power * share).sum() / share.sum()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(held_out, (y[kept == 0].abs() ** power).mean())
    moved = strategy.loss(network, y + 9 * (1 - kept), kept, generator())[0]
    torch.testing.assert_close(moved, loss)


@pytest.mark.parametrize(("error", "outputs"), [("absolute", 1), ("squared", 1), ("squared", 2)])
def test_absolute_error_gives_the_median_and_squared_the_mean(error, outputs):
    """Counts of 0.6 electrons: median 0, mean 0.6 (within four standard errors)."""
    y = torch.poisson(torch.full((500, 1, 8, 8), 0.6), generator=generator())
    network = Fixed(outputs, 8)
    plan = Plan(
        steps=200, batch=64, crop=8, lr=0.05, cosine=True, averaging=0.9, held_out=0.0, augment="none"
    )
    fit(network, Reconstruction(error, outputs), y, plan, seed=0, progress=False)
    said = network.image[0, 0].mean().item()
    if error == "absolute":
        assert abs(said) < 0.1
    else:
        assert said == pytest.approx(0.6, abs=4 * (0.6 / y.numel()) ** 0.5 + 0.01)


def test_trains_on_a_stack_of_colours_and_predicts_one_image():
    stack = torch.randn(5, 3, 24, 16, generator=generator())
    network = small(colours=3)
    history = fit(
        network, Reconstruction("squared", 3), stack, Plan(steps=3, crop=16), seed=0, progress=False
    )
    assert history.steps == 3
    single = small()
    said = Reconstruction(outputs=3).predict(single, stack[:1, :1], generator())
    torch.testing.assert_close(said.image, single(stack[:1, :1])[0, 0])
    assert not said.spread.any() and said.out_of_bag is None
