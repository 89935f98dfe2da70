"""Notebooks 11 to 13: records of stacks and series, or the same in seconds, afresh."""

from collections.abc import Callable
from functools import cache
from statistics import fmean

from .. import series, theory
from ..errors import InputError
from ..experiments.run import Run
from ..experiments.sequences import REAL
from ..io import font
from ..runs.collect import found
from ..runs.pictures import picture_of
from ..runs.queue import work_through
from ..runs.records import crop_bytes
from ..series.stacks import POINTS
from ..simulated.characters import composed

Recorded = dict[Run, dict | None]
#: Sizes of smoke; of numbers that a run gives itself the smaller one.
SMOKE: dict[str, dict] = {
    "characters": {"count": 96, "test": 8, "steps": 4, "batch": 8},
    "atoms": {"frames": 2, "side": 64, "crop": 64, "steps": 4, "batch": 2, "preset": "smoke"},
    "stand_in": {"frames": 4, "side": 64, "crop": 64, "steps": 4, "batch": 2},
}
LEAST = 16  # frames of a series in which something has to happen
FEW = ((0x4E00, 0x4EFF),)  # ideographs that are drawn in smoke
#: How the methods of a series are called.
LABELS = {
    "noisy": "noisy",
    "blurred": "matched filter",
    "constant": "a constant",
    "noise2sr": "Noise2SR",
    "autoencoder": "autoencoder",
    "noise2atom": "Noise2Atom",
}
EARLY = POINTS // 5 - 1  # the point of the curve at a fifth of the steps


def gather(table: Callable[[str], list[Run]], profile: str, run_missing: bool = False) -> Recorded:
    """The record of each run of a table, None where it is missing; in ``smoke`` seed 0, here and now."""
    if profile == "smoke":
        return {run: fresh(run) for run in table("laptop") if run.seed == 0 and run.image != REAL}
    recorded = found(table(profile))
    if run_missing:
        work_through([run for run, record in recorded.items() if record is None])
        recorded = found(table(profile))
    return recorded


def fresh(run: Run) -> dict:
    """What a record would say of a run with the sizes of `SMOKE`, and its picture."""
    if run.kind == "theory":
        return _fresh("", run.method, run.seed, (("steps", 15),))
    given, smoke = dict(run.overrides), dict(SMOKE[run.method])
    if given.get("scene") == "moving":
        smoke["frames"] = LEAST
    for name, value in smoke.items():
        smoke[name] = min(value, given.get(name, value)) if isinstance(value, int) else value
    if "fitted" in given:
        smoke["fitted"] = 1
    return _fresh(run.image, run.method, run.seed, tuple((given | smoke).items()))


@cache  # what two figures ask for is one run
def _fresh(image: str, method: str, seed: int, options: tuple) -> dict:
    if method == "eq13":
        return {"result": theory.eq13(seed, **dict(options))}
    result, picture = getattr(series, method)(
        seed, *([some_characters()[0]] if image else []), **dict(options)
    )
    return {"result": result, "picture": picture}


def some_characters():
    """A few characters of the font, or composed ones where there is none; and what they are."""
    try:
        return font.characters(blocks=FEW)[0], "ideographs of WenQuanYi Zen Hei"
    except InputError as missing:
        return composed(200, 0), f"composed strokes, since {missing}"


def picture(record: dict) -> series.Picture:
    """The rows of images that a run kept."""
    return record["picture"] if "picture" in record else picture_of(record, crop_bytes(record))


def missing(recorded: Recorded) -> str:
    """One line that says how many runs have no record."""
    lost = sum(record is None for record in recorded.values())
    if not recorded:
        return "There are no runs of this profile: the published size has not been tried."
    if not lost:
        return f"All {len(recorded)} runs are there."
    return f"{lost} of {len(recorded)} runs have no record (RUN_MISSING = True computes them)."


def records(recorded: Recorded, image: str | None = None, /, **options) -> list[dict | None]:
    """The records of the runs with these options, in order of their seeds; None where one is missing.

    Of the options that a table compares, those that are not named must have their defaults.
    """
    options = dict.fromkeys(("method", "outputs", "channels", "error", "fitted", "crop")) | options
    return [
        record
        for run, record in recorded.items()
        if image in (None, run.image)
        and all(dict(run.overrides).get(name) == value for name, value in options.items())
    ]


def results(recorded: Recorded, image: str | None = None, /, **options) -> list[dict]:
    """The results of `records`; none if one is missing."""
    chosen = records(recorded, image, **options)
    return [] if None in chosen else [record["result"] for record in chosen]


def first(recorded: Recorded, image: str | None = None, /, **options) -> dict | None:
    """The record of the first seed with these options, or None."""
    return next(iter(records(recorded, image, **options)), None)


def steps_to(curve: list[list[float]], level: float) -> float:
    """The first step of a curve (step, L1, …) at which L1 is at most `level`."""
    return next((point[0] for point in curve if point[1] <= level), float("inf"))


def on_the_way(result: dict, name: str) -> float:
    """Mean position error (pixels) of the atom that joins a cluster, while it moves (`scenes.moving`)."""
    return fmean(miss[0] for miss in result[name][result["joined"] // 2 : result["joined"]])


def value(result: dict, name: str, frame: int | None = None) -> float | None:
    """One quantity of a result; of a list the mean, or the one of a frame."""
    said = result.get(name)
    if isinstance(said, list):
        said = said[frame] if frame is not None else fmean(said) if said else None
    return said


def seconds(result: dict, frames: int) -> float:
    """Of work a frame, in a series of so many."""
    return result["seconds"]["once"] / frames + result["seconds"]["frame"]
