"""Pulses, schemes and single writes."""

import numpy as np
import pytest

from crossbarsim import (
    EKV,
    Crossbar,
    Driven,
    Ends,
    Grounded,
    OneSelectorOneResistor,
    OneTransistorOneResistor,
    ParameterError,
    Sensed,
    Wires,
)
from crossbarsim.devices import (
    TEAM,
    VTEAM,
    DataDriven2018,
    ExponentialSelector,
    LinearIonDrift,
    Ohmic,
    Sky130Reram,
    StanfordPKU,
    Yakopcic,
)
from crossbarsim.programming import (
    FloatingLines,
    Gated,
    HalfVoltage,
    PulseTrain,
    ThirdVoltage,
    set_sign,
    write,
)

DEVICE = VTEAM.preset("magic", v_off=1.0)  # SETs below -1.5 V, RESETs above 1 V
G0 = 2e-5


def array(rows=4, columns=5, ohm=0.0, device=DEVICE, ends=None):
    G = np.full((rows, columns), G0)
    return Crossbar(cells=device.array(conductance=G), wires=Wires(word=ohm, bit=ohm), ends=ends)


def gated(rows=4, columns=5, along="rows", gate=2.5, ohm=0.0):
    cells = OneTransistorOneResistor(
        DEVICE.replace(polarity=-1).array(conductance=np.full((rows, columns), G0)),
        EKV.preset("ptm_130nm", width=2e-6), gate_voltage=gate, gate_along=along,
    )
    return Crossbar(cells=cells, wires=Wires(word=ohm, bit=ohm))


def test_pulse_train():
    train = PulseTrain(100e-9, rise=5e-9, fall=10e-9, count=3, gap=50e-9)
    assert train.duration == pytest.approx(3 * 115e-9 + 2 * 50e-9)
    t, share = train.table()
    source = train.source(1.5)
    assert t[-1] == pytest.approx(train.duration)
    for now in np.linspace(0, train.duration, 301):
        assert source.at(now) == pytest.approx(1.5 * np.interp(now, t, share), abs=1e-9)
    assert PulseTrain(1e-6).rise == pytest.approx(1e-7)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"width": 0.0}, "`width` must be a time > 0"),
        ({"width": np.nan}, "`width`"),
        ({"width": 1e-6, "rise": -1.0}, "`rise`"),
        ({"width": 1e-6, "count": 0}, "`count`"),
        ({"width": 1e-6, "rise": 1e-16}, "`rise` = 1e-16 s is too short to be resolved"),
        ({"width": 1e-15, "rise": 1e-3, "fall": 1e-3}, "`width` = 1e-15 s is too short"),
    ],
)
def test_pulse_errors(arguments, message):
    with pytest.raises(ParameterError, match=message):
        PulseTrain(**arguments)


@pytest.mark.parametrize(
    ("device", "sign"),
    [(VTEAM(), -1), (TEAM(), -1), (LinearIonDrift(), 1), (Yakopcic(), 1), (StanfordPKU(), 1),
     (Sky130Reram(), 1), (DataDriven2018(), -1), (VTEAM(polarity=-1), 1),
     (DEVICE.replace(r_on=np.array([[900.0, 1100.0]])), -1)],
)
def test_set_sign_is_what_docstrings_say(device, sign):
    assert set_sign(device) == sign


def test_set_sign_errors():
    with pytest.raises(ParameterError, match="Ohmic does not switch"):
        set_sign(Ohmic())
    with pytest.raises(ParameterError, match="has no state"):
        set_sign(ExponentialSelector())


@pytest.mark.parametrize("sign", [1, -1])
def test_scheme_shares(sign):
    xbar, mask = array(), np.array([False, True, False, True, False])
    for scheme, row_share, column_share, rest in (
        (HalfVoltage(), 0.5, 0.5, 0.0), (ThirdVoltage(), 1 / 3, 1 / 3, -1 / 3),
    ):
        lines = scheme.lines(xbar, 2, mask, 1.8 * sign, "set")
        cell = (lines.word[:, None] - lines.bit) / (1.8 * sign)
        others = np.delete(np.arange(4), 2)
        assert np.allclose(cell[2, mask], 1.0)
        assert np.allclose(cell[2, ~mask], row_share)
        assert np.allclose(cell[np.ix_(others, mask)], column_share)
        assert np.allclose(cell[np.ix_(others, ~mask)], rest)
        assert min(lines.word.min(), lines.bit.min()) >= 0
    lines = FloatingLines().lines(xbar, 2, mask, 1.8 * sign, "set")
    assert np.isnan(lines.word).sum() == 3
    assert np.isnan(lines.bit).sum() == 3
    assert np.allclose(lines.word[2] - lines.bit[mask], 1.8 * sign)


def cell_voltages(xbar, scheme, operation="set", **options):
    found = write(xbar, 1, [2], 1.2, 10e-9, scheme=scheme, operation=operation,
                  probes=["cell_voltages"], **options)
    k = int(np.searchsorted(found.time, 6e-9))  # on the plateau
    return found, found["cell_voltages"][k]


@pytest.mark.parametrize(("scheme", "share"), [("v/2", 0.5), ("v/3", 1 / 3)])
def test_half_selected_cells_in_a_transient(scheme, share):
    found, v = cell_voltages(array(ohm=1.0), scheme)
    assert v[1, 2] == pytest.approx(-1.2, rel=5e-3)
    others = np.ones(v.shape, dtype=bool)
    others[1, 2] = False
    assert np.allclose(v[1, [0, 1, 3, 4]], -1.2 * share, rtol=5e-3)
    assert np.allclose(v[[0, 2, 3], 2], -1.2 * share, rtol=5e-3)
    rest = v[np.ix_([0, 2, 3], [0, 1, 3, 4])]
    assert np.allclose(rest, 0 if scheme == "v/2" else 1.2 / 3, atol=6e-3)
    assert np.abs(v[others]).max() < 1.2 * share * 1.005
    assert np.allclose(found.crossbar.conductance, G0)  # below all thresholds
    assert found.crossbar.ends is array().ends or found.crossbar.ends == array().ends


def test_floating_lines_settle_by_the_sneak_paths():
    # word at -V, bit at 0: the rest of row, rest of column and the others divide the voltage
    _, v = cell_voltages(array(rows=4, columns=5), "floating")
    n, m = 4, 3
    parts = np.array([1 / n, 1 / (m * n), 1 / m])  # R / N-1, R / (M-1)(N-1), R / M-1
    row, rest, column = -1.2 * parts / parts.sum()
    assert np.allclose(v[1, [0, 1, 3, 4]], row, rtol=1e-6)
    assert np.allclose(v[[0, 2, 3], 2], column, rtol=1e-6)
    assert np.allclose(v[np.ix_([0, 2, 3], [0, 1, 3, 4])], -rest, rtol=1e-6)


def test_energy_is_the_integral_of_the_source_power():
    xbar = array(ohm=3.0)
    found = write(xbar, 1, [0, 2], 1.8, PulseTrain(10e-9, rise=2e-9, fall=3e-9), max_step=3e-11,
                  probes=["cell_currents", "cell_voltages"])
    t = found.time
    shape = np.interp(t, [0, 2e-9, 12e-9, 15e-9], [0, 1, 1, 0])
    # negative voltage SETs: the selected word line is at 0 V, the selected bit lines at V
    word, bit = np.array([0.9, 0, 0.9, 0.9]), np.array([1.8, 0.9, 1.8, 0.9, 0.9])
    power = -(found.end_currents["word_left"] @ word + found.end_currents["bit_bottom"] @ bit)
    assert found.energy == pytest.approx(np.trapezoid(power * shape, t), rel=1e-3)
    dissipated = (found["cell_currents"] * found["cell_voltages"]).sum(axis=(1, 2))
    assert found.energy == pytest.approx(np.trapezoid(dissipated, t), rel=0.02)
    assert found.energy >= np.trapezoid(dissipated, t)


def test_set_raises_and_reset_lowers():
    xbar = array(ohm=1.0)
    up = write(xbar, 1, [2], 1.8, 10e-9, operation="set").crossbar.conductance
    down = write(xbar, 1, [2], 1.6, 100e-9, operation="reset").crossbar.conductance
    assert up[1, 2] > 1.2 * G0 > 0.95 * G0 > down[1, 2]
    for found in (up, down):
        found[1, 2] = G0
        assert np.allclose(found, G0, rtol=1e-9)


@pytest.mark.parametrize("along", ["rows", "columns"])
@pytest.mark.parametrize("operation", ["set", "reset"])
def test_gated_cells_are_selected_by_gates(along, operation):
    mask = np.array([False, True, False, True, False])
    found = write(gated(along=along, ohm=1.0), 1, mask, 2.4, 100e-9, operation=operation,
                  scheme=Gated(gate_reset=3.3))
    change = found.crossbar.conductance / G0 - 1
    assert (np.sign(change[1, mask]) == (1 if operation == "set" else -1)).all()
    assert np.abs(change[1, mask]).min() > 0.01
    change[1, mask] = 0
    assert np.abs(change).max() < 1e-3


def test_gate_voltage_limits_the_current():
    currents = []
    for gate in (0.8, 1.2):
        found = write(gated(gate=gate), 1, [2], 3.0, 1e-6, probes=[("cell_currents", (1, 2))])
        current = found[("cell_currents", (1, 2))].max()
        transistor = EKV.preset("ptm_130nm", width=2e-6)
        assert current <= transistor.current(3.0, 0.0, gate) * 1.001
        currents.append(current)
    assert currents[1] > 1.6 * currents[0]


def test_drivers_replace_amplifiers_on_both_sides():
    ends = Ends(word_right=Driven(), bit_top=Sensed())
    xbar = Crossbar(cells=DEVICE.array(conductance=np.full((4, 5), G0)),
                    wires=Wires(word=20.0, bit=20.0, driver=5.0, sense=30.0), ends=ends)
    both, v = cell_voltages(xbar, "v/2")
    _, single = cell_voltages(
        Crossbar(cells=xbar.cells, wires=xbar.wires), "v/2")
    assert abs(v[1, 2]) > abs(single[1, 2])
    assert both.crossbar.ends == ends


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"row": 4}, "`row` must be 0 to 3"),
        ({"columns": [5]}, "`columns` must be numbers from 0 to 4"),
        ({"columns": []}, "`columns`"),
        ({"columns": np.zeros(5, dtype=bool)}, "selects no cell"),
        ({"voltage": -1.0}, "`voltage` must be finite and >= 0"),
        ({"operation": "melt"}, "`operation` must be one of"),
        ({"scheme": "v/4"}, "no scheme 'v/4'; did you mean 'v/"),
        ({"scheme": "1t1r"}, "is for OneTransistorOneResistor cells; got DeviceArray"),
        ({"scheme": 3}, "`scheme` must be a string or a Scheme"),
        ({"xbar": Crossbar(np.ones((4, 5)))}, "must be devices"),
        ({"xbar": gated(), "scheme": "v/2"}, "1T1R cells are written with scheme='1t1r'"),
        ({"xbar": gated(gate=0.0)}, "`gate_set` = 0 V does not turn the transistors on.*scheme=Gated"),
        ({"xbar": array(ends=Ends(word_left=Driven(1.0)))}, "`ends.word_left`, line 0"),
        ({"xbar": array(ends=Ends(bit_bottom=Grounded()))}, "`ends.bit_bottom`, line 0"),
    ],
)
def test_write_errors(change, message):
    arguments = {"xbar": array(), "row": 1, "columns": [2], "voltage": 1.0, "pulse": 1e-8} | change
    with pytest.raises(ParameterError, match=message):
        write(**arguments)


def test_gate_errors():
    for name in ("gate_set", "gate_reset", "gate_read"):
        with pytest.raises(ParameterError, match=f"`{name}` must be > 0"):
            Gated(**{name: -1.0})


def test_selector_suppresses_half_selected_current():
    G = np.full((4, 5), G0)
    bare = Crossbar(cells=DEVICE.array(conductance=G))
    with_selector = Crossbar(
        cells=OneSelectorOneResistor(DEVICE.array(conductance=G), ExponentialSelector())
    )
    found = [
        write(x, 1, [2], 1.2, 10e-9, probes=["cell_currents"])["cell_currents"][-3]
        for x in (bare, with_selector)
    ]
    ratio = [abs(i[1, 0] / i[1, 2]) for i in found]
    assert ratio[0] == pytest.approx(0.5, rel=0.1)
    assert ratio[1] < 0.2
