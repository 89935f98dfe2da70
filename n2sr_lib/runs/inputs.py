"""The clean image that a run names, and the hash of what it begins with."""

from functools import cache

import numpy as np

from .. import data, particles
from ..errors import InputError
from ..simulated import crystals, scenes
from .hashes import sha256


def clean_image(name: str) -> np.ndarray:
    """The clean image that a run names, float32 (H, W); InputError if there is none or it cannot be had."""
    kind, _, rest = name.partition("/")
    if kind == "paper" and rest.isdigit():
        return data.paper_image(int(rest))
    if kind == "sample":
        return data.sample(rest)
    if kind == "crystal":
        return crystals.crystal(rest).image
    if kind == "atoms" and rest.isdigit():
        return _atoms(int(rest))
    if kind == "set" and len(place := rest.split("/")) == 2 and all(n.isdigit() for n in place):
        from .. import training_set  # only here: it needs h5py

        return training_set.image(*map(int, place))
    raise InputError(
        f"unknown image {name!r}; choose 'paper/1' to 'paper/5', 'sample/<name>', 'crystal/<name>', "
        "'set/<structure>/<image>' or 'atoms/<seed>'"
    )


def _atoms(seed: int) -> np.ndarray:
    """A lattice of Gaussian atoms, 7 to 15 pixels apart, in the range of intensities of the other images."""
    x = (scenes.clean_domain(1, particles.SIDE, seed)[0] + 1) / 2
    return (particles.LOW + (particles.HIGH - particles.LOW) * x).astype(np.float32)


@cache
def input_hash(name: str) -> str:
    """Identity of the image; of a published file its own SHA-256, so that listing needs no download.

    What is computed from a seed has that of the seed and the settings, so that listing does not compute it.
    """
    kind, _, rest = name.partition("/")
    if kind == "paper" and f"ptceo2/{rest}.tif" in data.FILES:
        return data.FILES[f"ptceo2/{rest}.tif"][1]
    if kind == "real" and name in data.FILES:
        return data.FILES[name][1]
    if kind == "atoms" and rest.isdigit():
        return sha256([name, particles.SIDE])
    if kind == "set":
        return sha256([name, particles.identity()])
    return data.array_hash(clean_image(name))
