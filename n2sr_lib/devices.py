"""On what to compute, and in which precision."""

import torch

from .errors import InputError


def choose_device(device: str) -> torch.device:
    """``"auto"`` (CUDA where there is one), ``"cpu"`` or ``"cuda"``; InputError if it is not there."""
    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"unknown device {device!r}; choose 'auto', 'cpu' or 'cuda'")
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("there is no CUDA device here; choose --device cpu or auto")
    return torch.device("cuda" if device != "cpu" and torch.cuda.is_available() else "cpu")


def fastest_precision(device: torch.device) -> str:
    """bfloat16 where the CPU multiplies it natively (a step then takes half the time), else float32."""
    if device.type == "cpu":
        capable = torch.cpu.get_capabilities()
        if capable.get("avx512_bf16") or capable.get("amx_bf16"):
            return "bfloat16"
    return "float32"
