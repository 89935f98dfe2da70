"""Series: what is measured of known estimates, that experiments repeat and are kept, and what records say."""

import dataclasses
import math

import numpy as np
import pytest

from n2sr_lib import experiments, series, theory
from n2sr_lib.errors import InputError
from n2sr_lib.experiments import TABLES, wanted
from n2sr_lib.experiments.run import Run
from n2sr_lib.experiments.sequences import FILTERED, REAL, TRAINED, on_crystal
from n2sr_lib.results import massive, massive_claims, which_to_use
from n2sr_lib.results.verdicts import NOT_TESTABLE
from n2sr_lib.runs.estimates import effort
from n2sr_lib.runs.execute import execute
from n2sr_lib.runs.pictures import keep, picture_of
from n2sr_lib.runs.records import LARGEST_CROP, score
from n2sr_lib.runs.specification import machine, record_key, specify
from n2sr_lib.series import frames, glyphs, measures, stacks
from n2sr_lib.series.frames import prepared
from n2sr_lib.series.measures import measure
from n2sr_lib.series.rivals import FILTERS, settings_for
from n2sr_lib.simulated import scenes
from n2sr_lib.simulated.characters import composed
from n2sr_lib.simulated.stand_ins import sky

SERIES = scenes.crystal(2, frames=4)
IMAGES = composed(40, 0)
FEW = {"count": 30, "test": 8, "steps": 4, "batch": 4}
TINY = {"frames": 16, "side": 64, "crop": 32, "steps": 4, "batch": 2, "channels": 2, "preset": "smoke"}
RUN = Run(kind="series", method="atoms", overrides=(("scene", "moving"), *TINY.items()))
OURS = ("noise2atom", "which", "stacks", "tracking", "bottleneck", "patches", "stand_ins", "cjk")


def measured(estimate, truth=SERIES):
    return measure(estimate, SERIES.frames, truth)


# What is measured


def test_the_truth_is_right_and_units_do_not_matter():
    result = measured(50 * SERIES.clean - 7)
    assert (result["invented"], result["lost"]) == (0, 0) and result["precision"] == result["recall"] == 1
    assert result["vacant_filled"] == result["loose_lost"] == 0 and result["error"] < 0.15
    assert min(result["psnr"]) > 80 and min(result["ssim"]) > 0.999 and len(result["psnr"]) == 4
    assert np.mean(result["css"]) == pytest.approx(result["truth_css"], abs=2e-5) and len(result["css"]) == 3


def test_a_dreamer_fills_every_vacancy_and_forgets_what_is_loose():
    """A perfect lattice in every frame: CSS as high as the truth's, and the count says what is wrong."""
    dream = []
    for places, vacant, loose in zip(SERIES.places, SERIES.vacant, SERIES.loose, strict=True):
        strays = {tuple(p) for p in loose}
        sites = np.concatenate(([p for p in places if tuple(p) not in strays], vacant))
        dream.append(scenes.render(sites, np.ones(len(sites)), scenes.WIDTH, (128, 128)))
    result = measured(np.stack(dream))
    assert np.mean(result["css"]) > result["truth_css"] - 0.02
    assert result["vacant_filled"] == 1 and result["loose_lost"] == 1
    assert result["invented"] > 10 and result["lost"] > 10
    assert result["precision"] == pytest.approx(1 - result["invented"] / result["found"], abs=1e-5)
    assert result["recall"] == pytest.approx(1 - result["lost"] / result["atoms"], abs=1e-5)


def test_a_constant_has_the_best_css_and_nothing_else():
    result = measured(FILTERS["constant"](SERIES.frames))
    assert result["css"] == [1, 1, 1] and result["truth_css"] < 1
    assert result["precision"] is None and result["error"] is None
    assert result["recall"] == result["agreement"] == result["found"] == 0


def test_without_truth_the_other_frames_say_what_is_there():
    with_truth, without = measured(SERIES.clean), measured(SERIES.clean, truth=None)
    assert "psnr" not in without and without["agreement"] == with_truth["agreement"]
    assert without["agreement"] > measured(SERIES.frames)["agreement"]
    assert without["recall"] > 0.8 and without["precision"] > 0.8  # three frames' mean is noisy still
    one = measure(SERIES.clean[:1], SERIES.frames[:1], SERIES)
    assert "css" not in one and one["recall"] == 1


def test_scores_do_not_depend_on_the_scale_of_an_estimate():
    said = np.random.default_rng(0).random(SERIES.clean.shape)
    line = measures.on_scale(said, SERIES.clean)
    np.testing.assert_allclose(measures.on_scale(-0.3 * said - 7, SERIES.clean), line, atol=1e-4)
    np.testing.assert_allclose(measures.on_scale(2 * SERIES.clean + 1, SERIES.clean), SERIES.clean, atol=1e-4)


def test_quality_of_the_truth_and_of_the_ground_alone():
    truth, whole = scenes.moving(0, 16), slice(None)
    assert measures.quality(truth.clean, truth, whole) == [0.0, 0.0, 1.0]
    ground = np.broadcast_to(truth.ground, truth.clean.shape)
    rmse, background, height = measures.quality(ground, truth, whole)
    assert rmse > 0.1 and background < 0.02 and height == 0
    assert measures.misses(truth.clean, truth).max() < 1.5 < measures.misses(truth.frames, truth).mean()


def test_real_frames_are_binned_and_dark_atoms_made_bright():
    frames = np.arange(2 * 7 * 10, dtype=np.uint16).reshape(2, 7, 10)
    image = prepared(frames)
    assert image.shape == (2, 2, 3) and image.dtype == np.float32 and image.min() == 0
    assert image[0, 0, 0] - image[1, 1, 2] == frames[1, 3:6, 6:9].mean() - frames[0, :3, :3].mean()


# Experiments


def test_what_learned_from_patches_is_applied_to_patches():
    """A network of one place in its bottleneck, on an image of two by three patches and on one of them."""
    stack = SERIES.frames[:2, None, :64, :96]
    trained = stacks.train_on(stack, 0, steps=2, batch=2, crop=32, channels=2)
    whole, part = trained.apply(stack), trained.apply(stack[..., 32:64, 32:64])
    assert whole.shape == stack.shape
    np.testing.assert_allclose(whole[..., 32:64, 32:64], part, atol=1e-4)
    odd = stack[..., :40, :80]  # the last patches end with the image, over those before
    whole, part = trained.apply(odd), trained.apply(odd[..., 8:40, 48:80])
    np.testing.assert_allclose(whole[..., 8:40, 48:80], part, atol=1e-4)
    assert trained.apply(stack[..., :24, :96]).shape == (2, 1, 24, 96)  # lower than a patch


def test_a_stack_is_trained_on_and_applied_in_its_own_units():
    stack = 7 + 3 * np.random.default_rng(0).normal(size=(4, 1, 32, 40)).astype(np.float32)
    plan = {"steps": 30, "batch": 4, "crop": 32, "channels": 2}
    looked = []
    trained = stacks.train_on(stack, 0, look=lambda apply: looked.append(apply(stack[:1])) or [1.0], **plan)
    said = trained.apply(stack)
    assert said.shape == stack.shape and said.mean() == pytest.approx(7, abs=0.5) and said.std() < 1.5
    assert len(trained.curve) == len(looked) == 30 and trained.curve[0] == [1, 1.0]
    np.testing.assert_allclose(looked[-1], said[:1], atol=1e-4)
    for method in stacks.MASKED:
        assert stacks.train_on(stack, 0, method=method, steps=1, batch=1).apply(stack).shape == stack.shape
    with pytest.raises(InputError, match="choose 'autoencoder' or one of noise2self"):
        stacks.train_on(stack, 0, method="magic")


@pytest.mark.parametrize("options", [{"outputs": 1}, {"method": "noise2self"}])
def test_characters_compares_methods_on_the_same_test_set(options):
    result, picture = series.characters(1, IMAGES, **FEW | options)
    again, _ = series.characters(1, IMAGES, **FEW | options)
    ours, same = series.characters(1, IMAGES, **FEW)
    assert all(again[k] == v for k, v in result.items() if k != "seconds") and len(again["curve"]) == 4
    assert np.array_equal(picture[0], same[0]) and np.array_equal(picture[1], same[1])
    assert not np.array_equal(picture[2], same[2]) and ours["weights"] != result["weights"]
    assert len(picture) == 3 and {len(row) for row in picture} == {glyphs.SHOWN + 1}
    assert result["trained_on"] == 30 and result["effect"] == result["psnr"] < 30


def test_atoms_are_followed_against_the_truth():
    result, picture = series.atoms(0, scene="moving", **TINY)
    assert result["rows"] == ["truth", "noisy", "early", "estimate"] and len(picture) == 4
    assert {image.shape for row in picture for image in row} == {(64, 64)} and len(picture[0]) == 5
    assert np.shape(result["blurred"]) == np.shape(result["estimated"]) == (16, 3)
    expected = np.mean(np.subtract(result["blurred"], result["estimated"]))
    assert result["effect"] == pytest.approx(expected, abs=0.01)
    wide, _ = series.atoms(0, scene="moving", **TINY | {"channels": 5})
    assert wide["blurred"] == result["blurred"] and wide["weights"] > result["weights"]


def test_methods_on_one_series():
    small = TINY | {"frames": 3}
    told = {}
    for method in (*FILTERED, *TRAINED[1:]):
        told[method], picture = series.atoms(0, method=method, **small)
        assert len(told[method]["psnr"]) == 3 and len(picture) == len(told[method]["rows"])
        assert told[method]["seconds"].keys() == {"once", "frame"}
    assert told["blurred"]["effect"] > told["noisy"]["effect"]
    some, _ = series.atoms(0, fitted=1, **small)
    assert some["curve"] != told["autoencoder"]["curve"]
    real, picture = series.atoms(0, SERIES.frames, method="blurred")
    assert real["rows"] == ["noisy", "estimate"] and picture[0][0].shape == (frames.SMALL, frames.SMALL)
    with pytest.raises(InputError, match="one frame without its truth"):
        series.atoms(0, SERIES.frames[:1], method="blurred")
    for wrong, word in (({"method": "magic"}, "magic"), ({"scene": "sea"}, "sea")):
        with pytest.raises(InputError, match=word):
            series.atoms(0, **small | wrong)


def test_stand_ins_are_judged_by_what_the_figures_show():
    small = {"frames": 4, "side": 64, "crop": 32, "steps": 2, "batch": 2}
    volume, picture = series.stand_in(0, **small)
    assert 0 < volume["noisy_ssim"] < 1 and volume["effect"] == volume["ssim"] and len(picture) == 3
    sky, picture = series.stand_in(0, of="sky", **small)
    assert sky["before"]["noise"] == pytest.approx(0.058, abs=0.005)  # of noise and stripes
    assert sky["before"]["stripes"] == pytest.approx(0.03, abs=0.006) and len(sky["kept"]) == 3
    assert [len(row) for row in picture] == [3, 3, 3]
    assert score({"result": volume}) is None  # names of scores of one image would be taken for such
    with pytest.raises(InputError, match="no stand-in of 'sea'"):
        series.stand_in(0, of="sea")


def test_what_is_said_of_a_sky_and_of_illegal_characters_follows_from_the_estimate(monkeypatch):
    x, _ = sky(0, 4, 128)
    known = stacks.Trained(lambda y: 0.9 * x, 0.0, [], 1)
    monkeypatch.setattr("n2sr_lib.series.stand_ins.train_on", lambda *a, **o: known)
    said, _ = series.stand_in(0, of="sky", frames=4)
    assert said["kept"] == pytest.approx([0.9] * 3, abs=1e-4)
    assert said["after"]["saturated"] == pytest.approx(0.1 * np.sqrt((x[x > 1] ** 2).mean()), rel=1e-3)
    # All but the last one as it was fed, the illegal one negative.
    turned = stacks.Trained(lambda y: np.concatenate((y[:-1], -y[-1:])), 0.0, [], 1)
    monkeypatch.setattr(glyphs, "train_on", lambda *a, **o: turned)
    said, _ = series.characters(0, IMAGES, **FEW)
    assert said["illegal_correlation"] < 0 < said["correlation"]


def test_the_terms_of_eq13_make_the_change():
    result = theory.eq13(0, steps=15)
    assert sum(result["terms"].values()) == pytest.approx(result["change"], rel=0.02)
    assert result["terms"]["level stripes"] == max(result["terms"].values()) > 0
    coarse = theory.eq13(0, steps=3, gamma=0.05)  # no small step: the sum is not the change any more
    assert abs(coarse["effect"]) > 3 * abs(result["effect"])
    assert all(abs(v) < 4 * e for v, e in result["averaging"].values())


# Runs and records


def test_the_largest_picture_is_small_enough():
    """What is kept of Fig. 9: smooth estimates, and counts, which do not compress."""
    truth = scenes.moving(0, 5)
    rows = [truth.clean, truth.frames, *(FILTERS["blurred"](truth.frames) for _ in range(2))]
    assert len(keep([list(row) for row in rows], "key")[0]) < 0.9 * LARGEST_CROP


def test_a_run_is_specified_executed_and_its_picture_kept():
    specification = specify(RUN)
    assert specification["options"] == dict(RUN.overrides)
    record, png = execute(specification, device="cpu")
    again, _ = execute(specification, device="cpu")
    assert record["key"] == record_key(specification, "cpu", "float32") and machine(specification, "cpu")
    assert record["sha256"] == again["sha256"]  # bits but for the seconds
    _, rows = series.atoms(0, **dict(RUN.overrides))
    for row, kept, scale in zip(rows, picture_of(record, png), record["crop"]["scales"], strict=True):
        np.testing.assert_allclose(np.stack(kept), np.stack(row), atol=0.51 * scale)
    assert massive.picture(record | {"picture": rows}) is rows


def test_keys_tell_runs_apart():
    plain = Run(kind="series", method="atoms")
    runs = [plain, RUN, dataclasses.replace(plain, seed=1), dataclasses.replace(plain, image=REAL)]
    runs += [
        dataclasses.replace(plain, overrides=(("channels", 16),)),
        on_crystal("noise2sr"),
    ]
    assert len({record_key(specify(run), "cpu", "float32") for run in runs}) == len(runs)
    assert specify(runs[3])["input"].startswith("c31a8e28")
    assert effort(specify(plain), "float32") != effort(specify(runs[4]), "float32")
    # What fixes the result of the two other systems is part of their key.
    assert specify(runs[-1])["settings"]["strategy"]["M"] == settings_for("noise2sr", "laptop").strategy.M
    assert specify(on_crystal("noise2atom"))["settings"]["critic_steps"] == 5
    for change, word in (
        ({"overrides": (("chanels", 1),)}, "no option 'chanels'"),
        ({"overrides": (("device", "cpu"),)}, "no option 'device'"),
        ({"overrides": (("method", "noise2atom"), ("preset", "paper"))}, "no preset 'paper'"),
        ({"method": "dance"}, "unknown method 'dance'"),
    ):
        with pytest.raises(InputError, match=word):
            specify(dataclasses.replace(plain, **change))


@pytest.mark.parametrize("profile", ["laptop", "paper"])
def test_the_figures_ask_for_what_they_compare(profile):
    serves = wanted(profile, OURS)
    for run in serves:
        specify(run)
        assert str(run)
    assert [t for tables in serves.values() for t in tables if t == "which"] == ["which"] * (
        36 if profile == "laptop" else 0
    )
    for name in OURS:
        absent = dict.fromkeys(TABLES[name](profile))
        assert massive.results(absent) == [] and ("no record" in massive.missing(absent)) is bool(absent)


def test_smoke_runs_the_smaller_of_both_sizes(monkeypatch):
    asked = []
    monkeypatch.setattr(massive, "_fresh", lambda *given: asked.append(given) or {})
    for name in OURS:
        massive.gather(TABLES[name], "smoke")
    sizes = [dict(options) for _, method, _, options in asked if method == "atoms"]
    assert {s["frames"] for s in sizes} == {1, 2, massive.LEAST} and {s["crop"] for s in sizes} == {32, 64}
    assert all(seed == 0 and image != REAL for image, _, seed, _ in asked)


def test_real_series_if_it_is_there(data_folder):
    run = Run(kind="series", method="atoms", image=REAL, overrides=(("method", "noisy"),))
    record, _ = execute(specify(run), device="cpu")
    # The frames of one object agree: 0.64 to 0.66 at full size, more after binning.
    assert record["result"]["agreement"] > 0.7 and len(record["result"]["css"]) == 4


# What the records say


def atoms_result(run):
    """Made up: 64 channels see more and are rougher; large patches are straighter and lose more."""
    o, noise = dict(run.overrides), 0.01 * run.seed
    c, method = o.get("channels", 64), o.get("method", "autoencoder")
    score = {"noise2sr": 30, "autoencoder": 20 + o.get("frames", 10) ** 0.5, "noise2atom": 22}.get(method, 15)
    css = {"noise2atom": 0.9, "constant": 1.0, "noisy": 0.95}.get(method, 0.7)
    return {
        "curve": [[k, 0.5, 0.1 + 0.001 * c + noise / 9, c / 100 + noise] for k in range(1, 21)],
        "effect": 0.5 + noise,
        "blurred_mean": 1.0,
        "estimated_mean": 0.5 - noise,
        "joined": 6,
        "blurred": [[1.0, 1.0, 1.0]] * 9,
        "estimated": [[0.8 + noise if 3 <= k < 6 else 0.2, 0.4, 0.4] for k in range(9)],
        "error": 1 - 0.002 * o.get("crop", 0) + noise,
        "loose_lost": 0.001 * o.get("crop", 0) + noise / 2,
        "css": [css + noise] * 3,
        "psnr": [score + noise] * 2,
        "ssim": [0.5] * 2,
        "seconds": {
            "once": 0.0 if method == "noise2sr" else 300.0,
            "frame": 30.0 if method == "noise2sr" else 0.1,
        },
        "precision": 0.5 if method == "noise2atom" else 0.9 + 0.001 * score,
        "recall": 0.9,
        "vacant_filled": 0.1,
    }


def signs(run):
    """Made up: the extra outputs are twice as fast."""
    options, noise = dict(run.overrides), 0.01 * run.seed
    pace, ours = (1 if options.get("outputs") == 1 else 2), "method" not in options
    curve = [[k, max(1 - 0.05 * pace * k, 0.2) + noise, 9.0] for k in range(1, 21)]
    correlation = {"correlation": 0.9 - 0.2 * ours, "illegal_correlation": 0.9 - (0.5 + noise) * ours}
    return {"psnr": 15 + noise + 0.2 * ours, "curve": curve} | correlation


def stand_in(run):
    after = {"noise": 0.01 + 0.001 * run.seed, "stripes": 0.01, "saturated": 0.6}
    return {
        "ssim": 0.6 + 0.01 * run.seed,
        "noisy_ssim": 0.1,
        "before": {"noise": 0.05, "stripes": 0.03, "saturated": 0.5},
        "after": after,
        "kept": [1.02, 0.98, 0.97],
    }


def eq13(run):
    return {"effect": 0.001 * run.seed, "averaging": {"4": [0.01, 0.01]}}


MADE_UP = {"atoms": atoms_result, "characters": signs, "stand_in": stand_in, "eq13": eq13}


@pytest.fixture
def known(monkeypatch):
    """Every run of our tables, recorded with made-up results."""
    runs = {run: {"key": str(run), "result": MADE_UP[run.method](run)} for run in wanted("laptop", OURS)}
    for module in (massive, massive_claims):
        monkeypatch.setattr(module, "found", lambda wanted: {run: runs.get(run) for run in wanted})
    return runs


def test_verdicts_follow_from_records(known):
    said = massive_claims.findings()
    verdicts = {name: said[name].verdict for name in sorted(said)}
    assert verdicts == {
        **dict.fromkeys(("C30", "C31", "C32", "C33", "C34", "C36", "C37", "C40"), "found"),
        **dict.fromkeys(("C35", "C39"), NOT_TESTABLE),
        "C38": "found in part",  # saturated pixels are worse than before
    }
    assert "2.00 times" in said["C34"].effect and "+0.20 dB" in said["C32"].effect
    assert "+0.200 on noise2sr; a constant image has 1.000" in said["C40"].effect
    assert "SSIM 0.61, Noise2Void 0.61, noisy 0.10" in said["C35"].effect
    assert "saturated +20 %" in said["C38"].effect and "noise -78 %" in said["C38"].effect
    assert "256 against 32" in said["C36"].effect


@pytest.mark.parametrize(
    ("table", "lost"),
    [("tracking", {"C31", "C37"}), ("patches", {"C36"}), ("cjk", {"C32", "C33", "C34"})],
)
def test_no_verdict_before_a_table_is_whole(known, table, lost):
    before = set(massive_claims.findings())
    known.pop(TABLES[table]("laptop")[0])
    assert before - set(massive_claims.findings()) == lost


def test_an_estimate_without_any_column_is_far_off(known):
    worst = TABLES["patches"]("laptop")[0]
    known[worst]["result"]["error"] = None
    assert massive_claims.findings()["C36"].verdict in ("found", "found in part")


@pytest.mark.parametrize("change", [{"effect": 0.06}, {"averaging": {"4": [0.04, 0.01]}}])
def test_both_parts_of_eq13_are_asked_for(known, change):
    for run, record in known.items():
        if run.method == "eq13":
            record["result"] |= change
    assert massive_claims.findings()["C30"].verdict == "found in part"


def test_illegal_strokes_must_be_worse_than_ordinary_ones(known):
    assert "-0.51 against Noise2Self, -0.20 on other characters" in massive_claims.findings()["C33"].effect
    for run in TABLES["cjk"]("laptop"):
        known[run]["result"]["correlation"] = known[run]["result"]["illegal_correlation"] + 0.01 * run.seed
    assert massive_claims.findings()["C33"].verdict == "found in part"


def test_the_moving_atom_must_be_followed_too(known):
    assert "on its way: 0.81, 1.00" in massive_claims.findings()["C37"].effect
    for run in TABLES["tracking"]("laptop"):
        for frame in known[run]["result"]["estimated"][3:6]:
            frame[0] += 0.3
    assert massive_claims.findings()["C37"].verdict == "found in part"


def test_c40_is_about_the_best_other_method_and_the_rule(known):
    real = [run for run in known if run.image == REAL and dict(run.overrides)["method"] == "noise2atom"]
    for run, css in zip(real, (0.71, 0.9, 0.5), strict=True):
        known[run]["result"]["css"] = [css]
    assert massive_claims.findings()["C40"].verdict == "not found"
    known.pop(real[0])
    assert "C40" not in massive_claims.findings()


def test_a_missing_record_says_so_and_nothing_else(known):
    known.clear()
    assert set(massive_claims.findings()) == {"C35", "C39"}
    recorded = massive.gather(experiments.which, "laptop")
    assert which_to_use.compared(recorded) == {} and which_to_use.advice({}) == []
    assert massive.first(recorded, method="noise2sr") is None


def test_what_is_not_measured_is_extrapolated(known):
    rows = {row[0]: row[1:] for row in which_to_use.costs(massive.gather(experiments.which, "laptop"))}
    assert rows[100] == (pytest.approx(3.1), True, pytest.approx(30.01))
    assert rows[300] == (pytest.approx(1.1), False, None)  # 300 seconds of training, 0.1 s a frame
    known.pop(on_crystal("autoencoder", 1000, 1))
    rows = {row[0]: row[1:] for row in which_to_use.costs(massive.gather(experiments.which, "laptop"))}
    assert rows[1000] == (pytest.approx(0.4), False, None)


def test_advice_is_worded_from_the_records(known):
    table = which_to_use.compared(massive.gather(experiments.which, "laptop"))
    one, ten, hundred, time = which_to_use.advice(table)
    assert one.startswith("**One image:** PSNR is highest with Noise2SR, +8.0 dB on Noise2Atom;")
    assert "fewest columns invented: Noise2SR (precision 0.93, recall " in ten
    assert hundred.startswith(
        "**A series of 100 frames:** PSNR is highest with Noise2SR, +0.0 dB on autoencoder, which"
    )
    assert "single atoms lost: Noise2SR 10 and " in ten
    assert "dearer" not in time and "(30 s a frame)" in time and "as much as 10 frames" in time
    assert table[100, "autoencoder"][0]["seconds"] == pytest.approx(3.1)
    assert (1000, "noise2sr") not in table and math.isclose(table[1, "noise2sr"][1]["psnr"], 30.01)


def test_every_lead_of_the_advice_is_held_against_the_rule():
    def scenes(psnr, precision, recall):
        rest = {"seconds": 1.0, "vacant_filled": 0.0, "loose_lost": 0.0}
        numbers = zip(psnr, precision, recall, strict=True)
        return [{"psnr": p, "precision": q, "recall": r, **rest} for p, q, r in numbers]

    table = {(10, m): scenes((20, 21, 22), (0.7, 0.7, None), (0.7,) * 3) for m in which_to_use.ADVISED}
    table[10, "autoencoder"] = scenes((30, 31, 32), (0.71, 0.9, 0.7), (0.9, 0.91, 0.92))
    (said,) = which_to_use.advice(table)
    assert "+10.0 dB on Noise2SR; fewest columns invented" in said
    assert "invented: autoencoder (precision 0.77, recall 0.91), which may be chance; fewest lost" in said
    assert "lost: autoencoder (precision 0.77, recall 0.91). Empty sites" in said
