"""How much a network computes: its multiply-accumulate operations (MACs), and what Table III calls so."""

import copy
import math

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

aten = torch.ops.aten


def macs(network: nn.Module, shape: tuple[int, ...]) -> int:
    """MACs of one pass over an input of this shape (B, C, H, W): all convolutions and matrix products.

    The taps that a masked convolution holds at zero are counted, since they are computed. Nothing is
    computed here: the count follows from the shapes.
    """
    return _count(network, shape, {})


def table3_macs(network: nn.Module, shape: tuple[int, ...]) -> int:
    """MACs in the convention that gives all values of Table III, for H×W = 128×128 of the full-size image.

    The paper does not state it; we inferred it from the seven values. It is that of a profiler that looks at
    layers, and differs from `macs` in that

    - a transposed convolution is counted on its output pixels: s² times too many for stride s;
    - the products of queries, keys and values are left out, since they are no layers;
    - layer normalisation counts 4 operations per value, PReLU and LeakyReLU 1, and softmax 3n − 1 for n
      values; other activations and normalisations count nothing. (Without LeakyReLU only Uformer with
      Noise2SR changes, from 4.146 to 4.145.)

    So U-Nets come out dearer than they are (by 42 % with Noise2Self and 5 % with Noise2SR) and Restormer
    cheaper (by 9 %). To compare encoders use `macs`.
    """
    return _count(network, shape, _TABLE3)


def _count(network: nn.Module, shape: tuple[int, ...], mapping: dict) -> int:
    network = copy.deepcopy(network).to("meta")
    with torch.no_grad(), FlopCounterMode(display=False, custom_mapping=mapping) as counter:
        network(torch.empty(shape, device="meta"))
    return counter.get_total_flops() // 2


def _convolution(x, weight, bias, stride, padding, dilation, transposed, added, groups, out_shape) -> int:
    c_in = weight[0] // groups if transposed else weight[1]
    return 2 * math.prod(out_shape) * c_in * math.prod(weight[2:])


def _nothing(*shapes, out_shape) -> int:
    return 0


def _layer_norm(x, *rest, out_shape) -> int:
    return 2 * 4 * math.prod(x)


def _softmax(x, dim, *rest, out_shape) -> int:
    return 2 * (3 * math.prod(x) - math.prod(x) // x[dim])


def _leaky(x, *rest, out_shape) -> int:
    return 2 * math.prod(x)


#: What the counter, which counts two operations per MAC, is told instead.
_TABLE3 = {
    aten.convolution: _convolution,
    aten.bmm: _nothing,
    aten.native_layer_norm: _layer_norm,
    aten._softmax: _softmax,
    aten._prelu_kernel: _leaky,
    aten.leaky_relu: _leaky,
    aten.leaky_relu_: _leaky,
}
