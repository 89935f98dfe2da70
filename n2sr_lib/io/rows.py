"""A table of rows as a CSV file that a spreadsheet reads, whole at any moment."""

import csv
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

#: Bytes that are no UTF-8 stay as they are: in names of files, and where a spreadsheet saved the table.
_TEXT = {"encoding": "utf-8", "errors": "surrogateescape", "newline": ""}


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a file, by the names of their columns; none if there is no file."""
    if not path.exists():
        return []
    with path.open(**_TEXT | {"encoding": "utf-8-sig"}) as file:  # a spreadsheet puts a mark first
        return list(csv.DictReader(file))


def write_rows(path: Path, columns: tuple[str, ...], rows: Iterable[dict]) -> None:
    """Replace the file at once; what a row has beyond the columns is left out, what it lacks is empty."""
    temporary = path.with_name(f".{secrets.token_hex(8)}.part")  # another call may write the same table
    try:
        with temporary.open("x", **_TEXT) as file:
            writer = csv.DictWriter(file, columns, restval="", extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
