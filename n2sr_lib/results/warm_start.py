"""What the records say of the warm start: PSNR against seconds, and what the held-out loss decided."""

from statistics import fmean, median
from typing import NamedTuple

from ..experiments import warm_start
from ..experiments.run import IMAGES, LEVELS, Run
from ..experiments.training_sets import FAR, HELD_OUT, ON_SET, UNLIKE, WARM_PARTS, choice, cold, warm
from ..runs.collect import found
from .ablations import Recorded, scores
from .verdicts import above_zero

WHOLE = "from scratch, whole"
GROUPS = {"the paper's images": IMAGES, "held-out structures": HELD_OUT, "another material": FAR}
THIRD = 0.334  # of the seconds, rounded up for whole steps: so fast it has to be to be worth an option


class Point(NamedTuple):
    """Seconds of training, all at the pace of one machine, and the PSNR of the final estimate in dB."""

    seconds: float
    psnr: float


def _of_set(image: str) -> Run:
    return Run("pretrained", "laptop", ON_SET[-1], image)


def ways(image: str) -> dict[str, Run]:
    """How long each way trains on an image itself, as runs, in the order of the time."""
    parts = {f"warm, 1/{round(1 / part)}": warm(image, part) for part in reversed(WARM_PARTS)}
    scratch = {f"from scratch, 1/{round(1 / WARM_PARTS[0])}": cold(image, WARM_PARTS[0])}
    return {"weights of the set": _of_set(image), **parts, **scratch, WHOLE: cold(image)}


def recorded() -> Recorded:
    """The record of each run of the warm start, and of the weights of the set as they are."""
    images = (image for group in GROUPS.values() for image in group)
    return found(dict.fromkeys([*warm_start("laptop"), *map(_of_set, images)]))


def points(known: Recorded, image: str) -> dict[str, Point]:
    """Way -> seconds and PSNR, for the ways that are recorded."""
    there = {name: r for name, run in ways(image).items() if (r := known.get(run)) is not None}
    pace = _pace([r for r in there.values() if r.get("train_seconds")])
    return {name: Point(pace * r.get("steps", 0), scores(r)["psnr"]) for name, r in there.items()}


def _pace(records: list[dict]) -> float:
    """Seconds of a step, on the machine that most of the records come from.

    A step costs the same in every way, so what one way took on a faster machine must not count for it.
    """
    by: dict[tuple, list[float]] = {}
    for r in records:
        machine = (r["device"], r["threads"], r["jobs"])
        by.setdefault(machine, []).append(r["train_seconds"] / r["steps"])
    return median(max(by.values(), key=len)) if by else 0.0


def verdict(known: Recorded, way: str, images: tuple[str, ...]) -> bool | None:
    """Whether a way reaches what the whole from scratch gives, in a third of its seconds; None: not recorded.

    Reached: not below it by the rule of `verdicts`, one difference an image.
    """
    each = [points(known, image) for image in images]
    if any(way not in one or WHOLE not in one for one in each):
        return None
    slow = fmean(one[way].seconds for one in each) > THIRD * fmean(one[WHOLE].seconds for one in each)
    return not slow and not above_zero([one[WHOLE].psnr - one[way].psnr for one in each])


def rows(known: Recorded) -> list[list[str]]:
    """A line for each way and group of images: mean seconds and PSNR, difference, what `verdict` says."""
    lines = []
    for group, images in GROUPS.items():
        each = [points(known, image) for image in images]
        for way in ways(images[0]):
            there = [(one[way], one.get(WHOLE)) for one in each if way in one]
            if not there:
                continue
            gained = [point.psnr - full.psnr for point, full in there if full]
            said = {True: "yes", False: "no", None: ""}[verdict(known, way, images) if way != WHOLE else None]
            seconds, psnr = (fmean(values) for values in zip(*(point for point, _ in there), strict=True))
            gain = f"{fmean(gained):+.2f}" if gained else ""
            lines.append([f"{group}, {way}", str(len(there)), f"{seconds:.0f}", f"{psnr:.2f}", gain, said])
    return lines


HEAD = ["", "n", "seconds", "PSNR (dB)", "less the whole", "as good, in a third of the time"]


def choices(known: Recorded) -> list[list[str]]:
    """What the held-out loss said, image by image: gain, standard error, decision."""
    lines = []
    for image in (*IMAGES, *HELD_OUT, *FAR, *UNLIKE):
        if (record := known.get(choice(image))) is not None:
            result = record["result"]
            said = "begin with the weights" if result["warm"] else "begin from scratch"
            lines.append([image, f"{result['effect']:+.4f} ± {result['spread']:.4f}", said])
    return lines


def missing(known: Recorded) -> str:
    """One line that says how many runs have no record."""
    lost = sum(record is None for record in known.values())
    if not lost:
        return f"All {len(known)} runs are there."
    return f"{lost} of {len(known)} runs of the warm start have no record yet (a = {LEVELS[0]:g}, laptop)."
