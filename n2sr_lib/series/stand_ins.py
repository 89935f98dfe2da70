"""The autoencoder on simulated stand-ins for Figs. 6 and 11 of its paper."""

import numpy as np

from .. import metrics
from ..errors import InputError
from ..simulated import stand_ins
from .numbers import mean, psnr, short, standard_error
from .pictures import PART, Picture, cut_out
from .stacks import train_on


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
    x, y = getattr(stand_ins, of)(seed, frames, side)
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
        noisy, ssim = (short(metrics.ssim(shown[0][0], s[0], data_range=drange)) for s in shown[1:])
        result: dict = {"effect": ssim, "spread": 0.0, "over_what": "SSIM of one maximum projection"}
        result |= {"noisy_ssim": noisy, "ssim": ssim}
    else:
        dark, bright, lit = x < 0.1, x > 1, (x > 0.3) & (x < 0.9)
        result = {}
        for name, stack in (("before", y), ("after", estimate)):
            error_map = stack - x
            columns = np.nanmean(np.where(dark, error_map, np.nan), axis=2)
            result[name] = {
                "noise": short(error_map[dark].std()),
                "stripes": short(np.nanstd(columns)),
                "saturated": short(np.sqrt((error_map[bright] ** 2).mean())) if bright.any() else None,
            }
        kept = [float(estimate[:, c][lit[:, c]].mean() / x[:, c][lit[:, c]].mean()) for c in range(3)]
        gains = [psnr(a, b) - psnr(a, c) for a, b, c in zip(x, estimate, y, strict=True)]
        result |= {"kept": [short(k) for k in kept], "effect": mean(gains), "spread": standard_error(gains)}
        result["over_what"] = f"{frames} images; gain in dB, standard error"
        shown = [x[0].clip(max=1.2), y[0], estimate[0].clip(-0.1, 1.2)]
    result |= {"seconds": {"training": trained.seconds}, "weights": trained.weights}
    return result, [list(cut_out(row, np.array(row.shape[1:]) / 2, PART)) for row in shown]
