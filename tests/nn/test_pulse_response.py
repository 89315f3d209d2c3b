"""Tables of what pulses do: closed forms, measured curves, and layers whose devices are one."""

import math

import numpy as np
import pytest
import torch

from crossbarsim import NetlistError, ParameterError, Wires
from crossbarsim.devices import VTEAM
from crossbarsim.nn.train import (
    GradientPulses,
    InSituConfig,
    InSituLinear,
    Manhattan,
    PulseResponse,
    in_situ_update,
)

torch.set_num_threads(1)
LOW, HIGH = 1e-6, 1e-5


def test_neurosim_s_law_is_its_closed_form():
    # Chen, Peng and Yu 2017, eq. 1 to 3, with A = 0.3 and -0.8 of 60 pulses
    device = PulseResponse.neurosim(LOW, HIGH, 60, a_up=0.3, a_down=-0.8)
    pulses = np.arange(61)
    found = device.trace(60, 60)
    for a, part, start, sign in ((0.3, found[:61], LOW, 1), (-0.8, found[60:], HIGH, -1)):
        b = (HIGH - LOW) / (1.0 - math.exp(-1.0 / a))
        np.testing.assert_allclose(part, start + sign * b * (1.0 - np.exp(-pulses / 60 / a)), rtol=1e-12)
    line = PulseResponse.neurosim(LOW, HIGH, 60, a_up=np.inf, a_down=np.inf).trace(60, 60)
    np.testing.assert_allclose(line, LOW + (HIGH - LOW) / 60 * np.r_[pulses, pulses[-2::-1]], rtol=1e-12)


def test_soft_bounds_are_aihwkit_s():
    # dw_up = dw_min (1 + up_down) (1 - w / w_max), dw_down = dw_min (1 - up_down) (1 - w / w_min), w = 0 a third up
    w_min, w_max, dw_min, up_down = -1.0, 2.0, 0.01, 0.25
    scale = (HIGH - LOW) / (w_max - w_min)
    device = PulseResponse.linear_step(LOW, HIGH, dw_min * scale, up_down=up_down, zero=1.0 / 3.0)
    w, expected = 0.5, [0.5]
    for k in range(80):
        w += dw_min * (1 + up_down) * (1 - w / w_max) if k < 50 else -dw_min * (1 - up_down) * (1 - w / w_min)
        expected.append(w)
    found = device.trace(50, 30, start=LOW + (0.5 - w_min) * scale)
    np.testing.assert_allclose((found - LOW) / scale + w_min, expected, rtol=1e-10)
    constant = PulseResponse.linear_step(LOW, HIGH, 1e-7, gamma_up=0.0, gamma_down=0.0)
    np.testing.assert_allclose(np.diff(constant.trace(10, 10)), np.r_[[1e-7] * 10, [-1e-7] * 10], rtol=1e-9)


def measured(device, cycles, pulses, noise, seed=0):
    rng = np.random.default_rng(seed)
    traces = [device.trace(pulses, pulses, seed=s) + noise * rng.standard_normal(2 * pulses + 1) for s in range(cycles)]
    return np.array(traces)[:, : pulses + 1], np.array(traces)[:, pulses:]


@pytest.mark.parametrize(("form", "mean_error", "spread_error"), [("table", 0.1, 0.25), ("exponential", 0.05, 0.15)])
def test_a_fit_finds_the_device_that_was_measured(form, mean_error, spread_error):
    true = PulseResponse.neurosim(LOW, HIGH, 64, 0.4, 0.8, cycle_spread=0.01)
    up, down = measured(true, 40, 64, noise=1e-7)  # reads noisier than pulses
    found = PulseResponse.from_pulses(np.maximum(up, 0.0), np.maximum(down, 0.0), form=form, points=8)
    for g in np.linspace(LOW + 1e-6, HIGH - 1e-6, 7):
        np.testing.assert_allclose(found.steps(g), true.steps(g), atol=mean_error * true.steps(LOW)[0])
    for name in ("up_sigma", "down_sigma"):
        inner = np.asarray(getattr(found, name))[0, 1:-1] if form == "table" else np.asarray(getattr(found, name))[0]
        assert np.mean(inner) == pytest.approx(0.01 * (HIGH - LOW), rel=spread_error)


def test_noise_free_curves_come_back_as_they_were():
    true = PulseResponse.neurosim(LOW, HIGH, 100, 0.4, 0.8)
    up, down = measured(true, 1, 100, noise=0.0)
    found = PulseResponse.from_pulses(up[0], down[0], points=32)
    np.testing.assert_allclose(found.trace(100, 100), true.trace(100, 100), atol=0.02 * (HIGH - LOW))
    exact = PulseResponse.from_pulses(up[0], down[0], form="exponential")
    np.testing.assert_allclose(exact.trace(100, 100), true.trace(100, 100), atol=1e-4 * (HIGH - LOW))


def written(tmp_path, text):
    path = tmp_path / "cell.csv"
    path.write_text(text, encoding="utf-8")
    return path


UP, DOWN = [1.0, 3.0, 5.0, 6.5, 7.5, 8.0], [8.0, 6.0, 4.0, 2.5, 1.5, 1.0]


def expected(**options):
    return PulseResponse.from_pulses(1e-6 * np.array(UP), 1e-6 * np.array(DOWN), points=4, **options)


FORMS = {
    "two columns": "pulse,LTP (uS),LTD (uS)\n" + "".join(f"{k},{u},{d}\n" for k, (u, d) in enumerate(zip(UP, DOWN, strict=True))),
    "one after the other": "Pulse number;Conductance [µS];Direction\n" + "".join(
        f"{k};{g};{'LTP' if k < 6 else 'LTD'}\n" for k, g in enumerate(UP + DOWN[1:])).replace(".", ","),
    "by voltage": "Setup 3\n\npulse\tG (S)\tVoltage (V)\n" + "".join(
        f"{k}\t{g * 1e-6}\t{1.2 if k < 6 else -1.3}\n" for k, g in enumerate(UP + DOWN[1:])),
    "without direction": "n,G_uS\n" + "".join(f"{k},{g}\n" for k, g in enumerate(UP + DOWN[1:])),
}


@pytest.mark.parametrize("form", FORMS)
def test_files_are_read_in_the_usual_forms(tmp_path, form):
    options = {"up_pulses": 6} if form == "without direction" else {}
    found = PulseResponse.from_csv(written(tmp_path, FORMS[form]), points=4, **options)
    for name in ("conductance", "up", "down", "up_sigma", "down_sigma"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected(), name), rtol=1e-9, atol=1e-15)


def test_several_devices_and_cycles_are_told_apart(tmp_path):
    lines = ["device,cycle,pulse,conductance (uS),type"]
    for device, factor in (("a", 1.0), ("b", 2.0)):
        for cycle in (1, 2):
            lines += [f"{device},{cycle},{k},{factor * g},{'up' if k < 6 else 'down'}" for k, g in enumerate(UP + DOWN[1:])]
    found = PulseResponse.from_csv(written(tmp_path, "\n".join(lines) + "\n"), points=4)
    assert found.devices == 2
    np.testing.assert_allclose(found.conductance[1], 2.0 * found.conductance[0], rtol=1e-9)
    np.testing.assert_allclose(found.conductance[0], expected().conductance[0], rtol=1e-9)
    layer = InSituLinear(40, 30, InSituConfig(device=found, g_min=2.5e-6, g_max=7e-6), bias=False)
    highest = [cells.high for cells in layer.pair.cells]
    for high in highest:
        assert {round(g * 1e6) for g in high.ravel()} == {8, 16}
        assert 0.4 < np.mean(high < 1e-5) < 0.6
    assert (highest[0] != highest[1]).any()


@pytest.mark.parametrize(("text", "options", "message"), [
    (FORMS["without direction"], {}, "`up_pulses`"),
    ("pulse,volt\n1,2\n2,3\n3,4\n", {}, "no column is the conductance"),
    (FORMS["one after the other"], {"conductance": "GG"}, "`conductance`"),
    (FORMS["one after the other"], {"device": 7}, "`device`"),
    ("pulse,G (S),type\n" + "".join(f"{k},{k}e-6,LTP\n" for k in range(6)), {}, "no depressing pulses"),
    (FORMS["two columns"], {"points": 1}, "`points`"),
    (FORMS["two columns"].replace("6.5", "x"), {}, "'x' is no conductance"),
    ("pulse,LTP,LTD\n0,1,2\n1,2,1\n", {}, "3 are needed"),
    ("pulse,LTP,LTD\n0,3,1\n1,2,2\n2,2,3\n3,1,4\n", {}, "goes from"),
])
def test_mistakes_in_files_are_named(tmp_path, text, options, message):
    with pytest.raises((ParameterError, NetlistError), match=message):
        PulseResponse.from_csv(written(tmp_path, text), **options)


def table_layer(inputs=4, outputs=3, **options):
    device = options.pop("device", PulseResponse.neurosim(LOW, HIGH, 50, 0.5, 0.5))
    return InSituLinear(inputs, outputs, InSituConfig(device=device, **options))


def test_pulses_of_a_layer_are_the_table_s():
    device = PulseResponse.neurosim(LOW, HIGH, 50, 0.3, 0.9)
    layer = table_layer(device=device)
    start = layer.states()[0]
    counts = np.zeros((5, 3), dtype=int)
    counts[0], counts[1] = (1, 7, 20), (0, 3, 1)
    for sign in (1, -1):
        after = layer.pair.cells[0].pulsed(start, sign * counts, 0)
        for cell in np.ndindex(counts.shape):
            n = counts[cell]
            trace = device.trace(n if sign > 0 else 0, n if sign < 0 else 0, start=start[0][cell])
            assert after[0][cell] == pytest.approx(trace[-1], rel=1e-12)


def test_spreads_have_the_sizes_they_say():
    device = PulseResponse.linear_step(
        LOW, HIGH, 1e-7, gamma_up=0.0, gamma_down=0.0, step_spread=0.3, asymmetry_spread=0.1, bounds_spread=0.05, cycle_spread=0.5)
    cells = table_layer(100, 99, device=device).pair.cells[0]
    start = np.full((1, *cells.low.shape), 0.5 * (LOW + HIGH))
    ones = np.ones(cells.low.shape, dtype=int)
    up = np.mean([cells.pulsed(start, ones, s) - start for s in range(30)], axis=0)[0] / 1e-7
    down = np.mean([start - cells.pulsed(start, -ones, 100 + s) for s in range(30)], axis=0)[0] / 1e-7
    both = 0.5 * (up + down)
    assert both.mean() == pytest.approx(1.0, abs=0.02)
    assert both.std() == pytest.approx(0.3, rel=0.1)
    assert (0.5 * (up - down) / both).std() == pytest.approx(math.hypot(0.1, 0.5 / math.sqrt(60)), rel=0.1)
    one = cells.pulsed(start, ones, 1) - cells.pulsed(start, ones, 2)
    assert one.std() == pytest.approx(math.sqrt(2) * 0.5e-7 * math.sqrt(1.09), rel=0.05)
    assert cells.high.std() == pytest.approx(0.05 * (HIGH - LOW), rel=0.05)
    assert np.array_equal(cells.pulsed(start, ones, 5), cells.pulsed(start, ones, 5))


@pytest.mark.parametrize("rule", [Manhattan(), GradientPulses(0.2)], ids=["manhattan", "gradient"])
def test_a_linear_map_is_learnt_by_a_table_through_wires(rule):
    torch.manual_seed(2)
    truth = torch.rand(3, 4, dtype=torch.float64) - 0.5
    x = torch.randn(40, 4, dtype=torch.float64)
    mine = table_layer(wires=Wires(20.0, 20.0), device=PulseResponse.neurosim(LOW, HIGH, 100, 1.0, 1.0, cycle_spread=0.002))
    losses = []
    for _ in range(40):
        loss = (mine(x) - x @ truth.T).square().mean()
        loss.backward()
        in_situ_update(mine, rule)
        losses.append(loss.item())
    assert losses[-1] < 0.05 * losses[0]


@pytest.mark.parametrize(("make", "message"), [
    (lambda: PulseResponse([1e-6], [1e-7], [-1e-7]), "`conductance`"),
    (lambda: PulseResponse([2e-6, 1e-6], 1e-7, -1e-7), "increase"),
    (lambda: PulseResponse([1e-6, 2e-6], [1e-7, -1e-7], -1e-7), "`up`"),
    (lambda: PulseResponse([1e-6, 2e-6], 1e-7, 1e-7), "`down`"),
    (lambda: PulseResponse([1e-6, 2e-6], 1e-7, 0.0), "`down`"),
    (lambda: PulseResponse([1e-6, 2e-6], [1e-7] * 3, -1e-7), "`up`"),
    (lambda: PulseResponse([1e-6, 2e-6], 1e-7, -1e-7, up_sigma=-1.0), "`up_sigma`"),
    (lambda: PulseResponse([1e-6, 2e-6], 1e-7, -1e-7, step_spread=-1.0), "`step_spread`"),
    (lambda: PulseResponse([1e-6, 2e-6], 1e-7, -1e-7, read_voltage=0.0), "`read_voltage`"),
    (lambda: PulseResponse.neurosim(1e-5, 1e-6, 10, 1.0, 1.0), "`g_max`"),
    (lambda: PulseResponse.neurosim(1e-6, 1e-5, 10, 0.0, 1.0), "`a_up`"),
    (lambda: PulseResponse.linear_step(1e-6, 1e-5, 1e-7, up_down=1.0), "`up_down`"),
    (lambda: PulseResponse.linear_step(1e-6, 1e-5, 1e-7, gamma_up=1.5), "`gamma_up`"),
    (lambda: PulseResponse.linear_step(1e-6, 1e-5, 1e-7, zero=0.0), "`zero`"),
    (lambda: PulseResponse.from_pulses([1.0], [1.0]), "`up`"),
    (lambda: expected(form="spline"), "`form`"),
    (lambda: expected().trace(1, 1, device=3), "`device`"),
    (lambda: expected().trace(1, 1, start=1.0), "`start`"),
    (lambda: table_layer(writes="wires"), "`writes`"),
    (lambda: table_layer(spread={"r_on": 0.1}), "`spread`"),
    (lambda: InSituConfig(device=PulseResponse.neurosim(LOW, HIGH, 9, 1.0, 1.0), g_max=1e-3), "`g_max`"),
    (lambda: InSituConfig(device="table"), "`device`"),
])
def test_mistakes_are_named(make, message):
    with pytest.raises(ParameterError, match=message):
        make()


def test_tables_and_compact_models_are_one_argument():
    assert InSituConfig(device=VTEAM()).largest_input < math.inf
    assert table_layer().config.largest_input == math.inf
    again = InSituConfig.from_toml(table_layer().config.to_toml())
    np.testing.assert_array_equal(again.device.up, table_layer().config.device.up)
