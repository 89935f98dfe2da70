"""After denoising: can the result be trusted? The judgement on what can be measured without a clean image."""

import math
from dataclasses import asdict, dataclass

import numpy as np

from ..noise_estimate import NoiseEstimate
from .halves import Agreement, agreement
from .measured import (
    LAGS,
    OUTSIDE,
    Columns,
    Error,
    Residual,
    estimated_error,
    expected_variance,
    measure_columns,
    residual,
)
from .remarks import Judged, Remark, plain
from .spots import Spot, Spots, find_spots
from .window import middle

LEVELS = NOTHING, LOOK, DOUBT = ("no objection found", "look closely", "do not trust")


@dataclass(frozen=True)
class Trust(Judged):
    """What `assess_result` found, in the units of the image; None where it could not be measured.

    remarks : what speaks against the result, worst first; `level`, `reason` and `advice` are the first one's.
    noise_variance : mean expected variance of the noise.
    out_of_bag, held_out : estimated mean squared error of the out-of-bag mean, on all pixels and on those
        that were never targets.
    spread : root mean square of the spread; not an error bar.
    """

    remarks: tuple[Remark, ...]
    noise_variance: float
    residual: Residual
    spots: Spots
    out_of_bag: Error | None = None
    held_out: Error | None = None
    spread: float | None = None
    columns: Columns | None = None
    agreement: Agreement | None = None

    FINE = Remark(NOTHING, "the residual looks like noise", "measure on the raw image as well")

    def as_dict(self) -> dict:
        """All of it for JSON, without NaN and infinity (None stands for them)."""
        found = asdict(self) | {"level": self.level, "reason": self.reason, "advice": self.advice}
        for name in ("out_of_bag", "held_out", "columns", "residual", "agreement"):
            value = getattr(self, name)
            found[name] = value and {k: _listed(v) for k, v in value._asdict().items()}
        found["spots"] = {k: [s._asdict() for s in v] for k, v in self.spots._asdict().items()}
        found["remarks"] = [r._asdict() for r in self.remarks]
        return plain(found)


def _listed(value):
    return [_listed(v) for v in value] if isinstance(value, np.ndarray) else value


def assess_result(
    y: np.ndarray,
    x_hat: np.ndarray,
    noise: NoiseEstimate,
    *,
    out_of_bag: np.ndarray | None = None,
    spread: np.ndarray | None = None,
    held_out: np.ndarray | None = None,
    pair: tuple[np.ndarray, np.ndarray] | None = None,
    correlated: bool = False,
) -> Trust:
    """Look at a denoised image from every side that needs no clean one.

    Parameters
    ----------
    y, x_hat : ndarray (H, W), the noisy image without NaN, and the result.
    noise : of `estimate_noise`.
    out_of_bag : ndarray (H, W), the mean over the passes that did not see the pixel. The residual is its;
        without it, that of `x_hat`, which is smaller than the noise because `x_hat` has seen it.
    spread : ndarray (H, W).
    held_out : bool (H, W), pixels that were never targets.
    pair : two independent noisy images of the same, such as `halves.halve_counts` gives.
    correlated : the noise is known to be correlated; the residual then is too, and that says nothing.
    """
    honest = x_hat if out_of_bag is None else np.where(np.isfinite(out_of_bag), out_of_bag, x_hat)
    variance = float(expected_variance(honest, noise).mean())
    found = Trust(
        remarks=(),
        noise_variance=variance,
        residual=residual(y, honest, noise),
        spots=find_spots(y, honest, variance),
        out_of_bag=None if out_of_bag is None else estimated_error(y, out_of_bag, y == y, noise),
        held_out=_held_out(y, out_of_bag, held_out, noise),
        spread=None if spread is None else float(np.sqrt(np.square(spread, dtype=np.float64).mean())),
        columns=measure_columns(y, x_hat),
        agreement=None if pair is None else agreement(*map(middle, pair)),
    )
    remarks = sorted(_remarks(found, correlated), key=lambda remark: -LEVELS.index(remark.level))
    return Trust(**{**found.__dict__, "remarks": tuple(remarks)})


def _held_out(y, out_of_bag, held_out, noise) -> Error | None:
    if out_of_bag is None or held_out is None or (held_out & np.isfinite(out_of_bag)).sum() < 100:
        return None
    return estimated_error(y, out_of_bag, held_out, noise)


def _remarks(t: Trust, correlated: bool) -> list[Remark]:
    """The rules, one after the other."""
    remarks = []

    def add(level: str, reason: str, advice: str) -> None:
        remarks.append(Remark(level, reason, advice))

    if t.spots.invented:
        spot = t.spots.invented[0]
        what = f"the result holds {_periodicities(t.spots.invented)} not shown by the data,"
        where = f"the strongest of {1 / math.hypot(spot.fy, spot.fx):.1f} pixels"
        add(DOUBT, f"{what} {where}", "do not interpret them; denoise another frame and compare")
    if t.out_of_bag and t.out_of_bag.estimate - 3 * t.out_of_bag.standard_error > t.noise_variance:
        add(DOUBT, "the result is further from the truth than the noisy image", "train longer")
    if t.held_out and t.held_out.estimate < t.out_of_bag.estimate - 0.5 * t.noise_variance:
        # It cannot be better by that much where it was not trained; see `crops.held_out_map`.
        what = "the held-out pixels have almost no noise, as if it was drawn with the seed of the training"
        add(DOUBT, what, "denoise with another seed")
    if t.spots.lost:
        spot = t.spots.lost[0]
        share = 100 * math.sqrt(spot.denoised / spot.noisy)
        what = f"{_periodicities(t.spots.lost)} weaker in the result than in the data: that of"
        where = f"{1 / math.hypot(spot.fy, spot.fx):.1f} pixels keeps {share:.0f} % of its amplitude"
        add(LOOK, f"{what} {where}", "train longer, and take intensities from the raw image")
    expected = OUTSIDE * t.residual.blocks.size
    outside = t.residual.outside * t.residual.blocks.size
    if outside > 1 + 2 * expected + 4 * math.sqrt(expected) or np.abs(t.residual.blocks).max() > 5:
        what = f"{100 * t.residual.outside:.1f} % of the blocks have a residual that is not noise alone"
        add(LOOK, what, "look at the map of the residual: structure there is missing from the result")
    side = t.residual.correlation[LAGS, LAGS + 1], t.residual.correlation[LAGS + 1, LAGS]
    if not correlated and max(map(abs, side)) > max(0.03, 4.5 * t.residual.chance):
        what = f"the residual is correlated ({side[0]:.2f} along rows, {side[1]:.2f} along columns)"
        add(LOOK, what, "something of the image, or of a correlation of the noise, is left in it")
    if t.out_of_bag and t.residual.variance < 0.95:
        what = f"the residual is smaller than the noise (variance {t.residual.variance:.2f} instead of 1)"
        add(LOOK, what, "the network has learned noise by heart: train for less time")
    if correlated:
        what = "the noise is correlated, and what of it survives cannot be told from structure"
        add(LOOK, what, "do not interpret streaks or grain")
    return remarks


def _periodicities(spots: tuple[Spot, ...]) -> str:
    return f"{len(spots)} periodicit{'y' if len(spots) == 1 else 'ies'}"
