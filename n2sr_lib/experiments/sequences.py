"""Series of images and characters: the autoencoder's paper, Noise2Atom, and which to use when."""

from .run import TRAINING_SEEDS, Run

#: All characters of the font that `io.font` finds, and five frames of SrTiO3, whose atoms are dark (ABF).
CHARACTERS, REAL = "characters", "real/stem_abf_data_imagestack.hspy"
#: Stacks of images at the size of the paper; `series` has the smaller ones of `laptop` for defaults.
FULL_SERIES = {
    "characters": (("full", True), ("count", 40_000), ("batch", 128), ("steps", 60_000)),  # 200 epochs
    "atoms": (("full", True), ("frames", 1000), ("side", 512), ("crop", 512), ("steps", 8000)),
    "stand_in": (("full", True), ("side", 512), ("crop", 256), ("batch", 16), ("steps", 8000)),
}


def _series(profile: str, name: str, seed: int = 0, image: str = "", /, **options) -> Run:
    size = dict(FULL_SERIES.get(name, ())) if profile == "paper" else {}
    changed = tuple((size | options).items())
    return Run(kind="series", profile=profile, method=name, image=image, seed=seed, overrides=changed)


def cjk(profile: str) -> list[Run]:
    """Figs. 4 and 5 of the autoencoder's paper: with the extra outputs and without, and Noise2Self."""
    lines: tuple[dict, ...] = ({}, {"outputs": 1}, {"method": "noise2self"})
    three = [
        _series(profile, "characters", seed, CHARACTERS, **line) for seed in TRAINING_SEEDS for line in lines
    ]
    # A wide bottleneck, which fails on the illegal strokes too; and the other error, where noise is skewed.
    others = ({"channels": 64}, {"error": "squared"})
    return three + [_series(profile, "characters", 0, CHARACTERS, **line) for line in others]


BOTTLENECKS = (1, 4, 16, 64)
MOVING = {"scene": "moving", "frames": 256}


def tracking(profile: str) -> list[Run]:
    """Figs. 9 and 10 of the autoencoder's paper: single atoms, one of which joins a cluster."""
    scene = {"scene": "moving"} if profile == "paper" else MOVING
    return [_series(profile, "atoms", seed, **scene) for seed in TRAINING_SEEDS]


def bottleneck(profile: str) -> list[Run]:
    """Fig. 3 of the autoencoder's paper: channels of the bottleneck; and the error of the paper at 64.

    All seeds for the narrowest and the widest, which the claim compares.
    """
    scene = {"scene": "moving"} if profile == "paper" else MOVING
    narrow = [_series(profile, "atoms", seed, **scene, channels=BOTTLENECKS[0]) for seed in TRAINING_SEEDS]
    between = [_series(profile, "atoms", **scene, channels=channels) for channels in BOTTLENECKS[1:-1]]
    return [*tracking(profile), *narrow, *between, _series(profile, "atoms", **scene, error="absolute")]


#: Small and large patches (Figs. 7 and 8), with equally many pixels a step; and the dose, at which both learn
#: the lattice in every run. At 1.0 that is left to chance.
PATCHES, PATCH_DOSE = {"laptop": (32, 256), "paper": (128, 1024)}, 4.0


def patches(profile: str) -> list[Run]:
    """Figs. 7 and 8 of the autoencoder's paper: a lattice with a fault, from small and from large patches."""
    small, large = PATCHES[profile]
    scene = {"scene": "faulty", "frames": 48 if profile == "laptop" else 200, "side": large}
    scene |= {"dose": PATCH_DOSE}
    batches = {small: (large // small) ** 2, large: 1}
    return [
        _series(profile, "atoms", seed, **scene, crop=crop, batch=batch)
        for crop, batch in batches.items()
        for seed in TRAINING_SEEDS
    ]


SKY_STEPS = 1800  # of `laptop`: after the 600 of the others most stars are missing
STAND_INS = (
    {"of": "fluorescence"},
    {"of": "fluorescence", "method": "noise2void"},
    {"of": "sky", "frames": 64, "error": "absolute"},
)


def stand_ins(profile: str) -> list[Run]:
    """Figs. 6 and 11 of the autoencoder's paper, on simulated stand-ins; and C30, which takes seconds."""
    kernel = [Run(kind="theory", profile=profile, method="eq13", seed=seed) for seed in TRAINING_SEEDS]
    longer = {"sky": {"steps": SKY_STEPS}} if profile == "laptop" else {}
    return kernel + [
        _series(profile, "stand_in", seed, **line, **longer.get(line["of"], {}))
        for line in STAND_INS
        for seed in TRAINING_SEEDS
    ]


FILTERED = ("noisy", "blurred", "constant")
TRAINED = ("noise2sr", "autoencoder", "noise2atom")
LENGTHS = (1, 10, 100, 1000)  # frames of the simulated crystal
SMALLER = {"crop": 64, "batch": 32}  # patches of the autoencoder on the real series, besides its usual ones


def on_crystal(method: str, frames: int = 10, seed: int = 0, **options) -> Run:
    """A method on a simulated series. What sees one frame at a time needs one length only."""
    return _series("laptop", "atoms", seed, method=method, frames=frames, **options)


def noise2atom(profile: str) -> list[Run]:
    """All three systems on a simulated and a real series; `laptop` only, see notebook 12."""
    if profile != "laptop":
        return []
    methods = (*FILTERED, *TRAINED)
    ours = [on_crystal(method, seed=seed) for method in methods for seed in TRAINING_SEEDS]
    real = [_series(profile, "atoms", 0, REAL, method=method) for method in FILTERED]
    trained = [{"method": method} for method in TRAINED] + [{"method": "autoencoder", **SMALLER}]
    real += [_series(profile, "atoms", seed, REAL, **some) for some in trained for seed in TRAINING_SEEDS]
    return ours + real


def which(profile: str) -> list[Run]:
    """Notebook 13: one image, series of 10 and of 100 frames; and the autoencoder's use, stacks of 1,000.

    The last is trained on 100 frames drawn at random, and on all.
    """
    if profile != "laptop":
        return []
    runs = [run for run in noise2atom(profile) if not run.image]
    runs += [on_crystal(m, n, seed) for m in TRAINED[1:] for n in (1, 100) for seed in TRAINING_SEEDS]
    return runs + [
        on_crystal("autoencoder", LENGTHS[-1], seed, **some)
        for some in ({}, {"fitted": 100})
        for seed in TRAINING_SEEDS
    ]


def stacks(profile: str) -> list[Run]:
    """What a frame costs, in notebook 11: the part of `which` that is about one network and many frames."""
    both = TRAINED[:2]
    return [run for run in which(profile) if dict(run.overrides)["method"] in both]
