"""Carry records from one machine to another: all new ones in one zip file, and back again."""

import os
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ..errors import InputError
from . import records
from .specification import work_key

NAME = re.compile(r"[0-9a-f]{16}\.(json|png)")
LARGEST = 1_000_000  # bytes of one member


class Merged(NamedTuple):
    """Keys that were taken, kept (a record was here, or is being made) and refused (with the reason)."""

    taken: list[str]
    kept: list[str]
    refused: dict[str, str]


def check_name(path: str | os.PathLike) -> Path:
    """The path of an archive to be written; InputError, before any work, if it cannot be one."""
    path = Path(path)
    if path.suffix != ".zip":
        raise InputError(f"{path} must end in .zip, since the new records are written as a zip file")
    if not path.absolute().parent.is_dir():
        raise InputError(f"there is no folder {path.absolute().parent}; make it first")
    return path


def pack(path: Path, keys: Iterable[str]) -> None:
    """Write these records and their crops into one zip file, whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for key in sorted(keys):
            record = records.read(key)
            archive.write(records.folder() / f"{key}.json", f"{key}.json")
            if (png := records.crop_bytes(record)) is not None:
                archive.writestr(record["crop"]["file"], png)
    os.replace(partial, path)


def merge(path: str | os.PathLike) -> Merged:
    """Take the records of an archive in; what is here already stays as it is.

    Raises
    ------
    InputError
        If the file is no archive of records: nothing is taken from one that holds any other name (a path out
        of the folder, say) or a member of unlikely size.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is missing or no zip file; give what --out has written") from error
    merged = Merged([], [], {})
    with archive:
        members = {info.filename: info for info in archive.infolist()}
        for name, info in members.items():
            if not NAME.fullmatch(name) or info.file_size > LARGEST:
                raise InputError(f"{path} holds {name!r}, which is no record; nothing was taken from it")
        for name in sorted(members):
            if name.endswith(".json"):
                try:
                    _take(archive, name, merged)
                except (InputError, zipfile.BadZipFile, KeyError) as error:
                    merged.refused[name.removesuffix(".json")] = str(error)
    return merged


def _take(archive: zipfile.ZipFile, name: str, merged: Merged) -> None:
    record = records.parse(archive.read(name), name)
    key = record["key"]
    png = None
    if record.get("crop"):
        if record["crop"]["file"] != f"{key}.png":
            raise InputError(f"{name} names another record's crop")
        png = records.check_crop(record, archive.read(f"{key}.png"))
    with records.lock(work_key(record["specification"])) as mine:
        if not mine or (records.folder() / name).exists():
            merged.kept.append(key)
            return
        records.write(record, png)
    merged.taken.append(key)
