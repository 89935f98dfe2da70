"""Clean HRTEM images of a Pt nanoparticle on CeO2 by multislice (abTEM and ASE, the extra ``sim``).

Axes: x to the right, y down, z along the beam. Lengths are in
ångström, as in abTEM and ASE.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from n2sr_lib.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

PIXEL = 0.0488  # Å: the Pt (111) planes, 2.265 Å apart, are 46.4 pixels apart, as in the paper's test images
SHAPE = (832, 896)
MARGIN = 64  # pixels simulated around the frame and cut away: they take the wrap-around of the FFT
PT, CEO2 = 3.924, 5.411  # lattice constants, Å
#: Thermal displacement along one axis at room temperature (r.m.s., Å): sqrt(B / 8 pi^2), B = 0.35, 0.30, 0.50
THERMAL = {"Pt": 0.067, "Ce": 0.062, "O": 0.080}
#: An image-corrected 300 kV microscope, in abTEM's names and units (eV, mrad, Å, rad). With negative C30, a
#: defocus of about -10 nm (overfocus) shows atomic columns white and a small underfocus shows them black.
#: The small C12 and C21 are what a corrector leaves behind.
OPTICS = {"energy": 300e3, "semiangle_cutoff": 30.0, "focal_spread": 45.0, "angular_spread": 0.2}
ABERRATIONS = {"C30": -1.3e5, "C12": 8.0, "phi12": 0.6, "C21": 150.0, "phi21": 1.9}
BLUR = 0.45  # Å r.m.s.: vibration and camera
MEAN, LOW, HIGH = 0.44, 0.24, 0.75  # intensity scale of the paper's test images

PHONONS = 8  # frozen-phonon snapshots


def _modules():
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
    _, ase = _modules()
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


def hrtem(
    atoms: Atoms, defoci: Sequence[float], phonons: int = PHONONS, seed: int = 0, progress: bool = False
) -> np.ndarray:
    """HRTEM intensities of ``atoms`` at several defoci, from the same exit waves.

    Multislice at the pixel size in slices of 1 Å (twice the pixel size would change images by a quarter of
    their contrast), quasi-coherent focal and angular spread, mean over ``phonons`` frozen-phonon snapshots.

    Parameters
    ----------
    atoms : ase.Atoms
        From `particle_on_support`.
    defoci : sequence of float
        Å from the exit plane; positive is underfocus.
    seed : int
        Of the thermal displacements.

    Returns
    -------
    ndarray, float32, (len(defoci), H, W)
        Relative to the incident intensity, without the margin.

    Raises
    ------
    InputError
        If abTEM is not installed.
    """
    abtem, _ = _modules()
    total = np.zeros((len(defoci), *_grid(atoms)[::-1]))
    with abtem.config.set(QUIET):
        for exit_wave in _exit_waves(atoms, phonons, seed, progress):
            for k, defocus in enumerate(defoci):
                ctf = abtem.CTF(aberration_coefficients={**ABERRATIONS, "C10": -float(defocus)}, **OPTICS)
                image = exit_wave.apply_ctf(ctf).intensity().gaussian_filter(BLUR)
                total[k] += np.asarray(image.compute().array).T
    return (total / phonons)[:, MARGIN:-MARGIN, MARGIN:-MARGIN].astype(np.float32)


def hrtem_series(
    atoms: Atoms,
    aberrations: Sequence[dict[str, float]],
    tilt: tuple[float, float] = (0.0, 0.0),
    phonons: int = PHONONS,
    seed: int = 0,
) -> np.ndarray:
    """As `hrtem`, for a long series: each further image costs a tenth of what it costs there.

    The aperture lets nothing pass beyond ``OPTICS["semiangle_cutoff"]``, so that images hold no frequency
    beyond twice that: they are formed on a grid that just carries these, and interpolated at the end.

    Parameters
    ----------
    aberrations : sequence of dict
        One image each: abTEM's coefficients, Å and rad. ``C10`` is minus the defocus.
    tilt : tuple of float
        Of the specimen along x and y, mrad; small.

    Returns
    -------
    ndarray, float32, (len(aberrations), H, W)
        As from `hrtem`.
    """
    abtem, _ = _modules()
    total = 0.0
    with abtem.config.set(QUIET):
        for exit_wave in _exit_waves(atoms, phonons, seed, tilt=tilt):
            wave = exit_wave.downsample(max_angle=2.1 * OPTICS["semiangle_cutoff"])
            ctfs = (abtem.CTF(aberration_coefficients=one, **OPTICS) for one in aberrations)
            total = total + np.stack([np.asarray(wave.apply_ctf(ctf).intensity().array) for ctf in ctfs])
        formed = [abtem.Images(one / phonons, sampling=wave.sampling) for one in total]
        formed = [one.interpolate(gpts=_grid(atoms)).gaussian_filter(BLUR) for one in formed]
    images = np.stack([np.asarray(one.array).T for one in formed])
    return images[:, MARGIN:-MARGIN, MARGIN:-MARGIN].astype(np.float32)


#: FFTW's measured plans differ from run to run in the last digit; estimated ones do not.
QUIET = {"diagnostics.progress_bar": False, "device": "cpu", "fftw.planning_effort": "FFTW_ESTIMATE"}


def _grid(atoms: Atoms) -> tuple[int, int]:
    """Pixels of the whole cell along x and y, margin included."""
    return tuple(round(side / PIXEL) for side in atoms.cell.lengths()[:2])


def _exit_waves(atoms: Atoms, phonons: int, seed: int, progress: bool = False, tilt=(0.0, 0.0)):
    """One exit wave after the other, each of another thermal snapshot of the same atoms."""
    abtem, _ = _modules()
    from tqdm import tqdm

    rng = np.random.default_rng(seed)
    sigma = np.array([THERMAL[s] for s in atoms.get_chemical_symbols()])[:, None]
    for _ in tqdm(range(phonons), desc="multislice", disable=not progress):
        snapshot = atoms.copy()
        snapshot.positions += sigma * rng.standard_normal(snapshot.positions.shape)
        snapshot.wrap()
        potential = abtem.Potential(snapshot, gpts=_grid(atoms), slice_thickness=1.0)
        yield abtem.PlaneWave(energy=OPTICS["energy"], tilt=tilt).multislice(potential).compute()


def rescale(image: np.ndarray) -> np.ndarray:
    """``image`` mapped affinely to mean 0.44 within 0.24-0.75, the scale of the paper's test images."""
    centred = image - image.mean(dtype=np.float64)
    gain = min((HIGH - MEAN) / centred.max(), (MEAN - LOW) / -centred.min())
    return (MEAN + gain * centred).astype(np.float32)
