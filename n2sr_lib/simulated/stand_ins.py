"""Simulated stand-ins for images that cannot be had: a volume of bright ellipsoids and a sky of Moffat stars.

All that is random comes from one seed.
"""

import math

import numpy as np


def fluorescence(seed: int, frames: int = 45, side: int = 128) -> tuple[np.ndarray, np.ndarray]:
    """A stand-in for Fig. 6: slices (frames, 1, side, side) of a volume with sparse nuclei, clean and noisy.

    At most 3 counts a pixel, 0.1 between the nuclei, and a readout noise of 0.3 counts.
    """
    rng, shape = np.random.default_rng(seed), (frames, side, side)
    x = np.full(shape, 0.1)
    for _ in range(max(side * side // 400, 1)):
        centre, radius = rng.random(3) * shape, rng.uniform(3, 6, 3)
        parts = [((np.arange(n) - c) / r) ** 2 for n, c, r in zip(shape, centre, radius, strict=True)]
        distance = parts[0][:, None, None] + parts[1][:, None] + parts[2]
        x += rng.uniform(0.5, 2.9) / (1 + np.exp(np.minimum(4 * (distance - 1), 50)))
    x = np.minimum(x, 3.0)[:, None].astype(np.float32)
    return x, (rng.poisson(x) + rng.normal(0, 0.3, x.shape)).astype(np.float32)


def sky(seed: int, frames: int = 64, side: int = 128) -> tuple[np.ndarray, np.ndarray]:
    """A stand-in for Fig. 11: images (frames, 3, side, side) of stars and galaxies, clean and as recorded.

    The records have white noise of 0.05, stripes (an offset of 0.03 per column and colour), and are cut at 1,
    where bright stars are saturated.
    """
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side]
    x = np.full((frames, 3, side, side), 0.05)
    for image in x:
        for k in range(max(side * side // 500, 2)):
            row, column, bright, red, bend = rng.random(5)
            r, c = rows - side * row, columns - side * column
            if k % 4:  # a star
                shape = (1 + (r**2 + c**2) / 4) ** -2.5
            else:  # a galaxy
                u = math.cos(3 * bend) * r + math.sin(3 * bend) * c
                v = math.cos(3 * bend) * c - math.sin(3 * bend) * r
                shape = 0.3 * np.exp(-np.hypot(u / 5, v / 2))
            image += 2 * bright**3 * np.array([red, 0.6, 1.2 - red])[:, None, None] * shape
    stripes = rng.normal(0, 0.03, (frames, 3, 1, side))
    y = np.minimum(x + stripes + rng.normal(0, 0.05, x.shape), 1.0)
    return x.astype(np.float32), y.astype(np.float32)
