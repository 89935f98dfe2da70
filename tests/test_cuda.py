"""What a graphics card has to do as a processor does; left out where there is none."""

import pytest
import torch

from n2sr_lib import PRESETS, denoise
from n2sr_lib.experiments.run import Run
from n2sr_lib.experiments.zero_shot import RIVALS
from n2sr_lib.methods import preset_for
from n2sr_lib.runs import execute, records
from n2sr_lib.runs.queue import run_once
from n2sr_lib.runs.specification import specify

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]
TINY = (("plan.steps", 20), ("plan.every", 10))


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    for name in ("records", "cache"):
        monkeypatch.setenv(f"N2SR_{name.upper()}", str(tmp_path / name))


@pytest.mark.parametrize("method", ["noise2sr", *RIVALS])
def test_every_method_trains_and_predicts(method):
    y = 50 + 10 * torch.randn(96, 128, generator=torch.Generator().manual_seed(0)).numpy()
    result = denoise(y, preset=preset_for(method, "smoke"), device="cuda", progress=False)
    assert result.settings["device"].startswith("cuda") and result.image.shape == y.shape
    assert abs(result.image.mean() - y.mean()) < 5


@pytest.mark.parametrize("encoder", ["", "uformer", "restormer"])
def test_a_run_is_recorded_with_its_card(encoder):
    transformer = (("network.encoder", encoder), ("network.width", 4), ("network.blocks", (1, 1)))
    run = Run(profile="smoke", image="sample/ptceo2_a_white", overrides=TINY + transformer * bool(encoder))
    record = run_once(run)
    assert (record["device_class"], record["device"]) == ("cuda", torch.cuda.get_device_name())
    assert "tf32" in record and records.read(record["key"]) == record


def test_a_budget_is_kept():
    y = torch.randn(256, 256, generator=torch.Generator().manual_seed(0)).numpy()
    result = denoise(y, preset=PRESETS["laptop"], budget=10, device="cuda", progress=False)
    assert result.settings["train_seconds"] + result.settings["predict_seconds"] < 15


def test_times_name_the_card():
    record, _ = execute.execute(specify(Run(kind="timing", method="loading")), device="cuda")
    assert record["device"] == torch.cuda.get_device_name()
