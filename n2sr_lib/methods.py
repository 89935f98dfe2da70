"""Every method that is trained: its strategy, and the settings with which a profile runs it."""

import dataclasses

from .denoising import Preset, choose_preset
from .errors import InputError
from .strategies.noise2self import Noise2Self
from .strategies.noise2sr import Noise2SR

STRATEGIES = {"noise2sr": Noise2SR, "noise2self": Noise2Self}
#: Steps that all methods share in `laptop` where they are compared with each other.
SHARED_STEPS = 1000


def preset_for(method: str, profile: str) -> Preset:
    """Network, strategy and plan of a method in a profile; InputError if one of them is unknown.

    Noise2SR is used with the presets themselves. In `laptop` every rival gets the same network and plan, for
    `SHARED_STEPS` steps, so that rows compare strategies and not networks.
    """
    if method not in STRATEGIES:
        raise InputError(f"unknown method {method!r}; choose one of {', '.join(STRATEGIES)}")
    preset = choose_preset(profile)
    if method == "noise2sr":
        return preset
    plan = preset.plan
    if profile == "laptop":
        plan = dataclasses.replace(plan, steps=SHARED_STEPS)
    return Preset(preset.network, STRATEGIES[method](), plan)
