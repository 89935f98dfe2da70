"""Rows of images that a record keeps beside its numbers."""

import numpy as np

Picture = list[list[np.ndarray]]
PART = 128  # pixels a side of what is shown of a frame


def cut_out(row: np.ndarray, middle: np.ndarray, side: int) -> np.ndarray:
    """A square of `side` pixels about `middle` of every image of a row (N, H, W)."""
    corner = np.clip(
        np.rint(middle).astype(int) - side // 2, 0, np.maximum(np.array(row.shape[1:]) - side, 0)
    )
    return row[:, corner[0] : corner[0] + side, corner[1] : corner[1] + side]
