"""Compiled Verilog-A modules (N): all instances of a module in one compiled loop.

A module's inner nodes and unknowns, those that it has not made one with others, are unknowns of the
circuit, ``v(n1#mid)``. Its ``$limit`` is Newton's limiting, its ``ddt`` charges under the error
control of time steps, its noise sources are those of ``.noise``, its operating-point variables
``@n1[gm]``. Sensitivities move the parameters that are given, with central differences of what the
module returns: it has no derivatives with respect to parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ....core.errors import CrossbarSimError, NetlistError
from ....core.validation import Array
from ....netlists.elements import Element, Model
from ....netlists.osdi import Module
from ....netlists.osdi.values import HIDDEN, plain_names
from ...osdi import Blocks, OsdiBatch, Simulator
from ...osdi.foundry import shown_by_ngspice, table_of
from ...osdi.hidden_state import Snapshot, keeps_values
from ..system.builder import COMPILED, Builder, register_kind, where
from ..system.element_group import ElementGroup, Instant, Ints, NoiseSource, Stamp
from .values import number

__all__ = ["CompiledModules"]

_ZERO_CELSIUS = 273.15


class CompiledModules(ElementGroup):
    """Instances of one module whose nodes are made one in the same way.

    Parameters
    ----------
    names : sequence of str
    at : (n, E)
        Unknowns of the live nodes.
    batch : OsdiBatch
    hidden : bool
        Whether it may keep values between evaluations.
    transistors : bool
        Whether they are a deck's M elements, which show what ngspice's do.
    """

    by_element = True

    def __init__(
        self, names: Sequence[str], at: Ints, batch: OsdiBatch, *, hidden: bool,
        transistors: bool = False,
    ) -> None:
        self.transistors = transistors
        self.names, self.at, self.batch = tuple(names), np.asfortranarray(at), batch
        self.f_rows = self.q_rows = self.at
        self.g_at = tuple(np.asfortranarray(self.at[k]) for k in batch.g_at)  # type: ignore[assignment]
        self.c_at = tuple(np.asfortranarray(self.at[k]) for k in batch.c_at)  # type: ignore[assignment]
        self.limited = batch.limited
        self._kept = batch.old_states.copy()
        self._bad = -1
        self._bad_at = np.zeros(len(self.at))
        self._scratch = batch.stamp()
        self._slopes = self._scratch.g
        self._snapshot = Snapshot(batch) if hidden else None
        self.steady = hidden

    # -- evaluation --------------------------------------------------------------------------------

    @staticmethod
    def _analysis(now: Instant) -> str:
        if now.signal:
            return "ac"
        if now.mode == "tran" or now.departs:
            return "tran"
        return "tran_op" if now.waves else "op"

    def evaluate(self, x: Array, now: Instant, out: Stamp) -> None:
        """Fill currents, charges and slopes at x."""
        self._slopes = out.g
        self._run(x, now, (out.f, out.q, out.g, out.c))

    def _run(
        self, x: Array, now: Instant, out: Any, *, noise: bool = False, variables: bool = False,
    ) -> None:
        batch = self.batch
        analysis = "noise" if noise else self._analysis(now)
        batch.set_gmin(now.gmin)
        if self._snapshot is not None:
            self._snapshot.restore()
        self._bad = batch.evaluate_into(
            x, self.at, out, now.time, analysis=analysis, limit=now.limit,
            first=now.initialise, noise=noise, variables=variables)
        if now.limit:
            batch.keep()
        if self._bad >= 0:  # Newton's iteration goes back from there
            self._bad_at = x[self.at[:, self._bad]]
            self.limited[self._bad] = now.limit

    def explain(self, k: int) -> str:
        """Return what is wrong with an instance whose numbers are not finite."""
        if k != self._bad:
            return ""
        return f" ({self.batch.not_finite(k, self._bad_at)})"

    def terms_inside(self, x: Array) -> tuple[Ints, Array]:
        """Return what each unknown contributes to a module's rows: slope times value."""
        rows, columns = self.g_at
        return rows, np.abs(self._slopes * x[columns])

    # -- the course of a solution ------------------------------------------------------------------

    def start(self) -> None:
        """Forget all earlier voltages."""
        self.batch.old_states[:] = 0.0
        self._kept[:] = 0.0
        if self._snapshot is not None:
            self._snapshot.reset()

    def accept(self, x: Array, now: Instant) -> None:
        """Keep the states of a point of the result."""
        if self._snapshot is not None:
            self._run(x, now.but(limit=False), self._scratch)
            self._snapshot.keep()
        self._kept[:] = self.batch.old_states

    def rewind(self) -> None:
        """Go back to those of the last point."""
        self.batch.old_states[:] = self._kept

    def initial(self, x: Array) -> tuple[Ints, Array]:
        """Let ``@(initial_step)`` happen, for a transient that begins without operating point.

        An ``idt`` begins at its initial value: the equation of its unknown y is ``y - start`` then.
        """
        self._run(x, Instant(waves=True, limit=False), self._scratch)
        if self._snapshot is not None:
            self._snapshot.keep()
        rows = self.batch.integrals
        return self.at[rows].ravel(), -self._scratch[0][rows].ravel()

    def integrating(self, node: int) -> Sequence[str]:
        """Return the instances at a node that have an ``idt``."""
        if not len(self.batch.integrals):
            return ()
        return [self.names[e] for e in np.flatnonzero((self.at == node).any(axis=0))]

    def allowed(self, h: float, order: int) -> float:
        """Return what ``$bound_step`` of the step evaluated last allows."""
        del h, order
        return self.batch.longest_step()

    # -- small signals -----------------------------------------------------------------------------

    def noise(self, x: Array, now: Instant) -> Sequence[NoiseSource]:
        """Return the modules' noise sources at the operating point x."""
        spectra = _Spectra(self, x.copy(), now)
        found: list[NoiseSource] = []
        live = self.batch.live
        for e, name in enumerate(self.names):
            for k, source in enumerate(self.batch.module.noise):
                ends = [live[n] if n >= 0 else -1 for n in source.nodes]
                rows = tuple(int(self.at[n, e]) if n >= 0 else -1 for n in ends)
                if rows[0] != rows[1]:
                    kind = source.name.lower() or f"noise{k + 1}"
                    found.append(NoiseSource(
                        name, kind, (rows[0], rows[1]), spectrum=spectra.of(k, e)))
        return found

    def densities(self, x: Array, now: Instant, hertz: Array) -> Array:
        """Return the densities of all noise sources at x, (F, M, E)."""
        self._run(x, now.but(limit=False), self._scratch, noise=True)
        return np.array([self.batch.noise_densities(float(f)) for f in hertz])

    def quantities(self, x: Array, now: Instant) -> dict[str, Array]:
        """Return the operating-point variables and the instances' parameters, by name."""
        self._run(x, now.but(limit=False, initialise=False), self._scratch, variables=True)
        own = [p.name for p in self.batch.module.parameters
               if p.kind == "instance" and p.type != "string"]
        shown = {**self.batch.values(own), **self.batch.values()}
        found = {name.lower().removeprefix("$"): value for name, value in shown.items()}
        if self.transistors:
            return shown_by_ngspice(self.batch, self._scratch[2], found, found["mfactor"])
        return found


class _Spectra:
    """Densities at frequencies, computed once for all sources of a group."""

    def __init__(self, group: CompiledModules, x: Array, now: Instant) -> None:
        self._group, self._x, self._now = group, x, now
        self._hertz = self._found = np.zeros(0)

    def of(self, source: int, element: int) -> Callable[[Array], Array]:
        def spectrum(hertz: Array) -> Array:
            if not np.array_equal(hertz, self._hertz):
                self._hertz = np.array(hertz)
                self._found = self._group.densities(self._x, self._now, self._hertz)
            return np.asarray(self._found[:, source, element])

        return spectrum


# -- from elements to groups -----------------------------------------------------------------------


@register_kind(COMPILED)
def compiled_modules(builder: Builder, elements: list[Element]) -> list[ElementGroup]:
    """Return the groups of all instances, by module and by the number of their nodes."""
    parts: dict[tuple[Module, int, bool], list[Element]] = {}
    for e in elements:
        card = builder.circuit.models[e.model.lower()]
        module: Any = card.module
        parts.setdefault((module, len(e.nodes), bool(card.get(HIDDEN))), []).append(e)
    found: list[ElementGroup] = []
    for (module, _, hidden), some in parts.items():
        found += _groups(builder, module, some, hidden=hidden)
    return found


def _groups(
    builder: Builder, module: Module, elements: list[Element], *, hidden: bool
) -> list[ElementGroup]:
    cards: dict[str, int] = {}
    which = np.array([cards.setdefault(e.model.lower(), len(cards)) for e in elements])
    models = [builder.circuit.models[name] for name in cards]
    own = [_sorted(builder, module, e) for e in elements]
    simulator = Simulator(
        gmin=float(builder.options.get("gmin", 1e-12)),
        tnom=float(builder.options.get("tnom", 27.0)))
    first = elements[0]
    try:
        blocks = Blocks(
            module, [_of_card(m) for m in models], [values for values, _ in own], len(elements),
            np.array([kelvin for _, kelvin in own]), which=which, terminals=len(first.nodes),
            names=[e.name for e in elements], model_names=[m.name for m in models],
            simulator=simulator)
        batches = OsdiBatch.split(blocks)
    except CrossbarSimError as error:
        if isinstance(error, NetlistError):
            raise
        raise NetlistError(str(error), **_place(builder, elements, str(error))) from error
    if not hidden:
        _refuse_hidden(builder, batches, elements)
    return [_group(builder, batch, [elements[k] for k in batch.index], hidden=hidden)
            for batch in batches]


def _place(builder: Builder, elements: list[Element], text: str) -> dict[str, Any]:
    """Return file and line of the element or card that an error names."""
    for e in elements:
        if text.startswith(f"{e.name}:"):
            return where(e)
    for model in builder.circuit.models.values():
        if text.startswith(f"model {model.name}:") and model.where is not None:
            return {"file": model.where[0] or None, "line": model.where[1]}
    return where(elements[0])


def _of_card(model: Model) -> dict[str, Any]:
    table = table_of(model)
    if table is not None:
        return table.of_model(model.kind, model.parameters)
    return {name: value for name, value in model.parameters.items() if name != HIDDEN}


def _sorted(builder: Builder, module: Module, e: Element) -> tuple[dict[str, Any], float]:
    """Return what the instance is given, and its temperature, kelvin."""
    plain = plain_names(module)
    table = table_of(builder.circuit.models[e.model.lower()])
    values: dict[str, Any] = {}
    kelvin, difference = None, 0.0
    for name, value in e.parameters:
        low = name.lower()
        if table is not None and low not in ("m", "temp", "dtemp"):
            values |= table.of_instance({low: value})
        elif low not in plain and table is None:
            values[name] = value
        elif low == "m":
            values["$mfactor"] = number(value)
        elif low == "temp":
            kelvin = number(value) + _ZERO_CELSIUS
        else:
            difference = number(value)
    # a temperature of its own counts before a difference, as in ngspice
    return values, builder.temperature + difference if kelvin is None else kelvin


def _refuse_hidden(builder: Builder, batches: list[OsdiBatch], elements: list[Element]) -> None:
    for batch in batches:
        if keeps_values(batch):
            e = elements[int(batch.index[0])]
            name = builder.circuit.models[e.model.lower()].name
            raise NetlistError(
                f"{e.name}: module `{batch.module.name}` keeps values from one evaluation to the "
                "next (a variable that is read before it is written, such as a time of its own): "
                "neither Newton's iteration nor the error of a time step sees them. Write the law "
                f"with `ddt` or `idt`; or say `{HIDDEN}=1` in the model {name}, and give the "
                "transient a largest step, which is then the step", **where(e))


def _group(
    builder: Builder, batch: OsdiBatch, elements: list[Element], *, hidden: bool
) -> CompiledModules:
    nodes = builder.at(elements)
    at = np.zeros((batch.size, len(elements)), dtype=np.int64)
    at[:len(nodes)] = nodes
    for k in range(len(nodes), batch.size):
        node = batch.module.nodes[batch.live.index(k)]
        unit = node.units if node.units in ("V", "A") else "1"
        row = node.residual_units if node.residual_units in ("V", "A") else "1"
        at[k] = [builder.inner(f"{e.name.lower()}#{node.name}", unit, row) for e in elements]
    return CompiledModules(
        [e.name for e in elements], at, batch, hidden=hidden, transistors=elements[0].kind == "M")
