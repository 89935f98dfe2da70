import pytest
import torch
from torch import nn

from n2sr_lib.errors import InputError
from n2sr_lib.networks.zs_net import ZSNet
from n2sr_lib.strategies.zs_noise2noise import ZSNoise2Noise, diagonals


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


class Share(nn.Module):
    """Not a network: calls a fixed share of every pixel noise."""

    def __init__(self, share=0.3):
        super().__init__()
        self.share = nn.Parameter(torch.tensor(share))

    def forward(self, y):
        return self.share * y


def test_pair_holds_the_two_diagonal_means():
    anti, main = diagonals(torch.tensor([[[[1.0, 2, 10, 20], [3, 4, 30, 40]]]]))
    assert anti.tolist() == [[[[2.5, 25.0]]]] and main.tolist() == [[[[2.5, 25.0]]]]
    y = torch.zeros(1, 1, 2, 2)
    y[0, 0, 0, 1] = 2  # upper right: on the anti-diagonal alone
    assert [d.item() for d in diagonals(y)] == [1.0, 0.0]
    y = torch.randn(3, 1, 6, 10)
    anti, main = diagonals(y)
    blocks = y.reshape(3, 1, 3, 2, 5, 2)
    torch.testing.assert_close(anti, (blocks[..., 0, :, 1] + blocks[..., 1, :, 0]) / 2)
    torch.testing.assert_close(main, (blocks[..., 0, :, 0] + blocks[..., 1, :, 1]) / 2)


def test_noise_of_the_pair_is_halved_and_independent():
    n = 256
    noise = torch.randn(1, 1, 2 * n, 2 * n, generator=generator())
    covariance = torch.cov(torch.stack([d.flatten() for d in diagonals(noise)]))
    # standard errors of a variance of 1/2 and of a covariance of 0 over n² pairs
    assert abs(covariance[0, 0] - 0.5) < 4.5 * 0.5 * 2**0.5 / n
    assert abs(covariance[1, 1] - 0.5) < 4.5 * 0.5 * 2**0.5 / n
    assert abs(covariance[0, 1]) < 4.5 * 0.5 / n


def test_odd_sides_are_refused():
    with pytest.raises(InputError, match="pad"):
        diagonals(torch.zeros(1, 1, 4, 5))


def test_loss_is_the_published_sum():
    torch.manual_seed(0)
    f, y = ZSNet(width=4), torch.randn(2, 1, 8, 12, generator=generator())
    loss, held_out = ZSNoise2Noise().loss(f, y, torch.ones_like(y), generator())
    d1, d2 = diagonals(y)
    p1, p2 = d1 - f(d1), d2 - f(d2)
    q1, q2 = diagonals(y - f(y))
    residual = ((d1 - p2) ** 2).mean() / 2 + ((d2 - p1) ** 2).mean() / 2
    consistency = ((p1 - q1) ** 2).mean() / 2 + ((p2 - q2) ** 2).mean() / 2
    assert loss.item() == pytest.approx((residual + consistency).item(), rel=1e-5)
    assert torch.isnan(held_out)
    # all terms carry gradients
    wanted = torch.autograd.grad(residual + consistency, list(f.parameters()))
    for got, expected in zip(torch.autograd.grad(loss, list(f.parameters())), wanted, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-6)


def test_linear_filter_of_one_pixel_is_consistent():
    """D(y − f(y)) = D(y) − f(D(y)) for a pointwise linear f: only the residual is left."""
    y = torch.randn(1, 1, 16, 16, generator=generator())
    loss, _ = ZSNoise2Noise().loss(Share(0.3), y, torch.ones_like(y), generator())
    d1, d2 = diagonals(y)
    residual = ((0.7 * d1 - d2) ** 2).mean() / 2 + ((0.7 * d2 - d1) ** 2).mean() / 2
    assert loss.item() == pytest.approx(residual.item(), rel=1e-5)


def test_targets_with_a_held_out_pixel_do_not_train():
    """Only the main diagonal of the block is no target; as an input it stays."""
    f, y = Share(0.3), torch.randn(1, 1, 8, 8, generator=generator())  # no consistency loss
    kept = torch.ones_like(y)
    kept[0, 0, 2, 4] = 0  # on the main diagonal of its block
    anti, main = diagonals(y)
    squared = torch.cat([((0.7 * anti - main) ** 2).flatten(), ((0.7 * main - anti) ** 2).flatten()])
    block = 1 * 4 + 2
    loss, held_out = ZSNoise2Noise().loss(f, y, kept, generator())
    assert held_out.item() == pytest.approx(squared[block].item(), rel=1e-5)
    # 32 targets less one
    assert loss.item() == pytest.approx((squared.sum() - squared[block]).item() / 31, rel=1e-5)
    assert loss.requires_grad and not held_out.requires_grad


def test_prediction_takes_the_noise_away():
    y = torch.randn(1, 1, 7, 9)
    p = ZSNoise2Noise().predict(Share(0.25), y, generator())
    torch.testing.assert_close(p.image, 0.75 * y[0, 0])
    assert p.spread.abs().max() == 0 and p.out_of_bag is None and not p.image.requires_grad


def test_network_has_the_published_size_and_reach():
    f = ZSNet()
    assert sum(p.numel() for p in f.parameters()) == 21_313
    y = torch.randn(1, 1, 11, 13, requires_grad=True)
    f(y)[0, 0, 5, 6].backward()
    seen = y.grad[0, 0] != 0
    assert seen[3:8, 4:9].any(1).all() and seen[3:8, 4:9].any(0).all()
    assert seen.sum() == seen[3:8, 4:9].sum()


def test_learns_to_denoise_a_smooth_image():
    torch.manual_seed(0)
    rows = torch.arange(48.0) * 2 * torch.pi / 24
    x = (torch.cos(rows[:, None]) + torch.cos(rows[None]))[None, None]
    y = x + 0.7 * torch.randn(x.shape, generator=generator())
    f, strategy = ZSNet(width=16), ZSNoise2Noise()
    optimizer = torch.optim.Adam(f.parameters(), 5e-3)
    for _ in range(150):
        optimizer.zero_grad()
        strategy.loss(f, y, torch.ones_like(y), generator())[0].backward()
        optimizer.step()
    x_hat = strategy.predict(f, y, generator()).image
    # 25 pixels at best average to a fifth of the deviation; half of it is asked for
    assert ((x_hat - x) ** 2).mean() < 0.5**2 * ((y - x) ** 2).mean()
