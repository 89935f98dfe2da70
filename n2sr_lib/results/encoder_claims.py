"""What the records say of the claims about encoders (C19 to C23, Table III), by the rule of `verdicts`.

Two images with one training each stand in the table, so its verdict is over images (and over encoders, where
a claim speaks of several). The repeats at the full plan of `laptop` are judged image by image, over their
seeds, as far as they are recorded; for C19 and C20 also over the paper's own U-Net, narrower. A verdict that
does not hold in all of them is "found in part".
"""

from statistics import fmean, pstdev
from typing import NamedTuple

from ..experiments import table3
from ..experiments.full_plan import ENCODER_REPEATS
from ..experiments.run import LEVELS, PAIR, TRAINING_SEEDS
from ..runs.collect import found
from .ablation_claims import spoken, weigh
from .ablations import COST_SIDE, chosen, cost, differences, score
from .ablations import strategy_and_encoder as pair_of
from .full_plan import gained_by_seeds, repeated, repeated_keys, repeated_records
from .verdicts import BEST_FIRST, FOUND, IN_PART, Finding, above_zero, weighed

Cell = tuple[str, str]  # strategy, encoder
UNETS: dict[str, Cell] = {method: (method, "u-net") for method in ("noise2sr", "noise2self")}
TRANSFORMERS = ("uformer", "restormer")
SLIGHT = 0.91  # dB: the largest of the two that Table III shows and the paper calls slight
NAMES = {"u-net": "U-Net", "uformer": "Uformer", "restormer": "Restormer", "fbi-net": "FBI-Net"}


class _Compared(NamedTuple):
    """PSNR and SSIM of one cell of Table III less another's, a value an image."""

    encoder: str  # of the first
    rival: str  # strategy of the second
    psnr: list[float]
    ssim: list[float]
    full_psnr: dict[str, list[float]]  # at the full plan: image -> a value a seed
    full_ssim: dict[str, list[float]]


class _Measured(NamedTuple):
    """Some comparisons, all with the same profile."""

    compared: list[_Compared]
    over: str
    keys: tuple[str, ...]

    def full(self, name: str = "full_psnr") -> list[list[float]]:
        """All that is recorded at the full plan, each image of each pair by itself."""
        return [values for one in self.compared for values in getattr(one, name).values()]


def _measure(pairs: list[tuple[Cell, Cell]]) -> _Measured | None:
    """From the best profile for which all their cells are recorded; None if there is none."""
    for profile in BEST_FIRST:
        recorded = found(table3(profile))
        wanted = dict.fromkeys(cell for pair in pairs for cell in pair)
        cells = {cell: chosen(recorded, lambda run, c=cell: pair_of(run) == c) for cell in wanted}
        if all(len(records) == len(PAIR) for records in cells.values()):
            break
    else:
        return None
    again: dict[str, dict] = {}
    if profile == "laptop":
        again = repeated_records(*(ENCODER_REPEATS[cell] for cell in wanted))
    compared = []
    for first, second in pairs:
        lines = [again.get(ENCODER_REPEATS[cell], {}) for cell in (first, second)]
        values = [score(name=name) for name in ("psnr", "ssim")]
        table = [differences(cells[first], cells[second], value) for value in values]
        compared.append(_Compared(first[1], second[0], *table, *(gained_by_seeds(*lines, v) for v in values)))
    records = [record for cell in cells.values() for record in cell.values()]
    over = f"2 images, one seed, a={LEVELS[0]:g} ({profile}, {records[0]['steps']:,} steps)"
    if profile == "laptop":
        count, whole = sum(len(one.full_psnr) for one in compared), len(pairs) * len(PAIR)
        seeds = f", {len(TRAINING_SEEDS)} seeds" if count else " yet"
        over += f"; {count or 'none'} of {whole} comparisons repeated at the full plan{seeds}"
    records += [record for line in again.values() for seeds in line.values() for record in seeds]
    return _Measured(compared, over, tuple(dict.fromkeys(record["key"] for record in records)))


def _listed(values: list[float], digits: int = 2) -> str:
    return ", ".join(f"{value:+.{digits}f}" for value in values)


def _at_full(full: dict[str, list[float]], where: str = "at the full plan") -> str:
    said = [f"{spoken(v, ' dB')} on {image.replace('paper/', 'image ')}" for image, v in full.items()]
    return f"; {where} " + ", ".join(said) if said else ""


def _all(values: list[list[float]]) -> bool | None:
    """Whether each difference is there, by the rule; None if there is none."""
    return all(above_zero(one) for one in values) if values else None


def _against_unets(encoder: str, sign: int) -> tuple[Finding, bool]:
    """Whether an encoder of Noise2SR is above (or below) our U-Net and the paper's; whether only slightly."""
    measured = _measure([(("noise2sr", encoder), UNETS["noise2sr"])])
    if measured is None:
        return Finding(), False
    (one,) = measured.compared
    label, papers = ENCODER_REPEATS["noise2sr", encoder], "the paper's u-net"
    over_papers = {k: v for k, v in repeated(label, papers).items() if k in one.full_psnr}
    table, ours, theirs = (
        [[sign * v for v in values] for values in kind]
        for kind in ([one.psnr], one.full_psnr.values(), over_papers.values())
    )
    parts = [_all(table), _all(ours), _all(theirs)]
    full = [fmean(values) for values in ours + theirs]
    finding = Finding(
        weighed([part for part in parts if part is not None]),
        f"{_listed(one.psnr)} dB on images 1, 2{_at_full(one.full_psnr)}"
        + _at_full(over_papers, "there, over the paper's own U-Net with 24 channels,"),
        f"± {pstdev(one.psnr):.2f} over images",
        measured.over,
        measured.keys + (repeated_keys(papers) if over_papers else ()),
    )
    return finding, max(full or table[0]) <= SLIGHT


def _c19() -> Finding:
    """Found: Restormer above the U-Net, ours and the paper's, by the rule."""
    return _against_unets("restormer", 1)[0]


def _c20() -> Finding:
    """Found: Uformer below the U-Net, ours and the paper's, by the rule, on no image by more than `SLIGHT`.

    In part: by more, or below one of the two, or at one of the plans.
    """
    finding, slight = _against_unets("uformer", -1)
    return finding._replace(verdict=IN_PART) if finding.verdict == FOUND and not slight else finding


def _c21() -> Finding:
    """Found: no transformer raises Noise2Self's PSNR, and its SSIM falls, by the rule; in part: one."""
    measured = _measure([(("noise2self", encoder), UNETS["noise2self"]) for encoder in TRANSFORMERS])
    if measured is None:
        return Finding()
    compared = measured.compared
    psnr, ssim = ([v for one in compared for v in getattr(one, name)] for name in ("psnr", "ssim"))
    full_psnr, full_ssim = measured.full(), measured.full("full_ssim")
    helped = any(above_zero(one.psnr) for one in compared)
    holds = [
        weigh(not helped, not any(map(above_zero, full_psnr)) if full_psnr else None),
        weigh(above_zero([-v for v in ssim]), _all([[-v for v in values] for values in full_ssim])),
    ]
    effect = "; ".join(
        f"{NAMES[one.encoder]}: {_listed(one.psnr)} dB and SSIM {_listed(one.ssim, 4)} on images 1, 2"
        f"{_at_full(one.full_psnr)}"
        + "".join(
            f", SSIM {fmean(v):+.4f} on {k.replace('paper/', 'image ')}" for k, v in one.full_ssim.items()
        )
        for one in compared
    )
    return Finding(
        holds[0] if holds[0] == holds[1] else IN_PART,
        effect,
        f"± {pstdev(psnr):.2f} dB, ± {pstdev(ssim):.4f}",
        measured.over,
        measured.keys,
    )


def _c22() -> Finding:
    """Found: Noise2SR above Noise2Self and FBI-Net by the rule, and with each encoder on the average."""
    rivals = {"noise2self": "Noise2Self", "fbi": "FBI-Net"}
    encoders = ("u-net", *TRANSFORMERS)
    pairs = [(("noise2sr", e), ("noise2self", e)) for e in encoders]
    measured = _measure(pairs + [(("noise2sr", e), ("fbi", "fbi-net")) for e in encoders])
    if measured is None:
        return Finding()
    over = {r: [v for one in measured.compared if one.rival == r for v in one.psnr] for r in rivals}
    effect = [f"{fmean(v):+.2f} dB over {rivals[r]} (least {min(v):+.2f})" for r, v in over.items()]
    full = measured.full()
    if full:
        effect.append(f"at the full plan at least {min(map(fmean, full)):+.2f} dB")
    return Finding(
        weigh(
            all(map(above_zero, over.values())) and all(fmean(one.psnr) > 0 for one in measured.compared),
            _all(full),
        ),
        "; ".join(effect),
        "; ".join(f"± {pstdev(v):.2f}" for v in over.values()),
        measured.over,
        measured.keys,
    )


def _c23() -> Finding:
    """Found: both transformers cheaper under Noise2SR in both conventions; nothing is trained for it."""
    costs = {pair_of(run): cost(run) for run in table3("paper") if run.image == PAIR[0]}
    effect, cheaper = [], {}
    for encoder in ("u-net", *TRANSFORMERS):
        before, after = (costs[method, encoder] for method in ("noise2self", "noise2sr"))
        effect.append(
            f"{NAMES[encoder]} {before.table3 / 1e9:.2f} to {after.table3 / 1e9:.2f} G MACs "
            f"(in truth {before.macs / 1e9:.2f} to {after.macs / 1e9:.2f})"
        )
        cheaper[encoder] = [after.table3 < before.table3, after.macs < before.macs]
    holds = [value for encoder in TRANSFORMERS for value in cheaper[encoder]]
    return Finding(
        weighed(holds),
        "as Table III counts: " + "; ".join(effect),
        "exact",
        f"computed for the published sizes, {COST_SIDE}×{COST_SIDE} pixels; no run",
    )


def findings() -> dict[str, Finding]:
    """The claims about encoders."""
    return {"C19": _c19(), "C20": _c20(), "C21": _c21(), "C22": _c22(), "C23": _c23()}
