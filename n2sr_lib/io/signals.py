"""One array of a file before it is known to be an image, and the size of its pixels."""

import math
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

# Lengths in nm. Of the two signs that look like Å, and of the two like µ, NFKC leaves those written here.
_NM = {
    "nm": 1.0,
    "\u00c5": 0.1,
    "A": 0.1,
    "pm": 1e-3,
    "\u03bcm": 1e3,
    "um": 1e3,
    "mm": 1e6,
    "cm": 1e7,
    "m": 1e9,
}
_NM |= {"angstrom": 0.1, "nanometer": 1.0, "micron": 1e3, "micrometer": 1e3, "meter": 1e9, "inch": 2.54e7}

Pixel = tuple[float | None, str | None]


@dataclass
class Signal:
    """One array of a file, whatever it is.

    load : gives the array where `data` only stands for it, with its shape and type.
    """

    data: np.ndarray
    title: str = ""
    pixel: Pixel = (None, None)
    metadata: dict = field(default_factory=dict)
    colour: bool = False  # the last axis holds colour channels
    spectral: bool = False  # the last axis is a spectrum's
    load: Callable[[], np.ndarray] | None = None

    def __post_init__(self):
        if self.colour and (grey := _grey(self.data)) is not None:
            self.data, self.colour = grey, False
        while self.data.ndim > 2 and len(self.data) == 1 and not self.colour:
            self.data = self.data[0]

    def __str__(self):
        return " ".join(f"{self.title} {shape_text(self.data)} {self.data.dtype}".split())

    def refusal(self) -> str | None:
        """Why this can be neither an image nor a stack of images; None where it can."""
        d = self.data
        if d.dtype.hasobject:
            return "holds pickled Python objects, which are never loaded; save a plain array"
        if self.colour:
            return "is in colour; convert it to one channel first (Fiji: Image > Type > 32-bit)"
        if d.dtype.kind == "c":
            return (
                "holds complex numbers (a Fourier transform or a wave), not an image; save the image itself"
            )
        if d.dtype.kind not in "uif":
            return f"holds values of type {d.dtype}, not grey values; save them as integers or floats"
        if d.ndim < 2 or 1 in d.shape[-2:]:
            return f"is one line of {d.size} values (a profile or a spectrum), not an image; give a 2-D image"
        if d.size == 0:
            return f"has no pixels (shape {shape_text(d)}); save the image again"
        if self.spectral:
            return f"holds spectra (shape {shape_text(d)}), not an image; save a map or survey image alone"
        if d.ndim > 3:
            return f"has {d.ndim} dimensions ({shape_text(d)}); save the image or one stack of images alone"
        return None


def _grey(data: np.ndarray) -> np.ndarray | None:
    """The one channel of a (..., C) image whose colours all agree and whose alpha is full; else None."""
    colours = data[..., :1] if data.shape[-1] < 3 else data[..., :3]
    full = np.iinfo(data.dtype).max if data.dtype.kind in "ui" else 1.0
    opaque = data.shape[-1] in (1, 3) or (data[..., -1] == full).all()
    return colours[..., 0] if opaque and (colours == colours[..., :1]).all() else None


def pixel_of(y: tuple, x: tuple) -> Pixel:
    """(pixel size, unit) from the (size, unit) of both axes; (None, None) unless they agree to 0.1 %."""
    (size_y, unit_y), (size_x, unit_x) = length_in_nm(*y), length_in_nm(*x)
    if unit_x is None or unit_x != unit_y or not math.isclose(size_y, size_x, rel_tol=1e-3):
        return None, None
    return size_x, unit_x


def length_in_nm(size: float | None, unit: str | None) -> Pixel:
    """A positive size with its unit, in nm where that is a length; (None, None) where it makes no sense."""
    unit = re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), str(unit or ""))  # ImageJ's escapes
    unit = unicodedata.normalize("NFKC", unit).replace("_", "").strip(" []\0")  # Berkeley EMD writes [n_m]
    size = abs(float(size or 0.0))
    if unit.lower() in ("", "pixel", "pixels", "px", "none", "<undefined>") or not 0 < size < math.inf:
        return None, None
    factor = _NM.get(unit) or _NM.get(unit.lower().removesuffix("s") if len(unit) > 3 else "")
    size, unit = (size * factor, "nm") if factor else (size, unit)
    return (size, unit) if 1e-9 < size < 1e9 else (None, None)


def shape_text(data: np.ndarray) -> str:
    return "x".join(map(str, data.shape)) or "single value"
