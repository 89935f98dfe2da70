"""Characters in uniform noise: the noise, the illegal character, and a stand-in for a font."""

import math

import numpy as np
import torch
from torch import Generator, Tensor

HALF_WIDTH = 2.0  # of the uniform noise


def corrupt(x: Tensor, generator: Generator) -> Tensor:
    """x of 0 … 1 plus uniform noise of [−2, 2], negative values set to 0, divided by the largest possible, 3.

    What clipping does: the median of y is still x/3 (since x ≥ 0), the mean is (x + 2)²/24.
    """
    noise = HALF_WIDTH * (2 * torch.rand(x.shape, generator=generator) - 1)
    return (x + noise).clamp(min=0) / (1 + HALF_WIDTH)


def snr(x: Tensor) -> float:
    """Variance of x over that of the noise before clipping, in dB; about −10 for characters."""
    return 10 * math.log10(float(x.var()) / (HALF_WIDTH**2 / 3))


def illegal(size: int = 64) -> np.ndarray:
    """Five thin, evenly spaced anti-diagonal strokes, uint8 (size, size): no character is written so.

    The paper's is a glyph of the font for what it lacks; this one is drawn after its description.
    """
    rows, columns = np.mgrid[:size, :size] / size
    lines = [np.abs(rows + columns - at) for at in (0.5, 0.75, 1.0, 1.25, 1.5)]
    stroke = np.clip(1.5 - size * np.min(lines, 0) / math.sqrt(2), 0, 1)
    inside = np.maximum(np.abs(rows - 0.5), np.abs(columns - 0.5)) < 0.4
    return np.rint(255 * stroke * inside).astype(np.uint8)


def composed(count: int, seed: int, size: int = 64) -> np.ndarray:
    """Characters of three to seven upright and level strokes, uint8 (count, size, size).

    Not of any language: they stand in where there is no font, and are much easier than real ones.
    """
    rng = np.random.default_rng(seed)
    nodes = np.linspace(0.14, 0.86, 6) * size
    images = np.zeros((count, size, size), np.float32)
    axis = np.arange(size)
    for image in images:
        for _ in range(rng.integers(3, 8)):
            begin, end = np.sort(rng.choice(6, 2, replace=False))
            across = np.clip(2.5 - np.abs(axis - nodes[rng.integers(6)]), 0, 1)
            along = ((axis >= nodes[begin]) & (axis <= nodes[end])).astype(np.float32)
            stroke = np.outer(across, along)
            np.maximum(image, stroke if rng.random() < 0.5 else stroke.T, out=image)
    return np.rint(255 * images).astype(np.uint8)
