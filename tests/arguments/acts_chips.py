"""Second values of non-idealities, periphery and networks: seen in what a converted network answers."""

from typing import Any

import numpy as np
import torch
from crossbarsim.solvers import Solver
from scipy import stats

from crossbarsim import Crossbar, Driven, Ends, Sensed, Wires
from crossbarsim.devices import VTEAM, LinearIonDrift, StanfordPKU, StaticSinh
from crossbarsim.linalg import CrossbarMatrix, refine
from crossbarsim.nn import CrossbarConfig, calibrate, convert, report
from crossbarsim.nn.train import (
    GradientPulses,
    InSituConfig,
    InSituConv2d,
    InSituLinear,
    Manhattan,
    MixedPrecision,
    PulseResponse,
    StochasticPulses,
    TikiTaka,
    TikiTakaV2,
    UpdatePulses,
    in_situ_update,
    lazy_matrices,
    weight_noise,
)
from crossbarsim.nn.train.rules import Sample
from crossbarsim.nonidealities import (
    CircuitNoise,
    ConductanceDrift,
    ConductanceStates,
    Conduction,
    Correlation,
    DeviceDisturb,
    DeviceIV,
    Endurance,
    FailureLaw,
    FaultCluster,
    FaultMap,
    Faults,
    FlickerNoise,
    Logarithm,
    LogarithmicDrift,
    LogNormal,
    MeasuredDrift,
    MeasuredWrite,
    Metal,
    NonIdealities,
    Normal,
    Piecewise,
    Place,
    Polynomial,
    PolynomialIV,
    ReadDisturb,
    ReadNoise,
    Retention,
    RetentionLoss,
    Saturation,
    SinhIV,
    StateNoise,
    Table,
    TableIV,
    TelegraphNoise,
    Truncated,
    Uniform,
    Variability,
    WriteNoise,
)
from crossbarsim.periphery import (
    ADC,
    DAC,
    CurrentMirrorSense,
    IntegratorSense,
    LoadSense,
    Periphery,
    PipelineADC,
    RampADC,
    Reads,
    SarADC,
    Technology,
    TransimpedanceSense,
    layer_cost,
)

from .acts import Refused, Row, Same, Second
from .rows import G, V

PLACE = Place(1)
GIVEN = torch.from_numpy(np.linspace(-0.8, 0.9, 36).reshape(3, 12))
WIRED = {"wires": Wires(word=2.0, bit=2.0)}


def perceptron() -> torch.nn.Sequential:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(12, 5).double())


def grouped() -> torch.nn.Sequential:
    torch.manual_seed(0)
    layer = torch.nn.Conv1d(4, 4, 2, groups=4).double()
    return torch.nn.Sequential(torch.nn.Unflatten(1, (4, 3)), layer)


def answers(costs: bool = False, network: Any = perceptron, **settings: Any) -> Any:
    """What a network on crossbars answers, and costs."""
    settings = {"input_range": 1.0, "signed_inputs": True, **settings}
    chip = convert(network(), CrossbarConfig(**settings)).eval()
    if settings["input_range"] is None or settings.get("path") == "surrogate" or (
            settings.get("periphery") or Periphery()).needs_calibration:
        calibrate(chip, [GIVEN])
    with torch.no_grad():
        found = chip(GIVEN)
    if not costs:
        return found
    cost = report(chip, GIVEN, errors=False).cost
    return found, cost.energy.to_dict(), cost.area.to_dict(), cost.latency


def chip(**effects: Any) -> Any:
    return answers(nonidealities=NonIdealities(**effects))


def grown(**effects: Any) -> Any:
    """The conductances of an array of a chip, siemens."""
    level = np.linspace(0.0, 1.0, 400).reshape(20, 20)
    return NonIdealities(**effects).chip(level, PLACE, 1e-4, 1e-6)


def chip_of(**settings: Any) -> Any:
    return convert(perceptron(), CrossbarConfig(input_range=1.0, **settings)).eval()


def through(field: str, cls: Any) -> Any:
    """What an effect makes of the conductances."""
    return lambda **a: grown(**{field: cls(**a)})


def varied(distribution: Any) -> Any:
    return grown(variability=Variability("r_off", distribution))


def dependence(of: Any) -> Any:
    return grown(drift=ConductanceDrift(10.0, nu=of, g_max=1e-4))


def noise(**a: Any) -> Any:
    law = ReadNoise(**a)
    grid = np.linspace(1e-6, 1e-4, 60).reshape(12, 5)
    volts = np.linspace(0.01, 0.2, 36).reshape(3, 12)
    return law.sample(volts, grid.T, grid, PLACE), law.variance(volts, grid.T, grid)


def telegraph(**a: Any) -> Any:
    law = TelegraphNoise(**a)
    place = Place(3)
    return noise(telegraph=law, flicker=None), law.sequence(place, (4, 4), np.arange(20) * 1e-3)


def curve(law: Any) -> Any:
    return Solver().solve(Crossbar(cells=law.cells(G), wires=Wires(1.0, 1.0)), V).currents


def circuit_noise(**a: Any) -> Any:
    found = CircuitNoise(**a)
    return found.read(V[None]), found.first_order(V[None]), found.variance(V[None])


def sense(cls: Any) -> Any:
    def use(adc: Any = None, **a: Any) -> Any:
        return answers(costs=True, periphery=Periphery(sense=cls(**a), adc=adc), **WIRED)
    return use


def converted(**a: Any) -> Any:
    return by(ADC)(**a)


def by(kind: Any) -> Any:
    return lambda **a: answers(costs=True, periphery=Periphery(adc=kind(**a)))


def driven(**a: Any) -> Any:
    return answers(costs=True, periphery=Periphery(dac=DAC(**a)))


def costs(**a: Any) -> Any:
    technology = Technology(**a)
    kinds = (LoadSense(resistance=1e3), TransimpedanceSense(r_feedback=1e3), IntegratorSense(capacitance=1e-12, integration_time=1e-7), CurrentMirrorSense())
    return [
        layer_cost(Periphery(dac=DAC(bits=6), adc=adc, sense=s), [(8, 8)], macs=64, technology=technology,
                   array_power=1e-6, integration_time=1e-7)
        for s, adc in zip(kinds, (ADC(bits=6), ADC(bits=6), ADC(bits=6), RampADC(bits=6)), strict=True)
    ]


RULE = GradientPulses(0.5, rounding="nearest")


def trained(rule: Any = RULE, layer: Any = None, **a: Any) -> Any:
    """A layer's answers before and after an update."""
    torch.manual_seed(0)
    made = InSituLinear(**{"in_features": 3, "out_features": 2, **(layer or {}), "config": InSituConfig(**{"device": VTEAM(), "input_range": 10.0, **a})})
    given = torch.tensor([[0.1, 0.05, 0.2], [0.2, -0.1, 0.05]], dtype=torch.float64)[:, : made.in_features]
    if made.in_features > given.shape[1]:
        given = torch.ones((2, made.in_features), dtype=torch.float64)
    first = made(given)
    first.square().sum().backward()
    in_situ_update(made, rule)
    return first, made(given), repr(made)


def counts(rule: Any) -> Any:
    rng = np.random.default_rng(0)
    errors, inputs = rng.normal(size=(4, 5)), rng.normal(size=(4, 6))
    sample = Sample(inputs.T @ errors, inputs, errors, 0.05)
    return [rule.counts(sample, np.random.default_rng(k)) for k in (1, 2)]


TABLE = PulseResponse.linear_step(1e-6, 1e-5, 2e-7, up_down=0.2)


def followed_table(**a: Any) -> Any:
    device = PulseResponse(**a)
    return trained(device=device), device.read_voltage


def transferred(rule: Any) -> Any:
    torch.manual_seed(0)
    made = InSituLinear(4, 3, InSituConfig(device=TABLE))
    for _ in range(4):
        made(torch.ones((2, 4), dtype=torch.float64)).square().sum().backward()
        in_situ_update(made, rule)
    return dict(made.state_dict())


def convolved(config: Any = None, **a: Any) -> Any:
    torch.manual_seed(0)
    made = InSituConv2d(config=config, **a)
    given = 0.1 * torch.rand((1, made.in_channels, 6, 6), dtype=torch.float64)
    return made(given).detach()


def multiplied(**a: Any) -> Any:
    made = CrossbarMatrix(**a)
    return made @ np.ones(made.shape[1]), made.T @ np.ones(made.shape[0])


CELL = [[4.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 5.0]]


def disturbed(model: Any, sigma: float, seed: int) -> Any:
    with weight_noise(model, sigma, seed=seed):
        return model(torch.from_numpy(np.ones((1, model[0].in_features))))


def followed(model: Any, every: int, rtol: float) -> Any:
    inputs = torch.from_numpy(np.ones((1, model[0].in_features)))
    with lazy_matrices(model, every, rtol=rtol) as done:
        for _ in range(4):
            model(inputs.to(next(model.parameters()).dtype)).sum().backward()
            with torch.no_grad():
                for p in model.parameters():
                    p.mul_(0.9)
    return [held.reductions for held in done.layers.values()], model(inputs).detach()


def worn(**a: Any) -> Any:
    level = np.linspace(0.0, 1.0, 12).reshape(3, 4)
    return NonIdealities(disturb=DeviceDisturb(**a)).chip(level, PLACE, 1e-2, 2e-3)


STEPS = vars(UpdatePulses.for_device(VTEAM(), 2e-3, 1e-2, steps=100))
PULSES = {"t": np.linspace(0.0, 20e-9, 41), "v": 1.5 * np.abs(np.sin(np.pi * np.linspace(0.0, 2.0, 41)))}
TOUCHY = VTEAM(k_on=-1e-3, k_off=1e-3, v_on=-0.05, v_off=0.05)
LOSS = FailureLaw(p_0=1e3, p_1=0.1, p_2=0.1, p_3=0.1, stable_resistance=1e7)
OTHER_LOSS = FailureLaw(p_0=500.0, p_1=0.1, p_2=0.1, p_3=0.2, stable_resistance=1e7)
CONVERTER = {
    "full_scale": None, "percentile": Second(50.0, full_scale=None), "signed": False, "inl": 1.0, "dnl": 0.5, "offset": 1.0,
    "gain_error": 0.1, "noise": 1.0, "noise_unit": Second("ampere", noise=1e-6), "columns": 4,
}
AMPLIFIED = {"offset": 0.01, "mismatch": 0.05}

ROWS: dict[str, Row] = {
    # non-idealities
    "CircuitNoise": Row(circuit_noise, seconds={
        "xbar": Crossbar(2 * G, Wires(2.0, 3.0)), "noise": ReadNoise(bandwidth=1e8), "place": Place(2),
        "solver": Same(Solver(method="mna"), "another way to the same numbers")}),
    "ConductanceDrift": Row(through("drift", ConductanceDrift), base={"time": 30.0}, seconds={
        "nu_sigma": 0.05, "signed": Second(True, nu_sigma=0.2),
        "g_max": Second(2e-4, nu=Logarithm(0.1, 0.02))}),
    "ConductanceStates": Row(through("states", ConductanceStates), seconds={
        "values": Second((1e-5, 5e-5), count=2), "unit": Second("level", count=2, values=(0.1, 0.5))}),
    "Conduction": Row(lambda **a: grown(conduction=Conduction(**a), temperature=350.0)),
    "Correlation": Row(lambda **a: grown(variability=Variability("r_off", Normal(0.1), correlation=Correlation(**a))),
                       seconds={"smooth": 0.5, "gradient": 0.5, "angle": Second(0.5, gradient=0.5), "length": Second(3.0)}),
    "DeviceDisturb": Row(worn, base={"device": TOUCHY}, seconds={"device": TOUCHY.replace(v_on=-0.06, v_off=0.06), "voltage": -0.12, "points": 9}),
    "DeviceIV": Row(lambda **a: curve(DeviceIV(**a)), seconds={"device": StaticSinh(v_0=0.1)}),
    **{c.__name__: Row(through(f, c), base={n: 1e6, "lrs": LOSS, "hrs": OTHER_LOSS, "temperature": 320.0, "mode": "gradual"}, seconds={
        n: 1e7, "lrs": None, "hrs": None, "spread": 0.5})
       for f, c, n in (("endurance", Endurance, "cycles"), ("retention", RetentionLoss, "time"))},
    "FailureLaw": Row(lambda **a: grown(endurance=Endurance(1e6, lrs=FailureLaw(**a), mode="gradual", temperature=320.0)),
                      base=vars(LOSS), seconds={"stable_resistance": 2e4}),
    "FaultCluster": Row(lambda **a: grown(faults=Faults(stuck_on=0.1, cluster=FaultCluster(**a))), seconds={"radius": 4.0, "size": 3.0}),
    "FaultMap": Row(lambda **a: NonIdealities(faults=Faults(map=FaultMap(**a))).chip(np.full((2, 2), 0.5), PLACE, 1e-4, 1e-6),
                    seconds={"codes": np.array([[1, 0], [0, 2]])}),
    "Faults": Row(through("faults", Faults), seconds={
        "stuck_on": 0.3, "stuck_off": 0.1, "unformed": 0.1, "shorted": 0.1, "dead_rows": 0.2, "dead_columns": 0.2,
        "map": Second(FaultMap(np.eye(20, dtype=int)), stuck_on=0.0), "cluster": FaultCluster(),
        "unformed_resistance": Second(1e8, unformed=0.2), "short_resistance": Second(50.0, shorted=0.2)}),
    "FlickerNoise": Row(lambda **a: noise(flicker=FlickerNoise(**a)), base={"amplitude": 0.01}, seconds={
        "slope": 0.5, "reference": Second(2e-4, slope=0.5), "limit": Second(1e-3)}),
    **{c.__name__: Row(lambda c=c, **a: varied(c(**a)), seconds={}) for c in (LogNormal, Normal, Uniform)},
    "Truncated": Row(lambda **a: varied(Truncated(**a)), base={"distribution": Normal(0.5)}, seconds={
        "distribution": Normal(0.2), "high": 1.2}),
    "Logarithm": Row(lambda **a: dependence(Logarithm(**a)), base={"a": 0.1, "b": 0.02}, seconds={"low": 0.09, "high": 0.05}),
    "Polynomial": Row(lambda **a: dependence(Polynomial(**a)), base={"coefficients": (0.05, 0.1)}, seconds={
        "coefficients": (0.05, 0.2), "low": 0.1, "high": 0.1}),
    "Table": Row(lambda **a: dependence(Table(**a)), base={"values": (0.05, 0.1)}, seconds={
        "x": (0.0, 0.5), "values": (0.05, 0.2)}),
    "LogarithmicDrift": Row(through("drift", LogarithmicDrift), seconds={"sigma_0": 0.05, "g_max": Second(2e-4)}),
    "MeasuredWrite": Row(through("write", MeasuredWrite), seconds={
        "targets": np.array([2e-6, 1e-5]), "errors": np.array([[0.0, 2e-7], [0.0, 1e-6]])},
                         base={"errors": np.array([[0.0, 1e-7], [0.0, 1e-6]])}),
    "Metal": Row(lambda **a: answers(nonidealities=NonIdealities(metal=Metal(**a), temperature=350.0), **WIRED)),
    "NonIdealities": Row(lambda **a: answers(nonidealities=NonIdealities(**a), **WIRED), seconds={
        "variability": (), "faults": Faults(stuck_on=0.2), "states": ConductanceStates(3), "write": WriteNoise(0.1),
        "cycle": Second(1, write=WriteNoise(0.1)), "endurance": Endurance(1e6, lrs=LOSS, temperature=320.0),
        "drift": ConductanceDrift(10.0), "retention": Retention(1e8), "disturb": ReadDisturb(10.0, 0.2, 1e-6, 0.1),
        "conduction": Second(Conduction(), temperature=350.0), "metal": Second(Metal(0.01), temperature=350.0),
        "noise": ReadNoise(), "iv": SinhIV()}),
    "Place": Row(lambda **a: NonIdealities(variability=Variability("r_on", Normal(0.1))).chip(np.full((3, 3), 0.5), Place(**a), 1e-4, 1e-6),
                 seconds={"layer": "other", "array": "negative", "tile": (1, 1)}),
    "PolynomialIV": Row(lambda **a: curve(PolynomialIV(**a)), seconds={"c_2": 0.5, "c_5": 1.0}),
    "SinhIV": Row(lambda **a: curve(SinhIV(**a))),
    "TableIV": Row(lambda **a: curve(TableIV(**a)), base={"voltage": [-1.0, -0.1, 0.0, 0.1, 1.0], "current": [-4e-4, -1e-5, 0.0, 1e-5, 3e-4]},
                   seconds={"voltage": [-1.0, -0.15, 0.0, 0.15, 1.0], "current": [-4e-4, -1e-5, 0.0, 2e-5, 3e-4],
                            "odd": Refused(True, "odd"), "read_voltage": 0.3}),
    "ReadDisturb": Row(lambda **a: grown(disturb=ReadDisturb(**a), temperature=350.0), base={"tau_0": 1e-5}, seconds={
        "beta": 0.5, "activation_energy": Second(0.3)}),
    "ReadNoise": Row(noise, seconds={"shot": 0.5, "flicker": None, "telegraph": TelegraphNoise(fraction=0.5)}),
    "Retention": Row(through("retention", Retention), base={"time": 1e8, "temperature": 350.0}, seconds={
        "beta": 0.5, "end": 0.5, "spread": 0.3}),
    "TelegraphNoise": Row(telegraph, base={"fraction": 0.5}, seconds={"decades": 2.0, "slope": 0.5, "reference": Second(2e-4, slope=0.5), "limit": Second(0.01)}),
    "Variability": Row(lambda **a: grown(variability=Variability(**a)), seconds={
        "parameter": "r_off", "distribution": Normal(0.2), "level": "array",
        "kind": Second("offset", distribution=stats.uniform(0.5, 1.0)), "correlation": Correlation(),
        "shared": (("wafer", 0.8),)}),
    "estimate_spread": Row(seconds={"values": {"r_on": np.array([1.0, 2.0, 3.0, 4.0])}, "errors": {"r_on": np.full(4, 0.3)},
                                    "distribution": "normal", "correlated": Second(False, values={
                                        "r_on": np.array([1.0, 2.0, 4.0, 5.0]), "r_off": np.array([2.0, 3.0, 4.0, 9.0])})}),
    "WriteNoise": Row(through("write", WriteNoise), seconds={
        "of": Second("target"), "distribution": Second("lognormal", of="target"), "bounded": True, "g_max": Second(2e-4, of="maximum")}),
    "MeasuredDrift": Row(through("drift", MeasuredDrift), seconds={
        "time": 1.5, "times": (0.5, 3.0), "shifts": (0.0, 0.2), "sigmas": (0.1, 0.2), "scale": "log", "g_max": 2e-4}),
    "Saturation": Row(lambda **a: dependence(Saturation(**a))),
    "Piecewise": Row(lambda **a: dependence(Piecewise(**a))),
    "StateNoise": Row(lambda **a: noise(flicker=StateNoise(**a)), seconds={
        "of": "maximum", "g_max": Second(2e-4, of="maximum")}),
    "NonIdealities.preset": Row(lambda **a: NonIdealities.preset(**a).chip(np.full((3, 4), 0.5), PLACE, 2e-5, 0.0), seconds={
        "name": "pcm_nandakumar_2019", "g_max": 5e-5}),
    "CrossbarConfig.preset": Row(lambda **a: CrossbarConfig.preset(**a).to_dict(), seconds={"name": "pcm_nandakumar_2019"}),
    "cell_curve": Row(seconds={"iv": SinhIV(v_0=0.1)}),
    "vary": Row(seconds={
        "device": LinearIonDrift(r_on=200.0), "shape": (2, 3), "variabilities": Variability("r_off", Normal(0.1)), "place": Place(2)}),
    "simulate_states": Row(base={"device": VTEAM(), "conductance": 12e-3, "states": 10, **PULSES}, seconds={
        "device": VTEAM(r_on=60.0), "t": 1.1 * PULSES["t"], "state": Second([1e-9], conductance=None),
        "seed": Second(2, device=StanfordPKU.preset("stochastic"), conductance=None, states=200), "rtol": Second(1e-2), "threads": Same(2, "numbers do not depend on threads")}),
    "SinhIV.cells": Row(lambda **a: Solver().solve(Crossbar(cells=SinhIV().cells(**a)), V).currents),
    "Faults.draw": Row(seconds={"place": Place(2), "shape": (2, 3)}),
    # periphery
    "ADC": Row(converted, base={"full_scale": 2e-4}, seconds=CONVERTER),
    "SarADC": Row(by(SarADC), base={"full_scale": 2e-4}, seconds=CONVERTER),
    "RampADC": Row(by(RampADC), base={"full_scale": 2e-4, "slope_error": 0.1}, seconds={
        **CONVERTER, "start_error": 1.0, "droop": 0.5, "step_sigma": 0.5}),
    "PipelineADC": Row(by(PipelineADC), base={"full_scale": 2e-4}, seconds={
        **CONVERTER, "amplifier_gain": 50.0, "comparator_sigma": 0.1}),
    "ADC.transfer": Row(lambda **a: vars(ADC(inl=1.0).transfer(**a)), seconds={"errors": ADC(inl=2.0).fabricate(PLACE, 2, signed=True)}),
    "DAC": Row(driven, seconds={"inl": 0.5, "dnl": 0.3, "offset": 0.02, "gain_error": 0.1}),
    "CurrentMirrorSense": Row(lambda **a: (sense(CurrentMirrorSense)(**a), CurrentMirrorSense(**a).output(V)), seconds={"mismatch": 0.1}),
    "IntegratorSense": Row(sense(IntegratorSense), base={"capacitance": 1e-11}, seconds={
        "leak_resistance": 1e5, "gain": 100.0, "hold_time": Second(1e-7, leak_resistance=1e5), "saturation": 0.01, **AMPLIFIED}),
    "LoadSense": Row(sense(LoadSense), seconds=AMPLIFIED),
    "TransimpedanceSense": Row(sense(TransimpedanceSense), seconds={
        **AMPLIFIED, "voltage_noise": 1e-8, "output_limit": 0.01, "settling_time": 1e-8}),
    "Periphery": Row(lambda **a: answers(costs=True, periphery=Periphery(**a), bits=4, **WIRED), seconds={
        "dac": DAC(bits=4), "sense": LoadSense(resistance=1e3), "adc": ADC(bits=4, full_scale=2e-4),
        "subtraction": Second("analog", adc=ADC(bits=4, full_scale=2e-4)), "driver_resistance": 100.0}),
    "Reads": Row(lambda **a: Reads(**a).standard_normal("adc", (2, 3)), seconds={"place": Place(2)}),
    "Technology": Row(costs, seconds={
        "adc_rate": Second(1e9, adc_model="survey"), "walden_fom": Second(5e-14, adc_model="walden"),
        "width_to_length": Second(4.0, cell="1T1R"), "adc_dac_area_share": Second(0.3), "adc_dac_energy_share": Second(0.1)}),
    "clipped": Row(seconds={"x": np.array([0.5, 2.0]), "signed": Second(False, x=np.array([-0.5, 0.5]))}),
    "encode": Row(seconds={
        "encoding": "pulse-width", "dac": None, "dac_errors": DAC(inl=0.5).fabricate(PLACE, 2), "signed": Second(False, x=np.abs(G) * 1e3),
        "linear": Refused(False, "dac", encoding="pulse-width", dac=None)}),
    "layer_cost": Row(seconds={
        "periphery": Periphery(adc=ADC(bits=4)), "shapes": [(4, 8)], "array_energy": Second(1e-12, array_power=None, array_energy=2e-12),
        "overlap": Second(True, encoding="two-phase"),
        "technology": Technology(supply=2.0, adc_energy=1e-12), "signals": [4], "inputs": [4], "encoding": "two-phase", "activity": 0.5,
        "signed_inputs": Second(False, encoding="two-phase")}),
    "phase_count": Row(seconds={"encoding": "bipolar", "signed": Second(False, encoding="two-phase")}),
    "ADC.convert": Row(lambda **a: ADC(bits=8, noise=1.0).convert(**a), base={"generator": Reads(Place(2))}, seconds={
        "signal": 0.9e-4 * V[::-1], "errors": ADC(inl=1.0).fabricate(PLACE, 2, signed=True), "generator": Second(Reads(Place(4)))}),
    "DAC.convert": Row(seconds={"errors": DAC(inl=0.5).fabricate(PLACE, 2)}),
    "ADC.fabricate": Row(lambda **a: ADC(inl=1.0, offset=0.5).fabricate(**a), seconds={"place": Place(2)}),
    "DAC.fabricate": Row(lambda **a: DAC(inl=0.5).fabricate(**a), seconds={"place": Place(2)}),
    "Periphery.fabricate": Row(lambda **a: Periphery(adc=ADC(full_scale=1e-4, inl=1.0), dac=DAC()).fabricate(**a), seconds={
        "place": Place(2), "encoding": "two-phase", "opposed": Second(True, encoding="offset")}),
    "Periphery.encode": Row(lambda **a: Periphery(dac=a.pop("dac", DAC())).encode(**a), seconds={
        "encoding": "two-phase", "errors": DAC(inl=0.5).fabricate(PLACE, 2), "linear": Refused(False, "dac", encoding="pulse-width", dac=None)}),
    # networks
    "CrossbarConfig": Row(lambda **a: answers(costs=True, **a), base=WIRED, seconds={
        "tile_shape": (4, 4), "wires": Wires(5.0, 5.0), "slicing": Second("arrays", bits_per_cell=2), "bits_per_cell": 2,
        "cell_fill": Second("spread", cells_per_weight=2, bits_per_cell=3), "clip_percentile": 80.0, "input_encoding": "two-phase",
        "input_range": Second(2.0, periphery=Periphery(dac=DAC(bits=4))), "path": Second("surrogate", nonidealities=NonIdealities(iv=SinhIV())),
        "signed_inputs": Second(False, input_encoding="two-phase"), "ends": Ends(word_left=Driven(), word_right=Driven(), bit_bottom=Sensed()),
        "nonidealities": NonIdealities(faults=Faults(stuck_on=0.2)), "periphery": Periphery(adc=ADC(bits=4, full_scale=2e-4)),
        "tiling": Second("even", tile_shape=(8, 4)), "grouping": Second("separate", network=grouped), "r_on_sigma": 0.1, "r_off_sigma": 0.1, "seed": Second(1, r_on_sigma=0.1), "backend": Refused("gpu", ".")}),
    "GradientPulses": Row(lambda **a: counts(GradientPulses(**a)), base={"rate": 0.2}, seconds={"most": 3}),
    "StochasticPulses": Row(lambda **a: counts(StochasticPulses(**a)), base={"rate": 0.05}),
    "MixedPrecision": Row(lambda **a: counts(MixedPrecision(**a)), base={"rate": 0.2}, seconds={"most": 3, "momentum": 0.5}),
    "PulseResponse": Row(followed_table, seconds={
        "conductance": [1e-6, 4e-6, 1e-5], "up": [3e-7, 1e-7, 1e-8], "down": [-1e-8, -2e-7, -5e-7], "up_sigma": 1e-7, "down_sigma": 1e-7,
        "step_spread": 0.2, "asymmetry_spread": 0.2, "bounds_spread": 0.1}),
    "TikiTaka": Row(lambda **a: transferred(TikiTaka(**a)), base={"rate": 0.5, "transfer_rate": 0.5, "zero_shift": 5}, seconds={
        "gamma": 0.5, "read_noise": 0.5}),
    "TikiTakaV2": Row(lambda **a: transferred(TikiTakaV2(**a)), base={"rate": 0.5, "transfer_rate": 20.0, "zero_shift": 5}, seconds={
        "gamma": 0.5, "read_noise": 0.5, "momentum": 0.9, "most": 20}),
    "InSituConv2d": Row(convolved, base={"kernel_size": 3}, seconds={
        "config": InSituConfig(device=VTEAM(), seed=3), "kernel_size": 2, "stride": 2, "padding": 1, "dilation": 2, "name": "layer"}),
    "CrossbarMatrix": Row(multiplied, base={"matrix": CELL, "config": CrossbarConfig(r_on_sigma=0.1)}, seconds={
        "matrix": np.eye(3), "config": CrossbarConfig(r_on_sigma=0.2), "name": "other"}),
    "refine": Row(refine, base={"A": CELL, "b": [1.0, 2.0, -1.0], "chip": CrossbarMatrix(CELL), "x0": None}, seconds={
        "A": 1.1 * np.array(CELL), "b": [1.0, 0.0, 0.0], "chip": CrossbarMatrix(1.1 * np.array(CELL)), "x0": [0.2, 0.2, 0.2], "rtol": 1e-3,
        "inner_rtol": 0.5, "inner_iterations": 1, "max_iterations": Refused(1, "max_iterations|residual")}),
    "Manhattan": Row(lambda **a: counts(Manhattan(**a)), seconds={"threshold": 0.5}),
    "UpdatePulses": Row(lambda **a: trained(pulses=UpdatePulses(**a)), base=STEPS),
    "InSituConfig": Row(trained, base={"input_range": 10.0}, seconds={
        "device": VTEAM(r_on=100.0), "g_min": 2e-3, "g_max": 1e-2, "pulses": UpdatePulses(1.0, -1.0, 1e-11, 1e-11), "wires": Wires(20.0, 20.0),
        "spread": {"r_on": 0.1}}),
    "InSituLinear": Row(lambda config, **a: trained(layer=a, seed=config.seed), seconds={
        "config": InSituConfig(device=VTEAM(), seed=3), "name": "layer"}),
    "lazy_matrices": Row(followed, seconds={
        "model": chip_of(bits=2), "every": 1, "rtol": 1e-12}),
    "weight_noise": Row(disturbed, base={"sigma": 0.2}, seconds={"model": chip_of(bits=2)}),
}
