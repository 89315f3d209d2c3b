"""Circuits with all elements, built in Python."""

import numpy as np
import pytest

from crossbarsim import Circuit, Crossbar, ParameterError, Pulse, Solver, Wires, read_spice


def everything():
    c = Circuit("all").model("dm", "d", is_=1e-15, cj0="2p").model("qm", "npn", bf=100).model("jm", "njf")
    c.model("nm", "nmos", level=3, vto=0.5).model("em", "pmos", level="ekv").model("sm", "sw", vt=1).model("wm", "csw", it="1m")
    c.model("mem", "linear_ion_drift", r_on=50.0).model("mp", "yakopcic", preset="oblea")
    c.V(1, "a", 0, Pulse(0, 1), ac=(1, 90)).I(1, "a", 0, "1m", ac=2).L(1, "a", "b", "1u", ic=0.1).L(2, "c", 0, 1e-6)
    c.K(1, "L1", "2", 0.9).C(1, "a", 0, "1p", ic=0.5).B(1, "d", 0, v="v(a, GND)**2 + i(V1)").B(2, 0, "d", i="ddt(v(a))")
    c.D(1, "a", "e", "dm", area=2, off=True).Q(1, "a", "b", "e", "qm").Q(2, "a", "b", "e", "qm", substrate="s")
    c.J(1, "a", "b", "e", "jm").M(1, "a", "b", "e", 0, "nm", w="1u", l="0.2u", as_=1e-12).M(2, "a", "b", "e", 0, "em")
    c.S(1, "a", "e", "b", 0, "sm", on=True).W(1, "a", "e", "1", "wm").T(1, ("a", 0), ("e", 0), z0=50, td="1n")
    return c.N(1, "a", "s", "mem", conductance="1m", r_off="10k").N(2, "a", "s", "mp", x=0.5)


def test_they_are_the_same_as_in_a_deck():
    circuit = everything()
    deck = circuit.to_spice()
    again = read_spice(deck)
    assert again.to_spice() == deck
    for one, two in zip(circuit, again, strict=True):
        assert (one.name.lower(), one.nodes, one.model, one.control.lower()) == (two.name.lower(), two.nodes, two.model, two.control)
        assert dict(one.parameters) == dict(two.parameters)
    assert {k: (m.kind, m.level, m.parameters) for k, m in circuit.models.items()} == {
        k: (m.kind, m.level, m.parameters) for k, m in again.models.items()}


@pytest.mark.parametrize(("build", "message"), [
    (lambda c: c.D(1, "a", 0, "dn"), "no model 'dn'; there are dm"),
    (lambda c: c.M(1, "a", 0, 0, 0, "dm"), "is of kind d"),
    (lambda c: c.D(1, "a", 0, "dm", w=1), "no parameter 'w'"),
    (lambda c: c.model("dm", "d"), "already has a model"),
    (lambda c: c.model("x", "d", iss=1), "no parameter 'iss'; did you mean 'is'"),
    (lambda c: c.model("x", "nmos", level=7), "`level` of nmos must be one of"),
    (lambda c: c.model("x", "linear_ion_drft"), "did you mean 'linear_ion_drift'"),
    (lambda c: c.L(1, "a", 0, 0), "must be > 0 henry"),
    (lambda c: c.K(1, "L1", "L2", 2), "from -1 to 1"),
    (lambda c: c.B(1, "a", 0), "either `v` or `i`"),
    (lambda c: c.B(1, "a", 0, v="sine(1)"), "did you mean `sin`"),
    (lambda c: c.B(1, "a", 0, v="k*v(a)"), "`k` has no value"),
    (lambda c: c.T(1, ("a", 0), ("b", 0), z0=0, td=1), "`z0` must be > 0"),
    (lambda c: c.V(1, "a", 0, 1, ac=(1, 2, 3)), "`ac` must be"),
    (lambda c: c.N(1, "a", 0, "dm"), "is of kind d"),
    (lambda c: c.model("m", "yakopcic").N(1, "a", 0, "m", xx=1), "no parameter 'xx'; did you mean 'x'"),
])
def test_mistakes_are_named(build, message):
    with pytest.raises(ParameterError, match=message):
        build(Circuit().model("dm", "d"))


def test_replacing_and_copying():
    c = Circuit().R(1, "a", 0, 1).options(reltol=1e-5)
    d = c.copy()
    d.replace(read_spice("t\nR1 a 0 5\n")["r1"]).options(reltol=1e-6)
    assert (c["r1"].value, d["r1"].value) == (1.0, 5.0)
    assert (c.options["reltol"], d.options["reltol"]) == (1e-5, 1e-6)
    assert d.options() is d
    with pytest.raises(ParameterError, match="kind and nodes"):
        c.replace(read_spice("t\nR1 b 0 5\n")["r1"])


def test_subcircuits_in_their_place():
    c = Circuit("divider").subcircuit("r", ".subckt r a b k=1\nR1 a b {k}\n.ends r")
    c.V(1, "in", 0, 1.0).X(1, ("in", "out"), "r", k=3.0).X(2, ("out", 0), "r", k=1.0)
    flat = c.flattened()
    assert flat["x1.r1"].value == 3.0
    assert Solver().operating_point(flat)["v(out)"] == pytest.approx(0.25)


def test_a_crossbar_of_devices_as_a_circuit_of_elements():
    from crossbarsim.devices import VTEAM

    G = np.array([[1e-3, 2e-3], [5e-3, 8e-3]])
    V = np.array([0.05, 0.1])
    xbar = Crossbar(cells=VTEAM().array(conductance=G), wires=Wires(2.0, 3.0))
    flat = xbar.to_circuit(V).flattened()
    (found,) = Solver().run(flat)
    expected = Solver().solve(xbar, V).currents
    for j in range(2):
        assert found[f"i(v_bl{j}_bottom)"] == pytest.approx(expected[j], rel=1e-6)
