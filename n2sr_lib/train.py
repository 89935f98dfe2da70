"""The trainer: the only place that loops over steps, checkpoints and reports progress."""

import copy
import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from .checkpoint import load, save, signature_of
from .crops import AUGMENTATIONS, draw_crops, held_out_map
from .errors import InputError
from .gradients import shorten
from .pace import Pace
from .progress import bar
from .silence import Listener

#: "bfloat16": autocast and channels-last. "fastest": `denoising.denoise` chooses what the machine does best.
PRECISIONS = ("float32", "bfloat16", "fastest")


@dataclass(frozen=True)
class Plan:
    """How long and with what to train; the defaults are the paper's (section IV-A.2 and its code)."""

    steps: int = 6000  # 1,500 epochs of 4 steps
    epochs: float = 0.0  # stop sooner where the crops have shown every pixel so often; 0: never
    batch: int = 12
    crop: int = 256
    lr: float = 1e-4
    weight_decay: float = 0.0  # 0: Adam; more: AdamW
    warmup: int = 0  # steps of linear rise
    cosine: bool = False  # fall to zero along a half cosine after the rise
    averaging: float = 0.0  # decay of the exponential average of the weights; 0: the last weights
    augment: str = "turns"  # one of `crops.AUGMENTATIONS`
    held_out: float = 0.02  # fraction of pixels that are never targets
    precision: str = "float32"  # one of `PRECISIONS`
    every: int = 50  # steps between two points of the history
    patience: int = 0  # stop after so many points without a better held-out loss; 0: never

    def __post_init__(self):
        for name, known in (("augment", AUGMENTATIONS), ("precision", PRECISIONS)):
            if getattr(self, name) not in known:
                raise InputError(f"unknown {name} {getattr(self, name)!r}; choose one of {', '.join(known)}")


@dataclass
class History:
    """What happened: one entry per ``plan.every`` steps, and the count of steps done."""

    step: list[int] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    held_out: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    watched: list[list[float]] = field(default_factory=list)  # [step, seconds, *what `watch` said]
    steps: int = 0
    stopped: str = "steps"  # or "budget", "held-out loss", or of `silence`


def autocast(precision: str, device: torch.device):
    """The context in which a network runs, for training and prediction alike."""
    if precision == "bfloat16":
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()


def learning_rate(plan: Plan, step: int, steps: float) -> float:
    """Learning rate of a step that counts from 0; the rise does not depend on the number of steps."""
    if step < plan.warmup:
        return plan.lr * (step + 1) / plan.warmup
    if not plan.cosine:
        return plan.lr
    t = (step - plan.warmup) / max(steps - plan.warmup, 1)
    return plan.lr * 0.5 * (1 + math.cos(math.pi * t))


def fit(
    network: nn.Module,
    strategy,
    images: Tensor,
    plan: Plan,
    *,
    seed: int,
    budget: float | None = None,
    checkpoint: str | Path | None = None,
    progress: bool = True,
    watch: tuple[float, Callable[[nn.Module], list[float]]] | None = None,
    wary: bool = False,
) -> History:
    """Train ``network`` in place with ``strategy`` on ``images``.

    Parameters
    ----------
    images : Tensor (N, C, H, W), float32, normalised, on the network's device; C > 1: pairs or colours.
    seed : of crops, augmentation, sub-samplings and held-out pixels. Same seed, same machine: same bits on a
        CPU.
    budget : seconds of training. Turned into a number of steps after a few have been timed; ``plan.steps``
        is then ignored, ``plan.epochs`` not.
    checkpoint : file that is written every half minute and at the end, and continued from where it exists;
        the caller removes it. A run that was interrupted and continued gives the same bits as one that was
        not (on a CPU).
    watch : (n, look): every n steps (n < 1: every such part of all steps) ``look`` gets the averaged network,
        and what it says goes into the history. Its time does not count, and it changes nothing.
    wary : stop also where the output is silent in part, see `silence.Listener`.

    Raises
    ------
    InputError
        If the checkpoint is damaged or belongs to another run, or the loss is not finite.
    """
    entered = time.monotonic()  # the first optimiser of a process takes seconds, which count
    if plan.precision == "bfloat16":
        network.to(memory_format=torch.channels_last)
    # With no weight decay AdamW is Adam.
    optimizer = torch.optim.AdamW(network.parameters(), plan.lr, weight_decay=plan.weight_decay, fused=True)
    average = copy.deepcopy(network).eval()
    generator = torch.Generator().manual_seed(seed)
    kept = held_out_map((len(images), 1, *images.shape[2:]), plan.held_out, seed)
    kept = kept.bool().to(images.device)
    history = History()
    enough = _steps_of(plan, images)
    steps = min(plan.steps, enough) if budget is None else None
    pace = Pace(budget or 0.0, plan.warmup)
    best, waited, saved = math.inf, 0, time.monotonic()
    usual = None  # length of the gradient
    signature = signature_of(network, images, plan, strategy, seed, budget is None, wary)
    if checkpoint is not None and Path(checkpoint).exists():
        state = load(Path(checkpoint), signature, images.device)
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        generator.set_state(state["generator"].cpu())
        history = History(**state["history"])
        steps, best, waited = state["steps"], state["best"], state["waited"]
        usual = state.get("usual")  # not kept by earlier versions

    network.train()
    step = history.steps
    begin = entered - (history.seconds[-1] if history.seconds else 0.0)
    sums, counted = torch.zeros(2, device=images.device), 0
    with Listener(network) as listener, bar(steps or 0, "training", progress, initial=step) as shown:
        while steps is None or step < steps:
            if steps is None and (fitting := pace.steps(step, _now(images.device) - begin)):
                steps = max(min(fitting, enough), step)
                shown.reset(total=steps)
                shown.update(step)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(plan, step, steps or math.inf)
            crops = draw_crops(
                images, plan.batch, plan.crop, strategy.multiple, plan.augment, generator, kept
            )
            with autocast(plan.precision, images.device):
                loss, held_out = strategy.loss(network, crops[:, :-1], crops[:, -1:], generator)
            optimizer.zero_grad()
            loss.backward()
            usual = shorten([p.grad for p in network.parameters() if p.grad is not None], usual)
            optimizer.step()
            step += 1
            _follow(average, network, min(plan.averaging, (1 + step) / (10 + step)))
            sums += torch.stack((loss.detach(), held_out))
            counted += 1
            shown.update()
            if watch is not None and steps and step % _every(watch[0], steps) == 0:
                looked = _now(images.device)
                history.watched.append([step, looked - begin, *watch[1](average)])
                begin += _now(images.device) - looked
            if step % plan.every and step != steps:
                continue
            mean = (sums / counted).tolist()
            if not math.isfinite(mean[0]):
                raise InputError("the training loss is not finite; give another seed, or a lower rate")
            sums, counted = torch.zeros_like(sums), 0
            history.step.append(step)
            history.loss.append(mean[0])
            history.held_out.append(mean[1])
            history.seconds.append(time.monotonic() - begin)
            history.steps = step
            shown.set_postfix_str(f"held-out loss {mean[1]:.4f}", refresh=False)
            waited = 0 if mean[1] < best else waited + 1
            best = min(best, mean[1])
            if plan.patience and waited >= plan.patience:
                history.stopped, steps = "held-out loss", step
            if lost := listener.lost(step, wary, plan.every):
                history.stopped, steps = lost, step
            if checkpoint is not None and steps and (step == steps or time.monotonic() - saved > 30):
                state = {
                    "signature": signature,
                    "network": network.state_dict(),
                    "average": average.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "generator": generator.get_state(),
                    "history": asdict(history),
                    "steps": steps,
                    "best": best,
                    "waited": waited,
                    "usual": usual,
                }
                save(state, Path(checkpoint))
                saved = time.monotonic()
    network.load_state_dict(average.state_dict())
    network.eval()
    if budget is not None and history.stopped == "steps" and history.steps < enough:
        history.stopped = "budget"
    return history


def _steps_of(plan: Plan, images: Tensor) -> float:
    """Steps after which the crops have shown every pixel ``plan.epochs`` times on the average."""
    if not plan.epochs:
        return math.inf
    size = min(plan.crop, *images.shape[-2:])
    return math.ceil(plan.epochs * images[:, 0].numel() / (plan.batch * size**2))


def _every(n: float, steps: int) -> int:
    return int(n) if n >= 1 else max(int(n * steps), 1)


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.monotonic()


@torch.no_grad()
def _follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Exponential average of the weights; a decay of 0 copies them."""
    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - decay)
