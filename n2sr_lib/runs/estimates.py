"""How long will a run take here? From records of the same effort, or from timing a few steps."""

import dataclasses
from itertools import pairwise
from statistics import median

import torch

from ..denoising import denoise
from ..presets import limited
from .execute import noisy_image
from .hashes import canonical
from .pretrained import find, name_of
from .provenance import device_name
from .specification import counted, machine, preset_of

OVERHEAD = 3.0  # seconds: noise, scores, writing
THEORY = 60.0  # seconds, where no record says better
SET_STEP = 0.12  # seconds on two cores, of a training on the set, where its weights are not there yet
STEPS, PASSES = 6, 2  # timed; the first steps are slower and do not count


def effort(specification: dict, precision: str | None) -> str:
    """What makes a step and a pass cost what they cost; runs of equal effort differ in their number only."""
    if specification["kind"] != "denoise":
        options = canonical(specification["options"]) if specification.get("options") else ""
        return f"{specification['kind']} {specification['method']} {options}".rstrip()
    plan, strategy = specification["plan"], specification["strategy"]
    what = (specification["method"], counted(specification)["network"], strategy.get("s"))
    return canonical([*what, plan["batch"], plan["crop"], precision])


class Estimator:
    """Seconds of runs on this machine.

    Parameters
    ----------
    known : records to learn from.
    device : ``"auto"``, ``"cpu"`` or ``"cuda"``.
    jobs : runs side by side.
    anywhere : where this machine has no record of such a run, believe other machines' of its class.
    """

    def __init__(self, known: dict[str, dict], device: str, jobs: int = 1, anywhere: bool = False):
        self.device, self.jobs, self.anywhere = device, jobs, anywhere
        self.costs: dict[tuple, list[tuple[float, float]]] = {}
        self.rest: dict[tuple, list[float]] = {}  # beside training and averaging: looks, a study, writing
        for record in known.values():
            self.learn(record)

    def learn(self, record: dict) -> None:
        """Take a record into account."""
        if record["specification"]["kind"] != "denoise":
            cost = (0.0, record["seconds"])
        else:
            cost = (
                record["train_seconds"] / max(record["steps"], 1),
                record["predict_seconds"] / record["M"],
            )
        name = effort(record["specification"], record["precision"])
        here = (name, record["device"], record["threads"], record["jobs"])
        for known in (here, (name, record["device_class"])):
            self.costs.setdefault(known, []).append(cost)
            if "train_seconds" in record:
                rest = record["seconds"] - record["train_seconds"] - record["predict_seconds"]
                study = record["specification"].get("study", "")
                self.rest.setdefault((*known, study), []).append(rest)

    def total(self, specifications: list[dict], time_steps: bool = False) -> float | None:
        """Estimated seconds of several runs, with each training that they share and that is missing once."""
        each = [self.seconds(one, time_steps) for one in specifications]
        trainings = [one["training"] for one in specifications if "training" in one]
        missing = {name_of(one): one["plan"]["steps"] for one in trainings if find(one) is None}
        return None if None in each else sum(each) + SET_STEP * sum(missing.values())

    def seconds(self, specification: dict, time_steps: bool = False) -> float | None:
        """Estimated seconds; None if no record says, unless a few steps may be timed."""
        if specification.get("budget"):
            return specification["budget"] + OVERHEAD
        device_class, precision = machine(specification, self.device)
        name = effort(specification, precision)
        here = (name, device_name(device_class), torch.get_num_threads(), self.jobs)
        costs = self.costs.get(here)
        if costs is None and self.anywhere:
            here = (name, device_class)
            costs = self.costs.get(here)
        if specification["kind"] != "denoise":
            return median(cost for _, cost in costs) if costs else THEORY
        if costs is None and time_steps:
            costs = self.costs[here] = [self._time(specification)]
        if costs is None:
            return None
        step, passing = (median(c) for c in zip(*costs, strict=True))
        plan, strategy = specification["plan"], specification["strategy"]
        rest = self.rest.get((*here, specification.get("study", "")), [OVERHEAD])
        return median(rest) + step * plan["steps"] + passing * (strategy.get("M", 0) + 1)

    def _time(self, specification: dict) -> tuple[float, float]:
        preset = preset_of(specification)
        short = dataclasses.replace(
            preset,
            plan=dataclasses.replace(preset.plan, steps=STEPS, every=1, patience=0),
            strategy=limited(preset.strategy, PASSES),
        )
        y = noisy_image(specification)[1]
        done = denoise(y, preset=short, device=self.device, seed=specification["seed"], progress=False)
        seconds = done.history.seconds
        steps = [after - before for before, after in pairwise(seconds)]
        return median(steps[STEPS // 2 - 1 :]), done.settings["predict_seconds"] / done.settings["passes"]


def clock(seconds: float | None) -> str:
    """``1:02:03`` or ``2:03``; a question mark where nothing is known."""
    if seconds is None:
        return "?"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
