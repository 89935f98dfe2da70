"""Network, strategy and plan under one name: ``smoke``, ``laptop`` and ``paper``."""

import dataclasses
from dataclasses import dataclass, field

from .errors import InputError
from .strategies.noise2sr import Noise2SR
from .train import Plan


@dataclass(frozen=True)
class Preset:
    """Network, strategy and plan: everything that, with an image and a seed, fixes a result."""

    network: dict = field(default_factory=dict)  # of `build_network`
    strategy: object = field(default_factory=Noise2SR)
    plan: Plan = field(default_factory=Plan)


PRESETS = {
    # Seconds; shows that everything works, not how well.
    "smoke": Preset(
        {"width": 8, "features": 8, "decoder_width": 8, "depth": 3},
        Noise2SR(M=8, flips=True),
        Plan(steps=60, batch=2, crop=64, lr=4e-3, warmup=10, averaging=0.9, cosine=True, every=10),
    ),
    # Minutes on two cores; the README says how it was found.
    "laptop": Preset(
        {
            "widths": (16, 32, 48, 64, 96),
            "features": 16,
            "decoder_width": 16,
            "activation": "silu",
            "initial": "he",
        },
        Noise2SR(M=96, flips=True),
        Plan(
            steps=3200,
            epochs=1126,  # a small image is known by heart sooner
            batch=4,
            lr=2e-3,
            weight_decay=0.1,
            warmup=50,
            cosine=True,
            averaging=0.99,
            precision="fastest",
        ),
    ),
    # Section IV-A.2: for a GPU.
    "paper": Preset(),
}


def choose_preset(preset: str | Preset) -> Preset:
    """A preset by name; InputError if there is none of that name."""
    if isinstance(preset, Preset):
        return preset
    if preset not in PRESETS:
        raise InputError(f"unknown preset {preset!r}; choose one of {', '.join(PRESETS)}")
    return PRESETS[preset]


def adapted(preset: str | Preset, sampler: dict[str, int]) -> Preset:
    """A preset with other settings of its sub-sampler, such as `Suitability.sampler`."""
    chosen = choose_preset(preset)
    return dataclasses.replace(chosen, strategy=dataclasses.replace(chosen.strategy, **sampler))


def limited(strategy, passes: int):
    """The strategy with at most so many passes, if it averages any."""
    return dataclasses.replace(strategy, M=min(strategy.M, passes)) if hasattr(strategy, "M") else strategy
