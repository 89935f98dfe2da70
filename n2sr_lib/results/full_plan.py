"""What the ablations compare, once more at the full plan of `laptop`: records, differences by seed."""

from collections.abc import Callable

from ..experiments import repeats
from ..experiments.full_plan import REPEATS
from ..runs.collect import found
from .ablations import score


def repeated_records(*labels: str, whole: bool = True) -> dict[str, dict[str, list[dict | None]]]:
    """Lines of `REPEATS` at the full plan: label -> image -> one record a seed, where none is missing.

    Not `whole`: where one is there, None for the others.
    """
    enough = all if whole else any
    lines = {REPEATS[label]: label for label in labels}
    known: dict[str, dict[str, list]] = {label: {} for label in labels}
    for run, record in found(r for r in repeats("laptop") if (r.method, r.overrides) in lines).items():
        known[lines[run.method, run.overrides]].setdefault(run.image, []).append(record)
    return {
        label: {image: records for image, records in images.items() if enough(records)}
        for label, images in known.items()
    }


def repeated(
    label: str, other: str, estimate: str = "mmse", name: str = "psnr", whole: bool = True
) -> dict[str, list[float]]:
    """One line of `REPEATS` less another, where both have an image: image -> one difference a seed."""
    ours, theirs = repeated_records(label, other, whole=whole).values()
    return gained_by_seeds(ours, theirs, score(estimate, name))


def gained_by_seeds(
    ours: dict[str, list[dict]], theirs: dict[str, list[dict]], value: Callable[[dict], float]
) -> dict[str, list[float]]:
    """A value of one line of `repeated_records` less that of another: image -> one difference a seed."""
    pairs = {image: zip(ours[image], theirs[image], strict=True) for image in ours if image in theirs}
    gained = {i: [value(one) - value(rival) for one, rival in p if one and rival] for i, p in pairs.items()}
    return {image: values for image, values in gained.items() if values}


def repeated_keys(*labels: str) -> tuple[str, ...]:
    """Keys of the records that `repeated` takes."""
    wanted = [REPEATS[label] for label in labels]
    recorded = found(run for run in repeats("laptop") if (run.method, run.overrides) in wanted)
    return tuple(record["key"] for record in recorded.values() if record)
