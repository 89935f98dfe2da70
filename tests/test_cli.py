"""The command: what it writes and says, and that what cannot be used gets one sentence and no trace."""

import dataclasses
import errno
import functools
import json
import math
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import skimage.io
import tifffile
import torch

from n2sr_lib import __version__, cli, denoising, io, one_image, presets, silence, trust_report
from n2sr_lib.assess import suitability
from n2sr_lib.data import array_hash
from n2sr_lib.errors import InputError
from n2sr_lib.silence import DEAD
from n2sr_lib.train import History

ROOT = Path(__file__).resolve().parents[1]
FORMATS = Path(os.environ.get("N2SR_DATA", "")) / "formats"
has_data = pytest.mark.skipif("N2SR_DATA" not in os.environ, reason="N2SR_DATA is not set")


def image(side: int = 96) -> np.ndarray:
    rows, columns = np.mgrid[:side, :side]
    x = 100 + 30 * np.cos(columns / 3) * np.cos(rows / 4)
    return np.random.default_rng(0).poisson(x).astype(np.uint16)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    io.write("in.tif", image(), pixel_size=0.0061, unit="nm", title="scan 7")
    return tmp_path


@pytest.fixture
def fake(monkeypatch):
    """A `denoise` that takes no time; what it was given lies in the list."""
    given = []

    def denoise(y, **options):
        given.append(options)
        settings = {"device": "cpu", "seed": options["seed"]}
        return denoising.Denoised(y - 1, y, None, History(steps=5), settings, None, None, 0.0, 1.0)

    monkeypatch.setattr(one_image, "denoise", denoise)
    return given


def content(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def refused(folder: Path, capsys, monkeypatch, *arguments: str) -> str:
    """The sentence with which the command refuses: exit code 2, no work done, nothing written."""

    def denoise(*_, **__):
        pytest.fail("work was begun")

    monkeypatch.setattr(one_image, "denoise", denoise)
    before = content(folder)
    assert cli.main(["denoise", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("n2sr: ") and err.count("\n") == 1 and err.endswith("\n")
    assert "Traceback" not in err and len(err) < 400
    assert content(folder) == before
    return err


def _truncated(path):
    tifffile.imwrite(path, image())
    path.write_bytes(path.read_bytes()[:9000])


def _with_nan(fraction):
    y = image().astype(np.float32)
    y.flat[: round(fraction * y.size)] = np.nan
    return y


BAD = {
    "empty.tif": (lambda p: p.write_bytes(b""), "is empty"),
    "empty.dm4": (lambda p: p.write_bytes(b""), "is empty"),
    "cut.tif": (_truncated, "cut short"),
    "words.tif": (lambda p: p.write_text("an image, honestly\n" * 99), "cannot be read as TIF"),
    "unknown.xyz": (lambda p: p.write_bytes(bytes(range(256))), "unknown format"),
    "rgb.png": (
        lambda p: skimage.io.imsave(p, np.random.default_rng(0).integers(0, 255, (80, 80, 3), np.uint8)),
        "in colour",
    ),
    "complex.npy": (lambda p: np.save(p, np.fft.fft2(image())), "complex"),
    "line.npy": (lambda p: np.save(p, np.arange(999.0)), "one line"),
    "objects.npy": (lambda p: np.save(p, np.array([[{}] * 80] * 80), allow_pickle=True), "Python objects"),
    "small.tif": (lambda p: tifffile.imwrite(p, image(63)), "at least 64"),
    "constant.tif": (lambda p: tifffile.imwrite(p, np.full((96, 96), 7, np.uint8)), "constant"),
    "nan.npy": (lambda p: np.save(p, np.full((96, 96), np.nan)), "every pixel is NaN"),
    "holes.npy": (lambda p: np.save(p, _with_nan(0.011)), "crop or repair"),
    "stack.npy": (lambda p: np.save(p, np.stack([image()] * 9)), "stack of 9 frames.*--frame"),
    "missing.tif": (lambda p: None, "does not exist"),
    "folder.tif": (lambda p: p.mkdir(), "is a folder without an image"),
}


@pytest.mark.parametrize("name", BAD)
def test_refuses_an_input_that_cannot_be_used(name, folder, capsys, monkeypatch):
    make, says = BAD[name]
    make(folder / name)
    assert re.search(says, refused(folder, capsys, monkeypatch, name))


@has_data
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("rgba.dm4", "in colour"),
        ("complex.dm4", "complex"),
        ("line.dm3", "one line"),
        ("stack.dm4", "stack of 2 frames"),
        ("velox_complex.emd", "complex"),
        ("two_by_two.dm4", "at least 64"),
    ],
)
def test_refuses_microscope_files_without_an_image(name, says, folder, capsys, monkeypatch):
    assert says in refused(folder, capsys, monkeypatch, str(FORMATS / name), "-o", "out.tif")


@has_data
@pytest.mark.parametrize("name", ["stack.dm4", "test_STEM_image.dm3", "tem_search_1.ser"])
@pytest.mark.parametrize("part", [0.02, 0.4, 0.9])
def test_refuses_truncated_microscope_files(name, part, folder, capsys, monkeypatch):
    whole = (FORMATS / name).read_bytes()
    (folder / name).write_bytes(whole[: int(part * len(whole))])
    refused(folder, capsys, monkeypatch, name, "--frame", "0")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--preset", "best"], "unknown preset 'best'; choose one of smoke, laptop, paper"),
        (["--budget", "0"], "'0' is no positive time"),
        (["--budget", "0min"], "no positive time"),
        (["--budget", "-5"], "no positive time"),
        (["--budget", "soon"], "'soon' is no positive time"),
        (["--budget", "60 years"], "no positive time"),
        (["--device", "cuda"], "no CUDA device"),
        (["--device", "tpu"], "unknown device 'tpu'"),
        (["--seed", "-1"], "--seed: '-1' cannot be used"),
        (["--seed", str(2**63)], "cannot be used"),
        (["--seed", "1.5"], "give a whole number from 0"),
        (["--seed", "-1", "--fit", "first"], "--seed: '-1' cannot be used"),
        (["--fit", "last"], "--fit 'last' is unknown"),
        (["--fit", "0"], "--fit '0' is unknown"),
        (["--fit", "first", "--frame", "0"], "--frame chooses one frame"),
        (["--fit", "first", "-o", "out.tif"], "'out.tif' looks like a file; many images go into a folder"),
        (["other*.tif"], "no file matches 'other*.tif'"),
        (["--frame", "3"], "no frame 3"),
        (["--signal", "1"], "no signal 1"),
        (["--overwite"], "unrecognized arguments: --overwite"),
        (["-o", "nowhere/out.tif"], "The folder 'nowhere' does not exist"),
        (["-o", "out.jpg"], "no extension that can be written"),
        (["-o", "."], "is a folder"),
        (["-o", "there.tif"], "exists; choose another name"),
        (["-o", "in.tif", "--overwrite"], "is the image that was read"),
    ],
)
def test_refuses_options_that_cannot_be_used(arguments, says, folder, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (folder / "there.tif").write_bytes(b"precious")
    assert says in refused(folder, capsys, monkeypatch, "in.tif", *arguments)


def test_refuses_where_it_may_not_write(folder, capsys, monkeypatch):
    access = os.access  # for the system's administrator, who may write anywhere, permissions say nothing
    monkeypatch.setattr(os, "access", lambda path, mode, **o: not mode & os.W_OK and access(path, mode, **o))
    assert "may not be written to" in refused(folder, capsys, monkeypatch, "in.tif")


def test_refuses_to_replace_an_earlier_result_of_the_same_command(folder, capsys, monkeypatch):
    (folder / "in_denoised.tif").write_bytes(b"precious")
    assert "in_denoised.tif' exists" in refused(folder, capsys, monkeypatch, "in.tif")


def test_nothing_to_do_is_refused_too(capsys):
    assert cli.main([]) == 2
    assert cli.main(["denoise"]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 2 and "n2sr denoise --help" in err


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("60s", 60), ("0.5s", 0.5), (" 5 min ", 300), ("1.5h", 5400), ("1H", 3600)],
)
def test_budget_in_the_units_people_write(text, seconds):
    assert cli.parse_budget(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "s", "0", "0.0h", "-1", "nan", "inf", "1e5", "5 minutes", "9" * 400, "1s1"]
)
def test_budget_that_is_no_time(text):
    with pytest.raises(InputError, match="no positive time"):
        cli.parse_budget(text)


def test_denoises_a_file_with_its_calibration(folder, capsys):
    y = image(112)[:, :96].astype(np.float64)
    io.write("in.tif", y, pixel_size=0.0061, unit="nm", title="scan 7", overwrite=True)
    before = content(folder)
    assert cli.main(["denoise", "in.tif", "-o", "out.tif", "--preset", "smoke", "--seed", "1"]) == 0
    out, err = capsys.readouterr()
    told = re.fullmatch(
        r"in\.tif -> out\.tif: 96×112, 0\.0061 nm/px, 60 steps, \d+ s on (cpu|cuda); "
        r"noise a=[\d.]+, deviation (?P<deviation>[\d.]+) at mean (?P<mean>[\d.]+)\n",
        out,
    )
    assert float(told["deviation"]) == pytest.approx(10, rel=0.25)
    assert "training" in err and "averaging" in err
    assert set(content(folder)) - set(before) == {str(folder / "out.tif")}
    found = io.read("out.tif")
    assert found.image.shape == y.shape and found.image.dtype == np.float32
    assert (found.pixel_size, found.unit, found.title) == (pytest.approx(0.0061), "nm", "scan 7")
    # In the units of the input, and smoother: the Poisson noise of a pixel deviates by 10 counts.
    assert abs(found.image.mean() - y.mean()) < 10
    assert float(told["mean"]) == pytest.approx(y.mean(), rel=0.01)
    assert np.diff(found.image).std() < np.diff(y).std() / 2
    settings = found.metadata["n2sr"]["settings"]
    assert (settings["preset"], settings["seed"], settings["steps"]) == ("smoke", 1, 60)
    assert settings["input"]["file"] == "in.tif" and settings["filled_pixels"] == 0
    assert settings["input"]["sha256"] == array_hash(io.read("in.tif").image)
    assert settings["noise"]["variance"] == pytest.approx(100, rel=0.5)


def test_a_constant_is_no_result(folder, capsys, monkeypatch):
    def denoise(y, **options):
        history = History(steps=5, stopped=DEAD)
        return denoising.Denoised(0 * y, y, None, history, {}, None, None, 0.0, 1.0)

    monkeypatch.setattr(one_image, "denoise", denoise)
    assert cli.main(["denoise", "in.tif", "-o", "out.tif"]) == 2
    assert "give another --seed" in capsys.readouterr().err and not (folder / "out.tif").exists()


def test_same_seed_same_bits_and_negative_integers_are_fine(folder, capsys):
    np.save("signed.npy", image().astype(np.int16) - 120)
    for name, seed in (("a.npy", "1"), ("b.npy", "1"), ("c.npy", "2")):
        run = ["denoise", "signed.npy", "-o", name, "--preset", "smoke", "--quiet", "--seed", seed]
        assert cli.main([*run, "--device", "cpu"]) == 0
    out, err = capsys.readouterr()
    assert err == "" and out.count("\n") == 3 and "no pixel size" in out
    a, b, c = (np.load(name) for name in ("a.npy", "b.npy", "c.npy"))
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)
    assert abs(a.mean() - (100 - 120)) < 10  # unsigned on the way, it would be 65 thousand


def test_a_few_bad_pixels_are_filled_and_reported(folder, capsys, fake):
    np.save("holes.npy", _with_nan(0.005))
    assert cli.main(["denoise", "holes.npy"]) == 0
    assert "46 NaN or infinite pixels" in capsys.readouterr().err
    result = io.read("holes_denoised.tif")
    assert np.isfinite(result.image).all()
    assert result.metadata["n2sr"]["settings"]["filled_pixels"] == 46


def test_warns_of_correlated_noise(folder, capsys, fake):
    noise = np.random.default_rng(0).normal(size=(256, 257))
    np.save("white.npy", noise)
    np.save("scanned.npy", noise[:, 1:] + noise[:, :-1])  # neighbours in a row correlate by one half
    assert cli.main(["denoise", "white.npy"]) == 0
    assert capsys.readouterr().err == ""
    assert cli.main(["denoise", "scanned.npy"]) == 0
    err = capsys.readouterr().err
    assert err.startswith("n2sr: warning: The noise is correlated") and err.count("\n") == 1
    assert io.read("scanned_denoised.tif").metadata["n2sr"]["settings"]["noise"]["independent"] is False
    assert cli.main(["denoise", "scanned.npy", "--quiet", "--overwrite"]) == 0
    assert capsys.readouterr().err == ""


def test_an_image_without_noise_is_denoised_with_a_warning(folder, capsys, fake):
    rows, columns = np.mgrid[:96, :96] / 40
    np.save("smooth.npy", np.cos(rows) * columns)
    assert cli.main(["denoise", "smooth.npy"]) == 0
    out, err = capsys.readouterr()
    assert "no pixel noise" in err and "noise not estimated" in out


def test_options_reach_the_library(folder, capsys, fake):
    run = ["denoise", "in.tif", "-o", "a.tif", "--budget", "2min", "--device", "cpu", "--quiet"]
    assert cli.main([*run, "--seed", "5", "--preset", "paper"]) == 0
    checkpoint = Path("a.tif.checkpoint")
    assert fake == [
        {
            "preset": presets.PRESETS["paper"],
            "budget": 120,
            "device": "cpu",
            "seed": 5,
            "checkpoint": checkpoint,
            "progress": False,
            "start": None,
        }
    ]


def test_names_its_output_after_image_and_frame(folder, capsys, fake):
    np.save("s.npy", np.stack([image(), image() + 9]))
    assert cli.main(["denoise", str(folder / "s.npy"), "--frame", "1"]) == 0
    np.testing.assert_array_equal(io.read("s_frame1_denoised.tif").image, image() + 8.0)


def test_overwrites_when_told(folder, capsys, fake):
    Path("out.tif").write_bytes(b"old")
    assert cli.main(["denoise", "in.tif", "-o", "out.tif", "--overwrite"]) == 0
    assert io.read("out.tif").image.shape == (96, 96)


@pytest.mark.parametrize("output", ["out.tif", "out.hspy"])
def test_the_same_command_again_keeps_what_it_has_written(output, folder, capsys, fake):
    if output.endswith("hspy"):
        pytest.importorskip("rsciio")
    run = ["denoise", "in.tif", "-o", output, "--overwrite", "--quiet"]
    assert [cli.main(run), cli.main(run), len(fake)] == [0, 0, 1]
    assert "kept" in capsys.readouterr().out.splitlines()[-1]
    assert cli.main([*run, "--report"]) == 0 and len(fake) == 2  # the report needs the network
    assert cli.main([*run, "--report"]) == 0 and len(fake) == 2
    assert cli.main([*run, "--seed", "1"]) == 0 and len(fake) == 3


def test_settings_are_plain_json_even_where_the_noise_is_undetermined(folder, capsys, fake, monkeypatch):
    estimate = suitability.estimate_noise

    def undetermined(y):
        return dataclasses.replace(estimate(y), a_interval=(0.0, math.inf))

    monkeypatch.setattr(suitability, "estimate_noise", undetermined)
    assert cli.main(["denoise", "in.tif"]) == 0
    with tifffile.TiffFile("in_denoised.tif") as file:
        text = file.imagej_metadata["Info"]

    def fail(name):
        pytest.fail(f"{name} is not JSON")

    settings = json.loads(text, parse_constant=fail)["n2sr"]["settings"]
    assert settings["noise"]["a_interval"] == [0.0, None]


@pytest.mark.parametrize("saved", [True, False])
def test_interrupted_says_whether_it_can_be_continued(saved, folder, capsys, monkeypatch):
    def denoise(y, *, checkpoint, **_):
        if saved:
            checkpoint.write_bytes(b"state")
        raise KeyboardInterrupt

    monkeypatch.setattr(one_image, "denoise", denoise)
    assert cli.main(["denoise", "in.tif", "-o", "out.tif"]) == 130
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    assert ("continue from out.tif.checkpoint" in err) is saved and (
        "nothing was written" in err
    ) is not saved
    assert not Path("out.tif").exists() and Path("out.tif.checkpoint").exists() is saved


def test_report_is_written_beside_the_result(folder, capsys, fake):
    assert cli.main(["denoise", "in.tif", "-o", "out.tif", "--report", "--quiet"]) == 0
    assert re.search(r"; report: (no objection|look closely|do not trust)", capsys.readouterr().out)
    names = [f"out_report{extension}" for extension in (".png", ".pdf", ".json")]
    assert {p.name for p in folder.iterdir()} == {"in.tif", "out.tif", *names}
    assert Path(names[0]).read_bytes()[:4] == b"\x89PNG" and Path(names[1]).read_bytes()[:4] == b"%PDF"
    told = json.loads(Path(names[2]).read_text(encoding="utf-8"))
    assert told["before"]["noise"]["variance"] == pytest.approx(100, rel=0.5)
    assert told["after"]["residual"]["variance"] < 0.1  # the stand-in only subtracts 1
    assert (told["title"], told["unit"]) == ("scan 7", "nm")
    assert told["settings"]["input"]["file"] == "in.tif"


def test_report_is_refused_before_long_work(folder, capsys, monkeypatch):
    Path("out_report.json").write_text("precious")
    assert "'out_report.json' exists" in refused(
        folder, capsys, monkeypatch, "in.tif", "-o", "out.tif", "--report"
    )


def test_a_report_does_not_replace_the_image_that_was_read(folder, capsys, monkeypatch):
    skimage.io.imsave("out_report.png", image().astype(np.uint8), check_contrast=False)
    command = ("out_report.png", "-o", "out.tif", "--report", "--overwrite")
    assert "is the image that was read" in refused(folder, capsys, monkeypatch, *command)


def test_the_sub_sampler_follows_the_noise(folder, capsys, fake):
    noise = np.random.default_rng(0).normal(size=(256, 257))
    np.save("white.npy", noise)
    np.save("scanned.npy", noise[:, 1:] + 0.2 * noise[:, :-1])
    np.save("smeared.npy", noise[:, 1:] + 0.6 * noise[:, :-1])
    for name in ("white", "scanned", "smeared"):
        assert cli.main(["denoise", f"{name}.npy", "--adapt", "--quiet"]) == 0
    assert fake[0]["preset"] == presets.PRESETS["laptop"]
    changed, plain = fake[1]["preset"], presets.PRESETS["laptop"]
    assert (changed.strategy.s, changed.strategy.aside) == (2, 1)
    assert (fake[2]["preset"].strategy.s, fake[2]["preset"].strategy.aside) == (3, 1)
    assert (changed.network, changed.plan, changed.strategy.M) == (
        plain.network,
        plain.plan,
        plain.strategy.M,
    )


def test_assess_says_one_verdict(folder, capsys):
    np.save("flat.npy", np.full((99, 99), 7.0))
    assert cli.main(["assess", "flat.npy"]) == 0
    assert capsys.readouterr().out.startswith("flat.npy: not suitable: the image is constant")
    before = content(folder)
    assert cli.main(["assess", "in.tif", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["level"] == "usable with care" and told["pixel_size"] == pytest.approx(0.0061)
    assert cli.main(["assess", "in.tif"]) == 0
    assert "few to learn from" in capsys.readouterr().out
    assert content(folder) == before
    assert cli.main(["assess", "missing.tif"]) == 2


def test_too_little_memory_on_the_gpu(folder, capsys, monkeypatch):
    def denoise(y, **_):
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate ...")

    monkeypatch.setattr(one_image, "denoise", denoise)
    assert cli.main(["denoise", "in.tif"]) == 2
    assert (
        capsys.readouterr().err == "n2sr: the GPU's memory is too small for this preset; add --device cpu\n"
    )


def test_control_c_in_a_real_process(folder):
    """The signal that a terminal sends, while the network trains."""
    command = [sys.executable, "-m", "n2sr_lib.cli", "denoise", "in.tif", "--budget", "10min"]
    # Into a file: a pipe that is read byte by byte would hold the test up where the process says nothing.
    with open("said", "wb") as said:
        # A process in the background ignores the signal, and with it what it starts.
        listen = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(
            command, stderr=said, stdout=subprocess.DEVNULL, preexec_fn=listen, env=environment
        )
    try:
        begin = time.monotonic()
        while b"training" not in Path("said").read_bytes() and time.monotonic() - begin < 100:
            assert process.poll() is None, Path("said").read_text()
            time.sleep(0.1)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    finally:
        process.kill()
    lines = Path("said").read_text(encoding="utf-8").splitlines()
    assert lines[-1] == "n2sr: interrupted; nothing was written"
    assert "Traceback" not in "\n".join(lines)
    assert {p.name for p in folder.iterdir()} == {"in.tif", "said"}


def test_a_terminal_without_the_sign_for_times(folder):
    tifffile.imwrite("small.tif", image(63))
    command = [sys.executable, "-m", "n2sr_lib.cli", "denoise", "small.tif"]
    ended = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"}, capture_output=True
    )
    assert ended.returncode == 2 and ended.stdout == b""
    assert ended.stderr.startswith(b"n2sr: the image has 63?63 pixels") and ended.stderr.count(b"\n") == 1


def test_version_is_that_of_the_package(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"n2sr {__version__}\n"


def test_help_says_what_a_microscopist_asks(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["denoise", "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for asked in ("examples:", "how long:", "what comes out:", "interrupted:", "exit codes:", "--budget 60s"):
        assert asked in text
    for code in ("0 ", "2 ", "130 "):
        assert re.search(rf"^  {code}", text, re.MULTILINE)
    assert max(len(line) for line in text.splitlines()) <= 80
    assert all(name in text for name in presets.PRESETS)


@pytest.mark.parametrize("output", ["out.tif", "out.npy"])
def test_a_report_that_was_interrupted_is_completed(output, folder, capsys, monkeypatch):
    trained = []

    def denoise(y, *, checkpoint, **options):
        trained.append(checkpoint.exists())
        checkpoint.write_bytes(b"state")
        settings = {"device": "cpu", "seed": 0}
        return denoising.Denoised(y - 1, y, None, History(steps=5), settings, None, None, 0.0, 1.0)

    def interrupted(paths, *given, **more):
        write_report(paths[:1], *given, **more)
        raise KeyboardInterrupt

    monkeypatch.setattr(one_image, "denoise", denoise)
    write_report = trust_report.write_report
    run = ["denoise", "in.tif", "-o", output, "--report", "--quiet"]
    with monkeypatch.context() as patch:
        patch.setattr(trust_report, "write_report", interrupted)
        assert cli.main(run) == 130
    err = capsys.readouterr().err
    assert f"continue from {output}.checkpoint" in err and "nothing was written" not in err
    done = content(folder)
    if output == "out.npy":  # it does not say that it is ours
        assert "the same command with --overwrite again" in err
        run.append("--overwrite")
    assert cli.main(run) == 0 and trained == [False, True]
    assert Path("out_report.json").exists() and not Path(f"{output}.checkpoint").exists()
    if output == "out.tif":
        first = str(folder / "out_report.png")
        assert content(folder)[first] == done[first]
        assert cli.main(run) == 0 and len(trained) == 2


def test_a_report_that_fails_leaves_the_result_and_its_network(folder, capsys, monkeypatch, fake):
    def broken(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    run = ["denoise", "in.tif", "-o", "out.tif", "--report", "--quiet"]
    with monkeypatch.context() as patch:
        patch.setattr(trust_report, "write_report", broken)
        assert cli.main(run) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("n2sr: the image is written, but not its report (OSError: ")
    assert err.endswith("give the same command again\n") and err.count("\n") == 1
    assert cli.main(run) == 0 and Path("out_report.pdf").exists()


def test_a_corrected_calibration_is_written(folder, capsys, fake):
    run = ["denoise", "in.tif", "-o", "out.tif", "--quiet"]
    assert cli.main(run) == 0 == cli.main(run) and len(fake) == 1
    for about in ({"pixel_size": 0.0122, "title": "scan 7"}, {"pixel_size": 0.0122, "title": "scan 8"}):
        io.write("in.tif", image(), **about, unit="nm", overwrite=True)
        assert cli.main(run) == 2 and "'out.tif' exists" in capsys.readouterr().err
        assert cli.main([*run, "--overwrite"]) == 0
        found = io.read("out.tif")
        assert (found.pixel_size, found.title) == (pytest.approx(0.0122), about["title"])
    assert cli.main(run) == 0 and len(fake) == 3


def test_another_seed_can_follow_a_training_that_died(folder, capsys, monkeypatch):
    lost = silence.Listener.lost
    monkeypatch.setattr(silence.Listener, "lost", lambda *_: DEAD)
    run = ["denoise", "in.tif", "-o", "out.tif", "--preset", "smoke", "--quiet"]
    assert cli.main(run) == 2
    assert "give another --seed" in capsys.readouterr().err
    assert {p.name for p in folder.iterdir()} == {"in.tif"}
    monkeypatch.setattr(silence.Listener, "lost", lost)
    Path("out.tif.checkpoint").write_bytes(b"damaged")
    assert cli.main([*run, "--seed", "7"]) == 2
    assert "out.tif.checkpoint is damaged; delete it" in capsys.readouterr().err


def test_too_little_memory(folder, capsys, monkeypatch):
    def denoise(y, **_):
        raise MemoryError("Unable to allocate 9 EiB")

    def read(*_, **__):
        raise MemoryError

    monkeypatch.setattr(one_image, "denoise", denoise)
    assert cli.main(["denoise", "in.tif"]) == 2
    monkeypatch.setattr(io, "read", read)
    assert cli.main(["assess", "in.tif"]) == 2
    assert capsys.readouterr().err == 2 * "n2sr: the memory is too small for this image; crop it\n"


def test_a_title_is_no_formula_and_quiet_is_quiet(folder, capsys, fake):
    title = "run_$1_$2 \u94c2"  # with a character that matplotlib's font lacks
    io.write("in.tif", image(), title=title, overwrite=True)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert cli.main(["denoise", "in.tif", "-o", "out.tif", "--report", "--quiet"]) == 0
    assert capsys.readouterr().err == "" and not told


def test_a_signal_by_name_with_the_metadata_of_the_instrument(folder, capsys, fake):
    h5py = pytest.importorskip("h5py")
    with h5py.File("a.h5", "w") as file:
        file["scan/haadf"], file["scan/bf"] = image(), image() + 9
        file["scan/haadf"].attrs["kV"] = 300
    assert cli.main(["denoise", "a.h5", "--signal", "scan/haadf", "--quiet"]) == 0
    found = io.read("a_signalscan_haadf_denoised.tif")
    np.testing.assert_array_equal(found.image, image() - 1.0)
    assert found.metadata["n2sr"]["settings"]["instrument"] == {"kV": 300}
