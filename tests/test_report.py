"""No number by hand: what the README and the table of claims say follows from records, and stays so."""

import json
import shutil

import invented
import pytest
from invented import recorded

from n2sr_lib import report
from n2sr_lib.errors import InputError
from n2sr_lib.experiments import budget60, recipe, settings, table1, theory
from n2sr_lib.experiments.run import LEVELS
from n2sr_lib.results import verdicts
from n2sr_lib.runs import records
from n2sr_lib.runs.collect import found
from n2sr_lib.runs.specification import record_key

MARKED = "# Title\n\n" + "\n".join(
    f"<!-- generated: {name} -->\nold\n<!-- end -->\n" for name in ("results", "recipe", "claims")
)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A project of its own: a README with markers, the paper's numbers, no records."""
    shutil.copytree(report.ROOT / "data/paper", tmp_path / "data/paper")
    (tmp_path / "README.md").write_text(MARKED)
    monkeypatch.setenv("N2SR_RECORDS", str(tmp_path / "data/records"))
    return tmp_path


def scores(noisy=7.0, single=34.0, mmse=37.0) -> dict:
    return invented.scores(noisy=noisy, single=single, mmse=mmse, out_of_bag=mmse - 0.1)


def table_recorded(profile="laptop", levels=LEVELS, images=5, gain=lambda k: 3.0 + k / 10, **more):
    """Table I, MMSE at 37, 38, ... dB on the images and `gain` dB less with M = 1."""
    return [
        recorded(run, **scores(single=37 + k - gain(k), mmse=37 + k), **more)
        for run in table1(profile)
        for k in [int(run.image[-1]) - 1]
        if run.a in levels and k < images
    ]


def found_out(root) -> dict[str, dict]:
    return {row["id"]: row for row in report.claims_rows(root)}


# Records


def test_records_that_come_change_or_go_are_noticed(root):
    run = budget60("laptop")[0]
    assert found([run]) == {run: None}
    for psnr in (33.25, 33.5):  # of the same length, one right after the other
        record = recorded(run, **scores(mmse=psnr))
        assert found([run])[run]["result"]["mmse"]["psnr"] == psnr
    (records.folder() / f"{record['key']}.json").unlink()
    assert found([run]) == {run: None}


def test_of_two_devices_the_first_in_order_speaks(root):
    record = recorded(run := budget60("laptop")[0], **scores(mmse=33.0))
    key = record_key(record["specification"], "cuda", "float32")
    records.write(records.seal(record | scores(mmse=44.0) | {"device_class": "cuda", "key": key}))
    assert found([run])[run]["device_class"] == "cpu"


# The generated files


def test_readme_is_written_from_records_and_its_change_is_noticed(root):
    assert {path.name for path in report.stale(root)} >= {"README.md"}
    table_recorded(levels=(0.05,))
    recorded(budget60("laptop")[0], **scores(mmse=33.25))
    for path, text in report.generate(root).items():
        path.write_text(text)
    text = (root / "README.md").read_text()
    assert report.stale(root) == {} and text.startswith("# Title") and "old" not in text
    # 37 ... 41: mean 39, population deviation √2; the paper's MMSE has 33.66.
    row = "| 0.05 | Noise2SR, MMSE | 5 | 39.00 ± 1.41 | 33.66 ± 2.68 | +5.34 |"
    assert f"{row} 0.9750 ± 0.0354 | 0.9772 ± 0.01 | -0.0022 |" in text
    assert "33.25 dB" in text and "| 0.1 |" not in text
    (root / "README.md").write_text(text.replace("39.00", "39.10"))
    assert [path.name for path in report.stale(root)] == ["README.md"]
    (root / "README.md").write_text(text.replace("Title", "Another title"))
    assert report.stale(root) == {}  # what is outside of the markers is the author's
    recorded(table1("laptop")[5], **scores())
    assert {path.name for path in report.stale(root)} == {"README.md", "claims.csv"}


def test_a_difference_needs_all_five_images(root):
    table_recorded(levels=(0.05,), images=4)
    lines = report.results(root).splitlines()
    (line,) = (line for line in lines if "Noise2SR, MMSE" in line)
    assert line.startswith("| 0.05 | Noise2SR, MMSE | 4 | 38.50") and "33.66" not in line


def test_command(root, monkeypatch):
    stale = report.stale
    monkeypatch.setattr(report, "ROOT", root)
    monkeypatch.setattr(report, "stale", lambda: stale(root))
    assert report.main(["--check"]) == 1 and (root / "README.md").read_text() == MARKED
    assert report.main([]) == 0 and report.main(["--check"]) == 0
    (root / "README.md").write_text("no blocks")
    assert report.main(["--check"]) == 2


@pytest.mark.parametrize("change", [("generated: recipe", "generated: other"), ("generated: claims", "x")])
def test_a_readme_without_a_block_is_refused(root, change):
    (root / "README.md").write_text(MARKED.replace(*change))
    with pytest.raises(InputError, match="generated blocks"):
        report.generate(root)


def test_recipe_table(root, monkeypatch):
    assert report.recipe_table(root) == "Not measured yet."
    monkeypatch.setattr(settings, "RECIPE", {"as it is": (), "half": (("plan.batch", 2),)})
    monkeypatch.setattr(report, "RECIPE", settings.RECIPE)
    for run in recipe("laptop"):
        changed = len(run.overrides) > 1
        if not (changed and run.seed == 2):
            recorded(run, **scores(mmse=37 + run.seed - changed))
    lines = report.recipe_table(root).splitlines()
    assert lines[2].startswith("| as it is | 3 | 0.5000 ± 0.0000 | 38.00 ± 1.00 | +0.00 |")
    assert lines[3].startswith("| half | 2 | 0.5000 ± 0.0000 | 36.50 ± 0.71 |  |")


def test_nothing_is_compared_in_the_recipe_table_while_its_first_line_has_a_seed_missing(root, monkeypatch):
    monkeypatch.setattr(settings, "RECIPE", {"as it is": (), "half": (("plan.batch", 2),)})
    monkeypatch.setattr(report, "RECIPE", settings.RECIPE)
    for run in recipe("laptop"):
        if len(run.overrides) > 1 or run.seed < 2:
            recorded(run, **scores(mmse=37 + run.seed))
    assert (
        report.recipe_table(root)
        .splitlines()[3]
        .startswith("| half | 3 | 0.5000 ± 0.0000 | 38.00 ± 1.00 |  |")
    )


# Claims


def test_nothing_is_found_without_records(root):
    # C23 counts operations of networks; C35 and C39 cannot be tested here: none needs a record to say so.
    verdict = {row["id"]: row["verdict"] for row in report.claims_rows(root)}
    assert {v for claim, v in verdict.items() if claim not in ("C23", "C35", "C39")} == {"not measured yet"}


def test_verdicts_follow_from_the_numbers(root):
    table_recorded()
    rows = found_out(root)
    assert (rows["C06"]["verdict"], rows["C03"]["verdict"], rows["C28"]["verdict"]) == ("found",) * 3
    assert rows["C06"]["effect"].startswith("+3.20 dB at a=0.05") and "± 0.14" in rows["C06"]["spread"]
    assert len(rows["C06"]["record_keys"].split()) == 15
    # The rivals have not run, so there is no verdict, whatever the numbers.
    assert {rows[claim]["verdict"] for claim in ("C04", "C05")} == {"not measured yet"}


@pytest.mark.parametrize(
    ("gain", "verdict"),
    [
        (lambda k: 0.1 + 0.2 * (k - 2), "not found"),
        (lambda k: -1 - k / 10, "not found"),
        (lambda k: 1 + k / 10, "found"),
    ],
)
def test_mmse_must_gain_beyond_its_error(root, gain, verdict):
    table_recorded(gain=gain)
    assert found_out(root)["C06"]["verdict"] == verdict


def test_the_rule():
    """Beyond three standard errors of the mean, that of a sample: 1.73 for these."""
    assert verdicts.above_zero([1.0, 2.0, 3.0]) and not verdicts.above_zero([0.7, 1.7, 2.7])


def test_one_level_that_fails_is_enough(root):
    for run in table1("laptop"):
        bad = run.a == 0.1
        recorded(run, **scores(noisy=40.0 if bad else 7.0, single=38.0 if bad else 34.0))
    rows = found_out(root)
    assert rows["C03"]["verdict"] == rows["C06"]["verdict"] == "not found"


@pytest.mark.parametrize(("gap", "verdict"), [(0.05, "found"), (-1.0, "found in part")])
def test_random_places_must_close_the_gap_too(root, gap, verdict):
    more = {"correlated_random_inner": gap, "correlated_random_inner_error": 0.1}
    for run in theory("laptop"):
        if run.method == "correlated":
            recorded(run, result={"effect": 0.08, "spread": 0.01, "over_what": "x"} | more)
    assert found_out(root)["C29"]["verdict"] == verdict


def test_an_image_short_is_no_level(root):
    table_recorded(images=4)
    rows = found_out(root)
    assert {rows[c]["verdict"] for c in ("C03", "C06")} == {"not measured yet"}
    assert rows["C28"]["verdict"] == "found"  # seconds need no five images


def test_one_level_is_said_to_be_one_level(root):
    table_recorded(levels=(0.05,))
    rows = found_out(root)
    assert rows["C03"]["verdict"] == "not measured yet"
    assert rows["C06"]["verdict"] == "found" and "seed: a=0.05 (laptop);" in rows["C06"]["over_what"]


def test_the_best_profile_speaks(root):
    table_recorded()
    table_recorded("paper", levels=(0.05,), gain=lambda k: 2 + k / 10, train_seconds=30.0)
    rows = found_out(root)
    assert rows["C06"]["effect"].startswith("+2.20 dB at a=0.05; +3.20 dB at a=0.1")
    assert rows["C28"]["verdict"] == "not found"  # half a minute there
    table_recorded("paper", levels=(0.05,), train_seconds=30.0, jobs=2)
    assert found_out(root)["C28"]["verdict"] == "found"  # it shared the machine, so its seconds say nothing
    assert (
        rows["C03"]["verdict"] == "found" and "paper" not in rows["C03"]["over_what"]
    )  # one set of settings


@pytest.mark.parametrize(
    ("name", "claim", "effect", "verdict"),
    [
        ("theorem1", "C01", 0.02, "found"),
        ("theorem1", "C01", -0.08, "not found"),
        ("copying", "C02", 0.08, "found"),
        ("copying", "C02", 0.02, "not found"),
        ("correlated", "C29", -0.08, "not found"),
    ],
)
def test_numerical_experiments(root, name, claim, effect, verdict):
    """Three seeds with a standard error of 0.03: 0.0173 together, so the border lies at 0.052."""
    for run in theory("laptop"):
        if run.method == name:
            recorded(run, result={"effect": effect, "spread": 0.03, "over_what": "four draws"})
    row = found_out(root)[claim]
    assert row["verdict"] == verdict and "0.0173" in row["spread"]
    assert row["over_what"] == "3 seeds, each four draws"


def test_seeds_that_differ_by_more_than_their_own_errors_set_the_error(root):
    runs = [run for run in theory("laptop") if run.method == "copying"]
    for run, effect in zip(runs, (0.04, 0.1, 0.25), strict=True):
        recorded(run, result={"effect": effect, "spread": 0.001, "over_what": "four draws"})
    row = found_out(root)["C02"]
    assert row["verdict"] == "not found" and "0.0624" in row["spread"]


# What is committed


def test_committed_tables_are_not_stale():
    assert [path.name for path in report.stale()] == [], "run python -m n2sr_lib.report"


def test_no_training_counts_as_two_seeds():
    """One that begins again takes the next seed, which must not be that of another record."""
    used: dict[str, list[int]] = {}
    for record in records.read_all().values():
        asked = record["specification"]
        what = {name: value for name, value in asked.items() if name not in ("seed", "study")}
        # Records older than beginning again do not say which seed was used.
        seed = record.get("seed", asked.get("seed"))
        used.setdefault(json.dumps([what, record["device_class"]], sort_keys=True), []).append(seed)
    several = [seeds for seeds in used.values() if len(seeds) > 1]
    assert len(several) > 20 and all(len(set(seeds)) == len(seeds) for seeds in several)


def test_committed_claims_are_whole():
    rows = report.read_csv(report.ROOT / "data/paper/claims.csv")
    assert [row["id"] for row in rows] == [f"C{i:02}" for i in range(1, 41)]
    allowed = {
        verdicts.FOUND,
        verdicts.IN_PART,
        verdicts.NOT_FOUND,
        verdicts.NOT_TESTABLE,
        verdicts.NOT_MEASURED,
    }
    assert {row["verdict"] for row in rows} <= allowed
    known = {path.stem for path in records.folder().glob("*.json")}
    for row in rows:
        assert set(row["record_keys"].split()) <= known
        if row["verdict"] in (verdicts.FOUND, verdicts.NOT_FOUND):
            assert row["effect"] and row["spread"] and row["over_what"]
            assert row["record_keys"] or row["over_what"].startswith("computed")


def test_the_paper_contradicts_itself_where_we_say_so():
    """The numbers in data/paper/README.md, against the tables beside it."""
    one, two, three, four = (report.read_csv(report.ROOT / f"data/paper/table{i}.csv") for i in range(1, 5))
    psnr1 = {(r["method"], r["a"]): float(r["psnr"]) for r in one}
    psnr2 = {(r["sampling"], r["inference"], r["a"]): float(r["psnr"]) for r in two}
    psnr3 = {(r["scheme"], r["encoder"], r["noisy_psnr_db"]): float(r["psnr"]) for r in three}
    psnr4 = {(r["upsampling"], r["noisy_psnr_db"]): float(r["psnr"]) for r in four}
    assert psnr1["Noise2SR (M=1)", "0.02"] == psnr2["fixed", "MMSE", "0.02"] == 34.57
    gains = [
        psnr1["Noise2SR (MMSE)", "0.02"] - psnr1["Noise2SR (M=1)", "0.02"],
        psnr2["random", "MMSE", "0.02"] - psnr2["random", "M=1", "0.02"],
    ]
    assert gains == pytest.approx([1.78, 3.71])
    assert psnr3["Noise2SR", "U-Net", "3"] != psnr4["Pixel shuffle", "3"]
    assert psnr3["Noise2SR", "U-Net", "10"] == psnr4["Pixel shuffle", "10"]
    lead = [psnr4["Transposed convolution", "10"] - psnr4[u, "10"] for u in ("Pixel shuffle", "Bilinear")]
    assert lead == pytest.approx([0.33, 0.63])
    rise = [psnr3["Noise2Self", e, "3"] - psnr3["Noise2Self", "U-Net", "3"] for e in ("Uformer", "Restormer")]
    assert rise == pytest.approx([0.36, 0.97])
    rivals = {r["method"].rstrip("*") for r in one if "Noise2SR" not in r["method"]} - {"Noisy"}
    assert len(rivals) == 9
    said = (report.ROOT / "data/paper/README.md").read_text()
    for number in ("34.57", "1.78", "3.71", "29.75", "27.51", "35.89", "0.33", "0.63", "0.36", "0.97"):
        assert number in said
