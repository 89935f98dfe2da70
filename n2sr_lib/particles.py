"""What the training set consists of: random structures of Pt on CeO2, and how each of them is seen.

With the test images of the paper the set shares three constants: pixels per lattice plane (`specimen`), range
of intensities and mean (`simulate`). Structures, orientations and optics are drawn from the ranges below;
nothing is read from the test images.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt

from n2sr_lib import simulate, specimen

VERSION = 1  # raised by hand when the same seed would give other images
SIDE = 512  # pixels
STRUCTURES, EACH = 120, 10  # a hundred structures and a thousand images to train on, as the paper had
SPLITS = ("train", "val", "test")
LOW, HIGH, LEVELS = simulate.LOW, simulate.HIGH, 4095  # stored in twelve bits, as the bundled samples
#: Zone axis of both crystals, surface normal of CeO2, directions of Pt that may lie along it.
ORIENTATIONS = (
    ((1, -1, 0), (1, 1, 1), ((1, 1, 1), (0, 0, 1), (1, 1, -1))),
    ((1, -1, 0), (0, 0, 1), ((0, 0, 1), (1, 1, 1))),
    ((1, -1, 0), (1, 1, 0), ((1, 1, 0), (1, 1, 1))),
    ((0, 0, 1), (0, 1, 0), ((0, 1, 0), (1, 1, 0))),
    ((0, 0, 1), (1, 1, 0), ((1, 1, 0), (0, 1, 0))),
    ((1, 1, -2), (1, 1, 1), ((1, 1, 1), (1, -1, 0))),
)
DEFOCUS = (-160.0, 60.0)  # Å: from white columns over mixed contrast to black ones
#: Which part of the range of intensities an image fills, drawn evenly: the range is that of a whole set, in
#: which contrast differs, as it does in the test images. (We had seen that; no number was fitted to it.)
SHARES = (0.4, 1.0)


def identity() -> dict:
    """What fixes the set that the tables use; another one is refused there."""
    return {"version": VERSION, "seed": 0, "structures": STRUCTURES, "each": EACH}


def split_of(k: int) -> str:
    """To which part structure k belongs: of every twelve ten are for training, one each for the others."""
    return {10: "val", 11: "test"}.get(k % 12, "train")


def draw_structure(seed: int, k: int) -> dict:
    """Arguments of `specimen.particle_on_support` for structure k, however many there are."""
    rng = np.random.default_rng([seed, k, 0])
    beam, up, along = ORIENTATIONS[rng.integers(len(ORIENTATIONS))]
    d111 = rng.uniform(6.5, 13.0)
    position = rng.uniform(0.2, 0.8)
    return {
        "beam": beam,
        "up": up,
        "particle_up": along[rng.integers(len(along))],
        "facets": (d111, d111 * rng.uniform(0.85, 1.35), d111 * rng.uniform(0.25, 0.9)),
        "centre": tuple(rng.uniform(-specimen.PT / 2, specimen.PT / 2, 3)),
        "position": position,
        "surface": rng.uniform(0.45, 0.95),
        "step": position * rng.uniform(0.2, 0.8) if rng.random() < 0.5 else None,
        "tilt": rng.normal(0.0, 3.0) if rng.random() < 0.3 else 0.0,
        "missing": rng.uniform(0.0, 0.4),
        "thickness": rng.uniform(12.0, 40.0),
        "seed": int(rng.integers(2**31)),
    }


def draw_imaging(
    seed: int, k: int, each: int
) -> tuple[tuple[float, float], list[dict[str, float]], list[float]]:
    """How structure k is seen: its tilt (mrad along x and y); and for each of its images two things.

    These are abTEM's aberrations (Å, rad), with defoci spread evenly over `DEFOCUS`, so that every structure
    is seen in every contrast; and the share of the range of intensities that the image fills, since that
    range is the whole set's.
    """
    rng = np.random.default_rng([seed, k, 1])
    amount, angle = 20.0 * np.sqrt(rng.random()), rng.uniform(0, 2 * np.pi)
    aberrations, shares = [], []
    for i in range(each):
        defocus = DEFOCUS[0] + (DEFOCUS[1] - DEFOCUS[0]) * (i + rng.random()) / each
        one = {"C10": -defocus, "C30": rng.uniform(-1.8e5, -0.8e5)}
        for name, most in (("12", 20.0), ("21", 300.0), ("23", 300.0)):
            one |= {f"C{name}": rng.uniform(0, most), f"phi{name}": rng.uniform(0, 2 * np.pi)}
        aberrations.append(one)
        shares.append(rng.uniform(*SHARES))
    return (amount * np.cos(angle), amount * np.sin(angle)), aberrations, shares


def contrast(image: np.ndarray, atoms) -> float:
    """Height of the heavy atoms' columns over the material around them, in its deviations: white above 0.

    Parameters
    ----------
    image : ndarray (H, W), the frame of `atoms` from `simulate.hrtem`.
    """
    heavy = atoms.positions[np.array(atoms.get_chemical_symbols()) != "O", :2]
    column, row = np.round(heavy / specimen.PIXEL - specimen.MARGIN).astype(int).T
    inside = (row >= 0) & (row < image.shape[0]) & (column >= 0) & (column < image.shape[1])
    at = np.zeros(image.shape, bool)
    at[row[inside], column[inside]] = True
    around = image[distance_transform_edt(~at) <= 1.4 / specimen.PIXEL]
    return float((image[at].mean() - around.mean()) / around.std())


def simulate_structure(
    seed: int, k: int, each: int, side: int = SIDE, phonons: int = simulate.PHONONS
) -> tuple[np.ndarray, dict]:
    """Images of structure k, uint16 (each, side, side), and what is needed to understand them."""
    structure = draw_structure(seed, k)
    tilt, aberrations, shares = draw_imaging(seed, k, each)
    atoms = specimen.particle_on_support(**structure, shape=(side, side))
    # What reaches beyond the cell would come in again on the other side.
    atoms = atoms[((atoms.positions >= 0) & (atoms.positions < atoms.cell.lengths())).all(axis=1)]
    series = simulate.hrtem_series(atoms, aberrations, tilt, phonons, structure["seed"])
    images, about = [], []
    for intensity, share, one in zip(series, shares, aberrations, strict=True):
        images.append(simulate.MEAN + share * (simulate.rescale(intensity) - simulate.MEAN))
        about.append({"aberrations": one, "share": share, "contrast": contrast(intensity, atoms)})
    entry = {"structure": structure, "formula": atoms.get_chemical_formula(), "tilt": tilt, "images": about}
    images = np.stack(images)
    return np.round((images - LOW) / (HIGH - LOW) * LEVELS).astype(np.uint16), entry
