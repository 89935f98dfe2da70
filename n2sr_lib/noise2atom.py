"""Noise2Atom (Wang et al., Applied Microscopy 50:23, 2020): noisy series to pictures of atoms, unpaired.

Two generators translate between the noisy domain and a clean one of simulated Gaussian atoms, and a critic
compares what comes out as clean with the clean domain. Nothing ties a single noisy pixel to its clean value
but that the way back must agree with where one began: exactly for clean images, and after a low-pass for
noisy ones, whose noise no generator can know. Networks are at odds here, so this file has its own loop.
"""

import copy
import math
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from .crops import draw_crops
from .errors import InputError
from .networks.translation import Critic, Generator, LowPass
from .progress import bar


@dataclass(frozen=True)
class Noise2AtomPlan:
    """Sizes and steps; where they are not those of Wang et al., theirs stand behind."""

    steps: int = 800  # of the generators; 65,536
    critic_steps: int = 5  # for each of them
    batch: int = 4  # 3
    crop: int = 64  # pixels; 128
    lr: float = 2e-4  # 5e-5 throughout; here it falls to zero, which lets the critic come to rest
    adversarial: float = 0.5  # rate of the steps towards a high score, as a share of `lr`; 1
    penalty: float = 10.0  # weight of the gradient penalty
    blur: float = 2.0  # deviation of the low-pass, pixels; the released kernel is no Gaussian, see `losses`
    clean_images: int = 256  # 1,024
    widths: tuple[int, ...] = (16, 24, 48)  # of the generators; 64, 64, 64, 128
    blocks: int = 3  # 17
    critic_widths: tuple[int, ...] = (16, 32, 64, 64)  # 64, 64, 128, 128
    averaging: float = 0.99  # decay of the average of the generators' weights; none
    every: int = 10  # steps between two points of the history


@dataclass
class Course:
    """What happened: one entry per ``plan.every`` steps, and the count of steps done.

    distance : the critic's mean score of clean images less that of translated ones.
    penalty, cycle : the gradient penalty before its weight, and the cycle loss.
    """

    step: list[int] = field(default_factory=list)
    distance: list[float] = field(default_factory=list)
    penalty: list[float] = field(default_factory=list)
    cycle: list[float] = field(default_factory=list)
    steps: int = 0


def gradient_penalty(critic, real: Tensor, fake: Tensor, generator: torch.Generator) -> Tensor:
    """Mean of (‖∇critic‖ - 1)² at points drawn between real and fake images (B, 1, h, w): a scalar.

    One draw an image, as in Gulrajani et al. (2017); the released code of Noise2Atom draws one a pixel, and
    its points then do not lie between the two.
    """
    t = torch.rand((len(real), 1, 1, 1), generator=generator).to(real)
    between = (t * real + (1 - t) * fake).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()


def critic_loss(critic, real: Tensor, fake: Tensor) -> Tensor:
    """What the critic makes small: its mean score of fake images less that of real ones (Wasserstein)."""
    return critic(fake).mean() - critic(real).mean()


def adversarial_loss(critic, fake: Tensor) -> Tensor:
    """What a generator makes small: it wants a high score."""
    return -critic(fake).mean()


def cycle_loss(to_clean, to_noisy, low_pass, noisy: Tensor, clean: Tensor) -> Tensor:
    """Mean absolute errors there and back, added: of clean images, and of noisy ones after a low-pass.

    The low-pass is the relaxation: it must let through what atoms look like and stop what pixels do.
    """
    there_and_back = low_pass(to_noisy(to_clean(noisy))) - low_pass(noisy)
    return there_and_back.abs().mean() + (clean - to_clean(to_noisy(clean))).abs().mean()


def build(plan: Noise2AtomPlan, seed: int, noisy: Tensor, clean: Tensor) -> nn.ModuleDict:
    """The generators ``to_clean`` and ``to_noisy`` and the ``critic``, with seeded weights, on the CPU.

    The straight line that the generators begin with gives low-passed noisy images (T, 1, H, W) the mean and
    the deviation of low-passed clean ones (N, 1, h, w).
    """
    low_pass = LowPass(plan.blur)
    u, v = (low_pass(images.cpu()) for images in (noisy, clean))
    slope = (v.std() / u.std()).item()
    offset = v.mean().item() - slope * u.mean().item()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        size = (plan.widths, plan.blocks, plan.blur)
        networks = {
            "to_clean": Generator(*size, (slope, offset)),
            "to_noisy": Generator(*size, (1 / slope, -offset / slope)),
            "critic": Critic(plan.critic_widths),
        }
    # A quarter of the time of a step less than with the channels first.
    return nn.ModuleDict(networks).to(memory_format=torch.channels_last)


def fit(
    networks: nn.ModuleDict,
    noisy: Tensor,
    clean: Tensor,
    plan: Noise2AtomPlan,
    *,
    seed: int,
    progress: bool = True,
) -> Course:
    """Train the networks of `build` in place; the generators end as averages of their weights.

    Parameters
    ----------
    noisy : Tensor (T, 1, H, W), float32, normalised to mean 0 and deviation 1 over the series, on the
        networks' device.
    clean : Tensor (N, 1, h, w), float32, in -1 ... 1: unpaired images of the clean domain.
    seed : of crops and penalty points. Same seed, same machine: same bits.

    Raises
    ------
    InputError
        If a loss is not finite.
    """
    to_clean, to_noisy, critic = (networks[name] for name in ("to_clean", "to_noisy", "critic"))
    both = [*to_clean.parameters(), *to_noisy.parameters()]
    # Each loss has its own optimiser, which makes up for the size of its gradient: that of the critic's score
    # is some `crop` times that of a mean over pixels.
    optimizers = {
        "critic": torch.optim.Adam(critic.parameters(), plan.lr, (0.0, 0.9)),
        "adversarial": torch.optim.Adam(to_clean.parameters(), plan.lr, (0.0, 0.9)),
        "cycle": torch.optim.Adam(both, plan.lr, (0.0, 0.9)),
    }
    averages = copy.deepcopy(networks)
    generator, course = torch.Generator().manual_seed(seed), Course()

    def draw() -> tuple[Tensor, Tensor]:
        return tuple(draw_crops(i, plan.batch, plan.crop, 4, "turns", generator) for i in (noisy, clean))

    def descend(name: str, loss: Tensor) -> None:
        share = plan.adversarial if name == "adversarial" else 1.0
        for group in optimizers[name].param_groups:
            group["lr"] = plan.lr * share * (1 - course.steps / plan.steps)
        optimizers[name].zero_grad()
        loss.backward()
        optimizers[name].step()

    with bar(plan.steps, "training", progress) as shown:
        while course.steps < plan.steps:
            for _ in range(plan.critic_steps):
                y, x = draw()
                with torch.no_grad():
                    fake = to_clean(y)
                distance = critic_loss(critic, x, fake)
                penalty = gradient_penalty(critic, x, fake, generator)
                descend("critic", distance + plan.penalty * penalty)
            y, x = draw()
            critic.requires_grad_(False)
            descend("adversarial", adversarial_loss(critic, to_clean(y)))
            critic.requires_grad_(True)
            y, x = draw()
            cycle = cycle_loss(to_clean, to_noisy, to_clean.low_pass, y, x)
            descend("cycle", cycle)
            course.steps += 1
            with torch.no_grad():
                decay = min(plan.averaging, (1 + course.steps) / (10 + course.steps))
                torch._foreach_lerp_(list(averages.parameters()), list(networks.parameters()), 1 - decay)
            shown.update()
            if course.steps % plan.every and course.steps != plan.steps:
                continue
            values = [-distance.item(), penalty.item(), cycle.item()]
            if not all(map(math.isfinite, values)):
                raise InputError("a loss is not finite; use a lower learning rate")
            for kept, value in zip((course.distance, course.penalty, course.cycle), values, strict=True):
                kept.append(value)
            course.step.append(course.steps)
            shown.set_postfix_str(f"critic {values[0]:.2f}, cycle {values[2]:.3f}", refresh=False)
    networks.load_state_dict(averages.state_dict())
    return course


def normalised(frames: Tensor) -> Tensor:
    """A series (T, H, W) as `fit` wants it: (T, 1, H, W), mean 0 and deviation 1 over the series."""
    return ((frames - frames.mean()) / frames.std())[:, None]


@torch.inference_mode()
def translate(to_clean: Generator, noisy: Tensor) -> Tensor:
    """All frames (T, 1, H, W), whole, in the clean domain: (T, H, W), about -1 ... 1."""
    return torch.cat([to_clean(frame[None]) for frame in noisy])[:, 0]
