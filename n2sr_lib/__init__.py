"""Noise2SR: zero-shot denoising of one high-resolution electron micrograph (arXiv 2406.14264)."""

from .denoising import PRESETS, Denoised, Preset, denoise
from .errors import InputError

__all__ = ["PRESETS", "Denoised", "InputError", "Preset", "denoise"]
__version__ = "0.1.0"
