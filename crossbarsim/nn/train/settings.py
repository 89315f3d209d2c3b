"""How layers that are trained in place are built and written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np

from ...core.draws import Place
from ...core.errors import ParameterError
from ...core.settings import Settings
from ...devices import Device
from ...netlists.crossbar.crossbar import Wires
from ...programming.polarity import typical
from .pulses import UpdatePulses
from .response import PulseResponse

__all__ = ["InSituConfig", "spread_device"]


@dataclass(frozen=True, kw_only=True, eq=False)
class InSituConfig(Settings):
    """Settings of layers whose weights are states of devices, two per weight.

    Parameters
    ----------
    device : Device or PulseResponse
        Of every cell: a compact model, for example ``Yakopcic.preset("aguirre_c2")``, or a table
        of what pulses do.
    g_min, g_max : float, optional
        Siemens, the window in use; default: 10 % and 90 % of the device's range.
    weight_range : float
        Weight of G+ = g_max, G- = g_min; default 1.
    input_range : float
        Input at the device's read voltage; default 1.
    pulses : UpdatePulses, optional
        Of compact models; default: `UpdatePulses.for_device` in 100 steps.
    wires : Wires
        Ohm per segment, scalars; default 1 ohm for word and bit lines.
    writes : {"ideal", "wires"}
        "ideal": every pulse reaches its device in full. "wires": what the wires leave of it, row by
        row, by static solutions of the array: one per row and pulse, for small layers.
    gradient : {"exact", "outer"}
        "exact": through the circuit, by every cell's own voltages. "outer": inputs times errors,
        all that the periphery of an array knows.
    spread : {name: float}
        Relative standard deviations of device parameters from cell to cell, log-normal around the
        device's own; default none. Tables have their own.
    initial : float
        Conductances begin normal around the middle of the window with this share of it as
        standard deviation, cut at the window; default 0.1.
    seed : int
        Of the devices, their first states, and the pulses' noise.

    Raises
    ------
    ParameterError
        A device without states, or values out of range.
    """

    device: Device | PulseResponse
    g_min: float | None = None
    g_max: float | None = None
    weight_range: float = 1.0
    input_range: float = 1.0
    pulses: UpdatePulses | None = None
    wires: Wires = field(default_factory=lambda: Wires(1.0, 1.0))
    writes: Literal["ideal", "wires"] = "ideal"
    gradient: Literal["exact", "outer"] = "exact"
    spread: Mapping[str, float] = field(default_factory=dict)
    initial: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        table = isinstance(self.device, PulseResponse)
        if not table and not (isinstance(self.device, Device) and self.device.states):
            raise ParameterError(
                "`device` must be a Device with a state, or a PulseResponse; got "
                f"{self.device!r:.60}"
            )
        for name in ("weight_range", "input_range"):
            value = getattr(self, name)
            if not (isinstance(value, (int, float)) and np.isfinite(value) and value > 0):
                raise ParameterError(f"`{name}` must be a number > 0; got {value!r}")
        for name, choices in (("gradient", ("exact", "outer")), ("writes", ("ideal", "wires"))):
            if getattr(self, name) not in choices:
                raise ParameterError(
                    f"`{name}` must be one of {choices}; got {getattr(self, name)!r}"
                )
        if not 0 <= self.initial <= 1:
            raise ParameterError(f"`initial` must be in [0, 1]; got {self.initial!r}")
        if not isinstance(self.wires, Wires) or any(
            getattr(self.wires, name).ndim for name in ("word", "bit", "driver", "sense")
        ):
            raise ParameterError(f"`wires` must be Wires of scalars; got {self.wires!r}")
        Place(self.seed)
        low, high = self.window
        least, most = (float(np.mean(g)) for g in self.device.conductance_range())
        if not least <= low < high <= most:
            raise ParameterError(
                f"`g_min` = {low:g} S and `g_max` = {high:g} S must be in the device's range, "
                f"{least:.3g} to {most:.3g} S"
            )
        if isinstance(self.device, PulseResponse):
            self._check_table()
        else:
            spread_device(self.device, self.spread, (1, 1), Place(0))
        if not self.step > 0.0:
            raise ParameterError("`pulses` do not move the device in both directions")

    def _check_table(self) -> None:
        """Refuse what only a compact model can do."""
        for name, given, instead in (
            ("pulses", self.pulses is not None, "its steps are the pulses"),
            ("spread", bool(self.spread), "give it `step_spread` and the like"),
            ("writes", self.writes == "wires", "it says nothing of smaller voltages"),
        ):
            if given:
                raise ParameterError(
                    f"`{name}` = {getattr(self, name)!r:.60} is for compact models; `device` is a "
                    f"PulseResponse: {instead}"
                )

    @cached_property
    def window(self) -> tuple[float, float]:
        """Smallest and largest conductance in use, siemens."""
        low, high = (float(np.mean(g)) for g in self.device.conductance_range())
        return (
            low + 0.1 * (high - low) if self.g_min is None else float(self.g_min),
            low + 0.9 * (high - low) if self.g_max is None else float(self.g_max),
        )

    @property
    def span(self) -> float:
        """Width of the window, siemens."""
        return self.window[1] - self.window[0]

    @cached_property
    def update_pulses(self) -> UpdatePulses:
        """The pulses that updates are made of, of compact models."""
        if isinstance(self.device, PulseResponse):
            raise ParameterError("a PulseResponse has no pulses of a voltage and a width")
        return self.pulses or UpdatePulses.for_device(self.device, *self.window)

    @cached_property
    def step(self) -> float:
        """Change of a weight by one pulse on each of its devices, in the middle of the window.

        0 where one of the two directions does not move.
        """
        middle = 0.5 * sum(self.window)
        if isinstance(self.device, PulseResponse):
            up, down = self.device.steps(middle)
            return self.weight_range * (up - down if min(up, -down) > 0.0 else 0.0) / self.span
        one = typical(self.device)
        x = one.state_from_conductance(middle)[:, None]
        moves = [
            abs(float(one.conductance(self.update_pulses.apply(one, x, np.array([n])))[0]) - middle)
            for n in (1, -1)
        ]
        return self.weight_range * (sum(moves) if min(moves) > 0.0 else 0.0) / self.span

    @property
    def read_voltage(self) -> float:
        """Volt on a word line for an input of `input_range`."""
        return abs(self.device.read_voltage)

    @property
    def largest_input(self) -> float:
        """Largest input magnitude that only reads: half of a write amplitude on a word line.

        Infinite for tables, which know no voltage.
        """
        if isinstance(self.device, PulseResponse):
            return math.inf
        pulses = self.update_pulses
        return self.input_range * 0.5 * min(
            abs(pulses.v_set), abs(pulses.v_reset)
        ) / self.read_voltage


def spread_device(
    device: Device, spread: Mapping[str, float], shape: tuple[int, int], place: Place
) -> Device:
    """Return the device with parameters of every cell, of log-normal spread around its own."""
    changes = {}
    for name, sigma in spread.items():
        value = device.parameters().get(name)
        if not isinstance(value, (int, float)) or not (np.isfinite(sigma) and sigma >= 0):
            raise ParameterError(
                f"`spread[{name!r}]` must be a share >= 0 of a number that "
                f"{type(device).__name__} has; got {sigma!r}"
            )
        draw = place.generator(f"spread {name}").standard_normal(shape)
        changes[name] = value * np.exp(np.sqrt(np.log1p(sigma**2)) * draw)
    return device.replace(**changes) if changes else device
