"""What a frame costs, and which system to use when: notebook 13, and a section of notebook 11."""

from statistics import fmean

from ..experiments.sequences import FILTERED, LENGTHS, TRAINED
from .massive import LABELS, Recorded, results, seconds, value
from .verdicts import above_zero

ADVISED = (*TRAINED, "blurred")


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
        here = {method: table[n, method] for method in ADVISED if (n, method) in table}
        if len(here) == len(ADVISED):
            said.append(f"**{'One image' if n == 1 else f'A series of {n} frames'}:** {_best(here)}.")
    rival, ours = table.get((100, TRAINED[0])), table.get((100, TRAINED[1]))
    if rival and ours:
        once, frame = (_mean(rs, "seconds") for rs in (table[1, TRAINED[1]], rival))
        verb = "cheaper" if _mean(ours, "seconds") < frame else "dearer"
        said.append(
            f"**Time:** at 100 frames one autoencoder for all is {verb} than a Noise2SR for each "
            f"({frame:.0f} s a frame); its training costs as much as {once / frame:.0f} frames of Noise2SR."
        )
    return said


def _best(here: dict[str, list[dict]]) -> str:
    """Who leads in what, and what becomes of the things that do not repeat."""
    best, second, leads, chance = _leader(here, "psnr")
    text = f"PSNR is highest with {LABELS[best]}, {fmean(leads):+.1f} dB on {LABELS[second]}{chance}"
    for name, what in (("precision", "fewest columns invented"), ("recall", "fewest lost")):
        top, _, _, chance = _leader(here, name)
        shares = [f"{share} {_mean(here[top], share):.2f}" for share in ("precision", "recall")]
        text += f"; {what}: {LABELS[top]} ({', '.join(shares)}){chance}"
    lost = [
        f"{LABELS[m]} {100 * _mean(rs, 'vacant_filled'):.0f} and {100 * _mean(rs, 'loose_lost'):.0f} %"
        for m, rs in here.items()
    ]
    return f"{text}. Empty sites filled and single atoms lost: {', '.join(lost)}"


def _leader(here: dict[str, list[dict]], name: str) -> tuple[str, str, list[float], str]:
    """The best and the second in a quantity, the leads by scene, and what to add where they may be chance."""
    mean = {m: _mean(rs, name) for m, rs in here.items()}
    best, second, *_ = sorted(mean, key=mean.__getitem__, reverse=True)
    pairs = zip(here[best], here[second], strict=True)
    leads = [(a[name] or 0.0) - (b[name] or 0.0) for a, b in pairs]
    sure = len(leads) > 1 and above_zero(leads)
    return best, second, leads, "" if sure else ", which may be chance"


def _mean(results: list[dict], name: str) -> float:
    return fmean(r[name] or 0.0 for r in results)
