"""What each table and figure consists of: lists of runs, declared once for a laptop, a GPU and a cluster."""

from collections.abc import Iterable
from dataclasses import dataclass

from .errors import InputError

PROFILES = ("laptop", "paper")
IMAGES = tuple(f"paper/{k}" for k in range(1, 6))
LEVELS = (0.05, 0.1, 0.02)  # a of Table I, the middle one first: most other tables stand at it
READOUT = 0.02  # b of Table I
TRAINING_SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Run:
    """One thing to be executed and recorded; scalars and tuples only.

    Parameters
    ----------
    kind : ``"denoise"``; ``"classical"``, a filter that is not trained; ``"pretrained"``, a network that was
        trained on the simulated set; ``"choice"``, whether to begin with `start` (`warm`); ``"real"``, an
        image of `real`, to which no noise is added; or the module ``"theory"``, ``"timing"`` or ``"series"``,
        whose function `method` gets the seed, in ``"series"`` also the overrides as options and, where
        `image` says so, the characters of a font or the real frames.
    profile : name of a preset of `denoising`.
    method : a name of `methods.STRATEGIES`, `methods.CLASSICAL` or `methods.ON_SET`, or of a numerical
        experiment.
    image : the clean image x: ``"paper/1"`` to ``"paper/5"``, ``"sample/<name>"``, ``"crystal/<name>"``, of
        the simulated set ``"set/<structure>/<image>"``, or of another material ``"atoms/<seed>"``. For a
        choice also a noisy one, ``"real/<file>"``. Or a name of `real.SOURCES`; or `CHARACTERS` or `REAL`.
    a, b : noise of eq. 12, in the units of x.
    model : law of the noise, of `noise.MODELS`.
    correlation : of the noise of neighbouring pixels of a row (`streaks.streaky_noise`).
    noise_seed, seed : of the noise; of everything else.
    budget : seconds, which then decide the number of steps; None: the preset does.
    overrides : (dotted name, value) pairs put over the preset, such as ``("plan.steps", 1000)``.
    study : name of a further question to the trained network, from `studies`.
    start : the method of `methods.ON_SET` whose weights a ``"denoise"`` begins with; empty: with its own.
    """

    kind: str = "denoise"
    profile: str = "laptop"
    method: str = "noise2sr"
    image: str = ""
    a: float = 0.05
    b: float = READOUT
    noise_seed: int = 0
    seed: int = 0
    budget: float | None = None
    overrides: tuple[tuple[str, object], ...] = ()
    study: str = ""
    start: str = ""
    model: str = "gaussian"
    correlation: float = 0.0

    def __str__(self) -> str:
        if self.kind in ("pretrained", "choice"):
            what = self.method if self.kind == "pretrained" else f"whether to begin with {self.start}"
            return f"{what}, {self.profile}, {self.image}, a={self.a:g}"
        if self.kind == "classical":
            return f"{self.method}, {self.image}, a={self.a:g}, noise seed {self.noise_seed}"
        changed = "".join(f", {name}={value}" for name, value in self.overrides)
        if self.kind == "real":
            return f"{self.method}, {self.profile}, {self.image}, seed {self.seed}{changed}"
        if self.kind != "denoise":
            of = f" ({self.image})" if self.image else ""
            return f"{self.method}{of}, seed {self.seed}{changed}"
        limit = f", {self.budget:g} s" if self.budget else ""
        limit += f", {self.study}" if self.study else ""
        limit += f", from {self.start}" if self.start else ""
        limit += f", correlation {self.correlation:g}" if self.correlation else ""
        seeds = f"seeds {self.noise_seed}/{self.seed}"
        return f"{self.method}, {self.profile}, {self.image}, a={self.a:g}, {seeds}{limit}{changed}"


def noise2sr(profile: str, image: str, a: float = LEVELS[0], overrides: tuple = (), **more) -> Run:
    """A run of Noise2SR. What several tables ask for is one run: that of Fig. 12, which asks for more."""
    plain = not overrides and a == LEVELS[0] and not more.get("seed")
    return Run(
        profile=profile,
        image=image,
        a=a,
        overrides=overrides,
        **({"study": "samples"} if plain else {}) | more,
    )


def table1(profile: str) -> list[Run]:
    """Table I, the rows of Noise2SR: five images, three noise levels."""
    return [noise2sr(profile, image, a) for a in LEVELS for image in IMAGES]


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


def budget60(profile: str) -> list[Run]:
    """What one minute gives on image 1."""
    return [Run(profile=profile, image="paper/1", budget=60)] if profile == "laptop" else []


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


#: Fixed places leave nothing to average over but the eight flips and turns.
FIXED = (("strategy.sampling", "fixed"), ("strategy.flips", True), ("strategy.M", 8))
#: Steps of every run of the recipe: a shorter plan for all its lines alike.
RECIPE_STEPS = 1000
#: Why the settings of `laptop` are what they are: one departure from them a line, label -> overrides.
RECIPE: dict[str, tuple[tuple[str, object], ...]] = {
    "as it is": (),
    "ReLU instead of SiLU": (("network.activation", "relu"),),
    "PyTorch's own starting weights": (("network.initial", "torch"),),
    "the paper's U-Net with 24 channels": (
        ("network.widths", ()),
        ("network.width", 24),
        ("network.initial", "torch"),
    ),
    "narrower (16, 16, 24, 32, 48 channels)": (("network.widths", (16, 16, 24, 32, 48)),),
    "four levels instead of five": (("network.widths", (16, 32, 48, 64)),),
    "reflecting instead of zero padding": (("network.padding", "reflect"),),
    "group normalisation": (("network.normalisation", "group"),),
    "half the learning rate": (("plan.lr", 1e-3),),
    "twice the learning rate": (("plan.lr", 4e-3),),
    "a tenth of the weight decay": (("plan.weight_decay", 1e-2),),
    "sixteen crops of 128²": (("plan.batch", 16), ("plan.crop", 128)),
    "no averaged weights": (("plan.averaging", 0.0),),
    "no flips and turns in training": (("plan.augment", "none"),),
    "a quarter of the passes (M = 24)": (("strategy.M", 24),),
    "no flips and turns in averaging": (("strategy.flips", False),),
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


#: Steps of the runs of an ablation in `laptop`, for all cells of a table alike; `REPEATS` say what becomes of
#: the verdicts at the full plan.
SHORT_STEPS = 1000
FULL_STEPS = 3200  # of `laptop`, to be said where a method's preset has fewer
STRIDES = (2, 3, 4)
UPSAMPLINGS = ("pixel shuffle", "transposed convolution", "bilinear")
PAIR = ("paper/1", "paper/2")  # the samples "3 dB" and "10 dB" of Tables III and IV


def _short(profile: str) -> tuple[tuple[str, object], ...]:
    return (("plan.steps", SHORT_STEPS),) if profile == "laptop" else ()


def _stride(s: int) -> tuple[tuple[str, object], ...]:
    return (("strategy.s", s),) if s != 2 else ()


def _upsampling(name: str) -> tuple[tuple[str, object], ...]:
    return (("network.upsampling", name),) if name != "pixel shuffle" else ()


def table2(profile: str) -> list[Run]:
    """Table II: random and fixed places, three noise levels, five images."""
    return [
        noise2sr(profile, image, a, (*_short(profile), *places), **study)
        for a in LEVELS
        for places, study in (((), {}), (FIXED, {"study": "readings"}))
        for image in IMAGES
    ]


def fig10(profile: str) -> list[Run]:
    """Fig. 10: the stride s, five images at a = 0.05."""
    return [
        noise2sr(profile, image, overrides=(*_short(profile), *_stride(s)))
        for s in STRIDES
        for image in IMAGES
    ]


def fig12(profile: str) -> list[Run]:
    """Fig. 12: the number of sub-samplings, on the networks of Table I at a = 0.05."""
    return [run for run in table1(profile) if run.study == "samples"]


def table4(profile: str) -> list[Run]:
    """Table IV: how the decoder enlarges."""
    return [
        noise2sr(profile, image, overrides=(*_short(profile), *_upsampling(name)))
        for name in UPSAMPLINGS
        for image in PAIR
    ]


#: Table III in `smoke`.
TINY_STEPS = 24
TINY_SIZES: dict[str, dict[str, object]] = {
    "u-net": {},
    "uformer": {"width": 4, "blocks": (1, 1), "window": 4},
    "restormer": {"width": 4, "blocks": (1, 1), "refinement": 0},
    "fbi-net": {"width": 4, "depth": 3},
}
#: Table III in `laptop`: sizes with equal multiplications per pixel of the output (within 20 %), as overrides
#: of (strategy, encoder). The U-Net of Noise2SR is that of the preset, FBI-Net that of `methods.SMALL`.
ENCODER_SIZES: dict[tuple[str, str], dict[str, object]] = {
    ("noise2sr", "u-net"): {},
    ("noise2sr", "uformer"): {"width": 8, "blocks": (1, 1, 2, 2), "window": 4},
    ("noise2sr", "restormer"): {"width": 8, "blocks": (1, 1, 2, 4), "refinement": 0},
    ("noise2self", "u-net"): {"widths": (8, 16, 48, 64, 96), "features": 8},
    ("noise2self", "uformer"): {"width": 6, "blocks": (0, 1, 2, 2), "window": 4},
    ("noise2self", "restormer"): {"width": 8, "blocks": (0, 1, 1, 2), "refinement": 0},
    ("fbi", "fbi-net"): {},
}


def _encoder(profile: str, method: str, encoder: str) -> tuple[tuple[str, object], ...]:
    transformer = {"encoder": encoder, "initial": "torch"} if encoder in ("uformer", "restormer") else {}
    if profile == "laptop":
        options = transformer | ENCODER_SIZES[method, encoder]
    elif profile == "smoke":
        options = transformer | TINY_SIZES[encoder]
    else:  # the sizes with which they were published
        options = transformer | {"width": {"uformer": 32, "restormer": 48}[encoder]} if transformer else {}
    return tuple((f"network.{name}", value) for name, value in options.items())


def _run(method: str, profile: str, image: str, overrides: tuple, **more) -> Run:
    if method == "noise2sr":
        return noise2sr(profile, image, overrides=overrides, **more)
    return Run(profile=profile, method=method, image=image, overrides=overrides, **more)


def table3(profile: str) -> list[Run]:
    """Table III: every encoder with Noise2SR and Noise2Self, and FBI-Net."""

    def steps(method: str) -> tuple[tuple[str, object], ...]:
        if profile == "smoke":
            return (("plan.steps", TINY_STEPS),)
        return _short(profile) if method == "noise2sr" else ()

    return [
        _run(method, profile, image, (*steps(method), *_encoder(profile, method, encoder)))
        for method, encoder in ENCODER_SIZES
        for image in PAIR
    ]


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
    return (*steps, *_encoder("laptop", method, encoder))


#: What the ablations compare, once more at the full plan of `laptop`: label -> method and overrides.
REPEATS: dict[str, tuple[str, tuple[tuple[str, object], ...]]] = {
    "random": ("noise2sr", ()),
    "fixed": ("noise2sr", FIXED),
    **{f"s = {s}": ("noise2sr", _stride(s)) for s in STRIDES[1:]},
    **{name: ("noise2sr", _upsampling(name)) for name in UPSAMPLINGS[1:]},
    **{label: (cell[0], _full_plan(*cell)) for cell, label in ENCODER_REPEATS.items() if label != "random"},
}


def repeats(profile: str) -> list[Run]:
    """The ablations at the full plan: images 1 and 2, three training seeds."""
    if profile != "laptop":
        return []
    return [
        _run(method, profile, image, overrides, seed=seed)
        for method, overrides in REPEATS.values()
        for image in PAIR
        for seed in TRAINING_SEEDS
    ]


def short(profile: str, image: str, a: float = LEVELS[0], seed: int = 0) -> Run:
    """Noise2SR with the plan that the rivals share: in `laptop` a run of Table II, in `paper` of Table I."""
    return noise2sr(profile, image, a, _short(profile), seed=seed)


#: Our own images, on which Table I is repeated at the middle level; nothing was tuned on them.
OWN = ("sample/ptceo2_b_black", "sample/ptceo2_c_white")


def table1_own(profile: str) -> list[Run]:
    """Table I once more, on two simulated images of our own."""
    if profile != "laptop":
        return []
    ours = [run for image in OWN for run in (short(profile, image), noise2sr(profile, image, study=""))]
    return ours + rivals_on(profile, OWN, LEVELS[:1])


#: The paper's two best rivals at the middle level, and one more, should ours be others.
SEEDED = ("noise2self", "fbi", "neighbor2neighbor")


def table1_seeds(profile: str) -> list[Run]:
    """Further training seeds on images 1 and 2, all after the shared plan; `repeats` has the full one's."""
    if profile != "laptop":
        return []
    seeds = TRAINING_SEEDS[1:]
    ours = [short(profile, image, seed=seed) for image in PAIR for seed in seeds]
    return ours + [Run(method=m, image=image, seed=seed) for m in SEEDED for image in PAIR for seed in seeds]


_NOT_OURS = (("network.widths", ()), ("network.features", 128), ("network.decoder_width", None))
_NOT_OURS += (("network.activation", "relu"), ("network.initial", "torch"))
#: Overrides that give each method the network (`methods.PUBLISHED`) and the learning rate of its authors.
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


#: Small and large patches (Figs. 7 and 8), with equally many pixels a step.
PATCHES = {"laptop": (32, 256), "paper": (128, 1024)}


def patches(profile: str) -> list[Run]:
    """Figs. 7 and 8 of the autoencoder's paper: a lattice with a fault, from small and from large patches."""
    small, large = PATCHES[profile]
    scene = {"scene": "faulty", "frames": 48 if profile == "laptop" else 200, "side": large}
    batches = {small: (large // small) ** 2, large: 1}
    return [
        _series(profile, "atoms", seed, **scene, crop=crop, batch=batch)
        for crop, batch in batches.items()
        for seed in TRAINING_SEEDS
    ]


STAND_INS = (
    {"of": "fluorescence"},
    {"of": "fluorescence", "method": "noise2void"},
    {"of": "sky", "frames": 64, "error": "absolute"},
)


def stand_ins(profile: str) -> list[Run]:
    """Figs. 6 and 11 of the autoencoder's paper, on simulated stand-ins; and C30, which takes seconds."""
    kernel = [Run(kind="theory", profile=profile, method="eq13", seed=seed) for seed in TRAINING_SEEDS]
    return kernel + [
        _series(profile, "stand_in", seed, **line) for line in STAND_INS for seed in TRAINING_SEEDS
    ]


FILTERED = ("noisy", "blurred", "constant")
TRAINED = ("noise2sr", "autoencoder", "noise2atom")
LENGTHS = (1, 10, 100, 1000)  # frames of the simulated crystal


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
    return (
        ours
        + real
        + [_series(profile, "atoms", seed, REAL, method=m) for m in TRAINED for seed in TRAINING_SEEDS]
    )


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


#: Experimental images (`real.SOURCES`): all methods on the first two, on the others all filters and the best
#: of the trained.
REAL_IMAGES = (
    "real/MoS2_stem_Exp-000-2.npy",
    "real/Moire.npz",
    "real/MoS2_stem_Exp-001-5.npy",
    "real/091_HAADF_15nm_Sample_PtNC_21Oct20.tif",
    REAL,
)
#: Of these the noise is correlated along the scan lines.
STREAKY = (REAL_IMAGES[0], *REAL_IMAGES[2:3], REAL)
BEST_RIVAL = "noise2self"
ADAPTED = (("strategy.s", 3), ("strategy.aside", 1))  # what `Suitability.sampler` chooses for such noise
#: What nobody tells the noise; the first two are no methods.
UNTOLD = (
    *("noisy", "constant", "adaptive_wiener", "gaussian_blur", "fourier_wiener", "non_local_means"),
    *("wavelet", "vst_bm3d_estimated"),
)
#: The simulated pair (`crystals`): a at low dose. The reference has so many times as many electrons.
DOSES, HIGH_DOSE = {"crystal/te": 0.6, "crystal/framework": 0.3}, 50


def paired(image: str, method: str, seed: int = 0, profile: str = "laptop") -> Run:
    """A method on one of the simulated crystals at low dose; every seed has its own noise and training."""
    kind = "classical" if method in UNTOLD else "denoise"
    noise = {"a": DOSES[image], "b": 0.0, "noise_seed": seed, "model": "poisson"}
    return Run(kind, profile, method, image, seed=seed if kind == "denoise" else 0, **noise)


def real(profile: str) -> list[Run]:
    """Figs. 6 and 7 in kind: the experimental images, and a simulated pair at low and high dose."""
    if profile != "laptop":
        return []
    runs = [Run("real", profile, method, image) for image in REAL_IMAGES for method in UNTOLD]
    pair = [paired(image, m, s) for image in DOSES for s in TRAINING_SEEDS for m in (*UNTOLD[2:], "noise2sr")]
    best = [Run("real", profile, m, image) for image in REAL_IMAGES for m in ("noise2sr", BEST_RIVAL)]
    adapted = [Run("real", profile, image=image, overrides=ADAPTED) for image in STREAKY]
    others = [m for m in RIVALS if m != BEST_RIVAL]
    runs += pair + best + adapted
    runs += [paired(image, BEST_RIVAL, seed) for image in DOSES for seed in TRAINING_SEEDS]
    runs += [Run("real", profile, method, image) for method in others for image in REAL_IMAGES[:2]]
    return runs + [paired("crystal/te", method, seed) for method in others for seed in TRAINING_SEEDS]


CORRELATIONS = (0.0, 0.2, 0.4, 0.6)  # of the noise of neighbouring pixels of a row
CORRELATED_STEPS = 500
#: What a sub-sampler can do against it, label -> overrides.
SAMPLERS = {
    "plain (s = 2)": (),
    "stride 3": ADAPTED[:1],
    "neighbours aside": ADAPTED[1:],
    "stride 3, neighbours aside": ADAPTED,
}


def correlated(profile: str) -> list[Run]:
    """What helps against noise along the scan lines: two images of our own, a shorter plan for all alike."""
    if profile != "laptop":
        return []
    steps = ("plan.steps", CORRELATED_STEPS)
    return [
        Run(image=image, correlation=phi, overrides=(steps, *sampler))
        for phi in CORRELATIONS
        for sampler in SAMPLERS.values()
        for image in OWN
    ]


def calibration(profile: str) -> list[Run]:
    """Estimated error and spread against the true error: five images, three levels, the shorter plan."""
    return [
        noise2sr(profile, image, a, _short(profile), study="calibration") for a in LEVELS for image in IMAGES
    ]


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
