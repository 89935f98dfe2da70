"""Table I and what stands beside it: which records make a row, and their images, profiles and spectra."""

from functools import cache
from statistics import fmean
from typing import NamedTuple

from ..experiments import CROP_SIDE, CROPS, table1, table1_rivals, table1_sets
from ..experiments.run import IMAGES, LEVELS, PAIR, READOUT, TRAINING_SEEDS, Run, noise2sr, short
from ..experiments.zero_shot import FILTERS, SEEDED
from ..runs.collect import found
from ..runs.inputs import clean_image
from . import ablations, profiles, transfer
from .ablations import Recorded, Shown, scores

FULL, SHARED = "noise2sr", "noise2sr, shared plan"
#: The plans of Noise2SR, with both of which a verdict has to hold in `laptop`.
PLANS = {SHARED: "with the shared plan", FULL: "with its own"}
#: What `smoke` executes afresh, and where: four columns of a surface row and the vacuum above them.
SMOKE = ("adaptive_wiener", "gaussian_blur", "fourier_wiener", "noise2self", "neighbor2neighbor")
SMOKE_PART = (slice(96, 240), slice(500, 692))


class Row(NamedTuple):
    """A row of Table I: its name, the cell (`cell`) and estimate of its records, and the paper's name."""

    label: str
    cell: str
    estimate: str = "estimate"
    paper: str = ""


ROWS = (
    Row("noisy image", FULL, "noisy", "Noisy"),
    Row("adaptive Wiener filter", "adaptive_wiener", paper="Adaptive Wiener"),
    Row("VST+BM3D, noise given", "vst_bm3d", paper="VST+BM3D"),
    Row("VST+BM3D, noise estimated", "vst_bm3d_estimated", paper="VST+BM3D"),
    Row("Gaussian blur", "gaussian_blur"),
    Row("Fourier Wiener filter", "fourier_wiener"),
    Row("non-local means", "non_local_means"),
    Row("wavelets", "wavelet"),
    Row("Neighbor2Neighbor*, at the size it learned at", "neighbor2neighbor", "parts"),
    Row("Neighbor2Neighbor*", "neighbor2neighbor", paper="Neighbor2Neighbor*"),
    Row("Noise2Self*", "noise2self", paper="Noise2Self*"),
    Row("Self2Self", "self2self", paper="Self2Self"),
    Row("FBI-Denoiser", "fbi", paper="FBI-Denoiser"),
    Row("ZS-Noise2Noise", "zs_noise2noise", paper="ZS-Noise2Noise"),
    Row("Noise2SR (M=1), shared plan", SHARED, "single"),
    Row("Noise2SR (MMSE), shared plan", SHARED, "mmse"),
    Row("Noise2SR (M=1)", FULL, "single", "Noise2SR (M=1)"),
    Row("Noise2SR (MMSE)", FULL, "mmse", "Noise2SR (MMSE)"),
)
#: Rows of the methods that are trained on a set: ours is simulated, the paper's is that of Mohan et al.
SET_ROWS = (
    Row("Noise2Self, trained on a set", "noise2self_set", paper="Noise2Self"),
    Row("Neighbor2Neighbor, trained on a set", "neighbor2neighbor_set", paper="Neighbor2Neighbor"),
    Row("Noise2Noise, one pair an image", "noise2noise_pair", paper="Noise2Noise"),
    Row("Noise2Noise, fresh pairs", "noise2noise", paper="Noise2Noise"),
    Row("supervised (SBD)", "supervised", paper="SBD"),
    Row("Noise2SR, trained on a set", "noise2sr_set"),
)
LABELS = {row.cell: row.label for row in (*ROWS, *SET_ROWS)}

HEAD = [*ablations.HEAD, "seconds", "threads × runs at once"]
Grid = dict[tuple[str, float], dict[str, dict]]  # (cell, a) -> image -> record


def cell(run: Run) -> str:
    """The method of a run; Noise2SR has two cells, its own plan's and that of the plan all methods share."""
    shared = run.method == FULL and "plan.steps" in dict(run.overrides)
    return SHARED if shared else run.method


def runs(profile: str) -> list[Run]:
    """All runs of Table I that need no training data; `smoke`: a few methods on one image."""
    if profile == "smoke":
        ours = [Run(profile=profile, image=IMAGES[0])]
        return ours + [
            Run("classical" if method in FILTERS else "denoise", profile, method, IMAGES[0])
            for method in SMOKE
        ]
    shared = [short(profile, image, a) for a in LEVELS for image in IMAGES]
    return list(dict.fromkeys([*table1(profile), *shared, *table1_rivals(profile)]))


def set_runs(profile: str) -> list[Run]:
    """The runs of Table I with a training set; none in `smoke`."""
    everything = table1_sets(profile) if profile != "smoke" else []
    return [run for run in everything if run.kind == "pretrained" and run.image in IMAGES]


def gather_sets(profile: str, run_missing: bool = False) -> Recorded:
    """The record of each run of `set_runs`, None where it is missing."""
    return ablations.gather(set_runs, profile, run_missing)


def gather(profile: str, run_missing: bool = False) -> Recorded:
    """The record of each run of `runs`, None where it is missing; `smoke` executes them here and now."""
    return ablations.gather(runs, profile, run_missing, part=SMOKE_PART)


def grid(recorded: Recorded) -> Grid:
    """The records by method, level and image."""
    cells: Grid = {}
    for run, record in recorded.items():
        if record is not None:
            cells.setdefault((cell(run), run.a), {})[run.image] = record
    return cells


def missing(recorded: Recorded) -> str:
    """A line a level that says which methods lack records."""
    lines = []
    for a in LEVELS:
        names = [cell(run) for run, record in recorded.items() if run.a == a and record is None]
        if names:
            said = ", ".join(f"{name} ({names.count(name)})" for name in dict.fromkeys(names))
            lines.append(f"a = {a:g}: no record yet of {len(names)} runs: {said}")
    return "\n".join(lines) or f"All {len(recorded)} runs are there."


def seconds(record: dict, estimate: str) -> float:
    """Training and prediction of one estimate."""
    share = 1 / record.get("M", 1) if estimate == "single" else 1
    return record.get("train_seconds", 0.0) + share * record["predict_seconds"]


def rows(recorded: Recorded, paper: list[dict], a: float, complete: int) -> list[list[str]]:
    """Rows of Table I at one level below `HEAD`; see `ablations.rows`.

    Parameters
    ----------
    paper : rows of ``data/paper/table1.csv``.
    complete : images of a whole mean; only that is compared with the paper's.
    """
    cells, known = grid(recorded), {cell(run) for run in recorded}
    theirs = {(row["method"], float(row["a"])): row for row in paper}
    listed = [row for row in (*ROWS, *SET_ROWS) if row.cell in known]
    records = [list(cells.get((row.cell, a), {}).values()) for row in listed]
    each = [[scores(r, row.estimate) for r in found] for row, found in zip(listed, records, strict=True)]
    lines = [(row.label, s, theirs.get((row.paper, a))) for row, s in zip(listed, each, strict=True)]
    taken = [
        _clock(fmean(seconds(r, row.estimate) for r in found)) if found and row.estimate != "noisy" else ""
        for row, found in zip(listed, records, strict=True)
    ]
    by = [machines(found) if time else "" for found, time in zip(records, taken, strict=True)]
    return [[*line, *rest] for line, *rest in zip(ablations.rows(lines, complete), taken, by, strict=True)]


def _clock(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def machines(records: list[dict]) -> str:
    """Who needed the seconds: processor (its maker), threads of a run, runs at once; empty: this machine."""
    names = {
        f"{r['device'].partition('(')[0].strip()} {r['threads']} × {r['jobs']}"
        for r in records
        if "jobs" in r  # not where it was executed afresh
    }
    return ", ".join(sorted(names))


def ranked(cells: Grid, a: float, complete: int = 5) -> list[str]:
    """The methods beside Noise2SR that have so many images at a level, best mean PSNR first."""
    means = {
        name: fmean(scores(r)["psnr"] for r in images.values())
        for (name, level), images in cells.items()
        if level == a and name not in (FULL, SHARED) and len(images) == complete
    }
    return sorted(means, key=means.get, reverse=True)


def over_seeds() -> dict[str, dict[str, list[float]]]:
    """PSNR of each training seed in `laptop`, a = 0.05: method -> image 1 or 2 -> a value a seed."""
    wanted = [
        run
        for image in PAIR
        for seed in TRAINING_SEEDS
        for run in (
            short("laptop", image, seed=seed),
            noise2sr("laptop", image, seed=seed),
            *(Run(method=method, image=image, seed=seed) for method in SEEDED),
        )
    ]
    values: dict[str, dict[str, list[float]]] = {}
    for run, record in found(wanted).items():
        if record is not None:
            values.setdefault(cell(run), {}).setdefault(run.image, []).append(scores(record)["psnr"])
    return values


def pictures(recorded: Recorded) -> dict[str, dict[str, Shown]]:
    """What records keep of their images at the middle level: image -> cell -> part."""
    kept: dict[str, dict[str, Shown]] = {}
    for run, record in recorded.items():
        if run.a == LEVELS[0] and (part := ablations.shown(record)):
            kept.setdefault(run.image, {})[cell(run)] = part
    return kept


@cache
def surface(image: str) -> profiles.Line:
    """The line of Fig. 5 in the part of an image that is kept."""
    part = SMOKE_PART
    if image in CROPS:
        part = tuple(slice(start, start + CROP_SIDE) for start in CROPS[image])
    return profiles.surface_line(clean_image(image), part)


def profile_errors(image: str, part: Shown) -> profiles.Errors:
    """Peak and trough errors of one estimate along the line of its image."""
    return profiles.errors(part.x, part.estimate, surface(image))


def fine_detail(part: Shown) -> tuple[float, float]:
    """How much of the finest detail an estimate keeps (`transfer.fine`), and the standard error."""
    rings = transfer.radial(part.x, part.estimate)
    noise = LEVELS[0] * float(part.x.mean()) + READOUT**2
    return transfer.kept(rings, transfer.fine(rings, noise))
