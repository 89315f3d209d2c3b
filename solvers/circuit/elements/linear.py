"""Linear elements: R, C, L, K, and the independent sources V and I."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ....core.errors import NetlistError, SingularCircuitError
from ....core.validation import Array
from ....netlists.elements import Element
from ....netlists.sources.corners import Corners
from ..system.builder import Builder, register_kind, where
from ..system.element_group import ElementGroup, Instant, Ints, NoiseSource, Stamp, Triplets
from ..system.entries import branch_entries, pairs
from ..system.topology import idle_inductors
from .behavioural import behavioural
from .source_waves import WaveTable
from .values import (
    flicker,
    number,
    numbers,
    parameter,
    reactance,
    resistance,
    split,
    starts,
)

__all__ = [
    "Capacitors", "Inductors", "Resistors", "SignalResistors", "Sources", "expressed",
]

_BOLTZMANN = 1.380649e-23
_AT_REST = 1e-9  # volt


class Resistors(ElementGroup):
    """Resistors; each carries thermal noise 4kT/R, and flicker noise where its card has any.

    Parameters
    ----------
    names
    at : (2, E)
    conductance : (E,) siemens
    kelvin : (E,)
    flicker : (4, E), optional
        Coefficient, exponents of current and frequency, and how many are in parallel; see
        `flicker`.
    """

    def __init__(
        self, names: tuple[str, ...], at: Ints, conductance: Array, kelvin: Array,
        flicker: Array | None = None,
    ) -> None:
        self.names, self.at, self.conductance = names, at, conductance
        self.kelvin, self.flicker = kelvin, flicker

    def linear_g(self) -> Sequence[Triplets]:
        """Return the conductances."""
        return pairs(self.at, self.at, self.conductance)

    def noise(self, x: Array, now: Instant) -> Sequence[NoiseSource]:
        """Return 4kT/R of every resistor, and m kf (|i|/m)^af / f^ef where there is any."""
        del now
        white = 4.0 * _BOLTZMANN * self.kelvin * self.conductance
        found = [
            NoiseSource(name, "thermal", (int(a), int(b)), float(w))
            for name, a, b, w in zip(self.names, *self.at, white, strict=True)
        ]
        if self.flicker is None:
            return found
        current = np.abs(self.conductance * (x[self.at[0]] - x[self.at[1]]))
        kf, af, ef, many = self.flicker
        strength = many * kf * (current / many) ** af
        return found + [
            NoiseSource(self.names[k], "flicker", (int(self.at[0, k]), int(self.at[1, k])),
                        flicker=float(strength[k]), exponent=float(ef[k]))
            for k in np.flatnonzero(kf > 0)
        ]

    def quantities(self, x: Array, now: Instant) -> dict[str, Array]:
        """Return the currents ``i`` and powers ``p``."""
        del now
        v = x[self.at[0]] - x[self.at[1]]
        return {"i": self.conductance * v, "p": self.conductance * v * v}


class SignalResistors(Resistors):
    """Resistors with another value for small signals (``ac=``).

    Parameters
    ----------
    names, at, conductance, kelvin, flicker
        As those of `Resistors`.
    signal : (E,) siemens
        In small-signal analyses over frequency; noise is that of `conductance`, as in ngspice.
    """

    def __init__(
        self, names: tuple[str, ...], at: Ints, conductance: Array, kelvin: Array,
        flicker: Array | None, signal: Array,
    ) -> None:
        super().__init__(names, at, conductance, kelvin, flicker)
        self.signal = signal
        a, b = at
        self.f_rows = at
        self.g_at = np.array([a, a, b, b]), np.array([a, b, a, b])

    def linear_g(self) -> Sequence[Triplets]:
        """Return nothing: there are two values."""
        return ()

    def evaluate(self, x: Array, now: Instant, out: Stamp) -> None:
        """Fill currents and conductances."""
        g = self.signal if now.signal else self.conductance
        out.f[0] = g * (x[self.at[0]] - x[self.at[1]])
        out.f[1] = -out.f[0]
        out.g[0] = out.g[3] = g
        out.g[1] = out.g[2] = -g


class Capacitors(ElementGroup):
    """Constant capacitors, farad; `ic` is NaN where there is none."""

    def __init__(self, names: tuple[str, ...], at: Ints, farad: Array, ic: Array) -> None:
        self.names, self.at, self.farad, self.ic = names, at, farad, ic

    def linear_c(self) -> Sequence[Triplets]:
        """Return the capacitances."""
        return pairs(self.at, self.at, self.farad)

    def capacitances(self) -> Sequence[tuple[Ints, Array]]:
        """Return all of them."""
        return [(self.at, self.farad)]

    def initial(self, x: Array) -> tuple[Ints, Array]:
        """Return the rows and the difference between the initial charges and those at x."""
        k = np.flatnonzero(~np.isnan(self.ic))
        charge = self.farad[k] * (self.ic[k] - (x[self.at[0, k]] - x[self.at[1, k]]))
        return np.concatenate([self.at[0, k], self.at[1, k]]), np.concatenate([charge, -charge])


class Inductors(ElementGroup):
    """Inductors and their mutual inductances: v = L di/dt + sum M di'/dt.

    Parameters
    ----------
    names
    at : (2, E)
    own : (E,)
        Branch unknowns.
    henry, ic : (E,)
    mutual : (K, 3)
        Two of the E elements and M, henry.
    ohm : float
        In series with every inductor.
    """

    def __init__(
        self, names: Sequence[str], at: Ints, own: Ints, henry: Array, ic: Array,
        mutual: Sequence[tuple[int, int, float]] = (), ohm: float = 0.0,
    ) -> None:
        self.names, self.at, self.own, self.henry, self.ic = tuple(names), at, own, henry, ic
        self.mutual, self.ohm = mutual, ohm

    def linear_g(self) -> Sequence[Triplets]:
        """Return the branches, and the resistances in series (option `rseries`)."""
        found = branch_entries(self.at, self.own)
        if self.ohm:
            found.append((self.own, self.own, np.full(len(self.own), -self.ohm)))
        return found

    def linear_c(self) -> Sequence[Triplets]:
        """Return minus the inductances: the row is v - d/dt flux = 0."""
        found: list[Triplets] = [(self.own, self.own, -self.henry)]
        if self.mutual:
            a, b = (self.own[np.array([m[k] for m in self.mutual], dtype=np.int64)] for k in (0, 1))
            m = np.array([m[2] for m in self.mutual])
            found += [(a, b, -m), (b, a, -m)]
        return found

    def initial(self, x: Array) -> tuple[Ints, Array]:
        """Set the currents that have an initial value."""
        k = np.flatnonzero(~np.isnan(self.ic))
        x[self.own[k]] = self.ic[k]
        return np.zeros(0, dtype=np.int64), np.zeros(0)


class IdleInductors(ElementGroup):
    """Inductors across sources: at an operating point they carry no current, if they have 0 V.

    Until that is known each has 1 ohm in series, there alone.

    Parameters
    ----------
    names
    own : (E,)
        Branch unknowns.
    """

    def __init__(self, names: Sequence[str], own: Ints) -> None:
        self.names, self.own = tuple(names), own
        self.f_rows = own[None]
        self.g_at = (own[None], own[None])

    def evaluate(self, x: Array, now: Instant, out: Stamp) -> None:
        """Fill minus the voltages of the resistances."""
        out.g[0] = -1.0 if now.mode == "dc" and not now.signal else 0.0
        out.f[0] = out.g[0] * x[self.own]

    def judge(self, x: Array) -> None:
        """Refuse an operating point at which one has a voltage."""
        k = int(np.argmax(np.abs(x[self.own])))
        volt = float(abs(x[self.own[k]]))
        if volt > _AT_REST:
            raise SingularCircuitError(
                f"{self.names[k]} lies across voltage sources, which put {volt:.4g} V onto it at "
                "the operating point: its current would be infinite; put a resistance into the "
                "loop, or begin the transient with `uic`", (),
            )


class Sources(ElementGroup):
    """Independent sources: V (with branches) or I.

    `level` overrides the operating point's values: sweeps set it.

    Parameters
    ----------
    elements
    at : (2, E)
    own : (E,), optional
        Branch unknowns of voltage sources; None: current sources.
    """

    def __init__(self, elements: Sequence[Element], at: Ints, own: Ints | None) -> None:
        self.names = tuple(e.name for e in elements)
        self.at, self.own = at, own
        self.elements = tuple(elements)
        self.level = np.array([number(e.value) for e in elements])
        # current sources side by side
        self.many = np.array([parameter(e, "m", 1.0) if own is None else 1.0 for e in elements])
        self.waves = WaveTable([e.wave for e in elements])
        self.source_rows = own if own is not None else np.concatenate([at[0], at[1]])

    def linear_g(self) -> Sequence[Triplets]:
        """Return the branches."""
        return () if self.own is None else branch_entries(self.at, self.own)

    def values(self, now: Instant) -> Array:
        """Return volt or ampere of every source, (E,)."""
        found = self.level
        if now.waves:
            found = self.waves.values(now.time, self.level)
        values: Array = found * self.many * now.scale
        return values

    def sources(self, now: Instant, out: Array) -> None:
        """Fill the rows: v_p - v_n - value = 0, or the current."""
        values = self.values(now)
        if self.own is not None:
            np.negative(values, out=out)
        else:
            count = len(values)
            out[:count] = values
            out[count:] = -values

    def known_corners(self, t_stop: float) -> Sequence[Corners]:
        """Return what tells the corners of each wave."""
        return self.waves.corners(t_stop)

    def ac(self) -> tuple[Ints, np.ndarray[tuple[int], np.dtype[np.complex128]]]:
        """Return the small-signal drive, ``acmag`` and ``acphase`` (degree)."""
        magnitude = np.array([parameter(e, "acmag", 0.0) for e in self.elements])
        phase = np.array([parameter(e, "acphase", 0.0) for e in self.elements])
        drive = self.many * magnitude * np.exp(1j * np.radians(phase))
        signed = -drive if self.own is not None else np.concatenate([drive, -drive])
        return self.source_rows, signed


# -- factories -------------------------------------------------------------------------------------


@register_kind("R")
def _resistors(builder: Builder, elements: list[Element]) -> list[ElementGroup]:
    plain, others = split(elements)
    found: list[ElementGroup] = expressed(builder, others)
    signal = [e for e in plain if e.parameters and e.get("ac") is not None]
    if signal:
        chosen = {e.name for e in signal}
        plain = [e for e in plain if e.name not in chosen]
        ohm, kelvin = _ohms(builder, signal)
        ac = [replace(e, value=parameter(e, "ac", 0.0)) for e in signal]
        found.append(SignalResistors(
            tuple(e.name for e in signal), builder.at(signal, 2), 1.0 / ohm, kelvin,
            flicker(builder, signal), 1.0 / _ohms(builder, ac)[0],
        ))
    if plain:
        ohm, kelvin = _ohms(builder, plain)
        found.append(Resistors(
            tuple(e.name for e in plain), builder.at(plain, 2), 1.0 / ohm, kelvin,
            flicker(builder, plain),
        ))
    for columns, at in builder.columns("R"):
        kelvin = np.full(at.shape[1], builder.temperature)
        found.append(Resistors(columns.names, at, 1.0 / columns.values, kelvin))
    return found


def _ohms(builder: Builder, elements: Sequence[Element]) -> tuple[Array, Array]:
    """Return ohm and kelvin of resistors of constant value."""
    if any(e.parameters for e in elements):
        values = [resistance(builder, e) for e in elements]
        ohm, kelvin = (np.array(part) for part in zip(*values, strict=True))
    else:
        ohm, kelvin = numbers(elements), np.full(len(elements), builder.temperature)
    if (ohm == 0).any():
        e = elements[int(np.argmax(ohm == 0))]
        raise NetlistError(
            f"{e.name} has 0 ohm: merge its nodes or use a 0 V source", **where(e)
        )
    return ohm, kelvin


@register_kind("C")
def _capacitors(builder: Builder, elements: list[Element]) -> list[ElementGroup]:
    plain, others = split(elements)
    found: list[ElementGroup] = expressed(builder, others)
    if plain:
        some = any(e.parameters for e in plain)
        farad = np.array([reactance(builder, e) for e in plain]) if some else numbers(plain)
        names = tuple(e.name for e in plain)
        found.append(Capacitors(names, builder.at(plain, 2), farad, starts(plain)))
    for columns, at in builder.columns("C"):
        found.append(Capacitors(
            columns.names, at, columns.values, np.full(at.shape[1], math.nan)
        ))
    return found


@register_kind("L")
def _inductors(builder: Builder, elements: list[Element]) -> list[ElementGroup]:
    plain, others = split(elements)
    found: list[ElementGroup] = expressed(builder, others)
    series = float(builder.options.get("rseries", 0.0))
    if series < 0 or (series and others):
        raise NetlistError(
            f"option `rseries` must be >= 0 ohm, and is for inductors of constant value; got "
            f"{series:g}", **(where(others[0]) if others else {}),
        )
    if plain:
        henry = np.array([reactance(builder, e) for e in plain])
        index = {e.name.lower(): k for k, e in enumerate(plain)}
        mutual = []
        for k in builder.circuit.singles():
            if k.kind != "K":
                continue
            texts = {key.lower(): str(value).lower() for key, value in k.parameters}
            ends = [index.get(texts.get(which, "")) for which in ("l1", "l2")]
            if None in ends or ends[0] == ends[1]:
                raise NetlistError(
                    f"{k.name} couples {texts.get('l1')!r} and {texts.get('l2')!r}, which are not "
                    "two inductors of constant value in the circuit", **where(k)
                )
            coupling = number(k.value)
            if not abs(coupling) <= 1.0:
                raise NetlistError(f"{k.name}: |k| must be <= 1; got {coupling!r}", **where(k))
            a, b = int(ends[0] or 0), int(ends[1] or 0)
            if henry[a] * henry[b] < 0.0:
                raise NetlistError(
                    f"{k.name} couples inductors of {henry[a]:g} and {henry[b]:g} henry: both must "
                    "have the same sign", **where(k)
                )
            mutual.append((a, b, coupling * math.sqrt(henry[a] * henry[b])))
        found.append(Inductors(
            [e.name for e in plain], builder.at(plain, 2), builder.branches_of(plain), henry,
            starts(plain), mutual, series,
        ))
        idle = idle_inductors(builder.circuit)
        some = [e for e in plain if e.name in idle]
        if some and not series:
            found.append(IdleInductors([e.name for e in some], builder.branches_of(some)))
    return found


@register_kind("K")
def _couplings(builder: Builder, elements: list[Element]) -> list[ElementGroup]:
    """Leave them to the inductors' factory."""
    for e in elements:
        if not any(other.kind == "L" for other in builder.circuit.singles()):
            raise NetlistError(f"{e.name} couples inductors, but there are none", **where(e))
    return []


@register_kind("V")
def _voltage_sources(builder: Builder, elements: list[Element]) -> list[ElementGroup]:
    return [Sources(elements, builder.at(elements, 2), builder.branches_of(elements))]


@register_kind("I")
def _current_sources(builder: Builder, elements: list[Element]) -> list[ElementGroup]:
    return [Sources(elements, builder.at(elements, 2), None)]


def expressed(builder: Builder, elements: list[Element]) -> list[ElementGroup]:
    """Return the groups of elements that have expressions."""
    return behavioural(builder, elements) if elements else []
