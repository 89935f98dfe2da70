"""The figures of the notebooks: one look, units on every axis, colours that colour-blind readers can tell.

Importing this module sets matplotlib's defaults to that look, also for figures that a notebook draws itself.
"""

import io
import math
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from .spectra import power_spectrum, radial_mean
from .train import History

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#767676"  # the first two are Okabe and Ito's
mpl.rcParams.update(
    {
        "figure.constrained_layout.use": True,
        "axes.titlesize": 10,
        "axes.prop_cycle": mpl.cycler(color=[BLUE, ORANGE, GREY]),
        "axes.grid": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "grid.color": "#DDDDDD",
        "legend.frameon": False,
    }
)
SPREAD_MAP, POWER_MAP = "cividis", "magma"
_BAR = {"extendfrac": 0.03, "aspect": 40}


def show_image(
    image: np.ndarray, pixel_size: float | None = None, unit: str | None = None, title: str = ""
) -> Figure:
    """One image (H, W) between its 0.5 and 99.5 percentiles; a scale bar where the pixel size is known."""
    fig, ax = plt.subplots(figsize=(6, 5))
    shown = draw_image(ax, image, np.nanpercentile(image, (0.5, 99.5)), pixel_size, unit)
    ax.set_title(title, parse_math=False)  # "$" is a dollar
    fig.colorbar(shown, ax=ax, extend="both", label="intensity", **_BAR)
    return fig


def show_comparison(
    noisy: np.ndarray,
    denoised: np.ndarray,
    spread: np.ndarray | None = None,
    pixel_size: float | None = None,
    unit: str | None = None,
    *,
    title: str = "",
) -> Figure:
    """Noisy and denoised image on one grey scale, the spread on its own, and below each its middle, enlarged.

    Parameters
    ----------
    noisy, denoised, spread : (H, W), in the same unit. The grey scale holds the middle 90 % of the noisy
        pixels and 99.8 % of the denoised ones.
    pixel_size, unit : side of a pixel; None leaves the axes in pixels.
    """
    panels = {"noisy": noisy, "denoised": denoised} | ({} if spread is None else {"spread": spread})
    columns, shape = len(panels), noisy.shape
    ratio = shape[0] / shape[1]
    size = (3.4 * columns, 3.4 * (ratio + 1) + 1.0)
    fig, axes = plt.subplots(2, columns, figsize=size, height_ratios=(ratio, 1), squeeze=False)
    side = min(256, min(shape) // 3)
    part = tuple(slice((n - side) // 2, (n + side) // 2) for n in shape)
    grey = grey_scale(noisy, denoised)
    for (top, bottom), (name, image) in zip(axes.T, panels.items(), strict=True):
        limits, cmap = grey, "gray"
        if name == "spread":
            limits, cmap = (0.0, np.percentile(image, 99.8)), SPREAD_MAP
        draw_image(top, image, limits, pixel_size, unit, cmap)
        frame = Rectangle((part[1].start, part[0].start), side, side, fill=False, edgecolor=ORANGE)
        top.add_patch(frame)
        top.set_title(name)
        draw_image(bottom, image[part], limits, pixel_size, unit, cmap, part)
        for spine in bottom.spines.values():
            spine.set(visible=True, color=ORANGE, linewidth=1.2)
    below = {"location": "bottom", **_BAR}
    label = "intensity (one scale for noisy and denoised)"
    fig.colorbar(axes[1, 0].images[0], ax=list(axes[1, :2]), extend="both", label=label, **below)
    if spread is not None:
        label, below["aspect"] = "standard deviation (intensity)", 20
        fig.colorbar(axes[1, 2].images[0], ax=axes[1, 2], extend="max", label=label, **below)
    if title:
        fig.suptitle(title, fontsize=10, parse_math=False)
    return fig


def show_spectra(
    noisy: np.ndarray,
    denoised: np.ndarray,
    pixel_size: float | None = None,
    unit: str | None = None,
    *,
    noise_variance: float | None = None,
) -> Figure:
    """Power spectra before and after on one logarithmic scale, and their means over all directions.

    Power is per pixel, so that white noise lies at its variance, which `noise_variance` marks. The images
    show the frequencies at which the noisy one rises to twice its noise, and half as many again.
    """
    before, after = power_spectrum(noisy), power_spectrum(denoised)
    radius, mean_before = radial_mean(before)
    size, name = (pixel_size, f"1/{unit}") if pixel_size else (1.0, "cycles per pixel")
    floor = np.median(mean_before[radius > 0.35])
    reach = float(np.clip(1.5 * radius[mean_before > 2 * floor].max(initial=0.0), 0.05, 0.5))
    inside = tuple(slice(n // 2 - int(reach * n), n // 2 + int(reach * n) + 1) for n in before.shape)
    lowest = max(np.percentile(after[inside], 2), 1e-4 * floor)
    limits = np.log10((lowest, np.percentile(before[inside], 99.9)))
    fig, axes = plt.subplots(1, 3, figsize=(11.5, 3.8), width_ratios=(1, 1, 1.15))
    for ax, power, title in zip(axes, (before, after), ("noisy", "denoised"), strict=False):
        rows, columns = ((np.array((0, n)) - n // 2 - 0.5) / n / size for n in power.shape)
        style = {"origin": "lower", "vmin": limits[0], "vmax": limits[1]}
        shown = ax.imshow(np.log10(power), POWER_MAP, extent=(*columns, *rows), **style)
        limit = (-reach / size, reach / size)
        ax.set(title=title, xlabel=f"frequency ({name})", xlim=limit, ylim=limit[::-1])
        ax.grid(False)
    fig.colorbar(shown, ax=list(axes[:2]), extend="both", label="log₁₀ power", **_BAR)
    axes[2].semilogy(radius / size, mean_before, color=GREY, label="noisy")
    axes[2].semilogy(radius / size, radial_mean(after)[1], color=BLUE, label="denoised")
    if noise_variance is not None:
        axes[2].axhline(noise_variance, color=ORANGE, linestyle="--", label="estimated noise")
    axes[2].set(xlabel=f"frequency ({name})", ylabel="power, mean over directions", xlim=(0, 0.5 / size))
    axes[2].legend()
    return fig


def show_profile(
    noisy: np.ndarray,
    denoised: np.ndarray,
    spread: np.ndarray | None = None,
    pixel_size: float | None = None,
    unit: str | None = None,
    *,
    clean: np.ndarray | None = None,
    start: tuple[int, int] | None = None,
    end: tuple[int, int] | None = None,
) -> Figure:
    """Intensities along a line from `start` to `end` (row, column; default: the middle row), and its place.

    The pixels nearest to the line are shown as they are, neither interpolated nor averaged.
    """
    middle, last = noisy.shape[0] // 2, noisy.shape[1] - 1
    start, end = start or (middle, 0), end or (middle, last)
    count = math.ceil(math.dist(start, end)) + 1
    line = tuple(np.rint(np.linspace(a, b, count)).astype(int) for a, b in zip(start, end, strict=True))
    along = np.linspace(0, math.dist(start, end) * (pixel_size or 1.0), count)
    fig, (ax, right) = plt.subplots(1, 2, figsize=(11.5, 3.4), width_ratios=(1, 2.6))
    draw_image(ax, denoised, grey_scale(noisy, denoised), pixel_size, unit)
    ax.plot((start[1], end[1]), (start[0], end[0]), color=ORANGE)
    ax.set_title("denoised")
    right.plot(along, noisy[line], ".", color=GREY, markersize=3, label="noisy")
    if clean is not None:
        right.plot(along, clean[line], "--", color=ORANGE, label="clean")
    right.plot(along, denoised[line], color=BLUE, label="denoised")
    if spread is not None:
        low, high = denoised[line] - spread[line], denoised[line] + spread[line]
        right.fill_between(along, low, high, color=BLUE, alpha=0.3, linewidth=0, label="± spread")
    right.set(xlabel=f"distance ({unit if pixel_size else 'pixels'})", ylabel="intensity")
    right.set_xlim(along[0], along[-1])
    right.legend(ncols=4, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0)
    return fig


def show_history(history: History) -> Figure:
    """Training and held-out loss against steps, in units of the variance of the noisy image."""
    fig, ax = plt.subplots(figsize=(6.5, 3.4))
    ax.plot(history.step, history.loss, color=BLUE, label="training pixels")
    ax.plot(history.step, history.held_out, ".", color=ORANGE, label="held-out pixels")
    ax.set(xlabel="training step", ylabel="mean squared error\n(variance of the image = 1)")
    ax.legend()
    return fig


def save_figure(fig: Figure, path: str | Path, limit: int = 300_000) -> Path:
    """Write a PNG of at most `limit` bytes, in the colours of this module, at 150 dpi or what fits.

    Noise hardly compresses, but with 64 greys it takes a third of the bytes.
    """
    blends = (mpl.colors.LinearSegmentedColormap.from_list("", ("white", c)) for c in (BLUE, ORANGE))
    maps = [mpl.colormaps[name] for name in ("gray", SPREAD_MAP, POWER_MAP)] + list(blends)
    colours = np.concatenate([m(np.linspace(0, 1, 64 if k < 3 else 32))[:, :3] for k, m in enumerate(maps)])
    palette = Image.new("P", (1, 1))
    palette.putpalette(np.rint(255 * colours).astype(np.uint8).tobytes())
    dpi, path = 150.0, Path(path)
    while True:
        pixels, buffer = io.BytesIO(), io.BytesIO()
        fig.savefig(pixels, format="png", dpi=dpi, facecolor="white")
        full = Image.open(pixels).convert("RGB")
        few = full.quantize(palette=palette, dither=Image.Dither.NONE)
        few.paste(63, mask=full.convert("L").point(lambda v: 255 * (v == 255)))  # white stays white
        few.save(buffer, "PNG")
        if buffer.tell() <= limit or dpi < 20:
            path.write_bytes(buffer.getvalue())
            return path
        dpi *= 0.97 * math.sqrt(limit / buffer.tell())


def grey_scale(noisy: np.ndarray, denoised: np.ndarray) -> tuple[float, float]:
    """Limits that hold the middle 90 % of the noisy pixels and 99.8 % of the denoised ones."""
    low, high = np.percentile(noisy, (5, 95)), np.percentile(denoised, (0.1, 99.9))
    return min(low[0], high[0]), max(low[1], high[1])


def draw_image(ax: Axes, image, limits, pixel_size, unit, cmap: str = "gray", part=None):
    """The image with its scale bar, or with axes in pixels; `part` says which rows and columns it is."""
    rows, columns = part or (slice(0, image.shape[0]), slice(0, image.shape[1]))
    edges = (columns.start - 0.5, columns.stop - 0.5, rows.stop - 0.5, rows.start - 0.5)
    shown = ax.imshow(image, cmap, vmin=limits[0], vmax=limits[1], extent=edges)
    ax.grid(False)
    if not pixel_size:
        ax.set(xlabel="column (pixels)", ylabel="row (pixels)")
        return shown
    ax.set(xticks=[], yticks=[])
    length = bar_length(image.shape[1] * pixel_size)
    share, place = length / (image.shape[1] * pixel_size), {"transform": ax.transAxes}
    ax.add_patch(Rectangle((0.03, 0.03), share + 0.04, 0.13, facecolor="black", alpha=0.6, **place))
    ax.add_patch(Rectangle((0.05, 0.05), share, 0.02, facecolor="white", **place))
    text = {"color": "white", "ha": "center", "va": "bottom", "fontsize": 9}
    ax.text(0.05 + share / 2, 0.08, f"{length:g} {unit}", **text, **place)
    return shown


def bar_length(width: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that is at most a third of `width`."""
    decade = 10.0 ** math.floor(math.log10(width / 3))
    return max((k * decade for k in (1, 2, 5) if k * decade <= width / 3), default=decade)


ERROR_MAP = mpl.colors.LinearSegmentedColormap.from_list("error", (BLUE, "white", ORANGE))


def draw_errors(figure, x: np.ndarray, y: np.ndarray, estimates: dict[str, np.ndarray]) -> None:
    """Clean image and estimates on one grey scale; below them the noisy image and the errors on one scale.

    Parameters
    ----------
    figure : Figure or SubFigure, which is filled.
    x, y : (h, w), the clean and the noisy image.
    estimates : title -> (h, w). The scale of the errors holds 99.5 % of their pixels.
    """
    axes = figure.subplots(2, 1 + len(estimates), squeeze=False)
    grey = grey_scale(x, x)
    errors = {title: image - x for title, image in estimates.items()}
    end = float(np.percentile(np.abs(np.stack(list(errors.values()))), 99.5))
    top, gap = {"clean": x} | estimates, "\n" if len(estimates) > 6 else " "
    for ax, (title, image) in zip(axes[0], top.items(), strict=True):
        ax.imshow(image, "gray", vmin=grey[0], vmax=grey[1])
        ax.set_title(title)
    low, high = np.percentile(y, (1, 99))
    axes[1, 0].imshow(y, "gray", vmin=low, vmax=high)
    axes[1, 0].set_title(f"noisy{gap}({low:.2f} to {high:.2f})")
    for ax, error in zip(axes[1, 1:], errors.values(), strict=True):
        ax.imshow(error, ERROR_MAP, vmin=-end, vmax=end)
        ax.set_title(f"error,{gap}rms {np.sqrt(np.mean(error**2)):.4f}")
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
        ax.spines[:].set_visible(False)
    style = {"shrink": 0.9, "aspect": 20, "pad": 0.01, "extend": "both"}
    figure.colorbar(axes[0, 0].images[0], ax=axes[0], label="intensity", **style)
    figure.colorbar(axes[1, -1].images[0], ax=axes[1], label="estimate − clean\n(intensity)", **style)
