"""One method on one series of frames of atoms: Figs. 3 and 7 to 10 of the autoencoder's paper."""

import math
import time

import numpy as np

from ..errors import InputError
from ..simulated import scenes
from . import measures, rivals
from .numbers import mean, short, standard_error
from .pictures import PART, Picture, cut_out
from .stacks import Apply, train_on

SMALL = 96  # pixels a side of what is shown of a frame of somebody else
BINNING = 3  # of the real series: its atoms are then as wide as those of the clean domain
JUDGED = 6  # first frames of a series, by which an estimate is measured
SCENES = {"crystal": scenes.crystal, "moving": scenes.moving, "faulty": scenes.faulty}
FEW = 50  # images up to which a stack is also turned and flipped, as the paper did with its 45


def atoms(
    seed: int,
    images: np.ndarray | None = None,
    *,
    method: str = "autoencoder",
    scene: str = "crystal",
    frames: int = 10,
    side: int = 128,
    dose: float = 1.0,
    fitted: int = 0,
    preset: str = "laptop",
    channels: int = 64,
    outputs: int = 4,
    error: str = "squared",
    steps: int = 600,
    batch: int = 8,
    crop: int = 128,
    full: bool = False,
    device: str = "cpu",
) -> tuple[dict, Picture]:
    """One method on one series of atoms (Figs. 3, 7 to 10; claims C31, C36, C37, C40; notebook 13).

    images : the frames (T, H, W) of a real series; else one of `SCENES` is simulated, as Poisson counts.
    method : ``"autoencoder"``, which the options from ``channels`` on are for; ``"noise2sr"`` or
        ``"noise2atom"``, with the settings of the ``preset``; or one of `rivals.FILTERS`.
    fitted : how many frames, drawn at random, the autoencoder is trained on; 0: all. Its squared error is the
        default, since with less than 0.7 electrons a pixel the median is 0.

    The result is what `measures.measure` says of the first `JUDGED` frames, and for the autoencoder a curve
    of (step, *`measures.quality` of every 16th frame). With the scene ``"moving"`` also ``blurred`` and
    ``estimated``, the `measures.misses` of the frames after a matched filter and of the estimate. Seconds:
    ``once`` for the series, ``frame`` for each frame. The rows of the picture are named in ``rows``; its
    columns are the frames ``shown``.
    """
    if scene not in SCENES:
        raise InputError(f"unknown scene {scene!r}; choose one of {', '.join(SCENES)}")
    truth = SCENES[scene](seed, frames, side, dose) if images is None else None
    noisy = images if truth is None else truth.frames
    tracked = truth is not None and truth.joined > 0
    judged = noisy if tracked else noisy[:JUDGED]
    shown = [0]
    if tracked:
        shown = [frames // 8, *(int(part * truth.joined) for part in (0.6, 0.8, 1)), frames - 1]
    settings, result, seen = rivals.settings_for(method, preset), {}, []

    def look(apply: Apply) -> list[float]:
        seen.append(apply(noisy[shown, None])[:, 0])
        some = slice(0, None, 16)
        return measures.quality(apply(noisy[some, None])[:, 0], truth, some) if truth is not None else []

    begin = time.monotonic()
    if method == "autoencoder":
        chosen = np.random.default_rng(seed).permutation(len(noisy))[: fitted or None]
        trained = train_on(
            noisy[np.sort(chosen), None],
            seed,
            channels=channels,
            outputs=outputs,
            error=error,
            steps=steps,
            batch=batch,
            crop=crop,
            augment="turns" if len(chosen) <= FEW else "none",
            full=full,
            device=device,
            look=look,
        )
        result = {"curve": trained.curve, "weights": trained.weights}
        once = trained.seconds  # without the looks along the way

        def apply(some: np.ndarray) -> np.ndarray:
            return trained.apply(some[:, None])[:, 0]
    else:
        apply = rivals.fit(method, noisy, seed, settings, device)
        once = time.monotonic() - begin
    begin = time.monotonic()
    estimate = apply(judged)
    each = (time.monotonic() - begin) / len(judged)
    first = slice(JUDGED)
    result |= measures.measure(estimate[first], noisy[first], truth)
    result["seconds"] = {"once": short(once), "frame": short(each)}
    values, over = (result["psnr"], "PSNR in dB") if truth else (result["css"], "CSS of pairs")
    if tracked:
        gained, said = _tracking(estimate, noisy, truth)
        values, over, result = gained, "pixels nearer to the truth", result | said
    if truth is not None:
        result |= _errors(estimate, judged, truth.clean[: len(judged)])
    named = {"truth": truth.clean[shown]} if truth is not None else {}
    named |= {"noisy": noisy[shown]} | ({"early": seen[max(len(seen) // 5 - 1, 0)]} if seen else {})
    named |= {"estimate": estimate[shown]}
    result = {
        "effect": mean(values),
        "spread": standard_error(values),
        "over_what": f"{len(values)} values of one training; {over}, standard error",
        **result,
        "shown": shown,
        "rows": list(named),
    }
    middle = truth.loose[truth.joined][0] if tracked else np.array(noisy.shape[1:]) / 2
    side = SMALL if truth is None else PART
    return result, [list(cut_out(row, middle, side)) for row in named.values()]


def _tracking(estimate: np.ndarray, noisy: np.ndarray, truth: scenes.Series) -> tuple[np.ndarray, dict]:
    """How much nearer single atoms are to their places than after a matched filter, frame by frame (T,)."""
    result: dict = {"joined": truth.joined}
    before, after = (measures.misses(f, truth) for f in (rivals.FILTERS["blurred"](noisy), estimate))
    for name, miss in (("blurred", before), ("estimated", after)):
        result[name] = np.round(miss, 2).tolist()
        result |= {f"{name}_mean": short(miss.mean()), f"{name}_lost": short((miss > 2).mean())}
    return (before - after).mean(axis=1), result


def _errors(estimate: np.ndarray, noisy: np.ndarray, clean: np.ndarray) -> dict:
    """In counts: root mean square error of the estimate and of a matched filter, and the estimate's bias."""
    blurred = rivals.FILTERS["blurred"](noisy)
    rmse, blurred_rmse = (short(math.sqrt(((stack - clean) ** 2).mean())) for stack in (estimate, blurred))
    return {"rmse": rmse, "blurred_rmse": blurred_rmse, "bias": short((estimate - clean).mean())}


def prepared(frames: np.ndarray) -> np.ndarray:
    """The real frames as methods get them, float32: atoms bright, `BINNING`² pixels averaged to one."""
    n, b = len(frames), BINNING
    h, w = (side // b for side in frames.shape[1:])
    frames = frames[:, : h * b, : w * b].astype(np.float64).reshape(n, h, b, w, b).mean(axis=(2, 4))
    return (frames.max() - frames).astype(np.float32)
