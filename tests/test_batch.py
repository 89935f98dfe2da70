"""Folders and stacks: every image once, failures listed, what was interrupted goes on. No training here."""

import csv
import dataclasses
import errno
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from n2sr_lib import batch, cli, denoising, io, one_image, presets, trust_report
from n2sr_lib.assess.measured import Error
from n2sr_lib.crops import held_out_map
from n2sr_lib.errors import InputError
from n2sr_lib.fitted import Fitted, keep, kept
from n2sr_lib.io.rows import read_rows, write_rows
from n2sr_lib.networks.build import build_network
from n2sr_lib.train import History

SHAPE = (80, 96)


def frame(seed: int, dose: float = 1.0) -> np.ndarray:
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    x = 100 + 30 * np.cos(columns / 3) * np.cos(rows / 4)
    return np.random.default_rng(seed).poisson(dose * x).astype(np.uint16)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("scans").mkdir()
    for k in range(3):
        io.write(f"scans/{k}.tif", frame(k), pixel_size=0.01, unit="nm", title=f"scan {k}")
    np.save("stack.npy", np.stack([frame(k) for k in range(5)]))
    return tmp_path


@pytest.fixture
def work(monkeypatch) -> list[str]:
    """Stand-ins for training and averaging; the list says what was done."""
    done = []

    def result(y, off, **options):
        strategy = presets.choose_preset(options["preset"]).strategy
        settings = {"seed": 0, "plan": {"held_out": 0.5}, "strategy": {"name": "Noise2SR"}}
        smooth = np.full(y.shape, y.mean(), np.float32) + np.float32(off)
        network = nn.Linear(1, 1)
        return denoising.Denoised(
            smooth, smooth, smooth, History(steps=7), settings, network, strategy, 0.0, 1.0
        )

    def denoise(y, **options):
        warm = options["start"] is not None
        steps = presets.choose_preset(options["preset"]).plan.steps
        done.append(f"{'warm' if warm else 'cold'} {steps}")
        return result(y, 0, **options)

    def apply(fitted, y, **_):
        done.append("apply")
        # of a frame with other contents the handed-on network makes a mess
        return result(y, 0 if y.mean() < 150 else 20, preset="smoke")

    monkeypatch.setattr(one_image, "denoise", denoise)
    monkeypatch.setattr(one_image, "apply", apply)
    return done


def rows(folder: Path) -> list[dict]:
    with (folder / batch.ROWS).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


SMOKE = one_image.Options(preset="smoke")


def test_a_folder_gives_a_file_and_a_row_each(folder, work):
    done = batch.run(["scans"], Path("out"), SMOKE)
    assert work == ["cold 60"] * 3
    assert sorted(p.name for p in Path("out").iterdir()) == [
        *(f"{k}_denoised.tif" for k in range(3)),
        batch.ROWS,
    ]
    found = io.read("out/1_denoised.tif")
    assert (found.pixel_size, found.unit, found.title) == (pytest.approx(0.01), "nm", "scan 1")
    table = rows(Path("out"))
    assert [r["file"] for r in table] == ["0.tif", "1.tif", "2.tif"] == [r["file"] for r in done]
    assert set(table[0]) == set(batch.COLUMNS)
    assert all(r["status"] == "done" and r["steps"] == "7" and r["trained_on"] == r["file"] for r in table)
    assert float(table[0]["noise_variance"]) == pytest.approx(100, rel=0.5)
    assert (table[1]["height"], table[1]["width"], table[1]["unit"]) == ("80", "96", "nm")
    assert float(table[1]["pixel_size"]) == pytest.approx(0.01)
    # the row holds the numbers, not the image
    assert len(json.dumps(done)) < 3000


def test_a_second_call_does_nothing_and_another_option_everything(folder, work):
    batch.run(["scans"], Path("out"), SMOKE)
    before = {p: p.read_bytes() for p in Path("out").glob("*.tif")}
    work.clear()
    assert {r["status"] for r in batch.run(["scans"], Path("out"), SMOKE)} == {"kept"}
    assert work == [] and {p: p.read_bytes() for p in Path("out").glob("*.tif")} == before
    # what is there is neither ours nor may it be replaced
    other = dataclasses.replace(SMOKE, seed=1)
    assert {r["status"] for r in batch.run(["scans"], Path("out"), other)} == {"failed"}
    assert all("exists" in r["message"] for r in rows(Path("out")))
    again = dataclasses.replace(other, overwrite=True)
    assert {r["status"] for r in batch.run(["scans"], Path("out"), again)} == {"done"}
    assert work == ["cold 60"] * 3 and len(rows(Path("out"))) == 3


def test_a_changed_image_is_denoised_again(folder, work):
    batch.run(["scans"], Path("out"), SMOKE)
    io.write("scans/1.tif", frame(9), overwrite=True)
    work.clear()
    statuses = [
        r["status"] for r in batch.run(["scans"], Path("out"), dataclasses.replace(SMOKE, overwrite=True))
    ]
    assert statuses == ["kept", "done", "kept"] and work == ["cold 60"]


def test_failures_do_not_stop_the_others(folder, work, capsys):
    Path("scans/1.tif").write_bytes(b"no image")
    np.save("scans/3.npy", np.ones((90, 90)))
    code = cli.main(["denoise", "scans", "--preset", "smoke", "-o", "out"])
    out, err = capsys.readouterr()
    assert code == 1 and "4 images -> out: 2 done, 0 kept, 2 failed" in out
    listed = [line for line in err.splitlines() if line.startswith("n2sr: failed: ")]
    assert len(listed) == 2 and "1.tif: '1.tif' cannot be read" in listed[0] and "constant" in listed[1]
    assert [r["status"] for r in rows(Path("out"))] == ["done", "failed", "done", "failed"]


def test_an_unexpected_error_is_one_row_too(folder, work, monkeypatch):
    def broken(y, **_):
        raise KeyError("what")

    monkeypatch.setattr(one_image, "denoise", broken)
    failed = batch.run(["scans/0.tif"], Path("out"), SMOKE)
    assert failed[0]["status"] == "failed" and failed[0]["message"].startswith("KeyError")
    assert {p.name for p in Path("out").iterdir()} == {batch.ROWS}


def test_all_is_well_with_exit_code_0(folder, work, capsys):
    assert cli.main(["denoise", "scans/[01].tif", "--preset", "smoke", "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert err == "" and "2 images -> denoised: 2 done" in out
    assert cli.main(["denoise", "scans", "--preset", "smoke", "--quiet"]) == 0
    assert Path("scans_denoised/2_denoised.tif").exists()


@pytest.mark.parametrize(
    ("fit", "expected"),
    [
        ("every", ["cold 60"] * 5),
        ("first", ["cold 60", *["apply"] * 4]),
        ("2", ["cold 60", "apply", "warm 15", "apply", "warm 15"]),
    ],
)
def test_a_stack_is_fitted_as_often_as_asked(folder, work, fit, expected):
    done = batch.run(["stack.npy"], Path("out"), dataclasses.replace(SMOKE, fit=fit))
    assert work == expected
    assert [r["frame"] for r in done] == list(range(5))
    for k, (row, what) in enumerate(zip(done, expected, strict=True)):
        assert (row["trained_on"] == f"stack.npy_frame{k:05d}") is (what != "apply")
        assert row["steps"] == (0 if what == "apply" else 7)
    assert io.read("out/stack_frame00003_denoised.tif").image.shape == SHAPE


def test_a_new_network_is_measured_on_pixels_it_was_not_trained_on(folder, work, monkeypatch):
    """Later images are held against this error: memory of the first one must not make it look better."""
    stand_in = one_image.denoise

    def by_heart(y, **options):
        result = stand_in(y, **options)
        trained = held_out_map((1, 1, *y.shape), result.settings["plan"]["held_out"], 0)[0, 0].numpy() == 1
        return dataclasses.replace(result, out_of_bag=np.where(trained, y, result.out_of_bag))

    monkeypatch.setattr(one_image, "denoise", by_heart)
    (done,) = batch.run(["scans/0.tif"], Path("out"), SMOKE)
    # The lattice that the stand-in blurs away has a variance of 30**2 / 4, the noise one of 100. On the
    # pixels trained on, the error would be -1.
    assert done["error"] == pytest.approx(225 / 100, abs=0.6)


def test_trains_again_where_the_error_rises(folder, work):
    np.save("changing.npy", np.stack([frame(0), frame(1), frame(2, 2.0), frame(3)]))
    done = batch.run(["changing.npy"], Path("out"), dataclasses.replace(SMOKE, fit="first"))
    assert work == ["cold 60", "apply", "apply", "warm 15", "apply"]
    assert [r["steps"] > 0 for r in done] == [True, False, True, False]


def test_an_interrupted_stack_goes_on_with_its_network(folder, work, monkeypatch):
    options = dataclasses.replace(SMOKE, fit="first")
    state = {}

    def remember(path, fitted):
        state.update(fitted=fitted)
        path.write_bytes(b"state")

    monkeypatch.setattr(batch, "keep", remember)
    monkeypatch.setattr(batch, "kept", lambda path, *how: state.get("fitted"))
    write, written = io.write, []

    def interrupted(path, *given, **more):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(path)
        return write(path, *given, **more)

    monkeypatch.setattr(io, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        batch.run(["stack.npy"], Path("out"), options)
    monkeypatch.setattr(io, "write", write)
    work.clear()
    done = batch.run(["stack.npy"], Path("out"), options)
    assert [r["status"] for r in done] == ["kept", "kept", "done", "done", "done"]
    assert work == ["apply"] * 3


def test_a_network_of_other_images_is_not_handed_on(folder, work, monkeypatch):
    """Of an earlier call with the same options into the same folder."""
    state = {}
    monkeypatch.setattr(batch, "keep", lambda path, fitted, *_: state.update(fitted=fitted))
    monkeypatch.setattr(batch, "kept", lambda path, *how: state.get("fitted"))
    options = dataclasses.replace(SMOKE, fit="first")
    batch.run(["stack.npy"], Path("out"), options)
    work.clear()
    batch.run(["scans"], Path("out"), options)
    assert work == ["cold 60", "apply", "apply"]
    # with these images beside others it is
    io.write("scans/3.tif", frame(9))
    work.clear()
    batch.run(["stack.npy", "scans"], Path("out"), options)
    assert work == ["apply"]


def test_the_network_on_disk_is_the_same(tmp_path):
    options = one_image.Options(preset="smoke", fit="3", device="cpu")
    preset = presets.PRESETS["smoke"]
    network = build_network(2, 5, **preset.network)
    settings = {"strategy": {"name": "Noise2SR", **dataclasses.asdict(preset.strategy)}, "seed": 0}
    nothing = np.empty((0, 0), np.float32)
    result = denoising.Denoised(
        nothing, nothing, None, History(), settings, network, preset.strategy, 3.0, 2.0
    )
    fitted = Fitted(result, "a", "key of a", 2, Error(0.1, 0.01, 99))
    keep(tmp_path / "x", fitted)

    def read(options):
        return kept(tmp_path / "x", options.preset, options.seed, options.device)

    again = read(options)
    assert again[1:] == ("a", "key of a", 2, fitted.error)
    assert (again.result.mean, again.result.strategy) == (3.0, preset.strategy)
    for one, other in zip(network.parameters(), again.result.network.parameters(), strict=True):
        assert torch.equal(one, other)
    (tmp_path / "x").write_bytes(b"damaged")
    assert read(options) is None


def test_same_names_and_other_files_in_the_folder(folder, work):
    np.save("scans/1.npy", frame(7))
    Path("scans/notes.txt").write_text("no image")
    Path("scans/.hidden.tif").write_bytes(b"no image")
    batch.run(["scans"], Path("out"), SMOKE)
    assert sorted(p.name for p in Path("out").glob("*.tif")) == [
        "0_denoised.tif",
        "1_npy_denoised.tif",
        "1_tif_denoised.tif",
        "2_denoised.tif",
    ]


def test_files_of_one_name_in_two_folders_get_a_result_each(folder, work):
    for name in ("a", "b"):
        Path(name).mkdir()
        io.write(f"{name}/x.tif", frame(len(name)), title=name)
    rows = batch.run(["a", "b", "scans"], Path("out"), SMOKE)
    assert {row["output"] for row in rows} == {
        *("a_x_tif_denoised.tif", "b_x_tif_denoised.tif"),
        *(f"{k}_denoised.tif" for k in range(3)),
    }
    with Path("out/n2sr.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 5
    assert {row["status"] for row in batch.run(["a", "b", "scans"], Path("out"), SMOKE)} == {"kept"}


def test_results_are_no_input_of_a_folder(folder, work):
    batch.run(["scans"], Path("scans"), dataclasses.replace(SMOKE, report=True))
    assert {"0_denoised.tif", "0_denoised_report.png"} < {p.name for p in Path("scans").iterdir()}
    for given in ("scans", "scans/*.tif"):
        assert [p.name for p in io.find_images([given])] == ["0.tif", "1.tif", "2.tif"]
    with pytest.raises(InputError, match="no file matches"):
        io.find_images(["scans/*.png"])
    assert [p.name for p in io.find_images(["scans/0_denoised.tif"])] == ["0_denoised.tif"]


def test_what_is_refused_at_once(folder, work):
    for given, options in (
        (["none*.tif"], SMOKE),
        ([folder / "out"], SMOKE),
        (["scans"], dataclasses.replace(SMOKE, fit="often")),
        (["scans"], dataclasses.replace(SMOKE, preset="best")),
    ):
        (folder / "out").mkdir(exist_ok=True)
        with pytest.raises(InputError):
            batch.run(given, Path("out"), options)
    with pytest.raises(InputError, match="cannot be made a folder"):
        batch.run(["scans"], Path("stack.npy"), SMOKE)
    assert work == []


def test_names_of_results_lie_in_the_folder_and_no_two_are_alike(folder):
    for given in (
        ("scans/1.tif", "scans/1.npy", "scans/1_tif.dm4"),
        ("2024.05/001.tif", "2024_05/001.tif"),
        ("scans/0.tif", "link/0.tif"),  # a link to scans
        ("scan.npy", "scan_frame00001.tif"),  # a stack, whose frame 1 would have the other's name
        ("scan_frame00001.tif", "scan.npy"),
        ("/1.tif", "/1.npy"),
    ):
        Path("link").unlink(missing_ok=True)
        Path("link").symlink_to("scans")
        found = io.stems([Path(one) for one in given])
        assert len({f"{one}_frame00001" for one in found} | set(found)) == 2 * len(found), found
        assert not [one for one in found if one.startswith(("/", "_")) or "/" in one]
    # what needs no more keeps its own name
    assert io.stems([Path(f"scan_frame0000{k}.tif") for k in range(2)]) == [
        "scan_frame00000",
        "scan_frame00001",
    ]
    assert len(io.find_images(["scans", folder / "scans", "scans/0.tif"])) == 3


def test_a_folder_keeps_its_whole_name(folder, work):
    for name in ("2024.05.01", "2024.05.02"):
        Path(name).mkdir()
        io.write(f"{name}/1.tif", frame(int(name[-1])))
        assert cli.main(["denoise", name, "--preset", "smoke", "--quiet"]) == 0
        assert Path(f"{name}_denoised/1_denoised.tif").exists()


@pytest.mark.parametrize("given", [".", "..", "../scans/."])
def test_a_folder_without_a_name_of_its_own(given, folder, work, monkeypatch):
    Path("scans/below").mkdir()
    monkeypatch.chdir("scans/below" if given == ".." else "scans")
    assert cli.main(["denoise", given, "--preset", "smoke", "--quiet"]) == 0
    assert (folder / "scans_denoised/2_denoised.tif").exists()


def test_paths_as_people_write_them(folder, work, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(folder))
    for name in ("scan[1].tif", "~scan.tif"):
        io.write(f"scans/{name}", frame(5))
    assert cli.main(["denoise", "~/scans", "--preset", "smoke", "--quiet", "--output=~/out"]) == 0
    assert {"scan[1]_denoised.tif", "~scan_denoised.tif"} < {p.name for p in Path("out").iterdir()}
    monkeypatch.chdir("scans")
    for name in ("scan[1].tif", "~scan.tif"):  # one image each, neither a pattern nor somebody's home
        assert cli.main(["denoise", name, "--preset", "smoke", "--quiet"]) == 0
        assert Path(f"{name.removesuffix('.tif')}_denoised.tif").exists()
    assert cli.main(["assess", "~scan.tif"]) == 0
    assert cli.main(["denoise", "0.tif", "--preset", "smoke", "--quiet", "--output=~/one.tif"]) == 0
    assert (folder / "one.tif").exists()
    assert cli.main(["denoise", "/", "--preset", "smoke"]) == 2
    assert capsys.readouterr().err.startswith("n2sr: '/' is a folder without an image")


def test_a_folder_that_may_not_be_read_or_written_to(folder, work, monkeypatch):
    iterdir = Path.iterdir  # for the system's administrator permissions say nothing

    def denied(self):
        if self.name == "scans":
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return iterdir(self)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "iterdir", denied)
        with pytest.raises(InputError, match="'scans' may not be read; ask"):
            batch.run(["scans"], Path("out"), SMOKE)
    Path("out").mkdir()
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode, **o: not mode & os.W_OK and access(path, mode, **o))
    with pytest.raises(InputError, match="The folder 'out' may not be written to; choose another"):
        batch.run(["scans"], Path("out"), SMOKE)
    assert work == []


def test_no_given_image_is_replaced(folder, work):
    io.write("scans/0_denoised.tif", frame(7), title="somebody's raw data")
    np.save("scans/stack.npy", np.stack([frame(k) for k in range(2)]))
    io.write("scans/stack_frame00001_denoised.tif", frame(8))
    raw = {p: p.read_bytes() for p in Path("scans").iterdir()}
    given = ["scans/0.tif", "scans/stack.npy"]
    over = dataclasses.replace(SMOKE, overwrite=True)
    Path("link").symlink_to("scans")
    for more in ("scans/0_denoised.tif", "link/stack_frame00001_denoised.tif"):
        with pytest.raises(InputError, match=f"'{Path(more).name}' is an image that was given; choose"):
            batch.run([*given, more], Path("scans"), over)
    assert work == [] and {p: p.read_bytes() for p in Path("scans").iterdir()} == raw
    done = batch.run([*given, "scans/0_denoised.tif"], Path("scans"), SMOKE)
    assert [row["status"] for row in done] == ["failed", "done", "failed", "done"]
    batch.run(["scans/0_denoised.tif"], Path("scans"), over)  # gives 0_denoised_denoised.tif
    assert {p: p.read_bytes() for p in raw} == raw


def test_a_report_that_fails_costs_neither_the_network_nor_the_others(folder, work, monkeypatch):
    def broken(*_, **__):
        raise KeyError("what")

    options = dataclasses.replace(SMOKE, fit="first", report=True)
    with monkeypatch.context() as patch:
        patch.setattr(trust_report, "examine", broken)
        done = batch.run(["stack.npy"], Path("out"), options)
    assert work == ["cold 60", *["apply"] * 4]
    assert {row["status"] for row in done} == {"failed"}
    assert all(r["message"].startswith("the image is written, but not its report (KeyError") for r in done)
    assert {row["status"] for row in batch.run(["stack.npy"], Path("out"), options)} == {"done"}
    assert {row["status"] for row in batch.run(["stack.npy"], Path("out"), options)} == {"kept"}


def test_a_name_too_long_is_one_failure(folder, work):
    io.write(f"scans/{'a' * 216}.tif", frame(7)[:, :80])
    done = batch.run(["scans"], Path("out"), dataclasses.replace(SMOKE, report=True))
    assert [row["status"] for row in done] == ["done"] * 3 + ["failed"] and "is too long" in done[3][
        "message"
    ]


def test_two_batches_at_once(folder, work, monkeypatch):
    """The second runs while the first trains on its first image."""
    stand_in, statuses = one_image.denoise, []

    def meanwhile(y, **options):
        monkeypatch.setattr(one_image, "denoise", stand_in)
        statuses.extend(row["status"] for row in batch.run(["scans", "stack.npy"], Path("out"), SMOKE))
        return stand_in(y, **options)

    monkeypatch.setattr(one_image, "denoise", meanwhile)
    done = batch.run(["scans"], Path("out"), SMOKE)
    assert [row["status"] for row in done] == ["done", "kept", "kept"] and statuses == ["done"] * 8
    assert len(rows(Path("out"))) == 8
    assert not [p for p in Path("out").iterdir() if p.name.startswith(".")]


def test_two_tables_are_written_at_once(tmp_path, monkeypatch):
    replace = os.replace

    def beside_another(source, target):
        monkeypatch.setattr(os, "replace", replace)
        write_rows(tmp_path / "t.csv", ("a",), [{"a": 2}])
        replace(source, target)

    monkeypatch.setattr(os, "replace", beside_another)
    write_rows(tmp_path / "t.csv", ("a",), [{"a": 1}])
    assert read_rows(tmp_path / "t.csv") == [{"a": "1"}] and len(list(tmp_path.iterdir())) == 1


def test_the_table_says_what_became_of_a_file_at_last(folder, work):
    stack = Path("stack.npy").read_bytes()
    Path("stack.npy").write_bytes(stack[:999])
    batch.run(["scans/0.tif", "stack.npy"], Path("out"), SMOKE)
    assert [row["status"] for row in rows(Path("out"))] == ["done", "failed"]
    Path("stack.npy").write_bytes(stack)
    table = (Path("out") / batch.ROWS).read_text(encoding="utf-8")
    (Path("out") / batch.ROWS).write_text(re.sub(r",\d+\.\d,,", ",99.5,,", table), encoding="utf-8")
    batch.run(["scans/0.tif", "stack.npy"], Path("out"), SMOKE)
    found = rows(Path("out"))
    assert [row["status"] for row in found] == ["kept", *["done"] * 5]
    assert found[0]["seconds"] == "99.5"  # what it took, not what it took to see that it is there


def test_names_and_tables_in_other_encodings(folder, work):
    os.rename("scans/1.tif", os.fsdecode(b"scans/1\xb5m.tif"))
    options = dataclasses.replace(SMOKE, report=True)
    assert {row["status"] for row in batch.run(["scans"], Path("out"), options)} == {"done"}
    table = Path("out") / batch.ROWS
    by_spreadsheet = b"\xef\xbb\xbf" + table.read_bytes().replace(b"0.tif", b"\xfc.tif")
    table.write_bytes(by_spreadsheet + b"theirs.tif,,done,theirs_denoised.tif\r\n")
    assert {row["status"] for row in batch.run(["scans"], Path("out"), options)} == {"kept"}
    assert b"1\xb5m.tif" in table.read_bytes() and b"\r\ntheirs.tif,,done," in table.read_bytes()
    bare = Path(os.fsdecode(b"scans/\xb5.npy"))
    np.save(bare, frame(4))
    assert io.read(bare).title == "?"
    assert [row["status"] for row in batch.run([bare], Path("out"), options)] == ["done"]


def test_a_table_that_is_open_elsewhere_stops_nothing(folder, work, monkeypatch):
    written, said = [], []

    def locked(*given):
        written.append(given)
        if len(written) < 3:
            raise PermissionError(errno.EACCES, "Permission denied")
        return write_rows(*given)

    monkeypatch.setattr(batch, "write_rows", locked)
    assert {row["status"] for row in batch.run(["scans"], Path("out"), SMOKE, said.append)} == {"done"}
    assert len(rows(Path("out"))) == 3
    assert [one for one in said if one.startswith("n2sr.csv cannot be written (Permission denied); ")]


def test_a_network_is_not_handed_on_to_another_sampler(folder, work):
    noise = 10 * np.random.default_rng(0).normal(size=(SHAPE[0], SHAPE[1] + 1))
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    x = 100 + 30 * np.cos(columns / 3) * np.cos(rows / 4)
    np.save("mixed.npy", np.stack([x + noise[:, 1:], x + noise[:, 1:] + noise[:, :-1]]))
    batch.run(["mixed.npy"], Path("out"), dataclasses.replace(SMOKE, fit="first", adapt=True))
    assert work == ["cold 60"] * 2


def test_warm_is_a_quarter_for_small_images_too(folder, work, monkeypatch):
    """Where the number of steps follows from the size of the image."""
    plans, stand_in = [], one_image.denoise

    def denoise(y, **options):
        plans.append(options["preset"].plan)
        return stand_in(y, **options)

    monkeypatch.setattr(one_image, "denoise", denoise)
    batch.run(["stack.npy"], Path("out"), one_image.Options(fit="2"))
    cold, warm = plans[:2]
    assert (warm.steps, warm.epochs) == (cold.steps / 4, cold.epochs / 4) and cold.epochs


def test_a_signal_of_several_is_chosen_by_name(folder, work):
    """Without it the only image, a, would be taken."""
    np.savez("two.npz", a=frame(0), b=np.stack([frame(1), frame(2)]))
    done = batch.run(["two.npz"], Path("out"), dataclasses.replace(SMOKE, fit="first", signal="b"))
    assert [r["frame"] for r in done] == [0, 1]


def test_warnings_name_their_image(folder, work):
    noise, said = np.random.default_rng(0).normal(size=(256, 257)), []
    np.save("scans/scanned.npy", noise[:, 1:] + noise[:, :-1])
    batch.run(["scans"], Path("out"), SMOKE, said.append)
    (warning,) = [line for line in said if "warning" in line]
    assert warning.startswith("scanned.npy: warning: The noise is correlated")
