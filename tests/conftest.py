"""Shared fixtures: an odd-sized noisy lattice, and the folder of the test data where it is given."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

torch.set_num_threads(min(torch.get_num_threads(), 2))


def lattice(height: int, width: int, period: float = 20.0) -> np.ndarray:
    """A clean oblique lattice between 0.25 and 0.75, float32: what a micrograph of a crystal looks like."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32) * (2 * np.pi / period)
    return (0.5 + 0.125 * (np.cos(columns) + np.cos(0.8 * rows + 0.3 * columns))).astype(np.float32)


@pytest.fixture
def clean() -> np.ndarray:
    return lattice(131, 97)  # odd, prime and not square on purpose


@pytest.fixture
def noisy(clean) -> np.ndarray:
    noise = np.random.default_rng(0).normal(size=clean.shape) * np.sqrt(0.05 * clean + 0.02**2)
    return (clean + noise).astype(np.float32)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder that N2SR_DATA names; tests that need it are skipped where it is not set."""
    if "N2SR_DATA" not in os.environ:
        pytest.skip("N2SR_DATA is not set")
    return Path(os.environ["N2SR_DATA"])
