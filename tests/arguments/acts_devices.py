"""Second values of compact models, their parameters, and programming."""

from typing import Any

import numpy as np

from crossbarsim import Crossbar, CrossbarSimError, ParameterError, Solver
from crossbarsim.devices import (
    VTEAM,
    FittedPreset,
    LinearIonDrift,
    MeasuredSweep,
    StanfordPKU,
    State,
    StaticSinh,
    compare,
    describe_verilog_a,
    fit,
    fit_many,
    model,
    models,
    parameter,
    read_verilog_a,
)
from crossbarsim.programming import (
    Gated,
    Ladder,
    Lines,
    PulseTrain,
    drive_lines,
    form,
    program,
    write,
)
from crossbarsim.programming.ladder import Rungs

from .acts import Refused, Row, Same, Second
from .rows import CELLS, SHORT, WIRES, G, V, Virgin, cells, gated, loop, virgin

SHOWS = Same(lambda _: None, "shows how far the run is")
KEPT = Refused(__file__, "`checkpoint` must be a .npz file")
THREADS = Same(2, "numbers do not depend on threads")
NOISY = StanfordPKU.preset("stochastic")
VOLTS = np.concatenate([-np.geomspace(2.0, 0.02, 7), np.geomspace(0.02, 2.0, 7)])


def written(without_noise: bool) -> str:
    """Return the Verilog-A of a device with noise, or the error."""
    try:
        return StanfordPKU.preset("stochastic").to_verilog_a(without_noise=without_noise)
    except ParameterError as error:
        return str(error)


def read(**given: Any) -> Any:
    """Return what a class from Verilog-A says and has for laws."""
    kind: Any = read_verilog_a(**given)
    low, high = kind().bounds()
    return kind.name, sorted(kind._declared), low, high, kind.law()


def seen(device: Any) -> Any:
    """Currents and rates of a model over voltages and states, and what it takes for its range."""
    low, high = device.bounds()
    found = []
    for share in (0.0, 0.1, 0.5, 0.9, 1.0):
        x = np.repeat((low + share * (high - low))[:, None], len(VOLTS), axis=1)
        found += [device.current(VOLTS, x), device.rate(VOLTS, x)]
    return found, device.read_voltage, low, high


class Asked(Solver):
    """A solver that says that it was asked."""

    def solve(self, *_: Any, **__: Any) -> Any:
        raise ParameterError("this solver was asked")

    transient = solve


def virgin_of(gap: float) -> Any:
    return type("Fresh", (Virgin,), {"pristine": {"x": gap}})()


def moved(result: Any) -> Any:
    return result.time, result.currents, result.crossbar.cells.state, list(result.probes.values())


def pulsed(result: Any) -> Any:
    """What a run of pulses did to the cells, and took."""
    return (
        result.conductance, result.measured, result.set_pulses, result.reset_pulses, result.disturbed,
        result.unconverged, result.energy, result.read_energy, result.time, list(result.reasons.values()),
    )


def made(**a: Any) -> Any:
    """A model with a state of this description."""
    device = type("Made", (LinearIonDrift,), {"states": (State(**a),)})()
    return device.bounds(), device.rest(), device.states[0].unit, device.state_names


def declared(**a: Any) -> Any:
    """Whether a parameter so declared takes values."""
    said = []
    for value in (-1.0, 0.3, 1.2, 5.0, "b"):
        try:
            said.append(parameter(**a).read("p", value).tolist())
        except CrossbarSimError as error:
            said.append(str(error))
    return said, parameter(**a).default


def held(array: Any) -> Any:
    return array.state, array.capacitance


def noisy(seed: Any) -> Any:
    return NOISY.hysteresis(1.0, 1e6, seed=seed, points=20).state


def steps(**a: Any) -> Any:
    ladder = Ladder(**a)
    return [ladder.at(k, s) for k in range(9) for s in (0, 1)], ladder.top, ladder.bottom, Rungs(1, {1: ladder}).caution[1]


def gates(**a: Any) -> Any:
    scheme = Gated(**a)
    found = [moved(write(**{**WRITE, "xbar": gated(), "scheme": scheme, "operation": o})) for o in ("set", "reset")]
    return found, scheme.read_gate(gated(), 0)


ODD = Same(-1, "the curve is odd, the state the same for both signs")
POLARITY = {
    "Ohmic": ODD, "PhaseChange": ODD, "StaticSinh": ODD, "ThresholdSelector": ODD, "ExponentialSelector": ODD, "MiecSelector": ODD,
    "StaticPolynomial": Second(-1, c_2=0.5),
}
CLASSES = {cls.__name__: cls for cls in map(model, models())}
MODELS = {name: Row(lambda cls=cls, **a: seen(cls(**a)), seconds={"polarity": POLARITY.get(name, -1), "read_voltage": 0.037})
          for name, cls in CLASSES.items()}
GENTLE = VTEAM(k_on=-5e-3, k_off=5e-3)
GENTLE_ARRAY = Crossbar(cells=GENTLE.array(100 * G), wires=WIRES)
FRESH = Crossbar(cells=type("Gentle", (Virgin,), {})(k_on=-5e-3, k_off=5e-3).array(shape=(2, 2)), wires=WIRES)

WRITE = {"xbar": cells(), "row": 0, "columns": [0], "voltage": 1.0, "pulse": PulseTrain(1e-10)}
LINES = {"xbar": cells(), "lines": Lines(np.array([1.5, 0.0]), np.zeros(2)), "pulse": PulseTrain(1e-10)}
PULSES = {"v_start": 0.45, "v_step": 0.1, "v_max": 0.7, "width": 1e-9, "rise": 1e-10, "fall": 1e-10, "max_pulses": 8, "passes": 1,
          "read_voltage": 0.1, "targets": 100 * G[::-1], "xbar": GENTLE_ARRAY, "scheme": "v/2"}
FORMED = {"xbar": FRESH, "conductance": 1.3e-3, "v_start": 0.4, "v_step": 0.1, "v_max": 0.7, "width": 1e-9, "rise": 1e-10, "fall": 1e-10, "max_pulses": 12}
NOISY_ARRAY = Crossbar(cells=NOISY.array(np.full((2, 2), 3e-5)), wires=WIRES)
SOLVER = Refused(Asked(), "was asked")

def fitted(**a: Any) -> Any:
    found = fit(**a)
    return found.values, found.rms, found.noise


def compared(**a: Any) -> Any:
    found = compare(**a)
    return found.table(), [one.values for one in found.fits.values()]


def fitted_many(**a: Any) -> Any:
    return fit_many(**a).values


ONE = "one start fits to the noise"
TIMES = Same(5.0, "it ends by itself")
ROWS: dict[str, Row] = {
    "MeasuredSweep": Row(lambda **a: list(vars(MeasuredSweep(**a)).values()), seconds={
        "time": np.array([0.0, 2e-9, 3e-9]), "voltage": np.array([0.0, 0.4, 0.0]), "current": np.array([0.0, 2e-3, 0.0]),
        "compliance": 1e-3, "device": "a", "start": "rest", "name": "b", "file": "c.csv"}),
    "FittedPreset": Row(lambda **a: FittedPreset(**a).to_toml(), seconds={
        "device": VTEAM(r_on=70.0), "source": "a", "date": "2020-01-01", "files": ("b.csv",), "hashes": ("0",), "points": 5,
        "rms": 0.1, "noise": 0.1, "chi_square": 2.0, "scale": "log", "intervals": {"r_on": (1.0, 2.0)},
        "undetermined": ("r_on",), "notes": ("a",), "version": "0"}),
    "fit": Row(fitted, seconds={
        "model": SHORT.replace(r_off=900.0), "data": loop(1.1), "free": ["r_on", "v_on"], "fixed": {"r_off": 900.0}, "start": "rest",
        "scale": "linear", "floor": 1e-3, "weights": np.linspace(0.0, 1.0, 41), "sigma": 0.5, "limited": "leave out",
        "starts": Same(2, ONE), "seed": Same(1, ONE), "budget": TIMES, "rtol": 1e-3, "progress": SHOWS}),
    "compare": Row(compared, seconds={
        "models": [StaticSinh()], "data": loop(1.1), "polarity": Second("both", models=[SHORT.replace(polarity=-1)]), "scale": "linear",
        "floor": 1e-3, "start": "first", "sigma": 1e-3, "budget": TIMES, "starts": Same(2, ONE), "seed": Same(1, ONE),
        "progress": SHOWS}),
    "fit_many": Row(fitted_many, seconds={
        "model": SHORT.replace(r_off=900.0), "data": {"a": loop(1.1)}, "free": ["r_on", "v_on"], "fixed": {"r_off": 900.0},
        "budget": TIMES, "starts": Same(2, ONE), "seed": Same(1, ONE), "read": Same({"rate": 1.0}, "of files alone"), "progress": SHOWS}),
    **MODELS,
    "StaticTable": Row(lambda **a: seen(model("static_table")(**a)), base={"volts": (-2.0, 0.0, 2.0), "amperes": (-1.0, 0.0, 2.0)}, seconds={
        "volts": (-3.0, 0.0, 2.0), "amperes": (-1.0, 0.0, 3.0), "odd": Refused(True, "odd"),
        "polarity": -1, "read_voltage": 0.037}),
    "State": Row(made, seconds={"name": "y", "unit": "m", "low": 0.1, "high": 0.9, "rest": 0.3}),
    "parameter": Row(declared, seconds={
        "unit": Second("ohm", low=0.5), "low": 0.5, "high": 2.0, "positive": True, "choices": Second(("a", "b"), default="a")}),
    "device": Row(seconds={"name": "team", "preset": "magic"}),
    "model": Row(seconds={"name": "team"}),
    "pristine_state": Row(seconds={"device": virgin_of(4e-9)}),
    "set_sign": Row(seconds={"device": VTEAM(polarity=-1)}),
    "VTEAM.array": Row(lambda **a: held(VTEAM().array(**a)), seconds={
        "conductance": 150 * G, "state": Second(np.full((1, 2, 2), 1e-9), conductance=None, state=np.full((1, 2, 2), 2e-9)),
        "shape": Second((2, 3), conductance=None, shape=(2, 2))}),
    "VTEAM.preset": Row(seconds={"name": "taox"}),
    "VTEAM.current": Row(seconds={}), "VTEAM.rate": Row(lambda **a: VTEAM(window="joglekar").rate(**a), base={"v": 10 * V}),
    "VTEAM.evaluate": Row(base={"v": 10 * V}),
    "VTEAM.conductance": Row(lambda v, x: (VTEAM().conductance(x, v), StaticSinh().conductance(np.full((1, 2), 2e-5), v))),
    "VTEAM.conductance_slope": Row(lambda **a: VTEAM(iv="exponential").conductance_slope(**a)),
    "VTEAM.simulate": Row(lambda seed, **a: (VTEAM().simulate(seed=seed, **a), noisy(seed)), base={"v": np.array([0.0, 1.5, 0.0])}, seconds={
        "state": Second([1e-9], conductance=None), "rtol": 1e-2, "save": "final", "threads": THREADS,
        "max_steps": Refused(1, "max_steps"), "backend": Refused("gpu", "."), "method": "lockstep"}),
    "read_verilog_a": Row(read, seconds={
        "source": CELLS.replace("g * w", "2 * g * w"), "module": "b", "fixed": {"k": 3.0}, "bounds": {"w": (0.0, 2.0)},
        "noise_step": 2e-9}),
    "describe_verilog_a": Row(lambda **a: str(describe_verilog_a(**a)), seconds={
        "source": CELLS.replace("g = 1.0", "g = 3.0"), "module": "b"}),
    "VTEAM.to_verilog_a": Row(
        lambda without_noise, **a: (VTEAM().to_verilog_a(**a), written(without_noise)), seconds={"module": "cell_2", "state": [2e-9]}),
    "LinearIonDrift.hysteresis": Row(lambda seed, **a: (LinearIonDrift().hysteresis(seed=seed, **a), noisy(seed)), seconds={
        "shape": "triangle", "conductance": 1e-3, "state": [0.3]}),
    "EKV.current": Row(seconds={"vs": 0.05}), "EKV.preset": Row(seconds={"name": "ptm_45nm"}),
    # programming
    "PulseTrain": Row(lambda **a: PulseTrain(**a).table(), base={"count": 2}),
    "Ladder": Row(steps, seconds={
        "pulse": PulseTrain(2e-9), "v_least": 0.1, "algorithm": "width", "growth": Second(2.0, algorithm="width"),
        "longest": Second(1.2, algorithm="width")}),
    "Gated": Row(gates, seconds={"gate_off": 0.5}),
    "drive_lines": Row(lambda **a: moved(drive_lines(**a)), base=LINES, seconds={
        "xbar": virgin(), "lines": Lines(np.array([1.2, 0.0]), np.zeros(2)), "pulse": PulseTrain(2e-10),
        "probes": ("conductance",), "seed": Second(2, xbar=NOISY_ARRAY, pulse=PulseTrain(1e-8)), "rtol": Second(1e-2, max_step=None),
        "max_step": 1e-11, "solver": SOLVER}),
    "write": Row(lambda **a: moved(write(**a)), base=WRITE, seconds={
        "xbar": virgin(), "columns": [1], "pulse": PulseTrain(2e-10), "operation": "reset", "scheme": "v/3",
        "probes": ("conductance",), "seed": Second(2, xbar=NOISY_ARRAY, pulse=PulseTrain(1e-8)), "rtol": Second(1e-2, max_step=None),
        "max_step": 1e-11, "solver": SOLVER}),
    "program": Row(lambda **a: pulsed(program(**a)), base=PULSES, seconds={
        "xbar": virgin(), "targets": 110 * G[::-1], "scheme": "v/3", "tolerance": 0.3, "algorithm": "width", "growth": Second(2.0, algorithm="width"),
        "disturb_threshold": 10.0, "v_limit": Second(0.9, v_start=None, v_step=None, v_max=None),
        "seed": Second(2, xbar=NOISY_ARRAY, targets=np.full((2, 2), 5e-5), width=1e-8, rise=1e-9, fall=1e-9),
        "progress": SHOWS, "solver": SOLVER, "rtol": 0.1, "checkpoint": KEPT, "pulses": "relaxation",
        "ladders": (Ladder(0.6, 0.1, 0.9, PulseTrain(2e-9)),) * 2}),
    "form": Row(lambda **a: pulsed(form(**a)), base=FORMED, seconds={
        "xbar": Crossbar(cells=Virgin().array(shape=(2, 3)), wires=WIRES), "scheme": "v/3", "disturb_threshold": 1e-9,
        "progress": SHOWS, "solver": SOLVER, "rtol": 0.1, "checkpoint": KEPT, "conductance": 1.1e-3, "v_max": Second(0.5), "max_pulses": 4, "seed": Same(2, "no model has both noise and a virgin state")}),
    "pulse_window": Row(base={"xbar": GENTLE_ARRAY}, seconds={
        "xbar": virgin(), "operation": "reset", "scheme": Second(Gated(gate_set=1.6), xbar=gated(), scheme=Gated(gate_set=2.2)), "v_limit": 1.0, "solver": SOLVER}),
}

# what else a parameter takes to act, and its second value
PARAMETERS: dict[tuple[str, str], tuple[dict[str, Any], Any]] = {
    ("LinearIonDrift", "p"): ({"window": "joglekar"}, 2.0), ("LinearIonDrift", "j"): ({"window": "prodromakis"}, 0.5),
    ("LinearIonDrift", "v_p"): ({}, 1.5), ("LinearIonDrift", "v_n"): ({}, 1.5), ("VTEAM", "p"): ({"window": "biolek"}, 3.0),
    ("StanfordPKU", "f_min"): ({}, 1e12), ("Yakopcic", "eta"): ({}, -1.0), ("ThresholdSelector", "v_th"): ({}, 0.3),
    **{(model, n): ({"window": "team"}, v) for model in ("TEAM", "VTEAM") for n, v in (("w_c", 2e-10), ("x_on", 2e-9), ("x_off", 1e-9))},
    **{("VTEAM", n): ({"window": "fit"}, 0.5) for n in ("w_on", "w_off")},
    **{("StanfordPKU", n): ({"delta": 0.05}, v) for n, v in (("delta", 0.1), ("t_ref", 2e-9), ("t_crit", 350.0), ("t_smooth", 100.0))},
}


def parameter_pairs() -> list[tuple[str, str]]:
    return [(name, p) for name, cls in CLASSES.items() for p in cls().parameters() if p not in ("volts", "amperes")]


def both(name: str, which: str) -> list[Any]:
    """What a model does with a parameter's default, and with another value."""
    cls = CLASSES[name]
    others, second = PARAMETERS.get((name, which), ({}, None))
    device = cls(**others)
    if second is None:
        value = device.parameters()[which]
        choices = device._declared[which].choices
        second = next(c for c in choices if c != value) if choices else 1.02 * value if value else 0.01
    found = []
    for made in (device, device.replace(**{which: second})):
        pulse = made.hysteresis(2.0, 1e7, points=40, seed=1).state if made.stochastic else None
        found.append([seen(made), made.states and made.conductance_range(), made.rest(), pulse])
    return found
