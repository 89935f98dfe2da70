"""Execute one specification and record everything that someone who repeats it has to know."""

import math
import time
from pathlib import Path

import numpy as np
import torch

from .. import data, metrics, series
from ..denoising import Denoised, denoise, for_prediction, limited
from ..errors import InputError
from ..experiments import CHARACTERS, REAL
from ..io import font, read
from ..methods import CLASSICAL
from ..noise import add_noise
from ..on_series import prepared
from ..strategies import Prediction
from ..studies import STUDIES, Estimate
from .pictures import cut, keep
from .provenance import provenance
from .records import seal
from .specification import clean_image, machine, preset_of, record_key, sha256

CURVE_POINTS = 20  # of PSNR and SSIM along the training
FRAMES = 5  # of the real series


def noisy_image(specification: dict) -> tuple[np.ndarray, np.ndarray]:
    """The clean image x and the noisy one y = x + N(0, a x + b²) (eq. 12), float32 (H, W)."""
    x, noise = clean_image(specification["image"]), specification["noise"]
    generator = torch.Generator().manual_seed(noise["seed"])
    y = add_noise(torch.from_numpy(x), noise["a"], noise["b"], generator, noise["model"])
    return x, y.numpy()


def execute(
    specification: dict,
    *,
    device: str = "auto",
    profile: str = "",
    crop: tuple[int, int] | None = None,
    checkpoint: Path | None = None,
    jobs: int = 1,
    progress: bool = False,
) -> tuple[dict, bytes | None]:
    """Execute a specification from `specification.specify`.

    Parameters
    ----------
    device : ``"auto"``, ``"cpu"`` or ``"cuda"``.
    profile : noted in the record; it changes nothing.
    crop : upper left corner of the part of the result that is kept.
    checkpoint : where an interrupted training continues. Not used with a time budget, since the time that is
        left is never twice the same.
    jobs : runs side by side, noted in the record, since they share the machine.

    Returns
    -------
    record : dict, sealed, as `records.write` takes it.
    crop : the PNG file, or None.
    """
    device_class, precision = machine(specification, device)
    key = record_key(specification, device_class, precision)
    origin = provenance(device_class)
    record = {
        "key": key,
        "profile": profile,
        "specification": specification,
        "device_class": device_class,
        "precision": precision,
    }
    begin = time.monotonic()
    resumed = checkpoint is not None and checkpoint.exists()
    png = None
    if specification["kind"] == "classical":
        image, more = filtered(specification, *noisy_image(specification))
        record |= more
        if crop is not None:
            png, record["crop"] = cut(image, crop, [], key)
    elif specification["kind"] == "series":
        result, picture = _series(specification, device_class)
        repeatable = {name: value for name, value in result.items() if name != "seconds"}
        record |= {"result": result, "sha256": sha256(repeatable)}
        png, record["crop"] = keep(picture, key)
    elif specification["kind"] != "denoise":
        result = _number(specification)
        record |= {"result": result, "sha256": sha256(result)}
    else:
        done, x, y = _denoise(specification, device_class, checkpoint, progress)
        estimate, strategy = estimator(done, precision, device_class), done.strategy
        record |= outcome(done, x, named(done, y, estimate, specification["seed"]))
        shown: list[np.ndarray] = []
        if study := specification.get("study"):
            noise = specification["noise"]
            variance = noise["a"] * x + noise["b"] ** 2
            record["study"], shown = STUDIES[study](estimate, strategy, x, y, variance)
        if crop is not None:
            png, record["crop"] = cut(done.image, crop, shown, key)
    record["seconds"] = round(time.monotonic() - begin, 2)
    return seal(record | origin | {"jobs": jobs, "resumed": resumed}), png


def _number(specification: dict) -> dict:
    from .. import theory, timing  # only here: nothing else needs them

    module = {"theory": theory, "timing": timing}[specification["kind"]]
    experiment = getattr(module, specification["method"], None)
    if experiment is None:
        raise InputError(f"there is no function {specification['method']!r} in {module.__name__}")
    return experiment(specification["seed"])


def _series(specification: dict, device_class: str) -> tuple[dict, series.Picture]:
    experiment, images = getattr(series, specification["method"]), []
    if specification["image"] == CHARACTERS:
        images.append(font.characters()[0])
    elif specification["image"] == REAL:
        path = data.fetch(REAL)
        images.append(prepared(np.stack([read(path, frame=k).image for k in range(FRAMES)])))
    result, picture = experiment(
        specification["seed"], *images, **specification["options"], device=device_class
    )
    return result | ({"images": data.array_hash(images[0])} if images else {}), picture


def filtered(specification: dict, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, dict]:
    """A method that is not trained, on the noisy image y of x: its image and what a record says of it."""
    begin = time.monotonic()
    image = CLASSICAL[specification["method"]](y, specification["noise"])
    seconds = round(time.monotonic() - begin, 2)
    return image, {
        "result": _scores(x, {"noisy": y, "estimate": image}),
        "sha256": data.array_hash(image),
        "noisy_sha256": data.array_hash(y),
        "predict_seconds": seconds,
    }


def _denoise(specification: dict, device_class: str, checkpoint: Path | None, progress: bool):
    x, y = noisy_image(specification)
    budget, preset, drange = specification["budget"], preset_of(specification), metrics.data_range(x)

    def scores(image: np.ndarray) -> list[float]:
        return [metrics.psnr(x, image, data_range=drange), metrics.ssim(x, image, data_range=drange)]

    if budget is not None:
        checkpoint = None
    if checkpoint is not None:
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
    done = denoise(
        y,
        preset=preset,
        budget=budget,
        device=device_class,
        seed=specification["seed"],
        checkpoint=checkpoint,
        progress=progress,
        restarts=0,  # a record shows what its settings do, also where they fail
        watch=(1 / CURVE_POINTS if budget else max(preset.plan.steps // CURVE_POINTS, 1), scores),
    )
    return done, x, y


def _scores(x: np.ndarray, images: dict[str, np.ndarray]) -> dict:
    drange = metrics.data_range(x)
    return {
        name: {
            "psnr": round(metrics.psnr(x, image, data_range=drange), 5),
            "ssim": round(metrics.ssim(x, image, data_range=drange), 6),
        }
        for name, image in images.items()
    }


def named(done: Denoised, y: np.ndarray, estimate: Estimate, seed: int) -> dict[str, np.ndarray]:
    """The noisy image and the estimates: one pass and the mean of many, or the only one of a method."""
    if not hasattr(done.strategy, "M"):
        return {"noisy": y, "estimate": done.image}
    single = estimate(limited(done.strategy, 1), y, seed + 1).image
    return {"noisy": y, "single": single, "mmse": done.image}


def outcome(done: Denoised, x: np.ndarray, images: dict[str, np.ndarray]) -> dict:
    """What a record says of a trained method, ``images`` being its estimates by name and the noisy image."""
    settings, history, unseen = done.settings, done.history, done.out_of_bag
    if unseen is not None:
        # A pixel that was the input of every pass has no such estimate; there the plain mean stands in.
        images["out_of_bag"] = np.where(np.isfinite(unseen), unseen, done.image)
    result = _scores(x, images)
    if unseen is not None:
        result["out_of_bag"]["undefined"] = float(1 - np.isfinite(unseen).mean())
    curves = {n: [_short(v) for v in getattr(history, n)] for n in ("step", "loss", "held_out", "seconds")}
    return {
        "result": result,
        "sha256": data.array_hash(done.image),
        "noisy_sha256": data.array_hash(images["noisy"]),
        "M": settings["passes"],
        "steps": history.steps,
        "train_seconds": settings["train_seconds"],
        "predict_seconds": settings["predict_seconds"],
        "stopped": history.stopped,
        "history": curves,
        "curve": [[_short(v) for v in point] for point in history.watched],  # step, seconds, PSNR, SSIM
    }


def estimator(done: Denoised, precision: str, device_class: str) -> Estimate:
    """The trained network as a function of strategy, noisy image and seed."""
    where = torch.device(device_class)
    predictor = for_prediction(done.network, precision, where)

    def estimate(strategy, y: np.ndarray, seed: int) -> Prediction:
        normal = torch.from_numpy((y - done.mean) / done.deviation)[None, None].to(where)
        said = strategy.predict(predictor, normal, torch.Generator().manual_seed(seed))
        image, spread, unseen = (part if part is None else part.cpu().numpy() for part in said)
        image = image * done.deviation + done.mean
        return Prediction(
            image,
            spread * done.deviation,
            unseen if unseen is None else unseen * done.deviation + done.mean,
        )

    return estimate


def _short(value: float) -> float | None:
    """Six digits; None for NaN, which JSON does not know."""
    if isinstance(value, int):
        return value
    return float(f"{value:.6g}") if math.isfinite(value) else None
