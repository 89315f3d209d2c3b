"""Compiled Verilog-A in circuits: against the built-in models, formulas and other simulators."""

import pickle
import shutil

import numpy as np
import pytest
from crossbarsim.solvers.objectives import ValueAt

from crossbarsim import (
    Circuit,
    ConvergenceError,
    NetlistError,
    ParameterError,
    Pulse,
    Simulator,
    SingularCircuitError,
    read_spice,
)
from tests.helpers.osdi import compilable, compiled, compiled_text, shipped_module

S = Simulator(options={"reltol": 1e-7})
# the compiler's $vt is CODATA 2010's, ours 2018's: 1e-7 of kT/q, times 27 in a forward junction
SAME = 1e-5


def both(wave=0.7, *, ohm=1e3, rs=10.0, cj=1e-9, own=(), **parameters):
    """Return a diode's circuit with the compiled module, and with SPICE's."""
    module = compiled("diode_limited")
    ours = Circuit().V(1, "in", 0, wave, ac=1.0).R(1, "in", "a", ohm)
    ours.verilog_a_model("dx", module, is_=1e-14, rs=rs, cj=cj, **parameters)
    ours.verilog_a(1, ["a", 0], "dx", **dict(own))
    spice = Circuit().V(1, "in", 0, wave, ac=1.0).R(1, "in", "a", ohm)
    spice.model("dx", "d", is_=1e-14, **parameters).D(1, "i", 0, "dx", **dict(own))
    spice.C(1, "i", 0, cj)
    spice.R(2, "a", "i", rs)
    return ours, spice


def test_operating_point():
    ours, spice = both(5.0)
    mine, right = S.operating_point(ours), S.operating_point(spice)
    assert mine["v(a)"] == pytest.approx(right["v(a)"], rel=1e-6)
    assert mine["v(n1#i)"] == pytest.approx(right["v(i)"], rel=1e-6)
    current = -mine["i(v1)"]
    for name in ("@n1[i]", "i(n1)", "@n1[i1]"):
        assert mine[name] == pytest.approx(current, rel=1e-9)
    assert mine["@n1[i2]"] == pytest.approx(-current, rel=1e-9)
    assert mine["@n1[id]"] == pytest.approx(current, rel=1e-6)  # without gmin's
    assert mine["@n1[gd]"] == pytest.approx(current / 0.0258652, rel=1e-4)
    assert mine["@n1[p]"] == pytest.approx(current * mine["v(a)"], rel=1e-9)
    assert mine["@n1[area]"] == 1.0
    assert mine.iterations <= right.iterations + 6
    with pytest.raises(ParameterError, match=r"no quantity 'gm'; there are.*gd"):
        mine["@n1[gm]"]


def test_residuals_are_judged_by_what_flows_inside():
    """A module's inner node has one current, its sum: 0 up to rounding."""
    for volts in (0.7, 0.3):
        assert S.operating_point(both(volts)[0]).residual < 1e-9


def test_a_collapsed_node_is_no_unknown():
    ours, _ = both(0.7)
    other = Circuit().V(1, "a", 0, 0.7).verilog_a(1, ["a", 0], compiled("diode_limited"))
    assert "v(n1#i)" in S.operating_point(ours).names.labels
    assert S.operating_point(other).names.labels == ["v(a)", "i(v1)"]


def test_different_collapse_in_one_circuit():
    module = compiled("diode_limited")
    circuit = Circuit().V(1, "a", 0, 0.7)
    for k, rs in enumerate((0.0, 5.0, 0.0, 7.0), 1):
        circuit.verilog_a_model(f"d{k}", module, rs=rs).verilog_a(k, ["a", 0], f"d{k}")
    found = S.operating_point(circuit)
    assert found["@n1[i]"] == found["@n3[i]"] > found["@n2[i]"] > found["@n4[i]"] > 0
    assert -found["i(v1)"] == pytest.approx(sum(found[f"@n{k}[i]"] for k in (1, 2, 3, 4)), rel=1e-9)


def test_multiplicity_and_temperature_of_an_element():
    for own in ({"m": 3.0}, {"temp": 60.0}, {"dtemp": 30.0, "m": 2.0}):
        module = compiled("diode_limited")
        ours = Circuit().V(1, "in", 0, 1.0).R(1, "in", "a", 1e3)
        ours.verilog_a(1, ["a", 0], module, **own)
        kelvin = 300.15 + own.get("dtemp", 0.0) if "temp" not in own else own["temp"] + 273.15
        vt = 1.3806488e-23 * kelvin / 1.602176565e-19
        found = S.operating_point(ours)
        expected = own.get("m", 1.0) * (1e-14 * np.expm1(found["v(a)"] / vt) + 1e-12 * found["v(a)"])
        assert -found["i(v1)"] == pytest.approx(expected, rel=1e-7)


def test_sweeps():
    ours, spice = both()
    volts = np.linspace(-1.0, 1.5, 26)
    mine, right = (S.dc_sweep(c, {"v1": volts}) for c in (ours, spice))
    np.testing.assert_allclose(mine["v(a)"], right["v(a)"], rtol=1e-6, atol=1e-12)


def test_small_signals_noise_and_transfer():
    ours, spice = both()
    hertz = np.logspace(2, 8, 13)
    mine, right = (S.ac(c, hertz) for c in (ours, spice))
    np.testing.assert_allclose(mine["v(a)"], right["v(a)"], rtol=SAME)
    np.testing.assert_allclose(mine["i(v1)"], right["i(v1)"], rtol=SAME)
    np.testing.assert_allclose(mine["@n1[i]"], -mine["i(v1)"], rtol=1e-9)
    noise, expected = (S.noise(c, "v(a)", "v1", hertz) for c in (ours, spice))
    np.testing.assert_allclose(noise["onoise_spectrum"], expected["onoise_spectrum"], rtol=SAME)
    np.testing.assert_allclose(noise["onoise_n1_shot"], expected["onoise_d1_id"], rtol=SAME)
    np.testing.assert_allclose(noise["onoise_n1_thermal"], expected["onoise_r2"], rtol=SAME)
    gain, other = (S.transfer_function(c, "v(a)", "v1") for c in (ours, spice))
    assert gain.gain == pytest.approx(other.gain, rel=SAME)
    assert gain.output_resistance == pytest.approx(other.output_resistance, rel=SAME)


def test_flicker_noise_and_multiplicity_of_noise():
    module = compiled("diode_limited")
    circuit = Circuit().V(1, "in", 0, 0.7).R(1, "in", "a", 1e3)
    circuit.verilog_a_model("dx", module, kf=1e-9).verilog_a(1, ["a", 0], "dx", m=2.0)
    many = Circuit().V(1, "in", 0, 0.7).R(1, "in", "a", 1e3)
    many.verilog_a_model("dx", module, kf=1e-9)
    many.verilog_a(1, ["a", 0], "dx").verilog_a(2, ["a", 0], "dx")
    hertz = np.array([1.0, 100.0])
    found, other = (S.noise(c, "v(a)", "v1", hertz) for c in (circuit, many))
    np.testing.assert_allclose(found["onoise_spectrum"], other["onoise_spectrum"], rtol=1e-6)
    one = found["onoise_n1_flicker"]
    assert one[0] / one[1] == pytest.approx(10.0, rel=1e-9)
    point = S.operating_point(circuit)
    slope = S.transfer_function(circuit, "v(a)", "v1").output_resistance
    expected = np.sqrt(2.0 * 1e-9 * point["@n1[id]"] ** 1.5) * slope  # `id` is that of one
    assert one[0] == pytest.approx(expected, rel=1e-4)


def test_sensitivities_against_differences():
    ours, _ = both(0.8, own={"area": 2.0, "m": 1.5}.items())
    found = S.sensitivities(ours, "v(a)")
    assert {"n1_area", "n1_m", "n1_temp", "n1:is", "n1:rs", "r1", "v1"} <= set(found.values)

    def at(area=2.0, saturation=1e-14, rs=10.0):
        circuit = Circuit().V(1, "in", 0, 0.8).R(1, "in", "a", 1e3)
        circuit.verilog_a_model("dx", compiled("diode_limited"), is_=saturation, rs=rs)
        circuit.verilog_a(1, ["a", 0], "dx", area=area, m=1.5)
        return S.operating_point(circuit)["v(a)"]

    for name, slope in (
        ("n1_area", (at(2.02) - at(1.98)) / 0.04),
        ("n1:is", (at(saturation=1.01e-14) - at(saturation=0.99e-14)) / 2e-16),
        ("n1:rs", (at(rs=10.1) - at(rs=9.9)) / 0.2),
    ):
        assert found[name] == pytest.approx(slope, rel=2e-4)


def test_transients_and_their_charges():
    wave = Pulse(0.0, 1.0, 1e-6, 1e-6, 1e-6, 5e-6, 20e-6)
    ours, spice = both(wave)
    mine, right = (S.transient(c, 20e-6) for c in (ours, spice))
    assert len(mine.time) == pytest.approx(len(right.time), rel=0.1)
    t = np.linspace(0.0, 20e-6, 101)
    at = [np.interp(t, r.time, r["v(a)"]) for r in (mine, right)]
    assert np.abs(at[0] - at[1]).max() < 1e-5
    np.testing.assert_allclose(mine["@n1[i]"], -mine["i(v1)"], atol=1e-9)
    assert mine["@n1[gd]"].max() > 1e-3


def test_a_module_of_charges_is_its_elements():
    module = compiled("rc")
    wave = Pulse(0.0, 1.0, 0.0, 1e-8, 1e-8, 1.0, 2.0)
    circuit = Circuit().V(1, "a", 0, wave, ac=1.0).verilog_a(1, ["a", 0], module)
    run = S.transient(circuit, 5e-6)
    t = run.time[run.time > 1e-8]
    exact = 1.0 - np.exp(-t / 1e-6) * (np.exp(1e-2) - 1.0) / 1e-2
    assert np.abs(run["v(n1#mid)"][run.time > 1e-8] - exact).max() < 2e-3
    sharp = Circuit().V(1, "a", 0, wave).verilog_a(1, ["a", 0], module)
    sharp.options(reltol=1e-5)
    run = S.transient(sharp, 5e-6)
    t = run.time[run.time > 1e-8]
    exact = 1.0 - np.exp(-t / 1e-6) * (np.exp(1e-2) - 1.0) / 1e-2
    assert np.abs(run["v(n1#mid)"][run.time > 1e-8] - exact).max() < 1e-4
    hertz = np.array([1e4, 1e5, 1e6])
    found = S.ac(circuit, hertz)["v(n1#mid)"]
    np.testing.assert_allclose(found, 1.0 / (1.0 + 2j * np.pi * hertz * 1e-6), rtol=1e-9)


def test_a_memristor_is_the_built_in_one():
    module = compiled("memristor")
    wave = "sin(0 1.5 1)"
    deck = f"""memristor
.hdl "{compilable('memristor')}"
V1 a 0 {wave}
N1 a 0 mine
.model mine memristor(r_on=100 r_off=16k x0=0.1 mobility=1e-14 d=10n)
.options reltol=1e-6
.tran 1m 1
.end"""
    mine = S.run(read_spice(deck))[0]
    t, v = mine.time, 1.5 * np.sin(2 * np.pi * mine.time)
    # dx/dt = k v (1 - (2 x - 1)^2) / R(x), integrated with the run's own voltage by another method
    from scipy.integrate import solve_ivp

    def rate(s, x):
        r = 100 * x + 16e3 * (1 - x)
        return 1e-14 * 100 / 1e-16 * 1.5 * np.sin(2 * np.pi * s) / r * (1 - (2 * x - 1) ** 2)

    x = solve_ivp(rate, (0.0, t[-1]), [0.1], t_eval=t, rtol=1e-10, atol=1e-12).y[0]
    assert np.ptp(x) > 0.01
    np.testing.assert_allclose(mine["v(n1#w)"], x, atol=2e-5)
    np.testing.assert_allclose(-mine["i(v1)"], v / (100 * x + 16e3 * (1 - x)), atol=1e-8)
    assert module.name == "memristor"


def test_derivatives_of_transients():
    """The adjoint's, parameters moved by the model's differences: those of the same elements apart."""
    ours, spice = both(Pulse(0.0, 1.0, 1e-6, 1e-6, 1e-6, 5e-6, 20e-6), own={"area": 1.0}.items())
    end = ValueAt("v(a)", 2.1e-6)
    names = ["n1:rs", "n1:cj", "n1:is", "n1_area", "r1"]
    found = S.transient_sensitivities(ours, end, 2.5e-6, max_step=1e-8, parameters=names)
    others = ["r2", "c1", "d1:is", "d1_area", "r1"]
    right = S.transient_sensitivities(spice, end, 2.5e-6, max_step=1e-8, parameters=others)
    for name, other in zip(names, others, strict=True):
        if name != "n1_area":  # of which the capacitance is a part, too
            assert found[name] == pytest.approx(right[other], rel=1e-5)
    assert found["n1_area"] == pytest.approx(right["d1_area"] + 1e-9 * right["c1"], rel=1e-5)


# -- decks -----------------------------------------------------------------------------------------

DECK = """a diode
V1 in 0 5
R1 in a 1k
{load}
{control}
N1 a 0 dx area=2 m=2
.model dx diode_limited (is=1e-14 rs=10 law=exp)
.op
.save @n1[gd] v(a)
.end"""


def test_ways_to_load_a_library_in_a_deck(tmp_path):
    library = compiled("diode_limited").file
    shutil.copy(library, tmp_path / "near.osdi")
    decks = [
        DECK.format(load=f'.hdl "{compilable("diode_limited")}"', control=""),
        DECK.format(load=f".hdl {library}", control=""),
        DECK.format(load="", control=f".control\npre_osdi {library}\n.endc"),
        DECK.format(load="", control=f".control\nosdi {library}\nop\nprint v(a)\n.endc"),
    ]
    found = [S.operating_point(read_spice(deck))["v(a)"] for deck in decks]
    path = tmp_path / "deck.cir"
    path.write_text(DECK.format(load="", control=".control\npre_osdi near.osdi\n.endc"), encoding="utf-8")
    found.append(S.operating_point(read_spice(path))["v(a)"])
    assert len(set(found)) == 1
    assert found[0] == pytest.approx(0.69, abs=0.05)


def test_decks_are_written_and_read_back():
    deck = read_spice(DECK.format(load=f'.hdl "{compilable("diode_limited")}"', control=""))
    again = read_spice(deck.to_spice())
    assert S.operating_point(again)["v(a)"] == S.operating_point(deck)["v(a)"]
    text = deck.to_spice("ngspice")
    assert "pre_osdi" in text
    assert S.operating_point(read_spice(text))["v(a)"] == S.operating_point(deck)["v(a)"]
    same = pickle.loads(pickle.dumps(deck.models["dx"]))
    assert same.module == deck.models["dx"].module


def test_subcircuits_multiply():
    deck = read_spice(f"""copies
.hdl "{compilable('diode_limited')}"
V1 in 0 5
R1 in a 1k
X1 a 0 two m=3
.subckt two p n
N1 p n dx m=2
.ends
.model dx diode_limited(rs=0)
.op""")
    assert deck["x1.n1"].get("m") == 6.0
    plain = Circuit().V(1, "in", 0, 5.0).R(1, "in", "a", 1e3).verilog_a(
        1, ["a", 0], compiled("diode_limited"), m=6.0)
    assert S.operating_point(deck)["v(a)"] == pytest.approx(S.operating_point(plain)["v(a)"], rel=1e-9)


@pytest.mark.parametrize(("old", "new", "line", "match"), [
    ("area=2", "aera=2", 5, "there is no parameter `aera`.*area"),
    ("area=2", "area=0", 5, "`area` = 0.0 is out of the range"),
    ("is=1e-14", "is=-1", 6, "`is` = -1.0 is out of the range"),
    ("N1 a 0 dx", "N1 a dx", 5, "has 1 nodes; module `diode_limited` has 2 terminals: a, c"),
    ("N1 a 0 dx", "N1 a 0 in 0 dx", 5, "has 4 nodes; module `diode_limited` has 2 terminals: a, c"),
    ("N1 a 0 dx", "N1 a 0 dy", 5, "there is no model `dy`"),
])
def test_mistakes_in_decks_have_their_line(old, new, line, match):
    deck = DECK.format(load=f'.hdl "{compilable("diode_limited")}"', control="").replace("\n\n", "\n")
    with pytest.raises(NetlistError, match=match) as caught:
        S.operating_point(read_spice(deck.replace(old, new)))
    assert caught.value.line == line


def test_libraries_that_a_deck_cannot_have(tmp_path):
    with pytest.raises(NetlistError, match="no such file") as caught:
        read_spice(DECK.format(load=".hdl nowhere.osdi", control=""))
    assert caught.value.line == 4
    (tmp_path / "bad.va").write_text("module bad(a); inout a; electrical a;\nanalog x = 1;\nendmodule",
                                     encoding="utf-8")
    with pytest.raises(NetlistError, match=r"bad\.va"):
        read_spice(DECK.format(load=f'.hdl "{tmp_path / "bad.va"}"', control=""))
    compiled_text(tmp_path, '`include "disciplines.vams"\nmodule d(a, c); inout a, c; electrical a, c;\n'
                  "analog I(a, c) <+ V(a, c);\nendmodule\n", "d")
    with pytest.raises(NetlistError, match="the name of a kind of model cards"):
        read_spice(DECK.format(load=f'.hdl "{tmp_path / "d.va"}"', control=""))
    plain = DECK.format(load=f'.hdl "{compilable("diode_limited")}"', control="")
    noted = read_spice(plain.replace("law=exp", "lev=3")).notes
    assert any("has no `lev`" in note for note in noted)
    with pytest.raises(NetlistError, match="has no `lev`"):
        read_spice(plain.replace("law=exp", "lev=3"), strict=True)


# -- what cannot be solved -------------------------------------------------------------------------


def test_what_is_not_a_number_is_named(tmp_path):
    module = compiled_text(tmp_path, '`include "disciplines.vams"\nmodule m(a, c); inout a, c; '
                           "electrical a, c;\nanalog I(a, c) <+ sqrt(V(a, c) - 2.0);\nendmodule\n")
    circuit = Circuit().V(1, "in", 0, 1.0).R(1, "in", "a", 1.0).verilog_a(7, ["a", 0], module)
    with pytest.raises(ConvergenceError, match=r"N7.*module `m` returns what is no finite number"):
        S.operating_point(circuit)


def test_a_model_that_stops(tmp_path):
    module = compiled_text(tmp_path, '`include "disciplines.vams"\nmodule m(a, c); inout a, c; '
                           "electrical a, c;\nanalog begin\nif (V(a, c) > 0.5) "
                           '$fatal(0, "burnt");\nI(a, c) <+ V(a, c);\nend\nendmodule\n')
    circuit = Circuit().V(1, "a", 0, 1.0).verilog_a(1, ["a", 0], module)
    with pytest.raises(ConvergenceError, match="stops the simulation"):
        S.operating_point(circuit)


def test_bounded_steps(tmp_path):
    module = compiled_text(tmp_path, '`include "disciplines.vams"\nmodule m(a, c); inout a, c; '
                           "electrical a, c;\nanalog begin\n$bound_step(1e-8);\nI(a, c) <+ V(a, c);\n"
                           "end\nendmodule\n")
    circuit = Circuit().V(1, "a", 0, 1.0).verilog_a(1, ["a", 0], module)
    run = S.transient(circuit, 1e-6)
    assert np.diff(run.time)[1:].max() < 1.2e-8


# -- transistors -----------------------------------------------------------------------------------


def test_a_mos_transistor_of_level_1_is_ours():
    module = shipped_module("spice/mos1")
    volts = np.linspace(0.0, 3.0, 13)
    size = {"w": 10e-6, "l": 1e-6}
    mine = Circuit().V("d", "d", 0, 2.0).V("g", "g", 0, 0.0)
    mine.verilog_a_model("n", module, type=1, vto=0.7, kp=1e-4, lambda_=0.02, gamma=0.4, phi=0.65)
    mine.verilog_a(1, ["d", "g", 0, 0], "n", **size)
    ours = Circuit().V("d", "d", 0, 2.0).V("g", "g", 0, 0.0)
    ours.model("n", "nmos", vto=0.7, kp=1e-4, lambda_=0.02, gamma=0.4, phi=0.65)
    ours.M(1, "d", "g", 0, 0, "n", **size)
    found = [S.dc_sweep(c, {"vg": volts})["i(vd)"] for c in (mine, ours)]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-6, atol=1e-12)


def test_floating_nodes_are_found(tmp_path):
    module = compiled_text(tmp_path, '`include "disciplines.vams"\nmodule m(d, g, s); inout d, g, s; '
                           "electrical d, g, s;\nanalog begin I(d, s) <+ 1e-3 * V(g, s) * V(d, s);\n"
                           "I(g, s) <+ ddt(1e-12 * V(g, s)); end\nendmodule\n")
    circuit = Circuit().V("d", "d", 0, 2.0).verilog_a(1, ["d", "g", 0], module)
    with pytest.raises(SingularCircuitError, match="floating nodes g"):
        S.operating_point(circuit)
