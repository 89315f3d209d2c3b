"""How semiconductors take part in Newton's iteration, copies of elements, and what is refused."""

import itertools

import numpy as np
import pytest
from crossbarsim.netlists.elements import Element, Model
from crossbarsim.solvers.circuit.analyses.op import operating_point, prepare
from crossbarsim.solvers.circuit.analyses.transient import transient
from crossbarsim.solvers.circuit.elements.semiconductors.kernels.limiting import (
    fetlim,
    limvds,
    pnjlim,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from crossbarsim import Circuit, NetlistError, read_spice
from tests.helpers.bench import Bench, evaluate
from tests.helpers.cards import BIPOLAR, DIODE, EKV, GEOMETRY, JFET, JFET2, MOS, VDMOS, complement
from tests.helpers.decks import NM, PM, read

VT, CRITICAL = 0.02585, 0.6


def test_limit_of_a_junction():
    assert pnjlim(0.5, 0.4, VT, CRITICAL) == 0.5  # below the critical voltage
    assert pnjlim(0.72, 0.7, VT, CRITICAL) == 0.72  # a short step
    assert pnjlim(5.0, 0.7, VT, CRITICAL) == pytest.approx(0.7 + VT * (2 + np.log(4.3 / VT - 2)))
    assert pnjlim(5.0, -3.0, VT, CRITICAL) == pytest.approx(VT * np.log(5 / VT))
    assert pnjlim(0.65, 0.9, VT, CRITICAL) == pytest.approx(0.9 - VT * (2 + np.log(2 + 0.25 / VT)))
    assert pnjlim(-50.0, 0.7, VT, CRITICAL) == pytest.approx(-1.7)
    assert pnjlim(-50.0, -2.0, VT, CRITICAL) == pytest.approx(-5.0)


def test_limit_of_a_gate():
    assert fetlim(9.0, 0.0, 1.0) == 1.5  # turning on
    assert fetlim(1.2, 0.0, 1.0) == 1.2
    assert fetlim(-9.0, 0.0, 1.0) == -4.0  # off, going further
    assert fetlim(9.0, 2.0, 1.0) == 5.0  # near the threshold
    assert fetlim(-9.0, 2.0, 1.0) == 0.5
    assert fetlim(30.0, 6.0, 1.0) == 18.0  # far on
    assert fetlim(-3.0, 6.0, 1.0) == 3.0
    assert fetlim(5.5, 6.0, 1.0) == 5.5


def test_limit_of_a_drain():
    assert limvds(9.0, 0.0) == 4.0
    assert limvds(-9.0, 0.0) == -0.5
    assert limvds(30.0, 5.0) == 17.0
    assert limvds(0.0, 5.0) == 2.0
    assert limvds(4.0, 5.0) == 4.0


BENCHES = {
    "d": Bench("d", "ak", "d", **DIODE), "q": Bench("q", "cbes", "npn", **BIPOLAR), "j": Bench("j", "dgs", "pjf", **JFET),
    "j2": Bench("j", "dgs", "njf", 2, **JFET2),
    "m1": Bench("m", "dgsb", "nmos", 1, own=GEOMETRY, **MOS[1, "plain"]),
    "m2": Bench("m", "dgsb", "pmos", 2, own=GEOMETRY, **complement(MOS[2, "fast"])),
    "m3": Bench("m", "dgsb", "nmos", 3, own=GEOMETRY, **MOS[3, "fast"]),
    "ekv": Bench("m", "dgsb", "nmos", "ekv", own=GEOMETRY, **EKV),
    "vdmos": Bench("m", "dgs", "vdmosn", **VDMOS),
}


@pytest.fixture(scope="module")
def groups():
    found = {}
    for name, bench in BENCHES.items():
        system = bench.system()
        found[name] = system, next(g for g in system.groups if g.names == (f"{bench.letter}1",))
    return found


def where_limited(group, x):
    """Return unknowns at which the device has the voltages it was limited to."""
    at = x.copy()
    known = {0, -1}  # a terminal, and ground, against which states of its own are
    while len(known) <= group.wiring.terminals:
        before = len(known)
        for b, (p, n) in enumerate(group.wiring.branches):
            u = group.sign[0] * group.old[b, 0]
            of_p, of_n = (0.0 if k < 0 else at[group.at[k, 0]] for k in (p, n))
            if p in known and n not in known:
                at[group.at[n, 0]] = of_p - u
            elif n in known and p not in known:
                at[group.at[p, 0]] = of_n + u
            else:
                continue
            known |= {p, n}
        assert len(known) > before, "branches that hang together with no terminal"
    return at


@pytest.mark.parametrize("name", BENCHES)
@settings(max_examples=10, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1))
def test_limited_values_lie_on_the_tangent(name, groups, seed):
    system, group = groups[name]
    rng = np.random.default_rng(seed)
    x = np.append(rng.uniform(-10, 10, system.size), 0.0)
    group.start()
    now = system.instant()
    start = evaluate(group, x, now.but(initialise=True))
    assert group.limited.all()
    assert np.isfinite(start[0]).all()
    f, q, G, _ = evaluate(group, x, now)
    if BENCHES[name].letter != "q":  # the tangent at the limited voltages, read at x
        at = where_limited(group, x)
        there, moved, slopes, farads = evaluate(group, at, now.but(limit=False))
        step = (x - at)[:-1]
        assert np.abs(f - there - slopes @ step).max() < 1e-10 * np.abs(f).max() + 1e-25
        assert np.abs(q - moved - farads @ step).max() < 1e-10 * np.abs(q).max() + 1e-30
        assert np.abs(G - slopes).max() < 1e-10 * np.abs(G).max()
    x = np.append(rng.uniform(-0.7, 0.7, system.size), 0.0)
    for _ in range(300):  # the limited voltages get there
        evaluate(group, x, now)
        if not group.limited.any():
            break
    assert not group.limited.any()
    free = evaluate(group, x, now.but(limit=False))
    there = evaluate(group, x, now)
    for a, b in zip(free, there, strict=True):
        assert np.allclose(a, b, rtol=1e-9, atol=1e-12 * np.abs(a).max())


def test_refused_steps_go_back(groups):
    system, group = groups["m1"]
    x = np.zeros(system.size + 1)
    group.start()
    now = system.instant()
    for _ in range(5):
        evaluate(group, x, now)
    group.accept(x, now)
    kept = group.old.copy()
    x[system.nodes["g"]] = 5.0
    evaluate(group, x, now)
    assert not np.array_equal(group.old, kept)
    group.rewind()
    assert np.array_equal(group.old, kept)
    evaluate(group, x, now.but(limit=False))  # a look leaves no trace
    assert np.array_equal(group.old, kept)


def test_path_of_meyers_charges():
    # in strong inversion with the bulk at the source, the gate's charge is a function of the
    # voltages and returns, up to the steps' error; those of drain and source do not
    bench = Bench("m", "dgsb", "nmos", 1, own=GEOMETRY, **{**MOS[1, "plain"], "rsh": 0.0, "cj": 0.0, "cjsw": 0.0})
    system = bench.system()
    group = next(g for g in system.groups if g.names == ("m1",))
    now = system.instant(limit=False, mode="tran")
    nodes = [system.nodes[t] for t in "dgsb"]
    corners = np.array([[0.2, 2.0], [0.2, 3.0], [2.5, 3.0], [2.5, 2.0], [0.2, 2.0]])
    size, left = group.p[5, 0], []
    for count in (50, 500):
        x = np.zeros(system.size + 1)
        x[nodes[:2]] = corners[0]
        group.start()
        group.accept(x, now)
        first = evaluate(group, x, now)[1]
        for a, b in itertools.pairwise(corners):
            for share in np.linspace(0, 1, count + 1)[1:]:
                x[nodes[:2]] = a + share * (b - a)
                q = evaluate(group, x, now)[1]
                assert abs(q.sum()) < 1e-12 * np.abs(q).max()
                group.accept(x, now)
        left.append((q - first)[nodes] / size)
    assert abs(left[1][1]) < 0.02 * abs(left[0][1])
    assert abs(left[1][1]) < 1e-5
    assert abs(left[1][0]) > 0.01


@pytest.mark.parametrize("name", BENCHES)
def test_many_elements_are_evaluated_as_each_alone(name):
    bench = BENCHES[name]
    rng = np.random.default_rng(7)
    rows = rng.uniform(-1, 1, (5, len(bench.terminals)))
    c = Circuit()
    c.models["mod"] = Model("mod", bench.kind, bench.level, dict(bench.card))
    for k, row in enumerate(rows):
        nodes = [f"n{k}{t}" for t in bench.terminals]
        for node, v in zip(nodes, row, strict=True):
            c.V(node, node, 0, float(v))
        c.add(Element(bench.letter.upper(), f"{bench.letter}{k}", tuple(nodes), 0.0, model="mod", parameters=tuple(bench.own.items())))
    r = operating_point(c.options(reltol=1e-9, abstol=1e-15, vntol=1e-12))
    for k, row in enumerate(rows):
        alone = operating_point(bench.circuit(**dict(zip(bench.terminals, map(float, row), strict=True))).options(
            reltol=1e-9, abstol=1e-15, vntol=1e-12, gmin=1e-12))
        for t in bench.terminals:
            assert r[f"i(vn{k}{t})"] == pytest.approx(alone[f"i(v{t})"], rel=1e-6, abs=1e-13)


@pytest.mark.parametrize("name", ["d", "q", "j", "j2", "m1", "m3", "ekv", "vdmos"])
def test_m_means_parallel(name):
    bench = BENCHES[name]
    row = {t: v * (-1 if bench.kind == "pjf" else 1) for t, v in zip(bench.terminals, (0.6, 0.7, 0.0, -0.2), strict=False)}
    tight = {"reltol": 1e-9, "abstol": 1e-15, "vntol": 1e-12, "gmin": 0.0}
    bench_m = Bench(bench.letter, bench.terminals, bench.kind, bench.level, own={**bench.own, "m": 3.0}, **bench.card)
    three, one = (operating_point(b.circuit(**row).options(**tight)) for b in (bench_m, bench))
    for t in bench.terminals:
        assert three[f"i(v{t})"] == pytest.approx(3 * one[f"i(v{t})"], rel=1e-6, abs=1e-13)


def test_off_selects_the_state_of_a_latch():
    latch = f"""latch
vdd vdd 0 3
m1 a b 0 0 nm w=2u l=1u {{left}}
m2 a b vdd vdd pm w=4u l=1u
m3 b a 0 0 nm w=2u l=1u {{right}}
m4 b a vdd vdd pm w=4u l=1u
.model nm {NM}
.model pm {PM}
.op"""
    left, right = (operating_point(read(latch.format(left=a, right=b))) for a, b in (("off", ""), ("", "off")))
    for r in (left, right):
        assert {round(r["v(a)"], 3), round(r["v(b)"], 3)} <= {0.0, 3.0} or abs(r["v(a)"] - r["v(b)"]) < 1e-3


def test_steps_of_a_transient_conserve_the_gates_charge():
    # a floating gate between two capacitors of transistors keeps its charge
    text = f"""floating gate
vin in 0 pulse(0 3 1n 1n 1n 3n 10n)
c1 in g 20f
m1 d g 0 0 nm w=10u l=2u
vd d 0 1.5
r1 g 0 1e15
.model nm {NM}
.options reltol=1e-6 abstol=1e-16 vntol=1e-10 chgtol=1e-20
.tran 10p 9n 0 10p"""
    circuit = read(text)
    r = transient(circuit, circuit.analyses[0])
    assert abs(r["v(g)"][-1] - r["v(g)"][0]) < 2e-4
    assert r["v(g)"].max() > 0.8


@pytest.mark.parametrize(("line", "card", "message"), [
    ("D d1 a 0", ("d", 1, {"n": -1.0}), "`n` must be > 0"),
    ("D d1 a 0", ("d", 1, {"fc": 1.0}), r"`fc` must be in \[0, 1\)"),
    ("D d1 a 0", ("d", 1, {"vjj": 1.0}), "no parameter 'vjj'; did you mean 'vj'"),
    ("D d1 a 0", ("d", 1, {"is": float("nan")}), "finite"),
    ("Q q1 a a 0", ("npn", 1, {"xcjc": 2.0}), "xcjc"),
    ("Q q1 a a 0", ("npn", 1, {"bf": 0.0}), "bf"),
    ("J j1 a a 0", ("njf", 1, {"vto": 2.0}), "`vto` must be below `pb`"),
    ("J j1 a a 0", ("njf", 2, {"vto": 2.0}), "`vto` must be below `vbi`"),
    ("J j1 a a 0", ("njf", 2, {"xi": 0.0}), "`xi` must be > 0"),
    ("M m1 a a 0 0", ("nmos", 1, {"phi": 0.0}), "phi"),
    ("M m1 a a 0 0", ("nmos", 1, {"tox": 1e-8, "nsub": 1e9}), "intrinsic"),
    ("M m1 a a 0 0", ("nmos", 3, {"xd": 1e-6}), "xd"),
    ("M m1 a a 0 0", ("nmos", 2, {"ld": 1e-4}), "`l` less twice `ld`"),
    ("M m1 a a 0 0", ("nmos", 7, {}), "there are levels"),
    ("M m1 a a 0 0", ("nmos", "ekv", {"n0": 0.5}), "n0"),
    ("M m1 a a 0 0", ("nmos", "ekv", {"kf": 1e-25}), "cox"),
    ("M m1 a a 0 0", ("nmos", 1, {"mj": 1.0}), "mj"),
    ("M m1 a a 0", ("vdmosn", 1, {"ksubthres": 0.0}), "`ksubthres` must be > 0"),
    ("M m1 a a 0", ("vdmosp", 1, {"cgdmax": -1e-9}), "cgdmax"),
])
def test_what_is_refused(line, card, message):
    kind, name, *nodes = line.split()
    c = Circuit().V(1, "a", 0, 1.0)
    c.models["x"] = Model("x", *card, where=("deck.cir", 7))
    c.add(Element(kind, name, tuple(nodes), 0.0, model="x", where=("deck.cir", 3)))
    with pytest.raises(NetlistError, match=message) as caught:
        prepare(c)
    assert "deck.cir" in str(caught.value)


def test_ngspices_slips_on_request():
    text = "area\nv1 b 0 .7\nv2 c 0 0\nq1 c b 0 qm area=2\n.model qm npn\n.op\n.end\n"
    plain, asked = (operating_point(read_spice(text, compat=compat)) for compat in ("", "ngspice"))
    assert plain["i(v2)"] == pytest.approx(0.5 * asked["i(v2)"] * 2 / 3, rel=1e-3)


def test_unknown_parameter_of_an_element():
    c = Circuit().V(1, "a", 0, 1.0)
    c.models["x"] = Model("x", "d", 1, {})
    c.add(Element("D", "d1", ("a", "0"), 0.0, model="x", parameters=(("width", 1.0),)))
    with pytest.raises(NetlistError, match="no parameter 'width'"):
        prepare(c)


def test_temperatures_of_elements():
    c = Circuit().V(1, "a", 0, 0.6)
    c.models["x"] = Model("x", "d", 1, {})
    for name, own in (("d1", ()), ("d2", (("temp", 60.0),)), ("d3", (("dtemp", 33.0),))):
        c.add(Element("D", name, ("a", "0"), 0.0, model="x", parameters=own))
    r = operating_point(c)
    assert r["@d2[id]"] > 5 * r["@d1[id]"]
    assert r["@d3[id]"] == pytest.approx(r["@d2[id]"], rel=1e-9)
    assert r["i(v1)"] == pytest.approx(-r["@d1[id]"] - r["@d2[id]"] - r["@d3[id]"], rel=1e-9)
