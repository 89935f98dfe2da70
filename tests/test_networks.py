import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from n2sr_lib.errors import InputError
from n2sr_lib.networks.build import build_network
from n2sr_lib.networks.growing_unet import GrowingUNet
from n2sr_lib.networks.superres import UPSAMPLINGS
from n2sr_lib.networks.unet import UNet

SMALL = {"width": 8, "features": 8, "depth": 3}
GROWING = {"widths": (8, 8, 12), "features": 8}


def parameters(network):
    return sum(p.numel() for p in network.parameters())


def test_paper_network_has_the_published_size():
    """1,736,097 parameters; Table III's 6.82 G MACs, once transposed convolutions count on their output."""
    network = build_network(2, 0)
    assert parameters(network) == 1_736_097
    # In the text's decoder the first convolution is 1×1 as well; s = 4 has two stages of 2, as released.
    assert parameters(build_network(2, 0, decoder="paper")) == 1_736_097 - 8 * 128 * 96
    assert parameters(build_network(4, 0).upsample) == 2 * (9 * 128 * 512 + 512)
    assert parameters(network.encoder) == 1_030_368
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 1, 64, 64))
    macs = counter.get_total_flops() / 2
    assert macs == pytest.approx(6.479e9, rel=1e-3)
    # One 3×3 transposed convolution: c² · 9 per input pixel, four times as many on its output.
    extra = sum(
        3 * 9 * c * c * (64 // 2**level) ** 2
        for level, c in zip((5, 4, 3, 2, 1), (48, 96, 96, 96, 96), strict=True)
    )
    assert (macs + extra) / 1e9 == pytest.approx(6.82, abs=0.01)


@pytest.mark.parametrize("encoder", [SMALL, GROWING], ids=["unet", "growing"])
@pytest.mark.parametrize("s", [2, 3, 4])
@pytest.mark.parametrize("decoder", ["code", "paper"])
@pytest.mark.parametrize("size", [(37, 31), (64, 40), (8, 9)])
def test_any_stride_and_size(s, decoder, size, encoder):
    network = build_network(s, 0, decoder=decoder, **encoder)
    out = network(torch.randn(2, 1, *size))
    assert out.shape == (2, 1, s * size[0], s * size[1])
    assert torch.isfinite(out).all()


@pytest.mark.parametrize("s", [2, 3, 4])
def test_upsamplings_enlarge_the_same_place(s):
    """With positive weights, a bright sub-sampled pixel stays at its place whatever the upsampling."""
    centres = []
    for upsampling in UPSAMPLINGS:
        network = build_network(s, 0, upsampling=upsampling, **SMALL)
        for p in (*network.upsample.parameters(), *network.decode.parameters()):
            p.data.abs_() if p.dim() > 1 else p.data.zero_()
        features = torch.zeros(1, 8, 15, 17)
        features[:, :, 5, 9] = 1.0
        with torch.no_grad():
            out = network.decode(network.upsample(features))[0, 0]
        assert out.shape == (15 * s, 17 * s)
        rows, columns = (torch.arange(n).float() for n in out.shape)
        centres.append([(out.sum(1) @ rows / out.sum()) / s, (out.sum(0) @ columns / out.sum()) / s])
    assert torch.tensor(centres).sub(torch.tensor([5.0, 9.0])).abs().max() < 1


def test_unknown_upsampling():
    with pytest.raises(InputError, match="upsampling"):
        build_network(2, 0, upsampling="nearest", **SMALL)


def test_shared_weights_are_shared():
    shared, separate = (UNet(**SMALL, share_weights=share) for share in (True, False))
    assert shared.down[0] is shared.down[-1]
    assert separate.down[0] is not separate.down[-1]
    assert parameters(shared) < parameters(separate)


@pytest.mark.parametrize("encoder", [SMALL | {"share_weights": False}, GROWING], ids=["unet", "growing"])
def test_every_weight_is_used(encoder):
    network = build_network(2, 0, **encoder)
    network(torch.randn(1, 1, 32, 32)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_seed_fixes_the_weights_and_leaves_the_global_stream_alone():
    state = torch.get_rng_state()
    first, again, other = (build_network(2, seed, **SMALL) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), state)
    x = torch.randn(1, 1, 16, 16)
    assert torch.equal(first(x), again(x))
    assert not torch.equal(first(x), other(x))


def test_unknown_decoder():
    with pytest.raises(InputError, match="decoder"):
        build_network(2, 0, decoder="text", **SMALL)


def test_a_signal_reaches_the_deepest_level():
    """With PyTorch's own starting weights the level would get a hundredth of it, and stay dead."""
    network = build_network(
        2, 0, widths=(8, 8, 12, 12, 16), features=8, decoder_width=8, activation="silu", initial="he"
    )
    seen = []
    network.encoder.bottom.register_forward_hook(lambda module, args, out: seen.append(out.std().item()))
    out = network(torch.randn(4, 1, 64, 64))
    assert seen[0] > 0.05
    assert 0.02 < out.std() < 5


@pytest.mark.parametrize("padding", ["zeros", "reflect"])
def test_only_reflected_borders_hide_where_the_image_ends(padding):
    """A flat image stays flat if nothing but itself lies beyond its border."""
    torch.manual_seed(0)
    network = GrowingUNet((8, 8), features=8, padding=padding)
    out = network(torch.ones(1, 1, 24, 24))
    flat = out.std((2, 3)).max() < 1e-5
    assert flat == (padding == "reflect")


@pytest.mark.parametrize("normalisation", ["none", "group"])
def test_group_normalisation_undoes_the_size_of_the_weights(normalisation):
    torch.manual_seed(0)
    network = GrowingUNet((8, 8), features=8, normalisation=normalisation)
    x = torch.randn(1, 1, 32, 32)
    with torch.no_grad():
        before = network(x)
        convolution = network.down[0][0][0]
        convolution.weight *= 10
        convolution.bias *= 10
        same = torch.allclose(network(x), before, atol=1e-3)
    assert same == (normalisation == "group")


@pytest.mark.parametrize("option", ["activation", "padding", "normalisation"])
def test_unknown_option_of_the_growing_u_net(option):
    with pytest.raises(InputError, match=option):
        build_network(2, 0, **GROWING, **{option: "none of these"})
