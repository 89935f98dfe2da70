"""What the presets rest on: the theory put to numbers, times, and departures from `laptop`."""

from .ablation import FIXED
from .encoders import PAPERS_UNET
from .run import TRAINING_SEEDS, Run


def theory(profile: str) -> list[Run]:
    """Section III put to numbers; the same for every profile."""
    names = ("theorem1", "copying", "correlated")
    return [
        Run(kind="theory", profile=profile, method=name, seed=seed)
        for name in names
        for seed in TRAINING_SEEDS
    ]


#: Seconds of one inference for each way to enlarge (Table IV).
UPSAMPLING_TIMES = Run(kind="timing", method="upsamplings")
#: Which part of a step on a training set goes into loading.
LOADING = Run(kind="timing", method="loading")


def timing(profile: str) -> list[Run]:
    """Seconds of a step of each preset, measured in turn; on an otherwise idle machine."""
    if profile != "laptop":
        return []
    return [Run(kind="timing", method="steps"), UPSAMPLING_TIMES, LOADING]


#: Steps of every run of the recipe: a shorter plan for all its lines alike.
RECIPE_STEPS = 1000
#: Why the settings of `laptop` are what they are: one departure from them a line, label -> overrides.
RECIPE: dict[str, tuple[tuple[str, object], ...]] = {
    "as it is": (),
    "ReLU instead of SiLU": (("network.activation", "relu"),),
    "PyTorch's own starting weights": (("network.initial", "torch"),),
    "the paper's U-Net with 24 channels": PAPERS_UNET,
    "narrower (16, 16, 24, 32, 48 channels)": (("network.widths", (16, 16, 24, 32, 48)),),
    "four levels instead of five": (("network.widths", (16, 32, 48, 64)),),
    "reflecting instead of zero padding": (("network.padding", "reflect"),),
    "group normalisation": (("network.normalisation", "group"),),
    "half the learning rate": (("plan.lr", 1e-3),),
    "twice the learning rate": (("plan.lr", 4e-3),),
    "a tenth of the weight decay": (("plan.weight_decay", 1e-2),),
    "sixteen crops of 128²": (("plan.batch", 16), ("plan.crop", 128)),
    "no averaged weights": (("plan.averaging", 0.0),),
    "no flips and turns in training, but in averaging": (("plan.augment", "none"),),
    "a quarter of the passes (M = 24)": (("strategy.M", 24),),
    "no flips and turns in averaging": (("strategy.flips", False),),
    "no flips and turns at all": (("plan.augment", "none"), ("strategy.flips", False)),
    "fixed places (M = 8 flips and turns)": FIXED,
    "float32": (("plan.precision", "float32"),),
    "as many steps as laptop": (("plan.steps", 3200),),
}
#: Our own simulated image, so that nothing is tuned on the paper's five, at about 4 dB: there it shows
#: whether a network learns the noise by heart.
RECIPE_IMAGE, RECIPE_A = "sample/ptceo2_a_white", 0.25


def recipe(profile: str) -> list[Run]:
    """The departures of `RECIPE` on our own image, three training seeds each."""
    if profile != "laptop":
        return []
    short = ("plan.steps", RECIPE_STEPS)
    return [
        Run(image=RECIPE_IMAGE, a=RECIPE_A, seed=seed, overrides=(short, *overrides))
        for overrides in RECIPE.values()
        for seed in TRAINING_SEEDS
    ]
