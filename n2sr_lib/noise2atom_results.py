"""Notebook 12: the records of Noise2Atom and of what it is compared with, and the verdict on claim C40."""

from statistics import fmean, stdev
from typing import NamedTuple

import numpy as np

from . import atoms, on_series
from .experiments import SERIES, SERIES_FILTERS, SERIES_TRAINED, Run, noise2atom
from .runs.collect import found
from .runs.pictures import crop_image
from .runs.queue import work_through
from .runs.records import crop_bytes
from .verdicts import FOUND, NOT_FOUND, Finding, above_zero

METHODS = (*SERIES_FILTERS, *SERIES_TRAINED)
SMOKE = {"frames": 3, "side": 64}  # of the series that is simulated afresh


class Result(NamedTuple):
    """One method on one series: what `on_series.measure` says, and a part of the first frame, (h, w)."""

    series: str
    method: str
    seed: int
    result: dict
    first: np.ndarray
    key: str = ""


def gather(profile: str, run_missing: bool = False) -> tuple[list[Result], str]:
    """The results that are there, and one line that says which runs have no record.

    In ``smoke`` every method is executed here and now on a small simulated series.
    """
    if profile == "smoke":
        return _fresh(), "executed afresh"
    recorded = found(noise2atom(profile))
    if run_missing:
        work_through([run for run, record in recorded.items() if record is None])
        recorded = found(recorded)
    results = [_result(run, record) for run, record in recorded.items() if record is not None]
    if not recorded:
        return [], f"there are no runs of profile {profile!r}: the published size is for a GPU"
    lost = [str(run) for run, record in recorded.items() if record is None]
    if not lost:
        return results, f"all {len(recorded)} runs are there"
    said = f"{len(lost)} of {len(recorded)} runs have no record (RUN_MISSING = True computes them): "
    return results, said + "; ".join(lost)


def _result(run: Run, record: dict) -> Result:
    first = crop_image(record, crop_bytes(record))
    return Result(run.image, run.method, run.seed, record["result"], first, record["key"])


def _fresh() -> list[Result]:
    truth, results = atoms.series(0, **SMOKE), []
    for name, method in on_series.METHODS.items():
        estimate = method(truth.frames, on_series.settings_for(name, "smoke"), 0, None, False)
        result = on_series.measure(estimate, truth.frames, atoms.WIDTH, truth)
        results.append(Result(SERIES[0], name, 0, result, estimate[0]))
    return results


def values(results: list[Result], series: str, method: str, name: str) -> dict[int, float]:
    """One quantity of one method on one series, seed -> value; what is not defined is left out."""
    return {
        r.seed: r.result[name]
        for r in results
        if (r.series, r.method) == (series, method) and r.result.get(name) is not None
    }


def findings() -> dict[str, Finding]:
    """C40. Found: by the rule over training seeds, more CSS than the best other method on the real series.

    The noisy frames and the constant are no methods; what the constant has is said beside it.
    """
    recorded = {run: r for run, r in found(noise2atom("laptop")).items() if run.image == SERIES[1]}
    if None in recorded.values():
        return {"C40": Finding()}
    scores: dict[str, list[float]] = {}
    for run, record in recorded.items():
        scores.setdefault(run.method, []).append(record["result"]["effect"])
    ours, (constant,) = scores.pop("noise2atom"), scores.pop("constant")
    rivals = {method: fmean(those) for method, those in scores.items() if method != "noisy"}
    best = max(rivals, key=rivals.__getitem__)
    differences = [one - rivals[best] for one in ours]
    effect = (
        f"CSS {fmean(ours):.3f}, {fmean(differences):+.3f} on {best}; a constant image has {constant:.3f}"
    )
    finding = Finding(
        FOUND if above_zero(differences) else NOT_FOUND,
        effect,
        f"± {stdev(differences):.3f}",
        f"{len(ours)} training seeds on one real series, {record['result']['over_what']}",
        tuple(record["key"] for record in recorded.values()),
    )
    return {"C40": finding}


def rows(profile: str) -> list[list[str]]:
    """The row of C40 for the notebook. `smoke` is too short for verdicts."""
    if profile == "smoke":
        return [["C40", "smoke: too short to decide anything", "", "", ""]]
    return [["C40", *findings()["C40"][:4]]]
