"""Where, when and with what something was executed."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch


def provenance(device_class: str) -> dict:
    """Device, threads, versions, commit and date."""
    from .. import __version__

    # Where "float32" is less than that: convolutions of graphics cards, by PyTorch's default.
    tf32 = {"tf32": torch.backends.cudnn.allow_tf32} if device_class == "cuda" else {}
    return tf32 | {
        "device": device_name(device_class),
        "threads": torch.get_num_threads(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "scikit-image": version("scikit-image"),
            "n2sr_lib": __version__,
        },
        "commit": commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def device_name(device_class: str) -> str:
    """The processor's or graphics card's own name."""
    if device_class == "cuda":
        return torch.cuda.get_device_name()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def commit() -> str:
    """``N2SR_COMMIT`` where it is set; else what git says, with ``+`` where the library was changed since."""
    return os.environ.get("N2SR_COMMIT") or _git_state()


@cache  # asked once, at the first run: files may change while a process works
def _git_state() -> str:
    here = Path(__file__).resolve().parents[1]
    try:
        head, changed = (
            subprocess.run(["git", "-C", str(here), *what], capture_output=True, text=True, check=True).stdout
            for what in (["rev-parse", "HEAD"], ["status", "--porcelain", "--", "."])
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head.strip() + ("+" if changed.strip() else "")
