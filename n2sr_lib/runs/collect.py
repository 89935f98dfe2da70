"""What the records say, run by run and as rows: notebooks, tables and `--csv` start here."""

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from ..experiments import wanted
from ..experiments.run import PROFILES, Run
from . import records
from .specification import specify, work_key

COLUMNS = (
    *("table", "profile", "method", "strategy", "encoder", "upsampling", "sampling", "stride"),
    *("inference", "m", "image", "a", "b", "noise_seed", "seed", "budget", "overrides", "steps"),
    *("psnr", "ssim", "noisy_psnr", "noisy_ssim", "train_s", "predict_s", "device", "precision", "key"),
)


def found(runs: Iterable[Run]) -> dict[Run, dict | None]:
    """The record of each run, from whatever device, not to be changed; None where it is missing."""
    known = _known(records.folder(), records.state())
    return {run: known.get(work_key(specify(run))) for run in runs}


@lru_cache(maxsize=1)
def _known(folder: Path, state: tuple) -> dict[str, dict]:
    """The records by their work. A notebook or the table of claims asks for them a hundred times."""
    return records.by_work(records.read_all())


def rows(profiles: Iterable[str] = PROFILES, only: Iterable[str] = (), orphans: bool = True) -> list[dict]:
    """All records in long form, one row for each way of inference, with the names of `COLUMNS`.

    A record that serves several tables is listed for each; one that serves none (of an earlier recipe, say)
    with an empty table, unless `orphans` is false.
    """
    listed, used = [], set()
    for profile in profiles:
        serves = wanted(profile, only)
        for run, record in found(serves).items():
            if record is not None:
                used.add(record["key"])
                for table in serves[run]:
                    name = "table1" if table.startswith("table1_") else table  # its parts
                    listed += _rows(record, name, profile, run.overrides)
    if orphans:
        for key, record in records.read_all().items():
            if key not in used:
                listed += _rows(record, "", record["profile"], ())
    return listed


def _rows(record: dict, table: str, profile: str, overrides: tuple) -> list[dict]:
    specification = record["specification"]
    row = dict.fromkeys(COLUMNS, "") | {
        "table": table,
        "profile": profile,
        "method": specification["method"],
        "image": specification.get("image", ""),
        "seed": specification["seed"],
        "device": record["device"],
        "precision": record["precision"] or "",
        "key": record["key"],
    }
    if records.score(record) is None:
        return [row]
    noise = specification["noise"]
    row |= {
        "a": noise["a"],
        "b": noise["b"],
        "noise_seed": noise["seed"],
        "noisy_psnr": record["result"]["noisy"]["psnr"],
        "noisy_ssim": record["result"]["noisy"]["ssim"],
    }
    passes = record.get("M", 1)
    if specification["kind"] == "denoise":
        network, strategy = specification["network"], specification["strategy"]
        start = (("start", specification["training"]["method"]),) if "training" in specification else ()
        row |= {
            "strategy": specification["method"],
            "encoder": network.get("encoder") or ("growing u-net" if network.get("widths") else "u-net"),
            "upsampling": network.get("upsampling", "pixel shuffle"),
            "sampling": strategy.get("sampling", ""),
            "stride": strategy.get("s", ""),
            "budget": specification["budget"] or "",
            "overrides": " ".join(f"{name}={value}" for name, value in (*overrides, *start)),
            "steps": record["steps"],
            "train_s": record["train_seconds"],
        }
    listed = []
    for inference, m in (
        ("single", 1),
        ("mmse", passes),
        ("estimate", passes),
        ("parts", passes),
        ("out_of_bag", passes),
    ):
        if inference in record["result"]:
            score = record["result"][inference]
            seconds = round(record["predict_seconds"] * m / passes, 2)
            listed.append(
                row
                | {"inference": inference, "m": m, "predict_s": seconds}
                | {name: score[name] for name in ("psnr", "ssim")}
            )
    return listed
