"""The verdicts before and after denoising in words, a line each, as a report prints them."""

import math

from .suitability import Suitability
from .trust import Trust


def numbers(
    before: Suitability, after: Trust | None, pixel_size: float | None = None, unit: str | None = None
) -> list[str]:
    """Lengths in pixels, and in `unit` where `pixel_size` is known; errors in units of the noise variance."""

    def length(pixels: float) -> str:
        return f"{pixels:.3g} px" + (f" = {pixels * pixel_size:.3g} {unit}" if pixel_size else "")

    lines = ["Before"]
    if before.noise is not None:
        noise, c = before.noise, before.correlation
        values = "electron counts" if before.counts else "scaled values, no electron counts"
        values = f"{values}, level distance {before.step:.4g}" if before.step else values
        outliers = f"hot {before.hot}, dead {before.dead} pixels"
        lines += [
            f"{values}; saturated {100 * before.saturated:.2g} %; {outliers}",
            f"noise: deviation {math.sqrt(noise.variance):.3g} at the mean {noise.mean:.4g}; "
            f"a = {noise.a:.3g} ({noise.a_interval[0]:.3g} to {noise.a_interval[1]:.3g}); "
            f"signal to noise {before.snr:.1f} dB",
            f"correlation of neighbours {c.correlation[(0, 1)]:.3f} along rows, {c.correlation[(1, 0)]:.3f} "
            f"along columns; Hx/Hy {c.hx_hy:.2f} ± {c.hx_hy_standard_error:.2f}",
            "finest period above the noise: " + (length(before.finest) if before.finest else "none"),
        ]
    if after is None:
        return [*lines, "", "After", "the noise cannot be estimated, and without it nothing can be said"]
    lines += ["", f"After (errors in units of the noise variance, {after.noise_variance:.3g})"]
    for name, error in (
        ("out-of-bag mean, all pixels", after.out_of_bag),
        ("held-out pixels", after.held_out),
    ):
        if error:
            value, deviation = (v / after.noise_variance for v in (error.estimate, error.standard_error))
            known = "" if value > 2 * deviation else " (too small to be known)"
            lines.append(f"mean squared error, {name}: {value:.3f} ± {deviation:.3f}{known}")
    if after.spread is not None:
        lines.append(
            f"spread²: {after.spread**2 / after.noise_variance:.3f}; how the passes differ, no error bar"
        )
    r, spots = after.residual, after.spots
    lines += [
        f"residual/deviation: variance {r.variance:.3f} (1 plus the error is right)",
        f"blocks of it beyond three deviations: {100 * r.outside:.2g} % (chance: 0.27 %)",
        f"spectral spots only in the result {len(spots.invented)}, weaker in it {len(spots.lost)}, "
        f"below the noise {len(spots.unseen)}",
    ]
    if after.columns:
        c = after.columns
        lines.append(
            f"{c.count} columns, period {length(c.period)}; in the noisy image {100 * c.found:.0f} % found, "
            + (
                f"deviating by {length(c.difference)}"
                if math.isfinite(c.difference)
                else "too few to compare"
            )
        )
    return lines
