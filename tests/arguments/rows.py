"""Arguments that work, for what has no defaults; whatever a row does not name keeps its default."""

from functools import cache
from typing import ClassVar

import numpy as np
from crossbarsim.solvers import CrossbarSolver, Mean

from crossbarsim import (
    EKV,
    Circuit,
    Crossbar,
    Driven,
    Ends,
    OneTransistorOneResistor,
    Pulse,
    Sensed,
    Simulator,
    Solver,
    Wires,
)
from crossbarsim.devices import (
    VTEAM,
    ExponentialSelector,
    LinearIonDrift,
    MeasuredSweep,
    Ohmic,
    StaticSinh,
)
from crossbarsim.nonidealities import (
    Faults,
    LogNormal,
    NonIdealities,
    Normal,
    Place,
    ReadNoise,
    SinhIV,
    Variability,
)
from crossbarsim.periphery import ADC, DAC, Periphery
from crossbarsim.programming import HalfVoltage, Lines, PulseTrain

G = np.array([[1e-4, 2e-5], [5e-5, 3e-5]])
V = np.array([0.1, 0.2])
WIRES = Wires(word=2.0, bit=3.0)
T = np.array([0.0, 1e-9, 2e-9])


@cache
def xbar():
    return Crossbar(G, WIRES)


@cache
def cells():
    return Crossbar(cells=VTEAM().array(100 * G), wires=WIRES)


@cache
def gated():
    array = OneTransistorOneResistor(VTEAM().array(100 * G), EKV(), gate_voltage=1.8)
    return Crossbar(cells=array, wires=WIRES)


NOISY_CELL = """module {0}(p, n); electrical p, n; parameter real k = 1; parameter real g = {1}; real w;
analog begin
    w = idt(k * V(p, n) + $rdist_normal(1, 0, 1), 0.5);
    I(p, n) <+ g * w * V(p, n);
end
endmodule
"""
CELLS = NOISY_CELL.format("a", 1.0) + NOISY_CELL.format("b", 2.0)


class Virgin(VTEAM):
    """A model that has to be formed."""

    pristine: ClassVar = {"x": 3e-9}


@cache
def virgin():
    return Crossbar(cells=Virgin().array(shape=(2, 2)), wires=WIRES)


def rc():
    return Circuit().V(1, "in", 0, 1.0, ac=1.0).R(1, "in", "out", 1e3).C(1, "out", 0, 1e-6)


@cache
def still():
    return rc()


def drive():
    return (T, np.array([[0.0, 0.0], [0.1, 0.2], [0.2, 0.1]]))


@cache
def layer():
    import torch

    torch.manual_seed(0)
    return torch.nn.Linear(4, 3).double()


def net():
    import torch

    return torch.nn.Sequential(layer())


def config(**changes):
    from crossbarsim.nn import CrossbarConfig

    return CrossbarConfig(**changes)


def chip(**changes):
    from crossbarsim.nn import convert

    return convert(net(), config(**changes))


SHORT_PULSES = {"v_start": 1.55, "v_step": 0.1, "v_max": 2.3, "width": 10e-9}


def pulsed(**changes):
    return chip(**{"g_on": 1e-4, "g_off": 1e-5, "wires": Wires(1.0, 1.0), **changes})


def threshold(**changes):
    from crossbarsim.devices import VTEAM

    return VTEAM.preset("magic", **{"v_off": 1.0, **changes})


def inputs():
    return np.array([[0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1]])


def tensor():
    import torch

    return torch.from_numpy(inputs())


def pulses():
    from crossbarsim.nn.train import UpdatePulses

    return UpdatePulses(1.0, -1.0, 1e-9, 1e-9)


def solved():
    return Solver().solve(xbar(), V)


SHORT = VTEAM(k_on=-1.0, k_off=0.02, v_off=0.0217)


@cache
def loop(scale=1.0):
    """A measured loop of a VTEAM, of few points, some of them at the compliance."""
    t = np.linspace(0.0, 1e-6, 41)
    v = -np.sin(2e6 * np.pi * t)
    noise = 1 + 0.01 * np.random.default_rng(1).standard_normal(len(t))
    limit = 0.0175
    current = scale * SHORT.replace(r_on=55.0).simulate(t, v).current * noise
    return MeasuredSweep(t, v, np.clip(current, -limit, limit), limit)


TIME = {"t_stop": 1e-4, "step": 1e-6, "max_step": 1e-5, "temperature": 300.15}
ARRAY_TIME = {"waveforms": drive(), "t_stop": 2e-9, "seed": 1, "max_step": 1e-9, "probes": ("state",)}

# what methods are called on
SELF = {
    "Solver": Solver, "CrossbarSolver": CrossbarSolver, "Simulator": Simulator, "Circuit": lambda: Circuit("a circuit").model("dd", "d", n=1.1),
    "Crossbar": xbar, "VTEAM": VTEAM, "LinearIonDrift": LinearIonDrift, "DeviceArray": lambda: cells().cells,
    "OneTransistorOneResistor": lambda: gated().cells, "EKV": EKV, "Wires": lambda: WIRES, "Pulse": lambda: Pulse(0.0, 1.0),
    "ADC": ADC, "DAC": DAC, "Periphery": lambda: Periphery(adc=ADC(full_scale=1e-4), dac=DAC()),
    "Faults": lambda: Faults(stuck_on=0.1), "Place": lambda: Place(1), "Normal": lambda: Normal(0.1),
    "LogNormal": lambda: LogNormal(0.1), "SinhIV": SinhIV, "NonIdealities": NonIdealities, "CrossbarConfig": config, "Ends": Ends, "PulseTrain": lambda: PulseTrain(1e-9),
}

ARGUMENTS = {
    # netlists
    "Wires": lambda: {"word": 1.0, "bit": 2.0, "driver": 3.0, "sense": 4.0},
    "Crossbar": lambda: {"conductance": G, "wires": WIRES, "ends": Ends()},
    "Driven": lambda: {"voltage": 0.1, "resistance": 1.0},
    "LoadResistor": lambda: {"resistance": 1e3}, "Transimpedance": lambda: {"r_feedback": 1e3, "gain": 1e4},
    "Sensed": dict, "Ends": lambda: {"word_left": Driven(), "bit_bottom": Sensed()},
    "Resistive": lambda: {"conductance": G},
    "Pulse": lambda: {"v1": 0.0, "v2": 1.0, "period": 3e-6, "count": 2},
    "Sine": lambda: {"offset": 0.0, "amplitude": 1.0, "frequency": 1e3},
    "Pwl": lambda: {"times": (0.0, 1e-9), "values": (0.0, 1.0), "repeat": None},
    "OneSelectorOneResistor": lambda: {"device": VTEAM().array(100 * G), "selector": ExponentialSelector()},
    "OneTransistorOneResistor": lambda: {"device": VTEAM().array(100 * G), "transistor": EKV(), "gate_voltage": 1.8,
                                         "temperature": 300.0},
    "read_spice": lambda: {"source": "a deck\nV1 a 0 {u}\nR1 a 0 1k\n.param u=1\n", "parameters": {"u": 2.0}},
    "Circuit.R": lambda: {"name": "r1", "positive": "a", "negative": "0", "resistance": 1e3},
    "Circuit.C": lambda: {"name": "c1", "positive": "a", "negative": "0", "capacitance": 1e-6, "ic": 0.1},
    "Circuit.L": lambda: {"name": "l1", "positive": "a", "negative": "0", "inductance": 1e-6, "ic": 0.1},
    "Circuit.V": lambda: {"name": "v1", "positive": "a", "negative": "0", "voltage": 1.0, "ac": 1.0},
    "Circuit.I": lambda: {"name": "i1", "positive": "a", "negative": "0", "current": 1.0, "ac": 1.0},
    "Circuit.E": lambda: {"name": "e1", "positive": "a", "negative": "0", "control_positive": "b",
                          "control_negative": "0", "gain": 2.0},
    "Circuit.G": lambda: {"name": "g1", "positive": "a", "negative": "0", "control_positive": "b",
                          "control_negative": "0", "transconductance": 2.0},
    "Circuit.F": lambda: {"name": "f1", "positive": "a", "negative": "0", "source": "v1", "gain": 2.0},
    "Circuit.H": lambda: {"name": "h1", "positive": "a", "negative": "0", "source": "v1", "transresistance": 2.0},
    "Circuit.K": lambda: {"name": "k1", "first": "l1", "second": "l2", "coupling": 0.5},
    "Circuit.B": lambda: {"name": "b1", "positive": "a", "negative": "0", "v": "2*v(b)"},
    "Circuit.D": lambda: {"name": "d1", "anode": "a", "cathode": "0", "model": "dd", "area": 2.0},
    "Circuit.T": lambda: {"name": "t1", "first": ("a", "0"), "second": ("b", "0"), "z0": 50.0, "td": 1e-9},
    "Circuit.model": lambda: {"name": "d2", "kind": "d", "n": 1.0},
    "Circuit.crossbar": lambda: {"name": "x1", "xbar": xbar(), "word_left": ["a", "b"]},
    "Circuit.transient": lambda: {"t_stop": 1e-3, "max_step": 1e-5},
    "Circuit.to_spice": dict,
    "Crossbar.to_circuit": lambda: {"V": V},
    # solvers
    "Solver": lambda: {"max_iterations": 10, "threads": 1},
    "CrossbarSolver": lambda: {"max_iterations": 10, "threads": 1},
    "Simulator": lambda: {"temperature": 300.0, "options": {"reltol": 1e-3}},
    "Solver.solve": lambda: {"xbar": xbar(), "V": V},
    "CrossbarSolver.solve": lambda: {"xbar": gated(), "V": V, "gate_voltage": 1.8},
    "Solver.solve_many": lambda: {"xbars": [xbar()], "Vs": [V]},
    "Solver.effective_matrix": lambda: {"xbar": cells(), "at": V},
    "Solver.affine_map": lambda: {"xbar": cells(), "at": V},
    "Solver.effective_matrices": lambda: {"xbars": [xbar()]},
    "Solver.vjp": lambda: {"sol": solved(), "grad_currents": V},
    "Solver.matrix_vjp": lambda: {"xbars": [xbar()], "grads": [G]},
    "CrossbarSolver.transient": lambda: {"xbar": cells(), **ARRAY_TIME},
    "Solver.transient_many": lambda: {"xbars": [cells()], **ARRAY_TIME},
    "Simulator.operating_point": lambda: {"circuit": still(), "temperature": 300.0},
    "Simulator.dc_sweep": lambda: {"circuit": still(), "sweeps": {"v1": [0.0, 1.0]}, "save": ["v(out)"], "temperature": 300.0},
    "Simulator.transient": lambda: {"circuit": still(), "save": ["v(out)"], **TIME},
    "Simulator.transient_sensitivities": lambda: {"circuit": still(), "objective": Mean("v(out)"), "parameters": ["r1"], **TIME},
    "Simulator.transient_adjoint": lambda: {"circuit": still(), **TIME},
    "Simulator.ac": lambda: {"circuit": still(), "frequencies": [1.0, 10.0], "save": ["v(out)"], "temperature": 300.0},
    "Simulator.noise": lambda: {"circuit": still(), "output": "v(out)", "source": "v1", "frequencies": [1.0, 10.0],
                                "temperature": 300.0},
    "Simulator.transfer_function": lambda: {"circuit": still(), "output": "v(out)", "source": "v1", "temperature": 300.0},
    "Simulator.sensitivities": lambda: {"circuit": still(), "output": "v(out)", "frequencies": [1.0, 10.0], "temperature": 300.0},
    "Simulator.run": lambda: {"circuit": still(), "temperature": 300.0},
    "ValueAt": lambda: {"name": "v(out)", "time": 1e-3}, "Integral": lambda: {"name": "v(out)", "start": 0.0, "stop": 1.0},
    "Mean": lambda: {"name": "v(out)", "start": 0.0, "stop": 1.0}, "Rms": lambda: {"name": "v(out)", "start": 0.0, "stop": 1.0},
    "Energy": lambda: {"source": "v1", "start": 0.0, "stop": 1.0},
    # devices
    "State": lambda: {"name": "x"},
    "VTEAM.array": lambda: {"conductance": 100 * G, "capacitance": 1e-15},
    "VTEAM.preset": lambda: {"name": "magic"},
    "VTEAM.current": lambda: {"v": V, "x": np.full((1, 2), 1e-9)},
    "VTEAM.rate": lambda: {"v": V, "x": np.full((1, 2), 1e-9)},
    "VTEAM.evaluate": lambda: {"v": V, "x": np.full((1, 2), 1e-9)},
    "VTEAM.conductance": lambda: {"x": np.full((1, 2), 1e-9), "v": V},
    "VTEAM.conductance_slope": lambda: {"x": np.full((1, 2), 1e-9)},
    "VTEAM.state_from_conductance": lambda: {"g": np.array([1e-2, 2e-3])},
    "VTEAM.simulate": lambda: {"t": T, "v": np.array([0.0, 0.5, 0.0]), "conductance": 2e-3, "seed": 1, "threads": 1},
    "VTEAM.to_verilog_a": lambda: {"state": [1e-9], "module": "cell_1"},
    "LinearIonDrift.hysteresis": lambda: {"amplitude": 1.0, "frequency": 1e6, "points": 20, "seed": 1},
    "EKV.current": lambda: {"vd": 0.1, "vs": 0.0, "vg": 1.0}, "EKV.at_temperature": lambda: {"kelvin": 350.0},
    "EKV.preset": lambda: {"name": "ptm_130nm"},
    "MeasuredSweep": lambda: {"time": T, "voltage": np.array([0.0, 0.5, 0.0]), "current": np.array([0.0, 1e-3, 0.0]),
                              "compliance": 2e-3},
    "FittedPreset": lambda: {"device": VTEAM(r_on=60.0), "intervals": {"r_on": (50.0, 70.0)}, "files": ("a.csv",)},
    "fit": lambda: {"model": SHORT, "data": loop(), "free": ["r_on", "v_off"], "starts": 1},
    "compare": lambda: {"models": [SHORT], "data": loop(), "starts": 1, "polarity": "as it is", "start": "rest"},
    "fit_many": lambda: {"model": SHORT, "data": {"a": loop()}, "free": ["r_on", "v_off"], "starts": 1},
    "measured_accuracy": lambda: {"model": SHORT, "data": {"a": loop(), "b": loop(1.1), "c": loop(0.9)}, "free": ["r_on", "r_off"],
                                  "network": net(), "batches": [(tensor(), np.array([0, 1]))], "chips": 1},
    "device": lambda: {"name": "vteam"}, "model": lambda: {"name": "vteam"},
    "parameter": lambda: {"default": 1.0},
    "read_verilog_a": lambda: {"source": CELLS, "module": "a", "fixed": {"k": 2.0}, "bounds": {"w": (0.0, 1.0)},
                               "noise_step": 1e-9},
    "describe_verilog_a": lambda: {"source": CELLS, "module": "a"},
    # periphery
    "ADC": lambda: {"full_scale": 1e-4}, "SarADC": lambda: {"full_scale": 1e-4, "capacitor_sigma": 0.1},
    "RampADC": lambda: {"full_scale": 1e-4, "slope_error": 0.1}, "PipelineADC": lambda: {"full_scale": 1e-4, "capacitor_sigma": 0.05},
    "ADC.transfer": lambda: {"errors": ADC(inl=1.0).fabricate(Place(1), 2, signed=True), "signed": True},
    "TransimpedanceSense": lambda: {"gbw": 1e9, "temperature": 300.0},
    "Reads": lambda: {"place": Place(1)},
    "clipped": lambda: {"x": V}, "encode": lambda: {"x": G * 1e3, "encoding": "bipolar", "dac": DAC()},
    "phase_count": lambda: {"encoding": "bit-serial", "bits": 4},
    "layer_cost": lambda: {"periphery": Periphery(dac=DAC(), adc=ADC()), "shapes": [(8, 8)], "macs": 64, "array_power": 1e-6,
                           "integration_time": 1e-7, "signals": [8]},
    "ADC.convert": lambda: {"signal": 1e-4 * V, "full_scale": 1e-4, "signed": True},
    "DAC.convert": lambda: {"x": V, "signed": True},
    "ADC.fabricate": lambda: {"place": Place(1), "columns": 2, "signed": True},
    "DAC.fabricate": lambda: {"place": Place(1), "rows": 2},
    "Periphery.fabricate": lambda: {"place": Place(1), "columns": 2},
    "Periphery.encode": lambda: {"x": G * 1e3, "encoding": "bipolar"},
    # programming
    "PulseTrain": lambda: {"width": 1e-9, "rise": 1e-10, "fall": 1e-10, "gap": 1e-9},
    "Ladder": lambda: {"v_start": 0.5, "v_step": 0.1, "v_max": 1.0, "pulse": PulseTrain(1e-9)},
    "Gated": lambda: {"gate_set": 1.0, "gate_reset": 2.0, "gate_read": 2.0},
    "write": lambda: {"xbar": cells(), "row": 0, "columns": [0], "voltage": 1.0, "pulse": PulseTrain(1e-10),
                      "scheme": "v/2", "seed": 1, "max_step": 1e-10, "solver": Solver(threads=1)},
    "drive_lines": lambda: {"xbar": cells(), "lines": Lines(np.array([0.1, 0.0]), np.array([0.0, 0.0])),
                            "pulse": PulseTrain(1e-10), "seed": 1, "max_step": 1e-10},
    "program": lambda: {"xbar": cells(), "targets": 100 * G, "scheme": "v/2", "v_start": 0.5, "v_step": 0.1, "v_max": 1.0,
                        "width": 1e-9, "rise": 1e-10, "fall": 1e-10, "read_voltage": 0.1, "max_pulses": 2, "passes": 1},
    "form": lambda: {"xbar": virgin(), "conductance": 1e-2, "v_start": 0.5, "v_step": 0.1, "v_max": 1.0, "width": 1e-9,
                     "scheme": "v/2", "rise": 1e-10, "fall": 1e-10, "read_voltage": 0.1, "max_pulses": 1},
    "pulse_window": lambda: {"xbar": cells(), "operation": "set", "g_low": 2e-3, "g_high": 1e-2, "scheme": HalfVoltage(),
                             "g_start": 1.5e-3, "width": 1e-9},
    "pristine_state": lambda: {"device": Virgin()}, "set_sign": lambda: {"device": VTEAM()},
    # non-idealities
    "CircuitNoise": lambda: {"xbar": xbar(), "noise": ReadNoise(), "place": Place(1)},
    "ConductanceDrift": lambda: {"time": 10.0, "g_max": 1e-4},
    "ConductanceStates": lambda: {"count": 4},
    "DeviceDisturb": lambda: {"device": VTEAM(), "reads": 10.0, "voltage": 0.1},
    "DeviceIV": lambda: {"device": StaticSinh()},
    "Endurance": lambda: {"cycles": 100.0, "temperature": 300.0}, "RetentionLoss": lambda: {"time": 100.0, "temperature": 300.0},
    "FailureLaw": lambda: {"p_0": 1.0, "stable_resistance": 1e3},
    "FaultMap": lambda: {"codes": np.zeros((2, 2), int)},
    "Faults": lambda: {"stuck_on": 0.1},
    "LogNormal": lambda: {"sigma": 0.1}, "Normal": lambda: {"sigma": 0.1}, "Uniform": lambda: {"low": 0.5, "high": 1.5},
    "Truncated": lambda: {"distribution": Normal(0.1), "low": 0.5},
    "Logarithm": lambda: {"a": 1.0, "b": 0.1}, "Polynomial": lambda: {"coefficients": (1.0, 2.0)},
    "Table": lambda: {"x": (0.0, 1.0), "values": (1.0, 2.0)},
    "LogarithmicDrift": lambda: {"time": 10.0, "shift": 0.01, "sigma": 0.1, "g_max": 1e-4},
    "MeasuredWrite": lambda: {"targets": np.array([1e-6, 1e-5]), "errors": np.array([[0.0, 1e-7], [0.0, 1e-7]])},
    "Place": lambda: {"seed": 1, "layer": "fc", "array": "positive", "tile": (0, 1)},
    "PolynomialIV": lambda: {"read_voltage": 0.1}, "SinhIV": lambda: {"read_voltage": 0.1},
    "PulseWrite": lambda: {"device": VTEAM(), "wires": WIRES, "options": {"width": 1e-9}},
    "ReadDisturb": lambda: {"reads": 10.0, "voltage": 0.2, "tau_0": 1.0, "v_0": 0.1},
    "ReadNoise": lambda: {"feedback": 1e3},
    "Retention": lambda: {"time": 10.0, "temperature": 300.0},
    "TableIV": lambda: {"voltage": [-1.0, 0.0, 1.0], "current": [-1e-4, 0.0, 1e-4]},
    "Variability": lambda: {"parameter": "r_on", "distribution": Normal(0.1)},
    "WriteNoise": lambda: {"sigma": 0.1, "g_max": 1e-4},
    "NonIdealities": lambda: {"variability": Variability("r_on", Normal(0.1))},
    "estimate_spread": lambda: {"values": {"r_on": np.array([1.0, 2.0, 4.0, 16.0])}},
    "MeasuredDrift": lambda: {"time": 1.0, "times": (0.5, 2.0), "shifts": (0.0, -0.1), "sigmas": (0.01, 0.02)},
    "Saturation": lambda: {"size": 0.1, "scale": 0.5}, "Piecewise": lambda: {"limit": 0.3, "below": 0.1, "above": 0.2},
    "StateNoise": lambda: {"spread": 0.02},
    "NonIdealities.preset": lambda: {"name": "pcm_hermes_2023", "time": 1e3},
    "CrossbarConfig.preset": lambda: {"name": "pcm_hermes_2023", "time": 1e3},
    "cell_curve": lambda: {"iv": SinhIV(), "conductance": G, "voltage": V},
    "vary": lambda: {"device": LinearIonDrift(), "shape": (2, 2), "variabilities": Variability("r_on", Normal(0.1)),
                     "place": Place(1)},
    "Normal.probability": lambda: {"x": V}, "LogNormal.probability": lambda: {"x": V},
    "simulate_states": lambda: {"device": LinearIonDrift(), "t": T, "v": np.array([0.0, 0.5, 0.0]), "states": 4,
                                "conductance": 1e-3, "seed": 1, "threads": 1},
    "SinhIV.cells": lambda: {"conductance": G},
    "Faults.draw": lambda: {"place": Place(1), "shape": (2, 2)},
    # networks
    "CrossbarConfig": lambda: {"bits": 4, "input_range": 1.0, "signed_inputs": True},
    "convert": lambda: {"model": net(), "config": config(), "include": ["0"], "exclude": [], "overrides": {"0": {"bits": 4}}},
    "calibrate": lambda: {"model": chip(), "loader": [tensor()]},
    "report": lambda: {"model": chip(), "inputs": tensor()},
    "bake": lambda: {"network": chip(wires=Wires(2.0, 2.0))},
    "equip": lambda: {"model": chip(), "periphery": Periphery()}, "rewire": lambda: {"model": chip(), "wires": WIRES},
    "conductances": lambda: {"network": chip()}, "save_conductances": lambda: {"network": chip(), "folder": "chip"},
    "load_conductances": lambda: {"network": chip(), "source": {"0": {"0-0-0-positive": np.full((4, 3), 1e-5)}}},
    "program_network": lambda: {"model": pulsed(), "cell": threshold(), "tolerance": 0.2, "pulses": "relaxation", "options": dict(SHORT_PULSES)},
    "forget_written": lambda: {"model": chip()},
    "hold": lambda: {"network": chip()}, "release": lambda: {"network": chip()},
    "age": lambda: {"model": chip(), "nonidealities": NonIdealities()}, "reference_reads": lambda: {"model": chip()},
    "compensate_drift": lambda: {"model": chip(), "reference": None},
    "fold_batchnorm": lambda: {"model": normed()},
    "in_situ_update": lambda: {"model": trainee(), "rule": manhattan()},
    "lazy_matrices": lambda: {"model": chip(), "every": 4, "rtol": 1e-2},
    "finetune": lambda: {"model": chip(), "loader": held_out(), "config": tuning(), "validation": held_out()},
    "FinetuneConfig": dict, "Bounded": lambda: {"low": 1.0, "high": 2.0}, "segments": lambda: {"shape": (2, 2), "word": 1.0},
    "array_power": lambda: {"V": volts(), "G": ohms() * 1e-3, "word": ohms(), "bit": ohms()},
    "minimise": lambda: {"objective": lambda p: p["x"], "variables": {"x": bounded()}, "steps": 2},
    "NetworkDesign": lambda: {"model": net(), "inputs": tensor(), "config": config(tile_shape=(2, 2))},
    "weight_noise": lambda: {"model": chip(), "sigma": 0.1, "seed": 1},
    "GradientPulses": lambda: {"rate": 1.0}, "StochasticPulses": lambda: {"rate": 1.0}, "MixedPrecision": lambda: {"rate": 1.0},
    "TikiTaka": lambda: {"rate": 0.1, "transfer_rate": 0.1}, "TikiTakaV2": lambda: {"rate": 0.1, "transfer_rate": 0.1},
    "PulseResponse": lambda: {"conductance": [1e-6, 5e-6, 1e-5], "up": [2e-7, 1e-7, 1e-8], "down": [-1e-8, -2e-7, -3e-7]},
    "InSituConv2d": lambda: {"in_channels": 1, "out_channels": 2, "kernel_size": 2, "config": insitu()},
    "CrossbarMatrix": lambda: {"matrix": [[1.0, 0.5], [-0.25, 2.0]], "config": config()},
    "refine": lambda: {"A": [[1.0, 0.5], [-0.25, 2.0]], "b": [1.0, 2.0], "chip": operator(), "x0": [0.0, 0.0]},
    "InSituConfig": lambda: {"device": Ohmic(), "g_min": 1e-6, "g_max": 1e-4} and {"device": VTEAM()},
    "InSituLinear": lambda: {"in_features": 2, "out_features": 2, "config": insitu()},
    "UpdatePulses": lambda: {"v_set": 1.0, "v_reset": -1.0, "width_set": 1e-9, "width_reset": 1e-9},
    # studies
    "gradual_reset": lambda: {"points": 20, "count": 2, "amplitudes": [0.5, 1.0], "states": None},
    "device_spread": lambda: {"count": 2, "points": 20, "cycles": 1},
        "read_delay": lambda: {"sizes": [2], "wires": Wires(1.0, 1.0, word_capacitance=1e-15)}, "read_margin": lambda: {"sizes": [2], "wires": WIRES},
    "sneak_resistance": lambda: {"rows": 2, "columns": 2, "resistance": 1e3},
    "tile_map": lambda: {"conductance": G, "ohm": 1.0},
    "Study": lambda: {"measure": studied, "axes": {"x": [1.0, 2.0]}},
    "NetworkStudy": lambda: {"model": net(), "data": held_out(), "config": config(), "axes": {"wires.word": [1.0]}},
    "network_study": lambda: {"model": net(), "data": held_out(), "config": config(), "axes": {"wires.word": [1.0]}},
    "CharacterText": lambda: {"text": WORDS, "length": 4}, "load_text": lambda: {"length": 4},
    "LanguageSettings": lambda: TINY,
    "CharacterModel": lambda: {"words": 9, "length": 4, "settings": language()},
    "trained_language_model": lambda: {"text": words(), "settings": language()},
    "TopK": dict, "F1": dict, "Perplexity": dict, "Axis": lambda: {"values": [1.0, 2.0]}, "Zipped": lambda: {"values": {"x": [1, 2], "y": [3, 4]}},
    "Listed": lambda: {"points": [{"x": 1}, {"x": 2}]}, "Sampled": lambda: {"ranges": {"x": (0.0, 1.0)}, "count": 4},
    "IrDropStudy": lambda: {"images": 10, "epochs": 1, "threads": 1},
    "NonIdealityStudy": lambda: {"images": 10, "epochs": 1, "threads": 1},
    "RecoveryStudy": lambda: {"images": 10, "epochs": 1, "threads": 1},
}


WORDS = "to be or not to be, that is the question. " * 3
TINY = {"width": 4, "heads": 2, "blocks": 1, "steps": 1, "batch": 2}


def words():
    from crossbarsim.studies import CharacterText

    return CharacterText(WORDS, length=4)


def language():
    from crossbarsim.studies import LanguageSettings

    return LanguageSettings(**TINY)


def tuning():
    from crossbarsim.nn.train import FinetuneConfig

    return FinetuneConfig(epochs=1)


def bounded():
    from crossbarsim.design import Bounded

    return Bounded(1.0, 2.0)


def volts():
    import torch

    return torch.tensor([[0.1, 0.2]], dtype=torch.float64)


def ohms():
    import torch

    return torch.full((2, 2), 3.0, dtype=torch.float64)


def held_out(count=6):
    import torch

    return [(tensor().repeat(count, 1)[:count] * torch.arange(1, count + 1)[:, None].double(), torch.arange(count) % 2)]


def studied(x, seed=0):
    return {"value": x * x + seed}


def normed():
    import torch

    return torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3)).eval()


def trainee():
    import torch

    from crossbarsim.nn.train import InSituLinear

    made = torch.nn.Sequential(InSituLinear(2, 2, insitu()))
    made(torch.tensor([[0.1, 0.05]], dtype=torch.float64)).sum().backward()
    return made


def operator():
    from crossbarsim.linalg import CrossbarMatrix

    return CrossbarMatrix([[1.0, 0.5], [-0.25, 2.0]])


def manhattan():
    from crossbarsim.nn.train import Manhattan

    return Manhattan()


def insitu():
    from crossbarsim.nn.train import InSituConfig

    return InSituConfig(device=VTEAM())
