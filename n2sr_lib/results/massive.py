"""Notebooks 11 to 13: records of stacks and series, or the same in seconds, afresh; claims C30 to C40.

The claims are of the papers 002 and 003, which give few numbers: the functions below say what each claim is
read as.
"""

import math
from collections.abc import Callable
from functools import cache
from statistics import fmean, stdev

from .. import series, theory
from ..errors import InputError
from ..experiments import (
    BOTTLENECKS,
    FILTERED,
    LENGTHS,
    PATCHES,
    REAL,
    STAND_INS,
    TRAINED,
    Run,
    bottleneck,
    cjk,
    noise2atom,
    patches,
    stand_ins,
    tracking,
)
from ..io import font
from ..runs.collect import found
from ..runs.pictures import picture_of
from ..runs.queue import work_through
from ..runs.records import crop_bytes
from ..simulated.characters import composed
from ..stacks import POINTS
from .verdicts import BEST_FIRST, FOUND, IN_PART, NOT_FOUND, NOT_TESTABLE, Finding, K, above_zero

Recorded = dict[Run, dict | None]
#: Sizes of smoke; of numbers that a run gives itself the smaller one.
SMOKE: dict[str, dict] = {
    "characters": {"count": 96, "test": 8, "steps": 4, "batch": 8},
    "atoms": {"frames": 2, "side": 64, "crop": 64, "steps": 4, "batch": 2, "preset": "smoke"},
    "stand_in": {"frames": 4, "side": 64, "crop": 64, "steps": 4, "batch": 2},
}
LEAST = 16  # frames of a series in which something has to happen
FEW = ((0x4E00, 0x4EFF),)  # ideographs that are drawn in smoke
EARLY = POINTS // 5 - 1  # the point of the curve at a fifth of the steps
SIMILAR = 1.0  # dB
KEPT = 0.1  # by so much an intensity may change and still be kept
FINITE = 0.05  # share of a change that finite steps may leave


def gather(table: Callable[[str], list[Run]], profile: str, run_missing: bool = False) -> Recorded:
    """The record of each run of a table, None where it is missing; in ``smoke`` seed 0, here and now."""
    if profile == "smoke":
        return {run: fresh(run) for run in table("laptop") if run.seed == 0 and run.image != REAL}
    recorded = found(table(profile))
    if run_missing:
        work_through([run for run, record in recorded.items() if record is None])
        recorded = found(table(profile))
    return recorded


def fresh(run: Run) -> dict:
    """What a record would say of a run with the sizes of `SMOKE`, and its picture."""
    if run.kind == "theory":
        return _fresh("", run.method, run.seed, (("steps", 15),))
    given, smoke = dict(run.overrides), dict(SMOKE[run.method])
    if given.get("scene") == "moving":
        smoke["frames"] = LEAST
    for name, value in smoke.items():
        smoke[name] = min(value, given.get(name, value)) if isinstance(value, int) else value
    if "fitted" in given:
        smoke["fitted"] = 1
    return _fresh(run.image, run.method, run.seed, tuple((given | smoke).items()))


@cache  # what two figures ask for is one run
def _fresh(image: str, method: str, seed: int, options: tuple) -> dict:
    if method == "eq13":
        return {"result": theory.eq13(seed, **dict(options))}
    result, picture = getattr(series, method)(
        seed, *([some_characters()[0]] if image else []), **dict(options)
    )
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
    lost = sum(record is None for record in recorded.values())
    if not recorded:
        return "There are no runs of this profile: the published size has not been tried."
    if not lost:
        return f"All {len(recorded)} runs are there."
    return f"{lost} of {len(recorded)} runs have no record (RUN_MISSING = True computes them)."


def records(recorded: Recorded, image: str | None = None, /, **options) -> list[dict | None]:
    """The records of the runs with these options, in order of their seeds; None where one is missing.

    Of the options that a table compares, those that are not named must have their defaults.
    """
    options = dict.fromkeys(("method", "outputs", "channels", "error", "fitted")) | options
    return [
        record
        for run, record in recorded.items()
        if image in (None, run.image)
        and all(dict(run.overrides).get(name) == value for name, value in options.items())
    ]


def results(recorded: Recorded, image: str | None = None, /, **options) -> list[dict]:
    """The results of `records`; none if one is missing."""
    chosen = records(recorded, image, **options)
    return [] if None in chosen else [record["result"] for record in chosen]


def first(recorded: Recorded, image: str | None = None, /, **options) -> dict | None:
    """The record of the first seed with these options, or None."""
    return next(iter(records(recorded, image, **options)), None)


def steps_to(curve: list[list[float]], level: float) -> float:
    """The first step of a curve (step, L1, …) at which L1 is at most `level`."""
    return next((point[0] for point in curve if point[1] <= level), float("inf"))


def value(result: dict, name: str, frame: int | None = None) -> float | None:
    """One quantity of a result; of a list the mean, or the one of a frame."""
    said = result.get(name)
    if isinstance(said, list):
        said = said[frame] if frame is not None else fmean(said) if said else None
    return said


def seconds(result: dict, frames: int) -> float:
    """Of work a frame, in a series of so many."""
    return result["seconds"]["once"] / frames + result["seconds"]["frame"]


def costs(recorded: Recorded) -> list[tuple[int, float, bool, float | None]]:
    """The autoencoder on stacks of 10 to 1,000 frames: (frames, seconds a frame, measured, PSNR).

    What is not measured is extrapolated, with the training of the longest shorter series and the prediction
    of one frame, and has no PSNR.
    """
    whole = {n: results(recorded, "", method="autoencoder", frames=n) for n in LENGTHS}
    have, rows = [n for n in LENGTHS if whole[n]], []
    for n in (10, 30, 100, 300, 1000):
        if near := [m for m in have if m <= n]:
            each = whole[near[-1]]
            psnr = fmean(value(r, "psnr") for r in each) if n in have else None
            rows.append((n, fmean(seconds(r, n) for r in each), n in have, psnr))
    return rows


def compared(recorded: Recorded) -> dict[tuple[int, str], list[dict]]:
    """Notebook 13: (frames, method) -> quantities, one dict a seed; what is not whole is left out.

    What sees one frame at a time is the same for every length. One image is the first frame of a series, but
    the columns of such methods are counted in all frames that were looked at.
    """
    table = {}
    for n in LENGTHS:
        for method in (*FILTERED, *TRAINED):
            alone = method not in TRAINED[1:]
            each = results(recorded, "", method=method, frames=10 if alone else n)
            if each and not (alone and n == LENGTHS[-1]):
                table[n, method] = [
                    {
                        "psnr": value(r, "psnr", 0 if n == 1 else None),
                        "ssim": value(r, "ssim", 0 if n == 1 else None),
                        "seconds": seconds(r, 10 if alone else n),
                        **{k: r[k] for k in ("precision", "recall", "vacant_filled", "loose_lost")},
                    }
                    for r in each
                ]
    return table


def advice(table: dict[tuple[int, str], list[dict]]) -> list[str]:
    """Sentences for a microscopist, each only as far as `compared` bears it."""
    said = []
    for n in LENGTHS[:3]:
        here = {method: table[n, method] for method in (*TRAINED, "blurred") if (n, method) in table}
        if len(here) < len(TRAINED) + 1:
            continue
        mean = {m: fmean(r["psnr"] for r in rs) for m, rs in here.items()}
        best, *rest = sorted(mean, key=mean.__getitem__, reverse=True)
        leads = [a["psnr"] - b["psnr"] for a, b in zip(here[best], here[rest[0]], strict=True)]
        many = len(leads) > 1
        sure = "" if many and above_zero(leads) else ", which may be chance"
        text = f"{best} has the highest PSNR, {fmean(leads):+.1f} dB on {rest[0]}{sure}"
        for name, what in (("precision", "invents the fewest columns"), ("recall", "loses the fewest")):
            shares = {m: fmean(r[name] or 0.0 for r in rs) for m, rs in here.items()}
            top = max(shares, key=shares.__getitem__)
            text += f"; {top} {what} ({name} {shares[top]:.2f})"
        said.append(f"**{'One image' if n == 1 else f'A series of {n} frames'}:** {text}.")
    rival, ours = table.get((100, TRAINED[0])), table.get((100, TRAINED[1]))
    if rival and ours:
        once, frame = (fmean(r["seconds"] for r in rs) for rs in (table[1, TRAINED[1]], rival))
        verb = "cheaper" if fmean(r["seconds"] for r in ours) < frame else "dearer"
        text = f"at 100 frames one autoencoder for all is {verb} than a Noise2SR for each"
        said.append(
            f"**Time:** {text} ({frame:.0f} s a frame); training costs as much as {once / frame:.0f} frames."
        )
    return said


def _complete(table: Callable[[str], list[Run]], kind: str = "series") -> tuple[str, Recorded]:
    """The best profile for which a whole table is recorded, and its records; none: an empty name."""
    for profile in BEST_FIRST:
        recorded = found([run for run in table(profile) if run.kind == kind])
        if recorded and None not in recorded.values():
            return profile, recorded
    return "", {}


def _finding(holds: list[bool], effect: str, values: list[float], over: str, recorded: Recorded) -> Finding:
    verdict = FOUND if all(holds) else IN_PART if any(holds) else NOT_FOUND
    keys = tuple(record["key"] for record in recorded.values())
    return Finding(verdict, effect, f"± {stdev(values):.2g}", f"{len(values)} seeds ({over})", keys)


def _kernel() -> dict[str, Finding]:
    """C30: means of n have 1/√n of the deviation, by the rule; eq. 13 the change within a twentieth."""
    profile, recorded = _complete(stand_ins, "theory")
    if not profile:
        return {}
    each = [record["result"] for record in recorded.values()]
    whole = [1 + r["effect"] for r in each]
    pairs = [pair for r in each for pair in r["averaging"].values()]
    holds = [all(abs(v) <= K * e for v, e in pairs), all(abs(v - 1) <= FINITE for v in whole)]
    effect = f"the terms of eq. 13 make {100 * fmean(whole):.1f} % of the change; "
    effect += f"√n times the deviation of a mean {fmean(v for v, _ in pairs):+.3f} off"
    return {"C30": _finding(holds, effect, whole, "one small network each", recorded)}


def _bottleneck() -> dict[str, Finding]:
    """C31: 64 channels show more of a single atom than 1 after a fifth of the steps; a rougher background."""
    profile, recorded = _complete(bottleneck)
    if not profile:
        return {}
    few, many = (results(recorded, **({"channels": c} if c != 64 else {})) for c in BOTTLENECKS[::3])
    pairs = list(zip(many, few, strict=True))
    early = [m["curve"][EARLY][3] - f["curve"][EARLY][3] for m, f in pairs]
    rough = [m["curve"][-1][2] / f["curve"][-1][2] - 1 for m, f in pairs]
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
        level = max(a["curve"][-1][1], b["curve"][-1][1])
        sooner.append(steps_to(b["curve"], level) / steps_to(a["curve"], level))
    faster = f"{fmean(sooner):.2f} times the steps without the extra outputs"
    said = (
        ("C32", [abs(fmean(psnr)) <= SIMILAR], f"{fmean(psnr):+.2f} dB against Noise2Self", psnr),
        ("C33", [above_zero(picked)], f"correlation {-fmean(picked):+.2f} against Noise2Self", picked),
        ("C34", [above_zero([ratio - 1 for ratio in sooner])], faster, sooner),
    )
    return {name: _finding(holds, text, v, profile, recorded) for name, holds, text, v in said}


def _patches() -> dict[str, Finding]:
    """C36: large patches place columns better, small ones lose fewer atoms within 14 pixels of the fault."""
    profile, recorded = _complete(patches)
    if not profile:
        return {}
    small, large = (results(recorded, crop=crop) for crop in PATCHES[profile])
    pairs = list(zip(small, large, strict=True))
    straight = [(s["error"] or math.inf) - (b["error"] or math.inf) for s, b in pairs]
    local = [b["loose_lost"] - s["loose_lost"] for s, b in pairs]
    sizes = " against ".join(map(str, PATCHES[profile][::-1]))
    effect = f"columns {fmean(straight):+.2f} pixels nearer to the truth with patches of {sizes}, "
    effect += f"but {100 * fmean(local):+.0f} % of the atoms near the fault lost"
    holds = [above_zero(straight), above_zero(local)]
    return {"C36": _finding(holds, effect, straight, f"{profile}, simulated", recorded)}


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


def _stand_ins() -> dict[str, Finding]:
    """C35 has only the numbers of a stand-in. C38: less noise, stripes and error of saturated pixels, by the
    rule; and the intensity of no colour changes by more than a tenth.
    """
    no_data = "the Tribolium volume cannot be had offline"
    profile, recorded = _complete(stand_ins)
    if not profile:
        return {"C35": Finding(NOT_TESTABLE, over_what=no_data)}
    ours, rival, sky = (
        results(recorded, **{k: v for k, v in line.items() if k in ("of", "method", "error")})
        for line in STAND_INS
    )
    ssim = [r["ssim"] for r in ours]
    effect = f"on a simulated stand-in: SSIM {fmean(ssim):.2f}, "
    effect += (
        f"Noise2Void {fmean(r['ssim'] for r in rival):.2f}, noisy {fmean(r['noisy_ssim'] for r in ours):.2f}"
    )
    volume = _finding([False], effect, ssim, f"{profile}; {no_data}", recorded)._replace(verdict=NOT_TESTABLE)
    names = ("noise", "stripes", "saturated")
    gains = {n: [1 - r["after"][n] / r["before"][n] for r in sky] for n in names}
    kept = [k for r in sky for k in r["kept"]]
    effect = "; ".join(f"{n} {-100 * fmean(v):+.0f} %" for n, v in gains.items())
    effect += f"; intensity {100 * (fmean(kept) - 1):+.0f} %"
    holds = [*(above_zero(v) for v in gains.values()), all(abs(k - 1) <= KEPT for k in kept)]
    over = f"{profile}, a simulated stand-in"
    return {"C35": volume, "C38": _finding(holds, effect, gains["noise"], over, recorded)}


def _css() -> dict[str, Finding]:
    """C40: by the rule over training seeds, more CSS than the best other method on the real series.

    The noisy frames and the constant are no methods; what the constant has is said beside it.
    """
    recorded = {run: r for run, r in found(noise2atom("laptop")).items() if run.image == REAL}
    if None in recorded.values():
        return {}
    scores = {m: [value(r, "css") for r in results(recorded, method=m)] for m in (*FILTERED, *TRAINED)}
    rivals = {m: fmean(those) for m, those in scores.items() if m not in ("noisy", "constant", "noise2atom")}
    best = max(rivals, key=rivals.__getitem__)
    differences = [one - rivals[best] for one in scores["noise2atom"]]
    effect = f"CSS {fmean(scores['noise2atom']):.3f}, {fmean(differences):+.3f} on {best}; "
    effect += f"a constant image has {fmean(scores['constant']):.3f}"
    return {"C40": _finding([above_zero(differences)], effect, differences, "one real series", recorded)}


def findings() -> dict[str, Finding]:
    """The claims that records bear on, and those that cannot be tested here."""
    vgg = "needs the weights of VGG19 trained on photographs, which no package of this project brings"
    measured = (_kernel, _bottleneck, _characters, _stand_ins, _patches, _tracking, _css)
    said = {name: finding for measure in measured for name, finding in measure().items()}
    return said | {"C39": Finding(NOT_TESTABLE, over_what=vgg)}
