"""One reader per family of formats: (path, first bytes) -> the signals of the file."""

import contextlib
import functools
import glob
import importlib
import json
import logging
import math
import operator
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import skimage.io
import tifffile

from ..errors import InputError
from .signals import Pixel, Signal, pixel_of

_EM = "DM3, DM4, EMD, SER, EMI, MRC and HSPY"
# RosettaSciIO's readers of these formats only: some of its others evaluate text found in the file.
_PLUGINS = ("DigitalMicrograph", "EMD", "TIA", "MRC", "HSPY")
_PRINTER_NM = 1e4  # pixels of 10 µm or more in inch or cm are for printers (300 dpi is 85 µm)


def read_tiff(path: Path, head: bytes) -> list[Signal]:
    with tifffile.TiffFile(path) as tif:
        size = path.stat().st_size
        for page in tif.pages:
            if any(o + n > size for o, n in zip(page.dataoffsets, page.databytecounts, strict=False)):
                raise ValueError("cut short")
        info = dict(tif.imagej_metadata or {})
        with contextlib.suppress(ValueError, TypeError, KeyError):  # is it a file that `write` wrote?
            info["n2sr"] = dict(json.loads(info["Info"])["n2sr"])
            del info["Info"]
        signals = []
        for series in tif.series:
            data, axes = series.asarray(), series.axes
            if tif.is_imagej and math.prod(data.shape[:-2]) < info.get("images", 1):
                raise ValueError("cut short: a part of an ImageJ stack")
            if colour := "S" in axes:
                data = np.moveaxis(data, axes.index("S"), -1)
            title = str(info["n2sr"].get("title", "")) if "n2sr" in info else ""
            signals.append(Signal(data, title, _tiff_pixel(series.keyframe, info), info, colour))
    return signals


def _tiff_pixel(page: tifffile.TiffPage, info: dict) -> Pixel:
    tags = {tag.code: tag.value for tag in page.tags if tag.code in (282, 283, 65003, 65004, 65009, 65010)}
    if 65009 in tags and not info.get("unit"):  # DigitalMicrograph's own tags
        return pixel_of((tags.get(65010), tags.get(65004)), (tags[65009], tags.get(65003)))
    x, y = (tags[c][1] / tags[c][0] if c in tags and tags[c][0] else 0.0 for c in (282, 283))
    unit = info.get("unit") or {2: "inch", 3: "cm"}.get(int(page.resolutionunit))
    pixel = pixel_of((y, info.get("yunit", unit)), (x, unit))
    printer = unit in ("inch", "cm") and (pixel[0] or 0) >= _PRINTER_NM
    return (None, None) if printer else pixel


def read_png(path: Path, head: bytes) -> list[Signal]:
    if len(head) > 25 and head[24] == 16 and head[25] != 0:  # the decoder would cut 16 bits down to 8
        raise InputError(f"{path.name!r} is a 16-bit colour PNG; convert it to one 16-bit channel first.")
    data = skimage.io.imread(path)
    return [Signal(data, colour=data.ndim > 2)]


def read_numpy(path: Path, head: bytes) -> list[Signal]:
    if head.startswith(b"\x93NUMPY"):
        return [_array(lambda: np.load(path, allow_pickle=False), "")]
    if not head.startswith(b"PK"):  # NumPy takes anything else for a pickle
        raise InputError(f"{path.name!r} is no NumPy file, and a pickle is never loaded; use numpy.save.")
    with np.load(path, allow_pickle=False) as archive:
        return [_array(lambda key=key: archive[key], key) for key in archive.files]


def _array(load: Callable[[], np.ndarray], title: str) -> Signal:
    try:
        data = load()
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        data = np.empty(0, dtype=object)  # stands for the objects, which stay unread
    return Signal(data, title, colour=data.ndim == 3 and data.shape[-1] <= 4 < data.shape[-2])


def read_hdf5(path: Path, head: bytes) -> list[Signal]:
    """Every array of two dimensions or more, named by its path in the file; other numbers are left unread."""
    h5py = importlib.import_module("h5py")
    signals = []

    def visit(name: str, item) -> None:
        if not isinstance(item, h5py.Dataset) or item.ndim < 2 or item.dtype.kind not in "uifc":
            return
        said = {k: _plain(v) for k, v in item.attrs.items()}
        pixel = (None, None)
        with contextlib.suppress(TypeError, ValueError):  # a scale that is no number
            size = next((said[k] for k in ("scale", "pixel_size") if k in said), None)
            unit = next((said[k] for k in ("scale_unit", "unit", "units") if k in said), None)
            pixel = pixel_of((size, unit), (size, unit))
        stand_in = np.broadcast_to(np.zeros((), item.dtype), item.shape)  # takes no memory
        signals.append(Signal(stand_in, name, pixel, said, load=functools.partial(load, name)))

    def load(name: str) -> np.ndarray:
        with h5py.File(path, "r") as file:
            return file[name][()]

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return signals


def _plain(value):
    """An attribute as it was meant: a single one is often an array, and not every text is UTF-8."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.item()
    if isinstance(value, str):
        value = value.encode(errors="surrogateescape")
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


#: What is read without RosettaSciIO.
DIRECT = {
    ".tif": read_tiff,
    ".tiff": read_tiff,
    ".png": read_png,
    ".npy": read_numpy,
    ".npz": read_numpy,
    ".h5": read_hdf5,
    ".hdf5": read_hdf5,
}


def microscope_reader(path: Path) -> Callable[[Path, bytes], list[Signal]]:
    extension = path.suffix.lower().lstrip(".")
    try:
        plugins = importlib.import_module("rsciio").IO_PLUGINS
    except ImportError:
        raise InputError(
            f"{path.name!r} cannot be read: TIFF, PNG, NPY and NPZ are read directly, but {_EM} through "
            "RosettaSciIO, which is not installed: pip install 'n2sr-lib[em]'."
        ) from None
    known = [p for p in plugins if p["name"] in _PLUGINS and extension in p["file_extensions"]]
    if not known:
        why = " (and JPEG has changed the noise: export it anew)" if extension in ("jpg", "jpeg") else ""
        raise InputError(
            f"{path.name!r} is of an unknown format{why}; save it as TIFF (also read: PNG, NPY, NPZ, {_EM})."
        )
    # a Velox file may hold gigabytes of spectra beside its images
    options = {"select_type": "images"} if known[0]["name"] == "EMD" else {}

    if extension == "emi" and glob.has_magic(str(path)):
        raise InputError(
            f"{path.name!r} cannot be read with [, * or ? in its name or folder; rename it, or give its .ser."
        )

    def reader(path: Path, head: bytes) -> list[Signal]:
        entries = importlib.import_module(known[0]["api"]).file_reader(str(path), lazy=False, **options)
        return [_from_rosettasciio(entry) for entry in entries]

    return reader


def _from_rosettasciio(entry: dict) -> Signal:
    data, axes, metadata = np.asarray(entry["data"]), entry["axes"], entry["metadata"]
    if colour := data.dtype.names is not None:
        data = np.stack([data[c] for c in data.dtype.names], axis=-1)
    pixel = (None, None)
    if len(axes) > 1:
        pixel = pixel_of(*((a.get("scale"), a.get("units")) for a in axes[-2:]))
    spectral = sum(not a["navigate"] for a in axes) == 1
    # the microscope's settings: where each lies among the file's own tags, and where HyperSpy would put it
    for source, (target, convert) in (entry.get("mapping") or {}).items():
        with contextlib.suppress(Exception):  # most files lack most of them
            value = functools.reduce(operator.getitem, source.split("."), entry["original_metadata"])
            *folders, name = target.split(".")
            place = functools.reduce(lambda d, key: d.setdefault(key, {}), folders, metadata)
            place.setdefault(name, convert(value) if convert else value)
    title = str(metadata.get("General", {}).get("title") or "")
    return Signal(data, title, pixel, metadata, colour, spectral)


@contextlib.contextmanager
def quiet() -> Iterator[list[str]]:
    """Keep the readers' warnings and log messages from the screen; the messages are collected instead."""
    messages: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    loggers = [logging.getLogger(name) for name in ("tifffile", "rsciio", "PIL", "imageio", "h5py")]
    before = [(logger.handlers, logger.propagate) for logger in loggers]
    for logger in loggers:  # RosettaSciIO's has a handler of its own, which writes to the screen
        logger.handlers, logger.propagate = [handler], False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield messages
    finally:
        for logger, (handlers, propagate) in zip(loggers, before, strict=True):
            logger.handlers, logger.propagate = handlers, propagate
