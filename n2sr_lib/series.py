"""Stacks of images instead of one: the experiments of notebooks 11, 12 and 13.

Each function takes a seed and options, and returns what a record says (as `theory` does: "effect", its
standard error "spread", "over_what" and the results behind them; what the clock said stands under "seconds")
and a picture: rows of equally large images. The defaults take minutes on one core; with ``full`` the
autoencoder has the size of the released script's.
"""

import math
import time

import numpy as np
import torch

from . import metrics, on_series
from .errors import InputError
from .simulated import scenes
from .simulated.characters import corrupt, illegal, snr
from .stacks import Apply, train_on

Picture = list[list[np.ndarray]]
TEST, SHOWN = 256, 7  # characters that are not trained on, and those of them that are shown
PART, SMALL = 128, 96  # pixels a side of what is shown of a frame, and of one of somebody else
JUDGED = 6  # first frames of a series, by which an estimate is measured
SCENES = {"crystal": scenes.crystal, "moving": scenes.moving, "faulty": scenes.faulty}
FEW = 50  # images up to which a stack is also turned and flipped, as the paper did with its 45


def characters(
    seed: int,
    images: np.ndarray,
    *,
    method: str = "autoencoder",
    outputs: int = 4,
    channels: int = 4,
    error: str = "absolute",
    count: int = 8192,
    test: int = TEST,
    steps: int = 500,
    batch: int = 64,
    full: bool = False,
    device: str = "cpu",
) -> tuple[dict, Picture]:
    """Characters in uniform noise (Figs. 4 and 5; claims C32 to C34), tested on others than those trained on.

    images : uint8 (N, 64, 64), of which `count` at most are trained on. ``method``: ``"autoencoder"``, with
    4×4×channels numbers in its bottleneck, or ``"noise2self"``.

    Neither the noise nor the errors keep the mean, so all estimates are brought to the scale of the truth by
    one straight line per network, fitted to all test characters, before PSNR and SSIM are taken. The curve is
    (step, L1 to the noisy test characters in units of their range, PSNR). The rows of the picture are truth,
    noisy and estimate; its last column is the character of illegal strokes.
    """
    order = np.random.default_rng(0).permutation(len(images))  # the same in every run
    chosen, order = order[:test], order[test : test + count]
    clean = np.concatenate([images[chosen], illegal(images.shape[-1])[None]])
    draw = torch.Generator().manual_seed(seed)
    x, y_test, y = (
        _unit(clean),
        *(corrupt(torch.from_numpy(_unit(i)), draw).numpy() for i in (clean, images[order])),
    )

    def fitted(said: np.ndarray) -> np.ndarray:
        """On the scale of the truth by the line that fits all but the illegal one."""
        line = np.polyfit(said[:-1].ravel().astype(np.float64), x[:-1].ravel(), 1)
        return np.polyval(line, said).astype(np.float32)

    def look(apply: Apply) -> list[float]:
        said = apply(y_test)
        return [_short(np.abs(said[:-1] - y_test[:-1]).mean()), _psnr(x[:-1], fitted(said)[:-1])]

    trained = train_on(
        y,
        seed,
        method=method,
        levels=4,
        channels=channels,
        outputs=outputs,
        error=error,
        steps=steps,
        batch=batch,
        crop=64,
        full=full,
        device=device,
        look=look,
    )
    estimate = fitted(trained.apply(y_test))
    pairs = list(zip(x[:, 0], estimate[:, 0], strict=True))
    scores = {
        "psnr": [_psnr(*pair) for pair in pairs],
        "ssim": [metrics.ssim(*pair, data_range=1.0) for pair in pairs],
        "correlation": [float(np.corrcoef(a.ravel(), b.ravel())[0, 1]) for a, b in pairs],
    }
    result = {
        "effect": _mean(scores["psnr"][:-1]),
        "spread": _error(scores["psnr"][:-1]),
        "over_what": f"{test} characters that were not trained on, one training; PSNR in dB, standard error",
        **{name: _mean(values[:-1]) for name, values in scores.items()},
        **{f"{name}_error": _error(values[:-1]) for name, values in scores.items()},
        **{f"illegal_{name}": _short(values[-1]) for name, values in scores.items()},
        "curve": trained.curve,
        "trained_on": len(order),
        "of": len(images),
        "snr": _short(snr(torch.from_numpy(x[:-1]))),
        "weights": trained.weights,
        "seconds": {"training": trained.seconds},
    }
    shown = [*range(SHOWN), test]
    return result, [[stack[k, 0] for k in shown] for stack in (x, y_test, estimate.clip(-0.2, 1.2))]


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
        ``"noise2atom"``, with the settings of the ``preset``; or one of `on_series.FILTERS`.
    fitted : how many frames, drawn at random, the autoencoder is trained on; 0: all. Its squared error is the
        default, since with less than 0.7 electrons a pixel the median is 0.

    The result is what `on_series.measure` says of the first `JUDGED` frames, and for the autoencoder a curve
    of (step, *`on_series.quality` of every 16th frame). With the scene ``"moving"`` also ``blurred`` and
    ``estimated``, the `on_series.misses` of the frames after a matched filter and of the estimate. Seconds:
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
    settings, result, seen = on_series.settings_for(method, preset), {}, []

    def look(apply: Apply) -> list[float]:
        seen.append(apply(noisy[shown, None])[:, 0])
        some = slice(0, None, 16)
        return on_series.quality(apply(noisy[some, None])[:, 0], truth, some) if truth is not None else []

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
        apply = on_series.fit(method, noisy, seed, settings, device)
        once = time.monotonic() - begin
    begin = time.monotonic()
    estimate = apply(judged)
    each = (time.monotonic() - begin) / len(judged)
    first = slice(JUDGED)
    result |= on_series.measure(estimate[first], noisy[first], truth)
    result["seconds"] = {"once": _short(once), "frame": _short(each)}
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
        "effect": _mean(values),
        "spread": _error(values),
        "over_what": f"{len(values)} values of one training; {over}, standard error",
        **result,
        "shown": shown,
        "rows": list(named),
    }
    middle = truth.loose[truth.joined][0] if tracked else np.array(noisy.shape[1:]) / 2
    side = SMALL if truth is None else PART
    return result, [list(_part(row, middle, side)) for row in named.values()]


def _tracking(estimate: np.ndarray, noisy: np.ndarray, truth: scenes.Series) -> tuple[np.ndarray, dict]:
    """How much nearer single atoms are to their places than after a matched filter, frame by frame (T,)."""
    result: dict = {"joined": truth.joined}
    before, after = (on_series.misses(f, truth) for f in (on_series.FILTERS["blurred"](noisy), estimate))
    for name, miss in (("blurred", before), ("estimated", after)):
        result[name] = np.round(miss, 2).tolist()
        result |= {f"{name}_mean": _short(miss.mean()), f"{name}_lost": _short((miss > 2).mean())}
    return (before - after).mean(axis=1), result


def _errors(estimate: np.ndarray, noisy: np.ndarray, clean: np.ndarray) -> dict:
    """In counts: root mean square error of the estimate and of a matched filter, and the estimate's bias."""
    blurred = on_series.FILTERS["blurred"](noisy)
    rmse, blurred_rmse = (_short(math.sqrt(((stack - clean) ** 2).mean())) for stack in (estimate, blurred))
    return {"rmse": rmse, "blurred_rmse": blurred_rmse, "bias": _short((estimate - clean).mean())}


def stand_in(
    seed: int,
    *,
    of: str = "fluorescence",
    method: str = "autoencoder",
    frames: int = 45,
    side: int = 128,
    channels: int = 64,
    outputs: int = 4,
    error: str = "squared",
    steps: int = 600,
    batch: int = 8,
    crop: int = 128,
    full: bool = False,
    device: str = "cpu",
) -> tuple[dict, Picture]:
    """Simulated stand-ins for data that cannot be had (Figs. 6 and 11; claims C35 and C38).

    ``of``: ``"fluorescence"``, judged as in Fig. 6 by SSIM of maximum projections, ``noisy_ssim``
    and ``ssim``; or ``"sky"``, of which ``noise`` and ``stripes`` are deviations where the sky is dark,
    ``saturated`` the root mean square error of pixels beyond 1, each before and after, and ``kept`` the mean
    intensity of stars and galaxies as a share of the true one, colour by colour.
    """
    if of not in ("fluorescence", "sky"):
        raise InputError(f"there is no stand-in of {of!r}; choose 'fluorescence' or 'sky'")
    x, y = getattr(scenes, of)(seed, frames, side)
    trained = train_on(
        y,
        seed,
        method=method,
        channels=channels,
        outputs=outputs,
        error=error,
        steps=steps,
        batch=batch,
        crop=crop,
        augment="turns" if of == "fluorescence" else "none",  # stripes have a direction
        full=full,
        device=device,
    )
    estimate = trained.apply(y)
    if of == "fluorescence":
        shown = [stack.max(axis=0) for stack in (x, y, estimate)]
        drange = metrics.data_range(shown[0])
        noisy, ssim = (_short(metrics.ssim(shown[0][0], s[0], data_range=drange)) for s in shown[1:])
        result: dict = {"effect": ssim, "spread": 0.0, "over_what": "SSIM of one maximum projection"}
        result |= {"noisy_ssim": noisy, "ssim": ssim}
    else:
        dark, bright, lit = x < 0.1, x > 1, (x > 0.3) & (x < 0.9)
        result = {}
        for name, stack in (("before", y), ("after", estimate)):
            error_map = stack - x
            columns = np.nanmean(np.where(dark, error_map, np.nan), axis=2)
            result[name] = {
                "noise": _short(error_map[dark].std()),
                "stripes": _short(np.nanstd(columns)),
                "saturated": _short(np.sqrt((error_map[bright] ** 2).mean())) if bright.any() else None,
            }
        kept = [float(estimate[:, c][lit[:, c]].mean() / x[:, c][lit[:, c]].mean()) for c in range(3)]
        gains = [_psnr(a, b) - _psnr(a, c) for a, b, c in zip(x, estimate, y, strict=True)]
        result |= {"kept": [_short(k) for k in kept], "effect": _mean(gains), "spread": _error(gains)}
        result["over_what"] = f"{frames} images; gain in dB, standard error"
        shown = [x[0].clip(max=1.2), y[0], estimate[0].clip(-0.1, 1.2)]
    result |= {"seconds": {"training": trained.seconds}, "weights": trained.weights}
    return result, [list(_part(row, np.array(row.shape[1:]) / 2, PART)) for row in shown]


def _part(row: np.ndarray, middle: np.ndarray, side: int) -> np.ndarray:
    """A square about `middle` of every image of a row (N, H, W)."""
    corner = np.clip(
        np.rint(middle).astype(int) - side // 2, 0, np.maximum(np.array(row.shape[1:]) - side, 0)
    )
    return row[:, corner[0] : corner[0] + side, corner[1] : corner[1] + side]


def _unit(images: np.ndarray) -> np.ndarray:
    return images[:, None].astype(np.float32) / 255


def _psnr(x: np.ndarray, estimate: np.ndarray) -> float:
    """In dB, for a range of 1."""
    return _short(-10 * math.log10(float(((x - estimate) ** 2).mean())))


def _short(value) -> float:
    return float(f"{float(value):.6g}")


def _mean(values) -> float:
    return _short(np.mean(values))


def _error(values) -> float:
    """Standard error of the mean; of a single value 0."""
    return _short(np.std(values, ddof=1) / math.sqrt(len(values))) if len(values) > 1 else 0.0
