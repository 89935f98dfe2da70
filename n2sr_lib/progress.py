"""Progress bars that suit who is watching: a notebook, a terminal, or a log file."""

import os
import sys

from tqdm import tqdm
from tqdm.auto import tqdm as tqdm_auto

WATCHED = ("JPY_SESSION_NAME", "VSCODE_PID", "COLAB_RELEASE_TAG")  # set where a person has a notebook open


def someone_is_watching() -> bool:
    """Whether a person has the notebook open (papermill and nbconvert set none of these variables)."""
    return any(name in os.environ for name in WATCHED)


def bar(total: int, label: str, show: bool, initial: int = 0):
    """A tqdm bar with an estimate of the time left; a widget only where someone can see it move."""
    if someone_is_watching():
        return tqdm_auto(total=total, desc=label, initial=initial, disable=not show)
    # In a log file every refresh is another line.
    interval = 0.5 if sys.stderr.isatty() else 10
    return tqdm(total=total, desc=label, initial=initial, disable=not show, mininterval=interval)
