"""Shared fixtures: an odd-sized noisy lattice, and the folder of the test data where it is given."""

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from n2sr_lib.data import cache_folder

# Two cores, as on the laptops this is for: shared by the processes of `pytest -n` and by what they start.
_side_by_side = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
torch.set_num_threads(max(min(torch.get_num_threads(), 2) // _side_by_side, 1))
os.environ["OMP_NUM_THREADS"] = str(torch.get_num_threads())


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


#: A package that brings two files of real microscopes: downloaded for them, neither installed nor run.
WHEEL = "temul_toolkit-0.1.9-py3-none-any.whl"
WHEEL_SHA256 = "570bf69a4daf73d182829ca9eb9e1b3cfc0da2cdebdce8a701081d56ca6d7ad5"


@pytest.fixture(scope="session")
def microscope_files(tmp_path_factory) -> Path:
    """The folder of these two files; tests that need them are skipped where pip cannot have the package."""
    wheel = cache_folder() / WHEEL
    if not wheel.is_file():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--retries", "0", "--timeout", "15", "temul-toolkit==0.1.9", "--dest"]
        wheel.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=wheel.parent) as part:  # another process may look for it now
            try:
                subprocess.run([*command, part], check=True, capture_output=True, timeout=120)
            except (OSError, subprocess.SubprocessError):
                pytest.skip("pip cannot download temul-toolkit")
            os.replace(Path(part) / WHEEL, wheel)
    assert hashlib.sha256(wheel.read_bytes()).hexdigest() == WHEEL_SHA256, f"{wheel} is another file"
    folder = tmp_path_factory.mktemp("microscope")
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if "/experimental/example_" in name:
                (folder / Path(name).name).write_bytes(archive.read(name))
    return folder
