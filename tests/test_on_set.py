"""Runs with networks that are trained on a set: trained once, found again, and never from another set."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import lattice

from n2sr_lib import dataset, experiments, particles, pretraining, specimen, timing, training_set
from n2sr_lib.errors import InputError
from n2sr_lib.experiments import wanted
from n2sr_lib.experiments.run import PROFILES, Run
from n2sr_lib.experiments.training_sets import HELD_OUT
from n2sr_lib.methods import ON_SET, preset_for_set
from n2sr_lib.presets import PRESETS
from n2sr_lib.runs import __main__ as runs
from n2sr_lib.runs import collect, pretrained, records
from n2sr_lib.runs.estimates import SET_STEP, Estimator
from n2sr_lib.runs.inputs import clean_image, input_hash
from n2sr_lib.runs.queue import run_once, work_off
from n2sr_lib.runs.specification import preset_of, specify, training_of, work_key

ONE = Run("pretrained", "smoke", "supervised", "set/11/1")
STEPS = 30
SHORT = (("plan.steps", 10), ("strategy.M", 8))


def fake_structure(seed, k, each):
    """Lattices instead of multislice."""
    x = np.stack([lattice(64, 64, 12 + 0.3 * k + j) for j in range(each)])
    values = np.round((x - particles.LOW) / (particles.HIGH - particles.LOW) * particles.LEVELS)
    return values.astype(np.uint16), {"images": [{} for _ in range(each)]}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Records, cache and weights of their own; no set yet."""
    for name in ("records", "cache", "weights"):
        monkeypatch.setenv(f"N2SR_{name.upper()}", str(tmp_path / name))
    monkeypatch.setenv("N2SR_COMMIT", "a test")
    monkeypatch.setattr(particles, "STRUCTURES", 12)
    monkeypatch.setattr(particles, "EACH", 2)
    plan = replace(PRESETS["smoke"].plan, steps=STEPS, crop=48, every=10)
    monkeypatch.setitem(PRESETS, "smoke", replace(PRESETS["smoke"], plan=plan))
    input_hash.cache_clear()
    yield tmp_path
    input_hash.cache_clear()


@pytest.fixture
def the_set(place, monkeypatch):
    monkeypatch.setattr(particles, "simulate_structure", fake_structure)
    monkeypatch.setattr(dataset, "_constants", lambda: {"software": "none"})
    monkeypatch.setattr(specimen, "packages", lambda: None)
    path = training_set.default_path()
    path.parent.mkdir()
    return dataset.make(path, 12, 2, progress=False)


def no_training(*args, **options):
    raise AssertionError("this must not train")


def test_trained_once_for_all_images_and_said_in_every_record(the_set, place, monkeypatch):
    first = run_once(ONE, device="cpu")
    (path,) = (place / "weights").iterdir()
    assert not list((place / "cache" / "checkpoints").iterdir())
    monkeypatch.setattr(pretraining, "fit", no_training)
    second = run_once(replace(ONE, image="set/11/0"), device="cpu")
    for record in (first, second):
        said = record["weights"]
        assert said == pretrained.about(path) and said["steps"] == STEPS
        assert said["images"] == 20 and said["origin"]["part"] == "train" and said["origin"]["seed"] == 0
    model = pretraining.read(path)
    assert model.settings["method"] == "supervised"
    assert first["result"]["estimate"]["psnr"] > first["result"]["noisy"]["psnr"] + 3
    assert runs.verify(first["key"])[0]
    row = next(row for row in collect.rows() if row["key"] == first["key"])
    assert row["method"] == "supervised" and row["image"] == "set/11/1"


def test_large_weights_stay_in_the_cache(the_set, place, monkeypatch):
    monkeypatch.setattr(pretrained, "LARGEST", 1000)
    path = pretrained.weights(training_of("neighbor2neighbor_set", "smoke", 0.05, 0.02), "cpu")
    assert path.parent == place / "cache" / "weights" and not (place / "weights").exists()


def test_the_name_of_weights_follows_everything_that_fixes_them(place, monkeypatch):
    plain = training_of("supervised", "smoke", 0.05, 0.02)
    others = [
        training_of("noise2noise", "smoke", 0.05, 0.02),
        training_of("supervised", "laptop", 0.05, 0.02),
        training_of("supervised", "smoke", 0.1, 0.02),
        training_of("supervised", "smoke", 0.05, 0.02, 1),
        plain | {"plan": plain["plan"] | {"steps": 7}},
    ]
    keys = {pretrained.name_of(one).split("-")[-1] for one in (plain, *others)}
    monkeypatch.setattr(particles, "EACH", 3)
    keys.add(pretrained.name_of(training_of("supervised", "smoke", 0.05, 0.02)).split("-")[-1])
    assert len(keys) == 7
    assert work_key(specify(ONE)) != work_key(specify(replace(ONE, noise_seed=1)))
    for method in ON_SET:
        assert preset_of(training_of(method, "laptop", 0.05, 0.02)).strategy == ON_SET[method]
        assert (
            preset_of(training_of(method, "paper", 0.05, 0.02)).plan == preset_for_set(method, "paper").plan
        )


def test_an_interrupted_training_goes_on_to_the_same_weights(the_set, place, monkeypatch):
    training = training_of("supervised", "smoke", 0.05, 0.02)
    whole = pretrained.weights(training, "cpu").read_bytes()
    (path,) = (place / "weights").iterdir()
    path.unlink()
    with monkeypatch.context() as patched:
        patched.setattr(pretraining, "save_weights", no_training)  # stopped when all but this was done
        with pytest.raises(AssertionError):
            pretrained.weights(training, "cpu")
    (checkpoint,) = (place / "cache" / "checkpoints").iterdir()
    assert checkpoint.stem == path.name
    monkeypatch.setattr("n2sr_lib.train.draw_crops", no_training)  # no further step
    again = pretrained.weights(training, "cpu")
    model, other = pretraining.read(again), again.read_bytes()
    start = int.from_bytes(whole[:8], "little")
    assert model.settings["steps"] == STEPS
    assert other[8 + int.from_bytes(other[:8], "little") :] == whole[8 + start :]  # behind the header


def test_without_the_set_one_sentence_and_the_others_go_on(place, monkeypatch, capsys):
    other = Run("classical", "laptop", "gaussian_blur", "atoms/0")
    listed = [ONE, replace(ONE, image="atoms/1"), other]
    monkeypatch.setattr(experiments, "TABLES", {"tiny": lambda profile: listed})
    assert work_off("smoke", device="cpu") == 0
    said = capsys.readouterr().out
    assert said.count("there is no training set") == 1 and "left out, 2 runs" in said
    assert "1 new records; 2 missing, 0 failed" in said
    assert set(records.read_all().popitem()[1]["result"]) == {"noisy", "estimate"}
    assert collect.found([ONE]) == {ONE: None}


def test_another_set_is_refused(the_set, place, monkeypatch):
    monkeypatch.setattr(particles, "EACH", 3)
    with pytest.raises(InputError, match="not the set of the tables"):
        pretrained.weights(training_of("supervised", "smoke", 0.05, 0.02), "cpu")
    assert "not the set of the tables" in pretrained.lacking(ONE)


def test_two_processes_do_not_train_the_same(the_set, place):
    with records.lock(pretrained.name_of(specify(ONE)["training"])) as mine:
        assert mine and run_once(ONE, device="cpu") is None
    assert not records.read_all()


def test_command(the_set, place, monkeypatch, capsys):
    monkeypatch.setattr(pretrained, "PROFILES", ("smoke", "laptop"))
    call = ["noise2noise_pair", "--level", "0.1", "--profile", "smoke", "--device", "cpu"]
    assert pretrained.main(call) == 0
    assert f"{STEPS} steps on 20 images" in capsys.readouterr().out
    assert [path.name[:22] for path in (place / "weights").iterdir()] == ["noise2noise_pair-a0.1-"]
    the_set.unlink()
    assert pretrained.main(["supervised", "--profile", "smoke"]) == 2
    assert "there is no training set" in capsys.readouterr().err


def test_a_run_begins_with_the_weights_of_the_set(the_set, place):
    cold = Run(profile="smoke", image="set/11/1", overrides=SHORT)
    warm = replace(cold, start="noise2sr_set")
    assert "training" not in specify(cold) and work_key(specify(cold)) != work_key(specify(warm))
    slow, fast = run_once(cold, device="cpu"), run_once(warm, device="cpu")
    assert fast["weights"]["steps"] == STEPS and "weights" not in slow
    told = {row["key"]: row["overrides"] for row in collect.rows()}
    assert told[fast["key"]] == "start=noise2sr_set" and told[slow["key"]] == ""  # of no table: no overrides
    assert fast["result"]["mmse"]["psnr"] > slow["result"]["mmse"]["psnr"] + 1


def test_estimates_count_a_shared_training_once(place):
    two = [specify(replace(ONE, image=image)) for image in ("atoms/0", "atoms/1")]
    estimator = Estimator({}, "cpu")
    each = estimator.seconds(two[0])
    assert estimator.total(two) == pytest.approx(2 * each + SET_STEP * STEPS)


def test_loading_is_a_part_of_a_step(place, monkeypatch):
    result = timing.loading(0, images=4, side=64, steps=2, profile="smoke")
    assert 0 < result["effect"] < 1 and 0 < result["load_seconds"] < result["step_seconds"]
    monkeypatch.setattr(timing, "_step", lambda *args: 10.0)
    monkeypatch.setattr(timing, "_median_of", lambda count, work: (work(), 2.0)[1])
    assert timing.loading(0, images=2, side=64, profile="smoke")["effect"] == 0.2


def test_seconds_of_a_step_are_of_those_after_the_first_two(monkeypatch):
    history = SimpleNamespace(seconds=[5.0, 9.0, 10.0, 11.0, 12.0])
    monkeypatch.setattr(timing, "fit", lambda *_, **__: history)
    assert timing._step(PRESETS["smoke"], "float32", torch.zeros(1, 1, 64, 64), 3, 0) == 1.0
    monkeypatch.setattr(timing, "_step", lambda preset, *_: 4.0 if preset is PRESETS["paper"] else 1.0)
    monkeypatch.setattr(timing, "_pass", lambda *_: 0.5)
    monkeypatch.setattr(timing, "_subsampling", lambda *_: 0.1)
    monkeypatch.setattr(timing, "SIZE", (16, 16))
    laptop, found = PRESETS["laptop"], timing.steps(0, "cpu")
    assert found["effect"] == round((laptop.plan.steps + 0.5 * laptop.strategy.M) / 4, 2)
    assert (found["spread"], found["subsample_share"]) == (0, 0.1)


def test_images_by_name(the_set):
    np.testing.assert_array_equal(clean_image("set/11/1"), training_set.image(11, 1))
    x = clean_image("atoms/2")
    assert x.shape == (512, 512) and x.dtype == np.float32
    assert particles.LOW <= x.min() < x.max() <= particles.HIGH and x.std() > 0.05
    for name in ("set/11", "set/a/1", "atoms/x"):
        with pytest.raises(InputError, match="unknown image"):
            clean_image(name)


def test_held_out_images_are_of_test_structures_and_tables_need_no_image(monkeypatch, tmp_path):
    monkeypatch.setenv("N2SR_CACHE", str(tmp_path))
    monkeypatch.setenv("N2SR_DATA", str(tmp_path))
    for image in HELD_OUT:
        k, j = map(int, image.split("/")[1:])
        assert particles.split_of(k) == "test" and k < particles.STRUCTURES and j < particles.EACH
    for profile in PROFILES:
        runs_of = list(wanted(profile, ["table1_sets"]))
        assert len({work_key(specify(run)) for run in runs_of}) == len(runs_of)
        assert {run.method for run in runs_of if run.kind == "pretrained"} == set(ON_SET)
    assert len({work_key(specify(run)) for run in wanted("laptop", ["warm_start"])}) == 67
