"""Verdicts before and after denoising: the remarks on an image, of which the worst decides."""

import math
from typing import ClassVar, NamedTuple

import numpy as np


class Remark(NamedTuple):
    """One thing that speaks against an image or a result: how much, why, and what to do."""

    level: str
    reason: str
    advice: str


class Judged:
    """Something with `remarks`, worst first: its verdict is the first one, or `FINE` where there is none."""

    FINE: ClassVar[Remark]
    remarks: tuple[Remark, ...]

    @property
    def level(self) -> str:
        return self._first.level

    @property
    def reason(self) -> str:
        return self._first.reason

    @property
    def advice(self) -> str:
        return self._first.advice

    @property
    def _first(self) -> Remark:
        return self.remarks[0] if self.remarks else self.FINE

    def __str__(self):
        return f"{self.level}: {self.reason}; {self.advice}"


def plain(value):
    """The same for JSON: no NumPy types, no tuples, no NaN or infinity."""
    if isinstance(value, dict):
        return {key: plain(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not math.isfinite(value) else value
