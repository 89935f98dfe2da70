"""Make the training set: ``python -m n2sr_lib.dataset``, with the extra ``sim``; `training_set` reads it."""

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

from n2sr_lib import particles, simulate, specimen
from n2sr_lib.errors import InputError
from n2sr_lib.particles import EACH, HIGH, LEVELS, LOW, SPLITS, STRUCTURES, VERSION
from n2sr_lib.progress import bar
from n2sr_lib.training_set import default_path, of_split, opened, read_manifest

SUBSET_BYTES = 48_000_000


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


def write_subset(path: Path, source: str | Path | None = None, most: int = SUBSET_BYTES) -> int:
    """A smaller set of the same form, of at most so many bytes; returns the number of its images.

    Every structure gives one image after the other, in an order of its own, until the space is used up.
    """
    manifest = read_manifest(source)
    each = manifest["made_with"]["each"]
    orders = [np.random.default_rng(i).permutation(each) for i in range(len(manifest["structures"]))]
    with opened(source) as file:
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
