import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import normalize

from n2sr_lib.networks.fbi_net import FBINet, _Pointwise, _PReLU
from n2sr_lib.networks.growing_unet import GrowingUNet
from n2sr_lib.networks.restormer import Restormer, _ChannelAttention, _Norm
from n2sr_lib.networks.same_size import SameSize, noise2noise_unet
from n2sr_lib.networks.superres import SuperResolved
from n2sr_lib.networks.uformer import Uformer, _mirrored, _WindowAttention


def fbi_net(layers=4, width=8, outputs=1):
    """FBI-Net with other slopes than the 0 it begins with, at which some never see a negative value."""
    network = FBINet(layers, width, outputs)
    for module in network.modules():
        if isinstance(module, nn.PReLU):
            nn.init.constant_(module.weight, 0.3)
    return network


ENCODERS = {
    "uformer": lambda: Uformer(width=4, blocks=(2, 1, 2), window=4),
    "restormer": lambda: Restormer(width=4, blocks=(2, 1, 1), refinement=1),
}
IMAGES = {name: lambda make=make: SameSize(make()) for name, make in ENCODERS.items()} | {
    "unet": noise2noise_unet,
    "growing": lambda: SameSize(GrowingUNet(widths=(8, 8), features=8)),
    "fbi": fbi_net,
}


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.mark.parametrize("make", ENCODERS.values(), ids=ENCODERS)
@pytest.mark.parametrize("size", [(1, 1), (5, 9), (16, 16), (37, 31)])
def test_encoders_take_any_size(make, size):
    encoder = make().eval()
    with torch.no_grad():
        assert encoder(torch.randn(2, 1, *size)).shape == (2, encoder.features, *size)
        out = SuperResolved(encoder, 2)(torch.randn(2, 1, *size))
    assert out.shape == (2, 1, 2 * size[0], 2 * size[1])
    assert torch.isfinite(out).all()


@pytest.mark.parametrize("make", IMAGES.values(), ids=IMAGES)
@pytest.mark.parametrize("size", [(6, 9), (37, 31)])
def test_same_size_means_same_size(make, size):
    with torch.no_grad():
        out = make()(torch.randn(2, 1, *size))
    assert out.shape == (2, 1, *size)
    assert torch.isfinite(out).all()


@pytest.mark.parametrize("make", IMAGES.values(), ids=IMAGES)
def test_every_weight_is_used(make):
    network = make()
    network(torch.randn(2, 1, 32, 32)).square().sum().backward()
    unused = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not unused


@pytest.mark.parametrize("make", IMAGES.values(), ids=IMAGES)
def test_bfloat16_and_channels_last_change_little(make):
    network, y = make(), torch.randn(1, 1, 24, 20)
    with torch.no_grad():
        expected = network(y)
        with torch.autocast("cpu", torch.bfloat16):
            out = network.to(memory_format=torch.channels_last)(y).float()
    # bfloat16 keeps 8 bits: 0.4 % at every one of some tens of layers.
    assert (out - expected).std() < 0.1 * expected.std() + 1e-3


@pytest.mark.parametrize("sizes", [(5, 7), (5, 23), (2, 9), (1, 4)])
def test_reflection_goes_on_as_long_as_needed(sizes):
    short, long = sizes
    x = torch.randn(1, 1, short, 2)
    expected = np.pad(x.numpy(), [(0, 0), (0, 0), (0, long - short), (0, 0)], mode="reflect")
    np.testing.assert_array_equal(_mirrored(x, 2, long), expected)


def test_attention_in_one_window_is_multihead_attention():
    ours, reference = _WindowAttention(8, 2, 4, False), nn.MultiheadAttention(8, 2, batch_first=True)
    reference.load_state_dict(
        {
            "in_proj_weight": ours.qkv.weight,
            "in_proj_bias": ours.qkv.bias,
            "out_proj.weight": ours.out.weight,
            "out_proj.bias": ours.out.bias,
        }
    )
    x = torch.randn(3, 4, 4, 8)
    tokens = x.flatten(1, 2)
    torch.testing.assert_close(ours(x).flatten(1, 2), reference(tokens, tokens, tokens)[0])


@pytest.mark.parametrize("size", [(4, 4), (3, 2), (4, 8)])
def test_position_bias_is_that_of_the_offset(size):
    """A huge bias for one step to the right makes every pixel copy its left neighbour."""
    attention = _WindowAttention(4, 1, 4, False)
    with torch.no_grad():
        attention.bias[3, 4] = 1e4
        x = torch.randn(1, *size, 4)
        copied = attention.out(attention.qkv(x)[..., 8:])
        out = attention(x)
    inside = [c for c in range(size[1]) if c % 4]  # the first column of a window has no such neighbour in it
    torch.testing.assert_close(out[:, :, inside], copied[:, :, [c - 1 for c in inside]])


@pytest.mark.parametrize("shifted", [False, True])
def test_attention_reaches_its_window_and_no_farther(shifted):
    """Shifted windows begin half a window earlier, and none holds pixels of two opposite borders."""
    attention = _WindowAttention(4, 1, 4, shifted).double()
    x = torch.randn(1, 12, 8, 4, dtype=torch.double, requires_grad=True)
    out = attention(x)
    label = [(np.arange(n) + 2 * shifted) // 4 for n in (12, 8)]
    for i, j in ((0, 0), (1, 5), (2, 2), (11, 7), (6, 1)):
        (grad,) = torch.autograd.grad(out[0, i, j].sum(), x, retain_graph=True)
        expected = (label[0] == label[0][i])[:, None] & (label[1] == label[1][j])
        np.testing.assert_array_equal(grad[0].abs().sum(-1).numpy() > 0, expected)


def test_channel_attention_against_its_formula():
    attention, x = _ChannelAttention(8, 2), torch.randn(2, 8, 5, 6)
    with torch.no_grad():
        attention.temperature.copy_(torch.tensor([0.5, 2.0]).view(2, 1, 1))
        q, k, v = attention.qkv(x).view(2, 3, 2, 4, 30).unbind(1)
        weights = normalize(q, dim=-1) @ normalize(k, dim=-1).transpose(-1, -2)
        weights = (weights * attention.temperature).softmax(-1)
        torch.testing.assert_close(attention(x), attention.out((weights @ v).reshape(2, 8, 5, 6)))


def test_norm_divides_by_the_deviation_over_channels():
    norm, x = _Norm(6), torch.randn(2, 6, 3, 4) * 5 + 2
    expected = x / x.std(1, correction=0, keepdim=True)
    torch.testing.assert_close(norm(x), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_pointwise_convolution_is_a_convolution(memory_format):
    conv = _Pointwise(5, 3)
    x = torch.randn(2, 5, 7, 9).to(memory_format=memory_format).requires_grad_()
    other = x.detach().clone().requires_grad_()
    plain = nn.functional.conv2d(other, conv.weight, conv.bias)
    out = conv(x)
    torch.testing.assert_close(out, plain)
    out.square().sum().backward()
    plain.square().sum().backward()
    torch.testing.assert_close(x.grad, other.grad)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_prelu_is_a_prelu(memory_format):
    activation, plain = _PReLU(5), nn.PReLU(5)
    for each in (activation, plain):
        each.weight.data = torch.linspace(-0.5, 1.5, 5)
    x = torch.randn(2, 5, 7, 9).to(memory_format=memory_format).requires_grad_()
    other = x.detach().contiguous().requires_grad_()
    weights = torch.randn(2, 5, 7, 9)
    torch.testing.assert_close(activation(x), plain(other), rtol=0, atol=0)
    (activation(x) * weights).sum().backward()
    (plain(other) * weights).sum().backward()
    torch.testing.assert_close(x.grad, other.grad, rtol=0, atol=0)
    torch.testing.assert_close(activation.weight.grad, plain.weight.grad)


def test_fbi_net_starts_by_the_taps_it_uses_and_with_a_small_output():
    network = FBINet(4, 64)
    for layer, used in zip(network.convolve, (1 * 8, 64 * 9, 64 * 5, 64 * 5), strict=True):
        assert layer[0].weight.std().item() == pytest.approx((2 / used) ** 0.5, rel=0.1)
    assert network.residual[0].convolve[0].weight.std().item() == pytest.approx(1 / 8, rel=0.1)
    with torch.no_grad():
        out = network(torch.randn(1, 1, 64, 64))
    assert out.abs().max() < 0.1  # with PyTorch's own weights about 0.3, most of it a constant


@pytest.mark.parametrize("layers", [2, 3, 8, 11])
def test_blind_spot(layers):
    """d out[i] / d in[i] is exactly zero, and all eight neighbours have an influence."""
    network = fbi_net(layers, width=4, outputs=2).double()
    y = torch.randn(1, 1, 21, 17, dtype=torch.double, requires_grad=True)
    out = network(y)
    for i, j in ((10, 8), (11, 5), (0, 0), (20, 9)):
        for o in range(2):
            (grad,) = torch.autograd.grad(out[0, o, i, j], y, retain_graph=True)
            seen = grad[0, 0] != 0
            assert not seen[i, j]
            seen[i, j] = True
            assert seen[max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2].all()


def test_blind_spot_needs_its_masks():
    """The test above would notice: without them the centre has an influence."""
    network, y = fbi_net(), torch.randn(1, 1, 9, 9, requires_grad=True)
    for module in network.modules():
        if hasattr(module, "taps"):
            module.taps.fill_(1.0)
    (grad,) = torch.autograd.grad(network(y)[0, :, 4, 4].sum(), y)
    assert grad[0, 0, 4, 4] != 0
