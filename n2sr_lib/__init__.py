"""Noise2SR: zero-shot denoising of one high-resolution electron micrograph (arXiv 2406.14264)."""

from importlib import import_module

from .errors import InputError

__all__ = ["PRESETS", "Denoised", "InputError", "Preset", "denoise"]
__version__ = "0.1.0"


def __getattr__(name: str):
    """The rest is imported when asked for: PyTorch takes seconds, and reading a file needs none of it."""
    if name in __all__:
        room = ".presets" if name in ("PRESETS", "Preset") else ".denoising"
        return getattr(import_module(room, __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
