"""From a run to everything that fixes its result, and the hash that names it."""

import dataclasses
import inspect
import json

from .. import data, particles, real, series
from ..devices import choose_device, fastest_precision
from ..errors import InputError
from ..experiments.run import Run
from ..methods import CLASSICAL, ON_SET, STRATEGIES, preset_for, preset_for_set
from ..networks.build import build_network
from ..presets import Preset
from ..series.rivals import settings_for
from ..studies import STUDIES
from ..train import Plan
from .hashes import canonical, sha256
from .inputs import input_hash

#: Set by hand: raise a number only when the results of that kind of run would change; all its records are
#: then missing again.
ALGORITHM = {"denoise": 1, "classical": 1, "theory": 2, "timing": 2, "series": 1, "real": 2}
ALGORITHM |= {"pretrained": 1, "choice": 1}
CHANGED = {"self2self": 1, "fbi": 1}  # added to it for a method of which alone the results changed
TRAINING = 1  # the same for the weights of networks that are trained on the set
#: Settings that change memory and speed only.
NOT_IN_KEY = {"strategy.batch"}
#: Settings that came after the first records, with the value that means what was done before: at that value
#: they are not part of the key, so that a new option does not orphan old records.
ADDED_LATER: dict[str, object] = {
    "plan.epochs": 1126,  # no limit below 3,200 steps on images of 832×896 pixels, all that were recorded
    "strategy.aside": 0,
    "network.upsampling": "pixel shuffle",
    "network.encoder": "",
    "network.blocks": [],
    "network.window": 8,
    "network.refinement": 4,
    "network.padding": "zeros",
    "network.normalisation": "none",
}


def specify(run: Run) -> dict:
    """Everything that, with a device, fixes the result of a run: plain JSON, no name of a preset in it.

    Raises
    ------
    InputError
        If the kind, method, image, profile or the name of an override is unknown.
    """
    if run.kind not in ALGORITHM:
        raise InputError(f"unknown kind of run {run.kind!r}; choose one of {', '.join(ALGORITHM)}")
    algorithm = ALGORITHM[run.kind] + CHANGED.get(run.method, 0)
    begin = {"kind": run.kind, "method": run.method, "algorithm": algorithm, "seed": run.seed}
    if run.kind == "series":
        # Only what differs from the defaults, so that an option that comes later orphans nothing.
        options = _options(run)
        whole = begin | {"image": run.image, "options": options}
        if run.image in data.FILES:
            whole["input"] = data.FILES[run.image][1]
        if settings := settings_for(options.get("method", ""), options.get("preset", "laptop")):
            whole["settings"] = dataclasses.asdict(settings)
        return _plain(whole)
    if run.kind == "real":
        if run.image not in real.SOURCES:
            raise InputError(f"unknown image {run.image!r}; choose one of {', '.join(real.SOURCES)}")
        settings = {} if run.method in real.FILTERS else _settings(run)
        return _plain(begin | {"image": run.image, "input": data.FILES[run.image][1]} | settings)
    if run.kind not in ("denoise", "classical", "pretrained", "choice"):
        return begin
    begin |= {"image": run.image, "input": input_hash(run.image)}
    if not run.image.startswith("real/"):
        begin["noise"] = {"model": run.model, "a": run.a, "b": run.b, "seed": run.noise_seed}
        if run.correlation:
            begin["noise"]["correlation"] = run.correlation
    if run.kind == "pretrained":
        return _plain(begin | {"training": training_of(run.method, run.profile, run.a, run.b, run.seed)})
    if run.kind == "classical":
        if run.method not in CLASSICAL:
            raise InputError(f"unknown method {run.method!r}; choose one of {', '.join(CLASSICAL)}")
        return begin
    whole = begin | {"budget": run.budget} | _settings(run)
    if run.study:
        if run.study not in STUDIES:
            raise InputError(f"unknown study {run.study!r}; choose one of {', '.join(STUDIES)}")
        whole["study"] = run.study
    if run.start:
        whole["training"] = training_of(run.start, run.profile, run.a, run.b, run.seed)
    return _plain(whole)


def _settings(run: Run) -> dict:
    """Network, strategy and plan of a trained method, with what the run overrides."""
    preset = preset_for(run.method, run.profile)
    parts = {
        "network": _network_defaults() | preset.network,
        "strategy": dataclasses.asdict(preset.strategy),
        "plan": dataclasses.asdict(preset.plan),
    }
    for name, value in run.overrides:
        part, _, setting = name.partition(".")
        if setting not in parts.get(part, {}):
            known = ", ".join(f"{p}.{s}" for p in parts for s in parts[p])
            raise InputError(f"there is no setting {name!r} to override; choose one of {known}")
        parts[part][setting] = value
    return parts


def training_of(method: str, profile: str, a: float, b: float, seed: int = 0) -> dict:
    """Everything that, with a device, fixes a network that is trained on the simulated set: plain JSON."""
    preset = preset_for_set(method, profile)
    return _plain(
        {
            "method": method,
            "algorithm": TRAINING,
            "seed": seed,
            "noise": {"model": "gaussian", "a": a, "b": b},
            "set": particles.identity(),
            "network": _network_defaults() | preset.network,
            "strategy": dataclasses.asdict(preset.strategy),
            "plan": dataclasses.asdict(preset.plan),
        }
    )


def _plain(whole: dict) -> dict:
    """With lists for tuples, as it will be read back."""
    return json.loads(json.dumps(whole))


def preset_of(specification: dict) -> Preset:
    """The settings of a specification, or of a training, also of those from before a setting existed."""
    parts = {part: dict(specification[part]) for part in ("network", "strategy", "plan")}
    method = specification["method"]
    strategy = type(ON_SET[method]) if method in ON_SET else STRATEGIES[method]
    for name, value in ADDED_LATER.items():
        part, _, setting = name.partition(".")
        if part != "strategy" or hasattr(strategy, setting):  # a setting with a default is an attribute
            parts[part].setdefault(setting, value)
    strategy = strategy(**parts["strategy"])
    return Preset(parts["network"], strategy, Plan(**parts["plan"]))


def machine(specification: dict, device: str) -> tuple[str, str | None]:
    """Device class (``"cpu"``, ``"cuda"``) and precision with which this machine would execute it."""
    kind = specification["kind"]
    if kind == "timing":
        return choose_device(device).type, None
    if kind not in ("denoise", "series", "pretrained", "choice", "real"):
        return "cpu", None
    if kind == "real" and "plan" not in specification:
        return "cpu", None
    where = choose_device(device)
    if specification["kind"] in ("series", "pretrained"):
        return where.type, "float32"
    if specification["kind"] == "choice":
        return where.type, fastest_precision(where)
    precision = specification["plan"]["precision"]
    return where.type, fastest_precision(where) if precision == "fastest" else precision


def counted(specification: dict) -> dict:
    """The specification without settings that change nothing, or that mean what was done before they came."""
    kept = dict(specification)
    for part in ("network", "strategy", "plan"):
        if part in kept:
            kept[part] = {k: v for k, v in kept[part].items() if _counts(f"{part}.{k}", v)}
    if "training" in kept:
        kept["training"] = counted(kept["training"])
    return kept


def work_key(specification: dict) -> str:
    """16 hexadecimal digits that name the work, on whatever device: a table asks for this."""
    return sha256(counted(specification))[:16]


def record_key(specification: dict, device_class: str, precision: str | None) -> str:
    """16 hexadecimal digits that name a result: the work, the device class and the precision."""
    return sha256([work_key(specification), device_class, precision])[:16]


def _options(run: Run) -> dict:
    """The options of an experiment on a series; InputError if it has none of that name."""
    experiment = getattr(series, run.method, None)
    known = inspect.signature(experiment).parameters.values() if experiment else ()
    names = {p.name for p in known if p.kind is p.KEYWORD_ONLY} - {"device"}
    if not names:
        raise InputError(f"unknown method {run.method!r}; there is no such function in {series.__name__}")
    for name, _ in run.overrides:
        if name not in names:
            raise InputError(f"{run.method} has no option {name!r}; choose one of {', '.join(sorted(names))}")
    return dict(run.overrides)


def _counts(name: str, value) -> bool:
    if name in NOT_IN_KEY:
        return False
    return name not in ADDED_LATER or canonical(ADDED_LATER[name]) != canonical(value)


def _network_defaults() -> dict:
    parameters = inspect.signature(build_network).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
