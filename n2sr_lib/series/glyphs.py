"""Characters in noise: Figs. 4 and 5 of the autoencoder's paper."""

import numpy as np
import torch

from .. import metrics
from ..simulated.characters import corrupt, illegal, snr
from .numbers import mean, psnr, short, standard_error
from .pictures import Picture
from .stacks import Apply, train_on

TEST, SHOWN = 256, 7  # characters that are not trained on, and those of them that are shown


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
        return [short(np.abs(said[:-1] - y_test[:-1]).mean()), psnr(x[:-1], fitted(said)[:-1])]

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
        "psnr": [psnr(*pair) for pair in pairs],
        "ssim": [metrics.ssim(*pair, data_range=1.0) for pair in pairs],
        "correlation": [float(np.corrcoef(a.ravel(), b.ravel())[0, 1]) for a, b in pairs],
    }
    result = {
        "effect": mean(scores["psnr"][:-1]),
        "spread": standard_error(scores["psnr"][:-1]),
        "over_what": f"{test} characters that were not trained on, one training; PSNR in dB, standard error",
        **{name: mean(values[:-1]) for name, values in scores.items()},
        **{f"{name}_error": standard_error(values[:-1]) for name, values in scores.items()},
        **{f"illegal_{name}": short(values[-1]) for name, values in scores.items()},
        "curve": trained.curve,
        "trained_on": len(order),
        "of": len(images),
        "snr": short(snr(torch.from_numpy(x[:-1]))),
        "weights": trained.weights,
        "seconds": {"training": trained.seconds},
    }
    shown = [*range(SHOWN), test]
    return result, [[stack[k, 0] for k in shown] for stack in (x, y_test, estimate.clip(-0.2, 1.2))]


def _unit(images: np.ndarray) -> np.ndarray:
    return images[:, None].astype(np.float32) / 255
