"""What the ablations compare, once more at the full plan of `laptop`."""

from .ablation import FIXED, STRIDES, UPSAMPLINGS, stride_options, upsampling_options
from .encoders import PAPERS_UNET, encoder_options, with_method
from .run import FULL_STEPS, PAIR, TRAINING_SEEDS, Run

#: Strategies and encoders of Table III -> their line of `REPEATS`; the costly ones last.
ENCODER_REPEATS: dict[tuple[str, str], str] = {
    ("noise2sr", "u-net"): "random",
    ("noise2self", "u-net"): "noise2self, u-net",
    ("fbi", "fbi-net"): "fbi-net",
    ("noise2sr", "restormer"): "restormer",
    ("noise2sr", "uformer"): "uformer",
    ("noise2self", "restormer"): "noise2self, restormer",
    ("noise2self", "uformer"): "noise2self, uformer",
}


def _full_plan(method: str, encoder: str) -> tuple[tuple[str, object], ...]:
    steps = () if method == "noise2sr" else (("plan.steps", FULL_STEPS),)
    return (*steps, *encoder_options("laptop", method, encoder))


#: What the ablations compare, once more at the full plan of `laptop`: label -> method and overrides.
REPEATS: dict[str, tuple[str, tuple[tuple[str, object], ...]]] = {
    "random": ("noise2sr", ()),
    "fixed": ("noise2sr", FIXED),
    **{f"s = {s}": ("noise2sr", stride_options(s)) for s in STRIDES[1:]},
    **{name: ("noise2sr", upsampling_options(name)) for name in UPSAMPLINGS[1:]},
    "the paper's u-net": ("noise2sr", PAPERS_UNET),
    **{label: (cell[0], _full_plan(*cell)) for cell, label in ENCODER_REPEATS.items() if label != "random"},
}
#: Other seeds than `TRAINING_SEEDS`: this line falls silent with 0 and begins again with 1 (`denoising`), so
#: that one training would count twice.
OTHER_SEEDS = {"uformer": (1, 2, 3)}


def repeats(profile: str) -> list[Run]:
    """The ablations at the full plan: images 1 and 2, three training seeds."""
    if profile != "laptop":
        return []
    return [
        with_method(method, profile, image, overrides, seed=seed)
        for label, (method, overrides) in REPEATS.items()
        for image in PAIR
        for seed in OTHER_SEEDS.get(label, TRAINING_SEEDS)
    ]
