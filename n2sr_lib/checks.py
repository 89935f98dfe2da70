"""Is this an image that can be denoised? Every refusal is one sentence, before any long work starts."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .errors import InputError

SMALLEST = 64  # pixels a side: below it there is too little to learn from
FILLED = 0.01  # fraction of NaN or infinite pixels that is filled in rather than refused


def check_image(image) -> tuple[np.ndarray, int]:
    """Turn a user's array into something to denoise.

    Parameters
    ----------
    image : array-like (H, W) of real numbers, any unit; negative values are fine.

    Returns
    -------
    y : ndarray (H, W), float32.
    filled : number of NaN or infinite pixels that were replaced by the median of the finite pixels in the
        5×5 around them (of the whole image where there are none); at most 1 % of all pixels.

    Raises
    ------
    InputError
        For anything else, with one sentence.
    """
    y = np.asarray(image)
    if y.dtype == object:
        raise InputError("the image holds Python objects; give an array of numbers")
    if np.iscomplexobj(y):
        raise InputError("the image is complex; give its modulus or its phase instead")
    if not (np.issubdtype(y.dtype, np.number) or y.dtype == bool):
        raise InputError(f"the image holds {y.dtype} values; give an array of numbers")
    if y.ndim == 3 and y.shape[-1] in (3, 4):
        raise InputError("the image is in colour; give one channel, since the noise model is that of counts")
    if y.ndim != 2:
        raise InputError(f"the array has {y.ndim} dimensions; give one image with two, height and width")
    if min(y.shape) < SMALLEST:
        raise InputError(
            f"the image has {y.shape[0]}×{y.shape[1]} pixels; at least {SMALLEST} a side are needed"
        )
    with np.errstate(over="ignore"):
        y = y.astype(np.float32)  # a copy: the caller's array is never touched
    finite = np.isfinite(y)
    missing = int(y.size - finite.sum())
    if missing == y.size:
        raise InputError("every pixel is NaN or infinite; check how the image was read")
    if missing > FILLED * y.size:
        raise InputError(f"{missing} of {y.size} pixels are NaN or infinite; crop or repair the image first")
    if missing:
        y = fill(y, finite)
    if y.min() == y.max():
        raise InputError(f"the image is constant ({y.flat[0]:g} everywhere); there is nothing to denoise")
    return y, missing


def fill(y: np.ndarray, good: np.ndarray) -> np.ndarray:
    """Replace all but the `good` pixels, bool (H, W), as `check_image` does; float32 like `y`."""
    known = np.where(good, y, np.float32(np.nan))
    windows = sliding_window_view(np.pad(known, 2, constant_values=np.nan), (5, 5))[~good].reshape(-1, 25)
    windows[np.isnan(windows).all(1)] = np.median(y[good])
    known[~good] = np.nanmedian(windows, axis=1)
    return known
