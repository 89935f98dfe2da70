"""Records of runs: one small JSON each, written whole or not at all, by one process at a time."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import InputError
from .hashes import sha256
from .specification import record_key, work_key

try:
    import fcntl

    def _try_lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

except ImportError:  # Windows
    import msvcrt

    def _try_lock(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)


_ROOT = Path(__file__).resolve().parents[2]
LARGEST_CROP = 200_000  # bytes


def folder() -> Path:
    """Where records lie: ``N2SR_RECORDS`` if set, else ``data/records`` of the repository."""
    return Path(os.environ.get("N2SR_RECORDS") or _ROOT / "data" / "records")


def cache() -> Path:
    """Where checkpoints and locks lie: ``N2SR_CACHE`` if set, else ``data/cache`` of the repository."""
    return Path(os.environ.get("N2SR_CACHE") or _ROOT / "data" / "cache")


def seal(record: dict) -> dict:
    """The record with the SHA-256 of its content as ``digest``."""
    record = {name: value for name, value in record.items() if name != "digest"}
    return record | {"digest": sha256(record)}


def check(record: dict, name: str) -> dict:
    """The record, if it is whole: its key follows from its specification and nothing was changed by hand.

    Raises
    ------
    InputError
        If not.
    """
    try:
        key = record_key(record["specification"], record["device_class"], record["precision"])
        whole = record["key"] == key and record == seal(record)
    except (KeyError, TypeError, ValueError, AttributeError):
        whole = False
    if not whole:
        raise InputError(f"{name} is damaged or was changed by hand; delete it, and its run is missing again")
    if name != f"{key}.json":
        raise InputError(f"{name} holds the record {key}; give it its own name back")
    return record


def parse(text: bytes | str, name: str) -> dict:
    """The record in a JSON text, checked."""
    try:
        return check(json.loads(text), name)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{name} is no JSON; delete it, and its run is missing again") from error


def read(key: str) -> dict:
    """One record, checked; InputError if there is none or it is damaged."""
    path = folder() / f"{key}.json"
    if not path.is_file():
        raise InputError(f"there is no record {key!r} in {folder()}; --csv shows the keys")
    return parse(path.read_bytes(), path.name)


def state() -> tuple[tuple[str, int, int], ...]:
    """What changes whenever a record comes, goes or is replaced: a name, an inode and a time for each."""
    files = ((path.name, path.stat()) for path in sorted(folder().glob("*.json")))
    return tuple((name, about.st_ino, about.st_mtime_ns) for name, about in files)


def read_all() -> dict[str, dict]:
    """All records by key, sorted, checked."""
    return {path.stem: parse(path.read_bytes(), path.name) for path in sorted(folder().glob("*.json"))}


def score(record: dict) -> dict | None:
    """PSNR and SSIM of a record's final estimate; None if it is not of an image."""
    result = record["result"]
    return result.get("mmse") or result.get("estimate")


def by_work(records: dict[str, dict]) -> dict[str, dict]:
    """The records by the work they did. Of several devices' the first in order: cpu, then cuda."""
    found: dict[str, dict] = {}
    for record in sorted(records.values(), key=lambda r: (r["device_class"], str(r["precision"]), r["key"])):
        found.setdefault(work_key(record["specification"]), record)
    return found


def write(record: dict, crop: bytes | None = None) -> Path:
    """Write a sealed record, its crop (a PNG file) first: where there is a record, its crop is there too."""
    if crop is not None:
        if len(crop) > LARGEST_CROP:
            raise InputError(f"the crop of {record['key']} has {len(crop)} bytes; show a smaller part")
        _replace(folder() / record["crop"]["file"], crop)
    path = folder() / f"{record['key']}.json"
    # One line a field: short, and a difference can be read.
    lines = ",\n".join(f" {json.dumps(k)}: {json.dumps(v, allow_nan=False)}" for k, v in record.items())
    _replace(path, f"{{\n{lines}\n}}\n".encode())
    return path


def crop_bytes(record: dict) -> bytes | None:
    """The PNG file that belongs to a record, checked; None if it has none."""
    if not record.get("crop"):
        return None
    return check_crop(record, (folder() / record["crop"]["file"]).read_bytes())


def check_crop(record: dict, content: bytes) -> bytes:
    """The PNG file, if it is the one that the record was written with; InputError if not."""
    if hashlib.sha256(content).hexdigest() != record["crop"]["sha256"]:
        raise InputError(f"{record['crop']['file']} does not belong to its record; delete both")
    return content


@contextmanager
def lock(work: str) -> Iterator[bool]:
    """Try to be the only process at this work; yields whether it is.

    The operating system holds the lock and takes it back when the process ends, however it ends, so nothing
    can be left behind. The file itself stays: it is empty, and removing it would be a race.
    """
    path = cache() / "locks" / work
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_CREAT | os.O_RDWR)
    try:
        try:
            _try_lock(file)
        except (BlockingIOError, PermissionError):
            yield False
        else:
            yield True
    finally:
        os.close(file)


def _replace(path: Path, content: bytes) -> None:
    """Write so that a kill in the middle leaves either the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    os.replace(partial, path)
