"""No number by hand: the README's tables and ``data/paper/claims.csv``, written from the records.

python -m n2sr_lib.report             write them
python -m n2sr_lib.report --check     exit code 1 if they are stale
"""

import argparse
import csv
import io
import re
import sys
from pathlib import Path
from statistics import fmean, pstdev, stdev

from .errors import InputError
from .experiments import budget60, recipe, table1
from .experiments.run import LEVELS, PROFILES, Run
from .experiments.settings import RECIPE, RECIPE_A, RECIPE_STEPS
from .results import ablations, rivals
from .results.claims import Finding, findings
from .runs.collect import found

ROOT = Path(__file__).resolve().parents[1]
COLUMNS = ("verdict", "effect", "spread", "over_what", "record_keys")
BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
#: Our estimate -> the paper's row of Table I.
ESTIMATES = {
    "noisy": ("Noisy image", "Noisy"),
    "single": ("Noise2SR, M = 1", "Noise2SR (M=1)"),
    "mmse": ("Noise2SR, MMSE", "Noise2SR (MMSE)"),
    "out_of_bag": ("Noise2SR, out of bag", None),
}


def read_csv(path: Path) -> list[dict]:
    """Rows of a CSV file, all values as text."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def results(root: Path) -> str:
    """Noise2SR of Table I: ours, the paper's, the difference; for each profile on record."""
    paper = {(row["method"], float(row["a"])): row for row in read_csv(root / "data/paper/table1.csv")}
    parts = []
    for profile in PROFILES:
        recorded = found(table1(profile))
        lines = []
        for a in sorted(LEVELS, reverse=True):
            records = [r for run, r in recorded.items() if run.a == a and r is not None]
            for name, (label, method) in ESTIMATES.items():
                scores = [r["result"][name] for r in records if name in r["result"]]
                if scores:
                    theirs = paper.get((method, a))
                    cells = _compare(scores, theirs, "psnr", 2) + _compare(scores, theirs, "ssim", 4)
                    lines.append([f"{a:g}", label, str(len(scores)), *cells])
        if lines:
            devices = sorted({r["device"] for r in recorded.values() if r is not None})
            head = ["a", "", "images"]
            head += [f"{q}, {w}" for q in ("PSNR (dB)", "SSIM") for w in ("ours", "paper", "difference")]
            parts.append(f"Profile `{profile}` on {', '.join(devices)}:\n\n{table(head, lines)}")
            parts += _all_methods(profile, paper)
    if not parts:
        return "No run of Table I is recorded yet."
    parts.append(
        "Mean ± population deviation over the images; one noise realisation and one training seed per image. "
        "A cell such as *2 of 5* is not complete: so many images are recorded. An asterisk: made for data "
        "sets, but trained on the one noisy image. *Shared plan*: Noise2SR with as many steps as its rivals; "
        "its other rows have its own plan; its average runs over flips and turns of the image besides the "
        "draws, the paper's over the draws alone. *Trained on a set*: on images that we simulated, not on "
        "those of which the test images are a part, with a network of half the size. Deviations, SSIM and "
        "seconds of every row: "
        "[notebook 02](notebooks/02_table1_simulated_tem.ipynb)."
    )
    return "\n\n".join(parts + _one_minute())


def _all_methods(profile: str, paper: dict[tuple[str, float], dict]) -> list[str]:
    """Every method in PSNR, ours where all images of a level are recorded, and the paper's."""
    everything = [*rivals.runs(profile), *rivals.set_runs(profile)]
    planned = {(rivals.cell(run), run.a) for run in everything}
    cells, levels, lines = rivals.grid(found(everything)), sorted(LEVELS, reverse=True), []
    if not any(rivals.ranked(cells, a) for a in levels):
        return []
    for row in (*rivals.ROWS, *rivals.SET_ROWS):
        line = []
        for a in levels:
            values = [
                ablations.scores(r, row.estimate)["psnr"] for r in cells.get((row.cell, a), {}).values()
            ]
            theirs = paper.get((row.paper, a), {}).get("psnr", "")
            missing = f"{len(values)} of 5" if (row.cell, a) in planned else ""
            line += [f"{fmean(values):.2f}" if len(values) == 5 else missing, theirs]
        lines.append([row.label, *line])
    head = [f"PSNR (dB), `{profile}`", *(f"a = {a:g}, {w}" for a in levels for w in ("ours", "paper"))]
    return [table(head, lines)]


def _compare(scores: list[dict], theirs: dict | None, name: str, digits: int) -> list[str]:
    ours = [score[name] for score in scores]
    deviation = f" ± {pstdev(ours):.{digits}f}" if len(ours) > 1 else ""
    cells = [f"{fmean(ours):.{digits}f}{deviation}"]
    if theirs is None or len(ours) < 5:  # a mean over other images is no comparison
        return [*cells, "", ""]
    given = float(theirs[name])
    difference = f"{fmean(ours) - given:+.{digits}f}"
    return [*cells, f"{given:.{digits}f} ± {float(theirs[f'{name}_std']):.2f}", difference]


def _one_minute() -> list[str]:
    (record,) = found(budget60("laptop")).values()
    if record is None:
        return []
    score = record["result"]["mmse"]
    return [
        f"With `--budget 60s`, image 1 at a = 0.05: {score['psnr']:.2f} dB, SSIM {score['ssim']:.4f} after "
        f"{record['steps']} steps on {record['device']} ({record['threads']} threads)."
    ]


def recipe_table(root: Path) -> str:
    """Why these settings: each departure from `laptop`, by its held-out loss and its true error."""
    recorded = found(recipe("laptop"))
    lines, reference = [], None
    for label, overrides in RECIPE.items():
        group = {run: r for run, r in recorded.items() if run.overrides[1:] == overrides and r is not None}
        if not group:
            continue
        psnr = _over_seeds(group, lambda r: r["result"]["mmse"]["psnr"])
        ssim = _over_seeds(group, lambda r: r["result"]["mmse"]["ssim"])
        held_out = _over_seeds(group, held_out_loss)
        complete = len(group) == sum(run.overrides[1:] == overrides for run in recorded)
        if not overrides and complete:  # `laptop` as it is, the first line
            reference = fmean(psnr)
        difference = "" if reference is None or not complete else f"{fmean(psnr) - reference:+.2f}"
        scores = [_spread(held_out, 4), _spread(psnr, 2), difference, _spread(ssim, 4)]
        lines.append([label, str(len(group)), *scores])
    if not lines:
        return "Not measured yet."
    head = ["settings", "runs", "held-out loss", "PSNR (dB)", "difference", "SSIM"]
    note = (
        f"Mean ± deviation over training seeds, after {RECIPE_STEPS:,} steps where nothing else is said (a "
        "shorter plan than `laptop`'s, so that speed of convergence counts as much as the end), on one "
        f"simulated image of our own at a = {RECIPE_A}."
    )
    return f"{table(head, lines)}\n\n{note}"


def held_out_loss(record: dict) -> float:
    """Held-out loss of the last tenth of the training."""
    course = [v for v in record["history"]["held_out"] if v is not None]
    return fmean(course[-max(len(course) // 10, 1) :]) if course else float("nan")


def _over_seeds(group: dict[Run, dict], value) -> list[float]:
    """One number per training seed: the mean over images."""
    seeds: dict[int, list[float]] = {}
    for run, record in group.items():
        seeds.setdefault(run.seed, []).append(value(record))
    return [fmean(values) for values in seeds.values()]


def _spread(values: list[float], digits: int) -> str:
    deviation = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{fmean(values):.{digits}f}{deviation}"


def claims_rows(root: Path) -> list[dict]:
    """The rows of ``data/paper/claims.csv``: what is claimed (kept) and what the records say (new)."""
    measured = findings()
    rows = []
    for claim in read_csv(root / "data/paper/claims.csv"):
        finding = measured.get(claim["id"], Finding())
        if finding is None:  # it needs images that cannot be had here
            rows.append(claim)
            continue
        added = finding._replace(record_keys=" ".join(finding.record_keys))
        rows.append(claim | dict(zip(COLUMNS, added, strict=True)))
    return rows


def claims_table(rows: list[dict]) -> str:
    """All claims with their verdicts, for the README; rows as of `claims_rows`."""
    head = ["", "claim", "verdict", "effect", "spread", "over what"]
    names = ("id", "claim", "verdict", "effect", "spread", "over_what")
    return table(head, [[row[name] for name in names] for row in rows])


BLOCKS = ("results", "recipe", "claims")


def generate(root: Path = ROOT) -> dict[Path, str]:
    """Every generated file with the text that it should have; nothing is written.

    Raises
    ------
    InputError
        If the README lacks a block, or names one that does not exist.
    """
    text = io.StringIO()
    rows = claims_rows(root)
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    files = {root / "data/paper/claims.csv": text.getvalue()}
    readme = root / "README.md"
    if readme.exists():
        old = readme.read_text(encoding="utf-8")
        names = [match[2] for match in BLOCK.finditer(old)]
        if sorted(names) != sorted(BLOCKS):
            raise InputError(
                f"README.md has the generated blocks {names}; it needs each of {list(BLOCKS)} once, "
                "between '<!-- generated: NAME -->' and '<!-- end -->'"
            )
        said = dict(zip(BLOCKS, (results(root), recipe_table(root), claims_table(rows)), strict=True))
        files[readme] = BLOCK.sub(lambda m: f"{m[1]}\n{said[m[2]]}\n\n{m[3]}", old)
    return files


def stale(root: Path = ROOT) -> dict[Path, str]:
    """The generated files that do not say what the records say, and what they should say."""
    files = generate(root).items()
    return {path: text for path, text in files if path.read_text(encoding="utf-8") != text}


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0: all well; 1: something is stale (with --check); 2: wrong input."""
    parser = argparse.ArgumentParser(prog="python -m n2sr_lib.report", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if stale")
    options = parser.parse_args(arguments)
    try:
        old = stale()
        for path, text in old.items():
            if not options.check:
                path.write_text(text, encoding="utf-8")
            print(f"{'stale' if options.check else 'written'}: {path.relative_to(ROOT)}")
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 1 if options.check and old else 0


if __name__ == "__main__":
    sys.exit(main())
