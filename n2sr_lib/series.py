"""Stacks of images instead of one: the experiments of "Self-supervised denoising for massive noisy images".

Each function takes a seed and options, and returns what a record says (as `theory` does: "effect", its
standard error "spread", "over_what" and the results behind them) and a picture: rows of equally large images.
The defaults take minutes on one core; with ``full`` the network has the size of the released script's.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import conv2d

from . import metrics, scenes
from .characters import corrupt, illegal, snr
from .errors import InputError
from .networks.autoencoder import Autoencoder
from .networks.growing_unet import GrowingUNet
from .networks.initialise import he_normal
from .networks.same_size import SameSize
from .strategies.noise2self import Noise2Self
from .strategies.reconstruction import Reconstruction
from .train import History, Plan, fit

Picture = list[list[np.ndarray]]
POINTS = 20  # of the curves
TEST, SHOWN = 256, 7  # characters that are not trained on, and those of them that are shown
PART = 128  # pixels a side of what is shown of a frame
ISOLATED = 4.0  # pixels about the true place in which an atom is looked for
LAPTOP = {"inner": 64, "blocks": 2, "kernels": ()}  # a sixth of the work of the released script's network


def autoencoder(levels: int, channels: int, outputs: int, seed: int, full: bool = False) -> nn.Module:
    """A seeded `Autoencoder` that halves `levels` times, four or five."""

    def make() -> nn.Module:
        widths = (8, 16, 32, 64, 64, 64)[: levels + 1]
        return Autoencoder(widths, channels, outputs=outputs, **({} if full else LAPTOP))

    return _seeded(make, seed)


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
    steps: int = 1200,
    batch: int = 64,
    full: bool = False,
    device: str = "cpu",
) -> tuple[dict, Picture]:
    """Characters in uniform noise (Figs. 4 and 5; claims C32 to C34), tested on others than those trained on.

    images : uint8 (N, 64, 64), of which `count` at most are trained on. ``method``: ``"autoencoder"``, with
    4×4×channels numbers in its bottleneck, or ``"noise2self"``.

    Neither the noise nor the errors keep the mean, so all estimates are brought to the scale of the truth by
    one straight line per network, fitted to all test characters, before PSNR and SSIM are taken. The curve is
    (step, seconds, L1 to the noisy test characters in units of their range, PSNR). The rows of the picture
    are truth, noisy and estimate; its last column is the character of illegal strokes.
    """
    order = torch.randperm(len(images), generator=Generator().manual_seed(0)).numpy()  # the same in every run
    chosen, order = order[:test], order[test : test + count]
    clean = np.concatenate([images[chosen], illegal(images.shape[-1])[None]])
    x, generator = _unit(clean), Generator().manual_seed(seed)
    y_test, y = corrupt(x, generator), corrupt(_unit(images[order]), generator)
    mean, deviation = y.mean(), y.std()
    if method == "autoencoder":
        network = autoencoder(4, channels, outputs, seed, full)
        strategy = Reconstruction(error, outputs)
    elif method == "noise2self":
        network = _seeded(lambda: SameSize(GrowingUNet((8, 16, 32, 48), 8)), seed)
        strategy = Noise2Self()
    else:
        raise InputError(f"unknown method {method!r}; choose 'autoencoder' or 'noise2self'")
    normal = (y_test - mean) / deviation

    def look(now: nn.Module) -> list[float]:
        said = _apply(now, normal, device) * deviation + mean
        return [_round((said[:-1] - y_test[:-1]).abs().mean()), _psnr(x[:-1], _line(said, x)[:-1])]

    history = _train(network, strategy, (y - mean) / deviation, seed, steps, batch, 64, "none", device, look)
    if method == "autoencoder":
        said = _apply(network, normal, device)
    else:  # pixel by pixel, each from a pass that did not see it
        each = normal.to(device).split(1)
        said = torch.stack([strategy.predict(network, one, generator).image[None].cpu() for one in each])
    estimate = _line(said * deviation + mean, x)
    psnrs = [_psnr(a, b) for a, b in zip(x, estimate, strict=True)]
    pairs = [(a[0].numpy(), b[0].numpy()) for a, b in zip(x, estimate, strict=True)]
    ssims = [metrics.ssim(a, b, data_range=1.0) for a, b in pairs]
    alike = [float(np.corrcoef(a.ravel(), b.ravel())[0, 1]) for a, b in pairs]
    scores = {"psnr": psnrs, "ssim": ssims, "correlation": alike}
    result = {
        "effect": _mean(psnrs[:-1]),
        "spread": _error(psnrs[:-1]),
        "over_what": f"{test} characters that were not trained on, one training; PSNR in dB, standard error",
        **{name: _mean(values[:-1]) for name, values in scores.items()},
        **{f"{name}_error": _error(values[:-1]) for name, values in scores.items()},
        **{f"illegal_{name}": _round(values[-1]) for name, values in scores.items()},
        "curve": _curve(history),
        "trained_on": len(order),
        "of": len(images),
        "snr": _round(snr(x[:-1])),
        "weights": sum(p.numel() for p in network.parameters()),
    }
    shown = [*range(SHOWN), test]
    return result, [[stack[k, 0].numpy() for k in shown] for stack in (x, y_test, estimate.clamp(-0.2, 1.2))]


def moving_atoms(
    seed: int,
    *,
    channels: int = 64,
    outputs: int = 4,
    error: str = "squared",
    frames: int = 256,
    size: int = 128,
    crop: int = 128,
    electrons: float = 1.0,
    steps: int = 1500,
    batch: int = 8,
    full: bool = False,
    device: str = "cpu",
) -> tuple[dict, Picture]:
    """Clusters and single atoms on a support (Figs. 3, 9 and 10; claims C31 and C37): trained on all frames.

    The squared error is the default, since with less than 0.7 electrons a pixel the median is 0.

    curve : (step, seconds, and of every 16th frame: root mean square error, that of the background alone, and
        the height of single atoms over the support as a share of the true one).
    blurred, estimated : distance (pixels) of each single atom, frame by frame, from where it is brightest
        within `ISOLATED` pixels of the truth: in the noisy frame, blurred by an atom's own shape (a matched
        filter), and in the estimate. A place drawn at random would be 2.7 pixels off.

    The rows of the picture are truth, noisy, an early (a fifth of the steps) and the final estimate; its
    columns are the frames ``shown``, before, while and after an atom joins a cluster.
    """
    scene, generator = scenes.moving_atoms(frames, seed, size, electrons), Generator().manual_seed(seed)
    y = torch.poisson(scene.x, generator=generator)
    mean, deviation = y.mean(), y.std()
    normal, some = (y - mean) / deviation, slice(0, None, 16)
    shown = [frames // 8, *(int(share * scene.joined) for share in (0.6, 0.8, 1)), frames - 1]
    network, seen = autoencoder(5, channels, outputs, seed, full), []

    def look(now: nn.Module) -> list[float]:
        seen.append(_apply(now, normal[shown], device) * deviation + mean)
        return _quality(_apply(now, normal[some], device) * deviation + mean, scene, some)

    strategy = Reconstruction(error, outputs)
    history = _train(network, strategy, normal, seed, steps, batch, crop, "turns", device, look)
    estimate, blurred = _apply(network, normal, device) * deviation + mean, _blur(y)
    misses = {
        name: (locate(stack, scene.atoms) - scene.atoms).norm(dim=2)
        for name, stack in (("blurred", blurred), ("estimated", estimate))
    }
    better = (misses["blurred"] - misses["estimated"]).mean(1)
    share = [float(((stack - scene.x) ** 2).mean()) for stack in (blurred, estimate)]
    result = {
        "effect": _mean(better.tolist()),
        "spread": _error(better.tolist()),
        "over_what": f"{frames} frames of 3 single atoms, one training; pixels, standard error over frames",
        **{f"{name}_mean": _round(miss.mean()) for name, miss in misses.items()},
        **{f"{name}_lost": _round((miss > ISOLATED / 2).float().mean()) for name, miss in misses.items()},
        **{name: np.round(miss.numpy(), 2).tolist() for name, miss in misses.items()},
        "joined": scene.joined,
        "rmse": _round(math.sqrt(share[1])),
        "blurred_rmse": _round(math.sqrt(share[0])),
        "bias": _round((estimate - scene.x).mean()),
        "curve": _curve(history),
        "shown": shown,
        "weights": sum(p.numel() for p in network.parameters()),
    }
    early = seen[max(len(seen) // 5 - 1, 0)]
    rows = (scene.x[shown], y[shown], early, estimate[shown])
    corner = (scene.atoms[scene.joined, 0].round().long() - PART // 2).clamp(0, max(size - PART, 0)).tolist()
    part = (0, *(slice(at, at + PART) for at in corner))  # about the place where the atom joins
    return result, [[image[part].numpy() for image in row] for row in rows]


def locate(stack: Tensor, near: Tensor, radius: float = ISOLATED) -> Tensor:
    """Where images are brightest near given places, to a fraction of a pixel by a parabola on each axis.

    stack : Tensor (N, 1, H, W). near : (N, A, 2), row and column. Returns (N, A, 2).
    """
    r = math.ceil(radius)
    offsets = torch.cartesian_prod(torch.arange(-r, r + 1), torch.arange(-r, r + 1))
    limits = torch.tensor(stack.shape[-2:]) - 2
    grid = near.round().long()[:, :, None] + offsets  # (N, A, K, 2)
    inside = (grid - near[:, :, None]).norm(dim=3) <= radius
    grid = torch.minimum(grid.clamp(min=1), limits)
    frame = torch.arange(len(stack))[:, None]

    def at(place: Tensor) -> Tensor:
        index = frame.view(-1, *[1] * (place.ndim - 2))
        return stack[index, 0, place[..., 0], place[..., 1]]

    best = at(grid).masked_fill(~inside, -math.inf).argmax(2)
    peak = torch.gather(grid, 2, best[..., None, None].expand(-1, -1, 1, 2))[:, :, 0]
    moved = peak.float()
    for axis in (0, 1):
        step = torch.zeros(2, dtype=torch.long)
        step[axis] = 1
        low, middle, high = at(peak - step), at(peak), at(peak + step)
        bend = 2 * middle - low - high
        shift = torch.where(bend > 0, (high - low) / (2 * bend.clamp(min=1e-12)), 0.0)
        moved[..., axis] += shift.clamp(-0.5, 0.5)
    return moved


def _quality(estimate: Tensor, scene: scenes.Frames, some: slice) -> list[float]:
    x, atoms = scene.x[some], scene.atoms[some].round().long()
    error, index = estimate - x, torch.arange(len(x))[:, None]
    atom = x[:, 0] - scene.support
    empty = atom < 0.01 * atom.max()
    places = (index, atoms[..., 0], atoms[..., 1])
    height = (estimate[:, 0] - scene.support)[places].mean() / atom[places].mean()
    return [
        _round(v) for v in (error.square().mean().sqrt(), error[:, 0][empty].square().mean().sqrt(), height)
    ]


def _blur(y: Tensor, deviation: float = scenes.ATOM) -> Tensor:
    """Images (N, 1, H, W) after a Gaussian filter."""
    axis = torch.arange(-math.ceil(4 * deviation), math.ceil(4 * deviation) + 1)
    kernel = torch.exp(-(axis**2) / (2 * deviation**2))
    kernel = (kernel / kernel.sum())[None, None, None]
    padded = nn.functional.pad(y, [len(axis) // 2] * 4, mode="reflect")
    return conv2d(conv2d(padded, kernel), kernel.transpose(-1, -2))


def _unit(images: np.ndarray) -> Tensor:
    return torch.from_numpy(images).float()[:, None] / 255


def _seeded(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = make()
        he_normal(network)
    return network


def _train(network, strategy, stack, seed, steps, batch, crop, augment, device, look) -> History:
    network.to(device)
    plan = Plan(
        steps=steps,
        batch=batch,
        crop=crop,
        lr=2e-3,
        warmup=20,
        cosine=True,
        averaging=0.98,
        augment=augment,
        held_out=0.0,
    )
    watch = (max(steps // POINTS, 1), look)
    return fit(network, strategy, stack.to(device), plan, seed=seed, progress=False, watch=watch)


@torch.no_grad()
def _apply(network: nn.Module, stack: Tensor, device: str) -> Tensor:
    """The output of full size for a stack (N, 1, H, W), some images at a time."""
    return torch.cat([network(part.to(device))[:, :1].float().cpu() for part in stack.split(32)])


def _line(said: Tensor, x: Tensor) -> Tensor:
    """`said` on the scale of x by the straight line that fits all but the last image best."""
    u, v = said[:-1].double().flatten(), x[:-1].double().flatten()
    slope = ((u - u.mean()) * (v - v.mean())).mean() / u.var(correction=0).clamp(min=1e-12)
    return ((said - u.mean()) * slope + v.mean()).float()


def _psnr(x: Tensor, estimate: Tensor) -> float:
    """In dB, for a range of 1."""
    return _round(-10 * math.log10(float((x - estimate).square().mean())))


def _curve(history: History) -> list[list[float]]:
    return [[_round(v) for v in point] for point in history.watched]


def _round(value) -> float:
    return float(f"{float(value):.6g}")


def _mean(values: list[float]) -> float:
    return _round(np.mean(values))


def _error(values: list[float]) -> float:
    """Standard error of the mean."""
    return _round(np.std(values, ddof=1) / math.sqrt(len(values)))
