"""Experimental images, pairs of doses, correlated noise, and the calibration of error estimates."""

from .run import IMAGES, LEVELS, TRAINING_SEEDS, Run, noise2sr, short_plan
from .sequences import REAL
from .zero_shot import OWN, RIVALS

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
#: What a sub-sampler can do against correlated noise, label -> overrides.
SAMPLERS = {
    "s = 2": (),
    "s = 3": (("strategy.s", 3),),
    "s = 2, neighbours aside": (("strategy.aside", 1),),
    "s = 3, neighbours aside": (("strategy.s", 3), ("strategy.aside", 1)),
}
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
    asides = [overrides for label, overrides in SAMPLERS.items() if "aside" in label]
    adapted = [Run("real", profile, image=image, overrides=o) for image in STREAKY for o in asides]
    others = [m for m in RIVALS if m != BEST_RIVAL]
    runs += pair + best + adapted
    runs += [paired(image, BEST_RIVAL, seed) for image in DOSES for seed in TRAINING_SEEDS]
    runs += [Run("real", profile, method, image) for method in others for image in REAL_IMAGES[:2]]
    return runs + [paired("crystal/te", method) for method in others]


CORRELATIONS = (0.0, 0.2, 0.4, 0.6)  # of the noise of neighbouring pixels of a row
CORRELATED_STEPS = 500


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
    plan = short_plan(profile)
    return [noise2sr(profile, image, a, plan, study="calibration") for a in LEVELS for image in IMAGES]
