"""What the records say of each claim, by the rule of `verdicts`."""

import math
from collections.abc import Callable
from statistics import fmean, median, pstdev, stdev

from ..experiments import table1, theory
from ..experiments.run import LEVELS
from ..runs.collect import found
from ..runs.specification import counted
from . import (
    ablation_claims,
    encoder_claims,
    experimental_claims,
    massive_claims,
    set_claims,
    table1_claims,
)
from .verdicts import BEST_FIRST, FOUND, IN_PART, NOT_FOUND, NOT_MEASURED, Finding, K, above_zero

Level = tuple[str, list[dict]]  # profile, records of the five images


def levels(profiles: tuple[str, ...] = BEST_FIRST) -> dict[float, Level]:
    """Table I's noise levels for which all five images are recorded, each with its best profile."""
    complete: dict[float, Level] = {}
    for profile in profiles:
        recorded = found(table1(profile))
        for a in LEVELS:
            records = [record for run, record in recorded.items() if run.a == a]
            if a not in complete and None not in records:
                complete[a] = (profile, records)
    return complete


def gains(records: list[dict], over: str) -> list[float]:
    """PSNR of MMSE less that of another estimate of the same record, in dB, image by image."""
    return [r["result"]["mmse"]["psnr"] - r["result"][over]["psnr"] for r in records]


def _each(measured: dict[float, Level], text: Callable[[list[dict]], str]) -> str:
    return "; ".join(f"{text(records)} at a={a:g}" for a, (_, records) in measured.items())


def _over(measured: dict[float, Level]) -> str:
    named = ", ".join(f"a={a:g} ({profile})" for a, (profile, _) in measured.items())
    return f"5 images, one seed: {named}"


def _keys(measured: dict[float, Level]) -> tuple[str, ...]:
    return tuple(r["key"] for _, records in measured.values() for r in records)


def _numbers(name: str, zero: bool) -> Finding:
    """A numerical experiment: its effect, averaged over seeds, is zero or above zero by the rule."""
    records = [r for run, r in found(theory("laptop")).items() if run.method == name and r is not None]
    if not records:
        return Finding()
    results = [r["result"] for r in records]
    effects = [r["effect"] for r in results]
    effect = fmean(effects)
    # Within the seeds, or between them where they differ by more.
    error = math.hypot(*(r["spread"] for r in results)) / len(results)
    error = max(error, stdev(effects) / math.sqrt(len(effects))) if len(effects) > 1 else error
    holds = abs(effect) <= K * error if zero else effect > K * error
    return Finding(
        FOUND if holds else NOT_FOUND,
        f"{effect:+.4f}",
        f"± {error:.4f} (standard error)",
        f"{len(results)} seeds, each {results[0]['over_what']}",
        tuple(r["key"] for r in records),
    )


def _c01() -> Finding:
    return _numbers("theorem1", zero=True)


def _c02() -> Finding:
    return _numbers("copying", zero=False)


def _c29() -> Finding:
    """Random places may gain on correlated noise; they break the correlation if the gap of eq. 3 closes."""
    finding = _numbers("correlated", zero=False)
    records = [
        r for run, r in found(theory("laptop")).items() if run.method == "correlated" and r is not None
    ]
    gaps = [r["result"] for r in records if "correlated_random_inner" in r["result"]]
    if finding.verdict != FOUND or not gaps:
        return finding
    gap = fmean(r["correlated_random_inner"] for r in gaps)
    error = math.hypot(*(r["correlated_random_inner_error"] for r in gaps)) / len(gaps)
    if abs(gap) <= K * error:
        return finding
    effect = f"{finding.effect} dB over fixed places, but a gap of {gap:+.2f} σ² remains in eq. 3"
    return finding._replace(verdict=IN_PART, effect=effect)


def _c03() -> Finding:
    """Found: one and the same settings, told nothing of the noise, gain over the noisy image everywhere."""
    whole = [m for p in BEST_FIRST if set(m := levels((p,))) == set(LEVELS)]
    if not whole:
        return Finding()
    measured = whole[0]
    settings = [
        {part: counted(r["specification"])[part] for part in ("network", "strategy", "plan")}
        for _, records in measured.values()
        for r in records
    ]
    same = all(s == settings[0] for s in settings)
    gained = all(above_zero(gains(records, "noisy")) for _, records in measured.values())
    return Finding(
        FOUND if same and gained else NOT_FOUND,
        "gain over the noisy image " + _each(measured, lambda r: f"{fmean(gains(r, 'noisy')):+.2f} dB"),
        _each(measured, lambda r: f"± {pstdev(gains(r, 'noisy')):.2f}"),
        _over(measured) + "; simulated images only",
        _keys(measured),
    )


def _c06() -> Finding:
    """Found: by the rule at every level that is complete."""
    measured = levels()
    if not measured:
        return Finding()
    holds = all(above_zero(gains(records, "single")) for _, records in measured.values())
    return Finding(
        FOUND if holds else NOT_FOUND,
        _each(measured, lambda r: f"{fmean(gains(r, 'single')):+.2f} dB"),
        _each(measured, lambda r: f"± {pstdev(gains(r, 'single')):.2f}"),
        _over(measured) + "; our average runs over flips and turns besides, the paper's does not",
        _keys(measured),
    )


def _c28() -> Finding:
    """Found: on every device and with every profile the median training takes a minute or more.

    Of the runs that had the machine for themselves.
    """
    groups: dict[tuple[str, str], list[dict]] = {}
    for profile in BEST_FIRST:
        for record in found(table1(profile)).values():
            if record is not None and record["jobs"] == 1:
                groups.setdefault((profile, record["device"]), []).append(record)
    if not groups:
        return Finding()
    seconds = {name: [r["train_seconds"] for r in records] for name, records in groups.items()}
    return Finding(
        FOUND if all(median(s) >= 60 for s in seconds.values()) else NOT_FOUND,
        "; ".join(f"{profile} on {device}: {median(s):.0f} s" for (profile, device), s in seconds.items()),
        "; ".join(f"{min(s):.0f} to {max(s):.0f} s" for s in seconds.values()),
        "; ".join(f"{len(s)} runs" for s in seconds.values()),
        tuple(r["key"] for records in groups.values() for r in records),
    )


def findings() -> dict[str, Finding | None]:
    """All claims that records bear on; every other one is not measured yet.

    None stands for a claim whose images cannot be had just now: what was found before is still true.
    """
    beside, sets = table1_claims.findings(), set_claims.findings()
    unknown = beside["C07"] is None or sets["C07"] is None  # its images cannot be had
    return {
        "C01": _c01(),
        "C02": _c02(),
        "C03": _c03(),
        **beside,
        **sets,
        "C06": _c06(),
        "C07": beside["C07"] if unknown or sets["C07"].verdict == NOT_MEASURED else sets["C07"],
        **experimental_claims.findings(),
        **ablation_claims.findings(),
        **encoder_claims.findings(),
        **massive_claims.findings(),
        "C28": _c28(),
        "C29": _c29(),
    }
