"""Training on a set, and weights in files."""

import json

import numpy as np
import pytest
import torch
from conftest import lattice
from safetensors.torch import save_file

from n2sr_lib import pretraining, weights
from n2sr_lib.errors import InputError
from n2sr_lib.methods import ON_SET, preset_for_set
from n2sr_lib.networks.build import build_network
from n2sr_lib.presets import PRESETS, Preset
from n2sr_lib.silence import DEAD
from n2sr_lib.train import History, Plan

NETWORK = {"widths": (8, 8), "features": 8, "activation": "silu", "initial": "he"}
PLAN = Plan(steps=60, batch=4, crop=48, lr=5e-3, warmup=5, cosine=True, every=20)
A, B = 0.05, 0.02


@pytest.fixture(scope="module")
def images():
    return np.stack([lattice(64, 72, period) for period in (12.0, 16.0, 20.0)])


def trained(images, method, **more):
    preset = Preset(NETWORK, ON_SET[method], PLAN)
    return pretraining.pretrain(images, preset, A, B, device="cpu", progress=False, **more)


@pytest.mark.parametrize("method", ON_SET)
def test_denoises_an_image_that_it_has_not_seen(method, images):
    model, history = trained(images, method)
    x = lattice(80, 91, 14.0)
    y = pretraining.noisy_stack(x[None], A, B, 7)[0, 0].numpy()
    assert history.steps == 60 and model.settings["method"] == method
    x_hat = pretraining.apply(model, y, "cpu")
    assert x_hat.shape == x.shape and x_hat.dtype == np.float32
    assert ((x_hat - x) ** 2).mean() < 0.3 * ((y - x) ** 2).mean()
    # Its unit and offset do not matter.
    np.testing.assert_allclose(pretraining.apply(model, 300 * y - 40, "cpu"), 300 * x_hat - 40, atol=0.5)


def test_same_seed_same_weights_and_normalisation_of_the_set(images):
    (one, _), (same, _), (other, _) = (trained(images, "supervised", seed=s) for s in (0, 0, 1))
    values = [next(model.network.parameters()) for model in (one, same, other)]
    assert torch.equal(values[0], values[1]) and not torch.equal(values[0], values[2])
    noisy = pretraining.noisy_stack(images, A, B, 0)
    assert one.settings["mean"] == pytest.approx(images.mean(), abs=1e-6)
    assert one.settings["deviation"] == pytest.approx(noisy.std().item(), rel=0.02)


def test_noise_of_an_image_does_not_depend_on_the_others(images):
    pairs = pretraining.noisy_stack(images, A, B, 3, copies=2)
    assert pairs.shape == (3, 2, 64, 72)
    assert torch.equal(pairs[:2], pretraining.noisy_stack(images[:2], A, B, 3, copies=2))
    residual = (pairs - torch.from_numpy(images)[:, None]).flatten(2)
    correlation = np.corrcoef(residual.flatten(0, 1).numpy()) - np.eye(6)
    assert np.abs(correlation).max() < 4.5 / np.sqrt(64 * 72)
    assert not torch.equal(pairs, pretraining.noisy_stack(images, A, B, 4, copies=2))


def test_weights_come_back(images, tmp_path):
    model, _ = trained(images, "noise2noise", origin={"seed": 5})
    y = images[0] + 0.1 * np.random.default_rng(0).normal(size=images[0].shape).astype(np.float32)
    expected = pretraining.apply(model, y, "cpu")
    for half, tolerance in ((False, 0.0), (True, 2e-3)):
        path = tmp_path / f"{half}.safetensors"
        pretraining.write(path, model, half)
        again = pretraining.read(path)
        assert again.settings == json.loads(json.dumps(model.settings)) == weights.read_settings(path)
        np.testing.assert_allclose(pretraining.apply(again, y, "cpu"), expected, atol=tolerance)
        assert again.settings["origin"] == {"seed": 5}
    assert (tmp_path / "True.safetensors").stat().st_size < 0.75 * (
        tmp_path / "False.safetensors"
    ).stat().st_size


@pytest.mark.parametrize("scale", [1, 2])
def test_shared_levels_are_stored_once(scale, tmp_path):
    options = {"width": 8, "features": 8, "depth": 4}
    network = build_network(scale, 3, **options)
    weights.save_weights(tmp_path / "w", network, {"scale": scale, "network": options})
    again, _ = weights.load_weights(tmp_path / "w")
    assert (tmp_path / "w").stat().st_size < 4 * sum(p.numel() for p in network.parameters()) + 20_000
    y = torch.randn(1, 1, 32, 40, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(again(y), network.eval()(y))


def test_damaged_and_foreign_files_get_one_sentence(tmp_path):
    network, options = build_network(1, 0, **NETWORK), {"scale": 1, "network": NETWORK, "method": "x"}
    good = tmp_path / "good"
    weights.save_weights(good, network, options)
    (tmp_path / "short").write_bytes(good.read_bytes()[:-10])
    (tmp_path / "text").write_text("not weights")
    save_file({"a": torch.zeros(2)}, tmp_path / "foreign")
    weights.save_weights(tmp_path / "other", network, options | {"network": NETWORK | {"features": 9}})
    weights.save_weights(tmp_path / "newer", network, options | {"network": {"sort": "of"}})
    for name, says in {
        "nowhere": "there are no weights",
        "short": "damaged",
        "text": "damaged",
        "foreign": "another program",
        "other": "other weights",
        "newer": "cannot build",
        "good": "unknown method 'x'",
    }.items():
        with pytest.raises(InputError, match=says):
            pretraining.read(tmp_path / name)


def test_unusable_sets(images):
    with pytest.raises(InputError, match="stack"):
        trained(images[0], "supervised")
    for value in (-1, np.nan, np.inf):
        with pytest.raises(InputError, match="negative or infinite"):
            trained(np.where(images > images.max() - 1e-3, value, images), "supervised")
    with pytest.raises(InputError, match="unknown method"):
        preset_for_set("noise2sr", "laptop")


def test_presets_can_be_built():
    for method in ON_SET:
        for profile in ("smoke", "laptop", "paper"):
            preset = preset_for_set(method, profile)
            scale = getattr(preset.strategy, "s", 1)
            size = sum(p.numel() for p in build_network(scale, 0, **preset.network).parameters())
            assert preset.plan.epochs == 0
            if method == "noise2sr_set":  # the same network as for one image, to be adapted to it
                assert preset.network == PRESETS[profile].network
            else:
                assert profile != "laptop" or 2 * size < 595_000


def test_a_dead_network_is_not_kept(images, monkeypatch):
    monkeypatch.setattr(pretraining, "fit", lambda *args, **options: History(steps=20, stopped=DEAD))
    with pytest.raises(InputError, match="died after 20 steps"):
        trained(images, "supervised")


def test_a_save_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    network, path = build_network(1, 0, **NETWORK), tmp_path / "w"
    weights.save_weights(path, network, {"scale": 1, "network": NETWORK})
    before = path.read_bytes()

    def full(tensors, name, header):
        name.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(weights, "save_file", full)
    with pytest.raises(OSError, match="disk full"):
        weights.save_weights(path, network, {})
    assert list(tmp_path.iterdir()) == [path] and path.read_bytes() == before
