"""Before denoising: one verdict whether Noise2SR suits a noisy image, from all that is measured on it."""

import math
from dataclasses import asdict, dataclass, replace

import numpy as np

from ..checks import check_image, fill
from ..errors import InputError
from ..noise_estimate import NoiseEstimate, estimate_noise
from ..spectra import finest_period
from .independence import NoiseCorrelation, flat_correlation, noise_correlation
from .raw import are_counts, grey_step, outliers, pile, share_of_variance
from .remarks import Judged, Remark, plain
from .window import middle

GOOD, CARE, UNSUITABLE = LEVELS = ("good", "usable with care", "not suitable")

FEW = 128  # pixels a side: fewer hold few repeats of anything to learn from
CLIPPED = (1e-3, 0.05)  # share of pixels at an end of the range: with care, not suitable
MANY = 1e-4, 0.01  # share of the pixels, or of the image's variance, from which outliers matter
SMOOTHED = 0.3  # correlation of the noise along both axes: smoothed or resampled after recording
FAR = 0.06  # correlation over two pixels from which a larger stride is better (notebook 03)
SKEWED = 2.8, 10.0  # Hx/Hy, or its inverse: the same; and beyond all that was tried there
SNR = (20.0, 30.0)  # dB: little noise, no noise worth a mention
COARSE = 4.0  # pixels: structure finer than that is lost by sub-sampling and read as noise


@dataclass(frozen=True)
class Suitability(Judged):
    """What `suitability` found; in the image's own units.

    remarks : what speaks against it, worst first; `level`, `reason` and `advice` are the first one's.
    shape : (H, W).
    step : distance between neighbouring grey levels; None where they are as good as continuous.
    counts : the values are electron counts: whole multiples of `step`, and a is `step`.
    saturated, clipped : share of pixels piled up at the upper and the lower end of the range.
    hot, dead : number of pixels beyond all their neighbours.
    missing : number of NaN or infinite pixels.
    noise, correlation : None where the image has no noise that could be measured.
    flat_correlation : of the noise at lags (0, 1) and (1, 0); see `independence.flat_correlation`.
    snr : 10 log10((variance of the image − σ²)/σ²) in dB; -40 at least.
    finest : smallest period that stands out from the noise, in pixels; None where nothing does. Correlated
        noise stands out by itself.
    """

    remarks: tuple[Remark, ...]
    shape: tuple[int, int]
    step: float | None = None
    counts: bool = False
    saturated: float = 0.0
    clipped: float = 0.0
    hot: int = 0
    dead: int = 0
    missing: int = 0
    noise: NoiseEstimate | None = None
    correlation: NoiseCorrelation | None = None
    flat_correlation: tuple[float, float] | None = None
    snr: float | None = None
    finest: float | None = None

    FINE = Remark(
        GOOD, "the noise is independent from pixel to pixel and nothing is in the way", "denoise it"
    )

    @property
    def sampler(self) -> dict[str, int]:
        """Settings of `Noise2SR` for this noise: what notebook 03 finds on simulated images and a series."""
        if self.correlation is None or self.correlation.independent:
            return {}
        far = max(abs(self.correlation.correlation[lag]) for lag in ((0, 2), (2, 0)))
        return {"aside": 1} | ({"s": 3} if far > FAR or _skew(self.correlation) > SKEWED[0] else {})

    def as_dict(self) -> dict:
        """All of it for JSON, without NaN and infinity (None stands for them)."""
        found = asdict(self) | {
            name: getattr(self, name) for name in ("level", "reason", "advice", "sampler")
        }
        found["remarks"] = [r._asdict() for r in self.remarks]
        if self.correlation is not None:
            for name in ("correlation", "standard_error"):
                values = getattr(self.correlation, name)
                found["correlation"][name] = {f"{dy},{dx}": v for (dy, dx), v in values.items()}
        return plain(found)


def _skew(correlation: NoiseCorrelation) -> float:
    return max(correlation.hx_hy, 1 / max(correlation.hx_hy, 1e-9))


def suitability(image) -> Suitability:
    """Measure what decides whether an image suits Noise2SR. Never raises for a bad image: it says so.

    Noise, spectra and correlations are those of the `middle`.

    Parameters
    ----------
    image : array (H, W) as read from the file: raw, in its own type, since counts and clipping show there.
    """
    image = np.asarray(image)
    shape = tuple(image.shape)
    try:
        y, missing = check_image(image)
    except InputError as error:
        reason, _, advice = str(error).partition("; ")
        return Suitability((Remark(UNSUITABLE, reason, advice or "give another image"),), shape)
    finite = image[np.isfinite(image)].astype(np.float64)
    values, counted = np.unique(finite, return_counts=True)
    step = grey_step(values, finite.size)
    saturated, clipped = (pile(c, finite.size) for c in (counted[::-1], counted))
    hot, dead = outliers(y, step)
    share = share_of_variance(y, hot | dead)
    if (hot | dead).any():
        y = fill(y, ~(hot | dead))  # for the measurements below
    y = middle(y)

    noise = correlation = flat = snr = finest = None
    try:
        noise, correlation = estimate_noise(y), noise_correlation(y)
        flat = flat_correlation(y)
        snr = 10 * math.log10(max(float(y.var()) / noise.variance - 1, 1e-4))
        finest = finest_period(y, noise.variance)
    except InputError:
        noise = correlation = None
    counts = step is not None and noise is not None and are_counts(values, step, noise)
    if counts:
        clipped = 0.0  # no electron is a count like any other
    found = Suitability(
        remarks=(),
        shape=shape,
        step=step,
        counts=counts,
        saturated=saturated,
        clipped=clipped,
        hot=int(hot.sum()),
        dead=int(dead.sum()),
        missing=missing,
        noise=noise,
        correlation=correlation,
        flat_correlation=flat,
        snr=snr,
        finest=finest,
    )
    remarks = sorted(_remarks(found, share), key=lambda remark: -LEVELS.index(remark.level))
    return replace(found, remarks=tuple(remarks))


def _remarks(s: Suitability, share: float) -> list[Remark]:
    """The rules, one after the other."""
    remarks = []

    def add(level: str, reason: str, advice: str) -> None:
        remarks.append(Remark(level, reason, advice))

    for part, end, cause in (
        (s.saturated, "brightest", "shorten the exposure or lower the gain"),
        (s.clipped, "darkest", "raise the detector's offset"),
    ):
        if part > CLIPPED[0]:
            level = CARE if part < CLIPPED[1] else UNSUITABLE
            what = f"{100 * part:.2g} % of the pixels are cut off at the {end} value"
            add(level, what, f"their values are lost, and nothing brings them back: {cause}")
    if s.noise is None:
        what = "no noise of single pixels can be measured: the image is simulated, smoothed or blurred"
        add(UNSUITABLE, what, "denoising cannot sharpen it; if it was noisy once, give the raw frame")
        return remarks
    rho = s.correlation.correlation
    across, along = rho[(0, 1)], rho[(1, 0)]
    if min(across, along) > SMOOTHED:
        what = f"neighbouring pixels share their noise in both directions ({across:.2f} and {along:.2f})"
        add(UNSUITABLE, f"{what}: smoothed, resampled or blurred after recording", "give the raw frame")
    elif not s.correlation.independent:
        level = UNSUITABLE if _skew(s.correlation) > SKEWED[1] else CARE
        ratio = s.correlation.hx_hy
        names = {True: "rows (scan lines)", False: "columns"}
        direction = names[ratio < 1] if abs(math.log(ratio)) > 0.1 else "rows and columns"
        what = f"the noise is correlated along {direction}: {across:.2f} and {along:.2f}, Hx/Hy {ratio:.2f}"
        cure = "prefer raw frames; --adapt helps in part"
        add(level, what, f"{cure}; streaks or grain will survive, do not take them for structure")
    elif s.snr > SNR[0]:
        level = CARE if s.snr < SNR[1] else UNSUITABLE
        what = f"there is little noise: the signal is {s.snr:.0f} dB above it"
        add(level, what, "if the image looks unsharp, that is blur or defocus, which denoising cannot mend")
    if s.finest is None:
        what = "nothing stands out from the noise in the spectrum"
        add(CARE, what, "expect an even grey, and do not believe any structure in the result")
    elif s.finest < COARSE and s.correlation.independent:
        what = f"the image holds structure as fine as {s.finest:.1f} pixels, which sub-sampling loses"
        add(CARE, what, "record with smaller pixels")
    if (s.hot + s.dead) / math.prod(s.shape) > MANY[0] or share > MANY[1]:
        what = f"there are {s.hot} hot and {s.dead} dead pixels, with {100 * share:.2g} % of the variance"
        add(CARE, what, "set them to NaN, which is filled in before training, or correct the gain")
    if s.missing:
        add(CARE, f"{s.missing} pixels are NaN or infinite", "they are filled in with the median around them")
    if min(s.shape) < FEW:
        what = f"{s.shape[0]}×{s.shape[1]} pixels are few to learn from"
        add(CARE, what, f"give a larger part, {FEW} pixels a side at least")
    return remarks
