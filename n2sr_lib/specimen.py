"""What is imaged: the atoms of a Pt nanoparticle on CeO2, and their frame (ASE, the extra ``sim``).

Axes: x to the right, y down, z along the beam. Lengths are in ångström, as in ASE.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from n2sr_lib.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

PIXEL = 0.0488  # Å: the Pt (111) planes, 2.265 Å apart, are 46.4 pixels apart, as in the paper's test images
SHAPE = (832, 896)
MARGIN = 64  # pixels simulated around the frame and cut away: they take the wrap-around of the FFT
PT, CEO2 = 3.924, 5.411  # lattice constants, Å


def packages():
    """abTEM and ASE, only when something is simulated."""
    try:
        import abtem
        import ase
        import ase.build
    except ImportError as error:
        raise InputError(
            'simulating images needs abTEM and ASE: install them with pip install "n2sr-lib[sim]".'
        ) from error
    return abtem, ase


def _oriented(crystal: Atoms, beam, up, reach: float) -> Atoms:
    """A block of a cubic crystal about the origin, ``beam`` along +z, ``up`` along -y, ``reach`` Å around.

    The array ``cubic`` keeps the coordinates along the crystal's own axes.
    """
    z, y = np.array(beam) / np.linalg.norm(beam), -np.array(up) / np.linalg.norm(up)
    if abs(y @ z) > 1e-6:
        raise InputError(f"up={tuple(up)} must be perpendicular to beam={tuple(beam)}: choose another pair.")
    n = 2 * int(np.ceil(reach / crystal.cell[0, 0]))
    block = crystal.repeat(n)
    block.positions -= n // 2 * crystal.cell[0, 0]
    block.set_array("cubic", block.positions.copy())
    block.positions = block.positions @ np.array([np.cross(y, z), y, z]).T
    return block


def particle_on_support(
    beam: tuple[int, int, int] = (1, -1, 0),
    up: tuple[int, int, int] = (1, 1, 1),
    particle_up: tuple[int, int, int] | None = None,
    facets: tuple[float, float, float] = (10.5, 12.0, 6.5),
    position: float = 0.5,
    surface: float = 0.55,
    step: float | None = None,
    tilt: float = 0.0,
    missing: float = 0.15,
    thickness: float = 24.0,
    centre: tuple[float, float, float] = (0.0, 0.0, 0.0),
    shape: tuple[int, int] = SHAPE,
    seed: int = 0,
) -> Atoms:
    """A truncated Pt octahedron on a CeO2 slab whose surface is seen edge-on.

    Parameters
    ----------
    beam, up, particle_up : Miller indices
        Zone axis of both crystals, surface normal of CeO2, and the direction of Pt along it (the same
        indices when not given).
    facets : tuple of float
        Distances of the {111} facets, the {100} facets and the interface from the particle's centre, Å.
    position, surface : float
        Particle centre along x and surface height along y, as fractions of the frame.
    step : float, optional
        The support is one layer lower to the left of this fraction of the frame.
    tilt : float
        Rotation of the particle in the image plane, degrees.
    missing : float
        Probability that a column at the particle's free edge is absent; drawn with ``seed``.
    thickness : float
        Support along the beam, Å.
    centre : tuple of float
        Centre of the facets, Å from an atom along the axes of the Pt crystal: opposite facets then differ.
    shape : tuple of int
        Pixels of the frame (rows, columns); ``MARGIN`` pixels are added on every side.

    Returns
    -------
    ase.Atoms
        Periodic, x to the right, y down, z along the beam, with 2 Å of vacuum before and behind the support,
        or 1 Å before and behind a particle that needs more.

    Raises
    ------
    InputError
        If ASE is not installed, ``up`` is not perpendicular to ``beam``, or no particle is left.
    """
    _, ase = packages()
    rng = np.random.default_rng(seed)
    frame = np.array(shape[::-1]) * PIXEL
    origin = MARGIN * PIXEL
    ground = origin + surface * frame[1]

    d111, d100, base = facets
    particle = _oriented(ase.build.bulk("Pt", "fcc", a=PT, cubic=True), beam, particle_up or up, 2 * d111)
    cubic = np.abs(particle.get_array("cubic") - np.array(centre))
    keep = (cubic.sum(axis=1) <= d111 * np.sqrt(3)) & (cubic.max(axis=1) <= d100)
    particle = particle[keep & (particle.positions[:, 1] <= base)]
    if len(particle) < 10:
        raise InputError(f"the facets at {facets} Å leave {len(particle)} Pt atoms: give larger distances.")

    depth = max(thickness + 4.0, 2 * np.abs(particle.positions[:, 2]).max() + 2.0)
    cell = np.array([*(frame + 2 * origin), depth])
    support = _oriented(ase.build.bulk("CeO2", "fluorite", a=CEO2, cubic=True), beam, up, cell.max())
    support.positions += [cell[0] / 2, ground, cell[2] / 2]
    x, y, z = support.positions.T
    # the outermost Ce plane lies at the surface height; the oxygen 0.8 Å ({111}) or 1.35 Å above it stays
    spacing = CEO2 / np.sqrt(3) if all(i % 2 for i in up) else CEO2 / 2 / np.linalg.norm(up)
    limit = np.where(x < origin + (step or -1.0) * frame[0], ground + spacing, ground) - 1.4
    inside = (x >= 0) & (x < cell[0]) & (y >= limit) & (y < cell[1]) & (abs(z - cell[2] / 2) <= thickness / 2)
    support = support[inside]

    # columns at the free edge have fewer neighbours in projection than those inside
    columns, index = np.unique(np.round(particle.positions[:, :2] + 0.0037, 2), axis=0, return_inverse=True)
    distance = np.linalg.norm(columns[:, None] - columns[None], axis=2)
    neighbours = (distance < 1.25 * np.partition(distance, 1, axis=1)[:, 1].max()).sum(axis=1)
    edge = (neighbours < neighbours.max()) & (columns[:, 1] < columns[:, 1].max() - 0.5)
    particle = particle[~(edge & (rng.random(len(columns)) < missing))[index.ravel()]]

    particle.rotate(tilt, "z")
    over = support.positions[:, 0] > origin + (step or 0.0) * frame[0]  # it stands on the upper terrace
    particle.positions += [
        origin + position * frame[0],
        support.positions[over, 1].min() - 2.2 - particle.positions[:, 1].max(),  # Pt-O about 2.2 Å
        cell[2] / 2,
    ]
    atoms = support + particle
    atoms.set_cell(cell)
    atoms.pbc = True
    return atoms
