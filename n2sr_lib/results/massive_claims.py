"""What the records say of the claims about stacks and series (C30 to C40), by the rule of `verdicts`.

The claims are of the papers 002 and 003, which give few numbers: the functions below say what each claim is
read as.
"""

from collections.abc import Callable
from statistics import fmean, stdev

from ..experiments import bottleneck, cjk, noise2atom, patches, stand_ins, tracking
from ..experiments.run import Run
from ..experiments.sequences import BOTTLENECKS, FILTERED, PATCHES, REAL, STAND_INS, TRAINED
from ..runs.collect import found
from ..simulated import scenes
from .massive import EARLY, Recorded, on_the_way, results, steps_to, value
from .verdicts import BEST_FIRST, FOUND, IN_PART, NOT_FOUND, NOT_TESTABLE, Finding, K, above_zero

SIMILAR = 1.0  # dB
KEPT = 0.1  # by so much an intensity may change and still be kept
FINITE = 0.05  # share of a change that finite steps may leave


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
    """C32: PSNR within 1 dB. C33: the illegal one correlates less, and is further behind than others are.

    C34: fewer steps to the same L1.
    """
    profile, recorded = _complete(cjk)
    if not profile:
        return {}
    ours, single, rival = (results(recorded, **o) for o in ({}, {"outputs": 1}, {"method": "noise2self"}))
    psnr = [a["psnr"] - b["psnr"] for a, b in zip(ours, rival, strict=True)]
    picked, usual = (
        [b[name] - a[name] for a, b in zip(ours, rival, strict=True)]
        for name in ("illegal_correlation", "correlation")
    )
    special = [one - other for one, other in zip(picked, usual, strict=True)]
    fails = f"correlation {-fmean(picked):+.2f} against Noise2Self, {-fmean(usual):+.2f} on other characters"
    sooner = []
    for a, b in zip(ours, single, strict=True):
        level = max(a["curve"][-1][1], b["curve"][-1][1])
        sooner.append(steps_to(b["curve"], level) / steps_to(a["curve"], level))
    faster = f"without the extra outputs {fmean(sooner):.2f} times the steps suffice"
    said = (
        ("C32", [abs(fmean(psnr)) <= SIMILAR], f"{fmean(psnr):+.2f} dB against Noise2Self", psnr),
        ("C33", [above_zero(picked), above_zero(special)], fails, picked),
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
    far = 2 * scenes.WIDTH  # as far as a column is looked for: of an estimate where none is found
    errors = [[far if one["error"] is None else one["error"] for one in pair] for pair in pairs]
    straight = [s - b for s, b in errors]
    local = [b["loose_lost"] - s["loose_lost"] for s, b in pairs]
    sizes = " against ".join(map(str, PATCHES[profile][::-1]))
    effect = f"columns {fmean(straight):+.2f} pixels nearer to the truth with patches of {sizes}, "
    effect += f"but {100 * fmean(local):+.0f} % of the atoms near the fault lost"
    holds = [above_zero(straight), above_zero(local)]
    return {"C36": _finding(holds, effect, straight, f"{profile}, simulated", recorded)}


def _tracking() -> dict[str, Finding]:
    """C37: single atoms are found nearer to the truth than in the noisy frames after a matched filter.

    All three on the average of all frames, and the one that joins a cluster while it moves.
    """
    profile, recorded = _complete(tracking)
    if not profile:
        return {}
    each = [record["result"] for record in recorded.values()]
    better = [result["effect"] for result in each]
    before, after = (fmean(result[f"{name}_mean"] for result in each) for name in ("blurred", "estimated"))
    effect = f"{after:.2f} pixels off, {before:.2f} in the noisy frames with a matched filter; "
    moving = [[on_the_way(result, name) for result in each] for name in ("blurred", "estimated")]
    caught = [one - other for one, other in zip(*moving, strict=True)]
    effect += f"the atom that joins, on its way: {fmean(moving[1]):.2f}, {fmean(moving[0]):.2f}"
    return {"C37": _finding([above_zero(better), above_zero(caught)], effect, better, profile, recorded)}


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
