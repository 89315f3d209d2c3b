"""Second values of netlists, of the solvers' verbs, of devices and of programming."""

from typing import Any

import numpy as np
from crossbarsim.solvers import CrossbarSolver, Energy, Integral, Mean, Rms, ValueAt

from crossbarsim import (
    EKV,
    Circuit,
    ConvergenceError,
    Crossbar,
    Driven,
    Ends,
    Grounded,
    LoadResistor,
    OneSelectorOneResistor,
    OneTransistorOneResistor,
    ParameterError,
    Pulse,
    Pwl,
    Resistive,
    Sensed,
    Simulator,
    Sine,
    Solver,
    Transimpedance,
    Wires,
)
from crossbarsim.devices import VTEAM, StanfordPKU, StaticSinh

from .acts import Refused, Row, Same, Second
from .api import NAMES, entry_of
from .rows import WIRES, G, T, V, cells, drive, gated, rc, virgin, xbar

SHOWS = "shows how far the run is"
THREADS = "numbers do not depend on threads"


def currents(array: Crossbar, **settings: Any) -> Any:
    return list(Solver(**settings).solve(array, V).end_currents.values())


def array_of(**arguments: Any) -> Any:
    array = Crossbar(**arguments)
    return list(Solver().solve(array, np.linspace(0.1, 0.2, array.inputs)).end_currents.values())


def ended(end: Any) -> Any:
    return currents(Crossbar(G, WIRES, Ends(word_left=Driven(), bit_bottom=end)))


def wired(**arguments: Any) -> Any:
    array = Crossbar(cells=VTEAM().array(100 * G), wires=Wires(**arguments))
    return Solver().transient(array, drive(), 2e-9, max_step=1e-9).currents


def solution(found: Any) -> Any:
    try:
        kept = found.word_voltages
    except ParameterError:  # not kept
        kept = None
    return list(found.end_currents.values()), kept


def solve(**arguments: Any) -> Any:
    return solution(Solver().solve(**arguments))


def solve_gated(**arguments: Any) -> Any:
    return solution(CrossbarSolver().solve(**arguments))


def solve_many(**arguments: Any) -> Any:
    return [solution(s) for s in Solver().solve_many(**arguments)]


def moved(result: Any) -> Any:
    return result.time, result.currents, result.probes and {str(k): v for k, v in result.probes.items()}


def numbers(result: Any) -> Any:
    """What a run of pulses did to the cells."""
    return (
        result.conductance, result.measured, result.set_pulses, result.reset_pulses, result.disturbed,
        result.unconverged, result.energy, result.read_energy, result.time,
    )


def settled(**settings: Any) -> Any:
    """What a solver does with cells that take Newton's iteration."""
    found = Solver(**settings).solve(Crossbar(cells=StaticSinh(v_0=0.02).array(G), wires=WIRES), V)
    return found.currents, found.method, found.residual, linear(**settings)


def linear(**settings: Any) -> Any:
    """What a solver does with resistors."""
    try:
        found = Solver(**settings).solve(Crossbar(np.full((64, 64), 1e-4), Wires(20.0, 20.0)), np.full(64, 0.1))
    except ConvergenceError as error:
        return str(error)
    return found.currents, found.method, found.iterations, found.converged


def source(wave: Any) -> Any:
    circuit = Circuit().V(1, "in", 0, wave).R(1, "in", 0, 1e3)
    return Simulator().transient(circuit, 5e-6, step=1e-7, max_step=1e-7)["v(in)"]


def slow_source(wave: Any) -> Any:
    circuit = Circuit().V(1, "in", 0, wave).R(1, "in", 0, 1e3)
    return Simulator().transient(circuit, 1e-3, step=1e-4, max_step=5e-5)["v(in)"]


def objective(of: Any) -> Any:
    found = Simulator().transient_sensitivities(charged(), of, 1e-3, parameters=["r1"], max_step=5e-5)
    return found.to_arrays() if hasattr(found, "to_arrays") else found


def charged() -> Circuit:
    """A circuit that moves, at any temperature another way."""
    return (
        Circuit("warm").V(1, "in", 0, Sine(0.5, 0.5, 1e3), ac=1.0).R(1, "in", "out", 1e3).R(2, "out", 0, 1e4)
        .C(1, "out", 0, 1e-6, ic=0.2).model("dd", "d").D(1, "out", 0, "dd").transient(1e-4)
    )


def hot(**settings: Any) -> Any:
    return Simulator(**settings).operating_point(charged())["v(out)"], len(
        Simulator(**settings).transient(charged(), 1e-3)["time"]
    )


def simulated(verb: str) -> Any:
    def use(**arguments: Any) -> Any:
        return entry_of(f"Simulator.{verb}").call(**arguments)
    return use


def gate_waves() -> Any:
    return (T, np.full((3, 2), 1.4))


PROGRESS = {"progress": Same(lambda _: None, SHOWS)}

ROWS: dict[str, Row] = {
    # netlists
    "Circuit": Row(lambda **a: Circuit(**a).R(1, "a", 0, 1.0).to_spice(), seconds={"title": "another"}),
    "Crossbar": Row(array_of, seconds={
        "conductance": 2 * G, "wires": Wires(5.0, 5.0), "cells": Refused(Resistive(2 * G), "either"),
        "ends": Ends(word_left=Driven(), word_right=Driven(), bit_bottom=Sensed()),
    }),
    "Driven": Row(lambda **a: currents(Crossbar(G, WIRES, Ends(word_left=Driven(**a))))),
    "Ends": Row(lambda **a: currents(Crossbar(G, WIRES, Ends(**a))), seconds={
        "word_left": Driven(resistance=10.0), "word_right": Driven(), "bit_top": Sensed(), "bit_bottom": Sensed(LoadResistor(100.0)),
    }),
    "Grounded": Row(lambda **a: currents(Crossbar(G, WIRES, Ends(word_left=Driven(), word_right=Grounded(**a)))),
                    seconds={"resistance": 10.0}),
    "LoadResistor": Row(lambda **a: ended(Sensed(LoadResistor(**a)))),
    "Transimpedance": Row(lambda **a: ended(Sensed(Transimpedance(**a)))),
    "Sensed": Row(lambda **a: ended(Sensed(**a)), seconds={"amplifier": LoadResistor(100.0)}),
    "OneSelectorOneResistor": Row(
        lambda **a: currents(Crossbar(cells=OneSelectorOneResistor(**a), wires=WIRES)),
        seconds={"device": VTEAM().array(200 * G), "selector": StaticSinh(g_max=1e-3)},
    ),
    "OneTransistorOneResistor": Row(
        lambda **a: currents(Crossbar(cells=OneTransistorOneResistor(**a), wires=WIRES)),
        seconds={"device": VTEAM().array(200 * G), "transistor": EKV.preset("ptm_130nm"), "temperature": 350.0,
                 "gate_along": Second("columns", gate_voltage=[1.8, 1.0]),
                 "tables": Same(False, "a law needs none; of compiled ones: tests/devices/test_access_tables.py")},
    ),
    "Pulse": Row(lambda **a: source(Pulse(**a)), seconds={
        "v1": 0.1, "delay": 1e-6, "rise": 4e-7, "fall": 4e-7, "width": 5e-7, "period": 2e-6, "count": 1}),
    "Sine": Row(lambda **a: slow_source(Sine(**a)), seconds={"offset": 0.1, "delay": 2e-4, "damping": 1e3, "phase": 90.0}),
    "Pwl": Row(lambda **a: source(Pwl(**a)), base={"times": (0.0, 1e-6, 2e-6), "values": (0.0, 1.0, 0.5)}, seconds={
        "times": (0.0, 1e-6, 3e-6), "values": (0.0, 1.0, 0.2), "repeat": 0.0, "delay": 1e-6}),
    "Resistive": Row(lambda **a: currents(Crossbar(cells=Resistive(**a), wires=WIRES)), seconds={"conductance": 2 * G}),
    "Wires": Row(wired, seconds={"word_capacitance": 1e-10, "bit_capacitance": 1e-10}),
    "read_spice": Row(seconds={
        "source": "a deck\nV1 a 0 {u}\nR1 a 0 2k\n.param u=1\n", "parameters": {"u": 3.0},
        "compat": Second("ngspice", source="a deck\nV1 a 0 {2^3^2}\nR1 a 0 1k\n.end\n", parameters=None),
        "strict": Refused(True, "", source="a deck\nV1 a 0 {u}\nR1 a 0 1k\n.param u=1\n.option nonsense=3\n"),
        "seed": Second(1, source="a deck\nV1 a 0 {u}\nR1 a 0 {aunif(1k, 100)}\n.param u=1\n"),
    }),
    # solvers
    "Simulator": Row(hot, base={"options": {}}, seconds={
        "temperature": 350.0, "options": {"reltol": 1e-6}, **PROGRESS}),
    **{name: Row(settled, base={"max_iterations": None}, seconds={
        "method": Second("mna"), "backend": Refused("gpu", "."), "rtol": 1e-2, "on_failure": Second("return", max_iterations=1), "max_iterations": 1, "threads": Same(2, THREADS),
    }) for name in ("Solver", "CrossbarSolver")},
    "Energy": Row(lambda **a: objective(Energy(**a)), base={"stop": 1e-3}, seconds={
        "source": Refused("v9", "v9"), "start": 2e-4, "stop": 5e-4}),
    **{c.__name__: Row(lambda c=c, **a: objective(c(**a)), base={"stop": 1e-3}, seconds={
        "name": "v(in)", "start": 2e-4, "stop": 5e-4}) for c in (Integral, Mean, Rms)},
    "ValueAt": Row(lambda **a: objective(ValueAt(**a)), seconds={"name": "v(in)", "time": 5e-4}),
    "Solver.solve": Row(solve, seconds={
        "xbar": Crossbar(2 * G), "V": 2 * V, "gate_voltage": Refused(1.0, "gate_voltage"), "fields": "currents"}),
    "CrossbarSolver.solve": Row(solve_gated, seconds={
        "xbar": Second(cells(), gate_voltage=None), "V": 2 * V, "gate_voltage": 1.0, "fields": "currents"}),
    "Solver.solve_many": Row(solve_many, seconds={"xbars": [Crossbar(2 * G)], "Vs": [2 * V], "fields": "currents"}),
    **{f"Solver.{verb}": Row(base={"xbar": Crossbar(cells=StaticSinh().array(G), wires=WIRES)}, seconds={
        "xbar": xbar(), "at": 2 * V}) for verb in ("effective_matrix", "affine_map")},
    "Solver.effective_matrices": Row(seconds={"xbars": [Crossbar(2 * G)]}),
    "Solver.vjp": Row(seconds={"sol": Solver().solve(xbar(), 2 * V), "grad_currents": 2 * V}),
    "Solver.matrix_vjp": Row(seconds={"xbars": [Crossbar(2 * G)], "grads": [2 * G]}),
    "CrossbarSolver.transient": Row(lambda **a: moved(CrossbarSolver().transient(**a)), seconds={
        "xbar": virgin(), "waveforms": (T, np.array([[0.0, 0.0], [0.2, 0.2], [0.2, 0.1]])), "t_stop": 1e-9,
        "gate": Refused(gate_waves(), "gate"), "probes": ("cell_voltages",), "rtol": Second(1e-6, max_step=None),
        "max_step": 1e-10, "progress": Same(True, SHOWS),
        "seed": Second(2, xbar=Crossbar(cells=StanfordPKU.preset("stochastic").array(np.full((2, 2), 3e-5)), wires=WIRES)),
    }),
    "Solver.transient_many": Row(lambda **a: [moved(r) for r in Solver().transient_many(**a)], seconds={
        "xbars": [virgin()], "waveforms": (T, np.array([[0.0, 0.0], [0.2, 0.2], [0.2, 0.1]])), "t_stop": 1e-9,
        "gate": Refused(gate_waves(), "gate"), "probes": ("cell_voltages",), "rtol": Second(1e-6, max_step=None),
        "max_step": 1e-10, "progress": Same(True, SHOWS),
        "seed": Second(2, xbars=[Crossbar(cells=StanfordPKU.preset("stochastic").array(np.full((2, 2), 3e-5)), wires=WIRES)]),
    }),
    **{f"Simulator.{verb}": Row(base={"circuit": charged()}, seconds={
        "circuit": rc(), "temperature": 350.0, "save": ["v(in)"], "frequencies": [2.0, 20.0], "sweeps": {"v1": [0.0, 2.0]},
        "output": "v(in)", "source": Refused("v9", "v9"), "t_stop": 2e-4, "step": Second(5e-6, max_step=None), "start": 5e-5, "max_step": 2e-6,
        "uic": True, "parameters": ["r2"], "objective": Mean("v(in)"), "max_bytes": Refused(10.0, "max_bytes"), **PROGRESS,
    }) for verb in ("operating_point", "dc_sweep", "transient", "transient_sensitivities", "transient_adjoint", "ac", "noise",
                    "transfer_function", "sensitivities", "run")},
    # circuits: the deck that is written differs
    **{name: Row(seconds={
        "name": "x9", "positive": "p9", "negative": "n9", "control_positive": "p9", "control_negative": "n9", "source": "v9",
        "first": "l9", "second": "l8", "anode": "p9", "cathode": "n9", "model": "d9", "kind": "r",
        "v": Second("3*v(b)"), **({"first": ("p9", "0"), "second": ("p9", "0")} if name == "Circuit.T" else {}),
    }) for name in NAMES if name.startswith("Circuit.")},
    "Circuit.B": Row(seconds={"name": "x9", "positive": "p9", "negative": "n9", "v": "3*v(b)", "i": Refused("2*v(b)", "either")}),
    "Circuit.D": Row(seconds={"name": "x9", "anode": "p9", "cathode": "n9", "model": Refused("d9", "d9")}),
    "Circuit.model": Row(seconds={"name": "d9", "kind": Refused("r", "n"), "level": Refused(3, "level")}),
    "Circuit.crossbar": Row(seconds={"name": "x9", "xbar": Crossbar(2 * G)}),
    "Circuit.to_spice": Row(
        lambda **a: Circuit("a").B(1, "a", 0, v="atan2(1, 2) + hypot(v(a), 2)").to_spice(**a),
        seconds={"dialect": "ngspice"},
    ),
    "Crossbar.to_circuit": Row(lambda xbar=None, **a: (xbar or cells()).to_circuit(**a), seconds={
        "V": 2 * V, "gate_voltage": Second(1.0, xbar=gated()), "waveforms": Refused(drive(), "either"),
        "gate": Second(gate_waves(), xbar=gated(), V=None, waveforms=drive()), "t_stop": Second(1e-9, V=None, waveforms=drive()),
        "max_step": Second(1e-10, V=None, waveforms=drive())}),
}
