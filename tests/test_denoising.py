import dataclasses
import json
import warnings

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio as psnr

from n2sr_lib import PRESETS, InputError, Preset, denoise, denoising
from n2sr_lib.checkpoint import remove
from n2sr_lib.checks import check_image
from n2sr_lib.denoising import apply, for_prediction
from n2sr_lib.devices import choose_device
from n2sr_lib.networks.build import build_network
from n2sr_lib.silence import DEAD, SILENT
from n2sr_lib.strategies.noise2sr import Noise2SR

SMOKE = PRESETS["smoke"]


def smoke(image, **options):
    return denoise(image, preset="smoke", progress=False, **options)


def test_denoises_and_says_how(noisy, clean):
    before = noisy.copy()
    result = smoke(noisy)
    span = np.ptp(clean)
    assert psnr(clean, result.image, data_range=span) > psnr(clean, noisy, data_range=span) + 8
    assert np.array_equal(noisy, before)
    for part in (result.image, result.spread, result.out_of_bag):
        assert part.shape == noisy.shape and part.dtype == np.float32
    assert result.settings["steps"] == SMOKE.plan.steps == result.history.steps
    assert result.settings["strategy"] == {"name": "Noise2SR", **dataclasses.asdict(SMOKE.strategy)}
    assert result.settings["plan"]["precision"] == "float32"


def test_settings_repeat_the_result(noisy):
    a = smoke(noisy, seed=0)
    assert np.array_equal(a.image, smoke(noisy, seed=0).image)
    assert not np.array_equal(a.image, smoke(noisy, seed=1).image)


@pytest.fixture
def dying(monkeypatch):
    """Networks of these seeds are born with a silent decoder."""
    seeds = set()

    def build(scale, seed, **options):
        network = build_network(scale, seed, **options)
        if seed in seeds:
            network.decode[0].bias.data.fill_(-1e3)
        return network

    monkeypatch.setattr(denoising, "build_network", build)
    return seeds


def test_a_training_that_dies_begins_again(noisy, dying, tmp_path):
    dying.add(0)
    result = smoke(noisy, checkpoint=tmp_path / "c")
    alive = smoke(noisy, seed=1)
    assert result.settings == alive.settings | {
        k: result.settings[k] for k in result.settings if "seconds" in k
    }
    assert np.array_equal(result.image, alive.image)
    assert len(list(tmp_path.iterdir())) == 2  # kept until the caller's result is safe
    remove(tmp_path / "c")
    assert not list(tmp_path.iterdir())


def test_an_interrupted_run_remembers_that_it_died(noisy, dying, tmp_path, monkeypatch):
    dying.add(0)
    whole, fit = smoke(noisy), denoising.fit

    def interrupted(*args, seed, **options):
        if seed == 1:
            raise KeyboardInterrupt
        return fit(*args, seed=seed, **options)

    monkeypatch.setattr(denoising, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        smoke(noisy, checkpoint=tmp_path / "c")
    monkeypatch.setattr(denoising, "fit", fit)
    assert np.array_equal(smoke(noisy, checkpoint=tmp_path / "c").image, whole.image)


def test_a_training_that_always_dies_says_so(noisy, dying):
    dying.update((0, 1, 2))
    with pytest.warns(UserWarning, match="another seed"):
        result = smoke(noisy)
    assert result.history.stopped == DEAD and np.ptp(result.image) < 1e-5
    with pytest.warns(UserWarning, match="after 10 steps"):
        assert smoke(noisy, restarts=0).settings["seed"] == 0


def test_a_training_silent_in_part_begins_again_and_the_last_goes_on(noisy, monkeypatch):
    fit, told, bad = denoising.fit, [], set()

    def silent(*args, seed, wary, **options):
        told.append((seed, wary))
        history = fit(*args, seed=seed, wary=wary, **options)
        history.stopped = SILENT if wary and seed in bad else history.stopped
        return history

    monkeypatch.setattr(denoising, "fit", silent)
    trials = [(4, True), (5, True), (6, False)]
    for expected in (trials[:1], trials[:2], trials):
        bad, told = {seed for seed, _ in expected[:-1]}, []
        result = smoke(noisy, seed=4)
        assert (told, result.history.stopped) == (expected, "steps")
        assert result.settings["seed"] == expected[-1][0]


def test_units_do_not_matter(noisy):
    """Counts or fractions: the same image, in the unit that was given. Powers of two are exact in float32."""
    a, b = smoke(noisy), smoke(1024 * noisy.astype(np.float64))
    np.testing.assert_allclose(b.image, 1024 * a.image, rtol=1e-5)
    np.testing.assert_allclose(b.spread, 1024 * a.spread, rtol=1e-4, atol=1e-3)


def test_an_offset_comes_back(noisy):
    """Rounding differs with an offset, and training amplifies it a little."""
    a, b = smoke(noisy), smoke(noisy + np.float32(3))
    assert np.median(np.abs(b.image - 3 - a.image)) < 2e-3 * np.ptp(a.image)


def test_the_trained_network_predicts_again(noisy):
    result = smoke(noisy)
    y = torch.from_numpy((noisy - result.mean) / result.deviation)[None, None]
    predictor = for_prediction(result.network, "float32", torch.device("cpu"))
    again = SMOKE.strategy.predict(predictor, y, torch.Generator().manual_seed(1))
    np.testing.assert_allclose(again.image * result.deviation + result.mean, result.image, atol=1e-6)


def test_a_network_is_handed_on(noisy, clean):
    first = smoke(noisy)
    same = apply(first, noisy, progress=False)
    for name in ("image", "spread", "out_of_bag"):
        np.testing.assert_array_equal(getattr(same, name), getattr(first, name))
    other = apply(first, 100 * np.flip(noisy, 0)[:120] + 7, progress=False)
    better = 100 * np.flip(clean, 0)[:120] + 7
    assert np.square(other.image - better).mean() < np.square(100 * (noisy - clean)).mean() / 6
    assert other.settings["train_seconds"] == 0
    # warm: a few steps from there are better than from the beginning
    few = dataclasses.replace(SMOKE, plan=dataclasses.replace(SMOKE.plan, steps=5))
    warm, cold = (denoise(noisy, preset=few, progress=False, start=s) for s in (first.network, None))
    assert np.square(warm.image - clean).mean() < np.square(cold.image - clean).mean()


def test_integers_with_negative_values(noisy):
    result = smoke(np.round((noisy - 0.5) * 200).astype(np.int16))
    assert result.image.min() < 0 and np.isfinite(result.image).all()


def test_budget_covers_training_and_averaging(noisy):
    result = smoke(noisy, budget=np.float32(3.0))  # as where it comes from an array
    assert json.loads(json.dumps(result.settings))["budget"] == 3.0
    total = result.settings["train_seconds"] + result.settings["predict_seconds"]
    assert 0.5 < total < 9 and result.history.stopped == "budget"


def test_better_hidden_pixels_than_seen_ones_do_not_exist(noisy):
    """Every pass is the same network: out of bag and plain mean may differ by no more than a few spreads."""
    result = smoke(noisy)
    defined = np.isfinite(result.out_of_bag)
    assert defined.mean() > 0.99
    gap = np.abs(result.out_of_bag - result.image)[defined]
    assert np.median(gap) < np.median(result.spread)


BAD = {
    "objects": (np.array([[1, None]] * 70, dtype=object), "Python objects"),
    "words": (np.full((70, 70), "a"), "numbers"),
    "complex": (np.ones((70, 70), complex), "complex"),
    "one dimension": (np.arange(9000.0), "1 dimensions"),
    "a stack": (np.zeros((5, 70, 70)), "3 dimensions"),
    "colour": (np.random.default_rng(0).random((70, 70, 3)), "colour"),
    "small": (np.random.default_rng(0).random((63, 300)), "63×300"),
    "constant": (np.full((70, 70), 7.0), "constant"),
    "all NaN": (np.full((70, 70), np.nan), "NaN"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_images_get_one_sentence(name):
    image, word = BAD[name]
    with warnings.catch_warnings(), pytest.raises(InputError, match=word) as caught:
        warnings.simplefilter("error")
        denoise(image, progress=False)
    assert "\n" not in str(caught.value)


def test_a_few_missing_pixels_are_filled_and_many_refused(noisy):
    image = noisy.copy()
    image[10, 10], image[20, 30:34], image[0, 0] = np.nan, np.inf, -np.inf
    y, filled = check_image(image)
    assert filled == 6 and np.isfinite(y).all()
    good = np.isfinite(image)
    assert np.array_equal(y[good], image[good])
    assert y[~good].min() >= noisy.min() and y[~good].max() <= noisy.max()
    image[:20] = np.nan
    with pytest.raises(InputError, match="repair"):
        check_image(image)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"seed": 2**63}, "seed"),
        ({"preset": "best"}, "laptop"),
        ({"budget": 0}, "positive"),
        ({"budget": float("inf")}, "positive"),
        ({"budget": "60s"}, "give seconds"),  # which the command takes
        ({"seed": -1}, "whole number"),
        ({"seed": 1.5}, "whole number"),
        ({"device": "tpu"}, "cuda"),
    ],
)
def test_bad_options_get_one_sentence(noisy, options, word):
    with pytest.raises(InputError, match=word):
        denoise(noisy, progress=False, **options)


def test_absent_cuda_device(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="no CUDA device"):
        choose_device("cuda")
    assert choose_device("auto") == torch.device("cpu")


def test_paper_preset_is_the_papers():
    """Section IV-A.2, and 1,500 epochs of four steps (its code)."""
    preset = PRESETS["paper"]
    plan = preset.plan
    assert (plan.batch, plan.crop, plan.lr, plan.steps, plan.weight_decay) == (12, 256, 1e-4, 6000, 0)
    assert (plan.cosine, plan.averaging, plan.warmup, plan.precision) == (False, 0, 0, "float32")
    assert preset.strategy == Noise2SR(s=2, M=50)
    assert sum(p.numel() for p in build_network(2, 0, **preset.network).parameters()) == 1_736_097


def test_custom_presets(noisy):
    preset = Preset(SMOKE.network, Noise2SR(s=3, M=2), dataclasses.replace(SMOKE.plan, steps=12))
    result = denoise(noisy, preset=preset, progress=False)
    assert result.settings["preset"] == "custom" and result.image.shape == noisy.shape


def test_missing_pixels_are_filled_from_their_own_neighbourhood():
    """Not from others that were filled: a gradient goes on across three dead columns."""
    y = 100.0 + np.arange(512)[:, None] + np.zeros((1, 512))
    image = y.copy()
    image[:, 250:253] = np.nan
    filled, missing = check_image(image)
    assert missing == 3 * 512
    np.testing.assert_allclose(filled[2:-2], y[2:-2])
    assert abs(filled - y).max() <= 1  # at the edge half of the window is outside
    # Where the window has no finite pixel it is the median of the whole image.
    image = y.copy()
    image[100:112, 100:112] = np.inf
    filled, _ = check_image(image)
    assert filled[106, 106] == np.float32(np.median(y[np.isfinite(image)]))
    assert abs(filled[100, 100] - 200) < 3
