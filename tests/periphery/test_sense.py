"""Sense amplifiers against closed forms, integrated differential equations and the circuit."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from crossbarsim import (
    Crossbar,
    Ends,
    Grounded,
    LoadResistor,
    ParameterError,
    Sensed,
    Solver,
    Transimpedance,
    VirtualGround,
    Wires,
)
from crossbarsim.core.draws import Place
from crossbarsim.periphery import (
    ADC,
    DAC,
    CurrentMirrorSense,
    IdealSense,
    IntegratorSense,
    LoadSense,
    Periphery,
    Reads,
    TransimpedanceSense,
)
from crossbarsim.periphery.sense import SenseErrors

PLACE = Place(11, "layer", "positive")
rng = np.random.default_rng(0)
G = rng.uniform(1e-6, 1e-4, (6, 4))
V = rng.uniform(-0.2, 0.2, (3, 6))
LOAD = G.sum(axis=0)


# -- what the array sees --------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["structured", "mna"])
@pytest.mark.parametrize("sense", [
    LoadSense(resistance=2e3), CurrentMirrorSense(input_resistance=700.0),
    TransimpedanceSense(r_feedback=5e3, gain=20.0), TransimpedanceSense(gain=math.inf),
    IdealSense(), IntegratorSense(),
])
def test_current_into_the_end_without_wires(sense, method):
    # A column of conductances G_j into a resistance R: I = sum(G V) / (1 + R sum(G)).
    resistance = {
        LoadSense: 2e3, CurrentMirrorSense: 700.0,
        TransimpedanceSense: 5e3 / 21 if getattr(sense, "gain", 0) == 20.0 else 0.0,
    }.get(type(sense), 0.0)
    ends = Periphery(sense=sense).ends()
    sol = Solver(method=method).solve(Crossbar(G, ends=ends), V)
    np.testing.assert_allclose(sol.currents, V @ G / (1 + resistance * LOAD), rtol=1e-8)


@pytest.mark.parametrize("method", ["structured", "mna"])
def test_load_with_wires_is_the_solvers_and_referred_to_ampere(method):
    periphery = Periphery(sense=LoadSense(resistance=1e3))
    wires = Wires(word=5.0, bit=7.0, driver=10.0)
    sol = Solver(method=method).solve(Crossbar(G, wires, periphery.ends()), V)
    read = periphery.fabricate(PLACE, 4).amplify(sol.currents)
    np.testing.assert_allclose(read, sol.outputs / 1e3, rtol=1e-12)
    ideal = Solver(method=method).solve(Crossbar(G, wires), V).currents
    assert np.abs(read - ideal).max() > 0.05 * np.abs(ideal).max()


def test_transimpedance_output_is_the_solvers():
    periphery = Periphery(sense=TransimpedanceSense(r_feedback=5e3, gain=50.0))
    sol = Solver().solve(Crossbar(G, Wires(word=2.0, bit=2.0), periphery.ends()), V)
    read = periphery.fabricate(PLACE, 4).amplify(sol.currents)
    np.testing.assert_allclose(read, -sol.outputs / 5e3, rtol=1e-12)


def test_ends_and_wires_are_changed_where_they_should_be():
    load = Periphery(sense=LoadSense(resistance=50.0), driver_resistance=30.0)
    ends = load.ends(Ends(bit_top=Grounded(5.0)))
    assert ends.bit_bottom == Sensed(LoadResistor(50.0))
    assert ends.bit_top == Grounded(5.0)
    mixed = load.ends(Ends(bit_bottom=[Sensed(), Grounded()]))
    assert mixed.bit_bottom == (Sensed(LoadResistor(50.0)), Grounded())
    assert Periphery().ends(Ends(bit_bottom=Sensed(LoadResistor(9.0)))).bit_bottom == Sensed(
        LoadResistor(9.0)
    )
    with pytest.raises(ParameterError, match="amplifier of its own"):
        load.ends(Ends(bit_bottom=Sensed(LoadResistor(9.0))))
    assert load.wires(Wires(word=1.0, bit=2.0, driver=4.0, sense=3.0)) == Wires(
        word=1.0, bit=2.0, driver=34.0, sense=3.0
    )
    assert TransimpedanceSense(r_feedback=3.0, gain=9.0).amplifier == Transimpedance(3.0, 9.0)
    assert IntegratorSense().amplifier == VirtualGround()
    one = Crossbar([[1e-3]], load.wires(Wires()), Ends())
    assert Solver().solve(one, [1.0]).currents[0] == pytest.approx(1 / (1000 + 30))


# -- transimpedance -------------------------------------------------------------------------------


@pytest.mark.parametrize("gain", [30.0, math.inf])
def test_settling_is_the_integrated_amplifier(gain):
    # dv_out/dt of the one-pole amplifier A(s) = 1 / (1/A + s / w_u) with v_x from Kirchhoff's law.
    sense = TransimpedanceSense(r_feedback=4e3, gain=gain, gbw=2e8, settling_time=2e-9)
    load, source, w_u = 3e-4, 5e-5, 2 * math.pi * 2e8

    def rate(_, out):
        x = (source + out / 4e3) / (load + 1 / 4e3)
        return w_u * (-x - out / gain)

    path = solve_ivp(rate, (0, 2e-9), [0.0], rtol=1e-10, atol=1e-15)
    # the solver's current into the end, at DC, with the input resistance R_f / (1 + A)
    current = source / (1 + load * 4e3 / (1 + gain))
    read = sense.read(np.array([[current]]), load=np.array([load]))
    assert read[0, 0] == pytest.approx(-path.y[0, -1] / 4e3, rel=1e-7)
    tau = sense.time_constant(load)
    assert 0.05 < math.exp(-2e-9 / tau) < 0.95  # neither settled nor untouched
    late = TransimpedanceSense(r_feedback=4e3, gain=gain, gbw=2e8, settling_time=1.0)
    dc = 1.0 if gain == math.inf else gain / (1 + gain)
    assert read[0, 0] / late.read(np.array([[current]]), load=np.array([load]))[0, 0] == (
        pytest.approx(1 - math.exp(-2e-9 / tau), rel=1e-12)
    )
    assert late.read(np.array([[current]]), load=np.array([load]))[0, 0] == pytest.approx(current * dc)


@pytest.mark.parametrize("gain", [30.0, 1e4, math.inf])
def test_offset_is_the_noise_gain_times_the_voltage(gain):
    # v_out = A (v_os - v_x), Kirchhoff's law at x, solved as a 2 x 2 system.
    sense = TransimpedanceSense(r_feedback=4e3, gain=gain, offset=1e-3)
    load, source, offset = 3e-4, 5e-5, 2e-3
    inverse = 0.0 if gain == math.inf else 1 / gain
    x, out = np.linalg.solve([[load + 1 / 4e3, -1 / 4e3], [1.0, inverse]], [source, offset])
    current = source / (1 + load * 4e3 / (1 + gain))
    read = sense.read(
        np.array([[current]]), SenseErrors(offset=np.array([offset])), load=np.array([load])
    )
    assert read[0, 0] == pytest.approx(-out / 4e3, rel=1e-10)
    assert x == pytest.approx(offset - out * inverse)


def test_noise_of_the_amplifier():
    sense = TransimpedanceSense(
        r_feedback=1e4, gain=math.inf, gbw=1e8, temperature=300.0, voltage_noise=5e-9,
        settling_time=1.0,
    )
    load = np.array([0.0, 1e-3])
    # one pole: the noise bandwidth is pi/2 times the closed-loop bandwidth
    np.testing.assert_allclose(
        sense.noise_bandwidth(load), math.pi / 2 * 1e8 / (1 + 1e4 * load), rtol=1e-12
    )
    density = 4 * 1.380649e-23 * 300 / 1e4 + (5e-9 * (load + 1e-4)) ** 2
    expected = np.sqrt(density * sense.noise_bandwidth(load))
    out = sense.read(np.zeros((20_000, 2)), load=load, generator=np.random.default_rng(1))
    np.testing.assert_allclose(out.std(axis=0), expected, rtol=0.02)
    reads = Reads(PLACE, 5)
    again = sense.read(np.zeros((4, 2)), load=load, generator=reads)
    np.testing.assert_array_equal(
        again[2:], sense.read(np.zeros((2, 2)), load=load, generator=reads.at(7))
    )
    with pytest.raises(ParameterError, match="`generator` is needed"):
        sense.read(np.zeros((1, 2)), load=load)


def test_saturation_of_the_output():
    sense = TransimpedanceSense(r_feedback=1e3, gain=math.inf, output_limit=0.5)
    x = torch.tensor([[-1e-3, 2e-4, 1e-3]], dtype=torch.float64, requires_grad=True)
    out = sense.read(x)
    np.testing.assert_allclose(out.detach().numpy(), [[-5e-4, 2e-4, 5e-4]])
    out.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [[0, 1, 0]])


# -- integrator -----------------------------------------------------------------------------------


@pytest.mark.parametrize("gain", [40.0, math.inf])
@pytest.mark.parametrize("leak", [2e4, math.inf])
def test_integrator_is_the_integrated_circuit(gain, leak):
    sense = IntegratorSense(
        capacitance=5e-12, integration_time=80e-9, leak_resistance=leak, gain=gain, hold_time=30e-9
    )
    load, sources, shares = 2e-4, (6e-5, -2e-5, 4e-5), (0.25, 0.5, 0.25)
    inverse = 0.0 if gain == math.inf else 1 / gain

    def rate(_, v, source, conductance):
        # v: minus the output; across the capacitor lies v (1 + 1/A), the input is at v/A
        across = v * (1 + inverse)
        return (source - v * inverse * conductance - across / leak) / (5e-12 * (1 + inverse))

    v = [0.0]
    for source, share in zip(sources, shares, strict=True):
        v = solve_ivp(rate, (0, share * 80e-9), v, args=(source, load), rtol=1e-11, atol=1e-15).y[:, -1]
    v = solve_ivp(rate, (0, 30e-9), v, args=(0.0, 0.0), rtol=1e-11, atol=1e-15).y[:, -1]
    currents = [np.array([[s]]) for s in sources]
    volts = sense.voltage(currents, shares, load=np.array([load]))
    assert volts[0, 0] == pytest.approx(v[0], rel=1e-8)
    tensors = [torch.from_numpy(c) for c in currents]
    np.testing.assert_allclose(sense.voltage(tensors, shares, load=torch.tensor([load])), volts)
    if gain == leak == math.inf:
        assert sense.refer(volts)[0, 0] == pytest.approx(np.dot(sources, shares), rel=1e-12)


def test_constant_current_has_the_textbook_form():
    sense = IntegratorSense(capacitance=1e-12, integration_time=50e-9, leak_resistance=1e5)
    tau = 1e5 * 1e-12
    read = sense.read(np.array([[1e-6]]))
    assert read[0, 0] == pytest.approx(1e-6 * tau / 50e-9 * (1 - math.exp(-50e-9 / tau)))
    slow = IntegratorSense(capacitance=1e-12, integration_time=50e-9, leak_resistance=1e15)
    assert slow.read(np.array([[1e-6]]))[0, 0] == pytest.approx(1e-6, rel=1e-9)


def test_integrator_saturates_at_its_voltage():
    sense = IntegratorSense(capacitance=1e-12, integration_time=100e-9, saturation=0.8)
    out = sense.read(np.array([[7e-6, 9e-6, -1e-3]]))
    np.testing.assert_allclose(out, [[7e-6, 8e-6, -8e-6]])


def test_shares_must_fill_the_time():
    with pytest.raises(ParameterError, match="`shares`"):
        IntegratorSense().voltage([np.zeros((1, 1))] * 2, [0.5, 0.4])


# -- mirror, mismatch -----------------------------------------------------------------------------


def test_mirror_copies_and_cuts():
    mirror = CurrentMirrorSense(ratio=0.1, mismatch=0.02, bipolar=False)
    readout = Periphery(sense=mirror).fabricate(PLACE, 2000)
    assert readout.amplifiers.gain.std() == pytest.approx(0.02, rel=0.05)
    currents = np.stack([np.full(2000, 1e-5), np.full(2000, -1e-5)])
    out = readout.amplify(currents)
    np.testing.assert_allclose(out[0], 1e-5 * (1 + readout.amplifiers.gain))
    np.testing.assert_array_equal(out[1], 0.0)
    np.testing.assert_allclose(mirror.output(currents, readout.amplifiers), 0.1 * out)
    assert (CurrentMirrorSense().read(currents) == currents).all()


@pytest.mark.parametrize("sense", [
    LoadSense(mismatch=0.01, offset=1e-3), TransimpedanceSense(mismatch=0.01, offset=1e-3),
    IntegratorSense(mismatch=0.01, offset=1e-3),
])
def test_static_errors_belong_to_the_column(sense):
    periphery = Periphery(sense=sense)
    readout = periphery.fabricate(PLACE, 500)
    load = np.full(500, 1e-3)
    x = np.random.default_rng(3).normal(size=(6, 500)) * 1e-5
    out = readout.amplify(x, load=load)
    np.testing.assert_array_equal(out[2:4], readout.amplify(x[2:4], load=load))
    np.testing.assert_array_equal(out, periphery.fabricate(PLACE, 500).amplify(x, load=load))
    gain, offset = readout.amplifiers.gain, readout.amplifiers.offset
    assert offset.std() == pytest.approx(1e-3, rel=0.1)
    slope = (out[1] - out[0]) / (x[1] - x[0])
    factor = 1e4 / (1 + 1e4) if isinstance(sense, TransimpedanceSense) else 1.0
    np.testing.assert_allclose(slope, factor * (1 + gain), rtol=1e-9)
    if isinstance(sense, LoadSense):
        np.testing.assert_allclose(out[0] - slope * x[0], offset / 1e3, rtol=1e-6, atol=1e-12)
    else:
        with pytest.raises(ParameterError, match="`load` is needed"):
            readout.amplify(x)
    if isinstance(sense, IntegratorSense):
        np.testing.assert_allclose(out[0] - slope * x[0], -slope * 1e-3 * offset, rtol=1e-6, atol=1e-12)
    tensor = readout.amplify(torch.from_numpy(x), load=torch.from_numpy(load))
    np.testing.assert_allclose(tensor.numpy(), out, rtol=1e-13)


# -- read-out of an array -------------------------------------------------------------------------


def test_analogue_and_digital_subtraction():
    # 128 levels of a common part in both columns: the digital way spends its bits on it.
    digital = Periphery(adc=ADC(bits=6, full_scale=1e-4))
    analogue = Periphery(adc=ADC(bits=6, full_scale=1e-5), subtraction="analog")
    pos, neg = 9e-5 + 1e-5 * rng.random((50, 4)), 9e-5 + 1e-5 * rng.random((50, 4))
    both = [digital.fabricate(PLACE, 4, encoding="two-phase").amplify(i) for i in (pos, neg)]
    first, second = (digital.fabricate(PLACE, 4, encoding="two-phase").convert(s) for s in both)
    readout = analogue.fabricate(PLACE, 4)
    difference = readout.convert(readout.amplify(pos) - readout.amplify(neg))
    exact = pos - neg
    assert np.abs(difference - exact).max() <= 1e-5 / 31 / 2 * 1.001
    assert np.abs(first - second - exact).max() <= 1e-4 / 63 * 1.001
    assert np.abs(first - second - exact).std() > 3 * np.abs(difference - exact).std()
    assert analogue.fabricate(PLACE, 4, encoding="two-phase").signed
    assert readout.signed
    assert not digital.fabricate(PLACE, 4, encoding="two-phase").signed
    assert digital.fabricate(PLACE, 4, encoding="bipolar").signed
    assert not digital.fabricate(PLACE, 4, encoding="bipolar", signed_inputs=False).signed


def test_pairs_of_interleaved_columns_use_the_adcs_in_order():
    periphery = Periphery(adc=ADC(bits=8, full_scale=1.0, offset=3.0, columns=2), subtraction="analog")
    readout = periphery.fabricate(PLACE, 8)
    assert readout.adcs.offset.shape == (4,)
    out = readout.convert(np.zeros((1, 4)))[0] * 127
    np.testing.assert_allclose(out, np.floor(readout.adcs.offset[[0, 0, 1, 1]] + 0.5), atol=1e-9)


def test_exact_is_what_read_says():
    # `exact` decides whether effective weights may stand for the whole path.
    x = np.random.default_rng(4).normal(size=(5, 4)) * 1e-5
    senses = [
        IdealSense(), LoadSense(), LoadSense(mismatch=0.1), LoadSense(offset=1e-3), CurrentMirrorSense(),
        CurrentMirrorSense(mismatch=0.1), CurrentMirrorSense(bipolar=False), CurrentMirrorSense(ratio=3.0),
        TransimpedanceSense(), TransimpedanceSense(gain=math.inf), IntegratorSense(),
        TransimpedanceSense(gain=math.inf, gbw=1e7), TransimpedanceSense(gain=math.inf, offset=1e-3),
        TransimpedanceSense(gain=math.inf, mismatch=0.1), IntegratorSense(mismatch=0.1),
        TransimpedanceSense(gain=math.inf, output_limit=1e-3), IntegratorSense(gain=100.0),
        IntegratorSense(leak_resistance=1e4), IntegratorSense(saturation=1e-2), IntegratorSense(offset=1e-3),
    ]
    for sense in senses:
        out = Periphery(sense=sense).fabricate(PLACE, 4).amplify(x, load=LOAD)
        assert Periphery(sense=sense).ideal == np.allclose(out, x, rtol=1e-12, atol=0), sense
    assert not Periphery(dac=DAC()).ideal
    assert not Periphery(adc=ADC()).ideal


def test_signals_outside_of_the_range_are_counted():
    x = np.array([[-2.0, -0.5, 0.5, 1.5]])
    for signed, expected in ((True, 2), (False, 3)):
        readout = Periphery(adc=ADC(signed=signed)).fabricate(PLACE, 4)
        assert readout.clipped(x, 1.0) == expected
        assert readout.clipped(torch.from_numpy(x), np.full(4, 1.0)) == expected
    assert Periphery().fabricate(PLACE, 4).clipped(x) == 0


def test_pulse_widths_need_an_integrator():
    for sense in (IdealSense(), IntegratorSense()):
        assert Periphery(sense=sense).encode(np.zeros((1, 2)), "pulse-width")
    for sense in (LoadSense(), TransimpedanceSense(), CurrentMirrorSense()):
        with pytest.raises(ParameterError, match=r"`sense`.*IntegratorSense"):
            Periphery(sense=sense).encode(np.zeros((1, 2)), "pulse-width")
        with pytest.raises(ParameterError, match=r"`sense`.*IntegratorSense"):
            Periphery(sense=sense).fabricate(PLACE, 2, encoding="pulse-width-two-phase")


def test_range_by_calibration_or_fixed():
    periphery = Periphery(adc=ADC(bits=8, percentile=100.0))
    readout = periphery.fabricate(PLACE, 3)
    assert periphery.needs_calibration
    signal = np.random.default_rng(8).normal(size=(40, 3)) * 1e-6
    with pytest.raises(ParameterError, match="calibrate"):
        readout.convert(signal)
    observer = readout.observer()
    observer.update(signal[:20])
    observer.update(signal[20:])
    full_scale = observer.value
    assert full_scale == np.abs(signal).max()
    assert np.abs(readout.convert(signal, full_scale) - signal).max() <= full_scale / 127 / 2 * 1.001
    fixed = Periphery(adc=ADC(bits=8, full_scale=1e-6))
    assert not fixed.needs_calibration
    clipped = fixed.fabricate(PLACE, 3).convert(signal, 1.0)  # the ADC's own range wins
    assert np.abs(clipped).max() == 1e-6
    assert (Periphery().fabricate(PLACE, 3).convert(signal) == signal).all()


def test_whole_path_converges_with_the_bits():
    errors = []
    for bits in (4, 6, 8, 10, 12):
        periphery = Periphery(dac=DAC(bits=bits), adc=ADC(bits=bits, full_scale=4e-5),
                              sense=LoadSense(resistance=10.0))
        readout = periphery.fabricate(PLACE, 4, encoding="bit-serial")
        x = np.random.default_rng(9).uniform(-1, 1, (30, 6))
        total = 0.0
        for phase in periphery.encode(x, "bit-serial"):
            (drive,) = phase.drives
            xbar = Crossbar(G, Wires(word=1.0, bit=1.0), periphery.ends())
            currents = Solver().solve(xbar, 0.05 * drive.u).currents
            total = total + phase.weight * readout.convert(readout.amplify(currents))
        W = Solver().effective_matrix(xbar)
        errors.append(np.abs(total - 0.05 * x @ W.T).max() / np.abs(0.05 * x @ W.T).max())
    ratios = np.array(errors[:-1]) / np.array(errors[1:])
    assert (ratios > 2.5).all(), errors  # 4 per two bits
    assert (ratios < 6.5).all(), errors


@pytest.mark.parametrize(("make", "name"), [
    (lambda: LoadSense(resistance=0.0), "resistance"), (lambda: CurrentMirrorSense(ratio=-1.0), "ratio"),
    (lambda: TransimpedanceSense(gain=0.0), "gain"), (lambda: TransimpedanceSense(temperature=300.0), "gbw"),
    (lambda: IntegratorSense(capacitance=math.inf), "capacitance"),
    (lambda: TransimpedanceSense().time_constant(0.0), "gbw"),
    (lambda: Periphery(dac=8), "dac"), (lambda: Periphery(adc=8), "adc"),
    (lambda: Periphery(sense=VirtualGround()), "sense"),
    (lambda: Periphery(subtraction="none"), "subtraction"),
    (lambda: Periphery(driver_resistance=-1.0), "driver_resistance"),
    (lambda: Periphery().fabricate(3, 4), "place"), (lambda: Periphery().fabricate(PLACE, 0), "columns"),
    (lambda: Periphery().fabricate(PLACE, 2).amplify(np.zeros((1, 3))), "currents"),
    (lambda: Periphery().fabricate(PLACE, 2).convert(np.zeros((1, 3))), "signal"),
    (lambda: Periphery().fabricate(PLACE, 2).observer(), "adc"),
    (lambda: TransimpedanceSense(gbw=1e8).read(np.zeros((1, 1))), "load"),
])
def test_bad_settings_name_themselves(make, name):
    with pytest.raises(ParameterError, match=f"`{name}`"):
        make()
