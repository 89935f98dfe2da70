"""One image in, one file out, one small row back: for a single image and for each of many."""

import dataclasses
import hashlib
import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import __version__, io, trust_report
from .assess.measured import Error
from .assess.remarks import plain
from .assess.suitability import Suitability, suitability
from .checkpoint import remove
from .checks import check_image
from .data import array_hash
from .denoising import Denoised, apply, denoise
from .errors import InputError
from .fitted import Fitted, error_of, fits, risen
from .presets import adapted
from .silence import DEAD

WARM = 0.25  # share of the preset's steps for a network that begins with the previous frame's weights


@dataclass(frozen=True)
class Options:
    """How images are denoised; all but `overwrite` and `report` decide the result.

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
    row : part of the columns of `batch`; of a new result also ``noise_mean``, ``device`` and, with a
        report, ``verdict``. Its ``status`` is "done", "kept", or "failed" where only the report is missing.
    fitted : the network to hand on, one image older or new.
    """
    sha256 = array_hash(image.image)
    about = {"pixel_size": image.pixel_size, "unit": image.unit, "title": image.title}
    key = hashlib.sha256(json.dumps([sha256, about, options.key]).encode()).hexdigest()[:16]
    reports = trust_report.paths_of(output) if options.report else []
    there = [path for path in reports if os.path.exists(path)]
    earlier = _earlier(output)
    ours = earlier.get("key") == key
    if ours and there == reports:
        return {"status": "kept", **earlier}, fitted
    io.check_writable(output, options.overwrite or ours)
    if there and not (options.overwrite or ours):
        raise InputError(f"{str(there[0])!r} exists; choose another name, or add --overwrite.")
    if not options.overwrite:  # of a report that was interrupted what is there stays
        reports = [path for path in reports if path not in there]
    y, filled = check_image(image.image)
    before = suitability(image.image)
    for text in _warnings(before):
        warn(text)
    checkpoint = output.with_name(f"{output.name}.checkpoint")
    result, fitted, error = _handed_on_or_trained(
        y, before, options, fitted, (name, key), checkpoint, progress
    )
    row = _row(before, result, fitted, error, image) | {"key": key}
    settings = {"version": __version__, "batch": row, **result.settings}
    settings |= {"preset": options.preset, "filled_pixels": filled}
    settings |= {"input": (origin or {}) | {"sha256": sha256}, "noise": _noise(before)}
    settings["instrument"] = {k: v for k, v in image.metadata.items() if k != "n2sr"}
    more = {"noise_mean": "" if before.noise is None else before.noise.mean}
    more["device"] = result.settings.get("device", "")
    ours = ours or _earlier(output).get("key") == key  # another call may have been faster
    io.write(output, result.image, **about, settings=settings, overwrite=options.overwrite or ours)
    if options.report:
        try:
            _, after = trust_report.examine(image.image, y, result, before)
            trust_report.write_report(reports, y, result, before, after, **about, settings=settings)
        except Exception as error:  # it must not cost the network that is handed on
            why = " ".join(f"{type(error).__name__}: {error}".split())
            told = f"the image is written, but not its report ({why}); give the same command again"
            return {"status": "failed", **row, "message": told}, fitted
        more["verdict"] = str(after or before)
    remove(checkpoint)  # not sooner: without its report the image is not done
    return {"status": "done", **row, **more}, fitted


def _handed_on_or_trained(
    y: np.ndarray,
    before: Suitability,
    options: Options,
    fitted: Fitted | None,
    named: tuple[str, str],
    checkpoint: Path,
    progress: bool,
) -> tuple[Denoised, Fitted, Error | None]:
    """The result, the network to hand on and the error: of the handed-on network where it still serves."""
    preset = adapted(options.preset, before.sampler if options.adapt else {})
    fitting = fitted is not None and fits(fitted, preset)
    if fitting and fitted.age + 1 < options.period:
        result = apply(fitted.result, y, progress=progress)
        error = error_of(y, result, before.noise)
        if not risen(error, fitted.error):
            return result, fitted._replace(age=fitted.age + 1), error
    warm = fitting and options.period > 1
    if warm:
        plan = preset.plan
        short = dataclasses.replace(plan, steps=math.ceil(WARM * plan.steps), epochs=WARM * plan.epochs)
        preset = dataclasses.replace(preset, plan=short)
    result = denoise(
        y,
        preset=preset,
        budget=options.budget,
        device=options.device,
        seed=options.seed,
        checkpoint=checkpoint,
        progress=progress,
        start=fitted.result.network if warm else None,
    )
    if result.history.stopped == DEAD:
        remove(checkpoint)  # it would refuse the other seed
        raise InputError("the training died with this seed and the two after it; give another --seed")
    error = error_of(y, result, before.noise, held_out=True)
    nothing = np.empty((0, 0), np.float32)
    bare = dataclasses.replace(result, image=nothing, spread=nothing, out_of_bag=None)
    return result, Fitted(bare, *named, 0, error), error


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


def _earlier(output: Path) -> dict:
    """The row of a file that an earlier call has written."""
    if not os.path.exists(output):
        return {}
    try:
        settings = io.read(output).metadata["n2sr"]["settings"]
        settings = json.loads(settings) if isinstance(settings, str) else settings  # of a .hspy
        return dict(settings["batch"])
    except (InputError, KeyError, TypeError, ValueError):
        return {}
