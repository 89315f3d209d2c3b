"""Lines of subcircuits written out from templates: as if each instance were read by itself."""

from pathlib import Path

import pytest
from crossbarsim.netlists import read_spice
from crossbarsim.netlists.spice import reader
from crossbarsim.netlists.spice.read.instance_cache import Templates
from hypothesis import given, settings
from hypothesis import strategies as st

from crossbarsim import CrossbarSimError, NetlistError

DECKS = sorted((Path(__file__).parents[1] / "reference/spice/decks").rglob("*.cir"))

HARD = """templates
.model dx d is=1e-14
.model sx sw vt=1 vh=0.2
.func twice(x) {2*x}
.param g0=1e-3 common=5
.global vdd
v1 in 0 1
vd vdd 0 5
.subckt leaf a b ra=1k c0=0 v0=0.5 lo=1u n=1
r1 a m {ra}
r2 m b {twice(ra) + common}
r3 m vdd 1meg tc1={1e-3*n}
c1 m 0 1p ic={v0}
c2 m b {c0 + 1p}
l1 a q {lo}
l2 q b {lo} ic={-v0}
k1 l1 l2 0.3
e1 e 0 a b {n}
re e 0 1k
g1 a b value={g0*v(a,b)*(v(m) > v0 ? 1 : 2) + n*i(vm)}
b1 bb 0 v=sin(v(a))*v(b) + ddt(v(m))
rb bb 0 1k
vm z 0 0
rz z 0 1
f1 m 0 vm {n}
h1 hh 0 vm 2
rh hh 0 1
d1 a b dx area={n}
s1 a b m 0 sx
.ends
.subckt pair a b ra=2k v0=0.25
x1 a m leaf ra={ra} v0={v0}
x2 m b leaf ra={ra*2} v0={-v0} n=2
.if (ra > 3k)
x3 a b leaf n=3
.endif
.model own d is={ra*1e-18}
d9 a b own
.ends
.subckt row p v0=0.1
x1 p 0 leaf v0={v0} m=2
x2 p 0 leaf v0={v0}
x3 p p leaf v0={v0}
.ends
.subckt own a
.model dz d is=1e-15 n={1 + 0}
d1 a 0 dz
d2 a 0 dx
.ends
xo1 in own
xo2 out own
xo3 in own
xa in 0 leaf
xb in out leaf ra=3k v0=0.75
xc in 0 leaf ra=3k v0=-0.75
xd in in leaf v0=0
xe out 0 leaf v0=0 c0=1p n=2
xf out 0 leaf m=3 lo=2u
xg 0 out leaf ra=1k
xp in out pair
xq in out pair ra=4k
xr in 0 pair v0=0.5
xs in row
xt out row v0=0.2
xu in row v0=0.3
.op
"""


def elements(circuit):
    return list(circuit), circuit.nodes, dict(circuit.models), circuit.analyses, circuit.notes


def by_hand(monkeypatch):
    monkeypatch.setattr(Templates, "of", lambda *_: None)
    monkeypatch.setattr(reader, "plain_element", lambda *_: None)


@pytest.mark.parametrize("compat", ["", "ngspice"])
def test_all_instances_are_alike(monkeypatch, compat):
    quick = elements(read_spice(HARD, compat=compat))
    by_hand(monkeypatch)
    slow = elements(read_spice(HARD, compat=compat))
    assert len(quick[0]) > 250
    for one, two in zip(quick[0], slow[0], strict=True):
        assert one == two
    assert quick[1:] == slow[1:]


def test_templates_are_used(monkeypatch):
    read = []
    whole = reader._Expansion.elements

    def counted(self, card):
        read.append(card.name)
        return whole(self, card)

    monkeypatch.setattr(reader._Expansion, "elements", counted)
    many = "\n".join(f"xn{k} in 0 leaf v0={0.1 + 0.01 * k}" for k in range(50))
    before = len(read_spice(HARD))
    count = len(read)
    after = len(read_spice(HARD.replace(".op", f"{many}\n.op")))
    assert after - before == 50 * 20
    assert len(read) - 2 * count < 20 * 8  # a few variants, not 50


def test_decks_of_the_reference(monkeypatch):
    checked = 0
    for path in DECKS:
        try:
            quick = elements(read_spice(path))
        except CrossbarSimError:
            continue
        with monkeypatch.context() as m:
            by_hand(m)
            slow = elements(read_spice(path))
        assert quick == slow, path
        checked += 1
    assert checked > 30


@pytest.mark.parametrize(("line", "what"), [
    ("x3 a b leaf ra={1/0}", "x3"), ("x3 a b leaf c0=v(a)", "x3"),
])
def test_errors_name_the_instance(line, what):
    deck = HARD.replace(".op", f"{line}\n.op")
    with pytest.raises(NetlistError, match=what) as error:
        read_spice(deck)
    assert "\x00" not in str(error.value)
    assert "\x01" not in str(error.value)


@pytest.mark.parametrize("line", [
    "r1 a 0 1k", "Rx a 0 2.2kohm", "c1 a b 1p", "R.x1.r1 a 0 1", "r2 a 0 1e3", "r3 a 0 -5", "r4 a 0 .5meg",
    "r5 a GND 1k", "c2 a 0 0", "r6 a 0 1k tc1=0.1", "r7 A B 3mil", "c9 a 0 1p ic=1",
])
def test_plain_lines_are_read_alike(monkeypatch, line):
    deck = f"title\n{line}\nr0 a 0 1\nr00 b 0 1\n.op\n"
    quick = elements(read_spice(deck))
    by_hand(monkeypatch)
    assert elements(read_spice(deck)) == quick


COMPUTED = """computed
.model rk r rsh=10 kf=1e-12 af=2
.model rl r rsh=10
v1 a 0 1
vm z 0 1
.subckt cell p n x=1 y=2
.func u(t)={t*x+1}
.param s={x+y}
r1 p m {y*x+3}
r2 m n {x} tc1={x*1e-3} tc2={y*1e-6+1e-9*x}
r3 p n {abs(y)+1} m={abs(x)+1}
r4 p n rk l={abs(x)*1u+1u} w=1u
r5 p n rl l={abs(x)*1u+1u} w=1u
r6 p n {v(p,n)*x+s}
r7 p n {1k*(1+temper*x)}
r8 p n {1k+x*1} ac={2k+y*1}
c1 m 0 {1p*abs(x)+1f} ic={x*y}
c2 m 0 q={x*v(m)*y+1p*v(n)}
l1 p q {u(y)*1u+1m} ic={-x}
b1 p n i={x*v(m)+y*i(vm)}
b2 p n i={u(v(p))*y} m={abs(y)+1}
b3 w 0 v={x*y}
b4 p n i={x > 1 ? v(p) : y}
g1 p n value={x*v(m)*v(p)}
g2 p n m n {x*y}
e1 e 0 p n {y+1}
re e 0 {x*x+1}
rq q 0 1k
rw w 0 1k
vi i 0 {x*y+1}
ri i 0 1
.ends
"""


@settings(max_examples=60, deadline=None)
@given(st.lists(
    st.tuples(*[st.sampled_from(["1", "2", "0", "-1", "0.5", "1.5", "3", "1e-3", "-2.5"])] * 2,
              st.sampled_from(["", "", " m=2"])),
    min_size=2, max_size=9,
))
def test_values_that_are_computed_anew(values):
    deck = COMPUTED + "\n".join(
        f"x{k} a b cell x={x} y={y}{m}" for k, (x, y, m) in enumerate(values)
    ) + "\n.op\n"

    def outcome():
        try:
            circuit = read_spice(deck)
        except CrossbarSimError as error:
            return str(error)
        return [(e, repr(e)) for e in circuit], circuit.nodes, circuit.notes

    quick = outcome()
    with pytest.MonkeyPatch.context() as monkeypatch:
        by_hand(monkeypatch)
        assert quick == outcome()


def test_lines_of_other_numbers_are_read_once(monkeypatch):
    read = []
    whole = reader._Expansion.elements
    monkeypatch.setattr(
        reader._Expansion, "elements", lambda self, card: (read.append(card.name), whole(self, card))[1]
    )
    cells = "\n".join(f"x{k} a b cell x={1 + k / 7!r} y={2 + k / 9!r}" for k in range(40))
    body = "r1 p m {y*x+3}\nc1 m n {x*1p} ic={x*y}\nb1 p n i={x*v(m)*y}\n"
    circuit = read_spice(f"t\n.subckt cell p n x=1 y=1\n{body}.ends\n{cells}\n")
    assert len(circuit) == 120
    assert len(read) == 6  # of the first instance, and once more as templates
    assert circuit["x7.r1"].value == (2 + 7 / 9) * 2 + 3


def test_a_length_of_which_the_resistance_is_computed():
    """With `kf` the length stays a parameter of the element, for the area of its noise."""
    cells = "\n".join(f"x{k} a s x={k}u" for k in range(1, 6))
    deck = f"t\n.model rk r rsh=10 kf=1e-12\n.subckt s p x=1u\nr1 p 0 rk l={{x}} w=1u\n.ends\n{cells}\n"
    assert [e.value for e in read_spice(deck)] == pytest.approx([10, 20, 30, 40, 50], rel=1e-12)
