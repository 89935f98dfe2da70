"""Images to work on: the bundled samples, and published files fetched from a pinned origin. No torch."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import tifffile

from n2sr_lib.errors import InputError

_ROOT = Path(__file__).resolve().parents[1]
_PAPER = "MeijiTian/ZS-Denoiser-HREM/87b457a4f31aa34b0d5255092deba3ad5cbaea26/demo_data/PtCeO2_simulated"
_SCILINK = "ziatdinovmax/SciLink/a95188977c04e792263bf772109e0ff3ef74d740/examples/data"
_HPAI = "HPAI-BSC/AtomDetection_ACSTEM/118c11dbe6dbb49525acd0221005742d08079288/data/tif_data"
_HYPERSPY = "hyperspy/hyperspy-demos/6c046c1720a0c0d7e74f2f8372106c267eb8e75c/image_data/datasets"

#: Name of a file below a data folder -> (folder of its origin: repository/commit/path, SHA-256).
#: ptceo2: the five simulated test images of the paper (Mohan et al.); real: experimental images.
FILES = {
    "ptceo2/1.tif": (_PAPER, "a7f317df62c1b3b8b5a1e243d5c23d29ba41fb578781308f8fdbb00f9ec6f16f"),
    "ptceo2/2.tif": (_PAPER, "5697201c91d83a02da3b08eca87f82199c41a5e92c869d8472ab12212f5f0369"),
    "ptceo2/3.tif": (_PAPER, "3b47470e16739b960c4d0ec944d6c9b87a4958089898e288097c9701b76d9df2"),
    "ptceo2/4.tif": (_PAPER, "f9cd91fb6e0bf2e0ad7a2749f7a8dc1db7cde12a2cbb704e765059f7235dc6e9"),
    "ptceo2/5.tif": (_PAPER, "f00d3859177cb8484227e3ea723eb3f2d5fc8a8a6a4b7da63d5962a5507e4523"),
    "real/MoS2_stem_Exp-000-2.npy": (
        _SCILINK,
        "a2546278c0fc18016688de44d5d8f3df21eb61f1915232f120d936095b2a3d31",
    ),
    "real/MoS2_stem_Exp-001-5.npy": (
        _SCILINK,
        "74dd13de10282aa8f8a8cea84ab3a3b653fadeabc4b63ea6845afd90d9c049fb",
    ),
    "real/HRSTEM.h5": (
        "bshev/phd_research/7e0fc09152e050932262ad7825ffa434ab2216f8/data",
        "999eaa78f9615878c965597c5e0481ac5b6e71efaa96bf6f56be2a7d98486d16",
    ),
    "real/091_HAADF_15nm_Sample_PtNC_21Oct20.tif": (
        _HPAI,
        "3dc803ee73b7c6b4d3c356143acd9cad65af9ff1676a688d4cf34c83f7db12d2",
    ),
    "real/stem_abf_data_imagestack.hspy": (
        _HYPERSPY,
        "c31a8e2819a6f4838585382cc487928ca27c55d546b71400817e6a43be47fd96",
    ),
    "real/Moire.npz": (
        "AustinHouston/Gomb-Net/aed6218e4f154daf4c8efd9b2ba1b3f3fcd4fd44",
        "417464b537a3abdf08d736e3abb2dbc19a7ee77ff73639fa0a1f1019a5adbdae",
    ),
}


def samples_folder() -> Path:
    """Where the bundled samples lie: ``N2SR_SAMPLES`` if set, else ``data/samples`` of the repository."""
    return Path(os.environ.get("N2SR_SAMPLES") or _ROOT / "data" / "samples")


def sample_names() -> list[str]:
    """Names of the bundled samples, sorted; ``demo_noisy`` is the noisy one."""
    return sorted(path.stem for path in samples_folder().glob("*.tif"))


def _read_sample(name: str) -> tuple[np.ndarray, dict]:
    path = samples_folder() / f"{name}.tif"
    if not path.is_file():
        known = ", ".join(sample_names()) or "none: set N2SR_SAMPLES to the repository's data/samples"
        raise InputError(f"there is no sample {name!r} in {samples_folder()} (available: {known}).")
    with tifffile.TiffFile(path) as file:
        text = (file.imagej_metadata or {}).get("Info") or file.pages[0].description
        return file.asarray(), json.loads(text)


def sample_info(name: str) -> dict:
    """Provenance of a sample: pixel size (nm), structure, defocus, microscope, or the noise of the demo."""
    return _read_sample(name)[1]


def sample(name: str) -> np.ndarray:
    """A bundled sample, float32 (H, W): intensity in 0.24-0.75, or counts for ``demo_noisy``.

    Raises
    ------
    InputError
        If there is no such sample.
    """
    values, info = _read_sample(name)
    return (values * np.float32(info["scale"]) + np.float32(info["offset"])).astype(np.float32)


def demo() -> tuple[np.ndarray, np.ndarray]:
    """The noisy demonstration and its clean counterpart (y, x), float32 (512, 512), both in electrons."""
    y, info = _read_sample("demo_noisy")
    x = sample(info["of"])[slice(*info["rows"]), slice(*info["columns"])]
    return y.astype(np.float32), x * np.float32(info["counts_per_intensity"])


def cache_folder() -> Path:
    """Where large files are kept: ``N2SR_CACHE`` if set, else ``data/cache`` of the repository."""
    default = _ROOT / "data" if (_ROOT / "data").is_dir() else Path.home() / ".cache" / "n2sr-lib"
    return Path(os.environ.get("N2SR_CACHE") or default / "cache")


def fetch(name: str) -> Path:
    """Path of a published file: in ``N2SR_DATA``, in `cache_folder`, or downloaded; its SHA-256 is checked.

    Parameters
    ----------
    name : str
        A key of `FILES`.

    Raises
    ------
    InputError
        If the name is unknown, the copy in ``N2SR_DATA`` is another file, or it can not be downloaded.
    """
    if name not in FILES:
        raise InputError(f"there is no published file {name!r}; known are {', '.join(FILES)}.")
    origin, sha256 = FILES[name]
    given = os.environ.get("N2SR_DATA")
    if given and (local := Path(given) / name).is_file():
        if hashlib.sha256(local.read_bytes()).hexdigest() != sha256:
            raise InputError(f"{local} is not the published file (SHA-256 differs): replace or remove it.")
        return local
    path = cache_folder() / name
    if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256:
        return path
    url = f"https://raw.githubusercontent.com/{origin}/{path.name}"
    try:
        import pooch

        pooch.retrieve(url, f"sha256:{sha256}", fname=path.name, path=path.parent)
    except (ImportError, OSError, ValueError) as error:
        raise InputError(
            f"{name} is missing and could not be downloaded ({type(error).__name__}): set N2SR_DATA to the "
            f"folder that holds it, or go online with pooch installed, which fetches {url}"
        ) from error
    return path


def paper_image(k: int) -> np.ndarray:
    """The paper's clean simulated test image k = 1...5 (Sec. IV), float32 (832, 896); see `fetch`."""
    if k not in range(1, 6):
        raise InputError(f"the paper has test images 1 to 5, there is no {k}.")
    return tifffile.imread(fetch(f"ptceo2/{k}.tif")).astype(np.float32)


def array_hash(image: np.ndarray) -> str:
    """SHA-256 over dtype, shape and bytes of the array in C order: the identity of an input in a record."""
    image = np.asarray(image)
    return hashlib.sha256(f"{image.dtype.str}{image.shape}".encode() + image.tobytes()).hexdigest()
