"""Which files of folders and patterns are images, and how their results are named."""

import collections
import glob
import itertools
import os
import re
from pathlib import Path

from ..errors import InputError
from .readers import DIRECT

EXTENSIONS = (*DIRECT, ".dm3", ".dm4", ".emd", ".ser", ".mrc", ".hspy")  # not .emi: it is its .ser
MADE = ("_denoised", "_denoised_report")  # ends of the names of results and reports


def find_images(given: list[Path | str]) -> list[Path]:
    """The images of folders (not of those below), of patterns such as ``scans/*.dm4``, and single files.

    Of folders and patterns without what a batch has written there: results and their reports.

    Raises
    ------
    InputError
        If a folder or a pattern has none, or a folder may not be read. Whether a file that is named can
        be read, is seen later.
    """
    paths: list[Path] = []
    for text in (os.path.expanduser(str(one)) for one in given):
        if os.path.isdir(text):
            try:
                found = _images(p for p in Path(text).iterdir() if p.suffix.lower() in EXTENSIONS)
            except OSError:
                raise InputError(f"{text!r} may not be read; ask for permission to read it.") from None
            what = f"{text!r} is a folder without an image that can be read"
        elif os.path.exists(text) or not glob.has_magic(text):
            paths.append(Path(text))
            continue
        else:
            found = _images(map(Path, glob.glob(text, recursive=True)))
            what = f"no file matches {text!r}"
        if not found:
            raise InputError(f"{what}; give images, a folder of images or a pattern such as 'scans/*.dm4'")
        paths += found
    return list({os.path.abspath(path): path for path in paths}.values())


def _images(paths) -> list[Path]:
    made = (p for p in paths if p.is_file() and not p.stem.endswith(MADE))
    return sorted(p for p in made if not p.name.startswith("."))


def stems(paths: list[Path]) -> list[str]:
    """How the results of files are named: no two alike, by as little of a file's path as that needs.

    The frames of a stack, NAME_frame00000 and so on, count as alike to other files too. What paths cannot
    tell apart is numbered.
    """
    parts = [Path(os.path.abspath(path)).parts[1:] for path in paths]  # of a link, not of what it leads to
    names = [[path.stem for path in paths]]
    names += [["_".join(p[-k:]).replace(".", "_") for p in parts] for k in range(1, max(map(len, parts)) + 1)]
    counted = [collections.Counter(one) for one in names]
    taken, stacks = {}, set()
    for i, path in enumerate(paths):
        unique = (one[i] for one, count in zip(names, counted, strict=True) if count[one[i]] == 1)
        numbered = (f"{path.stem}_{n}" for n in itertools.count(1))
        for name in itertools.chain(unique, numbered):
            stack = re.sub(r"_frame\d+$", "", name)
            if not (name in taken or stack in taken or name in stacks):
                break
        taken[name] = path
        stacks.add(stack)
    return list(taken)


def default_output(given: Path, signal: int | str | None, frame: int | None) -> Path:
    """Where the result of an image file, or of one of its signals or frames, is written by default."""
    chosen = "".join(f"_{n}{k}" for n, k in (("signal", signal), ("frame", frame)) if k is not None)
    return given.with_name(f"{given.stem}{chosen.replace('/', '_')}_denoised.tif")


def default_folder(given: Path) -> Path:
    """Into which folder the results of a folder, a stack or the first of several files go by default."""
    if given.name in ("", ".."):  # the folder we are in, or one above
        given = Path(os.path.abspath(given))
    if not (given.name and os.path.exists(given)):
        return Path("denoised")
    return given.with_name(f"{given.name if os.path.isdir(given) else given.stem}_denoised")
