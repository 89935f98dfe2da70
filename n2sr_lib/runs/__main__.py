"""Run, record, resume, list, carry, repeat: every number of this project comes from here.

python -m n2sr_lib.runs --profile laptop             execute what is missing, most important first
python -m n2sr_lib.runs --list                       what is missing, and how long it would take here
python -m n2sr_lib.runs --verify KEY                 execute a recorded run again and compare
"""

import argparse
import csv
import os
import sys

import torch

from ..errors import InputError
from ..experiments import TABLES, wanted
from ..experiments.run import PROFILES
from . import archive, records
from .collect import COLUMNS, found, rows
from .estimates import Estimator, clock
from .execute import execute
from .queue import summary, work_off
from .specification import specify

TOLERANCE = 0.05  # dB: another machine, or a GPU, sums in another order


def verify(key: str, device: str = "auto") -> tuple[bool, str]:
    """Execute a recorded run again, with the recorded precision and threads.

    On the recorded class of device, if it is there.

    A run with a time budget is repeated with the steps and passes that it came to.

    Returns
    -------
    Whether it came out the same (the same bits, or within `TOLERANCE`), and one sentence that says so.
    """
    old = records.read(key)
    specification, threads = dict(old["specification"]), torch.get_num_threads()
    if specification["kind"] in ("denoise", "real", "choice") and "plan" in specification:
        specification["plan"] = specification["plan"] | {"precision": old["precision"]}
        if specification.get("budget") is not None:
            specification["budget"] = None
            specification["plan"]["steps"] = old["steps"]
            specification["strategy"] = specification["strategy"] | {"M": old["M"]}
    torch.set_num_threads(old["threads"])
    try:
        there = old["device_class"] if torch.cuda.is_available() else "cpu"
        new, _ = execute(specification, device=there if device == "auto" else device)
    finally:
        torch.set_num_threads(threads)
    if new["sha256"] == old["sha256"]:
        return True, f"{key}: same bits ({summary(new)})"
    if records.score(old) is None:
        change = abs(new["result"]["effect"] - old["result"]["effect"])
        return change <= old["result"]["spread"], f"{key}: other bits; the effect differs by {change:.2g}"
    change = records.score(new)["psnr"] - records.score(old)["psnr"]
    said = f"{key}: other bits; {change:+.4f} dB against the record ({summary(old)}, {old['device']})"
    return abs(change) <= TOLERANCE, said


def overview(profiles: tuple[str, ...], only: tuple[str, ...], device: str, jobs: int = 1) -> str:
    """What is missing of each table, and an estimate for this machine where records allow one."""
    estimator = Estimator(records.read_all(), device, jobs, anywhere=True)
    lines = [f"{'profile':<8} {'table':<10} {'missing':>8} {'of':>4}   estimate"]
    details = []
    for profile in profiles:
        serves = wanted(profile, only)
        known = found(serves)
        for table in TABLES:
            runs = [run for run in serves if table in serves[run]]
            if not runs:
                continue
            open_runs = [run for run in runs if known[run] is None]
            seconds = estimator.total([specify(run) for run in open_runs])
            whole = None if seconds is None else seconds / jobs
            lines.append(f"{profile:<8} {table:<10} {len(open_runs):>8} {len(runs):>4}   {clock(whole)}")
            details += [f"  {table}: {run}" for run in open_runs]
    return "\n".join([*lines, *(["missing:", *details] if details else [])])


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(prog="python -m n2sr_lib.runs", description=__doc__.splitlines()[0])
    what = p.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="say what is missing and how long it would take")
    what.add_argument("--csv", action="store_true", help="print all records in long form")
    what.add_argument("--merge", metavar="FILE", help="take in the records of an archive from --out")
    what.add_argument(
        "--verify",
        metavar="KEY",
        help=f"execute a recorded run again; exit code 1 if it differs by more than {TOLERANCE} dB",
    )
    p.add_argument("--profile", choices=PROFILES, help="which settings to execute, or to list")
    p.add_argument("--only", nargs="+", default=[], metavar="TABLE", help=f"of {', '.join(TABLES)}")
    p.add_argument(
        "--budget", type=float, metavar="SECONDS", help="leave out what cannot be finished in this time"
    )
    p.add_argument("--out", metavar="FILE.zip", help="write all new records and crops into one archive")
    p.add_argument("--jobs", type=int, default=1, metavar="N", help="runs side by side (a GPU has room)")
    p.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    p.add_argument("--commit", help="recorded as the commit where there is no git (or set N2SR_COMMIT)")
    return p


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0: all well; 1: a run failed, a record was refused or differs; 2: wrong input."""
    command = parser()
    options = command.parse_args(arguments)
    try:
        return _do(options, command)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130


def _do(options: argparse.Namespace, command: argparse.ArgumentParser) -> int:
    if options.commit:
        os.environ["N2SR_COMMIT"] = options.commit
    only = tuple(options.only)
    profiles = (options.profile,) if options.profile else PROFILES
    if options.csv:
        table = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(rows(profiles, only, orphans=not (options.profile or only)))
        return 0
    if options.list:
        print(overview(profiles, only, options.device, options.jobs))
        return 0
    if options.merge:
        merged = archive.merge(options.merge)
        for key, reason in merged.refused.items():
            print(f"refused {key}: {reason}", file=sys.stderr)
        print(f"{len(merged.taken)} records taken, {len(merged.kept)} kept, {len(merged.refused)} refused")
        return 1 if merged.refused else 0
    if options.verify:
        same, said = verify(options.verify, options.device)
        print(said)
        return 0 if same else 1
    if options.profile is None:
        command.error("say --profile laptop or --profile paper, or one of --list --csv --merge --verify")
    if options.jobs < 1:
        raise InputError(f"--jobs is {options.jobs}; give 1 or more")
    failed = work_off(
        options.profile,
        only,
        budget=options.budget,
        out=archive.check_name(options.out) if options.out else None,
        jobs=options.jobs,
        device=options.device,
        progress=options.jobs == 1 and sys.stderr.isatty(),
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
