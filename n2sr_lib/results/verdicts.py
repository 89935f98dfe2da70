"""The rule by which every verdict on a claim follows from numbers, never from judgement.

A difference is there when it is more than `K` standard errors above zero, and absent when it lies within `K`
standard errors of zero. Standard errors are those over images or seeds, or those that an experiment states.
"""

import math
from collections.abc import Iterable
from statistics import fmean, stdev
from typing import NamedTuple

K = 3
BEST_FIRST = ("paper", "laptop")
FOUND, IN_PART, NOT_FOUND, NOT_TESTABLE = "found", "found in part", "not found", "not testable here"
NOT_MEASURED = "not measured yet"


class Finding(NamedTuple):
    """Columns that are added to a claim; all text but `record_keys`."""

    verdict: str = NOT_MEASURED
    effect: str = ""
    spread: str = ""
    over_what: str = ""
    record_keys: tuple[str, ...] = ()


def above_zero(differences: list[float]) -> bool:
    """The rule, for one difference per image or seed."""
    return fmean(differences) > K * stdev(differences) / math.sqrt(len(differences))


def weighed(parts: list[bool]) -> str:
    """Found where all parts hold, in part where some do."""
    return FOUND if all(parts) else IN_PART if any(parts) else NOT_FOUND


def keys_of(groups: Iterable[dict[str, dict]]) -> tuple[str, ...]:
    """Keys of the records of some groups (name -> record), each once."""
    return tuple(dict.fromkeys(record["key"] for group in groups for record in group.values()))
