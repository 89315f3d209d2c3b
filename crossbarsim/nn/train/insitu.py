"""Layers whose weights are states of devices, trained in place by pulses."""

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
from ...devices import Device
from ...solvers import Solver
from ..functional import crossbar_currents
from .rules import Sample, UpdateRule
from .settings import InSituConfig, spread_device
from .writing import turned, write_shares

__all__ = ["InSituLinear", "UpdateRecord", "in_situ_update"]

_POLARITIES = ("positive", "negative")


@dataclass(frozen=True)
class UpdateRecord:
    """Pulses of one update, all layers: how many, on how many devices, and at most on one."""

    pulses: int
    devices: int
    most: int


class InSituLinear(nn.Module):
    """A linear layer whose weights are the states of memristive devices, two per weight.

    Forward, inputs are voltages on the word lines of two arrays, and the output is the difference
    of their currents, solved with all wires. Backward, errors reach the inputs by the transposed
    read (the same arrays driven from their sense ends), which by reciprocity is the exact
    gradient. The layer has no parameters: `in_situ_update` turns gradients into pulses, and the
    devices' own laws say what these do.

    Parameters
    ----------
    in_features, out_features : int
    config : InSituConfig
    bias : bool
        One more word line, driven at the read voltage.
    name : str
        Of the layer, so that several of one seed have different devices.

    Raises
    ------
    ParameterError

    Examples
    --------
    >>> import torch
    >>> from crossbarsim.devices import Yakopcic
    >>> from crossbarsim.nn.train import InSituConfig, InSituLinear, Manhattan, in_situ_update
    >>> layer = InSituLinear(3, 1, InSituConfig(device=Yakopcic.preset("aguirre_c2")))
    >>> x, target = torch.eye(3), torch.tensor([[0.1], [0.0], [-0.1]])
    >>> def loss():
    ...     return (layer(x) - target).square().mean()
    >>> first = loss()
    >>> first.backward()
    >>> in_situ_update(layer, Manhattan())
    UpdateRecord(pulses=8, devices=8, most=1)
    >>> bool(loss() < first)
    True
    """

    state_positive: Tensor
    state_negative: Tensor
    updates: Tensor

    @checks_arguments
    def __init__(
        self, in_features: int, out_features: int, config: InSituConfig, *, bias: bool = True,
        name: str = "",
    ) -> None:
        super().__init__()
        if not isinstance(config, InSituConfig):
            raise ParameterError(f"`config` must be an InSituConfig; got {type(config).__name__}")
        for label, value in (("in_features", in_features), ("out_features", out_features)):
            count(label, value)
        self.in_features, self.out_features, self.bias = in_features, out_features, bias
        self.config, self.name = config, name
        self.devices = tuple(
            spread_device(config.device, config.spread, self.shape, Place(config.seed, name, p))
            for p in _POLARITIES
        )
        for polarity, one in zip(_POLARITIES, self.devices, strict=True):
            state = one.state_from_conductance(self._first(one, polarity))
            self.register_buffer(f"state_{polarity}", torch.from_numpy(state))
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))
        self._by_cells: list[Tensor] = []
        self._by_lines: list[tuple[Tensor, Tensor]] = []

    @property
    def shape(self) -> tuple[int, int]:
        """Word lines and bit lines of each of the two arrays."""
        return self.in_features + self.bias, self.out_features

    @property
    def array_shapes(self) -> tuple[tuple[int, int], ...]:
        """Shapes of the physical arrays, for `report`."""
        return (self.shape, self.shape)

    def _first(self, device: Device, polarity: str) -> Array:
        config = self.config
        draw = Place(config.seed, self.name, polarity).generator("initial").standard_normal
        g = 0.5 * sum(config.window) + config.initial * config.span * draw(self.shape)
        low, high = device.conductance_range()
        return np.clip(np.clip(g, *config.window), low, high)

    # -- weights -----------------------------------------------------------------------------

    def states(self) -> tuple[Array, Array]:
        """Return the states (S, M, N) of the positive and the negative devices."""
        found = []
        for device, state in zip(
            self.devices, (self.state_positive, self.state_negative), strict=True
        ):
            low, high = (
                b.reshape(len(b), *((1, 1) if b.ndim == 1 else b.shape[1:]))
                for b in device.bounds()
            )  # a state that was stored in single precision may be just outside
            found.append(np.clip(state.detach().double().numpy(), low, high))
        return found[0], found[1]

    def conductances(self) -> Tensor:
        """Return the conductances at the read voltage, (2, M, N) siemens."""
        return torch.from_numpy(np.stack([
            device.conductance(state)
            for device, state in zip(self.devices, self.states(), strict=True)
        ]))

    @property
    def weight(self) -> Tensor:
        """Weights without wires, (out_features, in_features), float64."""
        return self._weights()[: self.in_features].mT

    def _weights(self) -> Tensor:
        cells = self.conductances()
        return (cells[0] - cells[1]) * (self.config.weight_range / self.config.span)

    # -- reads -------------------------------------------------------------------------------

    def _wiring(self) -> dict[str, Any]:
        wires = self.config.wires
        return {name: float(getattr(wires, name)) for name in ("word", "bit", "driver", "sense")}

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs, (..., out_features), of inputs (..., in_features).

        Raises
        ------
        ParameterError
            Inputs of the wrong size, or larger than the configuration's `largest_input`.
        """
        if x.ndim == 0 or x.shape[-1] != self.in_features:
            raise ParameterError(
                f"the input's last axis must be {self.in_features}; got shape {tuple(x.shape)}"
            )
        config = self.config
        if x.numel() and float(x.detach().abs().max()) > config.largest_input:
            raise ParameterError(
                f"layer {self.name!r}: inputs beyond {config.largest_input:.4g} in magnitude would "
                "write the devices that they read; raise `input_range`, or scale the inputs"
            )
        u = x.reshape(-1, self.in_features).to(torch.float64) / config.input_range
        if self.bias:
            u = torch.cat([u, u.new_ones(len(u), 1)], dim=1)
        read = config.read_voltage
        tracked = torch.is_grad_enabled()
        cells = self.conductances()
        if tracked:
            cells.requires_grad_()
            hook: Any = cells.register_hook
            hook(self._by_cells.append)
        inside = cells if config.gradient == "exact" else cells.detach()
        volts = (read * u).expand(2, -1, -1)
        currents = crossbar_currents(volts, inside, **self._wiring())
        if tracked and config.gradient == "outer":
            ideal = volts.detach() @ cells  # its gradient is inputs times errors
            currents = currents + (ideal - ideal.detach())
        scale = config.weight_range * config.input_range / (read * config.span)
        y = (currents[0] - currents[1]) * scale
        if tracked and y.requires_grad:
            inputs = u.detach() * config.input_range
            hook = y.register_hook
            hook(lambda errors: self._by_lines.append((inputs, errors)))
        return y.to(x.dtype).reshape(*x.shape[:-1], self.out_features)

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
        )

    def update(self, rule: UpdateRule) -> UpdateRecord:
        """Give the devices the pulses that `rule` makes of the gradients, and forget these."""
        sample = self.sample()
        place = Place(self.config.seed, self.name, "", (int(self.updates), 0))
        up, down = rule.counts(sample, place.generator("update"))
        pulses = devices = most = 0
        new = []
        for device, before, sign in zip(self.devices, self.states(), (1, -1), strict=True):
            state = before
            for k, counts in enumerate((sign * up, -sign * down)):
                seed = int(place.generator(f"noise{sign}{k}").integers(2**62))
                state = self._pulse(device, state, counts, seed)
                pulses += int(np.abs(counts).sum())
                devices += int(np.count_nonzero(counts))
                most = max(most, int(np.abs(counts).max(initial=0)))
            new.append(torch.from_numpy(np.array(state)))
        self.state_positive, self.state_negative = new
        self.updates = self.updates + 1
        self.forget()
        return UpdateRecord(pulses, devices, most)

    def _pulse(self, device: Device, state: Array, counts: Array, seed: int) -> Array:
        """Return the states (S, M, N) after pulses of one direction."""
        loose, pulses = _flat(device), self.config.update_pulses
        flat = state.reshape(len(state), -1)
        if self.config.writes == "ideal" or not counts.any():
            return pulses.apply(loose, flat, counts.ravel(), seed=seed).reshape(state.shape)
        volt = pulses.v_set if counts.max() > 0 else pulses.v_reset
        for k in range(int(np.abs(counts).max())):
            selected = np.abs(counts) > k
            share = write_shares(device, state, self.config.wires, volt, selected)
            flat = pulses.apply(
                loose, flat, (np.sign(counts) * selected).ravel(), share=share.ravel(),
                seed=seed + k,
            )
            state = flat.reshape(state.shape)
        return state

    def forget(self) -> None:
        """Forget the gradients since the last update."""
        self._by_cells.clear()
        self._by_lines.clear()

    def extra_repr(self) -> str:
        """Describe the layer in its network's print-out."""
        return f"{self.in_features}, {self.out_features}, {self.devices[0]!r:.40}"


@checks_arguments
def in_situ_update(model: nn.Module, rule: UpdateRule) -> UpdateRecord:
    """Give the devices of all `InSituLinear` layers their pulses, after a backward pass.

    Parameters
    ----------
    model : torch.nn.Module
    rule : UpdateRule
        `Manhattan`, `GradientPulses` or `StochasticPulses`.

    Raises
    ------
    ParameterError
        No such layer, or one without gradient.
    """
    layers = [m for m in model.modules() if isinstance(m, InSituLinear)]
    if not layers:
        raise ParameterError("the model has no InSituLinear layer")
    for layer in layers:
        layer.sample()  # before any device moves
    records = [layer.update(rule) for layer in layers]
    return UpdateRecord(
        sum(r.pulses for r in records), sum(r.devices for r in records),
        max(r.most for r in records),
    )


def _flat(device: Device) -> Device:
    own = {
        name: value.ravel() for name, value in device.parameters().items()
        if isinstance(value, np.ndarray) and value.ndim > 1
    }
    return device.replace(**own) if own else device
