"""The training set as a file: clean HRTEM images of Pt on CeO2, simulated from a seed, in one HDF5 file.

It stands in for the 18,000 images of Mohan et al., which have no licence; `particles` says what it consists
of, and `dataset` makes it. Reading needs no extra.
"""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np

from n2sr_lib import data, particles
from n2sr_lib.errors import InputError
from n2sr_lib.particles import SPLITS

MINUTES = (
    "a quarter of an hour"  # for the whole set, on one core (8.4 s a structure); half of it with --jobs 2
)


def default_path() -> Path:
    """Where the set is kept."""
    return data.cache_folder() / "ptceo2_set.h5"


def opened(path: str | Path | None = None) -> h5py.File:
    """The file of the set (None: `default_path`), to be closed; InputError if there is none."""
    path = Path(path or default_path())
    if not path.is_file():
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
    with opened(path) as file:
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
    with opened(path) as file:
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
    with opened(path) as file:
        return _intensity(file, k * asked["each"] + j)
