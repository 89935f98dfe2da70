"""Pictures of atoms as sums of Gaussians: the clean domain of Noise2Atom, and noisy series of known truth.

Lengths are in pixels, places are (row, column), and all that is random comes from one seed.
"""

import math
from typing import NamedTuple

import numpy as np

from .errors import InputError

SPACING, WIDTH = 9.0, 1.6  # of the series: between sites, and deviation of an atom's Gaussian
BACKGROUND, PEAK = 0.4, 2.0  # of the series: counts per pixel, and what the brightest atom adds
BORDER = 8  # atoms further outside are not drawn
VACANT, BLINKING, ADATOMS, EXTRA = 0.08, 0.01, 8, 6
DRIFT, HOP = 0.4, 0.25  # r.m.s. pixels per frame and axis; how often an adatom hops


class Series(NamedTuple):
    """Noisy frames and the truth behind them.

    frames, clean : (T, H, W), float32: Poisson counts, and their expectation.
    places : for each frame the (n, 2) atoms.
    vacant, loose : for each frame the (m, 2) sites of the lattice that are empty, and the (k, 2) atoms that
        stand off the lattice.
    """

    frames: np.ndarray
    clean: np.ndarray
    places: list[np.ndarray]
    vacant: list[np.ndarray]
    loose: list[np.ndarray]


def render(places: np.ndarray, heights: np.ndarray, width: float, shape: tuple[int, int]) -> np.ndarray:
    """One Gaussian an atom, summed, float32 (H, W); `places` (n, 2), `heights` (n,), `width` a deviation."""
    rows, columns = (
        np.exp(-((np.arange(n) - along[:, None]) ** 2) / (2 * width**2))
        for n, along in zip(shape, places.T, strict=True)
    )
    return ((heights[:, None] * rows).T @ columns).astype(np.float32)


def sites(rng: np.random.Generator, side: int, spacing: float, angle: float) -> tuple[np.ndarray, ...]:
    """A rhombic lattice on a square frame, turned and placed at random: sites (n, 2), two vectors (2, 2)."""
    turn = rng.uniform(0, math.pi)
    vectors = spacing * np.array([[math.sin(t), math.cos(t)] for t in (turn, turn + angle)])
    reach = math.ceil(2 * side / spacing)
    indices = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1).T
    return inside(rng.uniform(0.4, 0.6, 2) * side + indices @ vectors, side), vectors


def inside(places: np.ndarray, side: int, border: float = BORDER) -> np.ndarray:
    """The places that lie at most so far outside the frame; with a negative `border`, so far inside."""
    return places[((places > -border) & (places < side - 1 + border)).all(axis=1)]


def _edge(rng: np.random.Generator, places: np.ndarray, side: int, depth: float) -> np.ndarray:
    """How far the places lie within a crystal whose straight edge is ±`depth` of the side off the middle."""
    t = rng.uniform(0, 2 * math.pi)
    return (places - side / 2) @ (math.sin(t), math.cos(t)) + rng.uniform(-depth, depth) * side


def clean_domain(count: int, side: int, seed: int) -> np.ndarray:
    """Clean images, float32 (count, side, side) in -1 ... 1: what Noise2Atom is told that atoms look like.

    Lattices of one to three kinds of atoms, 7 to 15 pixels apart, half of them with an edge, with up to 15 %
    of vacancies and a few single atoms beside the crystal. Everything that the series holds occurs here too,
    so that what is drawn wrongly is not for want of an example.
    """
    rng, images = np.random.default_rng(seed), []
    for _ in range(count):
        spacing = rng.uniform(7, 15)
        places, vectors = sites(rng, side, spacing, math.radians(rng.uniform(60, 90)))
        motif = [((0.0, 0.0), 1.0)]
        if spacing > 10 and rng.random() < 0.5:
            motif.append(((0.5, 0.5), rng.uniform(0.3, 1)))
            if rng.random() < 0.5:
                motif += [(at, rng.uniform(0.1, 0.5)) for at in ((0.5, 0.0), (0.0, 0.5))]
        heights = np.repeat([height for _, height in motif], len(places))
        places = np.concatenate([places + np.array(at) @ vectors for at, _ in motif])
        crystal = _edge(rng, places, side, 0.4) > 0 if rng.random() < 0.5 else np.full(len(places), True)
        kept = crystal & (rng.random(len(places)) >= rng.uniform(0, 0.15))
        places, heights = places[kept] + rng.normal(0, 0.03 * spacing, (kept.sum(), 2)), heights[kept]
        alone = _apart(rng, rng.integers(0, 6), places, side, spacing)
        places, heights = np.concatenate((places, alone)), np.append(heights, np.full(len(alone), 1.0))
        heights = heights * rng.uniform(0.8, 1, len(heights))
        images.append(render(places, heights, spacing * rng.uniform(0.15, 0.22), (side, side)))
    return np.clip(2 * np.stack(images) - 1, -1, 1)


def _apart(rng: np.random.Generator, count: int, places: np.ndarray, side: int, spacing: float) -> np.ndarray:
    """At most so many random places, further than `spacing` from those given and from each other."""
    alone = np.empty((0, 2))
    for _ in range(50 * count):
        one, others = rng.uniform(0, side, 2), np.concatenate((places, alone))
        if len(alone) < count and (not len(others) or np.hypot(*(others - one).T).min() > spacing):
            alone = np.append(alone, one[None], axis=0)
    return alone


def series(seed: int, frames: int = 8, side: int = 128) -> Series:
    """A noisy series of one crystal with an edge: Poisson counts of `frames` square images of `side` pixels.

    For the whole series 8 % of the sites are vacant and a few extra atoms stand between sites; from frame to
    frame single atoms beside the crystal hop, 1 % of the sites are empty for this frame only, and all drifts.

    Raises
    ------
    InputError
        If the frames are too few for a pair or too small for a lattice.
    """
    if frames < 2 or side < 48:
        raise InputError(f"a series has two frames of 48 pixels or more; got {frames} of {side}")
    rng = np.random.default_rng(seed)
    lattice, vectors = sites(rng, side, SPACING, math.radians(rng.uniform(75, 90)))
    crystal = lattice[_edge(rng, lattice, side, 0.15) > 0]
    hollow = inside(crystal, side, -SPACING) + vectors.sum(axis=0) / 2
    extra = hollow[rng.permutation(len(hollow))[: EXTRA * side**2 // 128**2]]
    empty = rng.random(len(crystal)) < VACANT
    heights, bright = rng.uniform(0.7, 1, len(crystal)), rng.uniform(0.7, 1, EXTRA + ADATOMS)
    near = np.concatenate((crystal, extra))
    adatoms = _apart(rng, ADATOMS * side**2 // 128**2, near, side, SPACING)
    drift = np.cumsum(np.concatenate((np.zeros((1, 2)), rng.normal(0, DRIFT, (frames - 1, 2)))), axis=0)
    clean, places, vacant, loose = [], [], [], []
    for shift in drift:
        gone = empty | (rng.random(len(crystal)) < BLINKING)
        atoms = np.concatenate((crystal[~gone], extra, adatoms)) + shift
        shine = np.concatenate((heights[~gone], bright[: len(extra) + len(adatoms)]))
        clean.append(BACKGROUND + PEAK * render(atoms, shine, WIDTH, (side, side)))
        for kept, now in (
            (places, atoms),
            (vacant, crystal[gone] + shift),
            (loose, np.concatenate((extra, adatoms)) + shift),
        ):
            kept.append(now)
        for k in np.flatnonzero(rng.random(len(adatoms)) < HOP):
            others = np.concatenate((near, np.delete(adatoms, k, axis=0)))
            if len(place := _apart(rng, 1, others, side, SPACING)):
                adatoms[k] = place[0]
    counts = rng.poisson(np.stack(clean)).astype(np.float32)
    return Series(counts, np.stack(clean), places, vacant, loose)
