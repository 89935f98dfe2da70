"""Table III: strategies and encoders, at sizes of equal cost."""

from .run import PAIR, Run, noise2sr, short_plan

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
#: The paper's U-Net (Fig. 3), narrower, but with half as much work again as the encoders of `laptop`.
PAPERS_UNET = (("network.widths", ()), ("network.width", 24), ("network.initial", "torch"))


def encoder_options(profile: str, method: str, encoder: str) -> tuple[tuple[str, object], ...]:
    """Overrides for an encoder, in the size of the profile."""
    transformer = {"encoder": encoder, "initial": "torch"} if encoder in ("uformer", "restormer") else {}
    if profile == "laptop":
        options = transformer | ENCODER_SIZES[method, encoder]
    elif profile == "smoke":
        options = transformer | TINY_SIZES[encoder]
    else:  # the sizes with which they were published
        options = transformer | {"width": {"uformer": 32, "restormer": 48}[encoder]} if transformer else {}
    return tuple((f"network.{name}", value) for name, value in options.items())


def with_method(method: str, profile: str, image: str, overrides: tuple, **more) -> Run:
    """A run of any strategy; of Noise2SR the one that several tables share."""
    if method == "noise2sr":
        return noise2sr(profile, image, overrides=overrides, **more)
    return Run(profile=profile, method=method, image=image, overrides=overrides, **more)


def table3(profile: str) -> list[Run]:
    """Table III: every encoder with Noise2SR and Noise2Self, and FBI-Net."""

    def steps(method: str) -> tuple[tuple[str, object], ...]:
        if profile == "smoke":
            return (("plan.steps", TINY_STEPS),)
        return short_plan(profile) if method == "noise2sr" else ()

    return [
        with_method(method, profile, image, (*steps(method), *encoder_options(profile, method, encoder)))
        for method, encoder in ENCODER_SIZES
        for image in PAIR
    ]
