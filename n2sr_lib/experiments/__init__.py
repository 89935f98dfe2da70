"""What each table and figure consists of: lists of runs, declared once for a laptop, a GPU and a cluster."""

from collections.abc import Iterable

from ..errors import InputError
from .ablation import fig10, fig12, table2, table4
from .encoders import table3
from .full_plan import repeats
from .micrographs import DOSES, calibration, correlated, real
from .run import Run
from .sequences import bottleneck, cjk, noise2atom, patches, stacks, stand_ins, tracking, which
from .settings import recipe, theory, timing
from .training_sets import table1_sets, warm_start
from .zero_shot import (
    CURVE_SECONDS,
    budget60,
    curves,
    fbi_given,
    table1,
    table1_own,
    table1_rivals,
    table1_seeds,
)

#: In order of priority: what is missing is executed from the top.
TABLES = {
    "table1": table1,
    "budget60": budget60,
    "theory": theory,
    "timing": timing,
    "recipe": recipe,
    "table2": table2,
    "fig12": fig12,
    "fig10": fig10,
    "table4": table4,
    "table3": table3,
    "repeats": repeats,
    "table1_rivals": table1_rivals,
    "fbi_given": fbi_given,
    "table1_own": table1_own,
    "table1_seeds": table1_seeds,
    "curves": curves,
    "table1_sets": table1_sets,
    "warm_start": warm_start,
    "noise2atom": noise2atom,
    "which": which,
    "stacks": stacks,
    "tracking": tracking,
    "bottleneck": bottleneck,
    "patches": patches,
    "stand_ins": stand_ins,
    "cjk": cjk,
    "real": real,
    "correlated": correlated,
    "calibration": calibration,
}
#: Upper left corner (row, column) of the part that figures show: half a particle, vacuum and support.
CROPS = {"paper/1": (120, 330), "paper/2": (180, 560), **dict.fromkeys(DOSES, (64, 64))}
CROP_SIDE = 256
PATCH_SIDE = 128  # of the images of a study


def crop_of(run: Run) -> tuple[int, int] | None:
    """The corner of the part of the result that is kept for figures (Figs. 4, 5, 9, 11), or None."""
    kinds = ("denoise", "classical", "pretrained")
    shown = run.kind in kinds and run.a == DOSES.get(run.image, 0.05) and not run.start
    shown &= run.seed == run.noise_seed == 0
    shown &= run.budget != CURVE_SECONDS  # of those only the curve is shown
    return CROPS.get(run.image) if shown else None


def wanted(profile: str, only: Iterable[str] = ()) -> dict[Run, list[str]]:
    """All runs of a profile in order of priority, each with the tables that it serves.

    Raises
    ------
    InputError
        If a name in `only` is no table.
    """
    names = list(only) or list(TABLES)
    for name in names:
        if name not in TABLES:
            raise InputError(f"there is no table {name!r}; choose one of {', '.join(TABLES)}")
    serves: dict[Run, list[str]] = {}
    for name in TABLES:
        if name in names:
            for run in TABLES[name](profile):
                serves.setdefault(run, []).append(name)
    return serves
