"""What the records say of the claims about the ablations (C13 to C18, C24 to C26), by the rule of `verdicts`.

`laptop` runs them for fewer steps on five images, and again at its full plan on two images with three seeds.
A verdict that holds in one of the two only is "found in part", and its effect gives both.
"""

import math
from collections.abc import Callable
from statistics import fmean, median, pstdev, stdev

from ..experiments import fig10, fig12, table2, table4
from ..experiments.ablation import UPSAMPLINGS
from ..experiments.run import LEVELS, TRAINING_SEEDS, Run
from ..experiments.settings import UPSAMPLING_TIMES
from ..runs.collect import found
from . import ablations
from .ablations import chosen, differences, score
from .full_plan import repeated, repeated_keys
from .verdicts import BEST_FIRST, FOUND, IN_PART, NOT_FOUND, Finding, above_zero

TRAININGS = len(TRAINING_SEEDS)


def spoken(values: list[float], unit: str = "") -> str:
    """Mean ± deviation, with a sign."""
    return f"{fmean(values):+.2f}{unit}" + (f" ± {stdev(values):.2f}" if len(values) > 1 else "")


def _again(label: str, other: str, estimate: str = "mmse") -> tuple[bool | None, str]:
    """Whether a difference is there at the full plan on each image, by the rule over seeds; None: unknown."""
    pairs = repeated(label, other, estimate)
    if not pairs:
        return None, ""
    said = ", ".join(
        f"{spoken(v, ' dB')} on {image.replace('paper/', 'image ')}" for image, v in pairs.items()
    )
    return all(above_zero(values) for values in pairs.values()), f"{said} (3 seeds)"


def weigh(short: bool, full: bool | None) -> str:
    """Found or not where both plans agree or only one is known; in part where they do not."""
    if full is not None and short is not full:
        return IN_PART
    return FOUND if short else NOT_FOUND


def _best(table: Callable[[str], list[Run]]) -> tuple[str, dict[Run, dict | None]]:
    """The best profile for which a whole table is recorded, and its records; none: an empty name."""
    for profile in BEST_FIRST:
        recorded = found(table(profile))
        if None not in recorded.values():
            return profile, recorded
    return "", {}


def _steps(records: list[dict]) -> str:
    return f"{records[0]['steps']:,} steps"


def _places(estimate: str) -> Finding:
    """C13, C14. Found: at every complete level, by the rule; with MMSE, whatever is read as fixed MMSE."""
    measured: dict[float, tuple[str, dict[str, list[float]], list[dict]]] = {}
    for profile in BEST_FIRST:
        recorded = found(table2(profile))
        for a in LEVELS:
            cells = [
                chosen(recorded, lambda r, a=a, how=how: r.a == a and ablations.sampling(r) == how)
                for how in ("random", "fixed")
            ]
            if a in measured or min(map(len, cells)) < 5:
                continue
            readings = ablations.FIXED_READINGS if estimate == "mmse" else (estimate,)
            gained = {name: differences(*cells, score(estimate), score(name)) for name in readings}
            measured[a] = (profile, gained, [r for cell in cells for r in cell.values()])
    if not measured:
        return Finding()
    profiles = {a: profile for a, (profile, _, _) in measured.items()}
    main = {a: gained[estimate] for a, (_, gained, _) in measured.items()}
    short = all(above_zero(values) for values in main.values())
    against = {
        n for _, gained, _ in measured.values() for n, v in gained.items() if above_zero(v) is not short
    }
    full, said = _again("random", "fixed", estimate) if profiles.get(LEVELS[0]) == "laptop" else (None, "")
    effect = "; ".join(f"{fmean(values):+.2f} dB at a={a:g}" for a, values in main.items())
    if estimate == "mmse":
        least, name = min((fmean(v), n) for _, gained, _ in measured.values() for n, v in gained.items())
        reading = ablations.FIXED_READINGS[name].removesuffix(" (ours)")
        effect += f"; {least:+.2f} dB at least, whatever is read as fixed MMSE ({reading})"
    verdict = weigh(short, full)
    return Finding(
        IN_PART if against else verdict,
        effect + (f"; at the full plan, a={LEVELS[0]:g}: {said}" if said else ""),
        "; ".join(f"± {pstdev(values):.2f} at a={a:g}" for a, values in main.items()),
        "5 images, one seed: "
        + ", ".join(f"a={a:g} ({p}, {_steps(records)})" for a, (p, _, records) in measured.items())
        + _repeated_note(profiles.get(LEVELS[0], ""), full),
        tuple(r["key"] for _, _, records in measured.values() for r in records)
        + (repeated_keys("random", "fixed") if said else ()),
    )


def _repeated_note(profile: str, full: bool | None) -> str:
    return "; not repeated at the full plan yet" if profile == "laptop" and full is None else ""


def _c15() -> Finding:
    """Found: s = 2 above 3 and 3 above 4, by the rule; in part: only s = 2 above both."""
    profile, recorded = _best(fig10)
    if not profile:
        return Finding()
    two, three, four = (
        chosen(recorded, lambda r, s=s: ablations.setting(r, "strategy.s", 2) == s) for s in (2, 3, 4)
    )
    steps = {"s = 2 over 3": (two, three), "3 over 4": (three, four), "2 over 4": (two, four)}
    gained = {name: differences(*pair, score()) for name, pair in steps.items()}
    holds = {name: above_zero(values) for name, values in gained.items()}
    checks = {
        "s = 2 over 3": ("random", "s = 3"),
        "3 over 4": ("s = 3", "s = 4"),
        "2 over 4": ("random", "s = 4"),
    }
    again = {name: _again(*pair) for name, pair in checks.items()} if profile == "laptop" else {}
    agree = all(full is None or full is holds[name] for name, (full, _) in again.items())
    whole = holds["s = 2 over 3"] and holds["3 over 4"]
    best = holds["s = 2 over 3"] and holds["2 over 4"]
    effect = "; ".join(f"{name}: {fmean(values):+.2f} dB" for name, values in gained.items())
    said = "; ".join(f"{name}: {text}" for name, (_, text) in again.items() if text)
    first = FOUND if whole else IN_PART if best else NOT_FOUND
    unknown = all(full is None for full, _ in again.values())
    return Finding(
        first if agree else IN_PART,
        effect + (f"; at the full plan {said}" if said else ""),
        "; ".join(f"± {pstdev(values):.2f}" for values in gained.values()),
        f"5 images, one seed, a={LEVELS[0]:g} ({profile}, {_steps(list(two.values()))})"
        + _repeated_note(profile, None if unknown else agree),
        tuple(r["key"] for r in recorded.values())
        + (repeated_keys("random", "s = 3", "s = 4") if said else ()),
    )


def _number_of_samples() -> dict[str, Finding]:
    """C16 to C18, from the repeated draws of Fig. 12 on every image.

    C16 is found if PSNR rises from M = 1 to 5, to 20 and to 50; C17, if its deviation over the draws falls at
    these steps, and in part if from M = 1 to 50; C18, if 20 to 50 brings less than a tenth of what 1 to 20
    did. All by the rule over images.
    """
    profile, recorded = _best(fig12)
    records = [record for record in recorded.values() if "study" in record]
    if len(records) < 5:
        return {}
    at = records[0]["study"]["M"].index
    mean = [{M: fmean(c[at(M)] for c in r["study"]["psnr"]) for M in (1, 5, 20, 50)} for r in records]
    spread = [{M: stdev([c[at(M)] for c in r["study"]["psnr"]]) for M in (1, 5, 20, 50)} for r in records]
    draws = len(records[0]["study"]["psnr"])
    over = f"5 images, {draws} draws each, one network an image, a={LEVELS[0]:g} ({profile})"
    turned = "; the M passes run over flips and turns besides, the paper's do not"
    keys = tuple(r["key"] for r in records)

    gained = {(m, n): [p[n] - p[m] for p in mean] for m, n in ((1, 5), (5, 20), (20, 50), (1, 20))}
    parts = [pair for pair in gained if pair != (1, 20)]
    rises = Finding(
        FOUND if all(above_zero(gained[pair]) for pair in parts) else NOT_FOUND,
        "; ".join(f"{fmean(gained[m, n]):+.2f} dB from M = {m} to {n}" for m, n in parts),
        "; ".join(f"± {pstdev(gained[pair]):.2f}" for pair in parts),
        over + turned,
        keys,
    )
    pooled = {M: math.sqrt(fmean(s[M] ** 2 for s in spread)) for M in (1, 5, 20, 50)}
    falls = above_zero([s[1] - s[50] for s in spread])
    each = all(above_zero([s[m] - s[n] for s in spread]) for m, n in parts)
    steadier = Finding(
        (FOUND if each else IN_PART) if falls else NOT_FOUND,
        ", ".join(f"{value:.3f} dB at M = {M}" for M, value in pooled.items()),
        f"fall from M = 1 to 50: {spoken([s[1] - s[50] for s in spread], ' dB')}",
        over,
        keys,
    )
    share = [late / early for late, early in zip(gained[20, 50], gained[1, 20], strict=True)]
    little = Finding(
        FOUND if above_zero([0.1 - value for value in share]) else NOT_FOUND,
        f"{fmean(gained[20, 50]):+.2f} dB, {100 * fmean(share):.0f} % of the gain from M = 1 to 20",
        f"± {pstdev(gained[20, 50]):.2f} dB, ± {100 * pstdev(share):.0f} %",
        over,
        keys,
    )
    return {"C16": rises, "C17": steadier, "C18": little}


def _upsampling(image: str, winner: str, hardly: bool) -> Finding:
    """C24, C25: one image each, so that only the three seeds of the full plan can decide.

    Found: the winner lies above both others, by the rule over seeds, and, if that is claimed too, upsampling
    hardly matters: no two means lie further apart than the 0.63 dB of Table IV. In part: one of these only.
    """
    means = {name: repeated(name, "random").get(image, []) for name in UPSAMPLINGS if name != UPSAMPLINGS[0]}
    means = {UPSAMPLINGS[0]: [0.0] * TRAININGS} | means
    if min(map(len, means.values())) < TRAININGS:
        return Finding()
    lead = {
        name: [mine - theirs for mine, theirs in zip(means[winner], values, strict=True)]
        for name, values in means.items()
        if name != winner
    }
    best = all(above_zero(values) for values in lead.values())
    apart = max(map(fmean, means.values())) - min(map(fmean, means.values()))
    parts = [best, apart <= 0.63] if hardly else [best]
    effect = "; ".join(f"{winner} over {name}: {fmean(values):+.2f} dB" for name, values in lead.items())
    effect += f"; largest difference {apart:.2f} dB" if hardly else ""
    short = {ablations.upsampling(r): v for r, v in found(table4("laptop")).items() if r.image == image and v}
    if len(short) == len(means):
        ours = score()(short[winner])
        said = ", ".join(f"{ours - score()(short[name]):+.2f} dB over {name}" for name in lead)
        effect += f"; after {_steps(list(short.values()))}, one seed: {said}"
    return Finding(
        FOUND if all(parts) else IN_PART if any(parts) else NOT_FOUND,
        effect,
        "; ".join(f"± {stdev(values):.2f}" for values in lead.values()),
        f"{image.replace('paper/', 'image ')}, 3 seeds, a={LEVELS[0]:g} (laptop)",
        repeated_keys("random", *UPSAMPLINGS[1:]) + tuple(r["key"] for r in short.values()),
    )


def _c26() -> Finding:
    """Found: bilinear takes less time than both others, by the rule over rounds, with every preset timed."""
    (record,) = found([UPSAMPLING_TIMES]).values()
    if record is None:
        return Finding()
    result, effect, spread, holds = record["result"], [], [], []
    for preset in ("laptop", "paper"):
        ratios = {name: result[f"{preset}_{name.replace(' ', '_')}_ratios"] for name in UPSAMPLINGS}
        bilinear = ratios.pop("bilinear")
        slower = [[r - b for r, b in zip(row, bilinear, strict=True)] for row in ratios.values()]
        holds.append(all(above_zero(row) for row in slower))
        transposed = median(ratios["transposed convolution"])
        effect.append(
            f"preset {preset}: transposed convolution {transposed:.2f}, bilinear {median(bilinear):.2f}"
        )
        spread.append(f"{min(bilinear):.2f} to {max(bilinear):.2f}")
    return Finding(
        FOUND if all(holds) else IN_PART if any(holds) else NOT_FOUND,
        f"times, pixel shuffle = 1: {'; '.join(effect)} (Table IV: 1.07 and 0.81)",
        "bilinear: " + "; ".join(spread),
        f"{result['over_what']}, {record['device']}",
        (record["key"],),
    )


def findings() -> dict[str, Finding]:
    """The claims about the ablations."""
    return {
        "C13": _places("single"),
        "C14": _places("mmse"),
        "C15": _c15(),
        **_number_of_samples(),
        "C24": _upsampling("paper/1", "pixel shuffle", hardly=True),
        "C25": _upsampling("paper/2", "transposed convolution", hardly=False),
        "C26": _c26(),
    }


def rows(
    names: tuple[str, ...], profile: str, measure: Callable[[], dict[str, Finding]] = findings
) -> list[list[str]]:
    """Rows for a notebook: claim, verdict, effect, spread, over what. `smoke` is too short for verdicts."""
    if profile == "smoke":
        return [[name, "smoke: too short to decide anything", "", "", ""] for name in names]
    measured = measure()
    return [[name, *measured.get(name, Finding())[:4]] for name in names]


def upsampling_times() -> dict | None:
    """The recorded result of `timing.upsamplings`, or None."""
    (record,) = found([UPSAMPLING_TIMES]).values()
    return record and record["result"]
