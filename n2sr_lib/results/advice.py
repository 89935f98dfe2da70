"""What the advice on experimental images rests on: correlated noise; errors estimated without the truth."""

from statistics import fmean

from ..experiments import calibration, correlated
from ..experiments.micrographs import CORRELATIONS, SAMPLERS
from ..experiments.zero_shot import OWN
from ..runs.collect import found
from .ablations import score

psnr = score()  # of the final estimate of a record


def sampler_rows() -> list[list[str]]:
    """What helps against correlated noise: PSNR, mean over `OWN`, and the gain over plain Noise2SR (dB)."""
    recorded = found(correlated("laptop"))
    lines = []
    for label, overrides in SAMPLERS.items():
        line = [label]
        for phi in CORRELATIONS:
            ours, plain = (
                [r for run, r in recorded.items() if (run.correlation, run.overrides[1:]) == (phi, o) and r]
                for o in (overrides, ())
            )
            whole = len(ours) == len(plain) == len(OWN)
            gain = [psnr(a) - psnr(b) for a, b in zip(ours, plain, strict=True)] if whole else []
            line.append(f"{fmean(map(psnr, ours)):.2f} ({fmean(gain):+.2f})" if whole else "")
        lines.append(line)
    return [line for line in lines if any(line[1:])]


def calibration_rows(profile: str = "laptop") -> list[list[str]]:
    """Estimated against true error and what the spread is worth: a row a run below `CALIBRATION_HEAD`."""
    rows = []
    for run, record in found(calibration(profile)).items():
        if record is not None:
            s = record["study"]
            said = f"{s['estimate']:.4f} ± {s['standard_error']:.4f}"
            within = [f"{100 * w:.0f} %" for w in s["within"]]
            off = (s["estimate"] - s["true"]) / s["standard_error"]
            numbers = [f"{s['true']:.4f}", said, f"{off:+.1f}", f"{s['factor']:.2f}", *within]
            rows.append([run.image.rpartition("/")[2], f"{run.a:g}", *numbers])
    return rows


CALIBRATION_HEAD = (
    *("image", "a", "true error (noise variance = 1)", "estimated", "difference (standard errors)"),
    *("error / spread", "error within the spread", "within twice"),
)
