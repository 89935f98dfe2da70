import dataclasses
from pathlib import Path

import pytest
import torch
from torch import nn

from n2sr_lib import PRESETS, Preset, data, pretraining
from n2sr_lib.denoising import OVERLAP, denoise
from n2sr_lib.networks.build import build_network
from n2sr_lib.strategies.noise2sr import Noise2SR
from n2sr_lib.tiling import tiled

WEIGHTS = Path(__file__).resolve().parents[1] / "data/weights"


class Blur(nn.Module):
    """Doubles the size and reaches two pixels far: tiles with enough overlap are exact."""

    def forward(self, x):
        kernel = torch.arange(25.0).view(1, 1, 5, 5) / 300
        return nn.functional.conv2d(x, kernel, padding=2).repeat_interleave(2, -1).repeat_interleave(2, -2)


@pytest.mark.parametrize("size", [(70, 100), (33, 129), (16, 16)])
def test_tiles_of_a_local_function_are_exact(size):
    x = torch.randn(2, 1, *size)
    torch.testing.assert_close(tiled(Blur(), 16, 4, align=4)(x), Blur()(x), atol=1e-6, rtol=0)


def test_too_little_overlap_shows():
    x = torch.randn(1, 1, 64, 64)
    assert not torch.allclose(tiled(Blur(), 16, 0, align=4)(x), Blur()(x), atol=1e-3)


def test_never_more_than_a_tile_at_a_time():
    seen = []

    def network(x):
        seen.append(x.shape[-2:])
        return x

    x = torch.randn(1, 1, 200, 90)
    assert torch.equal(tiled(network, 32, 16, align=8)(x), x)
    assert len(seen) == 7 * 3 and max(max(s) for s in seen) <= 64


def test_prediction_in_tiles_is_the_same_to_a_thousandth_of_the_range():
    """Same masks, deep network with pooling; the seam is what would show."""
    network = build_network(2, 0, width=8, features=8, depth=3, decoder_width=8).eval()
    y = torch.randn(1, 1, 320, 288)
    whole, pieces = (
        Noise2SR(M=3, flips=True).predict(f, y, torch.Generator().manual_seed(0)).image
        for f in (network, tiled(network, 64, 32, align=8))
    )
    assert (whole - pieces).abs().max() <= 1e-3 * (whole.max() - whole.min())


@pytest.mark.parametrize("method", ["noise2noise_pair", "supervised"])
def test_tiles_of_a_network_that_was_trained_to_the_end(method):
    """It reaches farther than one that was trained for a minute: 170 pixels, the last few of them hardly."""
    network = pretraining.read(next(WEIGHTS.glob(f"{method}-*.safetensors"))).network.eval()
    x = torch.from_numpy(data.sample("ptceo2_a_white"))[None, None, :640, :128]
    y = (x - x.mean()) / x.std() + torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        whole, pieces, narrow = (f(y) for f in (network, *(tiled(network, 128, n) for n in (OVERLAP, 96))))
    allowed = 1e-4 * (whole.max() - whole.min())
    assert (whole - pieces).abs().max() <= allowed
    assert (whole - narrow).abs().max() > allowed  # else this test could not fail


def test_tiles_of_the_trained_laptop_network():
    """After training the levels reach far, which decides whether the overlap of `denoise` is wide enough."""
    laptop = PRESETS["laptop"]
    plan = dataclasses.replace(laptop.plan, steps=60, batch=2, crop=128, precision="float32")
    x = data.sample("ptceo2_a_white")[:640, :704]
    y = x + 0.15 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0)).numpy()
    short = Preset(laptop.network, dataclasses.replace(laptop.strategy, M=1), plan)
    done = denoise(y, preset=short, device="cpu", progress=False)
    y_sub = torch.from_numpy((y - done.mean) / done.deviation)[None, None, ::2, ::2]
    allowed = 1e-3 * float(x.max() - x.min()) / done.deviation
    with torch.no_grad():
        whole, pieces, narrow = (
            f(y_sub)
            for f in (done.network, tiled(done.network, 64, OVERLAP), tiled(done.network, 64, OVERLAP // 3))
        )
    assert (whole - pieces).abs().max() <= allowed
    assert (whole - narrow).abs().max() > allowed  # else this test could not fail
