"""Networks that are trained on the simulated set: where their weights lie, and how they come about.

python -m n2sr_lib.runs.pretrained supervised --level 0.05

A training serves every image of its noise level. It is named by what fixes it (`specification.training_of`).
Its weights lie in ``data/weights`` where they are small enough to be part of the repository, else in the
cache. An interrupted training goes on where it was.
"""

import argparse
import hashlib
import os
import shutil
import sys
import time
from pathlib import Path

from ..checkpoint import remove
from ..errors import InputError
from ..experiments.run import LEVELS, PROFILES, READOUT, Run
from ..experiments.training_sets import ON_SET
from . import records
from .hashes import sha256
from .specification import counted, preset_of, training_of

LARGEST = 600_000  # bytes of weights in the repository
_ROOT = Path(__file__).resolve().parents[2]


class Busy(InputError):
    """Another process is at this training just now."""


def folder() -> Path:
    """Where small weights lie: ``N2SR_WEIGHTS`` if set, else ``data/weights`` of the repository."""
    return Path(os.environ.get("N2SR_WEIGHTS") or _ROOT / "data" / "weights")


def name_of(training: dict) -> str:
    """Name of the file of weights; what fixes the weights is part of it."""
    key = sha256(counted(training))[:8]
    return f"{training['method']}-a{training['noise']['a']:g}-{key}.safetensors"


def find(training: dict) -> Path | None:
    """The weights of a training, or None."""
    places = (folder(), records.cache() / "weights")
    return next((path for p in places if (path := p / name_of(training)).is_file()), None)


def lacking(run: Run) -> str:
    """Why a run cannot be executed now, in one sentence; empty if it can."""
    if run.kind != "pretrained" and not run.start and not run.image.startswith("set/"):
        return ""
    method = run.method if run.kind == "pretrained" else run.start
    if not run.image.startswith("set/") and find(training_of(method, run.profile, run.a, run.b, run.seed)):
        return ""
    from .. import training_set  # only here: it needs h5py

    try:
        training_set.check_whole()
    except InputError as error:
        return str(error)
    return ""


def weights(training: dict, device: str = "auto", progress: bool = False) -> Path:
    """The weights of a training, which is executed first if need be.

    Raises
    ------
    Busy
        If another process is at it.
    InputError
        If the set is not there or not the one that is asked for.
    """
    if (path := find(training)) is not None:
        return path
    with records.lock(name_of(training)) as mine:
        if not mine:
            raise Busy(f"another process is training {training['method']}")
        return find(training) or _train(training, device, progress)


def _train(training: dict, device: str, progress: bool) -> Path:
    from .. import pretraining, training_set

    if training_set.check_whole()["made_with"] != training["set"]:
        raise InputError("these weights belong to another version of the set; they cannot be made again here")
    preset, noise = preset_of(training), training["noise"]
    checkpoint = records.cache() / "checkpoints" / f"{name_of(training)}.pt"
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    path = training_set.default_path()
    begin = time.monotonic()
    images = training_set.load("train", path)
    seconds = round(time.monotonic() - begin, 2)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    software = training_set.read_manifest(path).get("software", "")
    origin = training["set"] | {
        "part": "train",
        "sha256": digest,
        "software": software,
        "load_seconds": seconds,
    }
    model, _ = pretraining.pretrain(
        images,
        preset,
        noise["a"],
        noise["b"],
        seed=training["seed"],
        device=device,
        checkpoint=checkpoint,
        progress=progress,
        origin=origin,
    )
    done = records.cache() / "weights" / name_of(training)
    done.parent.mkdir(parents=True, exist_ok=True)
    pretraining.write(done, model)
    if done.stat().st_size <= LARGEST:
        folder().mkdir(parents=True, exist_ok=True)
        done = Path(shutil.move(done, folder() / done.name))
    remove(checkpoint)
    return done


def about(path: Path) -> dict:
    """What a record says of the weights that it used: their file, its SHA-256, and how they came about."""
    from ..weights import read_settings

    said = read_settings(path)
    names = ("steps", "train_seconds", "images", "seed", "mean", "deviation", "device", "origin")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"file": path.name, "sha256": digest} | {name: said.get(name) for name in names}


def main(arguments: list[str] | None = None) -> int:
    """Train on the simulated set and keep the weights; an interrupted training goes on where it was."""
    parser = argparse.ArgumentParser(prog="python -m n2sr_lib.runs.pretrained", description=main.__doc__)
    parser.add_argument("method", choices=[*ON_SET, "all"])
    level = f"a of the noise y = x + N(0, a x + {READOUT}²) (default: {LEVELS[0]})"
    parser.add_argument("--level", type=float, default=LEVELS[0], metavar="A", help=level)
    parser.add_argument("--profile", choices=PROFILES, default="laptop", help="default: laptop")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    options = parser.parse_args(arguments)
    try:
        for method in ON_SET if options.method == "all" else (options.method,):
            training = training_of(method, options.profile, options.level, READOUT)
            path = weights(training, options.device, progress=True)
            said = about(path)
            print(
                f"{path}: {path.stat().st_size / 1e3:.0f} kB, {said['steps']} steps on {said['images']} "
                f"images in {said['train_seconds']:.0f} s, loaded in {said['origin']['load_seconds']:.0f} s"
            )
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
