"""Checkpoints of a training: whose they are, and that a kill never leaves half of one."""

import hashlib
import os
from pathlib import Path

import torch
from torch import Tensor


def signature_of(plan, strategy, images: Tensor, seed: int, free: bool) -> str:
    """A hash of all that a run must share with the one that left a checkpoint; ``free``: no time budget."""
    digest = hashlib.sha256(repr((plan, strategy, tuple(images.shape), seed, free)).encode())
    digest.update(images.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def save(state: dict, path: Path) -> None:
    """Write so that a kill in the middle leaves the previous checkpoint whole."""
    partial = path.with_name(path.name + ".partial")
    try:
        torch.save(state, partial)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
