"""Notebook 03: the records of the experimental images and the simulated pair as rows and pictures."""

from dataclasses import replace
from statistics import fmean, stdev

import numpy as np
import torch

from .. import real
from ..experiments import noise2atom
from ..experiments import real as runs
from ..experiments.micrographs import DOSES, HIGH_DOSE, SAMPLERS, UNTOLD, paired
from ..experiments.run import Run
from ..experiments.sequences import REAL
from ..experiments.zero_shot import RIVALS
from ..methods import preset_for
from ..noise import add_noise
from ..presets import Preset
from ..runs.collect import found
from ..runs.pictures import crop_image
from ..runs.queue import work_through
from ..runs.records import crop_bytes
from ..simulated import crystals
from . import massive
from .ablations import fresh, score, shown
from .rivals import LABELS

Recorded = dict[Run, dict | None]
psnr = score()  # of the final estimate of a record
NAMES = {"noisy": "noisy image", "constant": "a constant", "noise2sr": "Noise2SR"}
NAMES |= {m: LABELS[m].removesuffix(", noise estimated").removesuffix("*") for m in (*UNTOLD[2:], *RIVALS)}
#: `smoke`: a stand-in for a series, two frames of a part of a simulated crystal, and a part of the pair.
STAND_IN, STAND_IN_SIDE = "a simulated stand-in", 96
SMOKE_PART = (slice(0, 192), slice(0, 192))
SMOKE_REAL = ("noisy", "constant", "gaussian_blur", "noise2sr")
SMOKE_PAIR = {
    "crystal/te": ("gaussian_blur", "fourier_wiener"),
    "crystal/framework": ("gaussian_blur", "fourier_wiener", "noise2sr"),
}
SMOKE_STEPS = 20  # of the stand-in


def name_of(run: Run) -> str:
    """The method of a run, as tables call it."""
    sampler = next(label for label, overrides in SAMPLERS.items() if overrides == run.overrides)
    return NAMES[run.method] + (f", {sampler}" if run.overrides else "")


def label_of(image: str) -> str:
    """An image, as tables call it."""
    crystal = {"crystal/te": "Te", "crystal/framework": "SiO₂ framework"}
    return real.SOURCES[image].label if image in real.SOURCES else crystal.get(image, image)


def gather(profile: str, run_missing: bool = False) -> tuple[Recorded, str]:
    """The record of each run of the table ``real``, None where it is missing, and one line that says so.

    In ``smoke`` a few methods are executed here and now, on simulated images only.
    """
    if profile == "smoke":
        return _fresh(), "executed afresh, on simulated images only"
    recorded = found(runs(profile))
    if run_missing:
        work_through([run for run, record in recorded.items() if record is None])
        recorded = found(recorded)
    if not recorded:
        return {}, f"there are no runs of profile {profile!r}"
    lost: dict[str, int] = {}
    for run, record in recorded.items():
        if record is None:
            lost[label_of(run.image)] = lost.get(label_of(run.image), 0) + 1
    if not lost:
        return recorded, f"all {len(recorded)} runs are there"
    said = ", ".join(f"{label} {n}" for label, n in lost.items())
    whole = f"{sum(lost.values())} of {len(recorded)} runs have no record"
    return recorded, f"{whole} (RUN_MISSING = True computes them): {said}"


def _fresh() -> Recorded:
    x = torch.from_numpy(crystals.crystal("framework").image[:STAND_IN_SIDE, :STAND_IN_SIDE])
    generator = torch.Generator().manual_seed(0)
    frames = np.stack([add_noise(x, 0.3, 0.0, generator, "poisson").numpy() for _ in range(2)])
    source, recorded = real.Source(STAND_IN, crystals.PIXEL, frames=2), {}
    for method in SMOKE_REAL:
        preset = None if method in real.FILTERS else _tiny(method)
        estimates, unseen = real.estimate(method, frames, preset, device="cpu", seed=0, progress=False)
        result = real.measure(estimates, frames, unseen, source)
        recorded[Run("real", "smoke", method, STAND_IN)] = {"result": result, "picture": estimates[0]}
    for image, methods in SMOKE_PAIR.items():
        for method in methods:
            run = paired(image, method, profile="smoke")
            record = fresh(run, SMOKE_PART, curve=False)
            part = record["shown"]
            names = ("there", "missing", "visibility")
            seen = {"noisy": part.y, "estimate": part.estimate}
            record["columns"] = {
                k: dict(zip(names, crystals.visibility(v, image[8:]), strict=True)) for k, v in seen.items()
            }
            recorded[run] = record
    return recorded


def _tiny(method: str) -> Preset:
    preset = preset_for(method, "smoke")
    return replace(preset, plan=replace(preset.plan, steps=SMOKE_STEPS))


def picture(record: dict) -> np.ndarray:
    """What a record keeps of its estimate, (h, w)."""
    if "picture" in record:
        return record["picture"]
    if "shown" in record:
        return shown(record).estimate
    return crop_image(record, crop_bytes(record))


def pair_images(image: str, part: tuple[slice, slice]) -> dict[str, np.ndarray]:
    """A simulated crystal: noisy at low dose (that of seed 0), at high dose, and clean."""
    x = torch.from_numpy(crystals.crystal(image[8:]).image)

    def draw(a: float, seed: int) -> np.ndarray:
        return add_noise(x, a, 0.0, torch.Generator().manual_seed(seed), "poisson").numpy()[part]

    a = DOSES[image]
    return {"low dose": draw(a, 0), "high dose": draw(a / HIGH_DOSE, 100), "clean": x.numpy()[part]}


# Tables


def _number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def image_rows(recorded: Recorded, image: str) -> list[list[str]]:
    """One experimental image: a row a method below `IMAGE_HEAD`."""
    rows = []
    for run, record in recorded.items():
        if run.kind != "real" or run.image != image or record is None:
            continue
        r = record["result"]
        error = "–" if r["error"] is None else f"{r['error']:.3f} ± {r['error_se']:.3f}"
        kept = "" if "kept" not in r else _number(r["kept"]) + f" ± {_number(r['kept_se'])}"
        spots = f"{r['invented']:.0f}, {r['lost']:.0f}"
        correlation = f"{_number(r['row'])}, {_number(r['column'])}"
        rows.append([name_of(run), _number(r["removed"], 3), correlation, spots, error, kept])
    return rows


IMAGE_HEAD = (
    *("", "removed (noise variance = 1)", "its correlation along rows, columns", "spots invented, lost"),
    *("estimated error", "height of single atoms kept"),
)


def series_rows(recorded: Recorded, image: str = REAL) -> list[list[str]]:
    """The series, leave one out: a row a method below `SERIES_HEAD`."""
    rows = []
    for run, record in recorded.items():
        if run.kind == "real" and run.image == image and record is not None:
            r = record["result"]
            each = " ".join(f"{v:.3f}" for v in r["agreement"])
            mean = f"{r['effect']:.3f} ± {r['spread']:.3f}"
            rows.append([name_of(run), each, mean, f"{fmean(r['css']):.3f}", _number(r["stability"])])
    return rows


SERIES_HEAD = (
    *("", "correlation of each frame with the mean of the others", "mean ± deviation", "CSS"),
    "column positions between frames (pixels)",
)


def binned_rows() -> list[list[str]]:
    """CSS and agreement on the same series, 3×3 pixels to one, from the records of notebook 12."""
    groups: dict[str, list[dict]] = {}
    for run, record in found(noise2atom("laptop")).items():
        if run.image == REAL and record is not None:
            options = dict(run.overrides)
            patches = f", patches of {options['crop']}" if "crop" in options else ""
            groups.setdefault(massive.LABELS[options["method"]] + patches, []).append(record["result"])
    return [
        [m, *(f"{fmean(r[k] for r in results):.3f}" for k in ("effect", "agreement"))]
        for m, results in groups.items()
    ]


def pair_rows(recorded: Recorded, image: str) -> list[list[str]]:
    """A simulated crystal: a row a method below `PAIR_HEAD`, mean ± deviation over seeds."""
    lines: dict[str, list[dict]] = {}
    for run, record in recorded.items():
        if run.image == image and record is not None:
            lines.setdefault(NAMES[run.method], []).append(record)

    def cell(values: list[float], digits: int) -> str:
        return f"{fmean(values):.{digits}f}" + (f" ± {stdev(values):.{digits}f}" if len(values) > 1 else "")

    rows = []
    for name, records in lines.items():
        seen = [r["columns"]["estimate"] for r in records]
        contrasts = [cell([s[k] for s in seen], 3) for k in ("there", "missing")]
        visible = cell([s["visibility"] for s in seen], 1)
        rows.append([name, str(len(records)), cell([psnr(r) for r in records], 2), *contrasts, visible])
    if rows:
        first = next(iter(lines.values()))[0]
        noisy, truth = (
            first["columns"]["noisy"],
            crystals.visibility(crystals.crystal(image[8:]).image, image[8:]),
        )
        numbers = [f"{noisy[k]:.3f}" for k in ("there", "missing")] + [f"{noisy['visibility']:.1f}"]
        noise = f"{first['result']['noisy']['psnr']:.2f}"
        rows = [["noisy image", "1", noise, *numbers], *rows]
        rows.append(["clean image", "", "", f"{truth[0]:.3f}", f"{truth[1]:.3f}", f"{truth[2]:.0f}"])
    return rows


PAIR_HEAD = (
    *("", "n", "PSNR (dB)", "contrast of columns", "where one is missing"),
    "difference (deviations of a site)",
)
