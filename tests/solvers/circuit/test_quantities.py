"""Currents into terminals and quantities of elements, over the points of results."""

import numpy as np
import pytest
from crossbarsim.netlists import read_spice
from crossbarsim.solvers.circuit.results.names import CURRENTS
from crossbarsim.solvers.circuit.results.quantities import rates

from crossbarsim import ParameterError, Solver


def run(deck):
    return Solver().run(read_spice(deck))


RICH = """rich
v1 in 0 dc 2.5 ac 1 sin(2.5 2 1k)
vdd dd 0 5
r1 in a 1k
d1 a 0 dm
c1 a b 10n ic=0.1
l1 b 0 1m
l2 k2 0 2m
k1 l1 l2 0.4
rk k2 0 1k
i2 0 b 1m
rb1 in bb 10k
rc dd cc 1k
q1 cc bb 0 qm
q2 cc bb dd qp
rd dd mm 2k
m1 mm in 0 0 mn l=2u w=10u
m2 mm in dd dd mp l=2u w=20u
rj dd jd 5k
j1 jd 0 js jn
rjs js 0 1k
s1 dd ss in 0 sw
rs ss 0 1k
b1 in 0 i=1m*v(a)*(1+v(b))
b2 vb 0 v=v(a)*2
rb2 vb 0 1k
c2 vb cb c={1n*(1+v(cb)**2)}
rcb cb 0 1k
c3 vb q q={1n*v(vb,q)**3}
rq q 0 1k
e1 ee 0 a 0 2
re ee 0 r={1k+100*v(a)}
g1 ee 0 a 0 1m
f1 ee 0 v1 2
h1 hh 0 v1 10
rh hh 0 1k
t1 in 0 tt 0 z0=50 td=50u
rt tt 0 50
n1 in nn vt
rn nn 0 100
.model vt vteam
.model sw sw(vt=2.5 vh=0.5 ron=10)
.model jn njf(cgs=2p cgd=1p)
.model dm d(tt=10n cjo=10p rs=5)
.model qm npn(cje=1p cjc=1p tf=1n rb=10)
.model qp pnp(cje=1p cjc=1p tf=1n re=2)
.model mn nmos(tox=100n cgso=1n cgdo=1n cbd=1p cbs=1p vto=1 kp=50u rd=10)
.model mp pmos(tox=100n cgso=1n cgdo=1n cbd=1p cbs=1p vto=-1 kp=20u)
"""


def terminals(circuit, result):
    """Yield element, node, and the current into that terminal."""
    for e in circuit:
        if e.kind == "K":
            continue
        if e.kind == "T":
            one, two = result["@t1[i1]"], result["@t1[i2]"]
            yield from ((e, e.nodes[0], one), (e, e.nodes[1], -one), (e, e.nodes[2], two), (e, e.nodes[3], -two))
            continue
        sign = -1.0 if e.kind == "M" and e.name == "m2" else 1.0
        names = {k: n for n, k in CURRENTS[e.kind].items()}
        found = [sign * result[f"@{e.name}[{names[k]}]"] for k in range(len(e.nodes)) if k in names]
        if len(found) == 1:
            found.append(-found[0])
        for node, i in zip(e.nodes, found, strict=False):
            yield e, node, i


@pytest.mark.slow
@pytest.mark.parametrize("options", ["", "method=gear", "method=gear maxord=5", "xmu=0.45", "method=euler"])
def test_kirchhoffs_law_in_time(options):
    kirchhoff(options, "1e-6")


def test_kirchhoffs_law_in_time_roughly():
    kirchhoff("", "1e-4")


def kirchhoff(options, reltol):
    circuit = read_spice(
        RICH + f".tran 5u 0.7m\n.options reltol={reltol} abstol=1e-14 vntol=1e-9 {options}\n"
    )
    r, = Solver().run(circuit)
    total = {n: np.zeros(len(r.time)) for n in (*circuit.nodes, "0")}
    largest = dict.fromkeys(total, 0.0)
    for _, node, i in terminals(circuit, r):
        assert i.shape == r.time.shape
        total[node] = total[node] + i
        largest[node] = max(largest[node], np.abs(i).max())
    for node, sum_ in total.items():
        assert np.abs(sum_[2:]).max() <= 2 * float(reltol) * largest[node] + 1e-12, node


def test_what_sources_deliver_is_what_elements_take():
    circuit = read_spice(RICH + ".tran 5u 1m\n")
    r, = Solver().run(circuit)
    names = [e.name for e in circuit if e.kind not in "KT"]
    power = sum(r[f"@{n}[p]"] for n in names) + r["@t1[p]"]
    assert np.abs(power[2:]).max() < 1e-3 * np.abs(r["@v1[p]"]).max()
    v = r["v(in)"] - r["v(a)"]
    np.testing.assert_allclose(r["@r1[p]"], v**2 / 1e3, rtol=1e-9, atol=1e-15)


def test_small_signals_keep_kirchhoffs_law():
    circuit = read_spice(RICH + ".ac dec 3 10 1meg\n")
    r, = Solver().run(circuit)
    total = {n: np.zeros(len(r.frequency), complex) for n in (*circuit.nodes, "0")}
    largest = dict.fromkeys(total, 0.0)
    for _, node, i in terminals(circuit, r):
        total[node] = total[node] + i
        largest[node] = max(largest[node], np.abs(i).max())
    for node, sum_ in total.items():
        assert np.abs(sum_).max() <= 1e-9 * largest[node] + 1e-15, node
    np.testing.assert_allclose(r["i(r1)"], (r["v(in)"] - r["v(a)"]) / 1e3, rtol=1e-12)
    np.testing.assert_allclose(r["im(r1)"], np.abs(r["i(r1)"]))


def test_a_switch_with_hysteresis():
    r, = run("s\nv1 c 0 sin(0 2 1k)\nv2 a 0 1\ns1 a 0 c 0 sw\n.model sw sw(vt=0 vh=1 ron=10 roff=1e6)\n.tran 5u 3m\n")
    np.testing.assert_allclose(r["i(s1)"], -r["i(v2)"], rtol=1e-9)
    assert set(np.round(r["@s1[g]"], 9)) == {0.1, 1e-6}


def test_sweeps_of_sources_parameters_and_temperature():
    deck = "d\nv1 a 0 1\ni1 0 b {y}\nr1 a b 1k\nd1 b 0 dm\n.model dm d(rs=10)\n.param y=1m\n.dc {}\n"
    for sweep in ("v1 0 2 0.5", "i1 0 2m 0.5m", "temp 0 100 25", "y list 0 1m 3m", "r1 1k 5k 1k v1 0 1 0.5"):
        r, = run(deck.replace("{}", sweep))
        np.testing.assert_allclose(r["i(r1)"], -r["i(v1)"], rtol=1e-7, atol=1e-13)
        source = r["@i1[current]"]
        np.testing.assert_allclose(r["@d1[id]"], r["i(r1)"] + source, rtol=1e-4, atol=2e-12)
        assert r["@d1[gd]"].shape == r.shape
    r, = run(deck.replace("{}", "i1 0 2m 0.5m"))
    np.testing.assert_allclose(r["@i1[current]"], r["i1"])


def test_currents_of_capacitors_from_the_start():
    deck = "c\nv1 a 0 pulse(0 1 1m 1u 1u 5m)\nr1 a b 1k\nc1 b 0 1u\n.options reltol=1e-5\n.tran 10u 6m"
    r, = run(deck)
    np.testing.assert_allclose(r["i(c1)"], r["i(r1)"], rtol=1e-4, atol=1e-9)
    t = np.linspace(2e-3, 5e-3, 7)
    np.testing.assert_allclose(r.at(t)["i(c1)"], 1e-3 * np.exp(-(t - 1.0005e-3) / 1e-3), rtol=1e-3)
    # from a later start on, the rate before is not known
    late, = run(deck + " 1.5m")
    np.testing.assert_allclose(late["i(c1)"], late["i(r1)"], rtol=1e-2)
    with pytest.raises(ParameterError, match="no quantity 'q'; there are: i, p"):
        r["@c1[q]"]


def test_rates_follow_the_formulas():
    t = np.array([0.0, 1.0, 1.5, 2.5, 3.0])
    orders = np.array([0, 1, 2, 2, 2])
    line = 3.0 * t
    np.testing.assert_allclose(rates(t, orders, "gear", 0.5, line)[1:], 3.0)
    square = t**2
    np.testing.assert_allclose(rates(t, orders, "gear", 0.5, square)[2:], 2 * t[2:])
    trap = rates(t, orders, "trap", 0.5, square)
    assert trap[2] == pytest.approx(2 * (square[2] - square[1]) / 0.5 - trap[1])


def test_saved_currents_are_among_the_names_and_in_the_file(tmp_path):
    deck = RICH.replace("rich", "rich\n.options savecurrents")
    circuit = read_spice(deck + ".op\n.tran 50u 0.2m\n.dc v1 0 1 0.5\n")
    op, tran, dc = Solver().run(circuit)
    for r in (tran, dc):
        assert {"@r1[i]", "@d1[id]", "@q1[ic]", "@m2[ib]", "@i2[current]", "@c1[i]"} <= set(r.names)
    from crossbarsim.solvers.circuit.rawfile.reader import read_raw
    from crossbarsim.solvers.circuit.results.export import save_results

    save_results(tmp_path / "a.raw", [op, tran, dc])
    plot = read_raw(tmp_path / "a.raw")[1]
    np.testing.assert_array_equal(plot["i(@d1[id])"], tran["@d1[id]"])
    assert plot.variables[plot.names.index("i(@d1[id])")].kind == "current"
    assert "i(@r1[i])" in read_raw(tmp_path / "a.raw")[0].names


def test_measures_and_prints_of_elements_currents():
    r, = run("m\nv1 a 0 sin(0 1 1k)\nr1 a b 1k\nr2 b 0 1k\n.tran 1u 1m\n.save v(b)\n"
             ".meas tran top max i(r1)\n.meas tran high max @r2[p]\n")
    assert r.measures["top"] == pytest.approx(5e-4, rel=1e-4)
    assert r.measures["high"] == pytest.approx(2.5e-4, rel=1e-4)
    r, = run("m\nv1 a 0 sin(0 1 1k)\nr1 a b 1k\nr2 b 0 1k\n.tran 1u 1m\n.save v(b)\n")
    with pytest.raises(ParameterError, match="not kept"):
        r["i(r1)"]


@pytest.mark.parametrize("method", ["trap", "gear"])
def test_a_start_from_initial_values_of_everything_at_once(method):
    # within the shortest instant the currents into charges are too large to settle
    r, = run(RICH + f".tran 5u 50u uic\n.options method={method}\n")
    assert (r["v(a)"] - r["v(b)"])[0] == pytest.approx(0.1, abs=1e-3)
    assert abs(r["i(l1)"][0]) < 1e-6
