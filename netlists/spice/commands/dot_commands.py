"""Dot commands that say what is to be done: analyses, initial values, options, outputs."""

from __future__ import annotations

import re
from collections.abc import Callable

from ....core.errors import ParameterError
from ...analyses import (
    NAMES,
    Ac,
    Dc,
    Four,
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
from ..expressions.expression import Expression
from ..read.lines import Line
from ..read.scope import Scope
from ..read.subcircuit_tree import did_you_mean
from ..read.tokens import split_outputs
from .command_line import CommandLine
from .command_names import IDLE_COMMANDS, OTHERS, REFUSED
from .measures import read_measure
from .options import read_options, set_temperature

__all__ = ["COMMANDS", "read_command", "read_output"]


def _op(c: CommandLine, circuit: Circuit) -> None:
    c.finished()
    circuit.analyses.append(Op(c.line.where))


# LTspice's words of .tran
_LTSPICE = {
    "startup": "it lets all sources rise for 20 us; give them a rise time, or begin with `uic`",
    "steady": "it stops where the circuit is in its steady state; give the stop",
    "nodiscard": "it goes with `steady`", "step": "it goes with `steady`",
}


def _tran(c: CommandLine, circuit: Circuit) -> None:
    values: list[float] = []
    uic = False
    while not c.done:
        c.skip()
        if c.peek() in _LTSPICE:
            raise c.error(f"`{c.peek()}` is not supported: {_LTSPICE[c.peek()]}")
        if c.peek() == "noop" and not c.done:  # Xyce's word for no operating point
            c.take()
            uic = True
            break
        if c.peek() == "uic":
            c.take()
            uic = True
            break
        if len(values) == 4:
            break
        values.append(c.number("a time"))
    c.finished()
    if not values:
        raise c.error("`.tran step stop [start [max_step]] [uic]` is expected")
    if len(values) == 1:  # LTspice's `.tran stop`
        values = [0.0, *values]
    start = values[2] if len(values) > 2 else 0.0
    largest = values[3] if len(values) > 3 and values[3] else None
    if values[0] == 0.0:  # LTspice's decks leave the step to the simulator
        values[0] = largest or (values[1] - start) / 50.0
    circuit.analyses.append(Tran(values[0], values[1], start, largest, uic, c.line.where))


def _sweep(c: CommandLine, circuit: Circuit) -> Sweep:
    """Read ``source start stop step``, ``temp ...``, or a variation as in ``.step``."""
    del circuit
    variation = c.peek() if c.peek() in ("lin", "dec", "oct") and c.peek(2) else ""
    if variation:  # Xyce's order
        c.take()
    target = c.word("what is to be swept")
    kind = {"v": "source", "i": "source", "r": "resistor"}.get(target.split(".")[-1][:1], "")
    if target in ("temp", "temper", "temperature"):
        kind, target = "temperature", "temp"
    elif target == "param" or not kind:
        name = c.word("a parameter") if target == "param" else target
        kind, target = "parameter", name
        if c.scope.parameter(name) is None:
            raise c.error(f"`{name}` is no source, no resistor, no parameter"
                          f"{did_you_mean(name, c.scope.parameter_names)}")
    else:
        target = c.scope.element(target)
    word = c.peek()
    if variation in ("dec", "oct"):
        start, stop = c.number("the start"), c.number("the stop")
        return Sweep(kind, target, Points(
            variation, start, stop, int(c.number("the number of points"))
        ))
    if word in ("dec", "oct", "lin"):
        c.take()
        start, stop = c.number("the start"), c.number("the stop")
        count = c.number("the number of points")
        return Sweep(kind, target, Points(word, start, stop, int(count)))
    if word == "list":
        c.take()
        listed = []
        while not c.done:
            listed.append(c.number("a value"))
            c.skip()
        return Sweep(kind, target, Points("list", listed=tuple(listed)))
    start, stop = c.number("the start"), c.number("the stop")
    step = c.number("the step")
    return Sweep(kind, target, Points("step", start, stop, step=step))


def _dc(c: CommandLine, circuit: Circuit) -> None:
    sweeps = []
    while not c.done:
        sweeps.append(_sweep(c, circuit))
        c.skip()
    if not sweeps:
        raise c.error("`.dc source start stop step [source start stop step]` is expected")
    circuit.analyses.append(Dc(tuple(sweeps), c.line.where))


def _step(c: CommandLine, circuit: Circuit) -> None:
    """Read ``.step [param] name start stop step``, ``... list values``, ``.step dec param ...``."""
    variation = c.peek() if c.peek() in ("dec", "oct", "lin") else ""
    if variation:
        c.take()
    word = c.peek()
    model = re.fullmatch(r"[a-z]\w*", word) and c.tokens[c.at + 1].kind == "word" and (
        c.tokens[c.at + 2].text == "("
    )
    if model:  # .step npn name(parameter)
        c.take()
        target = c.word("a model")
        c.sign("(")
        parameter = c.word("a parameter")
        c.sign(")")
        if c.scope.find_model(target) is None:
            known = {n for s in c.scope.chain() for n in s.models}
            raise c.error(f"there is no model `{target}`{did_you_mean(target, known)}")
        kind = "model"
    else:
        parameter = ""
        target = c.word("what is to be stepped")
        if target == "param":
            target, kind = c.word("a parameter"), "parameter"
        elif target == "temp":
            kind = "temperature"
        elif c.scope.parameter(target) is not None:
            kind = "parameter"
        else:
            target = c.scope.element(target)
            first = target.split(".")[-1][:1]
            kind = {"v": "source", "i": "source", "r": "resistor"}.get(first, "element")
        if kind == "parameter" and c.scope.parameter(target) is None:
            raise c.error(
                f"there is no parameter `{target}`{did_you_mean(target, c.scope.parameter_names)}"
            )
    if c.peek() == "list":
        c.take()
        listed = []
        while not c.done:
            listed.append(c.number("a value"))
            c.skip()
        points = Points("list", listed=tuple(listed))
    else:
        if c.peek() in ("dec", "oct", "lin"):
            variation = c.take().text.lower()
        start, stop, step = (c.number(w) for w in ("the start", "the stop", "the step"))
        if variation in ("dec", "oct"):
            points = Points(variation, start, stop, int(step))
        else:
            points = Points("step", start, stop, step=step)
    c.finished()
    circuit.analyses.append(Step(Sweep(kind, target, points, parameter), c.line.where))


def _frequencies(c: CommandLine) -> Points:
    variation = c.word("dec, oct or lin")
    if variation not in ("dec", "oct", "lin"):
        raise c.error(f"dec, oct or lin is expected, not `{variation}`")
    return c.points(variation)


def _ac(c: CommandLine, circuit: Circuit) -> None:
    points = _frequencies(c)
    c.finished()
    circuit.analyses.append(Ac(points, c.line.where))


def _noise(c: CommandLine, circuit: Circuit) -> None:
    output = c.probe("the output")
    source = c.scope.element(c.word("the source"))
    points = _frequencies(c)
    summary = 0 if c.done else int(c.number("points per summary"))
    c.finished()
    if output[0] != "v":
        raise c.error("the output of `.noise` must be a voltage")
    circuit.analyses.append(Noise(output, source, points, summary, c.line.where))


def _tf(c: CommandLine, circuit: Circuit) -> None:
    output = c.probe("the output")
    source = c.scope.element(c.word("the source"))
    c.finished()
    circuit.analyses.append(Tf(output, source, c.line.where))


def _sens(c: CommandLine, circuit: Circuit) -> None:
    output = c.probe("the output")
    points = None
    if c.peek() == "ac":
        c.take()
        points = _frequencies(c)
    elif c.peek() == "dc":
        c.take()
    c.finished()
    circuit.analyses.append(Sens(output, points, c.line.where))


def _four(c: CommandLine, circuit: Circuit) -> None:
    frequency = c.number("the frequency")
    if frequency <= 0:
        raise c.error("the frequency must be > 0")
    texts = split_outputs(c.line, c.token.start)
    if not texts:
        raise c.error("`.four frequency v(out) ...` is expected")
    outputs = tuple(read_output(c.scope, c.line, text) for text in texts)
    circuit.analyses.append(Four(frequency, outputs, c.line.where))


def read_output(scope: Scope, line: Line, text: str) -> Expression:
    """Return a quantity of the results: any expression over ``v(a)``, ``i(v1)``, ``@m1[id]``."""
    match = re.fullmatch(r"par\(\s*'(.*)'\s*\)|'(.*)'|\{(.*)\}", text.strip(), re.IGNORECASE)
    inner = next(group for group in match.groups() if group is not None) if match else text
    # other names are vectors of results, such as onoise_spectrum, or other measures
    return scope.expression(inner, line, open_names=True)


_OF_XYCE = ("homotopy", "es", "pce", "hb", "hb_fd", "hb_td", "hb_ic", "hb_startup", "transadj",
            "sparam")


def _save(c: CommandLine, circuit: Circuit) -> None:
    kind = c.line.command[1:]
    texts = split_outputs(c.line, len(c.line.command))
    analysis = ""
    if kind in ("print", "plot") and texts and re.fullmatch(r"\w+", texts[0]):
        analysis = texts.pop(0).lower()
        if analysis in _OF_XYCE or (analysis == "sens" and not texts):
            circuit.notes.append(f"{c.line.file}:{c.line.number}: `.{kind} {analysis}` has no "
                                 "effect: it is about Xyce's files")
            return
        if analysis not in NAMES:
            raise c.error(f"`{analysis}` is no analysis{did_you_mean(analysis, NAMES)}")
    everything = False
    outputs = []
    for text in texts:
        if re.fullmatch(r"(?i)(format|file|width|precision|delimiter|timescalefactor|filter)=\S+",
                        text):
            circuit.notes.append(f"{c.line.file}:{c.line.number}: `{text}` of `.{kind}` has no "
                                 "effect: it is about Xyce's files")
            continue
        if kind == "probe" and text.lower() in ("alli", "i(*)"):
            circuit.options["savecurrents"] = 1.0  # of every element, as ngspice's .probe
        if kind == "plot" and re.fullmatch(r"\([^(),]+,[^(),]+\)", text):
            continue  # limits of an axis
        if text.lower() in ("all", "allv", "alli", "*", "v(*)", "i(*)"):
            everything = True
        elif (node := c.scope.node(text)) in circuit.nodes:  # a node alone is its voltage
            outputs.append(Expression.of((("probe", ("v", node, "0")),)))
        else:
            outputs.append(read_output(c.scope, c.line, text))
    if not outputs and not everything:
        if kind != "probe":
            raise c.error(f"`.{kind}` needs quantities, such as v(out)")
        everything = True
    circuit.saves.append(Save(kind, analysis, tuple(outputs), everything, c.line.where))


def _voltages(c: CommandLine, circuit: Circuit) -> None:
    target = circuit.initial if c.line.command == ".ic" else circuit.nodeset
    found = False
    while not c.done:
        c.skip()
        if c.done:
            break
        if c.peek() != "v" or c.tokens[c.at + 1].text != "(":
            raise c.error(f"`v(node) = volt` is expected, not `{c.token.text}`")
        c.at += 2
        node = c.node()
        if not c.sign(")") or not c.sign("="):
            raise c.error("`v(node) = volt` is expected")
        c.scope.places[c.line.command, node] = c.line.where
        target[node] = c.number_of(c.raw(), "a voltage")
        found = True
    if not found:
        circuit.notes.append(f"{c.line.file}:{c.line.number}: an empty `{c.line.command}` has no "
                             "effect")


def _temp(c: CommandLine, circuit: Circuit) -> None:
    value = c.number("a temperature")
    if not c.done:
        raise c.error("one temperature; for several use `.step temp list ...`")
    set_temperature(c, circuit, value)


def _measure(c: CommandLine, circuit: Circuit) -> None:
    measure = read_measure(c.scope, c.line, read_output)
    if any(m.name == measure.name and m.analysis == measure.analysis for m in circuit.measures):
        raise c.error(f"there are two measures `{measure.name}`")
    circuit.measures.append(measure)


COMMANDS: dict[str, Callable[[CommandLine, Circuit], None]] = {
    ".op": _op, ".tran": _tran, ".dc": _dc, ".ac": _ac, ".noise": _noise, ".tf": _tf,
    ".sens": _sens, ".four": _four, ".fourier": _four, ".step": _step, ".save": _save,
    ".print": _save, ".plot": _save, ".probe": _save, ".ic": _voltages, ".nodeset": _voltages,
    ".temp": _temp, ".options": read_options, ".option": read_options, ".opt": read_options,
    ".meas": _measure, ".measure": _measure,
}
_INSIDE = (".ic", ".nodeset")


def read_command(scope: Scope, line: Line, circuit: Circuit) -> None:
    """Read one dot command into the circuit."""
    command = line.command
    if command == ".title":
        circuit.title = line.text.split(maxsplit=1)[1].strip() if " " in line.text else ""
        return
    if command in IDLE_COMMANDS:
        circuit.notes.append(f"{line.file}:{line.number}: `{command}` has no effect: it is about "
                             f"{IDLE_COMMANDS[command]}")
        return
    if command in REFUSED:
        raise line.error(f"`{command}`, {REFUSED[command]}, is not supported")
    if command not in COMMANDS:
        raise line.error(f"there is no command `{command}`"
                         f"{did_you_mean(command, (*COMMANDS, *OTHERS), 60)}")
    if scope.outer is not None and command not in _INSIDE:
        raise line.error(f"`{command}` must stand outside of subcircuits")
    try:
        COMMANDS[command](CommandLine(line, scope), circuit)
    except ParameterError as error:
        raise line.error(f"{command}: {error}") from None
