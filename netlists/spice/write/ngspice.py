"""Decks for ngspice: what it lacks is written with what it has, or refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ....core.errors import NetlistError, ParameterError
from ... import device_protocol
from ...analyses import Analysis, Dc, Four, Tran
from ...circuit import Circuit
from ...crossbar.cells import SpiceCells
from ...elements import Element, Model
from ..cards import CARDS
from ..expressions.expression import Expression
from ..expressions.tape import Step as TapeStep
from ..expressions.tape import Tape
from ..expressions.text import write_number
from .deck import Writer, swept_in_temperature
from .ekv import ekv_lines
from .step_loop import flat_name

__all__ = ["NgspiceWriter"]


class NgspiceWriter(Writer):
    """Writes one circuit for ngspice 39."""

    dialect = "ngspice"

    def __init__(self, circuit: Circuit) -> None:
        super().__init__(circuit)
        self.unrolled = bool(self.steps)
        self.extra: list[str] = []
        self.owner: Element | None = None
        self.starts: dict[str, float] = {}
        self.definitions: dict[str, str] = {}
        self.memristors = False

    # -- expressions -------------------------------------------------------------------------

    def expression(self, value: Expression) -> str:
        """Return the text; integrals by time become the voltages of capacitors."""
        if not any(d.kind == "idt" for d in value.dynamic):
            return super().expression(value)
        tape = Tape()
        place: list[int] = []
        for step in value.steps:
            place.append(self._integrated(value, step, place, tape))
        return super().expression(Expression.of(tape.finish(place[-1])))

    def _integrated(
        self, value: Expression, step: TapeStep, place: list[int], tape: Tape
    ) -> int:
        if step[0] != "call":
            return tape.splice([step])
        operands = [place[k] for k in step[2]]
        if step[1] != "idt":
            return tape.call(step[1], *operands)
        owner = self.owner
        if owner is None:
            raise ParameterError(f"`{value.text}`: an integral stands in sources only")
        if not all(isinstance(a, (Tran, Four)) for a in self.circuit.analyses):
            raise self.refuse(owner, "an integral by time (idt), which has no operating point,")
        inner, *initial = (Expression.of(tape.finish(k)) for k in operands)
        start = initial[0].constant if initial else 0.0
        if start is None:
            raise self.refuse(owner, "an integral whose initial value is no number")
        node = f"{owner.name.lower()}_idt{len(self.starts)}"
        self.starts[node] = start
        text = super().expression(inner)
        self.extra += [f"B_{node} 0 {node} I={{{text}}}", f"C_{node} {node} 0 1",
                       f"R_{node} {node} 0 1e15"]
        return tape.probe(("v", node, "0"))

    # -- elements ----------------------------------------------------------------------------

    def element(self, e: Element) -> list[str]:
        """Return the lines of an element."""
        self.owner, self.extra = e, []
        lines = self._element(e)
        return [*lines, *self.extra]

    def _element(self, e: Element) -> list[str]:
        if e.kind == "N" and self.circuit.models[e.model].module is None:
            return self.memristor(e)
        name = flat_name(e.kind, e.name)
        for other, what in e.controls():
            if other not in self.circuit or self.circuit[other].has_branch:
                continue
            if what != "i" or e.kind == "W" or self.circuit[other].kind in "NST":
                raise self.refuse(e, f"its control by a current of {other}")
        if e.kind in "FH" and (
            isinstance(e.value, Expression) or not self.circuit[e.control].has_branch
        ):
            which = "I" if e.kind == "F" else "V"
            value = e.value
            if not isinstance(value, Expression):
                value = Expression.of((("probe", ("i", e.control)),)).times(value)
            text = self.expression(value)
            return [f"B_{name} {' '.join(e.nodes)} {which}={{{text}}}"]
        if e.kind in "EG" and isinstance(e.value, Expression):
            # the voltage source keeps its name, since its current has it
            text = self.expression(e.value)
            if e.kind == "E":
                return [f"{name} {' '.join(e.nodes)} vol='{text}'"]
            return [f"{name} {' '.join(e.nodes)} cur='{text}'"]
        if e.kind == "M" and self.circuit.models[e.model].level == "ekv":
            return self.ekv(e)
        if e.kind == "R" and isinstance(e.value, Expression):
            uses = e.value.uses("time") or e.value.sources
            if uses:
                return super().element(self.warmed(e, e.value))
        return super().element(e)

    def warmed(self, e: Element, law: Expression) -> Element:
        """Return a behavioural resistor with its coefficients of temperature in its law."""
        own: dict[str, Any] = dict(e.parameters)
        nominal = float(self.circuit.options.get("tnom", 27.0))
        if "temp" in own:
            hotter = write_number(float(own["temp"]) + float(own.get("dtemp", 0.0)) - nominal)
        else:
            hotter = f"temper+{write_number(float(own.get('dtemp', 0.0)) - nominal)}"
        tc1, tc2, many = (own.get(k, d) for k, d in (("tc1", 0.0), ("tc2", 0.0), ("m", 1.0)))
        if not tc1 and not tc2 and many == 1.0:
            return e
        factor = f"(1+({hotter})*({tc1!r}+({hotter})*{tc2!r}))/{many!r}"
        kept = tuple((k, v) for k, v in e.parameters
                     if k not in ("tc1", "tc2", "temp", "dtemp", "m"))
        return replace(e, value=law.times(Expression(factor)), parameters=kept)

    def initial(self, e: Element, more: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
        """Return parameters as ngspice names them."""
        more = super().initial(e, more)
        names = {"Q": ("icvbe", "icvce"), "J": ("icvds", "icvgs"),
                 "M": ("icvds", "icvgs", "icvbs")}.get(e.kind, ())
        given = {key: v for key, v in more if key in names}
        if not given:
            return more
        count = max(names.index(key) for key in given) + 1
        if len(given) < count:
            raise self.refuse(e, "an initial voltage without those before it")
        values = ",".join(write_number(given[name]) for name in names[:count])
        return [*((k, v) for k, v in more if k not in names), ("ic", values)]

    def ekv(self, e: Element) -> list[str]:
        """Return an EKV transistor of behavioural sources, at the circuit's temperature."""
        if swept_in_temperature(self.circuit):
            raise self.refuse(e, "an EKV transistor over temperature")
        options = self.circuit.options
        drawn = float(options.get("defw", 1e-4)), float(options.get("defl", 1e-4))
        nominal = float(options.get("tnom", 27.0)) + 273.15
        return ekv_lines(
            e, self.circuit.models[e.model], flat_name("M", e.name), self.circuit.temperature,
            nominal, self.refuse, drawn,
        )

    def memristor(self, e: Element) -> list[str]:
        """Return a subcircuit of behavioural sources that is the device."""
        model = self.circuit.models[e.model]
        device = self._device(e, model)
        states = [name.lower() for name in device.state_names]
        conductance = e.get("conductance")
        if conductance is not None:
            cells = device.array(conductance=np.array([[float(conductance)]]))
        else:
            rest = np.asarray(device.rest(), dtype=float).reshape(len(states), 1, 1)
            state = rest.copy()
            for s, name in enumerate(states):
                if e.get(name) is not None:
                    state[s] = float(e.get(name))
            cells = device.array(state=state)
        if not isinstance(cells, SpiceCells):
            raise self.refuse(e, f"a device of the model {model.kind}")
        key = f"sub_{flat_name('n', e.name).replace('.', '_')}"
        try:
            spice = cells.to_spice(key, self.stop or None)
        except ParameterError as error:
            raise self.refuse(e, f"the device ({error})") from None
        body = spice.text.replace(key, "@")
        name = self.definitions.setdefault(body, key)
        lines = [spice.text] if name == key else []
        values = " ".join(
            f"{n}={write_number(float(np.ravel(v)[0]))}" for n, v in spice.parameters.items()
        )
        if float(e.get("m", 1.0)) != 1.0:  # ngspice forgets behavioural sources in copies
            raise self.refuse(e, "several memristors side by side (`m`)")
        self.memristors = True
        return [*lines, f"X{flat_name('n', e.name)} {' '.join(e.nodes)} {name} {values}"]

    def _device(self, e: Element, model: Model) -> Any:
        found = device_protocol.model(model.kind)
        preset = model.get("preset")
        device = found() if preset is None else found.preset(str(preset))
        spelling = {str(name).lower(): name for name in device.parameters()}
        given: dict[str, Any] = {}
        pairs: list[tuple[str, Any]] = [*model.parameters.items(), *e.parameters]
        for name, value in pairs:
            if name in spelling or name == "polarity":
                whole = name == "polarity"
                given[spelling.get(name, name)] = int(float(value)) if whole else value
        return device.replace(**given) if given else device

    def model(self, model: Model) -> str:
        """Return a model card; those of memristors are written with their elements."""
        if model.module is not None:
            return super().model(model)
        if model.kind not in CARDS:
            return f"* {model.name}: {model.kind}"
        if model.level == "ekv":
            return f"* {model.name}: EKV"
        return super().model(model)

    def libraries(self, files: list[str]) -> Iterator[str]:
        """Yield a control block that loads libraries, which ngspice runs before the deck."""
        if files:
            yield from (".control", *(f"pre_osdi {file}" for file in files), ".endc")

    # -- commands ----------------------------------------------------------------------------

    def analysis(self, a: Analysis) -> list[str]:
        """Return the line of an analysis."""
        if isinstance(a, Dc):
            kinds = {sweep.kind for sweep in a.sweeps}
            if len(a.sweeps) > 2 or not kinds <= {"source", "resistor", "temperature"} or any(
                sweep.points.variation != "step" for sweep in a.sweeps
            ):
                file, line = a.where or (None, None)
                raise NetlistError(
                    ".dc: ngspice sweeps one or two sources, resistors or the temperature, "
                    "by equal steps", file=file, line=line,
                )
        return super().analysis(a)

    def settings(self) -> Iterator[str]:
        """Yield options, temperature, initial values."""
        if self.memristors and "gmin" not in self.circuit.options:
            # ngspice adds 1e-20 gmin to every divisor, which may be an energy in joule, squared
            yield ".options gmin=1e-30"
        yield from super().settings()
        for node, start in self.starts.items():
            yield f".ic v({node})={write_number(start)}"
