import pytest
import torch
from torch import nn

from n2sr_lib.networks.self2self_net import PartialConv2d, Self2SelfNet, _bordered, dropout
from n2sr_lib.strategies.self2self import Self2Self


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def small(**sizes):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Self2SelfNet(**{"width": 6, "depth": 2, **sizes})


class Record(nn.Module):
    """Not a network: keeps what it was fed and answers with a constant."""

    def __init__(self, answer=0.0):
        super().__init__()
        self.answer, self.fed = nn.Parameter(torch.tensor(answer)), []

    def forward(self, image_and_mask):
        self.fed.append(image_and_mask.detach().clone())
        return self.answer.expand_as(image_and_mask[:, :1])


def test_partial_convolution_ignores_masked_values():
    conv = PartialConv2d(2, 3)
    x, mask = torch.randn(1, 2, 9, 7), (torch.rand(1, 1, 9, 7, generator=generator()) < 0.5).float()
    out, _ = conv(x, mask)
    other, _ = conv(x + 100 * (1 - mask), mask)
    assert torch.equal(out, other)


def test_partial_convolution_renormalises():
    """A constant image gives the same value everywhere, however many of the nine pixels are there."""
    conv = PartialConv2d(1, 1)
    nn.init.constant_(conv.weight, 1 / 9)
    nn.init.constant_(conv.bias, 0.5)
    mask = (torch.rand(1, 1, 40, 40, generator=generator()) < 0.3).float()
    mask[0, 0, :5, :5] = 0
    out, there = conv(torch.full((1, 1, 40, 40), 4.0), mask)
    expected = nn.functional.max_pool2d(nn.functional.pad(mask, (1, 1, 1, 1), mode="replicate"), 3, 1)
    assert torch.equal(there, expected) and 0 < there.sum() < there.numel()
    torch.testing.assert_close(out, 4.0 * there + 0.5)


def test_partial_convolution_without_a_mask_is_a_convolution():
    conv, x = PartialConv2d(2, 3), torch.randn(1, 2, 8, 8)
    out, there = conv(x, torch.ones(1, 1, 8, 8))
    plain = nn.functional.conv2d(nn.functional.pad(x, (1, 1, 1, 1), mode="replicate"), conv.weight, conv.bias)
    torch.testing.assert_close(out, plain)
    assert there.all()


def test_network_has_the_published_size():
    assert sum(p.numel() for p in Self2SelfNet().parameters()) == 988_609


@pytest.mark.parametrize("width", [12, 48])
def test_signal_keeps_its_size_through_dropout_and_the_output_starts_small(width):
    """Behind eleven dropouts of 0.3 plain He weights make the output seven times as large as the image."""
    f, sizes = small(width=width, depth=5), []
    for convolution in (*(c for block in f.up for c in block), *f.last):
        convolution.register_forward_hook(lambda *args: sizes.append(args[2].square().mean().sqrt().item()))
    mask = (torch.rand(2, 1, 64, 64, generator=generator()) < 0.7).float()
    out = f(torch.cat((torch.randn(2, 1, 64, 64, generator=generator(1)) * mask, mask), 1))
    assert len(sizes) == 10 and max(sizes) < 2 * min(sizes), sizes
    assert out.std() < 0.1


@pytest.mark.parametrize(("h", "w"), [(16, 16), (13, 21), (7, 5)])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_network_takes_any_size(h, w, depth):
    f = small(depth=depth)
    x = torch.randn(2, 2, h, w, requires_grad=True)
    out = f(x)
    assert out.shape == (2, 1, h, w)
    out.sum().backward()
    assert all(p.grad is not None for p in f.parameters())


def test_network_never_sees_a_dropped_pixel():
    f = small(dropout=0.0).eval()
    y, mask = torch.randn(1, 1, 16, 20), (torch.rand(1, 1, 16, 20, generator=generator()) < 0.7).float()
    assert torch.equal(f(torch.cat((y, mask), 1)), f(torch.cat((y + 9 * (1 - mask), mask), 1)))


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_dropout_is_independent_at_its_rate(memory_format):
    """Four draws come from every random number: none of them may know of its neighbours, nor of the sign."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        x = torch.full((4, 25, 99, 101), 2.0).to(memory_format=memory_format)
        out = dropout(x, 0.3)
    there = out > 0
    torch.testing.assert_close(out[there], torch.full((int(there.sum()),), 2 / 0.7))
    error = (0.21 / x.numel()) ** 0.5
    assert abs(there.double().mean().item() - 0.7) < 4.5 * error
    draws = there.permute(0, 2, 3, 1).flatten().double() - 0.7
    for lag in (1, 2, 3, 4, 8):
        assert abs((draws[lag:] * draws[:-lag]).mean().item()) < 4.5 * 0.21 / x.numel() ** 0.5
    for first in range(4):  # the place within a number
        assert abs(draws[first::4].mean().item()) < 4.5 * 2 * error


def test_dropout_stays_on_in_eval_mode():
    f, x = small().eval(), torch.ones(1, 2, 16, 16)
    assert not torch.equal(f(x), f(x))
    assert torch.equal(*(small(dropout=0.0).eval()(x) for _ in range(2)))


def test_loss_is_the_mean_over_the_dropped_kept_pixels():
    y, f = torch.randn(2, 1, 40, 50, generator=generator()), Record(0.3)
    kept = (torch.rand(y.shape, generator=generator(1)) > 0.2).float()
    loss, held_out = Self2Self().loss(f, y, kept, generator(2))
    (fed,) = f.fed
    mask = fed[:, 1:]
    assert torch.equal(fed[:, :1], y * mask) and set(mask.unique().tolist()) == {0.0, 1.0}
    n = mask.numel()
    assert abs(mask.mean().item() - 0.7) < 4.5 * (0.21 / n) ** 0.5
    squared = (0.3 - y) ** 2
    assert loss.item() == pytest.approx(squared[(mask == 0) & (kept == 1)].mean().item(), rel=1e-5)
    assert held_out.item() == pytest.approx(squared[(mask == 0) & (kept == 0)].mean().item(), rel=1e-5)
    assert loss.requires_grad and not held_out.requires_grad
    assert torch.isnan(Self2Self().loss(f, y, torch.ones_like(y), generator())[1])


def test_randomness_comes_from_the_generator_alone():
    f, y = small(), torch.randn(1, 1, 16, 16)
    strategy, results = Self2Self(M=3), []
    for seed, g in ((0, 5), (1, 5), (1, 6)):
        torch.manual_seed(seed)
        state = torch.get_rng_state()
        loss, _ = strategy.loss(f, y, torch.ones_like(y), generator(g))
        image = strategy.predict(f, y, generator(g)).image
        assert torch.equal(torch.get_rng_state(), state)  # the caller's own stream is left alone
        results.append((loss.item(), image))
    assert results[0][0] == results[1][0] and torch.equal(results[0][1], results[1][1])
    assert results[0][0] != results[2][0] and not torch.equal(results[0][1], results[2][1])


def test_masks_and_dropout_differ_from_pass_to_pass():
    f, y = Record(), torch.randn(1, 1, 30, 30)
    Self2Self(M=20).predict(f, y, generator())
    masks = torch.stack([fed[0, 1] for fed in f.fed])
    assert len({tuple(m.flatten().tolist()) for m in masks}) == 20
    assert abs(masks.mean().item() - 0.7) < 4.5 * (0.21 / masks.numel()) ** 0.5
    # and all four flips are used: undone, each pass was fed the image itself
    views = [f.fed[m][0, 0] for m in range(20)]
    flips = [(), (0,), (1,), (0, 1)]
    used = {
        k for v, m in zip(views, masks, strict=True) for k in flips if torch.equal(v, y[0, 0].flip(k) * m)
    }
    assert used == set(flips)


def test_ensemble_varies_and_averages():
    """Mean and spread of M passes; the error of a mean over M falls as 1/sqrt(M)."""
    f, y = small(), torch.randn(1, 1, 16, 17, generator=generator())

    def estimate(M, seed):
        return Self2Self(M=M).predict(f, y, generator(seed))

    passes = torch.stack([estimate(1, seed).image for seed in range(64)])
    assert passes.std(0).min() > 0
    many = estimate(64, 99)
    error = (passes.std(0) ** 2 * 2 / 64).sqrt()  # of the difference of two means over 64
    assert ((many.image - passes.mean(0)) / error).abs().mean() < 1.2  # 0.8 for the normal law
    assert (many.spread / passes.std(0)).mean().item() == pytest.approx(1, abs=0.1)
    assert torch.equal(estimate(1, 0).spread, torch.zeros(16, 17))


def test_every_pass_is_turned_back():
    """A network that repeats what it is fed gives back the image, as far as it was fed."""
    y = torch.randn(1, 1, 20, 24, generator=generator())
    said, share = (Self2Self(M=30).predict(f, y, generator(1)).image for f in (lambda t: t[:, :1], Guess()))
    torch.testing.assert_close(said, y[0, 0] * share)


class Guess(nn.Module):
    """Answers 1 where a pixel was fed and 0 where it was dropped."""

    def forward(self, image_and_mask):
        return image_and_mask[:, 1:]


def test_out_of_bag_uses_the_passes_that_dropped_the_pixel():
    y = torch.randn(1, 1, 20, 24)
    p = Self2Self(M=30).predict(Guess(), y, generator())
    assert p.out_of_bag.abs().max() == 0
    assert abs(p.image.mean().item() - 0.7) < 4.5 * (0.21 / (30 * y.numel())) ** 0.5
    one = Self2Self(M=1).predict(Guess(), y, generator())
    assert torch.equal(torch.isnan(one.out_of_bag), one.image == 1)


def test_half_precision_and_channels_last_reach_every_layer():
    """What a layer gets in 32 bits or channels-first, by a mask or a skip, takes twice as long."""
    network, fed, seen = Self2SelfNet(width=6, depth=2), [], []
    for layer in network.modules():
        if isinstance(layer, PartialConv2d):
            layer.register_forward_hook(lambda _, inputs, out: seen.append(out[0]))
        elif isinstance(layer, nn.Conv2d):
            layer.register_forward_pre_hook(lambda _, inputs: fed.append(inputs[0]))
            layer.register_forward_hook(lambda _, inputs, out: seen.append(out))
    network.to(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        network(torch.randn(1, 2, 16, 16))
        assert _bordered(seen[0]).dtype == torch.bfloat16
    assert len(seen) == 9 and len(fed) == 5
    assert {m.dtype for m in (*fed, *seen)} == {torch.bfloat16}
    assert all(m.is_contiguous(memory_format=torch.channels_last) for m in fed)
