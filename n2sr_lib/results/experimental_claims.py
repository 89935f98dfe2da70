"""What the records say of the claims about experimental images (C11, C12), by the rule of `verdicts`."""

from collections.abc import Callable
from statistics import fmean, stdev

from ..experiments import real as runs
from ..experiments.run import TRAINING_SEEDS
from ..runs.collect import found
from ..simulated import crystals
from .experimental import NAMES, psnr
from .verdicts import FOUND, IN_PART, NOT_FOUND, Finding, K, above_zero


def _visibility(record: dict) -> float:
    return record["columns"]["estimate"]["visibility"]


def _by_method(image: str) -> dict[str, list[dict]]:
    """The records of one simulated crystal, one a seed; nothing while one of them is missing."""
    recorded = found(run for run in runs("laptop") if run.image == image)
    if None in recorded.values():
        return {}
    groups: dict[str, list[dict]] = {}
    for run, record in recorded.items():
        groups.setdefault(run.method, []).append(record)
    return groups


def _lead(groups: dict[str, list[dict]], value: Callable[[dict], float]) -> tuple[str, list[float], float]:
    """The best other method with all seeds, by how much Noise2SR is above it, seed by seed; and least of all.

    The third number is the lead at the first seed over the best of those that have no other seed.
    """
    ours = groups["noise2sr"]
    means = {m: fmean(map(value, r)) for m, r in groups.items() if len(r) == len(ours) and m != "noise2sr"}
    best = max(means, key=means.__getitem__)
    once = [value(ours[0]) - value(r[0]) for r in groups.values() if len(r) < len(ours)]
    return best, [value(a) - value(b) for a, b in zip(ours, groups[best], strict=True)], min(once)


def _c11() -> Finding:
    """C11, on simulated tellurium. Found: less noise (PSNR) and clearer atoms than the best other method.

    Clearer: columns are told from missing ones by more (`crystals.visibility`). Both by the rule over seeds,
    and above the methods that have one seed only; in part: one of them.
    """
    groups = _by_method("crystal/te")
    if not groups:
        return Finding()
    leads = [_lead(groups, value) for value in (psnr, _visibility)]
    holds = [above_zero(values) and once > 0 for _, values, once in leads]
    units = ("dB", "deviations of a site in telling columns from missing ones")
    said = [
        f"{fmean(v):+.2f} {unit} on {NAMES[m]} (at least {once:+.2f} on those with one seed)"
        for (m, v, once), unit in zip(leads, units, strict=True)
    ]
    few = sum(len(records) == 1 for records in groups.values())
    return Finding(
        FOUND if all(holds) else IN_PART if any(holds) else NOT_FOUND,
        "; ".join(said),
        "; ".join(f"± {stdev(v):.2f}" for _, v, _ in leads),
        f"simulated Te at low dose, {len(TRAINING_SEEDS)} seeds of noise and training, the best of "
        f"{len(groups) - 1} other methods ({few} of them: one seed)",
        tuple(r["key"] for records in groups.values() for r in records),
    )


def _c12() -> Finding:
    """C12, on a simulated framework. Found: O columns are told from missing ones by more than K deviations.

    In part: their mean contrast is above zero, and above that where O is missing, but single columns are not
    to be told.
    """
    groups = _by_method("crystal/framework")
    if not groups:
        return Finding()
    records = groups["noise2sr"]
    seen = [r["columns"]["estimate"] for r in records]
    contrast, missing, visible = ([s[k] for s in seen] for k in ("there", "missing", "visibility"))
    there = above_zero(contrast) and above_zero([a - b for a, b in zip(contrast, missing, strict=True)])
    clear = there and above_zero([v - K for v in visible])
    noisy = fmean(r["columns"]["noisy"]["visibility"] for r in records)
    truth = crystals.visibility(crystals.crystal("framework").image, "framework")
    return Finding(
        FOUND if clear else IN_PART if there else NOT_FOUND,
        f"contrast of O columns {fmean(contrast):+.3f} (true {truth[0]:+.3f}), where O is missing "
        f"{fmean(missing):+.3f} (true {truth[1]:+.3f}): {fmean(visible):.1f} deviations of a site, "
        f"{noisy:.1f} in the noisy image",
        f"± {stdev(contrast):.3f}; ± {stdev(visible):.1f} deviations",
        f"simulated SiO2 framework at low dose, {len(records)} seeds of noise and training",
        tuple(r["key"] for r in records),
    )


def findings() -> dict[str, Finding]:
    """C11 and C12, on simulated crystals: the paper's images are not published."""
    return {"C11": _c11(), "C12": _c12()}


def claim_rows(profile: str) -> list[list[str]]:
    """The rows of C11 and C12 for the notebook. `smoke` is too short for verdicts."""
    if profile == "smoke":
        return [[claim, "smoke: too short to decide anything", "", "", ""] for claim in ("C11", "C12")]
    return [[claim, *finding[:4]] for claim, finding in findings().items()]
