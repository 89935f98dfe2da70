"""What a step costs: seconds of each preset, measured in turn in one process, so that ratios hold."""

import dataclasses
import time
from statistics import median

import torch

from .crops import draw_crops
from .denoising import for_prediction
from .devices import choose_device, fastest_precision
from .methods import preset_for_set
from .networks.build import build_network
from .networks.superres import UPSAMPLINGS
from .presets import PRESETS, Preset
from .subsample import draw_locations, subsample
from .train import fit

SIZE = (832, 896)  # of the paper's test images
ROUNDS = 3


def steps(seed: int, device: str = "auto") -> dict:
    """Seconds of a training step of `paper` and `laptop` (in both precisions) and of a pass of `laptop`.

    ``effect`` is the whole of `laptop` (training and averaging of one image) in steps of `paper` in float32,
    the median of three rounds; ``spread`` its range. Takes about three minutes on two cores.
    """
    where = choose_device(device)
    y = torch.randn(1, 1, *SIZE, generator=torch.Generator().manual_seed(seed)).to(where)
    paper, laptop = PRESETS["paper"], PRESETS["laptop"]
    fast = fastest_precision(where)
    rows: dict[str, list[float]] = {
        "paper": [],
        "laptop": [],
        "laptop_float32": [],
        "pass": [],
        "subsample": [],
    }
    for _ in range(ROUNDS):
        rows["paper"].append(_step(paper, "float32", y, 2, seed))
        rows["laptop"].append(_step(laptop, fast, y, 20, seed))
        rows["laptop_float32"].append(_step(laptop, "float32", y, 10, seed))
        rows["pass"].append(_pass(laptop, fast, y, seed))
        rows["subsample"].append(_subsampling(laptop, y, seed))
    whole = [
        (laptop.plan.steps * step + laptop.strategy.M * one) / paper_step
        for step, one, paper_step in zip(rows["laptop"], rows["pass"], rows["paper"], strict=True)
    ]
    middle = {f"{name}_seconds": float(f"{median(values):.4g}") for name, values in rows.items()}
    return middle | {
        "effect": round(median(whole), 2),
        "spread": round(max(whole) - min(whole), 2),
        "over_what": f"{ROUNDS} rounds, {SIZE[0]}×{SIZE[1]} pixels, {fast} against float32",
        "subsample_share": round(median(rows["subsample"]) / median(rows["laptop"]), 4),
    }


def upsamplings(
    seed: int,
    size: tuple[int, int] = SIZE,
    rounds: int = 5,
    presets: tuple[str, ...] = ("laptop", "paper"),
    device: str = "auto",
) -> dict:
    """Seconds of a pass over an image with each upsampling (Table IV), as ratios to pixel shuffle.

    The upsamplings take turns within each round, so that what else the machine does meets all of them.
    ``<preset>_<upsampling>_seconds`` is a median over the rounds, ``…_ratios`` has one number a round.
    ``effect`` is the median ratio of bilinear in the first of ``presets``, ``spread`` its range. The weights
    do not matter. Takes about three minutes on two cores.
    """
    where = choose_device(device)
    y = torch.randn(1, 1, *size, generator=torch.Generator().manual_seed(seed)).to(where)
    said: dict = {}
    for name in presets:
        preset = PRESETS[name]
        precision = fastest_precision(where) if preset.plan.precision == "fastest" else preset.plan.precision
        rows: dict[str, list[float]] = {upsampling: [] for upsampling in UPSAMPLINGS}
        for _ in range(rounds):
            for upsampling, row in rows.items():
                changed = Preset({**preset.network, "upsampling": upsampling}, preset.strategy, preset.plan)
                row.append(_pass(changed, precision, y, seed, 3))
        for upsampling, row in rows.items():
            key = f"{name}_{upsampling.replace(' ', '_')}"
            ratios = [mine / theirs for mine, theirs in zip(row, rows["pixel shuffle"], strict=True)]
            said[f"{key}_seconds"] = float(f"{median(row):.4g}")
            said[f"{key}_ratios"] = [round(ratio, 4) for ratio in ratios]
    ratios = said[f"{presets[0]}_bilinear_ratios"]
    return said | {
        "effect": round(median(ratios), 4),
        "spread": round(max(ratios) - min(ratios), 4),
        "over_what": f"{rounds} rounds, {size[0]}×{size[1]} pixels, presets {' and '.join(presets)}",
    }


def loading(
    seed: int,
    images: int = 200,
    side: int = 512,
    steps: int = 6,
    profile: str = "laptop",
    device: str = "auto",
) -> dict:
    """Which part of a training step on a set goes into loading: into cutting its crops out of the images.

    The images lie in memory; here there are more of them than any processor's cache holds. ``effect`` is the
    share, the median of three rounds, ``spread`` its range. Takes a quarter of a minute on two cores.
    """
    where, preset = choose_device(device), preset_for_set("supervised", profile)
    preset = dataclasses.replace(preset, strategy=dataclasses.replace(preset.strategy, a=0.05, b=0.02))
    x = torch.rand(images, 1, side, side, generator=torch.Generator().manual_seed(seed)).to(where)
    generator, plan = torch.Generator().manual_seed(seed), preset.plan
    kept = torch.ones_like(x, dtype=torch.bool)  # the map of held-out pixels, as in `train.fit`

    def load() -> float:
        crops = draw_crops(x, plan.batch, plan.crop, 1, plan.augment, generator, kept)
        return crops.sum().item()

    rounds = [
        (_median_of(10, load), _step(preset, fastest_precision(where), x, steps, seed)) for _ in range(ROUNDS)
    ]
    shares = [crops / step for crops, step in rounds]
    return {
        "load_seconds": float(f"{median(crops for crops, _ in rounds):.4g}"),
        "step_seconds": float(f"{median(step for _, step in rounds):.4g}"),
        "effect": round(median(shares), 4),
        "spread": round(max(shares) - min(shares), 4),
        "over_what": f"{ROUNDS} rounds, {images} images of {side}×{side} pixels",
    }


def _step(preset, precision: str, y, count: int, seed: int) -> float:
    """Seconds of one step: the last ``count`` steps, after two that are slower."""
    network = build_network(getattr(preset.strategy, "s", 1), seed, **preset.network).to(y.device)
    network.to(memory_format=torch.channels_last)
    plan = dataclasses.replace(preset.plan, steps=2 + count, every=1, precision=precision)
    seconds = fit(network, preset.strategy, y, plan, seed=seed, progress=False).seconds
    return (seconds[-1] - seconds[1]) / count


def _pass(preset, precision: str, y, seed: int, count: int = 6) -> float:
    """Seconds of one pass over the image, the median of all but the first of ``count``."""
    network = build_network(preset.strategy.s, seed, **preset.network).to(y.device)
    predictor = for_prediction(network.to(memory_format=torch.channels_last).eval(), precision, y.device)
    return _median_of(count, lambda: predictor(y[..., ::2, ::2]).sum().item())


def _subsampling(preset, y, seed: int) -> float:
    """Seconds of sub-sampling one batch of crops."""
    plan, s, generator = preset.plan, preset.strategy.s, torch.Generator().manual_seed(seed)
    crops = draw_crops(y, plan.batch, plan.crop, s, plan.augment, generator)
    shape = (plan.batch, plan.crop // s, plan.crop // s)
    return _median_of(20, lambda: subsample(crops, draw_locations(shape, s, generator), s)[0].sum().item())


def _median_of(count: int, work) -> float:
    """Median seconds of ``count`` calls, the first left out."""
    seconds = []
    for _ in range(count):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return median(seconds[1:])
