"""Execute one specification and record everything that someone who repeats it has to know."""

import time
from pathlib import Path

import numpy as np
import torch

from .. import data, metrics, real, series
from ..denoising import denoise
from ..errors import InputError
from ..experiments.sequences import CHARACTERS, REAL
from ..io import font, read
from ..methods import CLASSICAL
from ..noise import add_noise
from ..series.frames import prepared
from ..studies import STUDIES
from ..warm import choose
from . import pretrained
from .hashes import sha256
from .inputs import clean_image
from .outcomes import columns_seen, estimator, named, of_estimate, outcome
from .pictures import cut, keep
from .provenance import provenance
from .records import seal
from .specification import machine, preset_of, record_key

#: Of PSNR and SSIM along the training: of Noise2SR, and where a curve is asked for by a budget. In other runs
#: no figure wants them, and where an estimate takes many passes they are a quarter of the time.
CURVE_POINTS = 20
FRAMES = 5  # of the real series
SMALL = 96  # pixels a side of what is kept of experimental images, since not all may be passed on


def noisy_image(specification: dict) -> tuple[np.ndarray, np.ndarray]:
    """The clean image x and the noisy one, as a rule y = x + N(0, a x + b²) (eq. 12), float32 (H, W)."""
    x, noise = clean_image(specification["image"]), specification["noise"]
    generator = torch.Generator().manual_seed(noise["seed"])
    clean = torch.from_numpy(x)
    if phi := noise.get("correlation"):
        from ..streaks import streaky_noise  # only here: nothing else needs them
        from ..toy import Law

        law = Law(noise["a"], noise["b"])
        return x, (clean + streaky_noise(clean[None, None], phi, generator, law)[0, 0]).numpy()
    return x, add_noise(clean, noise["a"], noise["b"], generator, noise["model"]).numpy()


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
    weights = None
    if "training" in specification:  # its time is not that of the run: other runs share it
        weights = pretrained.weights(specification["training"], device_class, progress)
        record["weights"] = pretrained.about(weights)
    begin = time.monotonic()
    resumed = checkpoint is not None and checkpoint.exists()
    png = None
    if specification["kind"] == "classical":
        x, y = noisy_image(specification)
        image, more = filtered(specification, x, y)
        record |= more | columns_seen(specification, y, image)
        if crop is not None:
            png, record["crop"] = cut(image, crop, [], key)
    elif specification["kind"] == "pretrained":
        image, more = _apply(specification, weights, device_class)
        record |= more
        if crop is not None:
            png, record["crop"] = cut(image, crop, [], key)
    elif specification["kind"] == "choice":
        result = _choose(specification, weights, device_class, progress)
        record |= {"result": result, "sha256": sha256(result)}
    elif specification["kind"] == "real":
        estimate, result = _denoise_real(specification, device_class, checkpoint, progress)
        record |= {"result": result, "sha256": data.array_hash(estimate)}
        top, left = real.SOURCES[specification["image"]].corner
        png, record["crop"] = cut(estimate[0, top : top + SMALL, left : left + SMALL], (0, 0), [], key)
    elif specification["kind"] == "series":
        result, picture = _series(specification, device_class)
        repeatable = {name: value for name, value in result.items() if name != "seconds"}
        record |= {"result": result, "sha256": sha256(repeatable)}
        png, record["crop"] = keep(picture, key)
    elif specification["kind"] != "denoise":
        result = _number(specification, device_class)
        record |= {"result": result, "sha256": sha256(result)}
    else:
        done, x, y = _denoise(specification, device_class, checkpoint, progress, weights)
        estimate, strategy = estimator(done, precision, device_class), done.strategy
        record |= outcome(done, x, named(done, y, estimate, specification["seed"]))
        record |= columns_seen(specification, y, done.image)
        shown: list[np.ndarray] = []
        if study := specification.get("study"):
            noise = specification["noise"]
            variance = noise["a"] * x + noise["b"] ** 2
            record["study"], shown = STUDIES[study](estimate, strategy, x, y, variance)
        if crop is not None:
            png, record["crop"] = cut(done.image, crop, shown, key)
    record["seconds"] = round(time.monotonic() - begin, 2)
    return seal(record | origin | {"jobs": jobs, "resumed": resumed}), png


def _number(specification: dict, device_class: str) -> dict:
    from .. import theory, timing  # only here: nothing else needs them

    module = {"theory": theory, "timing": timing}[specification["kind"]]
    experiment = getattr(module, specification["method"], None)
    if experiment is None:
        raise InputError(f"there is no function {specification['method']!r} in {module.__name__}")
    device = {"device": device_class} if module is timing else {}
    return experiment(specification["seed"], **device)


def _denoise_real(
    specification: dict, device_class: str, checkpoint: Path | None, progress: bool
) -> tuple[np.ndarray, dict]:
    """The estimates of an experimental image or of each frame of a series, and what is measured of them."""
    name, method, seed = (specification[key] for key in ("image", "method", "seed"))
    source, path = real.SOURCES[name], data.fetch(name)
    numbers = range(source.frames) if source.frames > 1 else [None]
    frames = np.stack([read(path, frame=k).image.astype(np.float32) for k in numbers])
    preset = preset_of(specification) if "plan" in specification else None
    if checkpoint is not None:
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
    how = {"preset": preset, "seed": seed, "device": device_class, "progress": progress}
    how["checkpoint"] = checkpoint if len(frames) == 1 else None
    estimates, unseen = real.estimate(method, frames, **how)
    return estimates, real.measure(estimates, frames, unseen, source)


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
    return image, of_estimate(x, y, image, time.monotonic() - begin)


def _apply(specification: dict, weights: Path, device_class: str) -> tuple[np.ndarray, dict]:
    """A network that was trained on the set, on the noisy image: its estimate and what a record says."""
    from .. import pretraining  # only here: it needs safetensors

    x, y = noisy_image(specification)
    model = pretraining.read(weights)
    begin = time.monotonic()
    image = pretraining.apply(model, y, device_class, specification["seed"])
    return image, of_estimate(x, y, image, time.monotonic() - begin)


def _choose(specification: dict, weights: Path, device_class: str, progress: bool) -> dict:
    """Whether the held-out loss is for the weights; see `warm.choose`."""
    from .. import pretraining

    if specification["image"].startswith("real/"):
        y = read(data.fetch(specification["image"])).image
    else:
        y = noisy_image(specification)[1]
    choice = choose(
        y,
        pretraining.read(weights).network,
        preset_of(specification),
        device=device_class,
        seed=specification["seed"],
        progress=progress,
    )
    effect, spread, scratch, given = (float(f"{value:.6g}") for value in choice[1:])
    return {"effect": effect, "spread": spread, "scratch": scratch, "given": given, "warm": choice.warm}


def _denoise(
    specification: dict, device_class: str, checkpoint: Path | None, progress: bool, weights: Path | None
):
    x, y = noisy_image(specification)
    budget, preset, drange = specification["budget"], preset_of(specification), metrics.data_range(x)

    def scores(image: np.ndarray) -> list[float]:
        return [metrics.psnr(x, image, data_range=drange), metrics.ssim(x, image, data_range=drange)]

    if budget is not None:
        checkpoint = None
    if checkpoint is not None:
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
    start = None
    if weights is not None:
        from .. import pretraining

        start = pretraining.read(weights).network
    every = 1 / CURVE_POINTS if budget else max(preset.plan.steps // CURVE_POINTS, 1)
    done = denoise(
        y,
        preset=preset,
        budget=budget,
        device=device_class,
        seed=specification["seed"],
        checkpoint=checkpoint,
        progress=progress,
        start=start,
        watch=(every, scores) if specification["method"] == "noise2sr" or budget else None,
    )
    return done, x, y
