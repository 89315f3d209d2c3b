"""What layers trained in place share: reads through wires, gradients, updates by pulses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from ...core.draws import Place
from ...core.errors import ParameterError
from ...core.settings import checks_arguments
from ...core.validation import Array, count
from ...solvers import Solver
from ..functional import crossbar_currents, effective_matrix
from .rules import Sample, UpdateRule
from .settings import InSituConfig
from .synapses import Pair
from .transfer import TransferRule
from .writing import turned

__all__ = ["InSituLayer", "UpdateRecord"]

_MEMORY = "memory_"  # names of buffers that rules keep
# vectors from which on both arrays' effective matrices cost less than solving each vector
_MANY = 20


@dataclass(frozen=True)
class UpdateRecord:
    """Pulses of one update, all layers: how many, on how many devices, and at most on one."""

    pulses: int
    devices: int
    most: int


class InSituLayer(nn.Module):
    """A layer whose weights are differences of two arrays' devices, moved by pulses alone.

    Layers below it say how inputs become vectors on word lines (`InSituLinear`, `InSituConv2d`).
    It has no parameters: `in_situ_update` turns gradients into pulses. What an update rule keeps,
    a digital buffer or the devices of a second pair of arrays, are buffers of the layer, and so
    part of its ``state_dict``, from the first update on.

    Attributes
    ----------
    config : InSituConfig
    bias : bool
        Whether one more word line is driven at the read voltage.
    updates : tensor
        How many there were.
    """

    state_positive: Tensor
    state_negative: Tensor
    updates: Tensor
    memory_reference: Tensor  # once a rule has fast arrays

    def _setup(
        self, inputs: int, outputs: int, config: InSituConfig, *, bias: bool, name: str
    ) -> None:
        if not isinstance(config, InSituConfig):
            raise ParameterError(f"`config` must be an InSituConfig; got {type(config).__name__}")
        self.config, self.name, self.bias = config, name, bias
        self._inputs, self._outputs = inputs, outputs
        self.pair = Pair(config, self.shape, name)
        self._fast: Pair | None = None
        for buffer, state in zip(
            ("state_positive", "state_negative"), self.pair.first(config.initial), strict=True
        ):
            self.register_buffer(buffer, torch.from_numpy(state))
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))
        self._by_cells: list[Tensor] = []
        self._by_lines: list[tuple[Tensor, Tensor]] = []

    @property
    def shape(self) -> tuple[int, int]:
        """Word lines and bit lines of each of the two arrays."""
        return self._inputs + self.bias, self._outputs

    @property
    def array_shapes(self) -> tuple[tuple[int, int], ...]:
        """Shapes of the physical arrays, for `report`."""
        return (self.shape, self.shape) * (1 if self._fast is None else 2)

    # -- weights -----------------------------------------------------------------------------

    def states(self) -> tuple[Array, Array]:
        """Return the states (S, M, N) of the positive and the negative devices."""
        return self.pair.inside(self._numbers("state_positive", "state_negative"))

    def _numbers(self, *names: str) -> tuple[Array, Array]:
        plus, minus = (getattr(self, name).detach().double().numpy() for name in names)
        return plus, minus

    def conductances(self) -> Tensor:
        """Return the conductances at the read voltage, (2, M, N) siemens."""
        return torch.from_numpy(self.pair.conductances(self.states()))

    def _weights(self) -> Tensor:
        """Return the weights without wires, (M, N), and what the fast arrays add to them."""
        slow = torch.from_numpy(self.pair.weights(self.states()))
        fast, share = self._fast_pair(), self._share
        if fast is None or not share:
            return slow
        own = torch.from_numpy(fast.weights(self._fast_states(fast)))
        return slow + share * (own - self.memory_reference.double())

    # -- reads -------------------------------------------------------------------------------

    def _wiring(self) -> dict[str, Any]:
        wires = self.config.wires
        return {name: float(getattr(wires, name)) for name in ("word", "bit", "driver", "sense")}

    def _currents(self, volts: Tensor, cells: Tensor) -> Tensor:
        """Return the currents (2, B, N) of both arrays; exact in either way."""
        if not any(self._wiring().values()):
            return volts @ cells
        if volts.shape[0] < _MANY:
            return crossbar_currents(volts.expand(2, -1, -1), cells, **self._wiring())
        return volts @ effective_matrix(cells, **self._wiring()).mT

    @property
    def _scale(self) -> float:
        """Output over ampere."""
        config = self.config
        return config.weight_range * config.input_range / (config.read_voltage * config.span)

    def _product(self, rows: Tensor) -> Tensor:
        """Return the outputs (B, N) of vectors (B, inputs), float64."""
        config = self.config
        if rows.numel() and float(rows.detach().abs().max()) > config.largest_input:
            raise ParameterError(
                f"layer {self.name!r}: inputs beyond {config.largest_input:.4g} in magnitude would "
                "write the devices that they read; raise `input_range`, or scale the inputs"
            )
        u = rows.to(torch.float64) / config.input_range
        if self.bias:
            u = torch.cat([u, u.new_ones(len(u), 1)], dim=1)
        tracked = torch.is_grad_enabled()
        cells = self.conductances()
        if tracked:
            cells.requires_grad_()
            hook: Any = cells.register_hook
            hook(self._by_cells.append)
        inside = cells if config.gradient == "exact" else cells.detach()
        volts = config.read_voltage * u
        currents = self._currents(volts, inside)
        if tracked and config.gradient == "outer":
            ideal = volts.detach() @ cells  # its gradient is inputs times errors
            currents = currents + (ideal - ideal.detach())
        y = (currents[0] - currents[1]) * self._scale
        if self._share:
            y = y + self._share * self._fast_outputs(u)
        if tracked and y.requires_grad:
            inputs = u.detach() * config.input_range
            hook = y.register_hook
            hook(lambda errors: self._by_lines.append((inputs, errors)))
        return y

    def transposed_read(self, volts: ArrayLike) -> Array:
        """Drive the bit lines from their sense ends and read the word lines.

        Parameters
        ----------
        volts : (B, N) array
            On the bit lines.

        Returns
        -------
        (2, B, M) array
            Ampere into the word lines' drivers, held at 0 V, of both arrays.
        """
        return np.stack([
            Solver().solve(turned(g, self.config.wires), np.asarray(volts)).end_currents["bit_top"]
            for g in self.conductances().numpy()
        ])

    # -- what rules keep ---------------------------------------------------------------------

    def _memory(self) -> dict[str, Array]:
        return {
            name.removeprefix(_MEMORY): value.double().numpy().copy()
            for name, value in self.named_buffers(recurse=False) if name.startswith(_MEMORY)
        }

    def _remember(self, memory: dict[str, Array]) -> None:
        for name, value in memory.items():
            self.register_buffer(_MEMORY + name, torch.from_numpy(np.array(value)))

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Take over what a rule kept, and forget what it did not."""
        kept = {
            key.removeprefix(prefix): value for key, value in state_dict.items()
            if key.startswith(prefix + _MEMORY)
        }
        for name in [n for n, _ in self.named_buffers(recurse=False) if n.startswith(_MEMORY)]:
            delattr(self, name)
        for name, value in kept.items():
            self.register_buffer(name, torch.empty_like(value))
        super()._load_from_state_dict(state_dict, prefix, *rest)

    @property
    def _share(self) -> float:
        """Share of the fast arrays in the weights."""
        share: Tensor | None = getattr(self, "memory_share", None)
        return 0.0 if share is None else float(share)

    def _fast_pair(self) -> Pair | None:
        if self._fast is None and hasattr(self, "memory_reference"):
            self._fast = Pair(self.config, self.shape, self.name, "fast ")
        return self._fast

    def _fast_states(self, fast: Pair) -> tuple[Array, Array]:
        return fast.inside(self._numbers("memory_positive", "memory_negative"))

    def _fast_outputs(self, u: Tensor) -> Tensor:
        """Return the outputs of the fast arrays, less those of their reference."""
        fast = self._fast_pair()
        if fast is None:
            return torch.zeros(len(u), self._outputs, dtype=torch.float64)
        cells = torch.from_numpy(fast.conductances(self._fast_states(fast)))
        currents = self._currents(self.config.read_voltage * u, cells)
        reference = u @ self.memory_reference.double() * self.config.input_range
        return (currents[0] - currents[1]) * self._scale - reference

    # -- updates -----------------------------------------------------------------------------

    def sample(self) -> Sample:
        """Return the gradients since the last update.

        Raises
        ------
        ParameterError
            There were none: no backward pass.
        """
        if not self._by_cells:
            raise ParameterError(
                f"layer {self.name!r} has no gradient: call backward() on a loss of its output"
            )
        by_cells = torch.stack(self._by_cells).sum(dim=0).numpy()
        span = self.config.span / self.config.weight_range
        return Sample(
            # both devices of a weight move, each by half of its change
            0.5 * (by_cells[0] - by_cells[1]) * span,
            torch.cat([x for x, _ in self._by_lines]).numpy(),
            torch.cat([e for _, e in self._by_lines]).detach().numpy(),
            self.config.step,
            self._memory(),
        )

    @checks_arguments
    def update(self, rule: UpdateRule | TransferRule) -> UpdateRecord:
        """Give the devices the pulses that `rule` makes of the gradients, and forget these.

        Raises
        ------
        ParameterError
            No gradient, or something that is no rule.
        """
        sample = self.sample()
        place = Place(self.config.seed, self.name, "", (int(self.updates), 0))
        if isinstance(rule, TransferRule):
            counts = self._transferred(rule, sample, place)
        else:
            up, down = rule.counts(sample, place.generator("update"))
            counts = self._write(up, down, place)
            self._remember(sample.memory)
        self.updates = self.updates + 1
        self.forget()
        return UpdateRecord(*counts)

    def _write(self, up: Array, down: Array, place: Place) -> tuple[int, int, int]:
        new, counts = self.pair.pulsed(self.states(), up, down, place)
        self.state_positive, self.state_negative = (torch.from_numpy(np.array(s)) for s in new)
        return counts

    def _transferred(
        self, rule: TransferRule, sample: Sample, place: Place
    ) -> tuple[int, int, int]:
        """Update the fast arrays, and move some of their lines' content to the slow ones."""
        memory = sample.memory
        if "reference" not in memory:
            self._fast = Pair(self.config, self.shape, self.name, "fast ")
            start = Place(self.config.seed, self.name, "zero shift")
            states, memory["reference"] = self._fast.symmetric(
                self._fast.first(0.0), rule.zero_shift, start)
        else:
            fast = self._fast_pair()
            if fast is None:  # never: there is a reference
                raise ParameterError(f"layer {self.name!r} lost its fast arrays")
            self._fast, states = fast, self._fast_states(fast)
        memory["share"] = np.array(rule.gamma)
        fast_place = Place(place.seed, place.layer, "fast", place.tile)
        up, down = rule.fast.counts(sample, fast_place.generator("update"))
        states, first = self._fast.pulsed(states, up, down, fast_place)
        memory["positive"], memory["negative"] = states
        self._remember(memory)
        lines = rule.lines(int(self.updates), self.shape[0])
        if not lines:
            return first
        drive = torch.zeros(len(lines), self.shape[0], dtype=torch.float64)
        drive[torch.arange(len(lines)), torch.tensor(lines)] = 1.0
        values = self._fast_outputs(drive).numpy() / self.config.input_range
        up, down = rule.transfer(lines, values, sample, place.generator("transfer"))
        second = self._write(up, down, place)
        self._remember(memory)
        return first[0] + second[0], first[1] + second[1], max(first[2], second[2])

    def forget(self) -> None:
        """Forget the gradients since the last update."""
        self._by_cells.clear()
        self._by_lines.clear()


def checked_count(**numbers: Any) -> None:
    """Raise for numbers of features or channels below 1."""
    for name, value in numbers.items():
        count(name, value)
