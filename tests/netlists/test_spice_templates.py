"""Lines of subcircuits written out from templates: as if each instance were read by itself."""

from pathlib import Path

import pytest
from crossbarsim.netlists import read_spice
from crossbarsim.netlists.spice import reader
from crossbarsim.netlists.spice.read.instance_cache import Templates

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
