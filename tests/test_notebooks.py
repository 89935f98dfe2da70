"""The form of the notebooks, that each runs in smoke, and the runner itself on small notebooks made here."""

import ast
import json
import re
import resource
from pathlib import Path

import nbformat
import numpy as np
import psutil
import pytest

from n2sr_lib import PRESETS, notebooks
from n2sr_lib.errors import InputError

ROOT = Path(__file__).resolve().parents[1]
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
each = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
SECONDS = 20  # for a notebook in smoke on two idle cores


def cells(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def code(path: Path) -> list[str]:
    return ["".join(cell["source"]) for cell in cells(path) if cell["cell_type"] == "code"]


def tags(cell: dict) -> list[str]:
    return cell["metadata"].get("tags", [])


def test_names_are_numbered():
    assert PATHS and PATHS[0].stem == "00_denoise_your_image"
    assert all(re.fullmatch(r"\d\d_[a-z0-9_]+", path.stem) for path in PATHS)
    assert len({path.stem[:2] for path in PATHS}) == len(PATHS)


@each
def test_is_a_valid_notebook_for_any_python(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"


@each
def test_second_cell_holds_the_parameters(path):
    tagged = [i for i, cell in enumerate(cells(path)) if "parameters" in tags(cell)]
    assert tagged == [1]
    tree = ast.parse("".join(cells(path)[1]["source"]))
    for statement in tree.body:
        assert isinstance(statement, ast.Assign), "papermill would not replace what is derived here"
        assert [name.id.isupper() for name in statement.targets] == [True]
        ast.literal_eval(statement.value)
    # Papermill reads the cell line by line, with its own rules; it must come to the same.
    expected = {s.targets[0].id: ast.literal_eval(s.value) for s in tree.body}
    assert notebooks.declared(path) == expected
    assert "OUTPUT_DIR" in expected and {"PRESET", "PROFILE"} & set(expected)


@each
def test_stores_no_output(path):
    for cell in cells(path):
        if cell["cell_type"] == "code" and "keep_output" not in tags(cell):
            assert not cell["outputs"] and cell["execution_count"] is None


@each
def test_code_is_short_and_at_home_anywhere(path):
    for source in code(path):
        assert len(source.splitlines()) <= 40
        assert "sys.path" not in source
        assert not re.search(r"""["'](/\w|~/|[A-Za-z]:\\)""", source), "an absolute path"


@each
def test_first_cell_shows_its_figure(path):
    first = cells(path)[0]
    assert first["cell_type"] == "markdown"
    linked = re.findall(r"!\[[^\]]+\]\(\.\./(figures/[\w.-]+)\)", "".join(first["source"]))
    assert linked, "![what it shows](../figures/NAME.png)"
    for name in linked:
        assert (ROOT / name).is_file() and (ROOT / name).stat().st_size <= 300_000


@each
def test_runs_in_smoke(path, tmp_path):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    given = notebooks.parameters([path], "smoke", tmp_path, [])[path]
    outcome = notebooks.run(path, given, tmp_path, notebooks.LIMITS["smoke"])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert outcome.status == "ok", outcome.message
    # On a busy machine the clock says nothing; two idle cores give at most two processor seconds a second.
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert busy < 1.5 * 2 * SECONDS, f"{outcome.seconds:.1f} s, {busy:.1f} processor seconds"


def write(folder: Path, name: str, parameters: str, source: str) -> Path:
    """A small notebook that does not even import this package."""
    first = nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]} if parameters else {})
    notebook = nbformat.v4.new_notebook(cells=[first, nbformat.v4.new_code_cell(source)])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, folder / f"{name}.ipynb")
    return folder / f"{name}.ipynb"


PARAMETERS = 'PRESET = "laptop"\nSEED = 0\nRATE = 0.5\nMORE = False\nBUDGET = None\nOUTPUT_DIR = "output"'


def test_every_preset_is_a_profile():
    assert set(notebooks.LIMITS) == set(PRESETS)


def test_each_notebook_is_given_what_it_declares(tmp_path):
    one = write(tmp_path, "00_one", PARAMETERS, "")
    other = write(tmp_path, "01_other", 'PROFILE = "laptop"', "")
    given = [("SEED", "7"), ("RATE", "1"), ("MORE", "True"), ("BUDGET", "60s")]
    chosen = notebooks.parameters([one, other], "smoke", Path("out"), given)
    assert chosen[other] == {"PROFILE": "smoke"}
    rest = {"SEED": 7, "RATE": 1, "MORE": True, "BUDGET": "60s"}
    assert chosen[one] == {"PRESET": "smoke", "OUTPUT_DIR": "out"} | rest


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [("SEDE", "7", "no parameter 'SEDE'"), ("SEED", "x", "SEED is 0"), ("MORE", "1", "MORE is False")],
)
def test_refuses_a_parameter_before_anything_runs(name, value, says, tmp_path, capsys):
    write(tmp_path, "00_one", PARAMETERS, "")
    code = notebooks.main(["--out", str(tmp_path / "out"), "-p", name, value], tmp_path)
    assert code == notebooks.REFUSED and says in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_refuses_what_it_cannot_use(tmp_path):
    with pytest.raises(InputError, match="no cell tagged 'parameters'"):
        notebooks.declared(write(tmp_path, "00_untagged", "", "SEED = 0"))
    with pytest.raises(InputError, match="literals only"):
        notebooks.declared(write(tmp_path, "01_derived", "SEED = 1\nOTHER = SEED + 1", ""))
    with pytest.raises(InputError, match="no notebook '07'"):
        notebooks.find(["07"], tmp_path)
    assert [path.stem for path in notebooks.find(["01"], tmp_path)] == ["01_derived"]
    # The copies must not replace the notebooks.
    assert notebooks.main(["--out", str(tmp_path)], tmp_path) == notebooks.REFUSED


def test_goes_on_after_a_failure_and_counts_it(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("VSCODE_PID", "1")
    write(tmp_path, "00_wrong", PARAMETERS, "1 / 0")
    write(tmp_path, "01_right", PARAMETERS, "import os; print(PRESET, SEED, 'VSCODE_PID' in os.environ)")
    out = tmp_path / "out"
    assert notebooks.main(["--out", str(out), "-p", "SEED", "7"], tmp_path) == 1
    said = capsys.readouterr().out
    assert re.search(r"00_wrong +failed", said) and "ZeroDivisionError: division by zero" in said
    assert re.search(r"01_right +ok", said)
    outputs = [output for cell in cells(out / "01_right.ipynb") for output in cell.get("outputs", [])]
    assert ["".join(output["text"]) for output in outputs] == ["smoke 7 False\n"]
    assert (out / "00_wrong.ipynb").exists()  # with its traceback


def test_ends_what_takes_too_long_with_its_kernel(tmp_path):
    source = "import os, pathlib, time; pathlib.Path(PID).write_text(str(os.getpid())); time.sleep(1000)"
    path = write(tmp_path, "00_slow", 'PID = ""', source)
    (tmp_path / "out").mkdir()
    for limit in (8, 30, 90):  # on a busy machine the kernel takes its time
        outcome = notebooks.run(path, {"PID": str(tmp_path / "pid")}, tmp_path / "out", limit)
        assert outcome.status == "too long" and limit <= outcome.seconds < limit + 22
        if (tmp_path / "pid").exists():
            break
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_an_image_without_noise_is_denoised_and_named_after_its_frame(tmp_path):
    """As the command does it."""
    (path,) = notebooks.find(["00"], ROOT / "notebooks")
    rows, columns = np.mgrid[:96, :96] / 40
    np.save(tmp_path / "smooth.npy", np.stack([np.cos(rows) * columns + k for k in range(2)]))
    given = {"INPUT": str(tmp_path / "smooth.npy"), "FRAME": 1}
    given |= notebooks.parameters([path], "smoke", tmp_path, [])[path]
    outcome = notebooks.run(path, given, tmp_path, notebooks.LIMITS["smoke"])
    assert outcome.status == "ok", outcome.message
    record = json.loads((tmp_path / "smooth_frame1_denoised.json").read_text(encoding="utf-8"))
    assert record["input"]["frame"] == 1 and record["noise"] is None
