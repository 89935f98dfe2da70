"""Every method is reached in the same way: by its name, through a run, into a record."""

import dataclasses

import numpy as np
import pytest
import torch

from n2sr_lib import classical, metrics
from n2sr_lib.denoising import denoise
from n2sr_lib.errors import InputError
from n2sr_lib.experiments import table3
from n2sr_lib.experiments.run import Run
from n2sr_lib.experiments.zero_shot import FILTERS, RIVALS
from n2sr_lib.methods import CLASSICAL, SHARED_STEPS, STRATEGIES, preset_for
from n2sr_lib.networks.build import ENCODERS, WHOLE, build_network
from n2sr_lib.networks.macs import macs
from n2sr_lib.presets import Preset
from n2sr_lib.runs import execute, pictures
from n2sr_lib.runs.specification import preset_of, specify
from n2sr_lib.strategies.fbi import FBI
from n2sr_lib.strategies.noise2sr import Noise2SR
from n2sr_lib.train import Plan

TINY = {"width": 4, "features": 4, "depth": 3, "widths": (), "decoder_width": 4, "initial": "torch"}
SHORT = Plan(steps=6, batch=2, crop=32, lr=1e-3, every=3)
IMAGE = "sample/ptceo2_a_white"


@pytest.fixture(scope="module")
def noisy():
    rng = np.random.default_rng(0)
    x = 0.5 + 0.2 * np.sin(np.arange(66) / 2)[:, None] * np.sin(np.arange(80) / 2)
    return (x + 0.1 * rng.normal(size=x.shape)).astype(np.float32)


@pytest.mark.parametrize("method", STRATEGIES)
def test_every_method_denoises_in_the_same_way(method, noisy):
    preset = preset_for(method, "laptop")
    strategy = preset.strategy
    if hasattr(strategy, "M"):
        strategy = dataclasses.replace(strategy, M=2)
    small = Preset(preset.network | TINY, strategy, SHORT)
    first, again = (denoise(noisy, preset=small, device="cpu", progress=False) for _ in range(2))
    assert first.image.shape == noisy.shape and np.isfinite(first.image).all()
    assert np.array_equal(first.image, again.image)
    # Units and offset go through: the estimate of 3 y + 7 is about 3 x + 7.
    moved = denoise(3 * noisy + 7, preset=small, device="cpu", progress=False)
    if method != "fbi":  # which asks how far the noise depends on the intensity, and from where it counts
        assert np.abs(moved.image - (3 * first.image + 7)).max() < 0.05


@pytest.mark.parametrize("method", STRATEGIES)
@pytest.mark.parametrize("profile", ["laptop", "paper"])
def test_a_specification_leads_back_to_its_preset(method, profile):
    specified = specify(Run(profile=profile, method=method, image=IMAGE))
    assert preset_of(specified).strategy == preset_for(method, profile).strategy
    assert preset_of(specified).plan == preset_for(method, profile).plan


def test_rivals_share_plan_and_network():
    plans = {preset_for(method, "laptop").plan for method in RIVALS}
    assert len(plans) == 1
    shared = [preset_for(m, "laptop").network for m in ("noise2self", "neighbor2neighbor", "zs_noise2noise")]
    assert all(network == preset_for("noise2sr", "laptop").network for network in shared)


@pytest.mark.parametrize("method", STRATEGIES)
def test_every_method_takes_a_budget(method, noisy):
    preset = preset_for(method, "smoke")
    result = denoise(noisy, preset=preset, budget=0.5, progress=False, restarts=0)
    assert result.history.stopped == "budget" and np.isfinite(result.image).all()


@pytest.mark.parametrize(("method", "passes"), [("noise2sr", 3), ("noise2self", 2)])
def test_a_budget_is_not_spent_on_timing_a_whole_average(method, passes, noisy, monkeypatch):
    made = []
    strategy = STRATEGIES[method]
    predict = strategy.predict
    monkeypatch.setattr(strategy, "predict", lambda *args: made.append(1) or predict(*args))
    denoise(noisy, preset=preset_for(method, "smoke"), budget=0.5, progress=False, restarts=0)
    assert len(made) == passes  # the last one is the estimate


@pytest.mark.parametrize("encoder", [*ENCODERS, *WHOLE])
def test_networks_by_name(encoder):
    channels = 2 if encoder == "self2self-net" else 1
    sizes = TINY | {"encoder": encoder, "widths": (4, 4)}
    if encoder in ("uformer", "restormer"):
        sizes["blocks"] = (1, 1)
    y = torch.randn(1, channels, 36, 30)
    out = build_network(1, 0, **sizes)(y)
    assert out.shape[-2:] == y.shape[-2:]
    if encoder in ENCODERS:
        assert build_network(2, 0, **sizes)(y).shape == (1, 1, 72, 60)
    else:
        with pytest.raises(InputError, match="unknown encoder"):
            build_network(2, 0, **sizes)


def test_table_3_compares_equal_work():
    """Laptop sizes: multiplications per pixel of the output within 20 % of Noise2SR's with its U-Net."""
    work = {}
    for run in table3("laptop"):
        preset = preset_of(specify(dataclasses.replace(run, image=IMAGE)))
        scale = getattr(preset.strategy, "s", 1)
        label = run.method, preset.network["encoder"] or "u-net"
        work[label] = macs(build_network(scale, 0, **preset.network), (1, 1, 256 // scale, 256 // scale))
        assert preset.plan.steps == SHARED_STEPS
    assert len(work) == 7
    reference = work["noise2sr", "u-net"]
    assert all(0.8 < one / reference < 1.2 for one in work.values()), work


def test_unknown_names():
    with pytest.raises(InputError, match="unknown method 'noise3'"):
        preset_for("noise3", "laptop")
    with pytest.raises(InputError, match="unknown method 'median'"):
        specify(Run("classical", method="median", image=IMAGE))
    with pytest.raises(InputError, match="starting weights"):
        build_network(2, 0, initial="zero", **{k: v for k, v in TINY.items() if k != "initial"})


def test_a_filter_is_recorded_as_a_trained_method_is():
    assert set(FILTERS) == set(CLASSICAL)
    specified = specify(Run("classical", method="gaussian_blur", image=IMAGE, a=0.02))
    record, png = execute.execute(specified, device="cpu", crop=(10, 20))
    x, y = execute.noisy_image(specified)
    image = CLASSICAL["gaussian_blur"](y, specified["noise"])
    drange = metrics.data_range(x)
    assert record["result"]["estimate"]["psnr"] == pytest.approx(
        metrics.psnr(x, image, data_range=drange), abs=1e-5
    )
    assert record["result"]["estimate"]["psnr"] > record["result"]["noisy"]["psnr"] + 10
    side = pictures.CROP_SIDE
    assert np.abs(pictures.crop_image(record, png) - image[10 : 10 + side, 20 : 20 + side]).max() < 1e-3


@pytest.mark.parametrize("name", CLASSICAL)
def test_filters_are_given_what_their_row_says(name, monkeypatch):
    called = []
    monkeypatch.setattr(classical, name.removesuffix("_estimated"), lambda *args: called.append(args))
    CLASSICAL[name]("y", {"a": 0.02, "b": 0.01})
    told = () if name in ("adaptive_wiener", "gaussian_blur", "vst_bm3d_estimated") else (0.02, 0.01)
    assert called == [("y", *told)]


def test_fbi_is_told_the_noise_or_estimates_it(noisy):
    preset = preset_for("fbi", "laptop")
    for given in (None, 0.02):
        strategy = dataclasses.replace(preset.strategy, a=given, b=None if given is None else 0.01)
        small = Preset(preset.network | TINY, strategy, SHORT)
        used = denoise(noisy, preset=small, device="cpu", progress=False).settings["strategy"]
        deviation = float(noisy.std(dtype=np.float64))
        if given is not None:
            assert used["a"] == pytest.approx(given / deviation)
            assert used["b"] == pytest.approx(0.01 / deviation)
            assert (
                used["noise"] == pytest.approx(FBI(0.02, 0.01).calibrated(noisy).noise) and used["noise"] != 1
            )
        assert used["a"] is not None and used["b"] is not None


def test_strategies_that_do_not_average_have_one_pass(noisy):
    small = Preset(TINY, STRATEGIES["noise2self"](), SHORT)
    assert denoise(noisy, preset=small, device="cpu", progress=False).settings["passes"] == 1
    averaged = Preset(TINY, Noise2SR(M=3), SHORT)
    assert denoise(noisy, preset=averaged, device="cpu", progress=False).settings["passes"] == 3
