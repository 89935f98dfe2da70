"""Stacks of images in notebook 11: their records, or the same in seconds, afresh; and the claims C31 to C39.

The claims are of the autoencoder's paper (003), which gives few numbers: the functions below say what each
claim is read as.
"""

from collections.abc import Callable
from functools import cache
from statistics import fmean, stdev

from . import series
from .characters import composed
from .errors import InputError
from .experiments import BOTTLENECKS, Run, bottleneck, cjk, tracking
from .io import font
from .runs.collect import found
from .runs.pictures import picture_of
from .runs.queue import work_through
from .runs.records import crop_bytes
from .verdicts import BEST_FIRST, FOUND, IN_PART, NOT_FOUND, NOT_TESTABLE, Finding, above_zero

Recorded = dict[Run, dict | None]
SMOKE: dict[str, dict] = {
    "characters": {"count": 96, "test": 8, "steps": 8, "batch": 8},
    "moving_atoms": {"frames": 32, "size": 64, "crop": 64, "steps": 8, "batch": 4},
}
FEW = ((0x4E00, 0x4EFF),)  # ideographs that are drawn in smoke
EARLY = series.POINTS // 5 - 1  # the point of the curve at a fifth of the steps
SIMILAR = 1.0  # dB


def gather(table: Callable[[str], list[Run]], profile: str, run_missing: bool = False) -> Recorded:
    """The record of each run of a table, None where it is missing; in ``smoke`` seed 0, here and now."""
    if profile == "smoke":
        return {run: fresh(run) for run in table("laptop") if run.seed == 0}
    recorded = found(table(profile))
    if run_missing:
        work_through([run for run, record in recorded.items() if record is None])
        recorded = found(table(profile))
    return recorded


@cache  # what two figures ask for is one run
def fresh(run: Run) -> dict:
    """What a record would say of a run with the sizes of `SMOKE`, and its picture."""
    images = [some_characters()[0]] if run.image else []
    options = dict(run.overrides) | SMOKE[run.method]
    result, picture = getattr(series, run.method)(run.seed, *images, **options)
    return {"result": result, "picture": picture}


def some_characters():
    """A few characters of the font, or composed ones where there is none; and what they are."""
    try:
        return font.characters(blocks=FEW)[0], "ideographs of WenQuanYi Zen Hei"
    except InputError as missing:
        return composed(200, 0), f"composed strokes, since {missing}"


def picture(record: dict) -> series.Picture:
    """The rows of images that a run kept."""
    return record["picture"] if "picture" in record else picture_of(record, crop_bytes(record))


def missing(recorded: Recorded) -> str:
    """One line that says how many runs have no record."""
    lost = [str(run) for run, record in recorded.items() if record is None]
    if not lost:
        return f"All {len(recorded)} runs are there."
    return f"{len(lost)} of {len(recorded)} runs have no record (RUN_MISSING = True computes them)."


def named(run: Run) -> dict[str, object]:
    """The options by which the runs of a table differ."""
    known = ("method", "outputs", "channels", "error")
    return {name: value for name, value in run.overrides if name in known}


def results(recorded: Recorded, **options) -> list[dict]:
    """The results of the runs with exactly these options, in order of their seeds; none if one is missing."""
    chosen = [record for run, record in recorded.items() if named(run) == options]
    return [] if None in chosen else [record["result"] for record in chosen]


def steps_to(curve: list[list[float]], level: float) -> float:
    """The first step of a curve (step, seconds, L1, …) at which L1 is at most `level`."""
    return next((point[0] for point in curve if point[2] <= level), float("inf"))


def _complete(table: Callable[[str], list[Run]]) -> tuple[str, Recorded]:
    """The best profile for which a whole table is recorded, and its records; none: an empty name."""
    for profile in BEST_FIRST:
        recorded = found(table(profile))
        if recorded and None not in recorded.values():
            return profile, recorded
    return "", {}


def _finding(holds: list[bool], effect: str, values: list[float], over: str, recorded: Recorded) -> Finding:
    verdict = FOUND if all(holds) else IN_PART if any(holds) else NOT_FOUND
    keys = tuple(record["key"] for record in recorded.values())
    return Finding(verdict, effect, f"± {stdev(values):.2f}", f"{len(values)} seeds ({over})", keys)


def _bottleneck() -> dict[str, Finding]:
    """C31: 64 channels show more of a single atom than 1 after a fifth of the steps; a rougher background."""
    profile, recorded = _complete(bottleneck)
    if not profile:
        return {}
    few, many = (results(recorded, **({"channels": c} if c != 64 else {})) for c in BOTTLENECKS[::3])
    pairs = list(zip(many, few, strict=True))
    early = [m["curve"][EARLY][4] - f["curve"][EARLY][4] for m, f in pairs]
    rough = [m["curve"][-1][3] / f["curve"][-1][3] - 1 for m, f in pairs]
    effect = f"height of single atoms early {fmean(early):+.2f}, background error {100 * fmean(rough):+.0f} %"
    holds = [above_zero(early), above_zero(rough)]
    return {"C31": _finding(holds, effect + " (64 against 1 channel)", early, profile, recorded)}


def _characters() -> dict[str, Finding]:
    """C32: PSNR within 1 dB. C33: the illegal one correlates less. C34: fewer steps to the same L1."""
    profile, recorded = _complete(cjk)
    if not profile:
        return {}
    ours, single, rival = (results(recorded, **o) for o in ({}, {"outputs": 1}, {"method": "noise2self"}))
    psnr = [a["psnr"] - b["psnr"] for a, b in zip(ours, rival, strict=True)]
    picked = [b["illegal_correlation"] - a["illegal_correlation"] for a, b in zip(ours, rival, strict=True)]
    sooner = []
    for a, b in zip(ours, single, strict=True):
        level = max(a["curve"][-1][2], b["curve"][-1][2])
        sooner.append(steps_to(b["curve"], level) / steps_to(a["curve"], level))
    said = (
        ("C32", [abs(fmean(psnr)) <= SIMILAR], f"{fmean(psnr):+.2f} dB against Noise2Self", psnr),
        ("C33", [above_zero(picked)], f"correlation {-fmean(picked):+.2f} against Noise2Self", picked),
        (
            "C34",
            [above_zero([ratio - 1 for ratio in sooner])],
            f"{fmean(sooner):.2f} times the steps without the extra outputs",
            sooner,
        ),
    )
    return {name: _finding(holds, text, v, profile, recorded) for name, holds, text, v in said}


def _tracking() -> dict[str, Finding]:
    """C37: single atoms are found nearer to the truth than in the noisy frames after a matched filter."""
    profile, recorded = _complete(tracking)
    if not profile:
        return {}
    each = [record["result"] for record in recorded.values()]
    better = [result["effect"] for result in each]
    before, after = (fmean(result[f"{name}_mean"] for result in each) for name in ("blurred", "estimated"))
    effect = f"{after:.2f} pixels off, {before:.2f} in the noisy frames with a matched filter"
    return {"C37": _finding([above_zero(better)], effect, better, profile, recorded)}


def findings() -> dict[str, Finding]:
    """The claims about the autoencoder that records bear on, and those that cannot be tested here."""
    vgg = "needs the weights of VGG19 trained on photographs, which no package of this project brings"
    return _bottleneck() | _characters() | _tracking() | {"C39": Finding(NOT_TESTABLE, over_what=vgg)}
