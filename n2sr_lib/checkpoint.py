"""Checkpoints of a training: whose they are, and that a kill never leaves half of one."""

import hashlib
import os
import secrets
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from .errors import InputError


def signature_of(network: nn.Module, images: Tensor, *rest) -> str:
    """A hash of all that a run must share with the one that left a checkpoint.

    The network with the weights that it begins with, the images, and whatever else has a ``repr``.
    """
    digest = hashlib.sha256(repr((network, tuple(images.shape), rest)).encode())
    for tensor in (images, *network.state_dict().values()):
        digest.update(tensor.cpu().contiguous().numpy())  # no copy: a set has gigabytes
    return digest.hexdigest()


def load(path: Path, signature: str, device: torch.device | str = "cpu") -> dict:
    """What `save` wrote; InputError if it is damaged, or if its ``signature`` is another run's."""
    try:
        state = torch.load(path, weights_only=True, map_location=device)
    except Exception:  # torch has many ways to fail on a file that is not its own
        raise InputError(f"{path} is damaged; delete it to begin again") from None
    if state["signature"] != signature:
        raise InputError(
            f"{path} was left by another run; delete it, or name another checkpoint (another -o)"
        )
    return state


def remove(path: Path) -> None:
    """Remove the checkpoint of a run, and those of its restarts (`denoising.denoise`)."""
    while path.exists():
        path.unlink(missing_ok=True)  # another run may have been faster
        path = again(path)


def again(path: Path) -> Path:
    """Where a training that begins once more has its checkpoint."""
    return path.with_name(f"{path.name}.again")


def save(state: dict, path: Path) -> None:
    """Write so that a kill in the middle leaves the previous checkpoint whole; warn where that is impossible.

    A full disk must not cost a training that goes well.
    """
    partial = path.with_name(f".{secrets.token_hex(8)}.partial")  # another run may write the same checkpoint
    try:
        torch.save(state, partial)
        os.replace(partial, path)
    except (OSError, RuntimeError) as error:  # torch raises the second
        why = getattr(error, "strerror", None) or str(error).split("\n")[0]
        warnings.warn(
            f"{path} cannot be saved ({why}), so that an interrupted training begins anew; make room for it",
            stacklevel=2,
        )
    finally:
        partial.unlink(missing_ok=True)
