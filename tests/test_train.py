import copy
import dataclasses
import math
import warnings

import pytest
import torch
from torch import nn

from n2sr_lib import gradients, silence, train
from n2sr_lib.crops import AUGMENTATIONS, draw_crops, held_out_map
from n2sr_lib.errors import InputError
from n2sr_lib.gradients import shorten
from n2sr_lib.networks.build import build_network
from n2sr_lib.noise import add_noise
from n2sr_lib.pace import FROM, LEAST
from n2sr_lib.strategies.noise2sr import Noise2SR
from n2sr_lib.toy import Law
from n2sr_lib.train import Plan, fit, learning_rate

TINY = {"width": 8, "features": 8, "depth": 2, "decoder_width": 8}
PLAN = Plan(steps=30, batch=2, crop=32, lr=3e-3, warmup=10, cosine=True, averaging=0.9, every=5)


class Scale(nn.Module):
    """One weight: repeats its input and multiplies it."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(0.0))

    def forward(self, y_sub):
        return self.weight * y_sub.repeat_interleave(2, -1).repeat_interleave(2, -2)


@pytest.fixture
def images(noisy):
    y = torch.from_numpy(noisy)[None, None]
    return (y - y.mean()) / y.std()


def run(images, plan=PLAN, seed=0, **options):
    network = build_network(2, 0, **TINY)
    history = fit(network, Noise2SR(), images, plan, seed=seed, progress=False, **options)
    return network, history


def weights(network):
    return torch.cat([p.detach().flatten() for p in network.parameters()])


@pytest.mark.parametrize("augment", AUGMENTATIONS)
def test_the_map_is_cut_and_turned_with_its_image(augment):
    images = torch.arange(2.0 * 60 * 50).view(2, 1, 60, 50)
    crops = draw_crops(images, 64, 32, 2, augment, torch.Generator().manual_seed(0), images % 7 > 0)
    assert torch.equal(crops[:, 1], (crops[:, 0] % 7 > 0).float())


def test_learns_the_known_optimum():
    """Blocks of four pixels share a value v and have noise of variance q: the best factor is 1 / (1 + q)."""
    g, q = torch.Generator().manual_seed(0), 0.5
    v = torch.randn(1, 1, 64, 64, generator=g).repeat_interleave(2, -1).repeat_interleave(2, -2)
    y = v + q**0.5 * torch.randn(v.shape, generator=g)
    network = Scale()
    plan = Plan(steps=300, batch=4, crop=128, lr=0.05, cosine=True, held_out=0.0, augment="none")
    fit(network, Noise2SR(), y, plan, seed=0, progress=False)
    # Least squares on n pairs (u, v + noise) has a standard error of sqrt(residual / (n · E u²)).
    n, residual = 3 * 128 * 128, (1 + q) - 1 / (1 + q)
    assert network.weight.item() == pytest.approx(
        1 / (1 + q), abs=4 * (residual / (n * (1 + q))) ** 0.5 + 5e-3
    )


def test_same_seed_same_bits(images):
    (a, first), (b, second), (c, _) = run(images), run(images), run(images, seed=1)
    assert torch.equal(weights(a), weights(b)) and first.held_out == second.held_out
    assert not torch.equal(weights(a), weights(c))


def test_loss_falls(images):
    _, history = run(images, dataclasses.replace(PLAN, steps=120))
    assert history.loss[-1] < 0.9 * history.loss[0]
    assert history.held_out[-1] < 0.9 * history.held_out[0]
    assert history.step == list(range(5, 121, 5)) and history.steps == 120


def test_a_gradient_of_unusual_length_gets_the_usual_one():
    usual = torch.tensor(1.0)
    for length, expected, then in ((0.0, 0.0, 0.9), (4.9, 4.9, 1.39), (5.1, 1.0, 1.0), (1e18, 1.0, 1.0)):
        gradient = [torch.tensor([0.6, 0.0]) * length, torch.tensor([[0.8]]) * length]
        before = torch.cat([g.flatten() for g in gradient])
        now = shorten(gradient, usual)
        after = torch.cat([g.flatten() for g in gradient])
        assert after.norm().item() == pytest.approx(expected) and now.item() == pytest.approx(then)
        assert length > 5 or torch.equal(after, before)


def test_one_broken_step_does_not_undo_a_training(images):
    class Broken(Noise2SR):
        steps = 0

        def loss(self, *arguments):
            loss, held_out = super().loss(*arguments)
            type(self).steps += 1
            return loss * (1e6 if type(self).steps == 15 else 1), held_out

    plan = dataclasses.replace(PLAN, steps=120)
    _, whole = run(images, plan)
    broken = fit(build_network(2, 0, **TINY), Broken(), images, plan, seed=0, progress=False)
    assert broken.held_out[-1] == pytest.approx(whole.held_out[-1], rel=0.05)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9])
def test_the_weights_are_a_running_mean_of_their_decay(images, decay):
    """Of those after each step, which begins to count all alike; decay 0: the last ones."""
    network, step = build_network(2, 0, **TINY), 0
    expected = weights(network)

    def look(average):
        nonlocal expected, step
        step += 1
        d = min(decay, (1 + step) / (10 + step))
        expected = d * expected + (1 - d) * weights(network)
        torch.testing.assert_close(weights(average), expected)
        return [0.0]

    plan = dataclasses.replace(PLAN, averaging=decay)
    fit(network, Noise2SR(), images, plan, seed=0, progress=False, watch=(1, look))
    assert step == PLAN.steps
    torch.testing.assert_close(weights(network), expected)


@pytest.mark.parametrize("moment", [1, 3, 5])
def test_killed_and_resumed_gives_the_same_bits(images, tmp_path, monkeypatch, moment):
    monkeypatch.setattr(gradients, "LONGEST", 1.0)  # so that every step depends on what is usual
    whole, history = run(images)
    saved, checkpoint = [], tmp_path / "run.pt"

    class Clock:
        """Half a minute passes at every look, so that every point of the history is saved."""

        now = 0.0

        def monotonic(self):
            self.now += 31
            return self.now

    save = train.save

    def save_and_die(state, path):
        save(state, path)
        saved.append(path)
        if len(saved) == moment:
            raise KeyboardInterrupt

    monkeypatch.setattr(train, "time", Clock())
    monkeypatch.setattr(train, "save", save_and_die)
    with pytest.raises(KeyboardInterrupt):
        run(images, checkpoint=checkpoint)
    assert checkpoint.exists()
    resumed, again = run(images, checkpoint=checkpoint)
    assert torch.equal(weights(whole), weights(resumed))
    assert again.held_out == history.held_out and again.step == history.step
    # Training that is done is not done again: the caller may still be averaging.
    assert torch.equal(weights(run(images, checkpoint=checkpoint)[0]), weights(whole))


def test_checkpoint_of_another_run_is_refused(images, tmp_path, monkeypatch):
    checkpoint = tmp_path / "run.pt"
    state = {"signature": "another"}
    torch.save(state, checkpoint)
    with pytest.raises(InputError, match="another run"):
        run(images, checkpoint=checkpoint)
    assert checkpoint.exists()


def test_checkpoint_of_another_network_is_refused(images, tmp_path):
    """Of the same shapes, so that its weights would fit; or with other weights to begin with."""
    one, other = build_network(2, 0, **TINY), build_network(2, 1, **TINY)
    options = {"seed": 0, "progress": False, "checkpoint": tmp_path / "run.pt"}
    fit(copy.deepcopy(one), Noise2SR(), images, PLAN, **options)
    fit(copy.deepcopy(one), Noise2SR(), images, PLAN, **options)
    smooth = copy.deepcopy(one)
    smooth.decode[-2] = nn.Tanh()
    for wrong in (other, smooth):
        with pytest.raises(InputError, match="another run"):
            fit(wrong, Noise2SR(), images, PLAN, **options)


def test_damaged_checkpoint_is_refused(images, tmp_path):
    checkpoint = tmp_path / "run.pt"
    checkpoint.write_bytes(b"not a checkpoint")
    with pytest.raises(InputError, match="damaged"):
        run(images, checkpoint=checkpoint)


def test_kill_while_saving_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "run.pt"
    train.save({"a": 1}, path)

    def broken(state, target):
        target.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", broken)
    with pytest.raises(KeyboardInterrupt):
        train.save({"a": 2}, path)
    monkeypatch.undo()
    assert torch.load(path, weights_only=True) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_budget_becomes_a_number_of_steps(images):
    network, history = run(images, budget=2.0)
    assert history.stopped == "budget" and history.steps > FROM + LEAST
    assert history.seconds[-1] < 6
    # The same number of steps asked for outright gives the same bits.
    again, _ = run(images, dataclasses.replace(PLAN, steps=history.steps))
    assert torch.equal(weights(network), weights(again))


def test_a_budget_that_was_not_needed_did_not_stop_the_training(images):
    run(images, dataclasses.replace(PLAN, steps=1))  # the first optimiser of a process takes seconds
    plan = dataclasses.replace(PLAN, epochs=FROM + LEAST + 30, batch=4, crop=min(images.shape[-2:]))
    steps = math.ceil(plan.epochs * images.numel() / (4 * plan.crop**2))
    _, history = run(images, plan, budget=60.0)
    assert (history.stopped, history.steps) == ("steps", steps)


def test_a_budget_is_watched_in_parts_of_its_steps(images):
    run(images, dataclasses.replace(PLAN, steps=1))  # the first optimiser of a process takes seconds
    looked = []
    _, history = run(images, budget=4.0, watch=(0.25, lambda network: looked.append(1) or [0.0]))
    every, known = max(history.steps // 4, 1), PLAN.warmup  # before, perhaps nobody knows their number
    expected = [step for step in range(every, history.steps + 1, every) if step > known]
    seen = [point[0] for point in history.watched]
    assert [step for step in seen if step > known] == expected != [] and len(looked) == len(seen)


def test_stops_when_the_held_out_loss_stops_falling(images):
    plan = dataclasses.replace(PLAN, steps=4000, lr=0.0, cosine=False, averaging=0.0, patience=3)
    _, history = run(images, plan)
    assert history.stopped == "held-out loss" and history.steps < 4000
    best = history.held_out.index(min(history.held_out))
    assert len(history.held_out) == best + 1 + plan.patience


def test_a_dead_network_is_noticed_at_once(images):
    network = build_network(2, 0, **TINY)
    network.decode[0].bias.data.fill_(-1e3)  # before a ReLU
    history = fit(network, Noise2SR(), images, PLAN, seed=0, progress=False)
    assert history.stopped == silence.DEAD and history.steps == PLAN.every


@pytest.mark.parametrize(("silent", "every"), [(True, 5), (True, 40), (False, 5)])
def test_an_output_silent_in_part_is_noticed_once_by_who_is_wary(images, silent, every):
    """One of the four pixels of each block, where no unit ever answers; or one pixel of each crop."""
    network = build_network(2, 0, **TINY)
    places = torch.zeros(1, 1, PLAN.crop, PLAN.crop)
    places[..., :: 2 if silent else PLAN.crop, :: 2 if silent else PLAN.crop] = 1e3
    network.decode[2].register_forward_hook(lambda module, inputs, out: out - places)  # before the last ReLU
    network.decode[2].bias.data.fill_(0.5)  # nowhere else
    plan = dataclasses.replace(PLAN, steps=silence.SILENT_STEP + 25, every=every)

    def trained(wary):
        return fit(copy.deepcopy(network), Noise2SR(), images, plan, seed=0, progress=False, wary=wary)

    history, careless = trained(True), trained(False)
    assert careless.stopped == "steps" and careless.steps == plan.steps
    if silent:
        assert (history.stopped, history.steps) == (silence.SILENT, {5: 100, 40: 120}[every])
    else:
        assert (history.stopped, history.loss) == ("steps", careless.loss)


def test_held_out_pixels_are_seeded_and_never_targets():
    kept = held_out_map((1, 1, 400, 300), 0.02, 5)
    assert torch.equal(kept, held_out_map((1, 1, 400, 300), 0.02, 5))
    assert not torch.equal(kept, held_out_map((1, 1, 400, 300), 0.02, 6))
    n = kept.numel()
    assert abs((1 - kept).sum().item() - 0.02 * n) < 5 * (n * 0.02 * 0.98) ** 0.5
    y = torch.randn(1, 1, 40, 30)
    kept = held_out_map(tuple(y.shape), 0.3, 1)
    losses = [
        Noise2SR().loss(Scale(), y + 9 * change, kept, torch.Generator().manual_seed(0))[0].item()
        for change in (0, (1 - kept))
    ]
    assert losses[0] == losses[1]  # Scale's weight is 0: only the targets count


@pytest.mark.parametrize("seed", range(4))
def test_held_out_pixels_know_nothing_of_our_noise_of_the_same_seed(seed):
    """PyTorch makes normal numbers in float32 of the same uniform ones: these would choose by the noise."""
    zero = torch.zeros(1, 1, 256, 256)
    left_out = held_out_map(tuple(zero.shape), 0.02, seed) == 0
    for n in (
        add_noise(zero, 0.0, 1.0, torch.Generator().manual_seed(seed)),
        Law(0.0, 1.0).draw(zero, torch.Generator().manual_seed(seed)),
    ):
        assert n[left_out].square().mean() == pytest.approx(1, abs=4.5 * (2 / left_out.sum().item()) ** 0.5)
    n = torch.randn(zero.shape, generator=torch.Generator().manual_seed(seed))
    assert n[left_out].square().mean() < 0.02  # else the docstring's warning is obsolete


@pytest.mark.parametrize("augment", AUGMENTATIONS)
def test_crops_come_from_the_image(augment):
    image = torch.arange(1.0, 1 + 60 * 50).view(1, 1, 60, 50)
    crops = draw_crops(image, 64, 32, 2, augment, torch.Generator().manual_seed(0))
    assert crops.shape == (64, 1, 32, 32)
    values = [crop.flatten() for crop in crops]
    assert all(len(v.unique()) == 32 * 32 and v.min() >= 1 for v in values)
    steps = {
        (round((c[0, 0, 1] - c[0, 0, 0]).item()), round((c[0, 1, 0] - c[0, 0, 0]).item())) for c in crops
    }
    if augment == "none":
        assert steps == {(1, 50)}
    elif augment == "turns":
        assert steps == {(a, b) for p in (1, -1) for q in (50, -50) for a, b in ((p, q), (q, p))}


def test_small_images_get_smaller_crops():
    crops = draw_crops(torch.randn(2, 1, 35, 70), 3, 256, 4, "none", torch.Generator().manual_seed(0))
    assert crops.shape == (3, 1, 32, 32)


@pytest.mark.parametrize("wrong", [{"augment": "turn"}, {"precision": "bf16"}])
def test_an_unknown_setting_is_refused(wrong):
    with pytest.raises(InputError, match="choose one of"):
        Plan(**wrong)


def test_no_hook_is_left_behind_by_an_error(images):
    network = build_network(2, 0, **TINY)
    with pytest.raises(InputError, match="not finite"):
        fit(network, Noise2SR(), torch.full_like(images, torch.nan), PLAN, seed=0, progress=False)
    assert not any(module._forward_hooks for module in network.modules())


def test_schedule():
    plan = Plan(lr=1.0, warmup=10, cosine=True)
    assert [learning_rate(plan, t, 100) for t in (0, 9)] == [0.1, 1.0]
    assert learning_rate(plan, 55, 100) == pytest.approx(0.5)
    assert learning_rate(plan, 99, 100) < 0.01
    assert learning_rate(plan, 3, 100) == learning_rate(plan, 3, 1000)
    assert learning_rate(Plan(), 5999, 6000) == 1e-4


@pytest.mark.parametrize(
    ("side", "crop", "expected"), [(64, 32, 10), (32, 32, 3), (64, 128, 3), (320, 32, 30)]
)
def test_a_small_image_gets_fewer_steps(side, crop, expected):
    """Five times through the image: 5 · side² pixels in batches of 2 crops; never more than plan.steps."""
    plan = dataclasses.replace(PLAN, epochs=5, crop=crop)
    network = build_network(2, 0, width=4, features=4, depth=2, decoder_width=4)
    history = fit(network, Noise2SR(), torch.randn(1, 1, side, side), plan, seed=0, progress=False)
    assert history.steps == expected and history.stopped == "steps"


def test_a_checkpoint_that_cannot_be_saved_costs_no_training(tmp_path, monkeypatch):
    def full(state, target):
        raise RuntimeError(
            "[enforce fail at inline_container.cc:595] . failed writing file\nexception raised"
        )

    for path in (tmp_path / ("x" * 300), tmp_path / "nowhere" / "run.pt"):
        with pytest.warns(
            UserWarning, match="cannot be saved .*, so that an interrupted training begins anew"
        ):
            train.save({"a": 1}, path)
    monkeypatch.setattr(torch, "save", full)
    with pytest.warns(UserWarning, match="cannot be saved") as told:
        train.save({"a": 1}, tmp_path / "run.pt")
    assert "\n" not in str(told[0].message) and list(tmp_path.iterdir()) == []


def test_two_runs_save_at_once(tmp_path, monkeypatch):
    path, save = tmp_path / "run.pt", torch.save

    def beside_another(state, target):
        save(state, target)
        monkeypatch.setattr(torch, "save", save)
        train.save({"a": 2}, path)

    monkeypatch.setattr(torch, "save", beside_another)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train.save({"a": 1}, path)
    assert torch.load(path, weights_only=True) == {"a": 1} and list(tmp_path.iterdir()) == [path]
