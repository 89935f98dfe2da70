"""Trained weights in a safetensors file, with all that is needed to use them in its header."""

import json
import os
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from .errors import InputError
from .networks.build import build_network

FIELD = "n2sr_lib"  # of the header, whose values are texts


def save_weights(path: str | Path, network: nn.Module, settings: dict, half: bool = False) -> None:
    """Write the weights of `network`, and `settings` as JSON in the header; never half a file.

    Parameters
    ----------
    settings : plain JSON; ``network`` and ``scale`` in it are what `build_network` was given.
    half : round to 16 bits, for half the size.
    """
    path = Path(path)
    kept = {name: t.detach().cpu().contiguous() for name, t in _tensors(network).items()}
    if half:
        kept = {name: t.half() if t.is_floating_point() else t for name, t in kept.items()}
    partial = path.with_name(path.name + ".partial")
    try:
        save_file(kept, partial, {FIELD: json.dumps(settings)})
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def read_settings(path: str | Path) -> dict:
    """The settings in the header alone; InputError for a file that `save_weights` has not written."""
    with _open(path) as file:
        return _settings(file, path)


def load_weights(path: str | Path) -> tuple[nn.Module, dict]:
    """The network, ready to predict, in float32 on the CPU; and its settings.

    Raises
    ------
    InputError
        If there is no such file, it is damaged, or its weights are not those of the network that it names.
    """
    with _open(path) as file:
        settings = _settings(file, path)
        try:
            network = build_network(settings["scale"], 0, **settings["network"])
        except (InputError, KeyError, TypeError):
            raise InputError(f"{path} names a network that this version cannot build") from None
        own = _tensors(network)
        if {n: tuple(t.shape) for n, t in own.items()} != {
            n: tuple(file.get_slice(n).get_shape())
            for n in file.keys()  # noqa: SIM118 (not a dict)
        }:
            raise InputError(f"{path} holds other weights than the network that it names")
        with torch.no_grad():
            for name, tensor in own.items():
                tensor.copy_(file.get_tensor(name))
    return network.eval(), settings


def _tensors(network: nn.Module) -> dict[str, torch.Tensor]:
    """Parameters and buffers, each once: levels may share theirs."""
    return {**dict(network.named_parameters()), **dict(network.named_buffers())}


def _open(path):
    if not Path(path).is_file():
        raise InputError(f"there are no weights {path}")
    try:
        return safe_open(path, "pt")
    except SafetensorError:
        raise InputError(f"{path} is damaged, or no safetensors file") from None


def _settings(file, path) -> dict:
    text = (file.metadata() or {}).get(FIELD)
    if text is None:
        raise InputError(f"{path} comes from another program: its header says nothing of n2sr_lib")
    return json.loads(text)
