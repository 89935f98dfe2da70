"""One page and one JSON file on a denoised image: was it suitable, can the result be trusted."""

import json
import math
import os
import secrets
import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from . import plotting
from .assess.halves import halve_counts
from .assess.measured import LAGS
from .assess.suitability import Suitability, suitability
from .assess.trust import Trust, assess_result
from .assess.window import middle
from .assess.words import numbers
from .crops import held_out_map
from .denoising import Denoised
from .plotting import BLUE, GREY, ORANGE
from .spectra import power_spectrum, radial_mean

EXTENSIONS = (".png", ".pdf", ".json")


def examine(
    image: np.ndarray, y: np.ndarray, result: Denoised, before: Suitability | None = None
) -> tuple[Suitability, Trust | None]:
    """Everything that is asked before and after denoising; None where the noise cannot be estimated.

    Parameters
    ----------
    image : (H, W), as read from the file.
    y : float32 (H, W), the same as `checks.check_image` gives it.
    before : of `suitability`, where it has been asked already.
    """
    before = before or suitability(image)
    if before.noise is None:
        return before, None
    fraction = result.settings.get("plan", {}).get("held_out", 0.0)
    kept = held_out_map((1, 1, *y.shape), fraction, result.settings["seed"])[0, 0].numpy()
    pair = None
    if before.counts and not before.missing:
        pair = halve_counts(np.rint(y / before.step), np.random.default_rng(result.settings["seed"]))
    after = assess_result(
        y,
        result.image,
        before.noise,
        out_of_bag=result.out_of_bag,
        spread=result.spread,
        held_out=kept == 0,
        pair=pair,
        correlated=not before.correlation.independent,
    )
    return before, after


def paths_of(image: Path) -> list[Path]:
    """The report's three files, beside the denoised image."""
    return [image.with_name(f"{image.stem}_report{extension}") for extension in EXTENSIONS]


def write_report(
    paths: list[Path],
    y: np.ndarray,
    result: Denoised,
    before: Suitability,
    after: Trust | None,
    *,
    pixel_size: float | None = None,
    unit: str | None = None,
    title: str = "",
    settings: dict | None = None,
) -> None:
    """Write PNG, PDF and JSON (`paths_of`), each whole or not at all."""
    figure = draw_report(y, result, before, after, pixel_size=pixel_size, unit=unit, title=title)
    record = {"title": title, "pixel_size": pixel_size, "unit": unit, "settings": settings or {}}
    record |= {"before": before.as_dict(), "after": after and after.as_dict()}
    for path in paths:
        temporary = path.with_name(f".{secrets.token_hex(8)}{path.suffix}")
        try:
            if path.suffix == ".json":
                text = json.dumps(record, indent=1, default=str, allow_nan=False)
                temporary.write_text(text + "\n", encoding="utf-8")
            elif path.suffix == ".pdf":
                figure.savefig(temporary, dpi=200)
            else:
                plotting.save_figure(figure, temporary, limit=600_000)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    plt.close(figure)


def draw_report(
    y: np.ndarray,
    result: Denoised,
    before: Suitability,
    after: Trust | None,
    *,
    pixel_size: float | None = None,
    unit: str | None = None,
    title: str = "",
) -> Figure:
    """The page: images, enlarged, residual, spectra with their spots, ring correlation, verdicts, numbers."""
    with plt.rc_context({"font.size": 8, "axes.titlesize": 9, "legend.fontsize": 6.5}):
        figure = plt.figure(figsize=(8.27, 11.69))
        head, whole, enlarged, graphs, foot = figure.subfigures(5, 1, height_ratios=(0.9, 2.9, 2.9, 2.7, 2.3))
        _draw_head(head, before, after, title)
        values = "electrons" if before.counts and before.step == 1 else "units of the file"
        _draw_images(whole, enlarged, y, result, pixel_size, unit, f"intensity ({values})")
        _draw_blocks(enlarged, enlarged.axes[2], after)
        axes = graphs.subplots(1, 3)
        _draw_spectra(axes[0], y, result.image, after, pixel_size, unit)
        _draw_spots(axes[1], result.image, before, after, pixel_size, unit)
        _draw_correlation(graphs, axes[2], after)
        left, right = foot.subplots(1, 2, width_ratios=(1, 2.1))
        _draw_agreement(left, after, pixel_size, unit)
        right.set_axis_off()
        lines = [
            textwrap.fill(line, 98, subsequent_indent="   ")
            for line in numbers(before, after, pixel_size, unit)
        ]
        right.text(0, 1, "\n".join(lines), va="top", fontsize=7.2, linespacing=1.35)
    return figure


def _draw_images(whole, enlarged, y, result: Denoised, pixel_size, unit, label: str) -> None:
    """Two rows: the images and the spread; the middle of the images, and a place for the residual."""
    grey = plotting.grey_scale(y, result.image)
    side = min(192, min(y.shape) // 3)
    part = tuple(slice((n - side) // 2, (n + side) // 2) for n in y.shape)
    top, bottom = whole.subplots(1, 3), enlarged.subplots(1, 3)
    for column, (name, image) in enumerate((("noisy", y), ("denoised", result.image))):
        shown = plotting.draw_image(top[column], image, grey, pixel_size, unit)
        plotting.draw_image(bottom[column], image[part], grey, pixel_size, unit, part=part)
        top[column].set_title(name)
        bottom[column].set_title(f"{name}, the middle")
    bar = {"location": "bottom", "aspect": 40, "extendfrac": 0.03}
    for row, axes in ((whole, top), (enlarged, bottom)):
        row.colorbar(shown, ax=list(axes[:2]), extend="both", label=label, **bar)
    limits = (0.0, float(np.percentile(result.spread, 99.8)) or 1.0)
    shown = plotting.draw_image(top[2], result.spread, limits, pixel_size, unit, plotting.SPREAD_MAP)
    top[2].set_title("spread of the passes: no error bar")
    whole.colorbar(shown, ax=top[2], extend="max", label=label, **(bar | {"aspect": 20}))


def _draw_head(figure, before: Suitability, after: Trust | None, title: str) -> None:
    style = {"fontsize": 12, "weight": "bold", "va": "top", "parse_math": False}  # "$" is a dollar
    figure.text(0.03, 0.95, title or "Noise2SR: report", **style)
    for k, (name, verdict) in enumerate((("Image", before), ("Result", after))):
        text = f"{name}: {verdict or 'not assessed, since the noise cannot be estimated'}."
        good = verdict is not None and not verdict.remarks
        place = {"va": "top", "fontsize": 8.5, "color": BLUE if good else ORANGE}
        figure.text(0.03, 0.68 - 0.35 * k, textwrap.fill(text, 125), **place)


def _draw_blocks(figure, ax: Axes, after: Trust | None) -> None:
    ax.set_title("residual, means of 16×16 pixels")
    ax.set_axis_off()
    if after:
        shown = ax.imshow(after.residual.blocks, plotting.ERROR_MAP, vmin=-5, vmax=5)
        label = "deviations; noise stays within ± 3"
        figure.colorbar(shown, ax=ax, location="bottom", extend="both", label=label, aspect=20)


def _draw_spectra(ax: Axes, y, x_hat, after: Trust | None, pixel_size, unit) -> None:
    size, name = (pixel_size, f"1/{unit}") if pixel_size else (1.0, "cycles per pixel")
    for image, colour, label in (
        (y, GREY, "noisy"),
        (x_hat, BLUE, "denoised"),
        (y - x_hat, ORANGE, "residual"),
    ):
        frequency, mean = radial_mean(power_spectrum(middle(image)))
        ax.semilogy(frequency / size, mean, color=colour, label=label, linewidth=1)
    if after:
        ax.axhline(after.noise_variance, color="black", linestyle=":", linewidth=1, label="estimated noise")
    ax.set(title="spectra, mean over directions", xlabel=f"frequency ({name})", ylabel="power per pixel")
    ax.legend(loc="center right", bbox_to_anchor=(1, 0.4))  # below the noise, above the denoised image


def _draw_spots(ax: Axes, x_hat, before: Suitability, after: Trust | None, pixel_size, unit) -> None:
    size, name = (pixel_size, f"1/{unit}") if pixel_size else (1.0, "cycles per pixel")
    power = power_spectrum(middle(x_hat))
    floor = after.noise_variance if after else float(np.median(power))
    rows, columns = ((np.array((0, n)) - n // 2 - 0.5) / n / size for n in power.shape)
    low, high = math.log10(1e-4 * floor), math.log10(max(float(power.max()), floor))
    style = {"origin": "lower", "vmin": low, "vmax": high, "extent": (*columns, *rows)}
    ax.imshow(np.log10(np.maximum(power, 1e-6 * floor)), plotting.POWER_MAP, **style)
    marks = {"invented": ("o", ORANGE), "lost": ("s", "white"), "unseen": ("D", "#56B4E9")}
    names = {"invented": "only in the result", "lost": "weaker in the result", "unseen": "below the noise"}
    listed = {kind: getattr(after.spots, kind) if after else () for kind in marks}
    decided = [math.hypot(spot.fy, spot.fx) for kind in ("invented", "lost") for spot in listed[kind]]
    reach = min(0.5, 1.5 * max([0.05, *decided, 1 / (before.finest or 20)]))  # what is beyond is counted only
    for kind, (marker, colour) in marks.items():
        both = [(s * spot.fx / size, s * spot.fy / size) for spot in listed[kind] for s in (1, -1)]
        if both:
            style = {"marker": marker, "facecolors": "none", "edgecolors": colour, "s": 40}
            ax.scatter(*zip(*both, strict=True), **style, label=names[kind])
    ax.set(title="denoised; disagreements marked", xlabel=f"frequency ({name})")
    ax.set(xlim=(-reach / size, reach / size), ylim=(reach / size, -reach / size))
    ax.grid(False)
    if any(listed.values()):
        style = {"facecolor": "#444444", "labelcolor": "white", "frameon": True}
        ax.legend(**style, loc="upper center", bbox_to_anchor=(0.5, -0.28), ncols=2)


def _draw_correlation(figure, ax: Axes, after: Trust | None) -> None:
    ax.set_title("autocorrelation of the residual")
    if not after:
        ax.set_axis_off()
        return
    values = after.residual.correlation.copy()
    values[LAGS, LAGS] = np.nan  # 1 by definition
    end = max(0.05, float(np.nanmax(np.abs(values))))
    extent = (-LAGS - 0.5, LAGS + 0.5) * 2
    shown = ax.imshow(values, plotting.ERROR_MAP, vmin=-end, vmax=end, extent=extent)
    ax.set(xlabel="lag along a row (pixels)", ylabel="lag along a column")
    ax.grid(False)
    label = f"chance: ± {after.residual.chance:.2g}"
    figure.colorbar(shown, ax=ax, location="bottom", label=label, aspect=20)


def _draw_agreement(ax: Axes, after: Trust | None, pixel_size, unit) -> None:
    ax.set_title("ring correlation of the raw data")
    if not after or not after.agreement:
        ax.set_axis_off()
        why = "not measured: it needs electron counts,\nwhich can be halved, or a second frame"
        ax.text(0.5, 0.5, why, ha="center", va="center", fontsize=8, transform=ax.transAxes)
        return
    size, name = (pixel_size, f"1/{unit}") if pixel_size else (1.0, "cycles per pixel")
    frequency, correlation, chance, _ = after.agreement
    ax.plot(frequency / size, correlation, color=BLUE, linewidth=1, label="two halves of the counts")
    ax.fill_between(frequency / size, -3 * chance, 3 * chance, color=GREY, alpha=0.4, label="chance, ± 3/√n")
    ax.set(xlabel=f"frequency ({name})", ylabel="correlation", ylim=(-0.3, 1.05))
    ax.legend(loc="upper right")
