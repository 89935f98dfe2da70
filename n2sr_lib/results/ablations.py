"""The ablations (Tables II to IV, Figs. 8 to 12): their records as rows, and each in seconds, afresh."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from statistics import fmean, pstdev
from typing import NamedTuple

import numpy as np
import torch

from ..denoising import denoise
from ..experiments import CROP_SIDE
from ..experiments.ablation import UPSAMPLINGS
from ..experiments.run import LEVELS, Run
from ..metrics import data_range, psnr, ssim
from ..networks.build import build_network
from ..networks.macs import macs, table3_macs
from ..noise import add_noise
from ..runs.collect import found
from ..runs.execute import CURVE_POINTS, filtered, noisy_image
from ..runs.inputs import clean_image
from ..runs.outcomes import estimator, named, outcome
from ..runs.pictures import crop_image, crop_patches
from ..runs.queue import work_through
from ..runs.records import crop_bytes
from ..runs.specification import preset_of, specify
from ..studies import STUDIES

COST_SIDE = 128  # of the patch for which Table III counts MACs
SMOKE_IMAGE, SMOKE_PART = "ptceo2_a_white", (slice(360, 504), slice(360, 504))  # 144 = 2·72 = 3·48 = 4·36
#: What "fixed with MMSE" may mean (`studies.readings`): the mean over flips and turns is ours.
FIXED_READINGS = {
    "mmse": "mean over flips and turns (ours)",
    "out_of_bag": "the same, each pixel only where it was a target",
    "phases": "mean over the s² places",
    "both": "mean over places, flips and turns",
    "random": "random places, although trained on fixed ones",
}
#: Overrides that follow from others or are shared by a table.
UNSAID = {"plan.steps", "strategy.M", "strategy.flips"} | {
    f"network.{name}"
    for name in ("initial", "width", "widths", "features", "depth", "blocks", "window", "refinement")
}
HEAD = ["", "n"] + [f"{q}, {w}" for q in ("PSNR (dB)", "SSIM") for w in ("ours", "paper", "difference")]

Recorded = dict[Run, dict | None]


class Cost(NamedTuple):
    """What the network of a run costs for `COST_SIDE`² pixels of the full-size image."""

    parameters: int
    macs: int
    table3: int  # as Table III counts them


class Shown(NamedTuple):
    """A part of the images of one run, float32 (h, w), in the units of the clean image."""

    x: np.ndarray
    y: np.ndarray
    estimate: np.ndarray
    patches: list[np.ndarray]  # of a study, from the same upper left corner


def setting(run: Run, name: str, default: object) -> object:
    """What a run overrides a setting with, or the default."""
    return dict(run.overrides).get(name, default)


def sampling(run: Run) -> str:
    """``"random"`` or ``"fixed"``."""
    return str(setting(run, "strategy.sampling", "random"))


def upsampling(run: Run) -> str:
    """One of `experiments.ablation.UPSAMPLINGS`."""
    return str(setting(run, "network.upsampling", UPSAMPLINGS[0]))


def strategy_and_encoder(run: Run) -> tuple[str, str]:
    """One of the pairs of `experiments.encoders.ENCODER_SIZES`."""
    return run.method, str(setting(run, "network.encoder", "fbi-net" if run.method == "fbi" else "u-net"))


@cache
def cost(run: Run) -> Cost:
    """Parameters and MACs of the network of a run; nothing is computed and no weight is drawn."""
    preset = preset_of(specify(run))
    scale = getattr(preset.strategy, "s", 1)
    with torch.device("meta"):
        network = build_network(scale, 0, **preset.network)
    shape = (1, 1, COST_SIDE // scale, COST_SIDE // scale)
    parameters = sum(p.numel() for p in network.parameters())
    return Cost(parameters, macs(network, shape), table3_macs(network, shape))


def gather(
    table: Callable[[str], list[Run]],
    profile: str,
    run_missing: bool = False,
    study: str = "",
    part: tuple[slice, slice] = SMOKE_PART,
    curve: bool = True,
) -> Recorded:
    """The record of each run of a table, None where it is missing.

    In ``smoke`` those of image 1 at the middle level are executed here and now, on a part of a bundled sample
    instead and without any study but ``study``, which takes the longest; without ``curve`` their training is
    not watched.
    """
    runs = table(profile)
    if profile == "smoke":
        few = [run for run in runs if (run.image, run.a) == ("paper/1", LEVELS[0])]
        smaller = {"image": f"sample/{SMOKE_IMAGE}"}
        few = [replace(run, study=study if run.study == study else "", **smaller) for run in few]
        return {run: fresh(run, part, curve) for run in few}
    recorded = found(runs)
    if run_missing:
        work_through([run for run, record in recorded.items() if record is None])
        recorded = found(runs)
    return recorded


def best_on_record(table: Callable[[str], list[Run]]) -> str:
    """The profile from which a figure is drawn: `paper` if all its runs are recorded, else `laptop`."""
    return "paper" if all(found(table("paper")).values()) else "laptop"


def fresh(run: Run, part: tuple[slice, slice] = SMOKE_PART, curve: bool = True) -> dict:
    """Execute a run on a part of its sample: what a record would say, and a `Shown` as ``shown``."""
    specification = specify(run)
    x = np.ascontiguousarray(clean_image(run.image)[part])
    generator = torch.Generator().manual_seed(run.noise_seed)
    y = add_noise(torch.from_numpy(x), run.a, run.b, generator, run.model).numpy()
    drange = data_range(x)
    if run.kind == "classical":
        image, record = filtered(specification, x, y)
        return record | {"specification": specification, "shown": Shown(x, y, image, [])}
    preset = preset_of(specification)
    every = max(preset.plan.steps // CURVE_POINTS, 1)

    def scores(image: np.ndarray) -> list[float]:
        return [psnr(x, image, data_range=drange), ssim(x, image, data_range=drange)]

    watch = (every, scores) if curve else None
    done = denoise(y, preset=preset, device="cpu", seed=run.seed, progress=False, watch=watch)
    estimate = estimator(done, preset.plan.precision, "cpu")
    record = outcome(done, x, named(done, y, estimate, run.seed))
    patches: list[np.ndarray] = []
    if run.study:
        variance = run.a * x + run.b**2
        record["study"], patches = STUDIES[run.study](estimate, preset.strategy, x, y, variance)
    extra = {"specification": specification, "threads": torch.get_num_threads(), "device": "this machine"}
    return record | extra | {"shown": Shown(x, y, done.image, patches)}


def shown(record: dict | None) -> Shown | None:
    """The part of the images that a record kept, or None."""
    if record is None or "shown" in record:
        return record and record["shown"]
    png = crop_bytes(record)
    if png is None:
        return None
    top, left = record["crop"]["row"], record["crop"]["column"]
    part = (slice(top, top + CROP_SIDE), slice(left, left + CROP_SIDE))
    x, y = noisy_image(record["specification"])
    return Shown(x[part], y[part], crop_image(record, png), crop_patches(record, png))


def missing(recorded: Recorded) -> str:
    """One line that says which runs have no record."""
    lost = [run for run, record in recorded.items() if record is None]
    if not lost:
        return f"All {len(recorded)} runs are there."
    groups: dict[str, list[str]] = {}
    for run in lost:
        told = [pair for pair in run.overrides if pair[0] not in UNSAID]
        changed = [f"{name.split('.')[1]} = {value}" for name, value in told]
        method = [] if run.method == "noise2sr" else [run.method]
        seed = [f"seed {run.seed}"] if run.seed else []
        name = ", ".join([f"a = {run.a:g}", *method, *changed, *seed])
        groups.setdefault(name, []).append(run.image.rpartition("/")[2])
    said = "; ".join(f"{name}: image {' '.join(images)}" for name, images in groups.items())
    return f"{len(lost)} of {len(recorded)} runs have no record (RUN_MISSING = True computes them): {said}."


def chosen(recorded: Recorded, wanted: Callable[[Run], bool]) -> dict[str, dict]:
    """The records of the runs that are wanted, image -> record."""
    return {run.image: r for run, r in recorded.items() if r is not None and wanted(run)}


def differences(
    better: dict[str, dict],
    worse: dict[str, dict],
    value: Callable[[dict], float],
    other: Callable | None = None,
) -> list[float]:
    """One value less another (``other``, by default the same of ``worse``), image by image where both are."""
    other = other or value
    return [value(better[image]) - other(worse[image]) for image in better if image in worse]


def score(estimate: str = "mmse", name: str = "psnr") -> Callable[[dict], float]:
    """What to take of a record: PSNR or SSIM of an estimate; see `scores`."""

    def value(record: dict) -> float:
        return scores(record, estimate)[name]

    return value


def scores(record: dict, estimate: str = "mmse") -> dict:
    """PSNR and SSIM of an estimate, also of a reading of a study.

    What a method gives in the end is called ``"mmse"`` where it averages, Self2Self for one, and
    ``"estimate"`` where it does not; either name finds it.
    """
    known = record["result"] | record.get("study", {})
    other = {"mmse": "estimate", "estimate": "mmse"}.get(estimate, estimate)
    return known[estimate if estimate in known else other]


def rows(lines: Iterable[tuple[str, list[dict], dict | None]], complete: int) -> list[list[str]]:
    """Rows 'ours | paper | difference' below `HEAD`: mean ± population deviation.

    Parameters
    ----------
    lines : label, scores (``psnr``, ``ssim``) and the paper's row, or None where the paper gives no number.
    complete : how many scores are a whole; the mean over fewer is not compared.
    """
    listed = []
    for label, scores, theirs in lines:
        cells = [label, str(len(scores))]
        for name, digits in (("psnr", 2), ("ssim", 4)):
            ours = [s[name] for s in scores]
            if not ours:
                cells += ["", f"{float(theirs[name]):.{digits}f}" if theirs else "", ""]
                continue
            cells.append(
                f"{fmean(ours):.{digits}f}" + (f" ± {pstdev(ours):.{digits}f}" if len(ours) > 1 else "")
            )
            if theirs is None:
                cells += ["", ""]
                continue
            given, whole = float(theirs[name]), len(ours) == complete
            cells += [f"{given:.{digits}f}", f"{fmean(ours) - given:+.{digits}f}" if whole else ""]
        listed.append(cells)
    return listed
