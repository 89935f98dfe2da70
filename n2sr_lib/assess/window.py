"""The part of a large image on which noise, spectra and columns are measured: its middle."""

import numpy as np

WINDOW = 2048  # pixels a side


def middle(y: np.ndarray, side: int = WINDOW) -> np.ndarray:
    """At most `side`×`side` pixels from the middle."""
    return y[tuple(slice(max((n - side) // 2, 0), max((n - side) // 2, 0) + side) for n in y.shape)]
