"""Experiments on series: what is measured, that it follows the seed, and that it is kept as it was."""

import numpy as np
import pytest
import torch

from n2sr_lib import massive, scenes, series
from n2sr_lib.characters import composed
from n2sr_lib.errors import InputError
from n2sr_lib.experiments import TRAINING_SEEDS, Run, bottleneck, cjk, tracking, wanted
from n2sr_lib.runs.estimates import effort
from n2sr_lib.runs.execute import execute
from n2sr_lib.runs.pictures import picture_of
from n2sr_lib.runs.specification import machine, record_key, specify
from n2sr_lib.verdicts import NOT_TESTABLE

IMAGES = composed(40, 0)
FEW = {"count": 30, "test": 8, "steps": 4, "batch": 4}
TINY = (("frames", 16), ("size", 64), ("crop", 32), ("steps", 4), ("batch", 2), ("channels", 2))
RUN = Run(kind="series", method="moving_atoms", overrides=TINY)


def test_atoms_are_located_to_a_fraction_of_a_pixel():
    places = torch.tensor([[[20.3, 30.7], [44.0, 12.5]], [[21.6, 29.1], [43.5, 14.2]]])
    stack = scenes._spots(places, torch.ones(2), 64)[:, None]
    near = places + torch.tensor([2.0, -1.5])
    assert (series.locate(stack, near) - places).norm(dim=2).max() < 0.1
    # A brighter one further than the radius from where it is looked for does not disturb.
    third = scenes._spots(places[:, :1] + torch.tensor([0.0, 15.0]), torch.tensor([9.0]), 64)[:, None]
    assert (series.locate(stack + third, near) - places).norm(dim=2)[:, 0].max() < 0.1
    noise = torch.randn(400, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    chance = (series.locate(noise, torch.full((400, 1, 2), 32.0)) - 32).norm(dim=2).mean()
    assert chance == pytest.approx(2 / 3 * series.ISOLATED, abs=0.25)  # as `moving_atoms` says


def test_scores_do_not_depend_on_the_scale_of_an_estimate():
    x, said = torch.rand(5, 1, 8, 8), torch.rand(5, 1, 8, 8)
    line = series._line(said, x)
    torch.testing.assert_close(series._line(0.3 * said - 7, x), line, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(series._line(2 * x + 1, x), x, atol=1e-5, rtol=1e-5)
    moved = torch.cat([x[:-1], x[-1:] + 3])  # the last one, which is not fitted
    torch.testing.assert_close(series._line(said, moved), line)


@pytest.mark.parametrize("options", [{"outputs": 1}, {"method": "noise2self"}])
def test_characters_compares_methods_on_the_same_test_set(options):
    result, picture = series.characters(1, IMAGES, **FEW | options)
    again, _ = series.characters(1, IMAGES, **FEW | options)
    ours, same = series.characters(1, IMAGES, **FEW)
    # Bits but for the seconds.
    assert all(again[k] == v for k, v in result.items() if k != "curve")
    assert [p[2:] for p in again["curve"]] == [p[2:] for p in result["curve"]] and len(again["curve"]) == 4
    assert np.array_equal(picture[0], same[0]) and np.array_equal(picture[1], same[1])
    assert not np.array_equal(picture[2], same[2]) and ours["weights"] != result["weights"]
    assert len(picture) == 3 and {len(row) for row in picture} == {series.SHOWN + 1}
    assert result["trained_on"] == 30 and result["effect"] == result["psnr"] < 30


def test_characters_refuses_an_unknown_method():
    with pytest.raises(InputError, match="choose 'autoencoder' or 'noise2self'"):
        series.characters(0, IMAGES, method="magic", **FEW)


def test_moving_atoms_measures_against_the_truth():
    result, picture = series.moving_atoms(0, **dict(TINY))
    assert len(picture) == 4 and {image.shape for row in picture for image in row} == {(64, 64)}
    assert np.shape(result["blurred"]) == np.shape(result["estimated"]) == (16, 3)
    assert result["blurred_mean"] == pytest.approx(np.mean(result["blurred"]), abs=0.01)
    expected = np.mean(np.subtract(result["blurred"], result["estimated"]))
    assert result["effect"] == pytest.approx(expected, abs=0.01)
    wide, _ = series.moving_atoms(0, **dict(TINY) | {"channels": 5})
    assert wide["blurred"] == result["blurred"] and wide["weights"] > result["weights"]


def test_quality_of_the_truth_and_of_the_support_alone():
    scene = scenes.moving_atoms(16, 0)
    assert series._quality(scene.x, scene, slice(None)) == [0.0, 0.0, 1.0]
    rmse, background, height = series._quality(scene.support.expand(16, 1, -1, -1), scene, slice(None))
    assert rmse > 0.1 and background < 0.01 and height == 0


def test_a_run_is_specified_executed_and_its_picture_kept():
    specification = specify(RUN)
    assert specification["options"] == dict(TINY)
    record, png = execute(specification, device="cpu")
    assert record["key"] == record_key(specification, "cpu", "float32") and machine(specification, "cpu")
    _, rows = series.moving_atoms(0, **dict(TINY))
    for row, kept, scale in zip(rows, picture_of(record, png), record["crop"]["scales"], strict=True):
        np.testing.assert_allclose(np.stack(kept), np.stack(row), atol=0.51 * scale)
    assert massive.picture(record | {"picture": rows}) is rows


def test_keys_tell_options_apart_and_old_keys_stay():
    plain = Run(kind="series", method="moving_atoms")
    wide = Run(kind="series", method="moving_atoms", overrides=(("channels", 16),))
    assert record_key(specify(plain) | {"algorithm": 1}, "cpu", "float32") == "c9da6804b683f202"
    assert len({record_key(specify(run), "cpu", "float32") for run in (plain, wide, RUN)}) == 3
    assert effort(specify(plain), "float32") != effort(specify(wide), "float32")
    with pytest.raises(InputError, match="no option 'chanels'"):
        specify(Run(kind="series", method="moving_atoms", overrides=(("chanels", 1),)))
    with pytest.raises(InputError, match="unknown method 'dance'"):
        specify(Run(kind="series", method="dance"))
    with pytest.raises(InputError, match="no option 'device'"):
        specify(Run(kind="series", method="moving_atoms", overrides=(("device", "cpu"),)))


@pytest.mark.parametrize("profile", ["laptop", "paper"])
def test_the_figures_ask_for_what_they_compare(profile):
    serves = wanted(profile, ["cjk", "bottleneck", "tracking"])
    for run in serves:
        specify(run)
        assert str(run)
    shared = [run for run, tables in serves.items() if tables == ["tracking", "bottleneck"]]
    assert len(shared) == len(TRAINING_SEEDS)
    absent = {run: None for run in (*cjk(profile), *bottleneck(profile), *tracking(profile))}
    assert massive.results(absent, outputs=1) == [] and "have no record" in massive.missing(absent)


def recorded(table, result):
    return {run: {"key": str(run), "result": result(run)} for run in table("laptop")}


def test_verdicts_follow_from_records(monkeypatch):
    """Made-up results: 64 channels see more and are rougher; the extra outputs are twice as fast."""

    def atoms(run):
        c, noise = dict(run.overrides).get("channels", 64), 0.01 * run.seed
        curve = [[k, 0.0, 0.5, 0.1 + 0.001 * c + noise / 9, c / 100 + noise] for k in range(1, 21)]
        return {"curve": curve, "effect": 0.5 + noise, "blurred_mean": 1.0, "estimated_mean": 0.5 - noise}

    def signs(run):
        options, noise = dict(run.overrides), 0.01 * run.seed
        pace, ours = (1 if options.get("outputs") == 1 else 2), "method" not in options
        curve = [[k, 0.0, max(1 - 0.05 * pace * k, 0.2) + noise, 9.0] for k in range(1, 21)]
        return {"psnr": 15 + noise + 0.2 * ours, "illegal_correlation": 0.9 - 0.5 * ours, "curve": curve}

    tables = {bottleneck: atoms, tracking: atoms, cjk: signs}
    known = {}
    for table, result in tables.items():
        known |= recorded(table, result)
    monkeypatch.setattr(massive, "found", lambda runs: {run: known.get(run) for run in runs})
    said = massive.findings()
    assert {name: said[name].verdict for name in sorted(said)} == {
        **{name: "found" for name in ("C31", "C32", "C34", "C37")},
        "C33": "found",
        "C39": NOT_TESTABLE,
    }
    assert "2.00 times" in said["C34"].effect and "+0.20 dB" in said["C32"].effect
    known.pop(tracking("laptop")[0])
    assert set(massive.findings()) == {"C32", "C33", "C34", "C39"}
