"""Whether to begin with other weights: held-out pixels decide, for an image of the kind and for others."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import lattice

from n2sr_lib import pretraining, warm
from n2sr_lib.crops import held_out_map
from n2sr_lib.methods import ON_SET
from n2sr_lib.presets import PRESETS, Preset
from n2sr_lib.train import Plan
from n2sr_lib.warm import K, choose

NETWORK = PRESETS["smoke"].network
TRIAL = Preset(NETWORK, replace(ON_SET["noise2sr_set"], M=8), Plan(steps=40, batch=2, crop=48, lr=4e-3))


@pytest.fixture(scope="module")
def network():
    images = np.stack([lattice(64, 72, period) for period in (14.0, 16.0, 18.0)])
    plan = Plan(steps=150, batch=4, crop=48, lr=5e-3, warmup=5, cosine=True, every=50)
    preset = Preset(NETWORK, ON_SET["noise2sr_set"], plan)
    return pretraining.pretrain(images, preset, 0.05, 0.02, device="cpu", progress=False)[0].network


def noisy(x, seed=3):
    return pretraining.noisy_stack(x[None].astype(np.float32), 0.05, 0.02, seed)[0, 0].numpy()


def test_an_image_of_the_kind_begins_with_the_weights(network):
    choice = choose(noisy(lattice(192, 192, 15.0)), network, TRIAL, device="cpu", progress=False)
    assert choice.warm and choice.gain > K * choice.standard_error
    assert choice.gain == pytest.approx(choice.scratch - choice.given, rel=1e-3)


def test_pixels_that_were_trained_on_do_not_count(network, monkeypatch):
    y, denoise = noisy(lattice(192, 192, 15.0)), warm.denoise
    honest = choose(y, network, TRIAL, device="cpu", progress=False)

    def by_heart(image, **options):
        done = denoise(image, **options)
        kept = held_out_map((1, 1, *y.shape), warm.HELD_OUT, 0)[0, 0].numpy() == 1
        return replace(done, out_of_bag=np.where(kept, y, done.out_of_bag))

    monkeypatch.setattr(warm, "denoise", by_heart)
    assert choose(y, network, TRIAL, device="cpu", progress=False) == honest


def test_an_image_that_is_nothing_like_the_set_does_not(network):
    rows, columns = np.mgrid[:192, :192]
    blots = 0.3 + 0.4 * (((rows // 24) + (columns // 32)) % 2)
    choice = choose(noisy(blots), network, TRIAL, device="cpu", progress=False)
    assert not choice.warm and choice.given > choice.scratch


def test_pure_noise_is_no_reason(network):
    y = np.random.default_rng(0).normal(size=(96, 96))
    assert not choose(y, network, TRIAL, device="cpu", progress=False).warm
