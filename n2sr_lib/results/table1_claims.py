"""What the records say of Noise2SR beside the other methods without training data, by the rule of `verdicts`.

In `laptop` Noise2SR has two plans: the one that all methods share, and its own. A verdict that holds with one
of them only is "found in part".
"""

import math
from statistics import fmean, pstdev, stdev

from ..errors import InputError
from ..experiments.run import LEVELS, PAIR
from ..experiments.zero_shot import RIVALS
from ..runs.collect import found
from . import rivals, transfer
from .ablations import Recorded, Shown, differences, score
from .rivals import FULL, LABELS, PLANS, SHARED, cell, grid
from .verdicts import BEST_FIRST, FOUND, IN_PART, NOT_MEASURED, Finding, K, above_zero, keys_of, weighed

Level = tuple[str, dict[str, dict[str, dict]]]  # profile, method -> image -> record


def _name(method: str) -> str:
    return LABELS[method].replace(" (MMSE)", "")


def _levels(everything: dict[str, Recorded], missing: bool = False) -> dict[float, Level]:
    """The levels at which every method has all five images, each with its best profile.

    With ``missing`` those at which Noise2SR and at least one other method have them, with these methods.
    """
    complete: dict[float, Level] = {}
    for profile, recorded in everything.items():
        cells, names = grid(recorded), list(dict.fromkeys(map(cell, recorded)))
        for a in LEVELS:
            level = {name: cells.get((name, a), {}) for name in names}
            whole = {name: images for name, images in level.items() if len(images) == 5}
            enough = set(_plans(names)) < set(whole) if missing else len(whole) == len(names)
            if a not in complete and enough:
                complete[a] = (profile, whole)
    return complete


def _plans(methods) -> list[str]:
    return [plan for plan in PLANS if plan in methods]


def _best(everything: dict[str, Recorded]) -> Finding:
    """C04. Found: above the best other method at all three levels, with both plans.

    A level at which methods are missing is said, with the best of those that are there, and decides nothing:
    without it the claim is found in part at most.
    """
    whole = _levels(everything)
    levels = _levels(everything, missing=True) | whole
    if not levels:
        return Finding()
    said, spread, parts, groups = [], [], [], []
    for a, (_, level) in levels.items():
        best = rivals.ranked({(name, a): images for name, images in level.items()}, a)[0]
        gained = {
            plan: differences(level[plan], level[best], score(), score("estimate")) for plan in _plans(level)
        }
        parts += [above_zero(values) for values in gained.values()] if a in whole else []
        text = ", ".join(
            f"{fmean(v):+.2f} dB" + (f" {PLANS[plan]}" if len(gained) > 1 else "")
            for plan, v in gained.items()
        )
        said.append(f"{text} on {LABELS[best]} at a={a:g}")
        spread.append("± " + ", ".join(f"{pstdev(v):.2f}" for v in gained.values()) + f" at a={a:g}")
        groups += [level[name] for name in (*gained, best)]
    known = {cell(run) for recorded in everything.values() for run in recorded}
    over = []
    for a, (profile, level) in levels.items():
        lacking = [] if a in whole else [_name(name) for name in LABELS if name in known - set(level)]
        without = f", without {' and '.join(lacking)}" if lacking else ""
        over.append(f"a={a:g} ({profile}{without})")
    verdict = weighed(parts) if whole else NOT_MEASURED
    if verdict == FOUND and len(whole) < len(LEVELS):
        verdict = IN_PART
    over_what = f"5 images, one seed, the best other method: {', '.join(over)}"
    return Finding(verdict, "; ".join(said), "; ".join(spread), over_what, keys_of(groups))


def _falls(levels: dict[float, Level]) -> Finding:
    """C09. Found: from the lowest to the highest noise every trained rival falls by more than Noise2SR."""
    high, low = max(LEVELS), min(LEVELS)
    if not {high, low} <= set(levels) or levels[high][0] != levels[low][0]:
        return Finding()
    (profile, noisy), (_, calm) = levels[high], levels[low]
    fall = {
        name: differences(calm[name], noisy[name], score("mmse" if name in PLANS else "estimate"))
        for name in (*_plans(noisy), *RIVALS)
    }
    more = {
        (plan, name): [rival - ours for rival, ours in zip(fall[name], fall[plan], strict=True)]
        for plan in _plans(noisy)
        for name in RIVALS
    }
    said = ", ".join(f"{_name(name)} {fmean(values):.2f} dB" for name, values in fall.items())
    return Finding(
        weighed([above_zero(values) for values in more.values()]),
        f"fall: {said}",
        f"± {max(pstdev(values) for values in more.values()):.2f} at most, of the differences",
        f"5 images, one seed, a={low:g} to {high:g} ({profile})",
        keys_of(level[name] for level in (calm, noisy) for name in fall),
    )


def _pictured(everything: dict[str, Recorded], rival: str) -> tuple[str, dict[str, dict[str, Shown]]]:
    """The best profile whose parts of images 1 and 2 are kept for Noise2SR, both plans, and a rival."""
    for profile, recorded in everything.items():
        needed = {*_plans({cell(run) for run in recorded}), *([rival] if rival else [])}
        parts = rivals.pictures({run: r for run, r in recorded.items() if cell(run) in needed})
        if all(needed <= set(parts.get(image, {})) for image in PAIR):
            return profile, parts
    return "", {}


def _part_keys(recorded: Recorded, *names: str) -> tuple[str, ...]:
    return tuple(
        r["key"]
        for run, r in recorded.items()
        if r is not None and run.a == LEVELS[0] and run.image in PAIR and cell(run) in names
    )


def _over(profile: str, what: str = "") -> str:
    return f"parts of images 1 and 2, one seed, a={LEVELS[0]:g} ({profile}){what}"


def _structure(everything: dict[str, Recorded]) -> Finding:
    """C07: a hint until the supervised network is recorded; then see `set_claims`."""
    for profile, recorded in everything.items():
        parts = rivals.pictures({run: r for run, r in recorded.items() if cell(run) == FULL})
        if all(image in parts for image in PAIR):
            shares = [transfer.structure_share(_rings(parts[image][FULL])) for image in PAIR]
            said = " and ".join(f"{100 * share:.0f} %" for share in shares)
            return Finding(
                NOT_MEASURED,
                f"{said} of the error's power is image structure (the supervised network is missing)",
                "",
                _over(profile),
                _part_keys(recorded, FULL),
            )
    return Finding()


def _rings(part: Shown) -> transfer.Radial:
    return transfer.radial(part.x, part.estimate)


def _profiles(everything: dict[str, Recorded]) -> Finding:
    """C08. Found: errors at peaks and troughs below FBI-Denoiser's, by the rule over these, in both plans."""
    profile, parts = _pictured(everything, "fbi")
    if not parts:
        return Finding()
    errors = {
        name: [rivals.profile_errors(image, parts[image][name]) for image in PAIR] for name in parts[PAIR[0]]
    }
    absolute = {name: [v for e in both for v in e.absolute] for name, both in errors.items()}
    less = {
        plan: [theirs - ours for theirs, ours in zip(absolute["fbi"], absolute[plan], strict=True)]
        for plan in _plans(errors)
    }
    limited = "; FBI-Denoiser with a small network, after the shared plan" if SHARED in errors else ""
    said = "; ".join(
        f"{_name(name)} {fmean(absolute[name]):.4f}, contrast "
        + " and ".join(f"{100 * e.bias:+.1f} %" for e in both)
        for name, both in errors.items()
    )
    return Finding(
        weighed([above_zero(values) for values in less.values()]),
        f"mean error of an extremum (intensity): {said}",
        "± " + ", ".join(f"{stdev(values):.4f}" for values in less.values()) + " of the differences",
        _over(profile, f"; {len(absolute['fbi'])} extrema of a surface row in both together{limited}"),
        _part_keys(everything[profile], *errors),
    )


def _smooth(everything: dict[str, Recorded]) -> Finding:
    """C27. Found: Noise2SR keeps less than all fine detail, and less than Noise2Self after as many steps.

    Both by the rule, with the standard error over frequencies; in part: one of them.
    """
    profile, parts = _pictured(everything, "noise2self")
    if not parts:
        return Finding()
    names = list(parts[PAIR[0]])
    kept = {name: [rivals.fine_detail(parts[image][name]) for image in PAIR] for name in names}
    mean = {name: fmean(value for value, _ in both) for name, both in kept.items()}
    error = {name: math.hypot(*(e for _, e in both)) / len(both) for name, both in kept.items()}
    equal = SHARED if SHARED in names else FULL
    lost = 1 - mean[FULL] > K * error[FULL]
    fewer = mean["noise2self"] - mean[equal] > K * math.hypot(error["noise2self"], error[equal])
    said = ", ".join(f"{_name(name)} {100 * mean[name]:.1f} %" for name in names)
    back = [transfer.decibels(_rings(parts[i][FULL]).error, _rings(parts[i][FULL])) for i in PAIR]
    return Finding(
        weighed([lost, fewer]),
        f"kept of the finest detail: {said}; the best radial filter gives Noise2SR {fmean(back):+.1f} dB",
        "± " + ", ".join(f"{100 * error[name]:.1f}" for name in names) + " % (standard error)",
        _over(profile),
        _part_keys(everything[profile], *names),
    )


def findings() -> dict[str, Finding | None]:
    """C04, C07 to C09 and C27; None for what needs the paper's images where they cannot be had."""
    everything = {profile: found(rivals.runs(profile)) for profile in BEST_FIRST}
    measured: dict[str, Finding | None] = {"C04": _best(everything), "C09": _falls(_levels(everything))}
    pictured = {"C07": _structure, "C08": _profiles, "C27": _smooth}
    try:
        return measured | {name: look(everything) for name, look in pictured.items()}
    except InputError:  # one attempt to fetch the images is enough
        return measured | dict.fromkeys(pictured)
