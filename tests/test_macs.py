import pytest
import torch
from torch import nn

from n2sr_lib.networks.fbi_net import FBINet
from n2sr_lib.networks.macs import macs, table3_macs
from n2sr_lib.networks.restormer import Restormer
from n2sr_lib.networks.same_size import SameSize, noise2noise_unet
from n2sr_lib.networks.superres import SuperResolved
from n2sr_lib.networks.uformer import Uformer
from n2sr_lib.networks.unet import UNet

FULL, HALF = (1, 1, 128, 128), (1, 1, 64, 64)
#: Network, its input for 128×128 pixels of the full-size image, Table III, true GMACs, parameters.
TABLE3 = {
    "Noise2Self, U-Net": (noise2noise_unet, FULL, 4.61, 3.259, 698_017),
    "Noise2Self, Uformer": (lambda: SameSize(Uformer()), FULL, 10.24, 10.22, None),
    "Noise2Self, Restormer": (lambda: SameSize(Restormer()), FULL, 35.21, 38.68, None),
    "Noise2SR, U-Net": (lambda: SuperResolved(UNet()), HALF, 6.82, 6.479, 1_736_097),
    "Noise2SR, Uformer": (lambda: SuperResolved(Uformer()), HALF, 4.15, None, None),
    "Noise2SR, Restormer": (lambda: SuperResolved(Restormer()), HALF, 11.59, None, None),
    "FBI-Net": (FBINet, FULL, 6.56, 6.521, 401_795),
}


@pytest.mark.parametrize("row", TABLE3.values(), ids=TABLE3)
def test_table3(row):
    make, shape, paper, true, parameters = row
    with torch.device("meta"):  # shapes are enough: no weight is drawn
        network = make()
    assert f"{table3_macs(network, shape) / 1e9:.2f}" == f"{paper:.2f}"
    if true is not None:
        assert macs(network, shape) / 1e9 == pytest.approx(true, abs=0.006)
    if parameters is not None:
        assert sum(p.numel() for p in network.parameters()) == parameters


@pytest.mark.parametrize(
    ("layer", "shape", "true", "table3"),
    [
        (nn.Conv2d(3, 5, 3, padding=1), (2, 3, 6, 7), 2 * 42 * 3 * 5 * 9, 2 * 42 * 3 * 5 * 9),
        (nn.Conv2d(3, 5, 3, stride=2, padding=1), (1, 3, 6, 8), 12 * 3 * 5 * 9, 12 * 3 * 5 * 9),
        (nn.Conv2d(6, 6, 3, padding=1, groups=6), (1, 6, 4, 4), 16 * 6 * 9, 16 * 6 * 9),
        (nn.ConvTranspose2d(3, 5, 2, stride=2), (1, 3, 4, 6), 24 * 3 * 5 * 4, 4 * 24 * 3 * 5 * 4),
        (nn.Linear(3, 5), (2, 4, 3), 8 * 15, 8 * 15),
        (nn.LayerNorm(6), (2, 5, 6), 0, 4 * 60),
        (nn.PReLU(3), (1, 3, 4, 4), 0, 48),
        (nn.LeakyReLU(), (1, 3, 4, 4), 0, 48),
        (nn.LeakyReLU(inplace=True), (1, 3, 4, 4), 0, 48),
        (nn.Softmax(-1), (2, 3, 5), 0, 6 * 14),
        (nn.ReLU(), (1, 3, 4, 4), 0, 0),
    ],
    ids=lambda x: type(x).__name__ if isinstance(x, nn.Module) else "",
)
def test_single_layers_by_hand(layer, shape, true, table3):
    assert (macs(layer, shape), table3_macs(layer, shape)) == (true, table3)


def test_products_of_attention_are_left_out_by_table3():
    class Product(nn.Module):
        def forward(self, x):
            return x @ x.transpose(-1, -2)

    assert macs(Product(), (2, 3, 4, 5)) == 2 * 3 * 4 * 4 * 5
    assert table3_macs(Product(), (2, 3, 4, 5)) == 0


def test_counting_leaves_the_network_alone():
    network = nn.Conv2d(1, 2, 3)
    before = network.weight.clone()
    macs(network, (1, 1, 8, 8))
    assert network.weight.device.type == "cpu" and torch.equal(network.weight, before)
