"""Many images: folders, patterns and stacks, each image by `one_image`, with a table of what became of them.

Every image is denoised by itself, whole or not at all, and never twice: what an earlier, interrupted call has
finished is kept. Of the images only one, and the stack it lies in, is in memory.
"""

import functools
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from . import io
from .devices import choose_device
from .errors import InputError
from .fitted import keep, kept
from .io.rows import read_rows, write_rows
from .one_image import Options, denoise_one
from .presets import choose_preset

ROWS, FITTED = "n2sr.csv", "n2sr.fitted"

#: A column each of `ROWS`.
COLUMNS = (
    *("file", "frame", "status", "output", "level", "trained_on", "steps", "error", "error_se", "noise_a"),
    *("noise_variance", "height", "width", "pixel_size", "unit", "seconds", "message", "key"),
)


def run(
    given: list[Path | str], folder: Path, options: Options, say: Callable[[str], None] = lambda line: None
) -> list[dict]:
    """Denoise all images of a folder, a pattern or a stack into `folder`; failures do not stop it.

    `say` is told, a line each, what became of an image and, before it is denoised, what speaks against it.

    Returns
    -------
    list of dict
        One row an image, as in the table `ROWS` of the folder: ``status`` is "done", "kept" (an earlier call
        made it) or "failed", with the reason in ``message``.

    Raises
    ------
    InputError
        If nothing can be done at all, before anything is.
    """
    paths = io.find_images(given)
    if folder.suffix.lower() in io.WRITABLE and not os.path.exists(folder):
        raise InputError(f"{str(folder)!r} looks like a file; many images go into a folder, as 'denoised'.")
    options.period, choose_preset(options.preset), choose_device(options.device)  # refuse before any work
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{str(folder)!r} cannot be made a folder ({error.strerror}); choose another."
        ) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"The folder {str(folder)!r} may not be written to; choose another.")
    rows, stems = [], io.stems(paths)
    if options.overwrite:
        _spare(paths, folder, stems)
    fitted = left = None
    if options.period > 1:
        left = kept(folder / FITTED, options.preset, options.seed, options.device)
    for path, stem in zip(paths, stems, strict=True):
        for frame, image in _frames(path, options):
            begin = time.monotonic()
            number = "" if frame is None else f"_frame{frame:05d}"
            output = folder / f"{stem}{number}_denoised.tif"
            row = {"file": path.name, "frame": "" if frame is None else frame, "output": output.name}
            try:
                if isinstance(image, Exception):
                    raise image
                origin = {"file": path.name, "signal": options.signal, "frame": frame}
                name = f"{path.name}{number}"
                warn = functools.partial(_warn, say, name)
                more, fitted = denoise_one(image, output, options, fitted, name, origin=origin, warn=warn)
                row |= more
                if left is not None and row["status"] == "kept" and row["key"] == left.key:
                    fitted = left  # an earlier call trained it on this image: go on with it
                if fitted is not None and row["status"] == "done" and options.period > 1:
                    keep(folder / FITTED, fitted)
            except Exception as error:  # one bad file must not cost the others
                what = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
                row |= {"status": "failed", "message": what + " ".join(str(error).split())}
            row["seconds"] = round(time.monotonic() - begin, 1)
            rows.append(row)
            try:
                _note(rows, folder / ROWS)
            except OSError as error:  # the next image tries it again
                say(f"{ROWS} cannot be written ({error.strerror}); close it where it is open, or make room")
            say(f"{path.name}{number}: {row['status']}{': ' + row['message'] if row.get('message') else ''}")
    return rows


def _warn(say: Callable[[str], None], name: str, text: str) -> None:
    say(f"{name}: warning: {text}")


def _note(rows: list[dict], path: Path) -> None:
    """Bring the table up to date, which another call may have changed meanwhile."""
    table = {row["output"]: row for row in read_rows(path) if row.get("output")}
    for row in rows:
        if row["status"] == "kept":  # how long it took to make it
            row["seconds"] = table.get(row["output"], {}).get("seconds", row["seconds"])
        if row["frame"] != "":  # a stack that could not be read before has a row as a single image
            table.pop(re.sub(r"_frame\d+(?=_denoised.tif$)", "", row["output"]), None)
        table[row["output"]] = row
    write_rows(path, COLUMNS, table.values())


def _spare(paths: list[Path], folder: Path, stems: list[str]) -> None:
    """Refuse to begin where a result would replace an image that was given."""
    for path in (path.resolve() for path in paths):
        made = re.fullmatch(r"((.+?)(_frame\d+)?)_denoised(\.tif|_report\.(png|pdf|json))", path.name)
        if made and path.parent == folder.resolve() and not {made[1], made[2]}.isdisjoint(stems):
            raise InputError(f"{path.name!r} is an image that was given; choose another folder for results.")


def _frames(path: Path, options: Options) -> Iterator[tuple[int | None, io.Micrograph | Exception]]:
    """The frames of a file with their numbers, None for a single image; or what was wrong with it."""
    try:
        frames = io.read_frames(path, signal=options.signal)
        first = next(frames)
        second = next(frames, None)
    except (InputError, OSError, MemoryError) as error:
        yield None, error
        return
    if second is None:
        yield None, first
        return
    yield 0, first
    yield 1, second
    del first, second
    yield from enumerate(frames, start=2)
