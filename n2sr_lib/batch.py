"""Many images: one in, one file out, one small row back; and on top of that folders, patterns and stacks.

Every image is denoised by itself, whole or not at all, and never twice: what an earlier, interrupted call has
finished is kept. Of the images only one, and the stack it lies in, is in memory.
"""

import dataclasses
import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import __version__, io, trust_report
from .assess.remarks import plain
from .assess.suitability import Suitability, suitability
from .assess.trust import Error
from .checkpoint import remove
from .checks import check_image
from .data import array_hash
from .denoising import Denoised, apply, denoise
from .devices import choose_device
from .errors import InputError
from .fitted import Fitted, error_of, fits, keep, kept, risen
from .io.rows import read_rows, write_rows
from .presets import adapted, choose_preset
from .silence import DEAD

ROWS, FITTED = "n2sr.csv", "n2sr.fitted"
WARM = 0.25  # share of the preset's steps for a network that begins with the previous frame's weights

#: A column each of `ROWS`.
COLUMNS = (
    *("file", "frame", "status", "output", "level", "trained_on", "steps", "error", "error_se", "noise_a"),
    *("noise_variance", "height", "width", "pixel_size", "unit", "seconds", "message", "key"),
)


@dataclass(frozen=True)
class Options:
    """How a batch is denoised; all but `overwrite` and `report` decide the result.

    fit : "every": each image has its own network, as if given alone. "first": the first one's network is
        applied to all. N ≥ 2, a number: trained again at every N-th. With the last two it is also trained
        again where the error on unseen pixels has risen by `RISE`; such a training starts warm.
    adapt : let the suitability check choose the sub-sampler.
    """

    preset: str = "laptop"
    fit: str = "every"
    budget: float | None = None
    device: str = "auto"
    seed: int = 0
    signal: int | str | None = None
    adapt: bool = False
    report: bool = False
    overwrite: bool = False

    @property
    def period(self) -> float:
        """After how many images the network is trained again at the latest."""
        if self.fit in ("every", "first"):
            return 1 if self.fit == "every" else math.inf
        if not (self.fit.isascii() and self.fit.isdigit() and int(self.fit) > 0):
            raise InputError(
                f"--fit {self.fit!r} is unknown; choose first, every or a whole number such as 10"
            )
        return int(self.fit)

    @property
    def key(self) -> str:
        """What two batches must have in common for their results to be the same."""
        left_out = ("overwrite", "report")
        parts = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name not in left_out}
        return hashlib.sha256(json.dumps([__version__, parts]).encode()).hexdigest()[:16]


def run(
    given: list[Path | str], folder: Path, options: Options, say: Callable[[str], None] = lambda line: None
) -> list[dict]:
    """Denoise all images of a folder, a pattern or a stack into `folder`; failures do not stop it.

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
    if folder.suffix.lower() in io.WRITABLE and not folder.exists():
        raise InputError(f"{str(folder)!r} looks like a file; many images go into a folder, as 'denoised'.")
    options.period, choose_preset(options.preset), choose_device(options.device)  # refuse before any work
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{str(folder)!r} cannot be made a folder ({error.strerror}); choose another."
        ) from None
    rows, stems = [], io.stems(paths)
    fitted = None
    if options.period > 1:
        how = (options.preset, options.seed, options.device)
        fitted = kept(folder / FITTED, options.key, *how)
    table = {row["output"]: row for row in read_rows(folder / ROWS) if row.get("output")}
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
                more, fitted = denoise_one(image, output, options, fitted, name, origin=origin)
                row |= more
                if fitted is not None and row["status"] == "done" and options.period > 1:
                    keep(folder / FITTED, fitted, options.key)
            except Exception as error:  # one bad file must not cost the others
                what = "" if isinstance(error, InputError) else f"{type(error).__name__}: "
                row |= {"status": "failed", "message": what + " ".join(str(error).split())}
            row["seconds"] = round(time.monotonic() - begin, 1)
            table[row["output"]] = row
            write_rows(folder / ROWS, COLUMNS, table.values())
            rows.append(row)
            say(f"{path.name}{number}: {row['status']}{': ' + row['message'] if row.get('message') else ''}")
    return rows


def denoise_one(
    image: io.Micrograph,
    output: Path,
    options: Options,
    fitted: Fitted | None = None,
    name: str = "",
    *,
    origin: dict | None = None,
    progress: bool = False,
    warn: Callable[[str], None] = lambda text: None,
) -> tuple[dict, Fitted | None]:
    """One image in, one file out, one small row back; a second call with the same options does nothing.

    Parameters
    ----------
    output : .tif, .hspy or .npy; it appears whole or not at all. A .npy does not say what made it, so that
        a second call refuses to replace it.
    fitted : the network of the images before, if there is one.
    origin : where the image comes from, noted in the settings that the output holds.
    progress : show progress bars.
    warn : is told, before any long work, what the user should know of the image.

    Returns
    -------
    row : part of `COLUMNS`; of a new result also ``noise_mean``, ``device`` and, with a report, ``verdict``.
    fitted : the network to hand on, one image older or new.
    """
    sha256 = array_hash(image.image)
    key = hashlib.sha256(f"{sha256} {options.key}".encode()).hexdigest()[:16]
    reports = trust_report.paths_of(output) if options.report else []
    there = [path for path in reports if path.exists()]
    if (earlier := _earlier(output)) and earlier.get("key") == key and there == reports:
        return {"status": "kept", **earlier}, fitted
    io.check_writable(output, options.overwrite)
    if there and not options.overwrite:
        raise InputError(f"{str(there[0])!r} exists; choose another name, or add --overwrite.")
    y, filled = check_image(image.image)
    before = suitability(image.image)
    for text in _warnings(before):
        warn(text)
    preset = adapted(options.preset, before.sampler if options.adapt else {})
    checkpoint = output.with_name(f"{output.name}.checkpoint")
    result, new, error = None, False, None
    if fitted is not None and fitted.age + 1 < options.period and fits(fitted, preset):
        result = apply(fitted.result, y, progress=progress)
        error = error_of(y, result, before.noise)
        if risen(error, fitted.error):
            result = None
    if result is None:
        warm = fitted is not None and options.period > 1 and fits(fitted, preset)
        plan = preset.plan
        short = dataclasses.replace(plan, steps=math.ceil(WARM * plan.steps), epochs=WARM * plan.epochs)
        result = denoise(
            y,
            preset=dataclasses.replace(preset, plan=short) if warm else preset,
            budget=options.budget,
            device=options.device,
            seed=options.seed,
            checkpoint=checkpoint,
            progress=progress,
            start=fitted.result.network if warm else None,
        )
        if result.history.stopped == DEAD:
            raise InputError("the training died with this seed and the two after it; give another --seed")
        new, error = True, error_of(y, result, before.noise, held_out=True)
    nothing = np.empty((0, 0), np.float32)
    bare = dataclasses.replace(result, image=nothing, spread=nothing, out_of_bag=None)
    fitted = Fitted(bare, name, 0, error) if new else fitted._replace(age=fitted.age + 1)
    row = _row(before, result, fitted, error, image) | {"key": key}
    settings = {"version": __version__, "batch": row, **result.settings}
    settings |= {"preset": options.preset, "filled_pixels": filled}
    settings |= {"input": (origin or {}) | {"sha256": sha256}, "noise": _noise(before)}
    settings["instrument"] = {k: v for k, v in image.metadata.items() if k != "n2sr"}
    about = {"pixel_size": image.pixel_size, "unit": image.unit, "title": image.title}
    more = {"noise_mean": "" if before.noise is None else before.noise.mean}
    more["device"] = result.settings.get("device", "")
    io.write(output, result.image, **about, settings=settings, overwrite=options.overwrite)
    remove(checkpoint)
    if options.report:
        _, after = trust_report.examine(image.image, y, result, before)
        trust_report.write_report(reports, y, result, before, after, **about, settings=settings)
        more["verdict"] = str(after or before)
    return {"status": "done", **row, **more}, fitted


def _warnings(before: Suitability) -> list[str]:
    """What the user should know before the training: repaired pixels, noise that is not independent."""
    found = []
    if before.missing:
        found.append(f"{before.missing} NaN or infinite pixels were replaced by the median around them")
    if before.noise is None:
        found.append("the image has no pixel noise that could be measured; give raw data")
    elif not before.correlation.independent:
        found.append(before.correlation.advice)
    return found


def _noise(before: Suitability) -> dict:
    """What is recorded of the noise; an interval that is not determined ends in None."""
    if before.noise is None:
        return {}
    correlation = before.correlation
    more = {"independent": correlation.independent, "hx_hy": correlation.hx_hy}
    return plain(dataclasses.asdict(before.noise) | more)


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


def _row(before: Suitability, result: Denoised, fitted: Fitted, error: Error | None, image) -> dict:
    noise = before.noise
    return {
        "level": before.level,
        "trained_on": fitted.name,
        "steps": result.history.steps if fitted.age == 0 else 0,
        "error": "" if error is None else float(f"{error.estimate:.4g}"),
        "error_se": "" if error is None else float(f"{error.standard_error:.4g}"),
        "noise_a": "" if noise is None else float(f"{noise.a:.4g}"),
        "noise_variance": "" if noise is None else float(f"{noise.variance:.6g}"),
        "height": image.image.shape[0],
        "width": image.image.shape[1],
        "pixel_size": "" if image.pixel_size is None else image.pixel_size,
        "unit": image.unit or "",
    }


def _earlier(output: Path) -> dict | None:
    """The row of a file that an earlier call has written."""
    if not output.exists():
        return None
    try:
        settings = io.read(output).metadata["n2sr"]["settings"]
        settings = json.loads(settings) if isinstance(settings, str) else settings  # of a .hspy
        return dict(settings["batch"])
    except (InputError, KeyError, TypeError, ValueError):
        return None
