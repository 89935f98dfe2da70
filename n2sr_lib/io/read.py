"""Read one micrograph from a file; whatever goes wrong, the caller gets one sentence."""

import dataclasses
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..errors import InputError
from .readers import DIRECT, microscope_reader, quiet
from .signals import Signal, shape_text


@dataclasses.dataclass(frozen=True, eq=False)
class Micrograph:
    """One image and what its file says about it.

    Attributes
    ----------
    image : (H, W) array, integer or floating, as stored (counts stay counts; NaN and infinities stay too).
    pixel_size : side of a pixel in `unit`; None where the file gives none or one that makes no sense (below
        1e-9, above 1e9), or the sides differ by over 0.1 %.
    unit : "nm" for every length; another unit as the file says ("1/nm"); None with `pixel_size`.
    title : the image's name in the file, else the file's name without its extension.
    metadata : instrument metadata as the reader gives it, what JSON cannot hold left out.
    """

    image: np.ndarray
    pixel_size: float | None
    unit: str | None
    title: str
    metadata: dict


def read(path: str | Path, *, signal: int | str | None = None, frame: int | None = None) -> Micrograph:
    """The micrograph in a file.

    Parameters
    ----------
    path : a TIFF, PNG, NPY or NPZ file, or, with the extra ``em``, DM3, DM4, EMD, SER, EMI, MRC, HSPY or HDF5
        (.h5, .hdf5).
    signal : which of a file's several arrays, counted from 0, or its name, such as the path of an HDF5 data
        set; without it the file's only 2-D image.
    frame : which frame of a stack, counted from 0.

    Returns
    -------
    Micrograph
        Pixel sizes come from a microscope format, ImageJ's or DigitalMicrograph's TIFF tags, or TIFF
        resolution tags (below 10 µm; a coarser one is a printer's). PNG, NPY and NPZ have none. A colour
        image without transparency whose channels are all equal is read as grey.

    Raises
    ------
    InputError
        The file is missing, unreadable, damaged, cut short or of an unknown format, holds no image (spectrum,
        colour, complex, objects), or holds several and `signal` or `frame` does not choose one.
    """
    path = Path(os.path.expanduser(path))
    chosen = _signal(path, signal)
    return _micrograph(path, chosen, _choose_frame(path.name, chosen.data, frame))


def read_frames(path: str | Path, *, signal: int | str | None = None) -> Iterator[Micrograph]:
    """Every frame of a stack, or the single image of a file, one after the other; as `read` otherwise.

    The file is read once and whole: what is in memory is the stack as stored, and one frame.
    """
    path = Path(os.path.expanduser(path))
    chosen = _signal(path, signal)
    for image in chosen.data if chosen.data.ndim == 3 else [chosen.data]:
        yield _micrograph(path, chosen, image)


def _signal(path: Path, wanted: int | str | None) -> Signal:
    """The chosen one of a file's signals, or one sentence."""
    head = _head(path)
    extension = path.suffix.lower()
    reader = DIRECT.get(extension) or microscope_reader(path)
    try:
        with quiet() as complaints:
            signals = reader(path, head)
        # tifffile only reports a page that it cannot find, and returns the pages before it
        if any(re.search(r"invalid (page )?offset|corrupted tag list of page", c) for c in complaints):
            raise ValueError("pages are missing")
        chosen = _choose_signal(path.name, signals, wanted)
        if chosen.load is None:
            return chosen
        return dataclasses.replace(chosen, data=chosen.load(), load=None)
    except InputError:
        raise
    except MemoryError:
        raise InputError(f"{path.name!r} does not fit into memory, or is damaged; crop it.") from None
    except Exception as error:
        package = error.name if isinstance(error, ImportError) else None
        if package or "requires the 'imagecodecs'" in str(error):
            package = package or "imagecodecs"
            raise InputError(f"{path.name!r} needs the package {package}: pip install {package}.") from None
        raise InputError(
            f"{path.name!r} cannot be read as {extension[1:].upper()}: it is damaged, cut short or in "
            "another format; copy it again, or open it in the program that made it and save it as TIFF."
        ) from None


def _micrograph(path: Path, chosen: Signal, image: np.ndarray) -> Micrograph:
    # a copy in the machine's byte order, free of the file and of the rest of the stack
    image = np.array(image, dtype=image.dtype.newbyteorder("="), order="C", subok=False)
    title = " ".join(chosen.title.split())
    if title in ("", "__unnamed__", "arr_0"):
        title = path.stem.encode(errors="replace").decode()  # not every name is text
    return Micrograph(image, *chosen.pixel, title, _jsonable(chosen.metadata))


def _head(path: Path) -> bytes:
    """The first bytes of a file that is there, may be read and is not empty."""
    if os.path.isdir(path):
        raise InputError(f"{str(path)!r} is a folder; give one image file in it.")
    try:
        with path.open("rb") as file:
            head = file.read(32)
    except FileNotFoundError:
        raise InputError(f"{str(path)!r} does not exist; check its name and folder.") from None
    except PermissionError:
        raise InputError(f"{str(path)!r} may not be read; ask for permission to read it.") from None
    except (OSError, ValueError):  # ValueError: a name with a null character
        raise InputError(f"{str(path)!r} cannot be opened; check its name and the disk.") from None
    if not head:
        raise InputError(f"{path.name!r} is empty (0 bytes); copy or save it again.")
    return head


def _choose_signal(name: str, signals: list[Signal], wanted: int | str | None) -> Signal:
    listing = "; ".join(f"signal {k}: {s}" for k, s in enumerate(signals))
    if not signals:
        emi = name.lower().endswith(".emi")
        what = "no .ser file beside it; put it there" if emi else "no image in it; give another file"
        raise InputError(f"{name!r} has {what}.")
    if isinstance(wanted, str):
        named = [k for k, s in enumerate(signals) if s.title.strip("/") == wanted.strip("/")]
        if len(named) != 1:
            raise InputError(
                f"{name!r} has no signal {wanted!r}; choose with signal=K (--signal K): {listing}."
            )
        (wanted,) = named
    if wanted is None:
        usable = [s for s in signals if s.refusal() is None]
        images = [s for s in usable if s.data.ndim == 2] or usable
        if len(images) == 1:
            return images[0]
        if images:
            raise InputError(
                f"{name!r} has several images: {listing}; choose one with signal=K (--signal K)."
            )
        if len(signals) > 1:
            raise InputError(f"{name!r} has no 2-D image: {listing}; save the image alone.")
    elif not 0 <= wanted < len(signals):
        raise InputError(f"{name!r} has no signal {wanted}; choose with signal=K (--signal K): {listing}.")
    chosen = signals[wanted or 0]
    if reason := chosen.refusal():
        raise InputError(
            f"{name!r} {reason}." if len(signals) == 1 else f"Signal {wanted} of {name!r} {reason}."
        )
    return chosen


def _choose_frame(name: str, data: np.ndarray, wanted: int | None) -> np.ndarray:
    if data.ndim == 2:
        if wanted in (None, 0):
            return data
        raise InputError(f"{name!r} holds a single image and no frame {wanted}; leave frame (--frame) out.")
    n = len(data)
    if wanted is not None and 0 <= wanted < n:
        return data[wanted]
    no = "" if wanted is None else f" and no frame {wanted}"
    choose = f"choose one with frame=K (--frame K), K from 0 to {n - 1}, or take all with n2sr denoise --fit"
    raise InputError(f"{name!r} holds a stack of {n} frames of {shape_text(data[0])}{no}; {choose}.")


def _jsonable(value):
    """`value` without what JSON cannot hold (None for that), long arrays, and null characters."""
    if isinstance(value, dict):
        pairs = ((_jsonable(str(k)), _jsonable(v)) for k, v in value.items())
        return {k: v for k, v in pairs if v is not None}
    if isinstance(value, np.ndarray):
        value = value.tolist() if value.size <= 100 else None
    if isinstance(value, list | tuple):
        return [_jsonable(v) for v in value]
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return value.replace("\0", "")
    return value if isinstance(value, int | float) else None
