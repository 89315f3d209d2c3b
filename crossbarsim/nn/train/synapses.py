"""The cells of arrays that are trained in place: two of them are a weight."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from ...core.draws import Place
from ...core.errors import ParameterError
from ...core.validation import Array
from ...devices import Device
from .pulses import flat_device
from .response import PulseResponse
from .settings import InSituConfig, spread_device
from .writing import write_shares

__all__ = ["Pair", "Synapses", "UpdateCount", "synapses"]

POLARITIES = ("positive", "negative")
_NARROW = 0.1  # of the nominal range that every cell's at least is
_CUT = 0.9  # of the asymmetry

UpdateCount = tuple[int, int, int]
"""Pulses, devices that got one, and the most on one device."""


class Synapses(Protocol):
    """One array's cells: what the layers ask of compact models and of tables alike."""

    def state(self, conductance: Array) -> Array:
        """Return the states (S, M, N) at conductances (M, N), cut to what every cell can have."""
        ...

    def inside(self, state: Array) -> Array:
        """Return states cut to their ranges: they may have been kept in single precision."""
        ...

    def conductance(self, state: Array) -> Array:
        """Return the conductances (M, N) siemens at the read voltage."""
        ...

    def pulsed(self, state: Array, counts: Array, seed: int) -> Array:
        """Return the states after `counts` (M, N) pulses of one direction, by their sign."""
        ...


class DeviceSynapses:
    """Cells that are a compact model's, with parameters of their own, behind wires or not."""

    def __init__(
        self, config: InSituConfig, device: Device, shape: tuple[int, int], place: Place
    ) -> None:
        self.config = config
        self.device = spread_device(device, config.spread, shape, place)

    def state(self, conductance: Array) -> Array:
        """Return the states."""
        return self.device.state_from_conductance(
            np.clip(conductance, *self.device.conductance_range())
        )

    def inside(self, state: Array) -> Array:
        """Return the states cut."""
        low, high = (
            b.reshape(len(b), *((1, 1) if b.ndim == 1 else b.shape[1:]))
            for b in self.device.bounds()
        )
        return np.clip(state, low, high)

    def conductance(self, state: Array) -> Array:
        """Return the conductances."""
        return self.device.conductance(state)

    def pulsed(self, state: Array, counts: Array, seed: int) -> Array:
        """Return the states after pulses, integrated through the model's own laws."""
        loose, pulses = flat_device(self.device), self.config.update_pulses
        flat = state.reshape(len(state), -1)
        if self.config.writes == "ideal" or not counts.any():
            return pulses.apply(loose, flat, counts.ravel(), seed=seed).reshape(state.shape)
        volt = pulses.v_set if counts.max() > 0 else pulses.v_reset
        for k in range(int(np.abs(counts).max())):
            selected = np.abs(counts) > k
            share = write_shares(self.device, state, self.config.wires, volt, selected)
            flat = pulses.apply(
                loose, flat, (np.sign(counts) * selected).ravel(), share=share.ravel(),
                seed=seed + k,
            )
            state = flat.reshape(state.shape)
        return state


class ResponseSynapses:
    """Cells that are a table's; the state is the conductance in siemens."""

    def __init__(self, response: PulseResponse, shape: tuple[int, int], place: Place) -> None:
        which = place.generator("device").integers(response.devices, size=shape)
        g = np.asarray(response.conductance)
        low, high = g[which, 0], g[which, -1]
        draw = {
            name: place.generator(f"spread {name}").standard_normal
            for name in ("step", "asymmetry", "low", "high")
        }
        move = response.bounds_spread * (high - low)
        self.low = np.maximum(low + move * draw["low"](shape), 0.0)
        self.high = np.maximum(
            high + move * draw["high"](shape), self.low + _NARROW * (high - low)
        )
        log = np.log1p(response.step_spread**2)
        factor = np.exp(np.sqrt(log) * draw["step"](shape) - 0.5 * log)  # 1 on average
        skew = np.clip(response.asymmetry_spread * draw["asymmetry"](shape), -_CUT, _CUT)
        self._factors = {1: factor * (1.0 + skew), -1: factor * (1.0 - skew)}
        self._which = which.ravel()
        # positions in the range, so that cells with other ends have the table stretched
        self._grids = (g - g[:, :1]) / (g[:, -1:] - g[:, :1])
        self._tables = {
            1: (np.asarray(response.up), np.asarray(response.up_sigma)),
            -1: (np.asarray(response.down), np.asarray(response.down_sigma)),
        }

    def state(self, conductance: Array) -> Array:
        """Return the states."""
        return np.clip(conductance, self.low, self.high)[None]

    def inside(self, state: Array) -> Array:
        """Return the states cut."""
        return np.clip(state, self.low, self.high)

    def conductance(self, state: Array) -> Array:
        """Return the conductances."""
        return np.array(state[0])

    def pulsed(self, state: Array, counts: Array, seed: int) -> Array:
        """Return the states after pulses, one after the other, each with a spread of its own."""
        g = np.array(state[0]).ravel()
        rng = np.random.default_rng(seed)
        left = np.abs(counts).ravel()
        sign = 1 if counts.max(initial=0) > 0 else -1
        low, high, factor = (a.ravel() for a in (self.low, self.high, self._factors[sign]))
        which = np.flatnonzero(left)
        while len(which):
            at = (g[which] - low[which]) / (high[which] - low[which])
            mean, sigma = self._looked_up(sign, which, at)
            noise = rng.standard_normal(len(which)) if sigma.any() else 0.0
            new = g[which] + factor[which] * (mean + sigma * noise)
            g[which] = np.clip(new, low[which], high[which])
            left[which] -= 1
            which = which[left[which] > 0]
        return g.reshape(state.shape)

    def _looked_up(self, sign: int, which: Any, at: Array) -> tuple[Array, Array]:
        """Return the mean step and its spread of some cells at their positions."""
        device = self._which[which]
        grid = self._grids[device]
        k = np.clip(np.sum(grid <= at[:, None], axis=1) - 1, 0, grid.shape[1] - 2)
        rows = np.arange(len(which))
        left, right = grid[rows, k], grid[rows, k + 1]
        share = (at - left) / (right - left)
        mean, sigma = (
            (1.0 - share) * table[device, k] + share * table[device, k + 1]
            for table in self._tables[sign]
        )
        return mean, sigma


def synapses(config: InSituConfig, shape: tuple[int, int], place: Place) -> Synapses:
    """Return the cells of one array."""
    if isinstance(config.device, PulseResponse):
        return ResponseSynapses(config.device, shape, place)
    return DeviceSynapses(config, config.device, shape, place)


class Pair:
    """Two arrays whose difference is a matrix of weights, (M, N); their states are the caller's.

    Parameters
    ----------
    config : InSituConfig
    shape : (int, int)
        Word lines and bit lines.
    layer, kind : str
        Names of the layer and, where it has several, of the pair.
    """

    def __init__(
        self, config: InSituConfig, shape: tuple[int, int], layer: str, kind: str = ""
    ) -> None:
        self.config, self.shape = config, shape
        self.places = tuple(Place(config.seed, layer, kind + one) for one in POLARITIES)
        self.cells = tuple(synapses(config, shape, place) for place in self.places)

    def first(self, spread: float) -> tuple[Array, Array]:
        """Return states normal around the middle of the window, `spread` of its width."""
        config = self.config
        found = []
        for cells, place in zip(self.cells, self.places, strict=True):
            draw = place.generator("initial").standard_normal
            g = 0.5 * sum(config.window) + spread * config.span * draw(self.shape)
            found.append(cells.state(np.clip(g, *config.window)))
        return found[0], found[1]

    def inside(self, states: tuple[Array, Array]) -> tuple[Array, Array]:
        """Return states cut to their ranges."""
        plus, minus = (c.inside(s) for c, s in zip(self.cells, states, strict=True))
        return plus, minus

    def conductances(self, states: tuple[Array, Array]) -> Array:
        """Return the conductances (2, M, N), siemens."""
        return np.stack([c.conductance(s) for c, s in zip(self.cells, states, strict=True)])

    def weights(self, states: tuple[Array, Array]) -> Array:
        """Return the weights without wires, (M, N)."""
        g = self.conductances(states)
        return np.asarray((g[0] - g[1]) * (self.config.weight_range / self.config.span))

    def pulsed(
        self, states: tuple[Array, Array], up: Array, down: Array, place: Place
    ) -> tuple[tuple[Array, Array], UpdateCount]:
        """Return the states after pulses that raise and lower every weight, and their count.

        Parameters
        ----------
        states : two (S, M, N) arrays
        up, down : (M, N) integers
            Both devices of a weight get them, in opposite directions.
        place : Place
            Of this update, for the pulses' noise.
        """
        pulses = devices = most = 0
        new = []
        for cells, before, sign in zip(self.cells, states, (1, -1), strict=True):
            state = before
            for k, counts in enumerate((sign * up, -sign * down)):
                if not counts.any():
                    continue
                seed = int(place.generator(f"noise{sign}{k}").integers(2**62))
                state = cells.pulsed(state, counts, seed)
                pulses += int(np.abs(counts).sum())
                devices += int(np.count_nonzero(counts))
                most = max(most, int(np.abs(counts).max()))
            new.append(state)
        return (new[0], new[1]), (pulses, devices, most)

    def symmetric(
        self, states: tuple[Array, Array], pairs: int, place: Place
    ) -> tuple[tuple[Array, Array], Array]:
        """Return states and weights (M, N) where pulses up and down move alike.

        By pulses up and down in turn (zero-shifting: Kim et al., arXiv:1907.10228, 2019); the
        weights are averages over the second half of the turns.

        Raises
        ------
        ParameterError
            No turns.
        """
        if pairs < 1:
            raise ParameterError(f"turns of pulses must be >= 1; got {pairs}")
        ones, none = np.ones(self.shape, dtype=int), np.zeros(self.shape, dtype=int)
        total = np.zeros(self.shape)
        for k in range(pairs):
            for n, (up, down) in enumerate(((ones, none), (none, ones))):
                turn = Place(place.seed, place.layer, f"{place.array} turn{n}", (k, 0))
                states, _ = self.pulsed(states, up, down, turn)
                if k >= pairs // 2:
                    total += self.weights(states)
        return states, total / (2 * (pairs - pairs // 2))
