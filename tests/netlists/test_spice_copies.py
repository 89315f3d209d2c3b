"""Several copies of a subcircuit in one line (``m=``) are as many instances, whatever is inside."""

import numpy as np
import pytest
from crossbarsim.netlists import read_spice

from crossbarsim import NetlistError, Solver

INSIDE = {
    "resistor": "r1 p n 1k ac=2k", "capacitor": "c1 p x 1p ic=0.2\nr1 x n 1k", "inductor": "l1 p x 1u\nr1 x n 1k",
    "coupled": "l1 p x 1u\nl2 y n 1u\nk1 l1 l2 0.5\nr1 x n 1k\nr2 y n 2k", "voltage": "v1 p x 0.3\nr1 x n 1k",
    "current": "i1 p n 1m ac 1", "pulsed": "i1 p n dc 0 pulse(0 1m 0 1n 1n 2n 9n)", "e": "e1 x n p n 0.5\nr1 p x 1k",
    "g": "g1 p n p n 1m", "f": "v1 p x 0\nr1 x n 1k\nf1 p n v1 2", "h": "v1 p x 0\nr1 x y 1k\nh1 y n v1 200",
    "f-poly": "v1 p x 0\nr1 x n 1k\nf1 p n poly(1) v1 0 1 100", "f-gain": "v1 p x 0\nr1 x n 1k\nf1 p n v1 {2+v(p)}",
    "h-poly": "v1 p x 0\nr1 x y 1k\nh1 y n poly(1) v1 0 100 1e4", "f-value": "v1 p x 0\nr1 x n 1k\nf1 p n value={2*i(v1)}",
    "b-current": "b1 p n i='1m*v(p,n)^2'", "b-voltage": "b1 x n v='0.5*v(p,n)'\nr1 p x 1k",
    "b-current-of-current": "v1 p x 0\nr1 x n 1k\nb1 p n i='2*i(v1)+i(v1)^2'",
    "b-voltage-of-current": "v1 p x 0\nr1 x y 1k\nb1 y n v='200*i(v1)'", "of-resistor": "r1 p n 1k\nb1 p n i='2*i(r1)'",
    "f-of-resistor": "r1 p n 1k\nf1 p n r1 2", "resistor-of-current": "v1 p x 0\nr1 x n r={1k+1e5*i(v1)}",
    "capacitor-law": "c1 p x c={1p*(1+v(p))}\nr1 x n 1k", "charge-of-current": "v1 p y 0\nc1 y x q={1p*v(y)+1e-10*i(v1)}\nr1 x n 1k",
    "inductor-of-current": "v1 p y 0\nl1 y x l={1u+1e-3*i(v1)}\nr1 x n 1k", "rate": "v1 p x 0\nr1 x n 1k\nb1 p n i='1e-10*ddt(i(v1))'",
    "diode": "d1 p n dm", "bipolar": "q1 p p n qm", "jfet": "j1 p n n jm", "mos": "m1 p p n n mm w=10u l=1u",
    "switch": "s1 p n g 0 sm", "line": "t1 p n x n z0=100 td=0.3n\nr1 x n 200", "memristor": "n1 p n nm conductance=1m",
    "parasitic": "c1 p n 1p rser=100 rpar=1k", "copies-within": "x1 p n inner m=2\n.subckt inner a b\nv1 a x 0\nr1 x b 1k\nf1 a b v1 2\n.ends",
}
DECK = """copies
va a 0 dc 0.8 ac 1 pulse(0.2 0.9 0 1n 1n 2n 9n)
ra a p 300
vg g 0 1
.global g
{instances}
.subckt s p n
{inside}
.ends
.model dm d(cjo=1p rs=10)
.model qm npn
.model jm njf
.model mm nmos(vto=0.3)
.model sm sw(vt=0.4)
.model nm vteam
.ac lin 1 1meg 1meg
.tran 0.1n 3n 0 0.1n
"""


@pytest.mark.parametrize("inside", INSIDE.values(), ids=INSIDE.keys())
def test_copies_are_as_many_instances(inside):
    one, many = (
        Solver().run(read_spice(DECK.format(inside=inside, instances=text)))
        for text in ("x1 p 0 s m=3", "xa p 0 s\nxb p 0 s\nxc p 0 s")
    )
    np.testing.assert_allclose(one[0].point["v(p)"], many[0].point["v(p)"], rtol=1e-7)
    np.testing.assert_allclose(one[0]["v(p)"], many[0]["v(p)"], rtol=1e-7)
    np.testing.assert_allclose(one[1]["v(p)"][-1], many[1]["v(p)"][-1], rtol=1e-3)


@pytest.mark.parametrize(("inside", "message"), [
    ("v1 p x 0\nr1 x y 1k\nw1 y n v1 wm\n.model wm csw", "a switch by current inside of several copies"),
    ("x1 p n crossbar rows=1 columns=1 resistance=1k", "a crossbar inside of several copies"),
])
def test_what_cannot_be_several_is_named(inside, message):
    with pytest.raises(NetlistError, match=message):
        read_spice(DECK.format(inside=inside, instances="x1 p 0 s m=3"))


def test_copies_of_sources_and_memristors():
    deck = "m\ni1 0 a dc 1m ac 1 m=2\nr1 a 0 1k\nn1 b 0 nm conductance=1m m=3\nv1 b 0 0.1\n.model nm vteam\n.op\n.ac lin 1 1 1\n"
    point, spectrum = Solver().run(read_spice(deck))
    assert point["v(a)"] == pytest.approx(2.0, rel=1e-12)
    assert point["i(v1)"] == pytest.approx(-3e-4, rel=1e-6)
    assert point["@n1[i]"] == pytest.approx(3e-4, rel=1e-6)
    assert abs(spectrum["v(a)"][0]) == pytest.approx(2000.0, rel=1e-9)
    with pytest.raises(NetlistError, match="several memristors side by side"):
        read_spice(deck).to_spice("ngspice")
    assert "voltages side by side are as one" in read_spice("m\nb1 a 0 v=1 m=2\nr1 a 0 1\n").notes[0]
