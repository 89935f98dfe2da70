"""The training set as a file: clean HRTEM images of Pt on CeO2, simulated from a seed, in one HDF5 file.

It stands in for the 18,000 images of Mohan et al., which cannot be had; `particles` says what it consists
of.
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

from n2sr_lib import data, particles, simulate, specimen
from n2sr_lib.errors import InputError
from n2sr_lib.particles import EACH, HIGH, LEVELS, LOW, SPLITS, STRUCTURES, VERSION
from n2sr_lib.progress import bar

MINUTES = (
    "a quarter of an hour"  # for the whole set, on one core (8.4 s a structure); half of it with --jobs 2
)
SUBSET_BYTES = 48_000_000


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
    options : ``side`` and ``phonons`` of `particles.simulate_structure`.

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
    specimen.packages()
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
            entries.append({"k": k, "split": particles.split_of(k)} | entry)
        _write_manifest(file, {"made_with": about, **_constants(), "structures": entries})
    os.replace(partial, path)
    shutil.rmtree(parts)
    return path


def _own(about: dict) -> dict:
    """What fixes the images of one structure; their number is no part of it."""
    return {name: value for name, value in about.items() if name != "structures"}


def _constants() -> dict:
    abtem, ase = specimen.packages()
    return {
        "pixel_size_nm": specimen.PIXEL / 10,
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
    values, entry = particles.simulate_structure(about["seed"], k, about["each"], **options)
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
        images = np.empty((len(chosen), *file["images"].shape[1:]), np.float32)
        for one, i in zip(images, chosen, strict=True):
            one[:] = _intensity(file, i)
    return images


def _intensity(file: h5py.File, i: int) -> np.ndarray:
    low, high, levels = (file.attrs[name] for name in ("low", "high", "levels"))
    return (low + (high - low) / levels * file["images"][i]).astype(np.float32)


def check_whole(path: str | Path | None = None) -> dict:
    """The manifest of the set, if it is the one that the tables use (`particles.identity`) and whole.

    Raises
    ------
    InputError
        If there is no set, or another one, or a part of it.
    """
    path = path or default_path()
    manifest, asked = read_manifest(path), particles.identity()
    count = sum(len(entry["images"]) for entry in manifest["structures"])
    if manifest["made_with"] != asked or count != asked["structures"] * asked["each"]:
        raise InputError(
            f"{path} is not the set of the tables but another one, or a part of it; "
            "move it away, and `python -m n2sr_lib.dataset` makes that set"
        )
    return manifest


def image(k: int, j: int, path: str | Path | None = None) -> np.ndarray:
    """Clean image j of structure k of the set of the tables, float32 (H, W).

    Raises
    ------
    InputError
        If the set is not there or not that one (`check_whole`), or has no such image.
    """
    asked = check_whole(path)["made_with"]
    if not (0 <= k < asked["structures"] and 0 <= j < asked["each"]):
        raise InputError(f"the set has no image {k}/{j}; it has {asked['each']} of each structure")
    with _open(path or default_path()) as file:
        return _intensity(file, k * asked["each"] + j)


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
