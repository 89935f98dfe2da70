"""The command ``n2sr``: assess or denoise image files from a terminal or a script."""

import argparse
import collections
import contextlib
import functools
import json
import math
import os
import re
import sys
import time
import warnings
from pathlib import Path

from . import __version__
from .errors import InputError

DESCRIPTION = """\
Denoise one atomic-resolution micrograph with Noise2SR.

A small neural network is trained on this image alone: no other image, no clean
reference and no pretrained weights are used. It works where the noise of
neighbouring pixels is independent (counting noise, readout noise); a warning
says so when it does not look like that. Give raw frames: not smoothed,
resampled, drift-corrected or saved as JPEG."""

EPILOG = """\
examples:
  n2sr denoise scan.dm4                     writes scan_denoised.tif beside it
  n2sr denoise scan.dm4 -o clean.tif --budget 60s
  n2sr denoise series.emd --frame 3 -o frame3.tif --preset paper --device cuda
  n2sr denoise series.emd --fit first -o frames
  n2sr denoise scans --report               all images of the folder scans

how long:
  The preset decides. smoke: seconds, only to try things out. laptop: minutes on
  two processor cores. paper: the protocol of the paper, for a GPU. --budget
  replaces the preset's number of training steps by what fits into that time;
  for laptop about a minute is the least that is useful.

many images:
  A folder, several files, a pattern in quotes, or a stack with --fit. OUTPUT is
  then a folder, with one TIFF an image and one row each in the table n2sr.csv.
  --fit every trains for each image; --fit first trains once and applies the
  network to all; --fit 10 trains anew at every tenth, from the weights it has,
  for a quarter of the steps. With the last two it also trains anew where the
  error on unseen pixels rises. Given again, the command does what is missing.

can it be trusted:
  "n2sr assess FILE" says beforehand whether an image is suitable. --report
  writes a page afterwards: estimated error, residual, spectra, what to look at.

what comes out:
  A 32-bit float TIFF in the units of the input, with the pixel size where the
  input has one, and with the settings and the estimated noise in its
  description (Fiji: Image > Show Info). With .hspy the same for HyperSpy, with
  .npy the values alone. The input is never changed, and no other file is
  replaced without --overwrite. The last line printed is a summary; in it, noise
  a is the intensity per electron, and deviation that of the noise at the mean
  intensity.

interrupted:
  Every half minute the training is saved as OUTPUT.checkpoint. The same command
  given again continues from there; when all is written, it is removed.

exit codes:
  0    done
  1    of many images some failed, and are listed; or only the report failed
  2    the input or the command cannot be used: one sentence says why, and
       nothing has been written
  130  interrupted"""

ASSESS = """\
Say whether an image is suitable for Noise2SR: good, usable with care, or not
suitable, with the reason and what to do. Looked at are saturation, hot and dead
pixels, the noise and its correlation, blur, size. Nothing is written."""


class _Parser(argparse.ArgumentParser):
    def __init__(self, **options):
        super().__init__(**options, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter)

    def error(self, message):
        raise InputError(f"{message}; see {self.prog} --help")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="n2sr", description="Noise2SR: denoise one high-resolution electron micrograph.")
    parser.add_argument("--version", action="version", version=f"n2sr {__version__}")
    commands = parser.add_subparsers(metavar="command", required=True)
    command = commands.add_parser(
        "denoise", help="denoise one image file", description=DESCRIPTION, epilog=EPILOG
    )
    command.set_defaults(run=_denoise)
    add = command.add_argument
    formats = "TIFF, PNG, NPY, NPZ or HDF5; with the extra 'em' also DM3, DM4, EMD, SER, EMI, MRC, HSPY"
    add("input", type=_path, nargs="+", help=f"{formats}; or a folder of them, or several")
    add(
        "-o",
        "--output",
        type=_path,
        help=".tif, .npy or .hspy to write (default: INPUT_denoised.tif beside INPUT)",
    )
    add("--fit", help="for stacks and folders: train for every image (default), the first, or each N-th")
    add("--preset", default="laptop", help="smoke, laptop (default) or paper: see below")
    add("--budget", help="time for training and averaging together, as 90, 60s, 5min or 1h")
    add("--device", default="auto", help="auto (default: a CUDA GPU where there is one), cpu or cuda")
    add("--seed", type=_seed, default=0, help="of all random choices (default 0); repeats a result exactly")
    add("--report", action="store_true", help="also write OUTPUT_report.png, .pdf and .json")
    add(
        "--adapt", action="store_true", help="use the sub-sampler for correlated noise where it is correlated"
    )
    add("--overwrite", action="store_true", help="replace an existing output file")
    add("--signal", type=_signal, help="which image of a file that holds several: its number from 0 or name")
    add("--frame", type=int, help="which frame of a stack, counted from 0")
    add("--quiet", action="store_true", help="no progress bars and warnings, only the summary or the error")
    command = commands.add_parser("assess", help="is an image suitable? Denoises nothing", description=ASSESS)
    command.set_defaults(run=_assess)
    add = command.add_argument
    add("input", type=_path, help="as for n2sr denoise")
    add("--signal", type=_signal, help="which image of a file that holds several: its number from 0 or name")
    add("--frame", type=int, help="which frame of a stack, counted from 0")
    add("--json", action="store_true", help="print everything that was measured, as JSON")
    return parser


def _path(text: str) -> Path:
    return Path(os.path.expanduser(text))  # pathlib's fails where ~NAME is nobody's home


def _signal(text: str) -> int | str:
    return int(text) if re.fullmatch(r"-?\d+", text) else text


def _seed(text: str) -> int:
    if not re.fullmatch(r"\d+", text, re.ASCII) or int(text) >= 2**63 - 1:
        raise argparse.ArgumentTypeError(f"{text!r} cannot be used; give a whole number from 0 to 2**63 - 2")
    return int(text)


def parse_budget(text: str) -> float:
    """Seconds of a time such as ``"90"``, ``"60s"``, ``"5min"`` or ``"1h"``; InputError for anything else."""
    match = re.fullmatch(r"(\d+\.?\d*|\.\d+) ?(s|min|h|)", text.strip().lower())
    seconds = float(match[1]) * {"": 1, "s": 1, "min": 60, "h": 3600}[match[2]] if match else 0.0
    if not 0 < seconds < math.inf:
        raise InputError(f"the budget {text!r} is no positive time; give for example 90, 60s, 5min or 1h")
    return seconds


def _denoise(args: argparse.Namespace) -> int:
    first = args.input[0]
    pattern = set("*?[") & set(str(first)) and not os.path.exists(first)
    if args.fit or len(args.input) > 1 or os.path.isdir(first) or pattern:
        return _denoise_many(args)
    (args.input,) = args.input
    begin = time.monotonic()
    budget = None if args.budget is None else parse_budget(args.budget)

    # Imported here, since --help and a mistyped option need not wait for them.
    from . import io
    from .devices import choose_device
    from .one_image import denoise_one
    from .presets import choose_preset
    from .trust_report import paths_of

    source = io.read(args.input, signal=args.signal, frame=args.frame)
    # whether what is there may be replaced is seen by `denoise_one`: it may be this command's own
    output = args.output or io.default_output(args.input, args.signal, args.frame)
    output = io.check_writable(output, True, args.input)
    if args.report and any(p.exists() and p.samefile(args.input) for p in paths_of(output)):
        raise InputError(f"{str(args.input)!r} is the image that was read; choose another -o.")
    choose_preset(args.preset)
    choose_device(args.device)

    import torch

    def warn(text: str) -> None:
        if not args.quiet:
            print(f"n2sr: warning: {text}", file=sys.stderr)

    origin = {"file": args.input.name, "signal": args.signal, "frame": args.frame}
    how = {"origin": origin, "progress": not args.quiet, "warn": warn}
    try:
        row, _ = denoise_one(source, output, _options(args, budget), name=args.input.name, **how)
    except KeyboardInterrupt:
        checkpoint = output.with_name(f"{output.name}.checkpoint")
        left = "give the same command again" if output.exists() else "nothing was written"
        if checkpoint.exists():
            written = output.suffix.lower() == ".npy" and output.exists()  # it does not say what made it
            command = f"the same command{' with --overwrite' if written else ''} again"
            left = f"give {command} to continue from {checkpoint}"
        print(f"n2sr: interrupted; {left}", file=sys.stderr)
        return 130
    except torch.OutOfMemoryError:
        raise InputError("the GPU's memory is too small for this preset; add --device cpu") from None
    if row["status"] == "failed":
        print(f"n2sr: {row['message']}", file=sys.stderr)
        return 1
    if row["status"] == "kept":
        print(f"{args.input} -> {output}: kept, since this very command has written it")
        return 0
    scale = f"{source.pixel_size:.4g} {source.unit}/px" if source.pixel_size else "no pixel size"
    found = "noise not estimated"
    if row["noise_variance"] != "":
        deviation = math.sqrt(row["noise_variance"])
        found = f"noise a={row['noise_a']:.3g}, deviation {deviation:.3g} at mean {row['noise_mean']:.4g}"
    print(
        f"{args.input} -> {output}: {row['width']}×{row['height']}, {scale}, {row['steps']} steps, "
        f"{time.monotonic() - begin:.0f} s on {row['device']}; {found}"
        + (f"; report: {row['verdict']}" if args.report else "")
    )
    return 0


def _options(args: argparse.Namespace, budget: float | None):
    from .one_image import Options

    names = ("preset", "device", "seed", "signal", "adapt", "report", "overwrite")
    return Options(fit=args.fit or "every", budget=budget, **{n: getattr(args, n) for n in names})


def _denoise_many(args: argparse.Namespace) -> int:
    """A folder, several files or a stack: what can be done is done, and what cannot is listed."""
    if args.frame is not None:
        raise InputError("--frame chooses one frame of one file; leave it out to denoise them all")
    budget = None if args.budget is None else parse_budget(args.budget)
    from . import batch, io

    folder = args.output or io.default_folder(args.input[0])
    say = (lambda line: None) if args.quiet else functools.partial(print, file=sys.stderr)
    try:
        rows = batch.run(args.input, folder, _options(args, budget), say)
    except KeyboardInterrupt:
        print("n2sr: interrupted; give the same command again to continue", file=sys.stderr)
        return 130
    counted = collections.Counter(row["status"] for row in rows)
    told = ", ".join(f"{counted[status]} {status}" for status in ("done", "kept", "failed"))
    print(f"{len(rows)} images -> {folder}: {told}; a row each in {folder / batch.ROWS}")
    for row in rows:
        if row["status"] == "failed":
            frame = f", frame {row['frame']}" if row["frame"] != "" else ""
            print(f"n2sr: failed: {row['file']}{frame}: {row['message']}", file=sys.stderr)
    return 1 if counted["failed"] else 0


def _assess(args: argparse.Namespace) -> int:
    from . import io
    from .assess.suitability import suitability

    source = io.read(args.input, signal=args.signal, frame=args.frame)
    found = suitability(source.image)
    about = {"file": args.input.name, "title": source.title, "pixel_size": source.pixel_size}
    if args.json:
        print(json.dumps(about | {"unit": source.unit} | found.as_dict(), indent=1))
        return 0
    print(f"{args.input}: {found}")
    for remark in found.remarks[1:]:
        print(f"  {remark.level}: {remark.reason}; {remark.advice}")
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run the command line `argv` (default: that of the process) and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):  # what stands in for a stream in a notebook
            stream.reconfigure(errors="replace")  # not every terminal knows "×"
    try:
        args = _parser().parse_args(argv)
        with warnings.catch_warnings():
            if getattr(args, "quiet", False):
                warnings.simplefilter("ignore")  # such as of characters that matplotlib's font lacks
            return args.run(args)
    except InputError as error:
        print(f"n2sr: {error}", file=sys.stderr)
        return 2
    except MemoryError:
        print("n2sr: the memory is too small for this image; crop it", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("n2sr: interrupted; nothing was written", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
