"""Trainings that are lost: the units before the output are silent, everywhere or at many places."""

import torch
from torch import Tensor, nn

#: Why a training stopped whose network gives a constant: all units of a layer fell silent, for good.
DEAD = "dead network"
#: Why a training stopped whose network gives the same constant at many places, which then teach it nothing.
SILENT = "silent output"
SILENT_SHARE = 0.05  # of the places; ordinary trainings 0 to 0.023, others 0.1 to 0.5
SILENT_STEP = 100  # steps after which it is looked for, once


class Listener:
    """Keeps the last output of a network, and of its last ReLU if it has one, within a ``with`` statement."""

    def __init__(self, network: nn.Module):
        self.output, self.units = torch.empty(0), None
        self._hooks = [network.register_forward_hook(self._hear_output)]
        for rectifier in [module for module in network.modules() if isinstance(module, nn.ReLU)][-1:]:
            self._hooks.append(rectifier.register_forward_hook(self._hear_units))

    def _hear_output(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        self.output = output.detach()

    def _hear_units(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        self.units = output.detach()

    def lost(self, step: int, wary: bool, every: int) -> str:
        """`DEAD`, `SILENT` or nothing, asked for at multiples of ``every``; the second only if ``wary``."""
        if (self.output.amax((-2, -1)) == self.output.amin((-2, -1))).all():
            return DEAD
        if not wary or step != -(-SILENT_STEP // every) * every or self.units is None:
            return ""
        return SILENT if (self.units.amax(1) == 0).float().mean() > SILENT_SHARE else ""

    def __enter__(self) -> "Listener":
        return self

    def __exit__(self, *error) -> None:
        for hook in self._hooks:
            hook.remove()
