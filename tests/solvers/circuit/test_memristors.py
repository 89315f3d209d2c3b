"""Memristors in circuits, against the models' own integration."""

import numpy as np
import pytest
from crossbarsim.netlists import read_spice

from crossbarsim import Circuit, NetlistError, Pulse, Sine, Solver
from crossbarsim.devices import VTEAM, LinearIonDrift, StanfordPKU
from tests.helpers.circuits import card, put


def driven(model, wave, **parameters):
    circuit = Circuit().V(1, "in", 0, wave)
    return put(card(circuit, "m", model.name), "N1", "in", "0", model="m", **parameters)


@pytest.mark.parametrize("model", [LinearIonDrift, VTEAM, StanfordPKU])
def test_against_the_model(model):
    amplitude, frequency = model.showcase[""][:2]
    circuit = driven(model, Sine(0, amplitude, frequency)).options(reltol=1e-7)
    r = Solver().transient(circuit, 1 / frequency, step=1e-3 / frequency)
    t = np.linspace(0, 1 / frequency, 20001)
    trace = model().simulate(t, amplitude * np.sin(2 * np.pi * frequency * t), rtol=1e-8)
    i, expected = -r["i(v1)"], np.interp(r["time"], t, trace.current)
    miss = np.trapezoid((i - expected) ** 2, r["time"]) / np.trapezoid(expected**2, r["time"])
    assert np.sqrt(miss) < 3e-3


def test_states_stay_within_their_bounds():
    # a long pulse pushes the state against its end, another brings it back
    circuit = driven(VTEAM, Pulse(1.5, -1.5, 5e-3, 1e-6, 5e-3, 1e-6))
    r = Solver().transient(circuit, 1e-2)
    share = r["n1#w"] if "n1#w" in r else r[f"n1#{VTEAM().state_names[0]}"]
    assert share.min() >= -2e-6
    assert share.max() <= 1 + 2e-6
    assert np.ptp(share) > 0.9
    # the resistances of both ends are reached
    ohm = np.abs(r["v(in)"] / np.where(r["i(v1)"] == 0, 1e-30, r["i(v1)"]))
    assert ohm.min() == pytest.approx(float(VTEAM().r_on), rel=1e-3)
    assert ohm.max() == pytest.approx(float(VTEAM().r_off), rel=1e-3)


def test_conductance_polarity_and_frozen_states():
    device = VTEAM()
    low, high = device.conductance_range()
    g = float(np.sqrt(low * high))
    r = Solver().operating_point(driven(VTEAM, 0.1, g=g))
    assert -r["i(v1)"] == pytest.approx(0.1 * g, rel=1e-9)
    assert r["@n1[g]"] == pytest.approx(g, rel=1e-9)
    turned = put(card(Circuit().V(1, "in", 0, 0.1), "m", "vteam", polarity=-1), "N1", "in", "0", model="m", g=g)
    assert -Solver().operating_point(turned)["i(v1)"] == pytest.approx(0.1 * g, rel=1e-6)
    # far above the threshold, and yet at rest: operating points do not move states
    assert -Solver().operating_point(driven(VTEAM, 5.0, g=g))["i(v1)"] == pytest.approx(5 * g, rel=1e-6)


def test_divider_with_a_load():
    # Kirchhoff's law and the rate equation together, against the device behind a resistor
    circuit = Circuit().V(1, "in", 0, Sine(0, 1.5, 100)).R(1, "in", "a", 500.0)
    put(card(circuit, "m", "linear_ion_drift"), "N1", "a", "0", model="m")
    r = Solver().transient(circuit.options(reltol=1e-6), 1e-2, step=1e-5)
    i = (r["v(in)"] - r["v(a)"]) / 500.0
    device = LinearIonDrift()
    state = device.bounds()[0] + (device.bounds()[1] - device.bounds()[0]) * np.clip(r[f"n1#{device.state_names[0]}"], 0, 1)
    np.testing.assert_allclose(i, device.current(r["v(a)"], state[None]), atol=1e-9)


def test_mistakes():
    with pytest.raises(NetlistError, match=r"N1.*out of"):
        Solver().operating_point(driven(VTEAM, 0.1, g=1e6))
    name = VTEAM().state_names[0]
    with pytest.raises(NetlistError, match=f"N1: state {name} = 1 is out of its range"):
        Solver().operating_point(driven(VTEAM, 0.1, **{name: 1.0}))


OWN = """own
v0 a 0 sin(0 1.2 10)
v1 a a1 0
v2 a a2 0
v3 a a3 0
v4 a a4 0
v5 a a5 0
v6 a a6 0
{lines}
.model one linear_ion_drift(r_on=100 r_off=16k window=joglekar p=2)
.model two vteam(iv=exponential)
.tran 0.5m 0.1
"""


def test_parameters_at_the_element_are_those_of_a_card_of_its_own():
    plain = OWN
    lines = """n1 a1 0 one
n2 a2 0 one r_on=300 r_off=5k x=0.4
n3 a3 0 one window=Biolek p=1 conductance=1m
n4 a4 0 one polarity=-1 x=0.5
n5 a5 0 one r_on=300 x=0.6
n6 a6 0 two iv=linear r_on=70"""
    cards = """n1 a1 0 one
n2 a2 0 c2 x=0.4
n3 a3 0 c3 conductance=1m
n4 a4 0 c4 x=0.5
n5 a5 0 c5 x=0.6
n6 a6 0 c6
.model c2 linear_ion_drift(r_on=300 r_off=5k window=joglekar p=2)
.model c3 linear_ion_drift(r_on=100 r_off=16k window="biolek" p=1)
.model c4 linear_ion_drift(r_on=100 r_off=16k window=joglekar p=2 polarity=-1)
.model c5 linear_ion_drift(r_on=300 r_off=16k window=joglekar p=2)
.model c6 vteam(iv=linear r_on=70)"""
    own = Solver().run(read_spice(plain.format(lines=lines)))[0]
    card = Solver().run(read_spice(plain.format(lines=cards)))[0]
    times = np.linspace(0, 0.1, 101)
    found = []
    for k in range(1, 7):
        one, other = own.at(times)[f"i(v{k})"], card.at(times)[f"i(v{k})"]
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-15)
        found.append(one)
    for k in range(1, 6):  # none is that of the card alone
        assert np.abs(found[k] - found[0]).max() > 1e-5


@pytest.mark.parametrize(("line", "message"), [
    ("n1 a1 0 one window=biolec", "window.*must be one of"), ("n1 a1 0 one polarity=2", "polarity.*2"),
    ("n1 a1 0 one window=biolek window=none", "given twice"), ("n1 a1 0 one r_on=-3", "r_on"),
])
def test_parameters_at_the_element_are_checked(line, message):
    with pytest.raises(NetlistError, match=message) as caught:
        read_spice(OWN.format(lines=line))
    assert caught.value.line == 9


def test_words_survive_writing():
    circuit = read_spice(OWN.format(lines="n1 a1 0 one window=zha x=0.2\nr1 a2 0 1"))
    again = read_spice(circuit.to_spice())
    assert again["n1"].get("window") == "zha"
    assert again.models["one"].get("window") == "joglekar"
    assert again.models["two"].get("iv") == "exponential"
