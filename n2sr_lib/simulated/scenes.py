"""Simulated images of atoms, of known truth: series of frames, and the clean domain of Noise2Atom.

Simple on purpose: Gaussian atoms, not scattering. Lengths are in pixels, places are (row, column), and all
that is random comes from one seed.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy.ndimage import zoom

from ..errors import InputError

SPACING, WIDTH = 9.0, 1.6  # between columns of atoms, and deviation of an atom's Gaussian
BACKGROUND, PEAK = 0.4, 2.0  # counts per pixel: beside the atoms, and what the brightest of a crystal adds
BORDER = 8  # atoms further outside are not drawn
VACANT, BLINKING, ADATOMS, EXTRA = 0.08, 0.01, 8, 6
DRIFT, HOP = 0.4, 0.25  # r.m.s. pixels per frame and axis; how often an adatom hops
FAULT = 14.0  # pixels to either side that count as local


class Series(NamedTuple):
    """Noisy frames and the truth behind them.

    frames, clean : (T, H, W), float32: Poisson counts, and their expectation.
    ground : (H, W), float32, what of the expectation is no atom.
    places : for each frame the (n, 2) atoms.
    vacant, loose : for each frame the (m, 2) sites of the lattice that are empty, and the (k, 2) atoms that
        stand alone, each with the same index in every frame (`faulty`: all atoms near the fault).
    joined : the frame from which on the first loose atom belongs to a cluster (`moving` only).
    """

    frames: np.ndarray
    clean: np.ndarray
    ground: np.ndarray
    places: list[np.ndarray]
    vacant: list[np.ndarray]
    loose: list[np.ndarray]
    joined: int = 0


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
    of vacancies and a few single atoms beside the crystal. Everything that `crystal` holds occurs here too,
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
        filled = _edge(rng, places, side, 0.4) > 0 if rng.random() < 0.5 else np.full(len(places), True)
        kept = filled & (rng.random(len(places)) >= rng.uniform(0, 0.15))
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


def crystal(seed: int, frames: int = 10, side: int = 128, dose: float = 1.0) -> Series:
    """A crystal with an edge, `frames` square images of `side` pixels; a longer series begins as a shorter.

    For the whole series 8 % of the sites are vacant and a few extra atoms stand between sites; from frame to
    frame single atoms beside the crystal hop, 1 % of the sites are empty for this frame only, and all drifts.

    Raises
    ------
    InputError
        If there is no frame, or it is too small for a lattice.
    """
    _check(frames, side)
    rng, electrons = (np.random.default_rng(s) for s in (seed, (seed, 1)))  # of places, of counts
    lattice, vectors = sites(rng, side, SPACING, math.radians(rng.uniform(75, 90)))
    crystal = lattice[_edge(rng, lattice, side, 0.15) > 0]
    hollow = inside(crystal, side, -SPACING) + vectors.sum(axis=0) / 2
    extra = hollow[rng.permutation(len(hollow))[: EXTRA * side**2 // 128**2]]
    empty = rng.random(len(crystal)) < VACANT
    heights, bright = rng.uniform(0.7, 1, len(crystal)), rng.uniform(0.7, 1, EXTRA + ADATOMS)
    near, shift = np.concatenate((crystal, extra)), np.zeros(2)
    adatoms = _apart(rng, ADATOMS * side**2 // 128**2, near, side, SPACING)
    ground = np.full((side, side), BACKGROUND * dose, np.float32)
    each = []
    for _ in range(frames):
        gone = empty | (rng.random(len(crystal)) < BLINKING)
        alone = np.concatenate((extra, adatoms)) + shift
        atoms = np.concatenate((crystal[~gone] + shift, alone))
        shine = np.concatenate((heights[~gone], np.resize(bright, len(alone))))
        clean = ground + PEAK * dose * render(atoms, shine, WIDTH, (side, side))
        counts = electrons.poisson(clean).astype(np.float32)
        each.append((counts, clean, atoms, crystal[gone] + shift, alone))
        shift = shift + rng.normal(0, DRIFT, 2)
        for k in np.flatnonzero(rng.random(len(adatoms)) < HOP):
            others = np.concatenate((near, np.delete(adatoms, k, axis=0)))
            if len(place := _apart(rng, 1, others, side, SPACING)):
                adatoms[k] = place[0]
    counts, clean, *truth = zip(*each, strict=True)
    return Series(np.stack(counts), np.stack(clean), ground, *map(list, truth))


def moving(seed: int, frames: int = 256, side: int = 128, dose: float = 1.0) -> Series:
    """Two clusters that turn and drift on a support, three single atoms, one of which is absorbed (Fig. 9).

    One atom adds `dose` electrons at its peak, each atom of a column as much; the support has 0.4 of that.
    """
    _check(frames, side)
    rng, middle = np.random.default_rng(seed), side / 2
    field = np.clip(zoom(rng.random((9, 9)), side / 9, order=3, mode="nearest", grid_mode=True), 0, 1)
    ground = (dose * BACKGROUND * (0.7 + 0.6 * field)).astype(np.float32)
    clusters, heights, outside = [], [], []
    for at, radius, turns in (((-0.30, -0.32), 2.2, 0.15), ((0.34, 0.36), 1.2, -0.25)):
        radius *= side / 128
        inner, edge = _hexagonal(radius)
        angle = turns * 2 * math.pi * np.linspace(0, 1, frames) + 0.05 * _walk(rng, frames, 1)[:, 0]
        matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        turned = np.einsum("ijt,pj->tpi", matrix, np.concatenate((inner, edge)))
        turned += (middle * (1 + np.array(at)) + _walk(rng, frames, 2))[:, None]
        outside.append(turned[:, -1])
        clusters.append(turned[:, :-1])
        share = np.hypot(*inner.T) / (radius * SPACING + 1)
        heights.append(np.maximum(np.rint(1 + 1.6 * (1 - share)), 1))
    homes = middle * (1 + np.array([(0.45, -0.55), (-0.55, 0.55), (0.72, 0.05)]))
    alone = homes + _walk(rng, frames, 6).reshape(frames, 3, 2)
    t = np.clip((np.arange(frames) - 0.3 * frames) / (0.3 * frames), 0, 1)[:, None]
    near = t * t * (3 - 2 * t)  # from rest to rest
    alone[:, 0] = (1 - near) * alone[:, 0] + near * outside[0]
    clusters = np.concatenate(clusters, axis=1)
    places = np.concatenate((clusters + rng.normal(0, 0.2, clusters.shape), alone), axis=1)
    shine = dose * np.concatenate((*heights, np.ones(3)))
    clean = np.stack([ground + render(now, shine, WIDTH, (side, side)) for now in places])
    none = [np.empty((0, 2))] * frames
    counts = rng.poisson(clean).astype(np.float32)
    return Series(counts, clean, ground, list(places), none, list(alone), int(0.6 * frames))


def faulty(seed: int, frames: int = 48, side: int = 256, dose: float = 1.0) -> Series:
    """A lattice that a fault shifts by half a period, each frame at another place, for Figs. 7 and 8.

    The rows are straight over the whole frame, and the fault is a local thing: ``loose`` are the atoms within
    `FAULT` of it. Every fifth column of atoms is a heavy one; the weakest add a third of `dose`.
    """
    _check(frames, side)
    rng, electrons = (np.random.default_rng(s) for s in (seed, (seed, 1)))
    period, each = np.array((12.0, 14.0)), []
    ground = np.full((side, side), dose * BACKGROUND, np.float32)
    indices = np.mgrid[-1 : side // 12 + 2, -1 : side // 14 + 2].reshape(2, -1).T
    for _ in range(frames):
        fault = side * rng.uniform(0.25, 0.75)
        atoms = period * (indices + rng.random(2))
        atoms[:, 0] -= 6 / (1 + np.exp(-(atoms[:, 1] - fault) / 1.5))
        shine = dose * (2 / 3 + np.cos(2 * math.pi * atoms[:, 1] / 70) / 3)
        clean = ground + render(atoms, shine, WIDTH, (side, side))
        local = atoms[np.abs(atoms[:, 1] - fault) < FAULT]
        counts = electrons.poisson(clean).astype(np.float32)
        each.append((counts, clean, atoms, np.empty((0, 2)), local))
    counts, clean, *truth = zip(*each, strict=True)
    return Series(np.stack(counts), np.stack(clean), ground, *map(list, truth))


def _check(frames: int, side: int) -> None:
    if frames < 1 or side < 48:
        raise InputError(f"a series has one frame of 48 pixels or more; got {frames} of {side}")


def _walk(rng: np.random.Generator, count: int, n: int, step: float = 0.35, pull: float = 0.02) -> np.ndarray:
    """n random walks of `count` steps (count, n) that are pulled back to where they began."""
    walk = np.zeros((count, n))
    for t in range(1, count):
        walk[t] = (1 - pull) * walk[t - 1] + rng.normal(0, step, n)
    return walk


def _hexagonal(radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Sites (n, 2) of a hexagonal lattice up to `radius` spacings about the origin; the next one (1, 2)."""
    reach = int(2 * radius) + 3
    i, j = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1)
    places = SPACING * np.stack((i * math.sqrt(0.75), j + i / 2), axis=1)
    distance = np.hypot(*places.T)
    near = distance <= radius * SPACING
    return places[near], places[~near][distance[~near].argmin()][None]
