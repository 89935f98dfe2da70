"""Records of runs that were never executed, for tests of what is said from records."""

from n2sr_lib.experiments.run import Run
from n2sr_lib.runs import records
from n2sr_lib.runs.specification import record_key, specify


def scores(**psnr: float) -> dict:
    """The result of a record: PSNR in dB by name of the image, SSIM a fortieth of it."""
    return {"result": {name: {"psnr": value, "ssim": value / 40} for name, value in psnr.items()}}


def recorded(run: Run, **content) -> dict:
    """Write a record with this content into the folder of the test, and return it."""
    specification = specify(run)
    precision = "float32" if run.kind == "denoise" else None
    record = {
        "key": record_key(specification, "cpu", precision),
        "profile": run.profile,
        "specification": specification,
        "device_class": "cpu",
        "precision": precision,
        "device": "a machine",
        "threads": 2,
        "jobs": 1,
        "seconds": 111.0,
        "predict_seconds": 10.0,
    }
    if run.kind == "denoise":
        history = {"held_out": [1.0] * 10 + [0.5, None]}
        record |= {"steps": 1000, "M": 50, "train_seconds": 100.0, "history": history}
    record = records.seal(record | content)
    records.write(record)
    return record
