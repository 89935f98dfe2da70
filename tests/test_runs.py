"""Runs and records: what names a result, that it is made once, and that nothing breaks it."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
import torch
from conftest import lattice
from skimage.metrics import structural_similarity

from n2sr_lib import experiments, train
from n2sr_lib.errors import InputError
from n2sr_lib.experiments import wanted
from n2sr_lib.experiments.run import PROFILES, Run
from n2sr_lib.presets import PRESETS
from n2sr_lib.runs import __main__ as runs
from n2sr_lib.runs import archive, collect, execute, inputs, pictures, records, specification
from n2sr_lib.runs.estimates import OVERHEAD, Estimator, clock
from n2sr_lib.runs.queue import missing, run_once, work_off
from n2sr_lib.runs.specification import record_key, specify, work_key

TINY = Run(
    profile="smoke",
    image="sample/tiny",
    overrides=(("plan.steps", 6), ("plan.every", 2), ("plan.crop", 32), ("network.depth", 2)),
)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Records, cache and one small sample of their own."""
    (tmp_path / "samples").mkdir()
    grey = np.round(lattice(72, 80) * 60000).astype(np.uint16)
    description = json.dumps({"scale": 1 / 60000, "offset": 0})
    tifffile.imwrite(tmp_path / "samples/tiny.tif", grey, description=description, metadata=None)
    for name in ("records", "cache", "samples"):
        monkeypatch.setenv(f"N2SR_{name.upper()}", str(tmp_path / name))
    monkeypatch.setenv("N2SR_COMMIT", "a test")
    return tmp_path


@pytest.fixture
def table(monkeypatch):
    """The only table: two tiny runs."""
    monkeypatch.setattr(experiments, "TABLES", {"tiny": lambda profile: [TINY, replace(TINY, seed=1)]})
    monkeypatch.setattr(runs, "TABLES", experiments.TABLES)


def key(run: Run) -> str:
    return record_key(specify(run), "cpu", "float32")


# What names a result


def test_key_changes_with_everything_that_changes_the_result(place, monkeypatch):
    changed = [
        replace(TINY, seed=1),
        replace(TINY, noise_seed=1),
        replace(TINY, a=0.1),
        replace(TINY, b=0.03),
        replace(TINY, budget=60),
        replace(TINY, profile="laptop"),
        replace(TINY, study="samples"),
        *(replace(TINY, overrides=(*TINY.overrides, (name, value))) for name, value in OTHER_SETTINGS),
    ]
    keys = {key(TINY), *map(key, changed)}
    assert len(keys) == 1 + len(changed)
    keys |= {record_key(specify(TINY), *machine) for machine in (("cuda", "float32"), ("cpu", "bfloat16"))}
    monkeypatch.setitem(specification.ALGORITHM, "denoise", 99)
    keys.add(key(TINY))
    assert len(keys) == 4 + len(changed)


OTHER_SETTINGS = [
    ("network.width", 9),
    ("network.share_weights", False),
    ("strategy.s", 3),
    ("strategy.M", 9),
    ("strategy.sampling", "fixed"),
    ("strategy.flips", False),
    *(
        (f"plan.{name}", "bfloat16" if name == "precision" else "none" if name == "augment" else 17)
        for name in vars(train.Plan())
        if name not in ("cosine", "steps", "every", "crop")
    ),
    ("plan.cosine", False),
]


def test_key_follows_the_pixels_of_the_input(place):
    before = key(TINY)
    path = place / "samples/tiny.tif"
    grey = tifffile.imread(path)
    grey[0, 0] += 1
    description = json.dumps({"scale": 1 / 60000, "offset": 0})
    tifffile.imwrite(path, grey, description=description, metadata=None)
    inputs.input_hash.cache_clear()
    assert key(TINY) != before
    inputs.input_hash.cache_clear()


def test_key_does_not_change_with_what_does_not_matter(place, monkeypatch):
    same = [
        replace(TINY, overrides=TINY.overrides[::-1]),
        replace(TINY, overrides=(*TINY.overrides, ("strategy.batch", 4))),
        replace(TINY, overrides=(*TINY.overrides, ("plan.weight_decay", 0))),  # 0 and 0.0
    ]
    monkeypatch.setitem(PRESETS, "another name", PRESETS["smoke"])
    same.append(replace(TINY, profile="another name"))
    assert {key(run) for run in same} == {key(TINY)}


def test_key_is_the_same_tomorrow():
    """Numbers that must never change: else every record would be missing."""
    theory = specify(Run(kind="theory", method="theorem1", seed=1)) | {"algorithm": 1}
    assert record_key(theory, "cpu", None) == "a05bbe54e8413ff6"
    fixed = {"kind": "denoise", "plan": {"lr": 0.002, "steps": 3000}, "strategy": {"s": 2, "batch": 1}}
    assert record_key(fixed, "cuda", "float32") == "310fe832f05b7e82"


def test_a_new_setting_leaves_old_keys_alone(place, monkeypatch):
    before, defaults = key(TINY), specification._network_defaults()
    monkeypatch.setattr(specification, "_network_defaults", lambda: defaults | {"encoder": "unet"})
    assert key(TINY) != before  # which is why there is ADDED_LATER
    monkeypatch.setitem(specification.ADDED_LATER, "network.encoder", "unet")
    assert key(TINY) == before
    other = replace(TINY, overrides=(*TINY.overrides, ("network.encoder", "uformer")))
    assert key(other) != before
    old = specify(TINY)
    del old["network"]["encoder"]  # as it was recorded before
    assert specification.preset_of(old).network["encoder"] == "unet"


def test_listing_needs_neither_images_nor_network(monkeypatch, tmp_path):
    monkeypatch.setenv("N2SR_DATA", str(tmp_path))
    monkeypatch.setenv("N2SR_CACHE", str(tmp_path))
    monkeypatch.setitem(sys.modules, "pooch", None)
    for profile in PROFILES:
        assert all(work_key(specify(run)) for run in experiments.table1(profile))


@pytest.mark.parametrize(
    ("run", "word"),
    [
        (replace(TINY, overrides=(("plan.stepz", 1),)), "plan.stepz"),
        (replace(TINY, overrides=(("steps", 1),)), "'steps'"),
        (replace(TINY, image="paper/6"), "6"),
        (replace(TINY, image="nowhere"), "nowhere"),
        (replace(TINY, method="magic"), "magic"),
        (replace(TINY, kind="dance"), "dance"),
        (replace(TINY, profile="huge"), "huge"),
    ],
)
def test_what_cannot_be_run_is_refused_in_one_sentence(place, run, word):
    with pytest.raises(InputError, match=word):
        specify(run)


def test_priority_and_what_serves_what():
    runs_of_paper = list(wanted("paper"))
    assert [run.a for run in runs_of_paper[:5]] == [0.05] * 5
    with pytest.raises(InputError, match="table9"):
        wanted("laptop", ["table9"])
    serves = wanted("laptop", ["theory", "table1"])
    assert set(map(tuple, serves.values())) == {("table1",), ("theory",)}
    assert next(iter(serves)).image == "paper/1"  # in order of priority, not of asking


# Execute, record, repeat


def test_a_run_is_recorded_once_and_repeats_bit_for_bit(place, monkeypatch):
    run = replace(TINY, overrides=(*TINY.overrides, ("strategy.M", 8)))
    monkeypatch.setattr("n2sr_lib.runs.queue.crop_of", lambda run: (4, 8))
    record = run_once(run, device="cpu")
    assert record == records.read(record["key"]) and record["key"] == key(run)
    assert record["commit"] == "a test" and record["threads"] == torch.get_num_threads()
    assert record["history"]["step"] == [2, 4, 6] and not record["resumed"]
    with monkeypatch.context() as patched:
        patched.setattr("n2sr_lib.runs.queue.execute", None)  # a second execution would fail
        assert run_once(run, device="cpu")["date"] == record["date"]

    same, said = runs.verify(record["key"])
    assert same and "same bits" in said
    wrong = records.seal(record | {"sha256": "0" * 64})
    records.write(wrong)
    same, said = runs.verify(record["key"])
    assert same and "other bits; +0.0000 dB" in said
    wrong["result"]["mmse"]["psnr"] -= 1
    records.write(records.seal(wrong))
    same, said = runs.verify(record["key"])
    assert not same and "+1.0000 dB" in said


def test_recorded_numbers_are_those_of_the_result(place, monkeypatch):
    """Scores against a computation of our own, and the crop against the image, through the file."""
    seen = {}

    def keep(y, **options):
        seen["done"] = denoise(y, **options)
        return seen["done"]

    denoise = execute.denoise
    monkeypatch.setattr(execute, "denoise", keep)
    specified = specify(TINY)
    record, png = execute.execute(specified, device="cpu", crop=(4, 8))
    x, y = execute.noisy_image(specified)
    drange, done = np.ptp(x), seen["done"]
    for name, image in (("mmse", done.image), ("noisy", y)):
        mse = np.mean((x.astype(float) - image) ** 2)
        assert record["result"][name]["psnr"] == pytest.approx(10 * np.log10(drange**2 / mse), abs=1e-4)
        ssim = structural_similarity(x.astype(float), image.astype(float), data_range=drange)
        assert record["result"][name]["ssim"] == pytest.approx(ssim, abs=1e-5)
    unseen = np.where(np.isfinite(done.out_of_bag), done.out_of_bag, done.image)
    mse = np.mean((x.astype(float) - unseen) ** 2)
    assert record["result"]["out_of_bag"]["psnr"] == pytest.approx(10 * np.log10(drange**2 / mse), abs=1e-4)
    # M = 1 is what `denoise` itself gives with M = 1.
    one = specify(replace(TINY, overrides=(*TINY.overrides, ("strategy.M", 1))))
    alone = denoise(y, preset=specification.preset_of(one), device="cpu").image
    mse = np.mean((x - alone) ** 2)
    assert record["result"]["single"]["psnr"] == pytest.approx(10 * np.log10(drange**2 / mse), abs=1e-4)
    assert len(png) < records.LARGEST_CROP
    steps = [step for step, *_ in record["curve"]]
    assert steps == sorted(set(steps)) and steps[-1] == record["steps"] and len(record["curve"][0]) == 4
    part = done.image[4 : 4 + pictures.CROP_SIDE, 8 : 8 + pictures.CROP_SIDE]
    shown = pictures.crop_image(record, png)
    assert shown.shape == part.shape and np.abs(shown - part).max() <= record["crop"]["scale"] / 2 + 2**-24


def test_rivals_are_looked_at_only_where_a_curve_is_asked_for(place):
    """A look takes as many passes as an estimate, and is not part of the result."""
    rival = replace(TINY, method="noise2self")
    quiet, _ = execute.execute(specify(rival), device="cpu")
    asked, _ = execute.execute(specify(replace(rival, budget=2)), device="cpu")
    assert quiet["curve"] == [] and len(asked["curve"]) > 0


def test_patches_of_a_study_lie_beside_the_crop():
    rng = np.random.default_rng(0)
    whole, *shown = rng.random((5, 300, 400)).astype(np.float32)
    png, crop = pictures.cut(whole, (10, 20), shown, "key")
    record, side = {"crop": crop}, pictures.PATCH_SIDE
    assert np.abs(pictures.crop_image(record, png) - whole[10:266, 20:276]).max() < crop["scale"]
    patches = pictures.crop_patches(record, png)
    assert len(patches) == 4
    for patch, one in zip(patches, shown, strict=True):
        assert np.abs(patch - one[10 : 10 + side, 20 : 20 + side]).max() < crop["scale"]


def test_a_budget_run_is_repeated_with_its_own_steps(place):
    record = run_once(replace(TINY, budget=0.5))
    assert record["stopped"] == "budget"
    same, said = runs.verify(record["key"])
    assert same and "same bits" in said


def test_an_interrupted_run_continues_to_the_same_bits(place, monkeypatch):
    seconds = iter(range(0, 10**6, 31))  # so that every point of the history is due for a checkpoint
    with monkeypatch.context() as patched:
        patched.setattr(train, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
        save = train.save

        def save_and_stop(state, path):
            save(state, path)
            raise KeyboardInterrupt

        patched.setattr(train, "save", save_and_stop)
        with pytest.raises(KeyboardInterrupt):
            run_once(TINY, device="cpu")
    assert not records.read_all()
    (checkpoint,) = (place / "cache/checkpoints").iterdir()
    record = run_once(TINY, device="cpu")
    assert record["resumed"] and not checkpoint.exists()
    fresh, _ = execute.execute(specify(TINY), device="cpu")
    assert fresh["sha256"] == record["sha256"] and not fresh["resumed"]


def test_a_training_is_kept_until_its_record_is_written(place, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(records, "write", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run_once(TINY, device="cpu")
    (checkpoint,) = (place / "cache/checkpoints").iterdir()
    assert run_once(TINY, device="cpu")["resumed"] and not checkpoint.exists()


COUNTED = """
import sys, time, types, os
theory = types.ModuleType("n2sr_lib.theory")
def theorem1(seed):
    with open(os.environ["COUNT"], "a") as file:
        file.write(f"{seed}\\n")
    time.sleep(0.3)
    return {"effect": 0.5, "spread": 0.1, "over_what": "nothing"}
theory.theorem1 = theorem1
sys.modules["n2sr_lib.theory"] = theory
import n2sr_lib
n2sr_lib.theory = theory
from n2sr_lib.experiments.run import (PROFILES, Run)
from n2sr_lib.runs.queue import work_through
RUNS = [Run(kind="theory", method="theorem1", seed=seed) for seed in range(5)]
"""


def python(code: str, **environment) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", COUNTED + code],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_two_processes_do_each_run_once(place):
    count, go = place / "count", place / "go"
    code = "import pathlib\nprint(1, flush=True)\nwhile not pathlib.Path(os.environ['GO']).exists(): pass\n"
    code += "sys.exit(work_through(RUNS))"
    both = [python(code, COUNT=str(count), GO=str(go)) for _ in range(2)]
    for process in both:
        process.stdout.readline()  # both have started
    go.touch()
    for process in both:
        said, _ = process.communicate(timeout=600)
        assert process.returncode == 0, said
    assert sorted(count.read_text().split()) == list("01234")
    assert len(records.read_all()) == 5


def test_a_kill_in_mid_write_leaves_nothing_broken(place):
    code = (
        "import signal\nos.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\nwork_through(RUNS[:1])"
    )
    process = python(code, COUNT=str(place / "count"))
    process.communicate(timeout=600)
    assert process.returncode == -signal.SIGKILL
    assert records.read_all() == {}
    assert any((place / "records").iterdir())  # it was killed late enough: something had been written
    assert python("sys.exit(work_through(RUNS[:1]))", COUNT=str(place / "count")).wait(600) == 0
    assert len(records.read_all()) == 1
    assert [path.suffix for path in (place / "records").iterdir()] == [".json"]


def test_a_failure_does_not_stop_the_others(place, table, monkeypatch, capsys):
    def fail_first(specified, **options):
        if specified["seed"] == 0:
            raise RuntimeError("out of memory")
        return execute.execute(specified, **options)

    monkeypatch.setattr("n2sr_lib.runs.queue.execute", fail_first)
    assert work_off("laptop", device="cpu") == 1
    assert "out of memory" in capsys.readouterr().out
    assert [r["specification"]["seed"] for r in records.read_all().values()] == [1]


def test_side_by_side_into_one_archive(place, table):
    out = place / "new.zip"
    assert runs.main(["--profile", "laptop", "--jobs", "2", "--device", "cpu", "--out", str(out)]) == 0
    with zipfile.ZipFile(out) as file:
        assert sorted(file.namelist()) == sorted(f"{name}.json" for name in records.read_all())
    assert {r["jobs"] for r in records.read_all().values()} == {2} and not missing("laptop")


# Carry


@pytest.fixture
def packed(place, monkeypatch):
    """An archive with one record and its crop; the records folder is empty again."""
    monkeypatch.setattr("n2sr_lib.runs.queue.crop_of", lambda run: (0, 0))
    record = run_once(TINY, device="cpu")
    archive.pack(place / "new.zip", [record["key"]])
    contents = {path.name: path.read_bytes() for path in records.folder().iterdir()}
    for path in records.folder().iterdir():
        path.unlink()
    return place / "new.zip", record, contents


def zipped(path, contents: dict) -> str:
    with zipfile.ZipFile(path, "w") as file:
        for name, content in contents.items():
            file.writestr(name, content)
    return str(path)


def test_merge_brings_back_what_was_packed_and_keeps_what_is_here(packed, capsys):
    path, record, contents = packed
    assert runs.main(["--merge", str(path)]) == 0
    assert {p.name: p.read_bytes() for p in records.folder().iterdir()} == contents
    assert records.crop_bytes(records.read(record["key"])) == contents[f"{record['key']}.png"]
    other = records.seal(record | {"date": "another day"})
    zipped(path, contents | {f"{record['key']}.json": json.dumps(other)})
    assert archive.merge(path) == ([], [record["key"]], {})
    assert records.read(record["key"])["date"] == record["date"]


@pytest.mark.parametrize(
    "name", ["../0123456789abcdef.json", "/0123456789abcdef.json", "a/0123456789abcdef.png", "x.py"]
)
def test_merge_takes_nothing_from_an_archive_with_other_names(packed, name):
    path, _, contents = packed
    zipped(path, contents | {name: b"{}"})
    with pytest.raises(InputError, match="no record"):
        archive.merge(path)
    assert not list(records.folder().iterdir())


def test_merge_takes_nothing_from_an_archive_with_a_huge_member(packed):
    path, _, contents = packed
    zipped(path, contents | {"0" * 16 + ".json": b" " * (archive.LARGEST + 1)})
    with pytest.raises(InputError, match="no record"):
        archive.merge(path)
    assert not list(records.folder().iterdir())


def test_merge_refuses_changed_records_one_by_one(packed, capsys):
    path, record, contents = packed
    name, png = f"{record['key']}.json", f"{record['key']}.png"
    better = json.loads(contents[name])
    better["result"]["mmse"]["psnr"] += 1
    another = records.seal(record | {"specification": record["specification"] | {"seed": 7}})
    renamed = records.seal(record | {"key": "0" * 16})
    tampered = {
        "a number": contents | {name: json.dumps(better)},
        "its specification": contents | {name: json.dumps(another)},
        "its key": {png: contents[png], f"{'0' * 16}.json": json.dumps(renamed)},
        "its key alone": {name: json.dumps(records.seal(renamed | {"crop": None}))},
        "its name": {png: contents[png], f"{'0' * 16}.json": contents[name]},
        "its crop": contents | {png: contents[png] + b" "},
        "no crop": {name: contents[name]},
        "no JSON": contents | {name: b"\xff{"},
        "no record": contents | {name: b"[1]"},
    }
    for what, content in tampered.items():
        assert runs.main(["--merge", zipped(path, content)]) == 1, what
        assert not list(records.folder().iterdir()), what
    (path.parent / "words.zip").write_text("words")
    assert runs.main(["--merge", str(path.parent / "words.zip")]) == 2
    assert "no zip file" in capsys.readouterr().err


def test_a_record_changed_by_hand_is_noticed(packed):
    path, record, _ = packed
    archive.merge(path)
    file = records.folder() / f"{record['key']}.json"
    psnr = str(record["result"]["mmse"]["psnr"])
    file.write_text(file.read_text().replace(psnr, psnr + "1"))
    with pytest.raises(InputError, match="changed by hand"):
        records.read_all()


# The command


def test_csv_has_the_promised_columns_and_a_row_per_table(place, monkeypatch, capsys):
    monkeypatch.setattr(experiments, "TABLES", {"one": lambda p: [TINY], "two_parts": lambda p: [TINY]})
    record = run_once(TINY, device="cpu")
    orphan = run_once(replace(TINY, seed=5), device="cpu")
    capsys.readouterr()
    assert runs.main(["--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    promised = "table profile method strategy encoder upsampling sampling stride m image a b noise_seed seed "
    promised += "psnr ssim train_s predict_s device key"
    assert set(promised.split()) <= set(rows[0])
    mine = [row for row in rows if row["key"] == record["key"] and row["profile"] == "laptop"]
    assert [(row["table"], row["m"]) for row in mine] == [
        (t, m) for t in ("one", "two_parts") for m in ("1", "8", "8")
    ]
    assert float(mine[1]["psnr"]) == record["result"]["mmse"]["psnr"]
    assert {row["table"] for row in rows if row["key"] == orphan["key"]} == {""}
    assert collect.rows(["laptop"], orphans=False) == [r for r in collect.rows() if r["profile"] == "laptop"]


def test_list_and_budget(place, table, capsys):
    assert runs.main(["--list", "--profile", "laptop"]) == 0
    said = capsys.readouterr().out
    assert "tiny" in said and " 2    2   ?" in said
    begin = time.monotonic()
    out = place / "new.zip"
    assert runs.main(["--profile", "laptop", "--budget", "0.01", "--device", "cpu", "--out", str(out)]) == 0
    assert "left out" in capsys.readouterr().out and not records.read_all() and out.exists()
    assert time.monotonic() - begin < 60
    run_once(TINY)
    runs.main(["--list", "--profile", "laptop"])
    assert " 1    2   0:0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--verify", "0" * 16], "there is no record"),
        (["--profile", "laptop", "--out", "new.tar"], ".zip"),
        (["--profile", "laptop", "--out", "no/where/new.zip"], "no folder"),
        (["--profile", "laptop", "--only", "table9"], "table9"),
        (["--profile", "laptop", "--jobs", "0"], "--jobs"),
    ],
)
def test_wrong_arguments_are_one_sentence_and_nothing_is_run(place, capsys, monkeypatch, arguments, word):
    monkeypatch.setattr("n2sr_lib.runs.queue.execute", None)
    assert runs.main(arguments) == 2
    assert word in capsys.readouterr().err


def test_estimates_scale_with_steps_and_passes(place):
    record = run_once(TINY, device="cpu")
    record |= {"steps": 10, "train_seconds": 20.0, "M": 8, "predict_seconds": 4.0, "seconds": 31.0}
    longer = specify(replace(TINY, overrides=(*TINY.overrides, ("plan.steps", 100), ("strategy.M", 19))))
    estimator = Estimator({"": record}, "cpu")
    known = 100 * 2 + (19 + 1) * 0.5
    assert estimator.seconds(longer) == pytest.approx(7 + known)  # looks and writing: as there
    assert estimator.seconds(longer | {"study": "samples"}) == pytest.approx(OVERHEAD + known)
    wider = specify(replace(TINY, overrides=(*TINY.overrides, ("network.width", 9))))
    assert estimator.seconds(wider) is None
    elsewhere = {"": record | {"device": "another"}}
    assert Estimator(elsewhere, "cpu").seconds(longer) is None
    assert Estimator(elsewhere, "cpu", anywhere=True).seconds(longer) > 200
    assert Estimator({"": record}, "cpu", jobs=2).seconds(longer) is None
    assert (clock(None), clock(65.4), clock(3723)) == ("?", "1:05", "1:02:03")


def test_nothing_but_the_few_packages_is_needed():
    """A GPU machine has torch, numpy, scikit-image, tifffile and tqdm."""
    code = "import sys\nfor name in ('pandas', 'matplotlib', 'pooch', 'IPython', 'rsciio'):\n"
    code += "    sys.modules[name] = None\nimport n2sr_lib.runs.__main__, n2sr_lib.report, n2sr_lib.theory"
    subprocess.run([sys.executable, "-c", code], check=True)


# What is committed


def test_committed_records_are_whole():
    known = records.read_all()
    for record in known.values():
        assert record["profile"] in PROFILES
        if record.get("crop"):
            assert len(records.crop_bytes(record)) <= records.LARGEST_CROP
    strays = {path.stem for path in records.folder().glob("*.png")}
    assert strays == {key for key, record in known.items() if record.get("crop")}
