"""A circuit as a deck that reads back to the same circuit, and that ngspice runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ....core.errors import NetlistError, ParameterError
from ...analyses import (
    Ac,
    Analysis,
    Command,
    Dc,
    Event,
    Four,
    Measure,
    Noise,
    Op,
    Points,
    Save,
    Sens,
    Step,
    Sweep,
    Tf,
    Tran,
)
from ...circuit import Circuit
from ...elements import Element, Model, Value
from ...sources import spice_source
from ..cards import CARDS
from ..expressions.expression import Expression
from ..expressions.tape import Probe
from ..expressions.text import write_number
from ..read.elements.crossbar_macro import write_crossbar
from .step_loop import flat_name, step_commands, wrapped

__all__ = ["Writer", "swept_in_temperature"]

_PARTS = {"db": "db", "ph": "p", "re": "r", "im": "i", "abs": "m"}
_FLAGS = ("on", "off")
_CHANNELS = {"vdmosn": "nchan", "vdmosp": "pchan"}
_BARE = ("level", "preset", "version")  # words of cards that have no quotes


def swept_in_temperature(circuit: Circuit) -> bool:
    """Return whether an analysis sweeps or steps the temperature."""
    return any(
        sweep.kind == "temperature" for a in circuit.analyses
        for sweep in (a.sweeps if isinstance(a, Dc) else (a.sweep,) if isinstance(a, Step) else ())
    )


class Writer:
    """Writes one circuit.

    Parameters
    ----------
    circuit : Circuit
    dialect : {"", "ngspice"}
    """

    dialect = ""

    def __init__(self, circuit: Circuit) -> None:
        self.circuit = circuit
        tran = next((a for a in circuit.analyses if isinstance(a, Tran)), None)
        self.stop = tran.stop if tran else 0.0
        self.steps = [a for a in circuit.analyses if isinstance(a, Step)]
        # numbers that came from parameters: a control block sets them one by one
        self.unrolled = any(a.sweep.kind == "parameter" for a in self.steps)

    def refuse(self, e: Element, what: str) -> NetlistError:
        """Return an error about an element."""
        file, line = e.where or (None, None)
        dialect = f" for {self.dialect}" if self.dialect else ""
        return NetlistError(f"{e.name}: {what} cannot be written{dialect}", file=file, line=line)

    # -- values ------------------------------------------------------------------------------

    def expression(self, value: Expression) -> str:
        """Return the text of an expression, with names as the deck has them."""
        return value.renamed(self._probe).to_spice(self.dialect)

    def _probe(self, probe: Probe) -> Probe:
        if probe[0] == "v":
            if self.circuit.aliases:
                return ("v", *map(self.circuit.node, probe[1:]))
            return probe
        return (probe[0], self.name(probe[1]), *probe[2:])

    def name(self, name: str) -> str:
        """Return the deck's name of an element."""
        if name in self.circuit:
            element = self.circuit[name]
            return flat_name(element.kind, element.name)
        return name

    def value(self, value: Value | str) -> str:
        """Return a number or an expression in braces."""
        if isinstance(value, Expression):
            return f"{{{self.expression(value)}}}"
        return str(value) if isinstance(value, str) else write_number(value)

    def pairs(self, parameters: Iterable[tuple[str, Any]]) -> list[str]:
        """Return ``name=value``, flags as words."""
        return [
            name if name in _FLAGS else f"{name}={self.value(value)}"
            for name, value in parameters
        ]

    # -- elements ----------------------------------------------------------------------------

    def element(self, e: Element) -> list[str]:
        """Return the lines of an element."""
        if e.kind in "RCL" and type(e.value) is float and not e.parameters and not e.model:
            number = write_number(e.value).removesuffix(".0")  # there may be millions
            return [f"{flat_name(e.kind, e.name)} {' '.join(e.nodes)} {number}"]
        parts = [flat_name(e.kind, e.name), *e.nodes]
        more = [pair for pair in e.parameters if pair[0] not in ("acmag", "acphase")]
        if e.kind in "VI":
            return [" ".join([*parts, *self.source(e), *self.pairs(more)])]
        if e.kind == "K":
            ends = [self.name(str(e.get(key))) for key in ("l1", "l2")]
            return [" ".join([parts[0], *ends, self.value(e.value)])]
        if e.kind == "B":
            return [" ".join([*parts, *self.pairs(more)])]
        if e.kind in "EGFH":
            if isinstance(e.value, Expression):
                return [" ".join([*parts, f"value={self.value(e.value)}"])]
            control = [self.name(e.control)] if e.control else []
            return [" ".join([*parts, *control, write_number(e.value).removesuffix(".0")])]
        if e.name.lower() in self.circuit.arrays:
            return [write_crossbar(parts[0], e) or ""]
        if e.kind == "X":
            return [e.card(self.stop)]
        if e.control:
            parts.append(self.name(e.control))
        if e.kind in "RCL":
            if isinstance(e.value, Expression):
                written = f"{e.kind}={self.value(e.value)}"
                model = [e.model] if e.model else []
                return [" ".join([*parts, *model, written, *self.pairs(self._own(e, more))])]
            if e.get("q") is None:
                number = write_number(e.value).removesuffix(".0")
                if e.model and e.kind != "R":  # the order in which ngspice reads both
                    return [" ".join([*parts, e.model, number, *self.pairs(self._own(e, more))])]
                parts.append(number)
            more = self._own(e, more)
        elif e.value:
            parts.append(self.value(e.value))
        if e.model:
            parts.append(e.model)
        return [" ".join([*parts, *self.pairs(self.initial(e, more))])]

    def _own(self, e: Element, more: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
        """Return the parameters without those that only its model can have."""
        return [
            (key, v) for key, v in more if not e.model or key != "tnom"
        ]

    def initial(
        self, e: Element, more: list[tuple[str, Any]]
    ) -> list[tuple[str, Any]]:
        """Return the parameters of an element, initial values as the deck has them."""
        if e.kind not in "TO":
            return more
        names = ("icv1", "ici1", "icv2", "ici2")
        given = [v for key, v in more if key in names]
        rest = [pair for pair in more if pair[0] not in names]
        if given:
            rest.append(("ic", ",".join(write_number(v) for v in given)))
        return rest

    def source(self, e: Element) -> list[str]:
        """Return DC, AC and wave of a source."""
        if e.wave is not None:
            level = write_number(float(e.value)) if isinstance(e.value, float) else "0"
            parts = ["DC", level]
        elif isinstance(e.value, Expression):
            raise NetlistError(f"{e.name}: a source's DC value cannot be an expression")
        else:
            parts = ["DC", write_number(e.value).removesuffix(".0")]
        if e.get("acmag") is not None:
            parts += ["AC", write_number(e.get("acmag")), write_number(e.get("acphase", 0.0))]
        if e.wave is not None:
            parts.append(spice_source(e.wave, self.stop))
        return parts

    def model(self, model: Model) -> str:
        """Return a model card."""
        kind = model.kind
        if model.kind in ("d", "npn", "pnp", "njf", "pjf", "nmos", "pmos"):
            level: tuple[tuple[str, Any], ...] = (("level", str(model.level)),)
        else:
            level = ()
        channel = _CHANNELS.get(kind, "")  # ngspice knows the other spelling alone
        kind = "vdmos" if channel else kind
        given = [
            f'{name}="{value}"' if isinstance(value, str) and name not in _BARE
            else f"{name}={self.value(value)}"
            for name, value in (*level, *model.parameters.items())
        ]
        return f".model {model.name} {kind}({' '.join([*channel.split(), *given])})"

    # -- commands ----------------------------------------------------------------------------

    def points(self, points: Points) -> str:
        """Return the values of a sweep as .ac has them."""
        return (f"{points.variation} {points.number} {write_number(points.start)} "
                f"{write_number(points.stop)}")

    def probe(self, probe: Probe) -> str:
        """Return ``v(a,b)`` or ``i(v1)``."""
        return self.expression(Expression.of((("probe", probe),)))

    def sweep(self, sweep: Sweep, *, step: bool) -> str:
        """Return what is swept, and its values."""
        target = self.name(sweep.target)
        if sweep.kind == "parameter":
            target = f"param {sweep.target}"
        elif sweep.kind == "model":
            kind = self.circuit.models[sweep.target].kind
            target = f"{kind} {sweep.target}({sweep.parameter})"
        p = sweep.points
        if p.variation == "list":
            return f"{target} list {' '.join(map(write_number, p.listed))}"
        ends = f"{write_number(p.start)} {write_number(p.stop)}"
        if p.variation == "step":
            return f"{target} {ends} {write_number(p.step)}"
        if step:
            return f"{p.variation} {target} {ends} {p.number}"
        return f"{target} {p.variation} {ends} {p.number}"

    def analysis(self, a: Analysis) -> list[str]:
        """Return the line of an analysis."""
        if isinstance(a, Op):
            return [".op"]
        if isinstance(a, Tran):
            parts = [f".tran {a.step!r} {a.stop!r}"]
            if a.start or a.max_step is not None:
                parts.append(write_number(a.start) if a.start else "0")
            if a.max_step is not None:
                parts.append(write_number(a.max_step))
            return [" ".join([*parts, *(["uic"] if a.uic else [])])]
        if isinstance(a, Dc):
            return [" ".join([".dc", *(self.sweep(s, step=False) for s in a.sweeps)])]
        if isinstance(a, Step):
            return [] if self.unrolled else [f".step {self.sweep(a.sweep, step=True)}"]
        if isinstance(a, Ac):
            return [f".ac {self.points(a.points)}"]
        if isinstance(a, Noise):
            summary = f" {a.summary}" if a.summary else ""
            ends = f"{self.probe(a.output)} {self.name(a.source)}"
            return [f".noise {ends} {self.points(a.points)}{summary}"]
        if isinstance(a, Tf):
            return [f".tf {self.probe(a.output)} {self.name(a.source)}"]
        if isinstance(a, Sens):
            ac = f" ac {self.points(a.points)}" if a.points else ""
            return [f".sens {self.probe(a.output)}{ac}"]
        if isinstance(a, Four):
            outputs = " ".join(map(self.output, a.outputs))
            return [f".four {write_number(a.frequency)} {outputs}"]
        raise ParameterError(f"{a!r} is no analysis")

    def output(self, value: Expression) -> str:
        """Return a quantity of the results."""
        text = self.expression(value)
        steps = value.steps
        if len(steps) == 1:
            return text
        if len(steps) == 2 and steps[0][0] == "probe" and steps[1][1] in _PARTS:
            return f"{text[text.index('(') + 1]}{_PARTS[steps[1][1]]}({text.split('(', 2)[2]}"[:-1]
        return f"par('{text}')"

    def save(self, save: Save) -> str:
        """Return .save, .print and the like."""
        parts = [f".{save.kind}", *([save.analysis] if save.analysis else [])]
        outputs = ["all"] if save.everything else []
        return " ".join([*parts, *outputs, *map(self.output, save.outputs)])

    def event(self, event: Event, *, when: bool) -> str:
        """Return a moment of a measure."""
        if event.at is not None:
            return f"at={write_number(event.at)}"
        if event.expression is None or event.level is None:
            raise ParameterError("an event needs an expression and a level, or `at`")
        sign = "=" if when else " val="
        text = f"{self.output(event.expression)}{sign}{self.output(event.level)}"
        count = "last" if event.count < 0 else str(event.count)
        delay = f" td={write_number(event.delay)}" if event.delay else ""
        return f"{text} {event.edge}={count}{delay}"

    def measure(self, m: Measure) -> str:
        """Return .measure."""
        head = f".meas {m.analysis} {m.name}"
        part = "".join(
            f" {key}={write_number(value)}"
            for key, value in (("from", m.start), ("to", m.stop)) if value is not None
        )
        if m.kind == "trig" and m.trig is not None and m.targ is not None:
            return (f"{head} trig {self.event(m.trig, when=False)} "
                    f"targ {self.event(m.targ, when=False)}")
        if m.kind == "when" and m.trig is not None:
            return f"{head} when {self.event(m.trig, when=True)}{part}"
        if m.expression is None:
            raise ParameterError(f"the measure {m.name} has no expression")
        if m.kind == "param":
            return f"{head} param='{self.expression(m.expression)}'"
        text = f"{head} {m.kind} {self.output(m.expression)}"
        if m.trig is not None:
            word = "" if m.trig.at is not None else "when "
            return f"{text} {word}{self.event(m.trig, when=True)}{part}"
        return f"{text}{part}"

    def commands(self, commands: Iterable[Command], indent: str = "") -> Iterator[str]:
        """Return the lines of a control block."""
        for c in commands:
            if c.name == "let":
                yield f"{indent}let {c.arguments[0]} = {c.arguments[1]}"
                continue
            words = c.arguments if c.name in ("if", "while", "dowhile") else [
                f'"{word}"' if " " in word or not word else word for word in c.arguments
            ]
            yield indent + " ".join([c.name, *words])
            if c.name in ("foreach", "repeat", "while", "dowhile", "if"):
                yield from self.commands(c.body, f"{indent}  ")
                if c.otherwise:
                    yield f"{indent}else"
                    yield from self.commands(c.otherwise, f"{indent}  ")
                yield f"{indent}end"

    # -- the deck ----------------------------------------------------------------------------

    def lines(self) -> Iterator[str]:
        """Yield the lines of the deck."""
        circuit = self.circuit
        yield from (f"* {alias} = {node}" for alias, node in circuit.aliases.items())
        yield from circuit.subcircuits.values()
        yield from self.libraries(list(dict.fromkeys(
            m.module.file for m in circuit.models.values()
            if m.module is not None and m.kind not in CARDS
        )))
        for element in circuit:
            yield from map(wrapped, self.element(element))
        yield from map(wrapped, map(self.model, circuit.models.values()))
        yield from self.settings()
        default = [] if circuit.commands else [Op()]
        for analysis in circuit.analyses or default:
            yield from map(wrapped, self.analysis(analysis))
        yield from map(wrapped, map(self.save, circuit.saves))
        yield from map(wrapped, map(self.measure, circuit.measures))
        if self.unrolled:
            if circuit.commands:
                file, line = self.steps[0].where or (None, None)
                raise NetlistError(
                    "`.step` is written as a control block, and this deck has one of its own: put "
                    "`foreach` with `alterparam` and `reset` into it instead", file=file, line=line,
                )
            yield ".control"
            yield from map(wrapped, step_commands(circuit, self.refuse))
            yield ".endc"
        elif circuit.commands:
            yield ".control"
            yield from self.commands(circuit.commands)
            yield ".endc"

    def libraries(self, files: list[str]) -> Iterator[str]:
        """Yield the lines that load libraries of compiled modules."""
        yield from (f'.hdl "{file}"' for file in files)

    def settings(self) -> Iterator[str]:
        """Yield options, temperature, initial values."""
        circuit = self.circuit
        # lengths are written as they are
        options = {k: v for k, v in circuit.options.items() if k != "scale"}
        if options:
            given = (f"{k}={v if isinstance(v, str) else repr(v)}" for k, v in options.items())
            yield f".options {' '.join(given)}"
        if circuit.temperature != 300.15:
            yield f".temp {circuit.temperature - 273.15:.15g}"
        for kind, values in ((".ic", circuit.initial), (".nodeset", circuit.nodeset)):
            for node, volt in values.items():
                yield f"{kind} v({circuit.node(node)})={write_number(volt)}"
