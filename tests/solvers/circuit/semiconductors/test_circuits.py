"""Circuits of semiconductors against ngspice: operating points, transfer curves, transients.

Transients are compared at small steps, where both have converged: at twice the step, the
difference is four times as large, in both the same method's error.
"""

import numpy as np
import pytest
from crossbarsim.solvers.circuit.analyses.ac import ac
from crossbarsim.solvers.circuit.analyses.dc import dc_sweep
from crossbarsim.solvers.circuit.analyses.op import operating_point
from crossbarsim.solvers.circuit.analyses.transient import transient
from scipy.integrate import quad

from tests.helpers.bench import needs_ngspice
from tests.helpers.decks import NM, NM2, NM3, NPN, PM, PM2, PM3, TIGHT, read, reference

pytestmark = needs_ngspice


def ring(stages, n, p, tran):
    lines = ["ring oscillator", "vdd vdd 0 3"]
    for k in range(stages):
        before = (k - 1) % stages
        lines += [f"mp{k} n{k} n{before} vdd vdd pm w=4u l=1u", f"mn{k} n{k} n{before} 0 0 nm w=2u l=1u", f"c{k} n{k} 0 10f"]
    return "\n".join([*lines, f".model nm {n}", f".model pm {p}", ".ic v(n0)=0 v(n1)=3 v(n2)=0", TIGHT, tran])


TRANSIENTS = {
    "rectifier": (f"""rectifier
v1 in 0 sin(0 10 1k)
r1 in a 50
d1 a out dmod
c1 out 0 2u
rl out 0 2k
.model dmod d(is=1e-12 rs=2 n=1.3 cjo=20p tt=50n bv=40)
{TIGHT}
.tran 1u .7m 0 1u""", ("v(out)", "v(a)"), 2e-4),
    "zener": (f"""zener clamp
v1 in 0 sin(0 20 1k)
r1 in a 500
d1 0 a dmod
.model dmod d(is=1e-13 rs=2 cjo=100p bv=5.1 ibv=1m)
{TIGHT}
.tran .5u 1.1m 0 .5u""", ("v(a)",), 1e-3),
    "switch": (f"""saturated switch
vcc vcc 0 5
vin in 0 pulse(0 3 10n 1n 1n 50n 200n)
rb in b 2k
rc vcc c 1k
q1 c b 0 qm
cl c 0 2p
.model qm {NPN}
{TIGHT}
.tran 1n 150n 0 .05n""", ("v(c)", "v(b)"), 1e-3),
    "inverter": (f"""cmos inverter
vdd vdd 0 3
vin in 0 pulse(0 3 1n .2n .2n 3n 10n)
mp out in vdd vdd pm w=4u l=1u ad=8p as=8p pd=12u ps=12u
mn out in 0 0 nm w=2u l=1u ad=4p as=4p pd=8u ps=8u
cl out 0 20f
.model nm {NM}
.model pm {PM}
{TIGHT}
.tran 10p 6n 0 2p""", ("v(out)",), 6e-4),
    "follower": (f"""jfet source follower
vdd vdd 0 10
vin in 0 pulse(0 2 5n 1n 1n 20n 60n)
rg in g 1k
j1 vdd g s jm
rs s 0 1k
cl s 0 5p
.model jm njf(vto=-2 beta=2m lambda=.01 rd=10 rs=10 cgs=2p cgd=1p is=1e-14)
{TIGHT}
.tran .1n 60n 0 .05n""", ("v(s)", "v(g)"), 2e-4),
    "ring 1": (ring(3, NM, PM, ".tran 10p 1.5n 0 1p"), ("v(n0)", "v(n2)"), 1e-3),
    "ring 2": (ring(3, NM2, PM2, ".tran 10p 1.5n 0 1p"), ("v(n0)", "v(n2)"), 1e-3),
    "ring 3": (ring(3, NM3, PM3, ".tran 10p 1.5n 0 1p"), ("v(n0)", "v(n2)"), 1e-3),
}


@pytest.mark.parametrize("name", TRANSIENTS)
def test_transient(name, tmp_path):
    text, names, tolerance = TRANSIENTS[name]
    time, theirs = reference(tmp_path, text, names)
    circuit = read(text)
    ours = transient(circuit, circuit.analyses[0])
    for k, query in enumerate(names):
        difference = np.interp(time, ours.time, ours[query]) - theirs[:, k]
        swing = np.ptp(theirs[:, k])
        assert np.abs(difference).max() < tolerance * swing
        assert swing > 0.5


def test_transient_of_excess_phase():
    # a step through the filter: no current at first, all of it after a few delays
    text = """excess phase
vc c 0 3
vb b 0 pulse(.5 .7 1n 1p 1p 1u 2u)
q1 c b 0 qm
.model qm npn(is=1e-15 bf=100 tf=.1n ptf=57.29577951)
.options reltol=1e-6 abstol=1e-15 vntol=1e-9
.tran 1p 2.5n 0 2p"""
    circuit = read(text)
    r = transient(circuit, circuit.analyses[0])
    i = -r["i(vc)"]
    final = i[-1]
    delay = 1e-10
    t = np.linspace(0.2e-10, 6e-10, 20)
    w = 3 / delay
    s = np.roots([1, w, w * w / 3])  # of y'' + 3 y'/td + 3 y/td^2 = 3 i/td^2
    answer = 1 + np.real((s[1] * np.exp(s[0] * t) - s[0] * np.exp(s[1] * t)) / (s[0] - s[1]))
    start = i[np.searchsorted(r.time, 0.9e-9)]
    ours = (np.interp(1.0005e-9 + t, r.time, i) - start) / (final - start)
    assert np.abs(ours - answer).max() < 5e-3
    assert final == pytest.approx(1e-15 * np.exp(0.7 / 0.02586495), rel=1e-3)


@pytest.mark.parametrize(("n", "p"), [(NM, PM), (NM2, PM2), (NM3, PM3)], ids=["1", "2", "3"])
def test_transfer_curve_of_an_inverter(n, p, tmp_path):
    text = f"""vtc
vdd vdd 0 3
vin in 0 0
mp out in vdd vdd pm w=4u l=1u
mn out in 0 0 nm w=2u l=1u
.model nm {n}
.model pm {p}
.options reltol=1e-8 abstol=1e-15 vntol=1e-10
.dc vin 0 3 .05"""
    _, theirs = reference(tmp_path, text, ["v(out)", "i(vdd)"])
    circuit = read(text)
    ours = dc_sweep(circuit, circuit.analyses[0])
    assert np.abs(ours["v(out)"] - theirs[:, 0]).max() < 1e-6
    assert np.abs(ours["i(vdd)"] - theirs[:, 1]).max() < 1e-6 * np.abs(theirs[:, 1]).max()
    assert theirs[0, 0] > 2.9
    assert theirs[-1, 0] < 0.1


POINTS = {
    "amplifier": f"""common emitter
vcc vcc 0 12
vin in 0 dc 0 ac 1
cin in b 10u
r1 vcc b 47k
r2 b 0 10k
rc vcc c 2.2k
re e 0 470
ce e 0 100u
q1 c b e qm
.model qm {NPN}""",
    "mirror": """pnp mirror
vcc vcc 0 5
i1 a 0 1m
q1 a a vcc qp
q2 out a vcc qp 2
rl out 0 1k
.model qp pnp(is=1e-15 bf=50 vaf=40 rb=100)""",
    "mos mirror": f"""cascoded mirror
vdd vdd 0 5
i1 vdd a 50u
m1 a a b 0 nm w=10u l=2u
m2 b b 0 0 nm w=10u l=2u
m3 out a c 0 nm w=20u l=2u
m4 c b 0 0 nm w=20u l=2u
rl vdd out 10k
.model nm {NM}""",
    "differential": f"""differential pair
vdd vdd 0 5
vp p 0 2.51
vn n 0 2.5
m1 a p t 0 nm w=10u l=1u
m2 out n t 0 nm w=10u l=1u
m3 a a vdd vdd pm w=20u l=1u
m4 out a vdd vdd pm w=20u l=1u
it t 0 100u
.model nm {NM3}
.model pm {PM3}""",
    "bandgap": """two diodes and a current source
vcc vcc 0 5
i1 0 a 100u
i2 0 b 100u
d1 a 0 dm area=1
d2 b 0 dm area=8
.model dm d(is=1e-14 n=1.02 rs=1)
.temp 85""",
    "two transistors latched": """scr
vcc vcc 0 5
r1 vcc a 1k
q1 b g a qp
q2 g b 0 qn
r2 b 0 10k
r3 g a 10k
.model qp pnp(is=1e-15 bf=20)
.model qn npn(is=1e-15 bf=80)""",
}


@pytest.mark.parametrize("name", POINTS)
def test_operating_point(name, tmp_path):
    text = POINTS[name] + "\n.options reltol=1e-9 abstol=1e-15 vntol=1e-10\n.op"
    circuit = read(text)
    ours = operating_point(circuit)
    names = [f"v({n})" for n in circuit.nodes]
    _, theirs = reference(tmp_path, text, names)
    found = np.array([ours[n] for n in names])
    # wrdata repeats the first column as the scale
    assert np.abs(found - theirs[0]).max() < 2e-7


def test_amplification(tmp_path):
    text = POINTS["amplifier"] + "\n.options reltol=1e-9 abstol=1e-15 vntol=1e-10\n.ac dec 3 10 1g"
    circuit = read(text)
    ours = ac(circuit, circuit.analyses[0])
    _, theirs = reference(tmp_path, text, ["v(c)"])
    answer = theirs[:, 0] + 1j * theirs[:, 1] if theirs.shape[1] == 2 else theirs[:, 1] + 1j * theirs[:, 2]
    assert np.abs(ours["v(c)"] - answer).max() < 1e-6 * np.abs(answer).max()
    assert np.abs(answer).max() > 50


def test_initial_voltage_of_a_diode():
    # ngspice 39 reads a diode's ic and does not use it
    circuit = read("discharge\nr1 a 0 1k\nd1 a 0 dm ic=-2\n.model dm d(cjo=1n vj=.7 m=.4 is=1e-18)\n"
                   ".options reltol=1e-6\n.tran 10n 2u 0 4n uic")
    ours = transient(circuit, circuit.analyses[0])
    assert ours["v(a)"][0] == pytest.approx(-2.0, abs=1e-6)
    t = 1e3 * quad(lambda v: 1e-9 * (1 + v / 0.7) ** -0.4 / v, 1.0, 2.0)[0]
    assert np.interp(t, ours.time, ours["v(a)"]) == pytest.approx(-1.0, rel=1e-4)


@pytest.mark.parametrize(("device", "start"), [
    ("q1 0 a 0 qm ic=-1,0\n.model qm npn(cje=1n cjc=1n)", -1.0),
    ("j1 0 a 0 jm ic=0,-1.5\n.model jm njf(cgs=1n cgd=1n)", -1.5),
    ("m1 0 a 0 0 mm w=1m l=100u ic=0,2,0\n.model mm nmos vto=5 tox=20n cgso=100n cgdo=100n cgbo=1u", 2.0),
])
def test_initial_voltages(device, start, tmp_path):
    text = f"discharge\nr1 a 0 1k\n{device}\n.options reltol=1e-6 abstol=1e-14 vntol=1e-9\n.tran 10n 2u 0 4n uic"
    time, theirs = reference(tmp_path, text, ["v(a)"])
    circuit = read(text)
    ours = transient(circuit, circuit.analyses[0])
    assert ours["v(a)"][1] == pytest.approx(start, rel=0.02)
    late = time > 2e-8
    assert np.abs(np.interp(time, ours.time, ours["v(a)"]) - theirs[:, 0])[late].max() < 3e-3 * abs(start)


@pytest.mark.parametrize("text", [
    "i1 0 a dc 1m ac 1\nd1 a 0 mod\n.model mod d is=1e-12 n=1.3 rs=3 cjo=1p kf=1e-14 af=1.2\n.noise v(a) i1 dec 2 10 1g 1",
    f"vc vc 0 5\nvb b 0 dc .75 ac 1\nrc vc c 1k\nq1 c b 0 mod\n.model mod {NPN[:-1]} kf=1e-13 af=1.1)\n.noise v(c) vb dec 2 10 1g 1",
    "vc vc 0 5\nvb b 0 dc -.5 ac 1\nrc vc c 500\nj1 c b 0 mod\n.model mod njf beta=3m rd=20 rs=12 cgs=2p kf=1e-14 af=1.1\n.noise v(c) vb dec 2 10 1g 1",
    f"vc vc 0 5\nvb b 0 dc 2 ac 1\nrc vc c 5k\nm1 c b 0 0 mod w=10u l=1u m=2\n.model mod {NM} rd=50 rs=50 kf=1e-26 af=1.1\n.noise v(c) vb dec 2 10 1g 1",
], ids=["diode", "bipolar", "jfet", "mos"])
def test_noise(text, tmp_path):
    from crossbarsim.solvers.circuit.analyses.noise import noise

    text = f"noise\n{text}\n.temp 60\n.options reltol=1e-8"
    columns = "onoise_spectrum"
    control = text.replace("\n.temp", "\n.control\nset numdgt=12\nset wr_singlescale\nrun\nsetplot noise1\n"
                           f"wrdata out {columns}\n.endc\n.temp")
    (tmp_path / "deck.cir").write_text(control + "\n.end\n")
    import subprocess

    subprocess.run(["ngspice", "-b", "deck.cir"], cwd=tmp_path, capture_output=True, check=False, timeout=60)
    theirs = np.loadtxt(next(iter(tmp_path.glob("out*"))))[:, 1]
    circuit = read(text)
    ours = noise(circuit, circuit.analyses[0])["onoise_spectrum"]
    assert np.allclose(ours, theirs, rtol=1e-6)
