"""Devices as Verilog-A: the compiled module has the device's currents, rates, ranges and loops."""

import math
import re

import numpy as np
import pytest
from scipy.optimize import brentq

from crossbarsim import ParameterError
from crossbarsim.devices import (
    TEAM,
    VTEAM,
    Device,
    JartVcmV1b,
    JartVcmV1bVariable,
    LinearIonDrift,
    MiecSelector,
    SimmonsTunnelBarrier,
    Sky130Reram,
    StanfordPKU,
    State,
    StaticTable,
    ThresholdSelector,
    Yakopcic,
    model,
    models,
    parameter,
)
from tests.helpers.verilog_a import DC, Module, compiled, needs_openvaf, vacask

pytestmark = needs_openvaf
# volt, up to which a model's currents mean something; others 1.5
LIMIT = {"static_sinh": 3.0, "jart_vcm_v1b": 1.3, "jart_vcm_v1b_variable": 1.3}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("verilog_a")


def numbers(device):
    """Return the parameters of a module, words as their numbers."""
    found = {}
    for name, declared in device._declared.items():
        value, choices = getattr(device, name), declared.choices
        found[name] = choices.index(value) if choices else value
    return {**found, "polarity": device.polarity}


def make(device, folder, text=None, **start):
    """Return the compiled module of `device`, of another one's text with its parameters."""
    given = {}
    if text is not None:
        names = set(re.findall(r"parameter \w+ (\w+) =", text))
        given = {k: v for k, v in numbers(device).items() if k in names}
        changed = {k.rstrip("_"): k for k in names if k.endswith("_")}
        given |= {changed[k]: v for k, v in numbers(device).items() if k in changed}
    module = Module(compiled(text or device.to_verilog_a(), folder), {**given, **start})
    assert module.errors == 0
    return module


def settled(module, device, voltages):
    """Return flows and charges with the inner unknown at its first root from 0 V on."""
    law = hasattr(device, "inner_law")
    if not law:
        return module.evaluate(voltages)

    def balance(y):
        return module.evaluate({**voltages, "node_y": y})[0]["node_y"]

    v = device.polarity * (voltages["plus"] - voltages["minus"])
    low, high = min(0.0, v), max(0.0, v)
    step = getattr(device, "inner_step", 0.0)
    y = step
    while step and y < high:
        if balance(y) > 0.0:
            high = y
            break
        low, y = y, y + step
    root = brentq(balance, low, high, xtol=1e-300, rtol=1e-15)
    return module.evaluate({**voltages, "node_y": root})


def compare(device, folder, text=None, points=25, seed=3):
    rng = np.random.default_rng(seed)
    low, high = device.bounds()
    limit = LIMIT.get(device.name, 1.5)
    rest = device.rest()
    module = make(device, folder, text)
    worst = 0.0
    for v in limit * rng.uniform(-1.0, 1.0, points):
        share = rng.choice([0.0, 1.0, 0.5, 0.5, 0.5], len(low)) if rng.random() < 0.3 else rng.random(len(low))
        x = low + share * (high - low)
        if "temperature" in device.state_names:  # where the laws are defined
            x[device.state_names.index("temperature")] = rng.uniform(280.0, 900.0)
        inner = dict(zip((f"node_{n}" for n in device.state_names), (x - rest) / (high - low), strict=True))
        flows, charges = settled(module, device, {"plus": v + 0.2, "minus": 0.2, **inner})
        # the states that the module sees, in which the last digit of a share may differ
        names = [f"{n}_" if n in numbers(device) else n for n in device.state_names]
        seen = np.array([module.variable(n) for n in names])
        np.testing.assert_allclose(seen, x, rtol=1e-9, atol=0.0)
        current, rate = device.current(v, seen), device.rate(v, seen)
        scale = max(abs(float(current)), 1e-18)
        assert abs(flows["plus"] - current) <= 1e-9 * scale, (device, v, x)
        assert flows["minus"] == -flows["plus"]
        for s, name in enumerate(device.state_names):
            got = -flows[f"node_{name}"] * (high - low)[s]
            if (seen[s] == low[s] and rate[s] < 0.0) or (seen[s] == high[s] and rate[s] > 0.0):
                continue  # as `test_states_stay_in_their_range` does
            assert abs(got - rate[s]) <= 1e-9 * abs(rate[s]) + 1e-13 * (high - low)[s], (device, name, v, x)
            assert charges[f"node_{name}"] == inner[f"node_{name}"]
            worst = max(worst, abs(got - rate[s]))
    return worst


@pytest.mark.parametrize("name", models())
def test_currents_and_rates(name, folder):
    device = model(name)()
    text = device.to_verilog_a(without_noise=device.stochastic)
    compare(device, folder, text)
    compare(device.replace(polarity=-1), folder, text)
    for preset in device.presets():
        compare(type(device).preset(preset), folder, text, points=10)


@pytest.mark.parametrize("device", [
    LinearIonDrift(v_p=0.3),
    *(LinearIonDrift(window=w, p=2.0, v_p=0.3) for w in LinearIonDrift.window.choices[1:]),
    VTEAM(window="team", iv="exponential", d=1.0, x_on=0.6, x_off=0.4, w_c=0.3),
    *(VTEAM(window=w, iv="exponential", d=1.0) for w in VTEAM.window.choices if w != "team"),
    TEAM(window="team", iv="exponential", i_on=-1e-4, i_off=1e-4), Yakopcic(eta=-1.0), MiecSelector(r_s=1e5),
], ids=repr)
def test_words_and_other_values(device, folder):
    compare(device, folder, type(device)().to_verilog_a())  # by parameters
    compare(device, folder, points=5)  # as its own defaults


@pytest.mark.parametrize("curves", [1, 2, 4])
def test_tables(curves, folder):
    volts = np.array([-0.9, -0.3, 0.0, 0.1, 0.5, 1.1])
    amperes = np.array([(1.0 + k**2) * (np.sinh((3.0 - 0.3 * k) * volts) + volts) * 1e-5 for k in range(curves)])
    device = StaticTable(volts, amperes, g_min=1e-6, g_max=4e-3)
    module = make(device, folder)
    for v in (-1.5, -0.9, -0.5, 0.02, 0.3, 1.3):
        for g in (2e-6, 3.9e-5, 5e-5, 1.7e-4, 3e-4, 3e-3):
            share = (g - 1e-6) / (4e-3 - 1e-6)
            flow = module.evaluate({"plus": v, "node_g": share})[0]["plus"]
            assert flow == pytest.approx(float(device.current(v, [g])), rel=1e-9)


class Odd(Device):
    """A law with all that laws may hold, and names that are words of Verilog-A."""

    name = "module"
    states = (State("input", low="begin", high=2.0, rest=0.75), State("w", low=-1.0, high=1.0, rest=0.0))
    begin = parameter(0.5)
    analog = parameter(1e-3, "S", positive=True)
    m = parameter(3.0)
    kind = parameter("a", choices=("a", "b"))
    unused = parameter(1.0)

    @staticmethod
    def current_law(v, x, p):
        v = v * 1.5
        if p.kind == "a" and not v > 0.4:
            return p.analog * math.erf(p.m * v) * x.input
        if -0.2 < v < 0.8 or v > 1.2:
            real = _early(v, x.w)
            real += 0.1 * math.log1p(v * v)
        else:
            real = math.pi * (v if v > 0.0 else 2.0 * v) ** 3
        return p.analog * real * 2.0

    @staticmethod
    def rate_law(v, x, p, i):
        total: float = 0.0
        total -= math.expm1(-i) / 3
        return total + abs(v), math.pow(abs(v) + 0.1, x.w) - min(1.0, math.exp(v)) * p.m


def _early(v, w):
    if v < 0.0:
        return -w
    w = w + 1
    if v > 1.25:
        if w > 1.0:
            return w * v
        v = 2.0 * v
    else:
        w = math.sqrt(w)
    return w - v


class Loops(Device):
    """A law with loops, which brings its derivatives."""

    name = "loops"
    g = parameter(1e-3, "S")

    @staticmethod
    def current_law(v, x, p):  # noqa: ARG004 - laws have fixed arguments
        total = 0.0
        for k in range(1, 5):
            total += v**k / k
        n = 0.0
        while n < 3.0:
            total = total * 0.5
            n += 1.0
        return p.g * total

    @staticmethod
    def current_partials(v, x, p):  # noqa: ARG004
        total = 0.0
        for k in range(4):
            total += v**k
        return (0.125 * p.g * total,)


@pytest.mark.parametrize("kind", ["a", "b"])
def test_a_law_of_the_users(kind, folder):
    device = Odd(kind=kind, begin=0.25)
    text = device.to_verilog_a()
    assert "module module_(plus, minus);" in text
    head, body = text.split("`include")
    assert "no law uses are left out: unused" in head
    assert "unused" not in body
    module = make(device, folder)
    for v in np.linspace(-1.1, 1.1, 23):
        for w in (-0.5, 0.9):
            flows, _ = module.evaluate({"plus": v, "node_w": 0.5 * w})
            x = [0.75, w]
            assert flows["plus"] == pytest.approx(float(device.current(v, x)), rel=1e-12)
            got = [-flows["node_input"] * 1.75, -flows["node_w"] * 2.0]
            np.testing.assert_allclose(got, device.rate(v, x), rtol=1e-12, atol=1e-15)
    for v in (-1.0, 0.5, 2.0):
        flow = make(Loops(), folder).evaluate({"plus": v})[0]["plus"]
        assert flow == pytest.approx(1e-3 / 8.0 * (v + v**2 / 2 + v**3 / 3 + v**4 / 4), rel=1e-14)


@pytest.mark.parametrize("x", [-7.0, -2.7, -2.5, -1.0, -1e-9, 0.0, 1e-3, 0.4, 2.49, 2.51, 3.7, 5.9, 6.1])
def test_functions_that_the_language_lacks(x, folder):
    class Functions(Device):
        name = "functions"
        kind = parameter("erf", choices=("erf", "expm1", "log1p"))

        @staticmethod
        def current_law(v, x, p):  # noqa: ARG004
            if p.kind == "erf":
                return math.erf(v)
            if p.kind == "expm1":
                return math.expm1(10.0 * v)
            return math.log1p(abs(v))

    for kind, right in (("erf", math.erf(x)), ("expm1", math.expm1(10.0 * x)), ("log1p", math.log1p(abs(x)))):
        flow = make(Functions(kind=kind), folder).evaluate({"plus": x})[0]["plus"]
        assert flow == pytest.approx(right, rel=3e-13, abs=0.0)


def test_states_stay_in_their_range(folder):
    """Beyond a bound by 1e-9 of the range the rate outwards is 0; the rate inwards is the law's; laws see the bound."""
    device = VTEAM()
    module = make(device, folder, x_ini=1e-9)
    for v, side in ((0.5, 1.0), (-0.5, 0.0)):
        node = side - 1.0 / 3.0
        bound = [3e-9 * side]
        law = device.rate(v, bound)[0]
        out = 1.0 if side else -1.0
        for beyond, share in ((0.25e-9, 0.75), (1e-9, 0.0), (2e-9, -1.0)):
            flow = module.evaluate({"plus": v, "node_x": node + out * beyond})[0]
            assert -flow["node_x"] * 3e-9 == pytest.approx(share * law, rel=1e-6, abs=1e-6 * abs(law))
            assert flow["plus"] == pytest.approx(float(device.current(v, bound)), rel=1e-12)
        flow = module.evaluate({"plus": -v, "node_x": node + out * 1e-9})[0]
        assert -flow["node_x"] * 3e-9 == pytest.approx(device.rate(-v, bound)[0], rel=1e-12)


def test_operating_points_hold_the_states(folder):
    module = make(VTEAM(), folder, x_ini=1e-9)
    flows, _ = module.evaluate({"plus": 1.0, "node_x": 0.0}, analysis=DC)
    assert flows["node_x"] == 0.0
    assert module.variable("x") == 1e-9
    assert module.evaluate({"node_x": 0.25}, analysis=DC)[0]["node_x"] == 0.25


def loop(device, amplitude, period, folder, points, tolerance=1e-9, state=None):
    """Return VACASK's time, its states and ours, shares of their ranges, and its current and ours."""
    text = device.to_verilog_a(state=state)
    names = [f"{n}_" if n in numbers(device) else n for n in device.state_names]
    save = "\n".join(f"  save p(x1,{n})" for n in names)
    t, v = np.array([0.0, 0.25, 0.75, 1.0]) * period, amplitude * np.array([0.0, 1.0, -1.0, 0.0])
    wave = ", ".join(f"{a!r}, {b!r}" for a, b in zip(t.tolist(), v.tolist(), strict=True))
    plot = vacask(f"""loop
load "{compiled(text, folder).name}"
model device {device.name}
model vsource vsource
v1 (in 0) vsource type="pwl" wave=[{wave}]
x1 (in 0) device
control
  options reltol={tolerance} abstol=1e-16 vntol=1e-11 tran_method="gear2" rawfile="binary"
  save default
{save}
  analysis tran1 tran step={period / points / 10} stop={period} maxstep={period / points}
endc
""", folder)
    trace = device.simulate(plot["time"].real, np.interp(plot["time"].real, t, v), state=state, rtol=1e-10)
    low, span = device.bounds()[0][:, None], np.ptp(device.bounds(), axis=0)[:, None]
    found = (np.array([plot[f"x1.{n}"].real for n in names]) - low) / span
    return plot["time"].real, found, (trace.state - low) / span, -plot["v1:flow(br)"].real, trace.current


LOOPS = {
    "vteam": (VTEAM(), 1.0, 1e-7),
    "linear_ion_drift": (LinearIonDrift.preset("technion"), 2.0, 3.0),
    "yakopcic": (Yakopcic(), 0.45, 1e-2),
    "stanford_pku": (StanfordPKU(), 1.6, 1e-6),
    "team": (TEAM(), 0.5, 5e-5),
    "turned": (VTEAM(polarity=-1), 1.0, 1e-7),
}


@pytest.mark.parametrize("name", LOOPS)
def test_loops_in_vacask(name, folder):
    _, found, right, flow, current = loop(*LOOPS[name], folder, 8000)
    assert np.ptp(right[0]) > 0.05
    assert np.abs(found - right).max() < 1e-6
    assert np.abs(flow - current).max() < 1e-5 * np.abs(current).max()


def crossings(time, track, level):
    """Return when a track crosses a level, up or down."""
    k = np.flatnonzero(np.diff(np.sign(track - level)))
    return time[k] + (level - track[k]) / (track[k + 1] - track[k]) * (time[k + 1] - time[k])


@pytest.mark.slow
@pytest.mark.parametrize(("device", "amplitude", "period", "tolerance", "bound"), [
    (JartVcmV1b(), 1.3, 1e-3, 1e-9, 1e-6), (JartVcmV1bVariable(radius_new=50e-9), 1.3, 1e-3, 1e-9, 1e-6),
    (SimmonsTunnelBarrier(), 0.9, 1e3, 1e-9, 1e-6),
    # VACASK's steps become too small in the thermal runaway at tighter tolerances
    (Sky130Reram(), 2.5, 1e-6, 1e-5, 1e-5),
    # it turns on within 1/4000 of the period: with four times as many points 1e-6
    (ThresholdSelector(), 1.0, 1e-6, 1e-9, 1e-5),
], ids=lambda one: getattr(one, "name", None))
def test_when_devices_switch_in_vacask(device, amplitude, period, tolerance, bound, folder):
    """They switch at once: what a tolerance bounds is the time at which they do."""
    time, found, right, _, _ = loop(device, amplitude, period, folder, 8000, tolerance)
    assert np.ptp(right[0]) > 0.5
    for level in (0.1, 0.5, 0.9):
        ours, theirs = crossings(time, right[0], level), crossings(time, found[0], level)
        assert len(ours) == len(theirs) > 0
        assert np.abs(ours - theirs).max() < bound * period
    assert abs(found[0, -1] - right[0, -1]) < bound


def test_errors():
    with pytest.raises(ParameterError, match="`r_on` has 4 values; a Verilog-A module is one device"):
        VTEAM(r_on=[10.0, 20.0, 30.0, 40.0]).to_verilog_a()
    with pytest.raises(ParameterError, match=r"noise of its states cannot be written .* `without_noise=True`"):
        StanfordPKU.preset("stochastic").to_verilog_a()
    with pytest.raises(ParameterError, match="`module` must be a name"):
        VTEAM().to_verilog_a(module="2x")
    with pytest.raises(ParameterError, match="'begin' is a word of Verilog-A"):
        VTEAM().to_verilog_a(module="begin")
    with pytest.raises(ParameterError, match="state `x` = 1 m is out of its range"):
        VTEAM().to_verilog_a(state=[1.0])

    class Foreign(Device):
        @staticmethod
        def current_law(v, x, p):  # noqa: ARG004
            return np.sin(v)

    with pytest.raises(ParameterError, match=r"current_law, line \d+: `np.sin\(v\)` cannot be written as Verilog-A"):
        Foreign().to_verilog_a()

    class Table(Device):
        @classmethod
        def law(cls, prefix=""):
            return prefix

    with pytest.raises(ParameterError, match="no current_law that could be written"):
        Table().to_verilog_a()


def test_the_file_says_what_it_is(tmp_path, folder):
    path = tmp_path / "magic.va"
    VTEAM.preset("magic").save_verilog_a(path, state=[2e-9], module="synapse")
    text = path.read_text(encoding="utf-8")
    for part in ("Kvatinsky", 'preset "magic"', "module synapse(plus, minus)", 'units="ohm"', "x_ini = 2e-09"):
        assert part in text
    noisy = StanfordPKU.preset("stochastic").to_verilog_a(without_noise=True)
    assert "noise of the states is left out, and its parameters t_crit, t_smooth, delta, t_ref" in noisy
    assert Module(compiled(text, folder), {"x_ini": 4e-9}).errors == 1  # out of its range
