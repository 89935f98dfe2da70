"""The rows of Table I with a training set, and the warm start."""

from .run import FULL_STEPS, IMAGES, LEVELS, Run, noise2sr
from .zero_shot import FILTERS

#: Rows of Table I that are trained on a set of images, and one more that may be adapted afterwards.
ON_SET = (
    "supervised",
    "noise2noise",
    "noise2noise_pair",
    "noise2self_set",
    "neighbor2neighbor_set",
    "noise2sr_set",
)
#: Images of structures that no network has seen, in every contrast; and pictures of another material, at
#: another magnification, which are nothing like the set.
HELD_OUT = tuple(f"set/{k}/{j}" for k, j in zip((11, 35, 59, 83, 107), (1, 3, 5, 7, 9), strict=True))
FAR = ("atoms/0", "atoms/1", "atoms/2")
#: What needs no training set, beside which the cost of a domain gap is measured (claim C10).
NO_SET = ("noise2sr", "noise2self", "fourier_wiener")


def table1_sets(profile: str) -> list[Run]:
    """Table I, the methods with a training set, each trained once for a level; in `laptop` the middle one.

    There also what C10 needs: the same on held-out structures and on another material, and what needs no
    training set on those.
    """
    if profile != "laptop":
        return [Run("pretrained", profile, m, image, a) for a in LEVELS for m in ON_SET for image in IMAGES]
    ours = [Run("pretrained", profile, m, image) for m in ON_SET for image in (*IMAGES, *HELD_OUT, *FAR)]
    return ours + [
        Run("classical" if m in FILTERS else "denoise", profile, m, image)
        for m in NO_SET
        for image in (*HELD_OUT, *FAR)
    ]


#: Parts of the preset's steps after which the warm start is measured, beside the whole from scratch.
WARM_PARTS = (1 / 3, 1 / 10)
WARM_LR = 5e-4  # a quarter of the preset's: the weights are good already
TRIAL = 200  # steps from scratch, with which the weights of the set are compared
UNLIKE = ("real/MoS2_stem_Exp-000-2.npy", "real/MoS2_stem_Exp-001-5.npy")


def _full_steps(image: str) -> int:
    """Steps of `laptop` for an image: those of 512² stop after `plan.epochs`."""
    return FULL_STEPS if image in IMAGES else 1126


def warm(image: str, part: float) -> Run:
    """Noise2SR that begins with the weights of the set, for a part of the steps of `laptop`."""
    steps = round(part * _full_steps(image))
    changed = (("plan.steps", steps), ("plan.lr", WARM_LR))
    return Run(image=image, overrides=changed, start="noise2sr_set")


def cold(image: str, part: float = 1.0) -> Run:
    """Noise2SR from scratch, for a part of the steps of `laptop`."""
    if part == 1.0:
        return noise2sr("laptop", image) if image in IMAGES else Run(image=image)
    return Run(image=image, overrides=(("plan.steps", round(part * _full_steps(image))),))


def choice(image: str) -> Run:
    """Whether the held-out loss is for beginning with the weights of the set."""
    return Run("choice", image=image, overrides=(("plan.steps", TRIAL),), start="noise2sr_set")


def warm_start(profile: str) -> list[Run]:
    """PSNR against seconds with the weights of the set and without; and what the held-out loss decides."""
    if profile != "laptop":
        return []
    images = (*IMAGES, *HELD_OUT, *FAR)
    choices = [choice(image) for image in (*images, *UNLIKE)]
    scratch = [cold(image, part) for part in (1.0, WARM_PARTS[0]) for image in images]
    return [*scratch, *(warm(image, part) for part in WARM_PARTS for image in images), *choices]
