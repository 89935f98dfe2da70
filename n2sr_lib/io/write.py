"""Write an image with its pixel size, whole or not at all, and never over another file unless told."""

import importlib
import json
import os
import secrets
from pathlib import Path

import numpy as np
import tifffile

from ..errors import InputError
from .readers import quiet
from .signals import length_in_nm, shape_text

WRITABLE = (".tif", ".tiff", ".npy", ".hspy")
LONGEST = 220  # bytes of a name: file systems take 255, and a checkpoint's name is longer than the image's


def check_writable(path: str | Path, overwrite: bool = False, source: str | Path | None = None) -> Path:
    """The path that `write` may write to; call it before long work.

    Raises
    ------
    InputError
        The extension is none of `WRITABLE`, or needs the extra ``em``; the name is longer than `LONGEST`;
        the folder is missing or protected; the file exists and `overwrite` is False, or is protected, or is
        `source`, the file that was read: never replaced.
    """
    path = Path(os.path.expanduser(path))
    name, folder = repr(str(path)), repr(str(path.parent))
    if os.path.isdir(path):
        raise InputError(f"{name} is a folder; give the name of a file in it.")
    if path.suffix.lower() not in WRITABLE:
        raise InputError(f"{name} has no extension that can be written; use {', '.join(WRITABLE)}.")
    if len(os.fsencode(path.name)) > LONGEST:
        raise InputError(f"The name {path.name[:20]!r}… is too long; choose one of at most {LONGEST} bytes.")
    if path.suffix.lower() == ".hspy":
        _hspy_writer()
    if not os.path.isdir(path.parent):
        raise InputError(f"The folder {folder} does not exist; create it or choose another.")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise InputError(f"The folder {folder} may not be written to; choose another.")
    if os.path.exists(path):
        if source is not None and os.path.exists(source) and os.path.samefile(path, source):
            raise InputError(f"{name} is the image that was read; choose another name for the result.")
        if not overwrite:
            raise InputError(f"{name} exists; choose another name, or overwrite=True (--overwrite).")
        if not os.access(path, os.W_OK):
            raise InputError(f"{name} is write-protected; choose another name.")
    return path


def write(
    path: str | Path,
    image: np.ndarray,
    *,
    pixel_size: float | None = None,
    unit: str | None = None,
    title: str = "",
    settings: dict | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a 2-D image as float32, whole or not at all (a temporary file takes the name at the end).

    A .tif or .tiff carries ImageJ's calibration, so that Fiji shows the pixel size, and title and settings
    as JSON (Fiji: Image > Show Info; `read` gives them back as ``metadata["n2sr"]``). A .hspy, for which the
    extra ``em`` is needed, carries the same for HyperSpy. A .npy holds the image only. Integers above 2²⁴ are
    rounded.

    Parameters
    ----------
    image : (H, W) array of real numbers.
    pixel_size, unit : side of a pixel; a length in any common unit is written in nm. Both or neither.

    Raises
    ------
    InputError
        As `check_writable`; the image is not 2-D and real; the pixel size makes no sense; the disk is full.
    """
    path = check_writable(path, overwrite)
    image = np.asarray(image)
    if image.ndim != 2 or image.size == 0 or image.dtype.kind not in "uif":
        raise InputError(
            f"Only a 2-D image of real numbers can be written, not {shape_text(image)} {image.dtype}."
        )
    size, size_unit = length_in_nm(pixel_size, unit)
    if (pixel_size, unit) != (None, None) and size is None:
        raise InputError(
            f"A pixel of {pixel_size} {unit} makes no sense; give a positive size with its unit."
        )
    image = np.ascontiguousarray(image, dtype=np.float32)
    temporary = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        if path.suffix.lower() == ".hspy":
            temporary = temporary.with_suffix(".hspy")  # its writer insists
            _write_hspy(temporary, image, size, size_unit, title, settings or {})
            check_writable(path, overwrite)
            os.replace(temporary, path)
            return path
        with temporary.open("xb") as file:
            if path.suffix.lower() == ".npy":
                np.save(file, image, allow_pickle=False)
            else:
                about = {
                    "Info": json.dumps({"n2sr": {"title": title, "settings": settings or {}}}, default=str)
                }
                if size is not None:  # ImageJ's text is ASCII
                    about["unit"] = "".join(c if c.isascii() else f"\\u{ord(c):04x}" for c in size_unit)
                resolution = (1 / size, 1 / size) if size else None
                tifffile.imwrite(file, image, imagej=True, resolution=resolution, metadata=about)
        check_writable(path, overwrite)  # a file of that name may have appeared meanwhile
        os.replace(temporary, path)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise InputError(f"{str(path)!r} could not be written ({why}); choose another place.") from None
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _hspy_writer():
    try:
        return importlib.import_module("rsciio.hspy").file_writer
    except ImportError:
        raise InputError("Writing .hspy needs RosettaSciIO: pip install 'n2sr-lib[em]'.") from None


def _write_hspy(path: Path, image: np.ndarray, size, unit, title: str, settings: dict) -> None:
    axes = [
        {"name": name, "size": n, "scale": size or 1.0, "offset": 0.0, "units": unit or "", "navigate": False}
        for name, n in zip("yx", image.shape, strict=True)
    ]
    settings = json.loads(json.dumps(settings, default=str))
    metadata = {**settings.get("instrument", {}), "n2sr": {"settings": json.dumps(settings)}}
    for name, ours in (("General", {"title": title}), ("Signal", {"signal_type": ""})):
        known = metadata.get(name)
        metadata[name] = (known if isinstance(known, dict) else {}) | ours
    names = ("original_metadata", "learning_results", "models", "package_info", "tmp_parameters")
    empty = {name: {} for name in names}
    signal = {"data": image, "axes": axes, "metadata": metadata, **empty}
    signal["attributes"] = {"_lazy": False, "ragged": False}
    with quiet():
        _hspy_writer()(str(path), signal, show_progressbar=False)
