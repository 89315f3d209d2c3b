"""Devices integrated sixteen at a time against the same devices one by one."""

# ruff: noqa: ARG004 - laws have fixed arguments

import numpy as np
import pytest

from crossbarsim.core.compiled.jit import strict
from crossbarsim.core.errors import ConvergenceError, ParameterError
from crossbarsim.core.lanes.gauss import gauss_lanes
from crossbarsim.core.lanes.vectors import LANES, vload, vstore
from crossbarsim.devices import (
    VTEAM,
    Device,
    LinearIonDrift,
    PhaseChange,
    StanfordPKU,
    State,
    StaticTable,
    models,
    parameter,
)
from crossbarsim.devices.laws.lane_laws import lane_laws
from tests.helpers.devices import MAKERS

FAST = ("vteam", "stanford_pku")
LOCKED = [name for name in MAKERS if lane_laws(type(MAKERS[name]()))[0]]


def spread(device, rng, count):
    """Return `count` such devices whose numbers differ by a percent, and their first states."""
    changed = {
        name: value * (1.0 + 0.01 * rng.uniform(-1.0, 1.0, count))
        for name, value in device.parameters().items()
        if not isinstance(value, str) and value != 0.0 and name not in ("p", "eta")
        and name not in device.acts_with
    }
    for name, own in device._declared.items():
        if name in changed:
            low = -np.inf if own.low is None else own.low
            high = np.inf if own.high is None else own.high
            changed[name] = np.clip(changed[name], low, high)
    many = device.replace(**changed)
    low, high = many.bounds()
    share = rng.uniform(0.05, 0.95, (len(low), count))
    rest = many.rest()
    x = np.where(np.isfinite(high - low), low + share * (high - low), rest)
    for s in range(len(low)):
        if s != device.main_state:
            x[s] = np.clip(rest[s] * (1.0 + 0.01 * share[s]), low[s], high[s])
    return many, x


def waves(device, rng, count, points=41):
    """Return times that are not even, and a waveform for each device, with rests and ramps."""
    amplitude, frequency = type(device).showcase[""][:2]
    t = np.sort(np.concatenate([[0.0, 1.2], rng.uniform(0.0, 1.2, points - 2)])) / frequency
    phase = 2.0 * np.pi * rng.uniform(0.0, 1.0, (count, 1))
    v = amplitude * rng.uniform(0.3, 1.2, (count, 1)) * np.sin(2.0 * np.pi * frequency * t + phase)
    v[:, points // 2:points // 2 + 6] = v[:, [points // 2]]
    v[::3, -5:] = 0.0
    return t, v


def both(device, *args, **options):
    return [device.simulate(*args, method=m, **options) for m in ("scalar", "lockstep")]


def agree(one, other, device, rtol, share=0.0, steps=2e-3):
    """All within the tolerance but a `share` of the devices: their errors were just at it."""
    if not len(one.state):
        largest = np.abs(one.current).max()
        assert np.allclose(one.current, other.current, rtol=1e-11, atol=1e-13 * largest)
        return
    low, high = (b.reshape(len(b), -1, 1) for b in device.bounds())
    miss = (np.abs(one.state - other.state) / (high - low)).max(axis=(0, 2), initial=0.0)
    assert np.mean(miss > rtol) <= share, np.sort(miss)[-5:]
    assert miss.max() < 300.0 * rtol
    scale = np.abs(one.current).max(axis=1) + 1e-300
    apart = np.abs(one.current - other.current).max(axis=1) / scale
    assert np.mean(apart > 30.0 * rtol) <= share, np.sort(apart)[-5:]
    assert abs(one.steps - other.steps) <= steps * one.steps
    assert abs(one.rejected - other.rejected) <= max(3, 5.0 * steps * one.rejected)


@pytest.mark.parametrize("name", [
    name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in LOCKED
])
def test_every_model_takes_the_same_steps(name):
    rng = np.random.default_rng(sum(map(ord, name)))
    device, x = spread(MAKERS[name](), rng, 150)
    t, v = waves(device, rng, 150)
    rtol = 1e-6
    one, other = both(device, t, v, state=x if len(x) else None, rtol=rtol)
    assert (one.method, other.method) == ("scalar", "lockstep")
    # rounding decides in how many steps a temperature runs away to its bound
    agree(one, other, device, rtol, share=0.05, steps=2e-2 if name == "sky130" else 2e-3)


@pytest.mark.parametrize("name", [
    name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in LOCKED
])
def test_neighbours_do_not_matter(name):
    """A device is the same to the last bit wherever it stands, whatever stands beside it."""
    rng = np.random.default_rng(len(name))
    device, x = spread(MAKERS[name](), rng, 77)
    t, v = waves(device, rng, 77)
    if not len(x):
        pytest.skip("it has no states")
    options = {"method": "lockstep", "threads": 2}
    whole = device.simulate(t, v, state=x, **options)
    order = rng.permutation(77)[:40]
    own = {n: (q[order] if np.ndim(q) else q) for n, q in device.parameters().items()}
    part = device.replace(**own).simulate(t, v[order], state=x[:, order], **options)
    assert np.array_equal(part.state, whole.state[:, order])
    assert np.array_equal(part.current, whole.current[order])
    alone = device.replace(**{n: (q[5] if np.ndim(q) else q) for n, q in device.parameters().items()})
    single = alone.simulate(t, v[5], state=x[:, 5], **options)
    assert np.array_equal(single.state, whole.state[:, 5])


def noisy(count, method, seed=0, delta=0.02, **options):
    device = StanfordPKU(delta=delta)
    t = np.linspace(0.0, 2e-7, 101)
    v = -1.2 * np.abs(np.sin(2.0 * np.pi * t / 1e-7))
    return device.simulate(t, np.tile(v, (count, 1)), 1e-4, seed=seed, method=method, **options)


def test_noise_is_that_of_the_devices_one_by_one():
    one, other = noisy(120, "scalar"), noisy(120, "lockstep")
    assert np.ptp(one.state[0, :, -1]) > 1e-11
    miss = np.abs(one.state - other.state).max(axis=(0, 2)) / 1.5e-9
    assert np.mean(miss > 1e-6) < 0.1  # an error of just the tolerance shifts a device's draws
    assert abs(one.steps - other.steps) < 1e-3 * one.steps


def test_normal_numbers_are_those_of_the_scalar_kernels():
    gauss = VTEAM().kernels.gauss

    @strict
    def one_by_one(key, cells, draws, found):
        for k in range(len(cells)):
            found[k] = gauss(key, cells[k], draws[k])

    @strict
    def in_lanes(key, cells, draws, found):
        for row in range(len(cells) // LANES):
            vstore(found, row, gauss_lanes(key, 5, vload(cells, row), vload(draws, row)))

    rng = np.random.default_rng(1)
    key = np.uint64(0x00F3_9C21_77AB_0D45)
    cells, draws = rng.integers(0, 2**40, 64 * LANES), rng.integers(0, 2**33, 64 * LANES)
    one, other = np.empty(len(cells)), np.empty(len(cells))
    one_by_one(key, cells + 5, draws, one)
    in_lanes(key, cells.astype(float), draws.astype(float), other)
    assert np.abs(one - other).max() < 1e-14
    assert abs(other.mean()) < 0.1
    assert abs(other.std() - 1.0) < 0.1
    assert np.abs(other).max() > 2.5
    assert len(np.unique(other)) == len(other)


def test_noise_does_not_depend_on_neighbours():
    many, few = noisy(4200, "lockstep", save="final", threads=2), noisy(37, "lockstep", save="final")
    assert np.array_equal(many.state[:, :37], few.state)
    again = noisy(4200, "lockstep", save="final", threads=1)
    assert np.array_equal(many.state, again.state)
    assert not np.array_equal(noisy(37, "lockstep", seed=1, save="final").state, few.state)


def test_noise_at_a_bound_does_not_depend_on_neighbours():
    """Devices pressed on a bound, beside ones that take many steps."""
    device = StanfordPKU(delta=0.05, t_ref=np.where(np.arange(48) % 2, 1e-9, 1e-7))
    t = np.linspace(0.0, 1e-7, 41)
    v = np.where(np.arange(48)[:, None] % 3, 1.0, 1.6) * np.sin(2.0 * np.pi * t / 5e-8)
    x = np.where(np.arange(48) % 4, 0.2e-9, 1.7e-9)[None]
    whole = device.simulate(t, v, state=x, method="lockstep")
    one = StanfordPKU(delta=0.05, t_ref=np.where(np.arange(24) % 2, 1e-9, 1e-7)).simulate(
        t, v[:24], state=x[:, :24], method="lockstep")
    assert np.array_equal(one.state, whole.state[:, :24])
    scalar = device.simulate(t, v, state=x, method="scalar")
    miss = np.abs(scalar.state - whole.state).max(axis=(0, 2)) / 1.5e-9
    assert np.mean(miss > 1e-6) < 0.1


@pytest.mark.slow
def test_drift_takes_no_more_steps():
    device = PhaseChange(nu=np.linspace(0.03, 0.1, 64))
    one, other = both(device, [0.0, 1e6], [0.0, 0.0], np.full(64, 10e-6), rtol=1e-9)
    assert (one.steps, one.rejected) == (other.steps, other.rejected)
    assert np.abs(one.state[0] - other.state[0]).max() < 1e-9 * 25e-6


@pytest.mark.slow
def test_jumps_of_the_rate():
    device = LinearIonDrift(v_p=np.linspace(0.3, 0.9, 50), v_n=np.linspace(0.9, 0.3, 50))
    t = np.linspace(0.0, 1.0, 60)
    agree(*both(device, t, np.tile(1.2 * np.sin(2 * np.pi * t), (50, 1)), state=np.full((1, 50), 0.4)),
          device, 1e-6)


class Gated(Device):
    """A law with branches inside of branches that return, and functions of its own."""

    name = "gated_in_lanes"
    states = (State("a"), State("b", low=-1.0, high=1.0, rest=0.0))
    mode = parameter("slow", choices=("slow", "fast"))
    tau = parameter(1e-3, "s", positive=True)

    @staticmethod
    def current_law(v, x, p):
        return 1e-3 * x.a * v + 1e-4 * v * x.b * x.b

    @staticmethod
    def rate_law(v, x, p, i):
        if v > 0.3 and not x.a > 2.0:
            if p.mode == "fast":
                return (1.0 - x.a) / p.tau, -x.b / p.tau
            push = min(v, 1.0) if x.b < 0.5 else max(min(v, 1.0) - x.b + 0.5, 0.1)
            return push * (1.0 - x.a) ** 2.5 / p.tau, (push - x.b) / p.tau
        drift = -x.a * abs(v) ** 3 / p.tau
        if -0.1 < v < 0.1 or x.a < 1e-9:
            drift = 0.0
        return drift, (0.1 * math_sign(v) - x.b) / p.tau


def math_sign(v):
    if v > 0.0:
        return 1.0
    if v < 0.0:
        return -1.0
    return 0.0


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["slow", "fast"])
def test_a_law_with_branches(mode):
    rng = np.random.default_rng(1)
    device = Gated(tau=rng.uniform(0.5e-3, 2e-3, 90), mode=mode)
    t = np.linspace(0.0, 1e-2, 80)
    v = rng.uniform(0.2, 1.3, (90, 1)) * np.sin(2 * np.pi * t / 5e-3 + rng.uniform(0, 6, (90, 1)))
    x = np.stack([rng.uniform(0.0, 1.0, 90), rng.uniform(-1.0, 1.0, 90)])
    agree(*both(device, t, v, state=x), device, 1e-6, share=0.05)


class Counting(Gated):
    """A law that vectors cannot run: a loop."""

    name = "counting"

    @staticmethod
    def rate_law(v, x, p, i):
        total = 0.0
        for k in range(3):
            total += v / (k + 1.0)
        return total * (1.0 - x.a), 0.0

    @staticmethod
    def rate_partials(v, x, p, i):
        total = 0.0
        slope = 0.0
        for k in range(3):
            total += v / (k + 1.0)
            slope += 1.0 / (k + 1.0)
        return slope * (1.0 - x.a), -total, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0


def test_laws_that_vectors_cannot_run_go_one_by_one():
    t = np.linspace(0.0, 1e-3, 3000)
    trace = Counting().simulate(t, np.zeros((400, 3000)), save="final")
    assert trace.method == "scalar"
    with pytest.raises(ParameterError, match=r"Counting cannot be integrated in lockstep.*loops"):
        Counting().simulate(t, np.zeros(3000), method="lockstep")
    with pytest.raises(ParameterError, match="`method` must be"):
        Counting().simulate(t, np.zeros(3000), method="sideways")
    with pytest.raises(ParameterError, match="StaticTable cannot"):
        StaticTable([-1.0, 0.0, 1.0], [-1e-3, 0.0, 1e-3]).simulate(t, np.zeros(3000), method="lockstep")


def test_many_devices_go_in_lockstep_by_themselves():
    t = np.linspace(0.0, 1e-8, 1001)
    v = 0.5 * np.sin(2 * np.pi * t / 1e-8)
    many = VTEAM(v_on=np.full(1000, -0.2)).simulate(t, v, state=np.full((1, 1000), 1e-9), save="final")
    few = VTEAM().simulate(t, v, state=[1e-9], save="final")
    assert (many.method, few.method) == ("lockstep", "scalar")
    assert np.all(np.abs(many.state[0] - few.state[0]) < 1e-12 * 3e-9)


def test_too_many_steps_say_which_device_and_when():
    device = VTEAM(k_off=np.where(np.arange(40) == 33, 5e4, 5e-4), v_off=0.02)
    t = np.array([0.0, 1e-9, 2e-9])
    messages = []
    for method in ("scalar", "lockstep"):
        with pytest.raises(ConvergenceError, match="device 33 of 40") as error:
            device.simulate(t, [0.0, 0.6, 0.0], state=np.full((1, 40), 1e-9), max_steps=14, method=method)
        messages.append(str(error.value))
    assert messages[0] == messages[1]


def test_the_model_list_is_whole():
    assert {*models()} - {*LOCKED} <= {"static_table"}
