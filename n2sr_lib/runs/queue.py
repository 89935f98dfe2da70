"""Work through the runs that are missing: each exactly once, however many processes are at it."""

import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from .. import checkpoint
from ..experiments import crop_of, wanted
from ..experiments.run import Run
from . import archive, records
from .collect import found
from .estimates import Estimator, clock
from .execute import execute
from .pretrained import Busy, lacking
from .specification import machine, record_key, specify, work_key


def missing(profile: str, only: tuple[str, ...] = ()) -> list[Run]:
    """The runs without a record, in order of priority."""
    return [run for run, record in found(wanted(profile, only)).items() if record is None]


def run_once(run: Run, *, device: str = "auto", jobs: int = 1, progress: bool = False) -> dict | None:
    """Execute and record a run, unless it is recorded; None if another process is at it just now."""
    specification = specify(run)
    work = work_key(specification)
    with records.lock(work) as mine:
        if not mine:
            return None
        known = records.by_work(records.read_all())
        if work in known:  # recorded since the list was made
            return known[work]
        key = record_key(specification, *machine(specification, device))
        path = records.cache() / "checkpoints" / f"{key}.pt"
        try:
            record, png = execute(
                specification,
                device=device,
                profile=run.profile,
                crop=crop_of(run),
                checkpoint=path,
                jobs=jobs,
                progress=progress,
            )
        except Busy:  # with a training that this run shares
            return None
        records.write(record, png)
        checkpoint.remove(path)  # not before: a study after the training may be interrupted too
    return record


def work_through(
    runs: list[Run],
    *,
    device: str = "auto",
    deadline: float | None = None,
    jobs: int = 1,
    progress: bool = False,
    finished: Callable[[], None] = lambda: None,
) -> int:
    """Execute runs in the order given, one after the other.

    Parameters
    ----------
    deadline : time (as `time.time` has it) by which all must be done; a run that cannot is left out.
    jobs : processes that do the same beside this one, itself included.
    finished : called after each run.

    Returns
    -------
    The number of runs that failed. One failure does not keep the others from being executed.
    """
    estimator = Estimator(records.read_all(), device, jobs)
    reasons = {run: lacking(run) for run in runs}
    for reason in dict.fromkeys(filter(None, reasons.values())):
        say(f"left out, {sum(r == reason for r in reasons.values())} runs: {reason}")
    runs = [run for run in runs if not reasons[run]]
    failed = 0
    parent = multiprocessing.parent_process()
    for i, run in enumerate(runs):
        if parent is not None and not parent.is_alive():
            break  # nobody waits any more
        try:
            left = [other for other, record in found(runs[i:]).items() if record is None]
            if run not in left:
                continue
            specification = specify(run)
            seconds = estimator.total([specification], time_steps=deadline is not None)
            if deadline is not None and time.time() + seconds > deadline:
                say(f"left out, {clock(seconds)} is more than is left: {run}")
                continue
            rest = estimator.total([specify(other) for other in left])
            whole = None if rest is None else rest / jobs
            say(f"{run}: about {clock(seconds)}; {len(left)} to go, about {clock(whole)}")
            record = run_once(run, device=device, jobs=jobs, progress=progress)
        except Exception as error:  # one failure must not cost a night
            failed += 1
            say(f"FAILED {run}: {type(error).__name__}: {error}")
            continue
        if record is None:
            say(f"another process is at it: {run}")
            continue
        estimator.learn(record)
        say(f"done {record['key']} in {clock(record['seconds'])}: {summary(record)}")
        finished()
    return failed


def work_side_by_side(
    runs: list[Run], jobs: int, finished: Callable[[], None] = lambda: None, **options
) -> int:
    """`work_through` in several processes on the same list; returns how many runs failed."""
    context = multiprocessing.get_context("spawn")
    threads = max(torch.get_num_threads() // jobs, 1)
    arguments = (runs, threads, {**options, "jobs": jobs})
    workers = [context.Process(target=_worker, args=arguments) for _ in range(jobs)]
    for worker in workers:
        worker.start()
    before = set()
    while any(worker.is_alive() for worker in workers):
        time.sleep(0.5)
        if (now := {path.name for path in records.folder().glob("*.json")}) != before:
            before = now
            finished()
    codes = [worker.exitcode for worker in workers]
    return sum(code if code > 0 else 1 for code in codes if code)  # below 0: killed by a signal


def _worker(runs: list[Run], threads: int, options: dict) -> None:
    torch.set_num_threads(threads)
    sys.exit(min(work_through(runs, **options), 100))


def work_off(
    profile: str,
    only: tuple[str, ...] = (),
    *,
    budget: float | None = None,
    out: Path | None = None,
    jobs: int = 1,
    device: str = "auto",
    progress: bool = False,
) -> int:
    """Execute what is missing of a profile; see `runs` for the parameters. Returns how many runs failed."""
    deadline = None if budget is None else time.time() + budget
    before = set(records.read_all())
    runs = missing(profile, only)

    def pack() -> None:
        # After every run, so that a machine that is taken away leaves what was done.
        if out is not None:
            archive.pack(out, set(records.read_all()) - before)

    if jobs == 1:
        failed = work_through(runs, device=device, deadline=deadline, progress=progress, finished=pack)
    else:
        failed = work_side_by_side(runs, jobs, pack, device=device, deadline=deadline)
    pack()
    new, left = len(set(records.read_all()) - before), len(missing(profile, only))
    say(f"{new} new records{f' in {out}' if out else ''}; {left} missing, {failed} failed")
    return failed


def summary(record: dict) -> str:
    """The main numbers of a record, for a person."""
    if (score := records.score(record)) is None:
        return f"effect {record['result']['effect']:.4g}, spread {record['result']['spread']:.2g}"
    steps = f", {record['steps']} steps" if "steps" in record else ""
    return f"{score['psnr']:.2f} dB, SSIM {score['ssim']:.4f}{steps}"


def say(text: str) -> None:
    """One line, at once, with the process that says it."""
    print(f"{time.strftime('%H:%M:%S')} [{os.getpid()}] {text}", flush=True)
