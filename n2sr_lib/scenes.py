"""Simulated image series with the truth known: atoms that move on a support, a fluorescent volume, a sky.

Simple on purpose: Gaussian spots, ellipsoids and Moffat stars, not scattering. Seeded, float32.
"""

import math
from typing import NamedTuple

import torch
from torch import Generator, Tensor
from torch.nn.functional import interpolate

SPACING, ATOM = 8.0, 1.8  # pixels: between the atoms of a cluster; deviation of an atom's spot
SUPPORT = 0.4  # intensity of the support, where one atom adds 1 at its peak


class Frames(NamedTuple):
    """A series of N frames and what is true of it.

    x : Tensor (N, 1, size, size), expected electrons a pixel.
    support : Tensor (size, size), the part of x that is no atom.
    atoms : Tensor (N, 3, 2), row and column of the isolated atoms; the first of them joins a cluster.
    joined : the frame from which on it belongs to the cluster.
    """

    x: Tensor
    support: Tensor
    atoms: Tensor
    joined: int


def moving_atoms(count: int, seed: int, size: int = 128, electrons: float = 1.0) -> Frames:
    """Two clusters that turn and drift on a support, three single atoms, one of which is absorbed (Fig. 9).

    `electrons` is what one atom adds at its peak; each atom of a column adds as much. With 1.0 the support
    has 0.4 electrons a pixel.
    """
    generator, middle = Generator().manual_seed(seed), size / 2
    rough = torch.rand((1, 1, 9, 9), generator=generator)
    field = interpolate(rough, (size, size), mode="bicubic", align_corners=True)[0, 0]
    support = electrons * SUPPORT * (0.7 + 0.6 * field.clamp(0, 1))
    places, weights, outside = [], [], None
    for at, radius, turns in (((-0.30, -0.32), 2.2, 0.15), ((0.34, 0.36), 1.2, -0.25)):
        radius *= size / 128
        sites, edge = _hexagonal(radius)
        angle = turns * 2 * math.pi * torch.linspace(0, 1, count) + 0.05 * _walk(count, 1, generator)[:, 0]
        centre = middle * (1 + torch.tensor(at)) + _walk(count, 2, generator)
        turned = _turn(torch.cat((sites, edge)), angle) + centre[:, None]
        outside = turned[:, -1] if outside is None else outside
        places.append(turned[:, :-1])
        weights.append(torch.round(1 + 1.6 * (1 - sites.norm(dim=1) / (radius * SPACING + 1))).clamp(min=1))
    homes = middle * (1 + torch.tensor([(0.45, -0.55), (-0.55, 0.55), (0.72, 0.05)]))
    atoms = homes + _walk(count, 6, generator).view(count, 3, 2)
    joined = int(0.6 * count)
    t = ((torch.arange(count) - 0.3 * count) / (0.3 * count)).clamp(0, 1)[:, None]
    near = t * t * (3 - 2 * t)  # from rest to rest
    atoms[:, 0] = (1 - near) * atoms[:, 0] + near * outside
    trembling = [p + 0.2 * torch.randn(p.shape, generator=generator) for p in places]
    spots = _spots(torch.cat([*trembling, atoms], 1), torch.cat([*weights, torch.ones(3)]), size)
    return Frames((support + electrons * spots)[:, None], support, atoms, joined)


def lattice_with_fault(
    count: int, seed: int, size: int = 256, electrons: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Frames (N, 1, size, size) of a lattice that a fault shifts by half a period; the fault's columns (N,).

    For patch sizes (Figs. 7 and 8): the rows are straight over the whole frame, the fault is a local thing.
    """
    generator = Generator().manual_seed(seed)
    rows, columns = torch.arange(size)[:, None], torch.arange(size)[None]
    fault = (size * (0.25 + 0.5 * torch.rand(count, generator=generator)))[:, None, None]
    shift, phase = torch.sigmoid((columns - fault) / 1.5) * 6.0, 12 * torch.rand(count, generator=generator)
    across = torch.cos(2 * math.pi / 12 * (rows + shift + phase[:, None, None]))
    along = torch.cos(2 * math.pi / 14 * (columns + phase.flip(0)[:, None, None]))
    bright = 1 + 0.5 * torch.cos(2 * math.pi / 70 * columns)  # every fifth column of atoms is a heavy one
    x = electrons * (SUPPORT + torch.exp(2 * (across + along - 2)) * bright)
    return x[:, None], fault[:, 0, 0]


def fluorescence(seed: int, slices: int = 45, size: int = 128) -> tuple[Tensor, Tensor]:
    """A stand-in for Fig. 6: slices (slices, 1, size, size) of a volume with sparse nuclei, clean and noisy.

    At most 3 counts a pixel, 0.1 between the nuclei, and a readout noise of 0.3 counts.
    """
    generator = Generator().manual_seed(seed)
    axes = [torch.arange(n, dtype=torch.float32) for n in (slices, size, size)]
    x = torch.full((slices, size, size), 0.1)
    for _ in range(max(size * size // 400, 1)):
        centre = torch.rand(3, generator=generator) * torch.tensor([slices, size, size])
        radius = 3 + 3 * torch.rand(3, generator=generator)
        parts = [((axis - c) / r) ** 2 for axis, c, r in zip(axes, centre, radius, strict=True)]
        distance = parts[0][:, None, None] + parts[1][:, None] + parts[2]
        x += (0.5 + 2.4 * torch.rand((), generator=generator)) * torch.sigmoid(4 * (1 - distance))
    x = x.clamp(max=3.0)[:, None]
    noise = 0.3 * torch.randn(x.shape, generator=generator)
    return x, torch.poisson(x, generator=generator) + noise


def sky(count: int, seed: int, size: int = 128) -> tuple[Tensor, Tensor]:
    """A stand-in for Fig. 11: images (count, 3, size, size) of stars and galaxies, clean and as recorded.

    The records have white noise of 0.05, stripes (an offset of 0.03 per column and colour), and are cut at 1,
    where bright stars are saturated.
    """
    generator = Generator().manual_seed(seed)
    rows, columns = torch.arange(size)[:, None], torch.arange(size)[None]
    x = torch.full((count, 3, size, size), 0.05)
    for image in x:
        for k in range(max(size * size // 500, 2)):
            row, column, bright, red, bend = torch.rand(5, generator=generator).tolist()
            r, c = rows - size * row, columns - size * column
            if k % 4:  # a star
                shape = (1 + (r**2 + c**2) / 4) ** -2.5
            else:  # a galaxy
                u = math.cos(3 * bend) * r + math.sin(3 * bend) * c
                v = math.cos(3 * bend) * c - math.sin(3 * bend) * r
                shape = 0.3 * torch.exp(-(((u / 5) ** 2 + (v / 2) ** 2) ** 0.5))
            colour = torch.tensor([red, 0.6, 1.2 - red])[:, None, None]
            image += 2 * bright**3 * colour * shape
    stripes = 0.03 * torch.randn((count, 3, 1, size), generator=generator)
    noise = 0.05 * torch.randn(x.shape, generator=generator)
    return x, (x + stripes + noise).clamp(max=1.0)


def _walk(count: int, n: int, generator: Generator, step: float = 0.35, pull: float = 0.02) -> Tensor:
    """n random walks of `count` steps (count, n) that are pulled back to where they began."""
    steps = step * torch.randn((count, n), generator=generator)
    walk = torch.zeros(count, n)
    for t in range(1, count):
        walk[t] = (1 - pull) * walk[t - 1] + steps[t]
    return walk


def _hexagonal(radius: float) -> tuple[Tensor, Tensor]:
    """Sites (P, 2) of a hexagonal lattice up to `radius` spacings about the origin; the next one (1, 2)."""
    reach = torch.arange(-int(2 * radius) - 3, int(2 * radius) + 4, dtype=torch.float32)
    i, j = torch.cartesian_prod(reach, reach).T
    sites = SPACING * torch.stack((i * math.sqrt(0.75), j + i / 2), 1)
    distance = sites.norm(dim=1)
    inside = distance <= radius * SPACING
    return sites[inside], sites[~inside][distance[~inside].argmin()][None]


def _turn(sites: Tensor, angle: Tensor) -> Tensor:
    """Sites (P, 2) turned by each of the angles (N,): (N, P, 2)."""
    c, s = angle.cos(), angle.sin()
    matrix = torch.stack((torch.stack((c, -s), 1), torch.stack((s, c), 1)), 1)
    return torch.einsum("nij,pj->npi", matrix, sites)


def _spots(places: Tensor, weights: Tensor, size: int) -> Tensor:
    """Gaussian spots (N, size, size) at `places` (N, P, 2), with the peaks `weights` (P,)."""
    axis = torch.arange(size)
    row, column = (torch.exp(-((axis - places[..., k, None]) ** 2) / (2 * ATOM**2)) for k in (0, 1))
    return torch.einsum("npi,npj->nij", row * weights[:, None], column)
