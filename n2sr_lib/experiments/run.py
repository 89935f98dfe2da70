"""One run, and what several tables share: images, noise levels, seeds, the shorter plan."""

from dataclasses import dataclass

PROFILES = ("laptop", "paper")
IMAGES = tuple(f"paper/{k}" for k in range(1, 6))
LEVELS = (0.05, 0.1, 0.02)  # a of Table I, the middle one first: most other tables stand at it
READOUT = 0.02  # b of Table I
TRAINING_SEEDS = (0, 1, 2)
PAIR = ("paper/1", "paper/2")  # the samples "3 dB" and "10 dB" of Tables III and IV
#: Steps of the runs of an ablation in `laptop`, for all cells of a table alike; `REPEATS` say what becomes of
#: the verdicts at the full plan.
SHORT_STEPS = 1000
FULL_STEPS = 3200  # of `laptop`, to be said where a method's preset has fewer


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


def short_plan(profile: str) -> tuple[tuple[str, object], ...]:
    """Overrides for the shorter plan; none where the profile has the time."""
    return (("plan.steps", SHORT_STEPS),) if profile == "laptop" else ()


def short(profile: str, image: str, a: float = LEVELS[0], seed: int = 0) -> Run:
    """Noise2SR with the plan that the rivals share: in `laptop` a run of Table II, in `paper` of Table I."""
    return noise2sr(profile, image, a, short_plan(profile), seed=seed)
