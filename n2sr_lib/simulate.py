"""Clean HRTEM images of a specimen by multislice (abTEM, the extra ``sim``); lengths are in ångström."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from n2sr_lib.specimen import MARGIN, PIXEL, packages

if TYPE_CHECKING:
    from ase import Atoms

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


def hrtem(
    atoms: Atoms, defoci: Sequence[float], phonons: int = PHONONS, seed: int = 0, progress: bool = False
) -> np.ndarray:
    """HRTEM intensities of ``atoms`` at several defoci, from the same exit waves.

    Multislice at the pixel size in slices of 1 Å (twice the pixel size would change images by a quarter of
    their contrast), quasi-coherent focal and angular spread, mean over ``phonons`` frozen-phonon snapshots.

    Parameters
    ----------
    atoms : ase.Atoms
        From `specimen.particle_on_support`.
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
    abtem, _ = packages()
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
    abtem, _ = packages()
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
    abtem, _ = packages()
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
