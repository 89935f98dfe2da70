"""Checkpoints of a training: whose they are, and that a kill never leaves half of one."""

import hashlib
import os
from pathlib import Path

import torch
from torch import Tensor

from .errors import InputError


def signature_of(plan, strategy, images: Tensor, seed: int, free: bool) -> str:
    """A hash of all that a run must share with the one that left a checkpoint; ``free``: no time budget."""
    digest = hashlib.sha256(repr((plan, strategy, tuple(images.shape), seed, free)).encode())
    digest.update(images.cpu().contiguous().numpy())  # no copy: a set has gigabytes
    return digest.hexdigest()


def load(path: Path, signature: str, device: torch.device | str = "cpu") -> dict:
    """What `save` wrote; InputError if it is damaged, or if its ``signature`` is another run's."""
    try:
        state = torch.load(path, weights_only=True, map_location=device)
    except Exception:  # torch has many ways to fail on a file that is not its own
        raise InputError(f"{path} is damaged; delete it to begin again") from None
    if state["signature"] != signature:
        raise InputError(f"{path} was left by another run; delete it or name another checkpoint")
    return state


def save(state: dict, path: Path) -> None:
    """Write so that a kill in the middle leaves the previous checkpoint whole."""
    partial = path.with_name(path.name + ".partial")
    try:
        torch.save(state, partial)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
