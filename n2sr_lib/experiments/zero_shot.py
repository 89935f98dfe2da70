"""Table I without a training set: Noise2SR, its rivals, further seeds and images, curves."""

from collections.abc import Iterable

from .run import IMAGES, LEVELS, PAIR, READOUT, TRAINING_SEEDS, Run, noise2sr, short


def table1(profile: str) -> list[Run]:
    """Table I, the rows of Noise2SR: five images, three noise levels."""
    return [noise2sr(profile, image, a) for a in LEVELS for image in IMAGES]


def budget60(profile: str) -> list[Run]:
    """What one minute gives on image 1."""
    return [Run(profile=profile, image="paper/1", budget=60)] if profile == "laptop" else []


#: Rows of Table I that are not Noise2SR: filters first, since they take seconds.
FILTERS = (
    "adaptive_wiener",
    "vst_bm3d",
    "vst_bm3d_estimated",
    "gaussian_blur",
    "fourier_wiener",
    "non_local_means",
    "wavelet",
)
RIVALS = ("noise2self", "neighbor2neighbor", "zs_noise2noise", "self2self", "fbi")  # longest last


def rivals_on(profile: str, images: Iterable[str], levels: Iterable[float] = LEVELS) -> list[Run]:
    """Every other method that needs no training data, level by level; what takes longest comes last."""
    return [
        Run("classical", "laptop", method, image, a)
        if method in FILTERS
        else Run(profile=profile, method=method, image=image, a=a)
        for a in levels
        for method in (*FILTERS, *RIVALS)
        for image in images
    ]


def table1_rivals(profile: str) -> list[Run]:
    """Table I, the other methods that need no training data."""
    return rivals_on(profile, IMAGES)


#: Our own images, on which Table I is repeated at the middle level; nothing was tuned on them.
OWN = ("sample/ptceo2_b_black", "sample/ptceo2_c_white")


def table1_own(profile: str) -> list[Run]:
    """Table I once more, on two simulated images of our own."""
    if profile != "laptop":
        return []
    ours = [run for image in OWN for run in (short(profile, image), noise2sr(profile, image, study=""))]
    return ours + rivals_on(profile, OWN, LEVELS[:1])


#: The two rivals that come nearest to Noise2SR at the middle level; and the furthest, lest that be chance.
SEEDED = ("noise2self", "self2self", "neighbor2neighbor")


def table1_seeds(profile: str) -> list[Run]:
    """Further training seeds on images 1 and 2, all after the shared plan; `repeats` has the full one's."""
    if profile != "laptop":
        return []
    seeds = TRAINING_SEEDS[1:]
    ours = [short(profile, image, seed=seed) for image in PAIR for seed in seeds]
    theirs = [Run(method=m, image=image, seed=seed) for m in SEEDED for image in PAIR for seed in seeds]
    return [*ours, *theirs]


def fbi_given(profile: str) -> list[Run]:
    """FBI-Denoiser with the true a and b on images 1 and 2, which parts its two stages."""
    noise = (("strategy.a", LEVELS[0]), ("strategy.b", READOUT))
    return [Run(profile=profile, method="fbi", image=image, overrides=noise) for image in PAIR]


_NOT_OURS = (("network.widths", ()), ("network.features", 128), ("network.decoder_width", None))
_NOT_OURS += (("network.activation", "relu"), ("network.initial", "torch"))
#: Overrides that give each method the network of full size (`methods.PUBLISHED`) and the learning rate of its
#: authors.
PUBLISHED = {
    "noise2sr": (*_NOT_OURS, ("plan.lr", 1e-4)),
    "noise2self": (*_NOT_OURS, ("network.encoder", "noise2noise u-net"), ("plan.lr", 1e-3)),
    "neighbor2neighbor": (*_NOT_OURS, ("network.encoder", "noise2noise u-net"), ("plan.lr", 3e-4)),
    "zs_noise2noise": (*_NOT_OURS, ("network.encoder", "zs-net"), ("plan.lr", 1e-3)),
    "self2self": (("network.width", 48), ("plan.lr", 1e-4)),
    "fbi": (("network.width", 64), ("plan.lr", 1e-3)),
}
CURVE_SECONDS = 900


def curves(profile: str) -> list[Run]:
    """PSNR against seconds on image 1, a quarter of an hour for each method and network."""
    if profile != "laptop":
        return []
    return [
        Run(method=method, image="paper/1", budget=CURVE_SECONDS, overrides=(("plan.epochs", 0.0), *network))
        for published in (False, True)
        for method in ("noise2sr", *RIVALS)
        for network in [PUBLISHED[method] if published else ()]
    ]
