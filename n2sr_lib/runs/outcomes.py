"""What a record says of an estimate: its scores, its hash, and how its training went."""

import math

import numpy as np
import torch

from .. import data, metrics
from ..denoising import Denoised, for_prediction
from ..presets import limited
from ..simulated import crystals
from ..strategies import Prediction
from ..studies import Estimate


def of_estimate(x: np.ndarray, y: np.ndarray, image: np.ndarray, seconds: float) -> dict:
    """What a record says of a method that is not trained here: its estimate of x from y, and its seconds."""
    return {
        "result": scores(x, {"noisy": y, "estimate": image}),
        "sha256": data.array_hash(image),
        "noisy_sha256": data.array_hash(y),
        "predict_seconds": round(seconds, 2),
    }


def scores(x: np.ndarray, images: dict[str, np.ndarray]) -> dict:
    """PSNR and SSIM of each image against x, in the range of x."""
    drange = metrics.data_range(x)
    return {
        name: {
            "psnr": round(metrics.psnr(x, image, data_range=drange), 5),
            "ssim": round(metrics.ssim(x, image, data_range=drange), 6),
        }
        for name, image in images.items()
    }


def named(done: Denoised, y: np.ndarray, estimate: Estimate, seed: int) -> dict[str, np.ndarray]:
    """The noisy image and the estimates: one pass and the mean of many, or that of a method and `also`."""
    if not hasattr(done.strategy, "M"):
        others = getattr(done.strategy, "also", {}).items()
        more = {name: estimate(other, y, seed + 1).image for name, other in others}
        return {"noisy": y, "estimate": done.image} | more
    single = estimate(limited(done.strategy, 1), y, seed + 1).image
    return {"noisy": y, "single": single, "mmse": done.image}


def outcome(done: Denoised, x: np.ndarray, images: dict[str, np.ndarray]) -> dict:
    """What a record says of a trained method, ``images`` being its estimates by name and the noisy image."""
    settings, history, unseen = done.settings, done.history, done.out_of_bag
    if unseen is not None:
        # A pixel that was the input of every pass has no such estimate; there the plain mean stands in.
        images["out_of_bag"] = np.where(np.isfinite(unseen), unseen, done.image)
    result = scores(x, images)
    if unseen is not None:
        result["out_of_bag"]["undefined"] = float(1 - np.isfinite(unseen).mean())
    curves = {n: [short(v) for v in getattr(history, n)] for n in ("step", "loss", "held_out", "seconds")}
    return {
        "result": result,
        "sha256": data.array_hash(done.image),
        "noisy_sha256": data.array_hash(images["noisy"]),
        "M": settings["passes"],
        "steps": history.steps,
        "seed": settings["seed"],  # a later one than was asked for, where the training had to begin again
        "train_seconds": settings["train_seconds"],
        "predict_seconds": settings["predict_seconds"],
        "stopped": history.stopped,
        "history": curves,
        "curve": [[short(v) for v in point] for point in history.watched],  # step, seconds, PSNR, SSIM
    }


def columns_seen(specification: dict, y: np.ndarray, image: np.ndarray) -> dict:
    """Of a crystal: how well its columns are told from missing ones, in the noisy image and the estimate."""
    name = specification["image"].partition("crystal/")[2]
    names, images = ("there", "missing", "visibility"), {"noisy": y, "estimate": image}
    seen = {k: crystals.visibility(v, name) for k, v in images.items()} if name else {}
    if not seen:
        return {}
    return {"columns": {k: dict(zip(names, map(short, v), strict=True)) for k, v in seen.items()}}


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


def short(value: float) -> float | None:
    """Six digits; None for NaN, which JSON does not know."""
    if isinstance(value, int):
        return value
    return float(f"{value:.6g}") if math.isfinite(value) else None
