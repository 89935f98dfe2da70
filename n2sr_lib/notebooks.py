"""Run the notebooks with papermill, one after another, and say at the end how each of them did.

python -m n2sr_lib.notebooks                                  all of them, each in seconds
python -m n2sr_lib.notebooks 00 --profile laptop -p SEED 1    one of them, another parameter
"""

import argparse
import ast
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from .errors import InputError
from .progress import WATCHED

try:
    import papermill
    import psutil
except ImportError as error:
    raise ImportError(f"{error.name} is missing: pip install -e '.[notebooks]'") from error

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
LIMITS = {"smoke": 300, "laptop": 3600, "paper": 8 * 3600}  # profile -> seconds for one notebook
REFUSED = 126  # exit code; above any count of failures


@dataclass(frozen=True)
class Outcome:
    """How one notebook did: ``status`` is "ok", "failed" or "too long", ``peak`` its memory in MiB."""

    name: str
    status: str
    seconds: float
    peak: float
    message: str = ""


def find(names: list[str], folder: Path = FOLDER) -> list[Path]:
    """The notebooks whose names begin so ("00", "01_how_noise2sr_works"), or all; InputError for none."""
    known = sorted(folder.glob("*.ipynb"))
    for name in names:
        if not any(path.stem.startswith(name.removesuffix(".ipynb")) for path in known):
            there = ", ".join(path.stem for path in known) or f"none in {folder}"
            raise InputError(f"there is no notebook {name!r}; there are {there}")
    wanted = tuple(name.removesuffix(".ipynb") for name in names)
    return [path for path in known if not names or path.stem.startswith(wanted)]


def declared(path: Path) -> dict[str, object]:
    """The parameters of a notebook and their defaults; InputError if they cannot be told."""
    found = papermill.inspect_notebook(path)
    if not found:
        raise InputError(f"{path.name} has no cell tagged 'parameters'; tag the one with its settings")
    try:
        return {name: ast.literal_eval(entry["default"]) for name, entry in found.items()}
    except (ValueError, SyntaxError) as error:
        raise InputError(f"the cell 'parameters' of {path.name} must hold literals only: {error}") from error


def parameters(
    paths: list[Path], profile: str, out: Path, given: list[tuple[str, str]]
) -> dict[Path, dict[str, object]]:
    """What each notebook is given: profile, output folder, leave to replace what is there, and `given`.

    Each is given only what it declares.

    Raises
    ------
    InputError
        If one of `given` is declared by none of the notebooks (papermill alone would go on without it), or is
        of another type than the default.
    """
    known = {path: declared(path) for path in paths}
    everyone = sorted(set().union(*known.values()))
    for name, _ in given:
        if name not in everyone:
            raise InputError(f"there is no parameter {name!r}; these notebooks have {', '.join(everyone)}")
    chosen = [
        ("PROFILE", profile),
        ("PRESET", profile),
        ("OUTPUT_DIR", str(out)),
        ("OVERWRITE", "True"),
        *given,
    ]
    return {
        path: {name: _value(name, text, defaults[name]) for name, text in chosen if name in defaults}
        for path, defaults in known.items()
    }


def _value(name: str, text: str, default: object) -> object:
    """The text from the command line as what the notebook's default is."""
    if isinstance(default, str):
        return text
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = text
    same = type(value) is type(default) or (type(default) is float and type(value) is int)
    if default is None or same:
        return value
    raise InputError(f"the parameter {name} is {default!r} by default; {text!r} is of another kind")


def run(path: Path, given: dict[str, object], out: Path, limit: float) -> Outcome:
    """Execute one notebook with papermill in a process of its own, which is ended after `limit` seconds."""
    command = [sys.executable, "-m", "papermill", str(path), str(out / path.name)]
    # No `--cwd`: a notebook that is given relative paths means the caller's.
    command += ["--kernel", "python3", "--no-progress-bar", "--parameters_yaml", json.dumps(given)]
    # In an editor's terminal a notebook would believe that a person has it open (`progress`).
    environment = {name: value for name, value in os.environ.items() if name not in WATCHED}
    begin, peak = time.monotonic(), 0.0
    with tempfile.TemporaryFile("w+") as log:
        process = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=log, env=environment)
        try:
            while _still_running(process) and time.monotonic() - begin < limit:
                peak = max(peak, _memory(process))
                _show(f"{path.stem}: {time.monotonic() - begin:.0f} s")
            late = process.poll() is None
        finally:
            _show("")
            _end(process)
        log.seek(0)
        lines = log.read().split("\n")
    seconds = time.monotonic() - begin
    if late:
        return Outcome(path.stem, "too long", seconds, peak, f"ended after {limit:g} s")
    if process.returncode == 0:
        return Outcome(path.stem, "ok", seconds, peak)
    said = [line for line in lines if line.strip()] or [f"papermill ended with code {process.returncode}"]
    return Outcome(path.stem, "failed", seconds, peak, said[-1][:300])  # a traceback ends with the error


def _still_running(process: psutil.Popen) -> bool:
    try:
        process.wait(0.25)
    except psutil.TimeoutExpired:
        return True
    return False


def _memory(process: psutil.Popen) -> float:
    """MiB held now by a process and all below it."""
    held = 0
    with contextlib.suppress(psutil.Error):
        for one in [process, *process.children(recursive=True)]:
            held += one.memory_info().rss
    return held / 2**20


def _show(text: str) -> None:
    """What is going on, on one line of a terminal that is cleared first."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def _end(process: psutil.Popen) -> None:
    """End what still runs: papermill, which then ends its kernel, and after ten seconds all by force."""
    with contextlib.suppress(psutil.NoSuchProcess):
        below = process.children(recursive=True)
        process.terminate()
        _, alive = psutil.wait_procs([process, *below], timeout=10)
        for one in alive:
            one.kill()


def table(outcomes: list[Outcome]) -> str:
    """One line a notebook, and what went wrong below its line."""
    width = max(len(outcome.name) for outcome in outcomes)
    lines = [f"{'notebook':<{width}}  status    seconds  peak MiB"]
    for o in outcomes:
        lines.append(f"{o.name:<{width}}  {o.status:<8}  {o.seconds:>7.1f}  {o.peak:>8.0f}")
        lines += [f"    {o.message}"] if o.message else []
    return "\n".join(lines)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    p = argparse.ArgumentParser(
        prog="python -m n2sr_lib.notebooks",
        description=__doc__.splitlines()[0],
        epilog=f"exit code: how many notebooks failed (125 at most); {REFUSED} if nothing was run",
    )
    p.add_argument("names", nargs="*", help="how their names begin, such as 00 (default: all)")
    p.add_argument("--profile", choices=LIMITS, default="smoke", help="default: smoke, seconds each")
    p.add_argument("--out", type=Path, default=Path("output"), help="folder for the executed copies")
    p.add_argument("-p", dest="given", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"))
    p.add_argument("--limit", type=float, help="seconds for one notebook (default: by profile)")
    return p


def main(arguments: list[str] | None = None, folder: Path = FOLDER) -> int:
    """Run the notebooks; the exit code counts failures."""
    options = parser().parse_args(arguments)
    try:
        paths = find(options.names, folder)
        if options.out.resolve() == folder.resolve():
            raise InputError(f"{options.out} holds the notebooks themselves; give the copies another folder")
        given = parameters(paths, options.profile, options.out, options.given)
        options.out.mkdir(parents=True, exist_ok=True)
    except (InputError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return REFUSED
    outcomes = []
    for path in paths:
        print(f"{path.stem}: {', '.join(f'{k}={v!r}' for k, v in given[path].items())}", flush=True)
        outcomes.append(run(path, given[path], options.out, options.limit or LIMITS[options.profile]))
    print(f"\n{table(outcomes)}\nexecuted copies: {options.out}")
    return min(sum(outcome.status != "ok" for outcome in outcomes), 125)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
