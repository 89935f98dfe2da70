"""Experimental images: what is measured of known estimates, how it is recorded, the verdicts on C11, C12."""

import dataclasses
import hashlib

import numpy as np
import pytest
import torch

from n2sr_lib import data, experiments, real
from n2sr_lib.errors import InputError
from n2sr_lib.experiments import wanted
from n2sr_lib.experiments.micrographs import BEST_RIVAL, REAL_IMAGES, SAMPLERS, UNTOLD, paired
from n2sr_lib.experiments.run import Run
from n2sr_lib.experiments.zero_shot import OWN
from n2sr_lib.methods import STRATEGIES
from n2sr_lib.results import advice, experimental
from n2sr_lib.results.experimental_claims import findings
from n2sr_lib.runs import __main__ as runs
from n2sr_lib.runs import execute, pictures, queue, records
from n2sr_lib.runs.specification import record_key, specify, work_key
from n2sr_lib.simulated import crystals, scenes

SIDE, GAIN = 128, 0.3
CLEAN = crystals.crystal("framework").image[:SIDE, :SIDE].astype(np.float64)
FRAMES = (GAIN * np.random.default_rng(0).poisson(CLEAN / GAIN, (3, SIDE, SIDE))).astype(np.float32)
SERIES = real.Source("a series", crystals.PIXEL, frames=3)
IMAGE = real.Source("an image", crystals.PIXEL)
ASIDE = SAMPLERS["s = 2, neighbours aside"]


@pytest.fixture(autouse=True)
def _no_records(tmp_path, monkeypatch):
    for name in ("records", "cache"):
        monkeypatch.setenv(f"N2SR_{name.upper()}", str(tmp_path / name))
    monkeypatch.setenv("N2SR_COMMIT", "a test")


def measured(estimates, source=SERIES, unseen=None):
    frames = FRAMES[: source.frames]
    return real.measure(estimates, frames, unseen or [None] * len(frames), source)


# What is measured


def test_the_truth_leaves_white_noise_of_the_right_size():
    clean = np.stack([CLEAN] * 3).astype(np.float32)
    result = measured(clean, unseen=list(clean))
    assert result["removed"] == pytest.approx(1, abs=0.05) and abs(result["error"]) < 0.05
    assert max(abs(result["row"]), abs(result["column"])) < 0.03 and result["outside"] < 0.02
    off = measured(clean, unseen=[c + 0.1 for c in clean])  # in units of the noise variance a x
    assert off["error"] - result["error"] == pytest.approx(0.01 / (GAIN * CLEAN.mean()), rel=0.25)
    noisy = measured(FRAMES)
    assert noisy["removed"] == 0 and noisy["row"] is None and noisy["error"] is None
    assert result["effect"] == pytest.approx(np.mean(result["agreement"]), abs=1e-5)
    assert 0.9 > result["effect"] > noisy["effect"] + 0.1
    assert len(result["agreement"]) == 3 and len(result["css"]) == 2


def test_a_constant_has_the_best_css_and_no_agreement():
    estimates, unseen = real.estimate("constant", FRAMES)
    result = measured(estimates)
    assert unseen == [None] * 3 and result["css"] == [1, 1] and result["agreement"] == [0, 0, 0]
    assert result["removed"] > 1.2 and result["row"] > 0.1  # the structure that it threw away
    assert result["lost"] > 0 and result["invented"] == 0


def test_oversmoothing_and_copying_lie_on_either_side():
    removed = [
        measured(real.estimate(m, FRAMES[:1])[0], IMAGE)["removed"] for m in ("noisy", "gaussian_blur")
    ]
    assert removed[0] < 0.5 < removed[1] and "agreement" not in measured(FRAMES[:1], IMAGE)


def test_dark_atoms_count_as_bright_ones():
    dark = SERIES._replace(dark=True)
    clean = np.stack([CLEAN] * 3).astype(np.float32)
    bright = real.measure(clean, FRAMES, [None] * 3, SERIES)
    turned = real.measure(-clean, -FRAMES + 5, [None] * 3, dark)
    for name in ("columns", "period", "agreement"):
        assert turned[name] == pytest.approx(bright[name], abs=1e-4)


@pytest.mark.parametrize("sign", [1, -1])
def test_stability_is_how_far_columns_jump(sign):
    """Of bright columns and of dark ones, each 0.3 pixels aside in every frame and direction."""
    rng = np.random.default_rng(0)
    sites = np.mgrid[16:176:16, 16:176:16].reshape(2, -1).T
    clean = np.stack(
        [
            scenes.render(sites + rng.normal(0, 0.3, sites.shape), np.ones(len(sites)), 2.5, (192, 192))
            for _ in range(4)
        ]
    )
    frames = (clean + rng.normal(0, 0.1, clean.shape)).astype(np.float32)
    source = SERIES._replace(frames=4, dark=sign < 0)
    found = real.measure(sign * clean, sign * frames, [None] * 4, source)
    assert found["stability"] == pytest.approx(0.3, abs=0.05)  # the neighbours pull a little
    assert found["spread"] == pytest.approx(np.std(found["agreement"], ddof=1), rel=0.01)


def test_rows_and_columns_of_the_residual_are_not_confused():
    n = np.random.default_rng(0).normal(size=(256, 257))
    y = (5 + n[:, 1:] + 0.5 * n[:, :-1]).astype(np.float32)
    found = real.measure(np.full_like(y, 5)[None], y[None], [None], IMAGE)
    assert found["row"] == pytest.approx(0.4, abs=0.03) and abs(found["column"]) < 0.03


def single_atoms(seed=0):
    rng = np.random.default_rng(seed)
    places = np.mgrid[30:226:28, 30:226:28].reshape(2, -1).T + rng.uniform(-5, 5, (49, 2))
    i, j = np.indices((256, 256))
    x = sum(np.exp(-((i - a) ** 2 + (j - b) ** 2) / 8) for a, b in places)
    return x, x + rng.normal(0, 0.35, x.shape)


def test_single_atoms_that_are_kept_halved_and_erased():
    x, y = single_atoms()
    found = {k: real.single_atoms(y, k * x, 2.0) for k in (1.0, 0.5, 0.0)}
    for k, result in found.items():
        assert 40 <= result["atoms"] <= 52
        assert abs(result["kept"] - k) < 4 * max(result["kept_se"], 1e-3)
    assert found[1.0]["kept_se"] < 0.06
    noise = np.random.default_rng(1).normal(size=(256, 256))
    assert real.single_atoms(noise, noise, 2.0)["atoms"] <= 3


def test_picked_spots_do_not_look_brighter_for_being_picked():
    """Weak spots, of which noise decides which are seen: over many images the truth keeps their height."""
    both = [single_atoms(seed) for seed in range(6)]
    kept = [real.single_atoms(y + 0.3 * (y - x), x, 2.0)["kept"] for x, y in both]
    assert abs(np.mean(kept) - 1) < 4 * np.std(kept, ddof=1) / np.sqrt(len(kept)) + 0.01


def test_refuses_an_unknown_filter():
    with pytest.raises(InputError, match="unknown filter 'magic'"):
        real.estimate("magic", FRAMES)


# What is run and recorded


@pytest.fixture
def image(tmp_path, monkeypatch) -> str:
    """A small file in the place of an experimental one."""
    (tmp_path / "real").mkdir()
    np.save(tmp_path / "real" / "small.npy", FRAMES)
    monkeypatch.setenv("N2SR_DATA", str(tmp_path))
    sha256 = hashlib.sha256((tmp_path / "real" / "small.npy").read_bytes()).hexdigest()
    monkeypatch.setitem(data.FILES, "real/small.npy", ("nowhere", sha256))
    monkeypatch.setitem(real.SOURCES, "real/small.npy", SERIES._replace(corner=(16, 24)))
    return "real/small.npy"


@pytest.mark.parametrize("method", ["gaussian_blur", "noise2sr"])
def test_a_run_is_recorded_small_and_repeats_bit_for_bit(image, method):
    short = (("plan.steps", 3),) if method == "noise2sr" else ()
    record = queue.run_once(Run("real", "smoke", method, image, overrides=short), device="cpu")
    assert record == records.read(record["key"])
    assert record["precision"] == (None if method == "gaussian_blur" else "float32")
    assert {"effect", "agreement", "css", "removed"} <= set(record["result"])
    part = pictures.crop_image(record, records.crop_bytes(record))
    assert part.shape == (execute.SMALL, execute.SMALL)  # no more of a file that may not be passed on
    if method == "gaussian_blur":
        expected = real.estimate(method, FRAMES[:1])[0][0, 16:112, 24:120]
        np.testing.assert_allclose(part, expected, atol=2e-3)
        same, said = runs.verify(record["key"])
        assert same and "same bits" in said


def test_what_names_a_run(image):
    run = Run("real", "smoke", "noise2sr", image)
    other = (
        {"overrides": ASIDE},
        {"seed": 1},
        {"method": "noise2self"},
        {"method": "wavelet"},
    )
    every = [run, *(dataclasses.replace(run, **change) for change in other)]
    assert len({record_key(specify(r), "cpu", None) for r in every}) == len(every)
    assert work_key(specify(run)) == work_key(specify(dataclasses.replace(run, a=0.1)))  # no noise is added
    with pytest.raises(InputError, match="unknown image"):
        specify(dataclasses.replace(run, image="real/none.npy"))


def test_noise_of_another_law_and_correlated_noise_are_other_runs():
    plain = Run("classical", method="gaussian_blur", image="sample/ptceo2_a_white")
    changed = {"model": "poisson"}, {"correlation": 0.4}
    keys = {work_key(specify(dataclasses.replace(plain, **change))) for change in ({}, *changed)}
    assert len(keys) == 3 and set(specify(plain)["noise"]) == {"model", "a", "b", "seed"}
    x, y = execute.noisy_image(specify(dataclasses.replace(plain, correlation=0.4)))
    n = (y - x) / np.sqrt(0.05 * x + 0.02**2)
    assert n.var() == pytest.approx(1, rel=0.01)
    assert (n[:, 1:] * n[:, :-1]).mean() == pytest.approx(0.4, abs=0.01)
    assert abs((n[1:] * n[:-1]).mean()) < 0.01


def test_the_tables_hold_what_they_promise():
    table = list(wanted("laptop", ["real"]))
    methods = {image: {r.method for r in table if r.image == image} for image in REAL_IMAGES}
    everything = {*UNTOLD, *STRATEGIES}
    assert set(methods) == set(real.SOURCES) and set(UNTOLD) == set(real.FILTERS)
    assert [methods[image] == everything for image in REAL_IMAGES] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert all({"noise2sr", BEST_RIVAL} <= found for found in methods.values())
    assert experiments.crop_of(paired("crystal/te", "noise2sr")) is not None
    assert experiments.crop_of(paired("crystal/te", "noise2sr", 1)) is None
    assert not wanted("paper", ["real", "correlated"])
    assert len(wanted("laptop", ["calibration"])) == 15


# What the notebook says


def recorded(run, psnr=20.0, visibility=5.0, there=0.09):
    specification = specify(run)
    key = record_key(specification, "cpu", None)
    record = {"key": key, "profile": "laptop", "specification": specification, "device_class": "cpu"}
    score, noisy = {"psnr": psnr, "ssim": 0.5}, {"psnr": 5.0, "ssim": 0.1}
    seen = {"there": there, "missing": -0.05, "visibility": visibility}
    record |= {"result": {"noisy": noisy, "estimate": score}, "columns": {"estimate": seen, "noisy": seen}}
    records.write(records.seal(record | {"precision": None}))


@pytest.mark.parametrize(
    ("psnr", "visibility", "verdict"),
    [(2.0, 2.0, "found"), (2.0, -1.0, "found in part"), (-1.0, 0.0, "not found")],
)
def test_c11_wants_less_noise_and_clearer_atoms(psnr, visibility, verdict):
    table = [run for run in wanted("laptop", ["real"]) if run.image == "crystal/te"]
    for run in table[:-1]:
        ours = run.method == "noise2sr"
        jitter = 0.01 * run.noise_seed
        recorded(run, 20 + ours * (psnr + jitter), 5 + ours * (visibility + jitter))
    assert findings()["C11"].verdict == "not measured yet"  # one is missing
    recorded(table[-1])
    finding = findings()["C11"]
    assert finding.verdict == verdict and len(finding.record_keys) == len(table)
    assert finding.over_what.endswith("11 other methods (4 of them: one seed)")
    assert f"{psnr + 0.01:+.2f} dB" in finding.effect
    recorded(table[-1], psnr=50)  # a method with one seed is better
    assert findings()["C11"].verdict == ("found in part" if visibility > 0 else "not found")


@pytest.mark.parametrize(
    ("visibility", "there", "verdict"),
    [(5.0, 0.09, "found"), (2.0, 0.09, "found in part"), (0.1, -0.05, "not found")],
)
def test_c12_wants_single_columns_told_from_missing_ones(visibility, there, verdict):
    assert findings()["C12"].verdict == "not measured yet"
    for run in wanted("laptop", ["real"]):
        if run.image == "crystal/framework":
            jitter = 0.001 * run.noise_seed
            recorded(run, visibility=visibility + jitter, there=there + jitter * (there > 0))
    finding = findings()["C12"]
    assert finding.verdict == verdict and "(true +0.092)" in finding.effect


def test_samplers_are_compared_with_plain_noise2sr():
    assert advice.sampler_rows() == []
    gain = {(): 0.0, ASIDE: 1.5}
    for run in wanted("laptop", ["correlated"]):
        if run.overrides[1:] in gain and run.correlation == 0.4:
            recorded(run, 30 + gain[run.overrides[1:]] + (run.image == OWN[0]))
    rows = {row[0]: row[1:] for row in advice.sampler_rows()}
    assert rows == {
        "s = 2": ["", "", "30.50 (+0.00)", ""],
        "s = 2, neighbours aside": ["", "", "32.00 (+1.50)", ""],
    }


def test_estimated_errors_stand_beside_the_true_ones():
    run = next(iter(wanted("laptop", ["calibration"])))
    specification = specify(run)
    record = {"key": record_key(specification, "cpu", None), "profile": "laptop", "device_class": "cpu"}
    study = {"true": 0.1, "estimate": 0.13, "standard_error": 0.01, "factor": 1.5, "within": [0.5, 0.9]}
    records.write(records.seal(record | {"specification": specification, "study": study, "precision": None}))
    (row,) = advice.calibration_rows()
    assert row[2:] == ["0.1000", "0.1300 ± 0.0100", "+3.0", "1.50", "50 %", "90 %"]
    assert len(row) == len(advice.CALIBRATION_HEAD)


def test_smoke_runs_every_table_afresh(monkeypatch):
    torch.manual_seed(0)
    monkeypatch.setattr(experimental, "SMOKE_REAL", ("constant", "gaussian_blur"))
    monkeypatch.setattr(experimental, "SMOKE_PAIR", {"crystal/te": ("gaussian_blur",)})
    found, said = experimental.gather("smoke")
    assert "afresh" in said and len(experimental.series_rows(found, experimental.STAND_IN)) == 2
    assert [row[0] for row in experimental.pair_rows(found, "crystal/te")] == [
        "noisy image",
        "Gaussian blur",
        "clean image",
    ]
    assert all(np.isfinite(experimental.picture(record)).all() for record in found.values())


def test_binned_rows_have_a_row_for_each_method(monkeypatch):
    """From the records that the project brings."""
    monkeypatch.delenv("N2SR_RECORDS")
    rows = {name: [float(v) for v in values] for name, *values in experimental.binned_rows()}
    assert {"noisy", "a constant", "Noise2SR", "autoencoder", "autoencoder, patches of 64"} < set(rows)
    assert rows["a constant"] == [1.0, 0.0]
    assert rows["Noise2SR"][1] > rows["noisy"][1] > 0.5
