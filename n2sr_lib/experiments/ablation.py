"""Table II, Fig. 10, Fig. 12 and Table IV: places, stride, number of sub-samplings, upsampling."""

from .run import IMAGES, LEVELS, PAIR, Run, noise2sr, short_plan
from .zero_shot import table1

#: Fixed places leave nothing to average over but the eight flips and turns.
FIXED = (("strategy.sampling", "fixed"), ("strategy.flips", True), ("strategy.M", 8))
STRIDES = (2, 3, 4)
UPSAMPLINGS = ("pixel shuffle", "transposed convolution", "bilinear")


def stride_options(s: int) -> tuple[tuple[str, object], ...]:
    """Overrides for a stride; none for that of the preset."""
    return (("strategy.s", s),) if s != 2 else ()


def upsampling_options(name: str) -> tuple[tuple[str, object], ...]:
    """Overrides for a way to enlarge; none for that of the preset."""
    return (("network.upsampling", name),) if name != "pixel shuffle" else ()


def table2(profile: str) -> list[Run]:
    """Table II: random and fixed places, three noise levels, five images."""
    return [
        noise2sr(profile, image, a, (*short_plan(profile), *places), **study)
        for a in LEVELS
        for places, study in (((), {}), (FIXED, {"study": "readings"}))
        for image in IMAGES
    ]


def fig10(profile: str) -> list[Run]:
    """Fig. 10: the stride s, five images at a = 0.05."""
    return [
        noise2sr(profile, image, overrides=(*short_plan(profile), *stride_options(s)))
        for s in STRIDES
        for image in IMAGES
    ]


def fig12(profile: str) -> list[Run]:
    """Fig. 12: the number of sub-samplings, on the networks of Table I at a = 0.05."""
    return [run for run in table1(profile) if run.study == "samples"]


def table4(profile: str) -> list[Run]:
    """Table IV: how the decoder enlarges."""
    return [
        noise2sr(profile, image, overrides=(*short_plan(profile), *upsampling_options(name)))
        for name in UPSAMPLINGS
        for image in PAIR
    ]
