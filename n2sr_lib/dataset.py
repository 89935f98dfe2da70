"""The training set: clean HRTEM images of Pt on CeO2, simulated from a seed, in one HDF5 file.

It stands in for the 18,000 images of Mohan et al., which cannot be had. With the test images of the paper it
shares three constants, which `simulate` states: pixels per lattice plane, range of intensities, and mean. Its
structures, orientations and optics are drawn from the ranges below; nothing is read from the test images.
``python -m n2sr_lib.dataset`` makes it with the extra ``sim``; to read it needs no extra.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import h5py
import numpy as np
from scipy.ndimage import distance_transform_edt

from n2sr_lib import data, simulate
from n2sr_lib.errors import InputError
from n2sr_lib.progress import bar

VERSION = 1  # raised by hand when the same seed would give other images
SIDE = 512  # pixels
STRUCTURES, EACH = 120, 10  # a hundred structures and a thousand images to train on, as the paper had
MINUTES = "a quarter of an hour"  # for these, on one core (8.4 s a structure); half of it with --jobs 2
SPLITS = ("train", "val", "test")
LOW, HIGH, LEVELS = simulate.LOW, simulate.HIGH, 4095  # stored in twelve bits, as the bundled samples
SUBSET_BYTES = 48_000_000
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


def split_of(k: int) -> str:
    """To which part structure k belongs: of every twelve ten are for training, one each for the others."""
    return {10: "val", 11: "test"}.get(k % 12, "train")


def draw_structure(seed: int, k: int) -> dict:
    """Arguments of `simulate.particle_on_support` for structure k, however many there are."""
    rng = np.random.default_rng([seed, k, 0])
    beam, up, along = ORIENTATIONS[rng.integers(len(ORIENTATIONS))]
    d111 = rng.uniform(6.5, 13.0)
    position = rng.uniform(0.2, 0.8)
    return {
        "beam": beam,
        "up": up,
        "particle_up": along[rng.integers(len(along))],
        "facets": (d111, d111 * rng.uniform(0.85, 1.35), d111 * rng.uniform(0.25, 0.9)),
        "centre": tuple(rng.uniform(-simulate.PT / 2, simulate.PT / 2, 3)),
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
        shares.append(rng.uniform(0.4, 1.0))
    return (amount * np.cos(angle), amount * np.sin(angle)), aberrations, shares


def contrast(image: np.ndarray, atoms) -> float:
    """Height of the heavy atoms' columns over the material around them, in its deviations: white above 0.

    Parameters
    ----------
    image : ndarray (H, W), the frame of `atoms` from `simulate.hrtem`.
    """
    heavy = atoms.positions[np.array(atoms.get_chemical_symbols()) != "O", :2]
    column, row = np.round(heavy / simulate.PIXEL - simulate.MARGIN).astype(int).T
    inside = (row >= 0) & (row < image.shape[0]) & (column >= 0) & (column < image.shape[1])
    at = np.zeros(image.shape, bool)
    at[row[inside], column[inside]] = True
    around = image[distance_transform_edt(~at) <= 1.4 / simulate.PIXEL]
    return float((image[at].mean() - around.mean()) / around.std())


def simulate_structure(
    seed: int, k: int, each: int, side: int = SIDE, phonons: int = simulate.PHONONS
) -> tuple[np.ndarray, dict]:
    """Images of structure k, uint16 (each, side, side), and what is needed to understand them."""
    structure = draw_structure(seed, k)
    tilt, aberrations, shares = draw_imaging(seed, k, each)
    atoms = simulate.particle_on_support(**structure, shape=(side, side))
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


def default_path() -> Path:
    """Where the set is kept."""
    return data.cache_folder() / "ptceo2_set.h5"


def make(
    path: Path,
    structures: int = STRUCTURES,
    each: int = EACH,
    seed: int = 0,
    jobs: int = 1,
    progress: bool = True,
    **options,
) -> Path:
    """Simulate the set, or what is missing of it, and write it to `path`. Same seed, same images.

    Structures that are done lie in the folder ``PATH.parts`` until all are there, so that an interrupted run
    goes on where it was.

    Parameters
    ----------
    structures, each : how many structures, and images of each.
    jobs : processes side by side.
    options : ``side`` and ``phonons`` of `simulate_structure`.

    Raises
    ------
    InputError
        If `path` or its parts belong to another set, or the extra ``sim`` is missing.
    """
    about = {"version": VERSION, "seed": seed, "structures": structures, "each": each, **options}
    if structures < 1 or each < 1 or jobs < 1 or seed < 0:
        raise InputError("structures, images of each and jobs must be at least 1, the seed at least 0")
    if path.exists():
        if read_manifest(path)["made_with"] != about:
            raise InputError(f"{path} is another set; delete it or name another file")
        return path
    simulate._modules()
    parts = path.with_name(path.name + ".parts")
    parts.mkdir(parents=True, exist_ok=True)
    done = {k: parts / f"{k:04d}.npz" for k in range(structures)}
    missing = [k for k, part in done.items() if not part.exists()]
    for part in done.values():
        if part.exists() and _read_part(part)[1]["made_with"] != _own(about):
            raise InputError(f"{parts} was left by another set; delete it or name another file")
    with bar(structures, "structures", progress, initial=structures - len(missing)) as shown:
        for _ in _made([(done[k], k, _own(about)) for k in missing], jobs):
            shown.update()
    entries, count = [], 0
    partial = path.with_name(path.name + ".partial")
    with h5py.File(partial, "w") as file:
        for k, part in done.items():
            values, entry = _read_part(part)
            if not k:
                stored = _new_images(file, structures * each, values.shape[1:])
            stored[count : count + each] = values
            count += each
            del entry["made_with"]
            entries.append({"k": k, "split": split_of(k)} | entry)
        _write_manifest(file, {"made_with": about, **_constants(), "structures": entries})
    os.replace(partial, path)
    shutil.rmtree(parts)
    return path


def _own(about: dict) -> dict:
    """What fixes the images of one structure; their number is no part of it."""
    return {name: value for name, value in about.items() if name != "structures"}


def _constants() -> dict:
    abtem, ase = simulate._modules()
    return {
        "pixel_size_nm": simulate.PIXEL / 10,
        "optics": simulate.OPTICS | {"image_spread": simulate.BLUR},
        "units": "eV, mrad, Å, rad",
        "software": f"abTEM {abtem.__version__}, ASE {ase.__version__}",
    }


def _made(calls: list[tuple], jobs: int):
    """Make the parts, side by side if asked to; yields after each."""
    if jobs == 1:
        yield from (_make_part(*call) for call in calls)
        return
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            for task in as_completed([pool.submit(_make_part, *call) for call in calls]):
                yield task.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _make_part(path: Path, k: int, about: dict) -> None:
    options = {name: value for name, value in about.items() if name not in ("version", "seed", "each")}
    values, entry = simulate_structure(about["seed"], k, about["each"], **options)
    partial = path.with_suffix(".partial")
    with open(partial, "wb") as file:
        np.savez_compressed(file, values=values, entry=json.dumps({"made_with": about} | entry))
    os.replace(partial, path)


def _read_part(path: Path) -> tuple[np.ndarray, dict]:
    with np.load(path) as file:
        return file["values"], json.loads(str(file["entry"]))


def _new_images(file: h5py.File, count: int, shape: tuple[int, int]) -> h5py.Dataset:
    one = {"chunks": (1, *shape), "shuffle": True, "compression": 6}
    return file.create_dataset("images", (count, *shape), np.uint16, **one)


def _write_manifest(file: h5py.File, manifest: dict) -> None:
    file.attrs.update(low=LOW, high=HIGH, levels=LEVELS)  # intensity = low + (high - low) * value / levels
    file["manifest"] = json.dumps(manifest)


def _open(path: Path) -> h5py.File:
    if not Path(path).is_file():
        raise InputError(
            f"there is no training set {path}; `python -m n2sr_lib.dataset` makes it in {MINUTES}"
        )
    try:
        file = h5py.File(path, "r")
        if {"images", "manifest"} <= set(file):
            return file
        file.close()
    except OSError:
        pass
    raise InputError(f"{path} is no training set, or damaged; delete it and make it again")


def read_manifest(path: str | Path | None = None) -> dict:
    """What was simulated: the call, constants, and one entry a structure with its part and its images.

    ``manifest["structures"][i]["images"][j]`` tells of image ``i * each + j``. InputError if there is no set.
    """
    with _open(path or default_path()) as file:
        return json.loads(file["manifest"][()])


def of_split(split: str, path: str | Path | None = None) -> np.ndarray:
    """Places in the file of the images of a part; InputError if there is no such part."""
    if split not in SPLITS:
        raise InputError(f"there is no part {split!r}; choose one of {', '.join(SPLITS)}")
    structures = read_manifest(path)["structures"]
    return np.flatnonzero([entry["split"] == split for entry in structures for _ in entry["images"]])


def load(split: str, path: str | Path | None = None, most: int | None = None) -> np.ndarray:
    """Clean images of a part of the set, float32 (N, H, W), intensity 0.24-0.75 with mean 0.44.

    Parameters
    ----------
    split : ``"train"``, ``"val"`` or ``"test"``. No structure is in two of them.
    path : the file; None: `default_path`.
    most : so many images at most, spread evenly over the part.

    Raises
    ------
    InputError
        If there is no such file or part, or the part is empty.
    """
    chosen = of_split(split, path)
    if not len(chosen):
        raise InputError(f"the set has too few structures for a part {split!r}; make one with twelve or more")
    if most is not None and most < len(chosen):
        chosen = chosen[np.arange(most) * len(chosen) // most]
    with _open(path or default_path()) as file:
        low, high, levels = (file.attrs[name] for name in ("low", "high", "levels"))
        images = np.empty((len(chosen), *file["images"].shape[1:]), np.float32)
        for image, i in zip(images, chosen, strict=True):
            image[:] = low + (high - low) / levels * file["images"][i]
    return images


def write_subset(path: Path, source: str | Path | None = None, most: int = SUBSET_BYTES) -> int:
    """A smaller set of the same form, of at most so many bytes; returns the number of its images.

    Every structure gives one image after the other, in an order of its own, until the space is used up.
    """
    manifest = read_manifest(source)
    each = manifest["made_with"]["each"]
    orders = [np.random.default_rng(i).permutation(each) for i in range(len(manifest["structures"]))]
    with _open(source or default_path()) as file:
        stored, size, taken = file["images"], len(file["manifest"][()]) + 2**20, set()
        for i in (i * each + int(order[j]) for j in range(each) for i, order in enumerate(orders)):
            size += stored.id.get_chunk_info(i).size
            if size > most:
                break
            taken.add(i)
        partial = path.with_name(path.name + ".partial")
        with h5py.File(partial, "w") as new:
            images = _new_images(new, len(taken), stored.shape[1:])
            for k, i in enumerate(sorted(taken)):
                images[k] = stored[i]
            for i, entry in enumerate(manifest["structures"]):
                entry["images"] = [one for j, one in enumerate(entry["images"]) if i * each + j in taken]
            _write_manifest(new, manifest)
    os.replace(partial, path)
    return len(taken)


def main(argv: list[str] | None = None) -> int:
    """Simulate the training set; an interrupted run goes on where it was."""
    parser = argparse.ArgumentParser(prog="python -m n2sr_lib.dataset", description=main.__doc__)
    parser.add_argument("--structures", type=int, default=STRUCTURES, help=f"default: {STRUCTURES}")
    parser.add_argument("--each", type=int, default=EACH, help=f"images of each structure (default: {EACH})")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same images (default: 0)")
    parser.add_argument("--jobs", type=int, default=1, help="processes side by side (default: 1)")
    parser.add_argument("--out", type=Path, default=default_path(), help="default: %(default)s")
    parser.add_argument("--subset", type=Path, help="also write a part of it under 50 MB, to be carried")
    options = parser.parse_args(argv)
    written = [options.out]
    try:
        make(options.out, options.structures, options.each, options.seed, options.jobs)
        if options.subset:
            write_subset(options.subset, options.out)
            written.append(options.subset)
    except (InputError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for path in written:
        counts = ", ".join(f"{split} {len(of_split(split, path))}" for split in SPLITS)
        print(f"{path}  {path.stat().st_size / 1e6:.0f} MB  images: {counts}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
