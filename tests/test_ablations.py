"""The ablations: what they say follows from records, and the timing takes the upsamplings in turn."""

import dataclasses

import invented
import numpy as np
import pytest

from n2sr_lib import PRESETS, report, timing
from n2sr_lib.experiments import fig10, fig12, repeats, table2, table3, table4
from n2sr_lib.experiments.ablation import UPSAMPLINGS
from n2sr_lib.experiments.encoders import ENCODER_SIZES
from n2sr_lib.experiments.full_plan import ENCODER_REPEATS, REPEATS
from n2sr_lib.experiments.run import LEVELS, noise2sr
from n2sr_lib.networks.build import build_network
from n2sr_lib.results import ablation_claims, ablations, averaging, encoder_claims, full_plan
from n2sr_lib.runs import records
from n2sr_lib.runs.specification import preset_of, record_key, specify

M = [1, 5, 20, 50]


@pytest.fixture(autouse=True)
def _no_records(tmp_path, monkeypatch):
    monkeypatch.setenv("N2SR_RECORDS", str(tmp_path / "records"))


def recorded(run, mmse=37.0, single=34.0, **content) -> dict:
    estimates = {"single": single, "mmse": mmse, "out_of_bag": mmse - 0.1}
    if run.method in ("noise2self", "fbi"):
        estimates = {"estimate": mmse}
    return invented.recorded(run, **(invented.scores(noisy=7.0, **estimates) | content))


def image_number(run) -> int:
    return int(run.image[-1])


def fill_table2(gain=lambda run: 3.0, reading=lambda name: 0.0, images=5, levels=LEVELS):
    """Random at 37, 38, ... dB; fixed lower by `gain`, and further readings higher than that by `reading`."""
    for run in table2("laptop"):
        k = image_number(run)
        if k > images or run.a not in levels:
            continue
        mmse = 36.0 + k
        if ablations.sampling(run) == "fixed":
            mmse -= gain(run) + k / 50
            names = ("phases", "flips", "both", "random")
            more = {"study": {n: {"psnr": mmse + reading(n), "ssim": 0.9} for n in names}}
        else:
            more = {}
        recorded(run, mmse, mmse - 3, **more)


def fill_repeats(values: dict[str, float], images=("paper/1", "paper/2")):
    """The full plan: 40 dB plus a value for each line of `REPEATS`, a little different with each seed."""
    for run in repeats("laptop"):
        (label,) = (label for label, line in REPEATS.items() if line == (run.method, run.overrides))
        if run.image in images and label in values:
            # Seeds differ, and more from line to line, so that differences have a spread.
            mmse = 40 + values[label] + 0.005 * (run.seed - 1) * (1 + list(REPEATS).index(label))
            recorded(run, mmse, mmse - 3)


def test_repeats_count_where_no_seed_is_missing_and_are_shown_before():
    def of(label, seed):
        return next(
            r for r in repeats("laptop") if (r.method, r.overrides) == REPEATS[label] and r.seed == seed
        )

    for seed, psnr in enumerate((40.0, 41.0, 42.0)):
        recorded(of("random", seed), psnr)
    recorded(of("s = 3", 1), 39.5)
    assert full_plan.repeated("random", "s = 3") == {}
    assert full_plan.repeated("random", "s = 3", whole=False) == {"paper/1": [1.5]}
    recorded(of("s = 3", 0), 39.0)
    assert full_plan.repeated("random", "s = 3") == {}
    recorded(of("s = 3", 2), 42.5)
    assert full_plan.repeated("random", "s = 3") == {"paper/1": [1.0, 1.5, -0.5]}


def fill_table3(values, ssim=None, profile="laptop"):
    """Strategy and encoder -> PSNR on images 1 and 2; SSIM is a fortieth of it, if it is not given."""
    for run in table3(profile):
        if (pair := ablations.strategy_and_encoder(run)) in values:
            k = image_number(run) - 1
            record = recorded(run, values[pair][k])
            if ssim:
                for score in record["result"].values():
                    score["ssim"] = ssim[pair][k]
                records.write(records.seal(record))


def table3_of_the_paper():
    """PSNR and SSIM as printed, (strategy, encoder) -> (image 1, image 2)."""
    psnr, ssim = {}, {}
    for row in report.read_csv(report.ROOT / "data/paper/table3.csv"):
        pair = row["scheme"].lower().removesuffix("-net"), row["encoder"].lower()
        psnr[pair] = (*psnr.get(pair, ()), float(row["psnr"]))
        ssim[pair] = (*ssim.get(pair, ()), float(row["ssim"]))
    return psnr, ssim


def finding(name):
    return (ablation_claims.findings() | encoder_claims.findings())[name]


# Claims


def test_nothing_is_found_without_records():
    found = ablation_claims.findings() | encoder_claims.findings()
    assert {f.verdict for name, f in found.items() if name != "C23"} == {"not measured yet"}
    assert ablation_claims.rows(("C13",), "smoke")[0][1].startswith("smoke")


@pytest.mark.parametrize(
    ("gain", "verdict"),
    [
        (lambda run: 3.0, "found"),
        (lambda run: -1.0, "not found"),
        (lambda run: 0.1 * (-1) ** image_number(run), "not found"),
    ],
)
def test_random_must_gain_beyond_its_error(gain, verdict):
    fill_table2(gain)
    for claim in ("C13", "C14"):
        assert finding(claim).verdict == verdict
    # 3 and k/50 on the average: 3.06.
    if verdict == "found":
        assert finding("C13").effect.startswith("+3.06 dB at a=0.05; +3.06 dB at a=0.1")
        assert "± 0.03 at a=0.05" in finding("C13").spread
        assert len(finding("C13").record_keys) == 30 and "not repeated" in finding("C13").over_what


def test_a_level_counts_with_all_ten_runs_only():
    fill_table2(images=4)
    assert finding("C13").verdict == "not measured yet"
    fill_table2(levels=(0.1,))
    assert finding("C13").verdict == "found" and "a=0.05" not in finding("C13").over_what


def test_another_reading_of_fixed_can_overturn_c14_only():
    fill_table2(reading=lambda name: 4.0 if name == "both" else 0.0)
    assert finding("C13").verdict == "found"
    assert finding("C14").verdict == "found in part" and "-0.94 dB at least" in finding("C14").effect


def test_plans_that_disagree_are_both_shown():
    fill_table2()
    fill_repeats({"random": 0.0, "fixed": -2.0})
    assert finding("C14").verdict == "found"
    assert "+2.00 dB" in finding("C14").effect and "on image 2 (3 seeds)" in finding("C14").effect
    fill_repeats({"fixed": 0.5})
    assert finding("C14").verdict == "found in part"
    assert "+3.06 dB at a=0.05" in finding("C14").effect and "-0.50 dB" in finding("C14").effect


@pytest.mark.parametrize(
    ("lost", "verdict"), [((1.0, 2.0), "found"), ((2.0, 1.0), "found in part"), ((-1.0, 1.0), "not found")]
)
def test_order_of_strides(lost, verdict):
    for run in fig10("laptop"):
        s = ablations.setting(run, "strategy.s", 2)
        recorded(run, 40 - {2: 0.0, 3: lost[0], 4: lost[1]}[s] + 0.01 * image_number(run) * s)
    assert finding("C15").verdict == verdict
    if verdict == "found":
        fill_repeats({"random": 0.0, "s = 3": -1.0, "s = 4": -0.5})
        assert finding("C15").verdict == "found in part" and "3 over 4: -0.50" in finding("C15").effect


def fill_fig12(psnr, spread):
    """`psnr` and its deviation over three draws at each of `M`, the same but for 0.01 dB on all images."""
    for run in fig12("laptop"):
        draws = [
            [p + z * d + 0.01 * image_number(run) for p, d in zip(psnr, spread, strict=True)]
            for z in (-1, 0, 1)
        ]
        recorded(run, study={"M": M, "psnr": draws})


@pytest.mark.parametrize(
    ("psnr", "spread", "verdicts"),
    [
        ((31, 33.6, 34.5, 34.6), (0.4, 0.2, 0.1, 0.05), ("found", "found", "found")),
        ((31, 33.6, 34.5, 34.4), (0.4, 0.2, 0.05, 0.1), ("not found", "found in part", "found")),
        ((31, 32, 33, 34), (0.1, 0.1, 0.1, 0.2), ("found", "not found", "not found")),
        ((31, 33.6, 34.5, 34.8), (0.4, 0.2, 0.1, 0.05), ("found", "found", "found")),  # a twelfth
        ((31, 33.6, 34.5, 34.9), (0.4, 0.2, 0.1, 0.05), ("found", "found", "not found")),  # a ninth
    ],
)
def test_number_of_samples(psnr, spread, verdicts):
    fill_fig12(psnr, spread)
    assert tuple(finding(name).verdict for name in ("C16", "C17", "C18")) == verdicts
    assert finding("C17").effect.startswith(f"{spread[0]:.3f} dB at M = 1")
    assert finding("C16").effect.startswith(f"{psnr[1] - psnr[0]:+.2f} dB from M = 1 to 5")


def test_upsampling_is_decided_by_seeds():
    for run in table4("laptop"):
        recorded(run, 37.0 + 0.3 * (ablations.upsampling(run) == "bilinear"))
    assert finding("C24").verdict == "not measured yet"  # one seed each
    fill_repeats({"random": 0.2, "transposed convolution": 0.0, "bilinear": -0.1})
    assert finding("C24").verdict == "found" and "-0.30 dB over bilinear" in finding("C24").effect
    assert finding("C25").verdict == "not found" and "image 2" in finding("C25").over_what
    fill_repeats({"transposed convolution": 0.9})
    assert (finding("C24").verdict, finding("C25").verdict) == ("not found", "found")
    fill_repeats({"transposed convolution": 0.0, "bilinear": -0.6})
    assert finding("C24").verdict == "found in part"  # the best, but it matters


@pytest.mark.parametrize(
    ("paper", "verdict"), [([0.8, 0.81, 0.79], "found"), ([0.9, 1.1, 1.0], "found in part")]
)
def test_bilinear_must_be_faster_in_every_preset(paper, verdict):
    result = {"effect": 0.8, "spread": 0.0, "over_what": "3 rounds"}
    for preset, bilinear in (("laptop", [0.7, 0.71, 0.69]), ("paper", paper)):
        result |= {f"{preset}_pixel_shuffle_ratios": [1, 1, 1], f"{preset}_bilinear_ratios": bilinear}
        result[f"{preset}_transposed_convolution_ratios"] = [1.1, 1.11, 1.09]
    recorded(ablation_claims.UPSAMPLING_TIMES, result=result)
    assert finding("C26").verdict == verdict and "convolution 1.10, bilinear 0.70;" in finding("C26").effect


ENCODER_CLAIMS = ("C19", "C20", "C21", "C22")


def test_the_papers_own_table3_by_our_rule():
    """With two images that differ as much as Table III's, a lead of 0.2 and 0.9 dB is none by the rule."""
    fill_table3(*table3_of_the_paper(), profile="paper")
    verdicts = [finding(name).verdict for name in ENCODER_CLAIMS]
    assert verdicts == ["found", "not found", "found", "found"]
    assert finding("C19").effect == "+1.50, +1.95 dB on images 1, 2"
    assert "Restormer: +0.97, -0.28 dB and SSIM -0.1081, -0.0641" in finding("C21").effect
    assert "over FBI-Net (least +0.65)" in finding("C22").effect
    assert finding("C22").over_what.endswith("(paper, 1,000 steps)")
    assert len(finding("C22").record_keys) == 14 and len(finding("C19").record_keys) == 4


EQUAL = {pair: (30.0, 35.0) for pair in ENCODER_SIZES}


def test_encoders_need_their_own_cells_only():
    unet, restormer = ("noise2sr", "u-net"), ("noise2sr", "restormer")
    fill_table3({unet: EQUAL[unet]})
    assert finding("C19").verdict == "not measured yet"
    fill_table3({restormer: (31.0, 36.1)})
    assert finding("C19").verdict == "found" and "none of 2 comparisons repeated" in finding("C19").over_what
    assert [finding(name).verdict for name in ENCODER_CLAIMS[1:]] == ["not measured yet"] * 3


def test_encoders_by_seeds():
    fill_table3(EQUAL | {("noise2sr", "restormer"): (31.0, 36.1), ("noise2sr", "uformer"): (29.5, 34.4)})
    fill_repeats({"random": 0.0, "restormer": 1.2, "uformer": -0.6})
    assert finding("C19").verdict == "found"
    assert "at the full plan +1.20 dB" in finding("C19").effect and "on image 2" in finding("C19").effect
    assert "2 of 2 comparisons repeated" in finding("C19").over_what and len(finding("C19").record_keys) == 16
    assert finding("C20").verdict == "found"
    for value, said in ((-1.1, "found in part"), (-0.8, "found"), (-0.6, "found")):  # only slightly worse?
        fill_repeats({"uformer": value})
        assert finding("C20").verdict == said, value
    fill_repeats({"the paper's u-net": 1.3})  # they are compared with it too
    assert "; there, over the paper's own U-Net with 24 channels, -0.10 dB" in finding("C19").effect
    assert [finding(name).verdict for name in ("C19", "C20")] == ["found in part"] * 2
    assert len(finding("C19").record_keys) == 22
    fill_repeats({"the paper's u-net": 0.1})
    assert [finding(name).verdict for name in ("C19", "C20")] == ["found"] * 2
    fill_repeats({"restormer": -0.1, "uformer": -3.0})
    assert finding("C19").verdict == "found in part"  # after 1,000 steps only
    assert finding("C20").verdict == "found in part"  # worse, but not slightly
    fill_repeats({"uformer": 0.2})
    assert finding("C20").verdict == "found in part"  # worse after 1,000 steps only


@pytest.mark.parametrize(
    ("psnr", "ssim", "verdict"),
    [
        ((0.0, -0.01), (-0.05, -0.06), "found"),
        ((1.0, 1.01), (-0.05, -0.06), "found in part"),
        ((-1.0, -1.01), (0.05, 0.06), "found in part"),
        ((1.0, 1.01), (0.05, 0.06), "not found"),
    ],
)
def test_transformers_under_noise2self(psnr, ssim, verdict):
    """A value each for Uformer and Restormer, less the U-Net."""
    cells = [("noise2self", encoder) for encoder in ("u-net", "uformer", "restormer")]
    fill_table3(
        {cell: (30 + p, 33 + p) for cell, p in zip(cells, (0, *psnr), strict=True)},
        {cell: (0.7 + s, 0.9 + s) for cell, s in zip(cells, (0, *ssim), strict=True)},
    )
    assert finding("C21").verdict == verdict
    # At the full plan PSNR and SSIM fall: the third case has falling PSNR and rising SSIM before.
    fill_repeats({"noise2self, u-net": 0.0, "noise2self, restormer": -0.5})
    assert "2 of 4 comparisons repeated" in finding("C21").over_what
    assert finding("C21").verdict == ("found" if verdict == "found" else "found in part")


def test_one_transformer_that_helps_noise2self_is_enough():
    """However far the other one falls behind."""
    helped = {("noise2self", "restormer"): (31.0, 36.1), ("noise2self", "uformer"): (29.0, 33.9)}
    ssim = {pair: (0.8, 0.9) if pair[1] == "u-net" else (0.6, 0.8) for pair in ENCODER_SIZES}
    fill_table3(EQUAL | helped, ssim)
    assert finding("C21").verdict == "found in part"


def test_noise2sr_must_lead_with_every_encoder():
    rivals = {pair: (26.0, 31.2) for pair in ENCODER_SIZES if pair[0] != "noise2sr"}
    fill_table3(EQUAL | rivals | {("noise2self", "uformer"): (30.1, 35.1)})  # a little behind with one
    assert finding("C22").verdict == "not found"
    fill_table3(EQUAL | rivals)
    assert finding("C22").verdict == "found" and "least +3.80" in finding("C22").effect
    lines = {label: -3.0 for label in ENCODER_REPEATS.values() if label.startswith(("noise2self", "fbi"))}
    fill_repeats({"random": 0.0, "restormer": 1.0} | lines)
    assert finding("C22").verdict == "found"
    assert "8 of 12 comparisons repeated" in finding("C22").over_what
    assert "at the full plan at least +3.00 dB" in finding("C22").effect
    fill_repeats({"uformer": -3.5})
    assert finding("C22").verdict == "found in part"
    fill_table3({("noise2self", "restormer"): (40.0, 40.0)})
    assert finding("C22").verdict == "not found"


def test_macs_are_computed_without_any_run():
    found = finding("C23")
    assert found.verdict == "found" and not found.record_keys and "no run" in found.over_what
    assert "Uformer 10.24 to 4.15" in found.effect and "Restormer 35.21 to 11.59 G MACs" in found.effect


def test_cost_is_that_of_the_network_that_is_trained():
    run = next(r for r in table3("laptop") if ablations.strategy_and_encoder(r) == ("noise2self", "uformer"))
    preset = preset_of(specify(run))
    network = build_network(1, 0, **preset.network)
    assert ablations.cost(run).parameters == sum(p.numel() for p in network.parameters())
    assert preset.strategy.period == 4 and ablations.cost(run).macs > 1e8


def test_repeats_of_encoders_have_the_full_plan_for_every_method():
    plans = set()
    for run in repeats("laptop"):
        if (run.method, run.overrides) in [REPEATS[label] for label in ENCODER_REPEATS.values()]:
            plans.add(preset_of(specify(run)).plan)
            pair = ablations.strategy_and_encoder(run)
            short = next(r for r in table3("laptop") if ablations.strategy_and_encoder(r) == pair)
            assert specify(run)["network"] == specify(short)["network"]
    assert plans == {PRESETS["laptop"].plan}


# Rows and what is missing


def test_rows_compare_whole_means_only():
    theirs = {"psnr": "33.00", "ssim": "0.9000"}
    scores = [{"psnr": p, "ssim": 0.95} for p in (36.0, 38.0)]
    whole, part, alone, none = ablations.rows(
        [("a", scores, theirs), ("b", scores[:1], theirs), ("c", scores, None), ("d", [], theirs)], 2
    )
    assert whole == ["a", "2", "37.00 ± 1.00", "33.00", "+4.00", "0.9500 ± 0.0000", "0.9000", "+0.0500"]
    assert part == ["b", "1", "36.00", "33.00", "", "0.9500", "0.9000", ""]
    assert alone[3:5] == ["", ""] and none[2:5] == ["", "33.00", ""]
    assert {len(row) for row in (whole, part, alone, none)} == {len(ablations.HEAD)}


def test_missing_runs_are_named_in_one_line():
    fill_table2(images=3, levels=(0.05, 0.1))
    said = ablations.missing(ablations.gather(table2, "laptop"))
    assert said.startswith("18 of 30 runs") and "\n" not in said
    assert "a = 0.1, sampling = fixed: image 4 5;" in said and "a = 0.02: image 1 2 3 4 5" in said
    fill_table2()
    assert ablations.missing(ablations.gather(table2, "laptop")) == "All 30 runs are there."


def test_missing_names_strategy_and_encoder():
    fill_table3({pair: (30.0, 35.0) for pair in ENCODER_SIZES if pair != ("noise2self", "restormer")})
    said = ablations.missing(ablations.gather(table3, "laptop"))
    assert "a = 0.05, noise2self, encoder = restormer: image 1 2." in said and said.startswith("2 of 14")


def test_missing_runs_are_executed_on_demand(monkeypatch):
    run = noise2sr("laptop", "sample/ptceo2_a_white")

    def work_through(runs):
        assert runs == [run]
        recorded(run, 40.0)

    monkeypatch.setattr(ablations, "work_through", work_through)
    table = {"laptop": [run]}.__getitem__
    assert ablations.gather(table, "laptop")[run] is None
    assert ablations.gather(table, "laptop", run_missing=True)[run]["result"]["mmse"]["psnr"] == 40


def test_best_profile():
    fill_table2()
    assert ablations.best_on_record(table2) == "laptop"
    for run in fig10("paper"):
        recorded(run)
    assert ablations.best_on_record(fig10) == "paper"


# The law of averaging


@pytest.mark.parametrize("flips", [False, True])
def test_law_is_that_of_its_terms(flips):
    """Passes with their own noise and a share of their orientation, whose mean over all eight is zero."""
    rng, trials = np.random.default_rng(0), 20_000
    orientation = rng.normal(size=(trials, 8))
    orientation -= orientation.mean(1, keepdims=True)
    orientation /= orientation.std(1, ddof=1, keepdims=True)
    counts = np.array([1, 2, 3, 5, 7, 8, 10, 15, 16, 30])
    passes = rng.normal(size=(trials, 30)) * np.sqrt(0.5) + 0.3
    if flips:
        passes += orientation[:, np.arange(30) % 8] * np.sqrt(2.0)
    squared = (passes.cumsum(1)[:, counts - 1] / counts) ** 2
    error, deviation = squared.mean(0), squared.std(0) / np.sqrt(trials)
    terms = [0.09, 0.5, 2.0][: 3 if flips else 2]
    assert np.abs((averaging.law(counts, flips) @ terms - error) / deviation).max() < 5
    fitted = averaging.fit_law(counts, error, flips)
    assert np.abs(fitted - terms).max() < 0.05
    assert averaging.enough(np.array(terms), 0.1) == np.ceil(0.5 / 0.009)


def test_fit_takes_nothing_below_zero():
    fitted = averaging.fit_law(np.array([1, 2, 4]), np.array([1.0, 0.5, 0.24]), flips=False)
    assert (fitted >= 0).all() and averaging.enough(fitted, 0.1) == float("inf")


# What is executed here


def test_smoke_executes_a_run_afresh_and_shows_it():
    recorded_now = ablations.gather(table2, "smoke", study="readings")
    assert [ablations.sampling(run) for run in recorded_now] == ["random", "fixed"]
    assert ablations.missing(recorded_now) == "All 2 runs are there."
    for run, record in recorded_now.items():
        part = ablations.shown(record)
        assert run.image.startswith("sample/") and part.x.shape == part.estimate.shape == (144, 144)
        assert record["result"]["mmse"]["psnr"] > record["result"]["noisy"]["psnr"]
        assert ("study" in record) == (ablations.sampling(run) == "fixed")
        assert len(record["curve"]) >= 10 and not list(records.folder().glob("*.json"))


def test_smoke_executes_every_pair_of_strategy_and_encoder():
    recorded_now = ablations.gather(table3, "smoke", curve=False)
    assert {ablations.strategy_and_encoder(run) for run in recorded_now} == set(ENCODER_SIZES)
    for run, record in recorded_now.items():
        assert ("estimate" in record["result"]) == (run.method != "noise2sr")
        # So few steps are too few for FBI-Net, which begins far from the image.
        assert run.method == "fbi" or ablations.score()(record) > record["result"]["noisy"]["psnr"]


def test_upsamplings_are_timed_in_turn(monkeypatch):
    """With a clock of our own: bilinear takes half the time, and the machine slows down all the while."""
    order = []

    def seconds(preset, precision, y, seed, count):
        name = preset.network["upsampling"]
        order.append(name)
        return {"bilinear": 0.5, "pixel shuffle": 1.0, "transposed convolution": 1.2}[name] * len(order)

    monkeypatch.setattr(timing, "_pass", seconds)
    result = timing.upsamplings(0, size=(16, 16), rounds=3)
    assert order[:6] == list(UPSAMPLINGS) * 2 and len(order) == 18
    assert len(result["laptop_bilinear_ratios"]) == 3 and result["paper_pixel_shuffle_ratios"] == [1, 1, 1]
    # Rounds 1, 2, 3: bilinear is measured third, 4th and 5th steps later than the first.
    assert result["laptop_bilinear_ratios"] == [1.5, 0.75, pytest.approx(0.5 * 9 / 7, abs=1e-4)]
    assert result["effect"] == 0.75 and result["spread"] == pytest.approx(1.5 - 4.5 / 7, abs=1e-4)


def test_upsamplings_run():
    result = timing.upsamplings(0, size=(64, 64), rounds=2, presets=("smoke",))
    assert all(v > 0 for k, v in result.items() if k.endswith("_seconds"))
    assert {"effect", "spread", "over_what"} <= set(result)


def test_records_with_crops_show_their_part(data_folder):
    run = dataclasses.replace(noise2sr("laptop", "paper/2"), study="")
    from n2sr_lib.runs.execute import noisy_image
    from n2sr_lib.runs.pictures import cut

    specification = specify(run)
    x, y = noisy_image(specification)
    key = record_key(specification, "cpu", "float32")
    png, crop = cut(x, (180, 560), [x, y, x, y], key)
    record = {"specification": specification, "crop": crop}
    records.folder().mkdir(parents=True)
    (records.folder() / crop["file"]).write_bytes(png)
    part = ablations.shown(record)
    step = crop["scale"]
    assert part.x.shape == (256, 256) and np.array_equal(part.x, x[180:436, 560:816])
    assert np.abs(part.estimate - part.x).max() < step and np.array_equal(part.y, y[180:436, 560:816])
    assert np.abs(part.patches[1] - part.y[:128, :128]).max() < step and len(part.patches) == 4
    assert ablations.shown({"specification": specification}) is None and ablations.shown(None) is None
