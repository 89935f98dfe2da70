"""Promises about the project as a whole that no single module can keep."""

import ast
import graphlib
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from n2sr_lib import PRESETS, __version__

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")

#: Imports run downward: no module or subpackage imports one of a later line; within a line no circles.
FLOORS = (
    "aside checkpoint checks devices errors gradients orientations pace progress silence tiling",
    "bm3d crops data experiments io kernel metrics networks noise noise_estimate plotting spectra subsample"
    " train vst weights",
    "classical noise2atom presets simulated strategies",
    "assess denoising fitted methods pretraining real series streaks studies theory timing toy warm",
    "batch bundled cli dataset notebooks one_image particles report results runs simulate specimen"
    " training_set trust_report",
)
#: The paper's idea, to be read in one sitting.
CORE = "noise subsample networks.unet networks.superres strategies.noise2sr train crops metrics"
NAMES_IN_CONDA = {"torch": "pytorch"}


def tracked() -> list[Path]:
    """The project's files: what git tracks or would; without git, what was not made here."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        said = subprocess.run(command, capture_output=True, check=True, text=True).stdout
        paths = [ROOT / name for name in said.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        made = re.compile(r"\.venv|\.git|__pycache__|\..+_cache|output|cache|build|.+\.egg-info")
        paths = []
        for folder, below, names in os.walk(ROOT):
            below[:] = [name for name in below if not made.fullmatch(name)]
            paths += [Path(folder, name) for name in names]
    return sorted(path for path in paths if path.is_file())


def text_of(path: Path) -> str:
    """A text file's content; of a binary file nothing."""
    content = path.read_bytes()
    return "" if b"\0" in content[:4096] else content.decode("utf-8", errors="replace")


def modules() -> dict[str, Path]:
    """Dotted name within the package -> file; the package itself is left out."""
    paths = (ROOT / "n2sr_lib").rglob("*.py")
    names = {".".join(p.relative_to(ROOT / "n2sr_lib").with_suffix("").parts): p for p in paths}
    return {name.removesuffix(".__init__"): path for name, path in names.items() if name != "__init__"}


def imports(name: str) -> tuple[set[str], set[str]]:
    """What a module imports anywhere in its text: of this package, and of others (first part of the name)."""
    known = modules()
    here = ["n2sr_lib", *name.split(".")]
    here = here if known[name].name == "__init__.py" else here[:-1]
    own, others = set(), set()
    for node in ast.walk(ast.parse(known[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            full = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) + 1 - node.level] if node.level else []
            base = ".".join([*base, *([node.module] if node.module else [])])
            # `from . import data` means a module, `from .data import sample` a name in one.
            below = [f"{base}.{alias.name}" for alias in node.names]
            full = [one if one.removeprefix("n2sr_lib.") in known else base for one in below]
        else:
            continue
        for one in full:
            top, _, rest = one.partition(".")
            if top != "n2sr_lib":
                others.add(top)
            elif rest:
                own.add(rest)
    return own, others


def wing(name: str) -> str:
    """The module or subpackage of this package that a dotted name lies in."""
    return name.split(".")[0]


def test_every_module_has_a_floor():
    assert {wing(name) for name in modules()} == set(" ".join(FLOORS).split())


def test_imports_run_downward():
    floor = {name: k for k, line in enumerate(FLOORS) for name in line.split()}
    graph = {name: imports(name)[0] for name in modules()}
    upward = [(n, i) for n, found in graph.items() for i in found if floor[wing(i)] > floor[wing(n)]]
    assert not upward
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError


def test_strategies_and_networks_do_not_know_each_other():
    for name in modules():
        other = {"networks": "strategies", "strategies": "networks"}.get(wing(name))
        assert other not in {wing(one) for one in imports(name)[0]}, name


def test_numerics_neither_draw_nor_read_files():
    faces = FLOORS[-1].split()
    for name in modules():
        own, others = imports(name)
        own = {wing(one) for one in own}
        if wing(name) not in [*faces, "plotting"]:
            assert "matplotlib" not in others and "plotting" not in own, name
        if wing(name) not in [*faces, "io", "data"]:
            assert not {"io", "data"} & (own - {wing(name)}), name
            assert not {"tifffile", "imageio", "pooch", "rsciio"} & others, name


def at_import(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """What a module executes when it is imported, within `try` and `if` too."""
    for node in body:
        yield node
        below = ("body", "handlers", "orelse", "finalbody")
        if isinstance(node, ast.Try | ast.With | ast.ExceptHandler) or (
            isinstance(node, ast.If) and ast.unparse(node.test) != "TYPE_CHECKING"
        ):
            yield from at_import([one for name in below for one in getattr(node, name, [])])


def test_copyleft_extras_are_imported_only_where_they_are_used():
    """LICENSES.md and the installation without extras rest on it."""
    for name, path in modules().items():
        for node in at_import(ast.parse(path.read_text(encoding="utf-8")).body):
            if isinstance(node, ast.Import | ast.ImportFrom) and not getattr(node, "level", 0):
                top = {a.name for a in node.names} | {getattr(node, "module", None) or ""}
                assert not {part.split(".")[0] for part in top} & {"rsciio", "abtem", "ase", "bm3d"}, name


def test_the_core_stays_thin():
    counted = {n: len(modules()[n].read_text(encoding="utf-8").splitlines()) for n in CORE.split()}
    assert sum(counted.values()) < 700, counted  # with docstrings, comments and empty lines


def test_names_no_machine_and_no_package_index():
    # Written in pieces, so that this file passes too.
    folders = "|".join(["work", "tmp", "root", "farm", r"home/\w+", r"Users/\w+"])
    machine = re.compile(rf"(?<![\w.~)\]}}])/(?:{folders})/")
    hosts = [
        "pypi." + "org",
        "python" + "hosted",
        "registry." + "npmjs",
        "deb." + "debian",
        "download." + "pytorch",
    ]
    for path in tracked():
        text = text_of(path)
        assert not (found := machine.search(text)), f"{path}: {text[found.start() - 30 : found.end() + 30]!r}"
        assert not [host for host in hosts if host in text.lower()], path


def test_files_are_small():
    assert not [(p.name, p.stat().st_size) for p in tracked() if p.stat().st_size > 600_000]
    assert sum(p.stat().st_size for p in tracked() if (ROOT / "data/samples") in p.parents) < 6e6


def test_licence_and_names_agree():
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    (author,) = PROJECT["authors"]
    assert licence.startswith("MIT License") and f"2026 {author['name']}\n" in licence
    assert PROJECT["license"] == "MIT"
    # Every package of the extras is either permissive or spoken of.
    spoken = (ROOT / "LICENSES.md").read_text(encoding="utf-8").lower()
    for extra in ("em", "sim"):
        names = (Requirement(r).name.lower() for r in PROJECT["optional-dependencies"][extra])
        assert all(re.search(rf"\b{re.escape(name)}\b", spoken) for name in names)


def test_citation():
    cff = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(cff)  # what CFF 1.2 requires
    assert cff["version"] == PROJECT["version"] == __version__ and cff["license"] == PROJECT["license"]
    assert cff["authors"] == PROJECT["authors"]
    assert "arXiv:2406.14264" in str(cff["references"]) and len(cff["references"]) == 3
    assert all({"type", "title", "authors"} <= set(reference) for reference in cff["references"])


def bounds(requirements: list[str]) -> dict[str, str]:
    return {r.name: str(r.specifier) for r in map(Requirement, requirements)}


def test_conda_environment_is_true_to_pyproject():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    *conda, by_pip = environment["dependencies"]
    wanted = bounds(PROJECT["dependencies"] + PROJECT["optional-dependencies"]["notebooks"])
    wanted = {NAMES_IN_CONDA.get(name, name): bound for name, bound in wanted.items()}
    assert bounds(conda) == wanted | {"python": PROJECT["requires-python"], "pip": ""}
    (package,) = by_pip["pip"]
    assert package == "-e .[notebooks,em]" and f"--editable '{package.removeprefix('-e ')}'" in MAKEFILE


def test_makefile_and_workflow_are_true_to_pyproject():
    pinned = Requirement(re.search(r"^TORCH *\?= *(\S+)$", MAKEFILE, re.MULTILINE)[1])
    (version,) = (Version(specifier.version) for specifier in pinned.specifier)
    (asked,) = (r for r in map(Requirement, PROJECT["dependencies"]) if r.name == "torch")
    assert pinned.name == "torch" and version in asked.specifier
    least = PROJECT["requires-python"].removeprefix(">=")
    assert f"sys.version_info < ({least.replace('.', ', ')})" in MAKEFILE
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    job = workflow["jobs"]["test"]
    assert least in job["strategy"]["matrix"]["python"] and job["timeout-minutes"] <= 90
    assert str(pinned) in workflow["env"]["TORCH"]


def test_readme_is_true():
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", README, re.MULTILINE))
    assert {"demo", "test", "lab"} <= named <= targets
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", README):
        assert (ROOT / link).exists(), link
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        assert f"](notebooks/{path.name})" in README, "the notebook table lacks it"
    for preset in PRESETS:
        assert f"| `{preset}` |" in README
    for extra in re.findall(r"\[([a-z,]+)\]'", README):
        assert set(extra.split(",")) <= set(PROJECT["optional-dependencies"])
