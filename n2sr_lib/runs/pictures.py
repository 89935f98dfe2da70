"""What a record keeps of its images for the figures: parts of them, in one small PNG file."""

import hashlib
import io

import imageio.v3 as imageio  # scikit-image brings it
import numpy as np

from ..experiments import CROP_SIDE, PATCH_SIDE
from ..series import Picture

CROP_LEVELS = 4095  # of the 65,535 of a uint16 PNG: 80 dB below the range, and half the file


def cut(image: np.ndarray, corner: tuple[int, int], shown: list[np.ndarray], key: str) -> tuple[bytes, dict]:
    """The PNG file of a part of the result, with smaller parts of the images of a study to its right."""
    top, left = corner
    part = image[top : top + CROP_SIDE, left : left + CROP_SIDE]
    patches = [one[top : top + PATCH_SIDE, left : left + PATCH_SIDE] for one in shown]
    # Two by two, since half of CROP_SIDE is PATCH_SIDE.
    part = np.hstack([part, *(np.vstack(patches[i : i + 2]) for i in range(0, len(patches), 2))])
    offset = float(part.min())
    scale = (float(part.max()) - offset) / CROP_LEVELS or 1.0
    file = io.BytesIO()
    imageio.imwrite(file, np.round((part - offset) / scale).astype(np.uint16), extension=".png")
    return file.getvalue(), {
        "file": f"{key}.png",
        "row": top,
        "column": left,
        "scale": scale,
        "offset": offset,
        "patches": len(patches),
        "sha256": hashlib.sha256(file.getvalue()).hexdigest(),
    }


def keep(picture: Picture, key: str) -> tuple[bytes, dict]:
    """The PNG file of a picture, 8 bits a pixel; every row has a scale of its own."""
    offsets = [float(min(image.min() for image in row)) for row in picture]
    scales = [
        (float(max(image.max() for image in row)) - low) / 255 or 1.0
        for row, low in zip(picture, offsets, strict=True)
    ]
    rows = [
        np.round((np.hstack(row) - low) / scale)
        for row, low, scale in zip(picture, offsets, scales, strict=True)
    ]
    file = io.BytesIO()
    imageio.imwrite(file, np.vstack(rows).astype(np.uint8), extension=".png")
    return file.getvalue(), {
        "file": f"{key}.png",
        "rows": len(picture),
        "columns": len(picture[0]),
        "scales": scales,
        "offsets": offsets,
        "sha256": hashlib.sha256(file.getvalue()).hexdigest(),
    }


def picture_of(record: dict, png: bytes) -> Picture:
    """The picture that an experiment on a series kept: rows of images, float32, in their own units."""
    crop, values = record["crop"], imageio.imread(png, extension=".png").astype(np.float32)
    rows = np.vsplit(values, crop["rows"])
    return [
        np.hsplit(row * np.float32(scale) + np.float32(offset), crop["columns"])
        for row, scale, offset in zip(rows, crop["scales"], crop["offsets"], strict=True)
    ]


def crop_image(record: dict, png: bytes) -> np.ndarray:
    """The part of the result that a record kept, float32, in the units of the clean image."""
    return _crop_values(record, png)[:, :CROP_SIDE]


def crop_patches(record: dict, png: bytes) -> list[np.ndarray]:
    """The smaller parts that a study kept, in its order, with the same upper left corner."""
    values = _crop_values(record, png)[:, CROP_SIDE:]
    corners = [(i % 2 * PATCH_SIDE, i // 2 * PATCH_SIDE) for i in range(record["crop"].get("patches", 0))]
    return [values[top : top + PATCH_SIDE, left : left + PATCH_SIDE] for top, left in corners]


def _crop_values(record: dict, png: bytes) -> np.ndarray:
    values = imageio.imread(png, extension=".png").astype(np.float64)
    return (values * record["crop"]["scale"] + record["crop"]["offset"]).astype(np.float32)
