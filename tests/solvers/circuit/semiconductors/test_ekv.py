"""EKV transistors: against the access transistor of 1T1R cells, ngspice and the model's symmetries."""

import numpy as np
import pytest
from crossbarsim.solvers.circuit.analyses.transient import transient

from crossbarsim.devices.cells.transistors import EKV
from tests.helpers.bench import Bench, evaluate, needs_ngspice, ngspice
from tests.helpers.cards import EKV as FULL
from tests.helpers.cards import EKV_LONG
from tests.helpers.decks import read

SIZE = {"w": 4e-6, "l": 1e-6}
VT = 1.38064852e-23 / 1.6021766208e-19 * 300.15


def currents(bench, rows, gmin=0.0):
    """Return drain currents without junctions at (d, g, s, b) rows."""
    bench.card = {**bench.card, "is": 1e-30}
    system = bench.system()
    group = next(g for g in system.groups if g.names == ("m1",))
    now = system.instant(limit=False).but(gmin=gmin)
    found = []
    for row in rows:
        x = np.zeros(system.size + 1)
        x[:4] = row
        found.append(evaluate(group, x, now)[0][0])
    return np.array(found)


def test_long_channel_is_the_access_transistor():
    access = EKV(v_t0=0.45, k_p=3e-4, kappa=1 / 1.4, width=4e-6, length=1e-6, u_t=VT)
    bench = Bench("m", "dgsb", "nmos", "ekv", own=SIZE, **EKV_LONG)
    rng = np.random.default_rng(1)
    rows = np.column_stack([rng.uniform(0, 2, 50), rng.uniform(-0.5, 2, 50), rng.uniform(0, 2, 50), np.zeros(50)])
    expected = access.current(rows[:, 0], rows[:, 2], rows[:, 1])
    assert np.allclose(currents(bench, rows), expected, rtol=1e-9, atol=1e-25)


@needs_ngspice
@pytest.mark.parametrize("celsius", [27.0, 100.0])
def test_currents_against_a_behavioural_source(celsius, tmp_path):
    # the published equations, written as a B source
    gamma, kp, theta, lam = FULL["gamma"], FULL["kp"], FULL["theta"], FULL["lambda"]
    kelvin, nominal = celsius + 273.15, 300.15
    vt = VT / 300.15 * kelvin
    ratio = kelvin / nominal

    def gap(t):
        return 1.16 - 7.02e-4 * t * t / (t + 1108)

    phi = FULL["phi"] * ratio - 3 * vt * np.log(ratio) - gap(nominal) * ratio + gap(kelvin)
    vto = FULL["vto"] - FULL["tcv"] * (kelvin - nominal)
    beta = kp * ratio**-1.5 * 4
    phi = float(phi)
    text = f"""vd d 0 1
vg g 0 1
vs s 0 0.1
bv vgp 0 v=v(g)-{vto!r}+{phi!r}+{gamma!r}*sqrt({phi!r})
bp vp 0 v=v(vgp)>0 ? v(vgp)-{phi!r}-{gamma!r}*(sqrt(v(vgp)+{(gamma / 2) ** 2!r})-{gamma / 2!r}) : -{phi!r}
bn n 0 v=1+{gamma!r}/(2*sqrt(v(vp)+{phi!r}+{4 * vt!r}))
bf f 0 v=ln(1+exp((v(vp)-v(s))/{2 * vt!r}))^2-ln(1+exp((v(vp)-v(d))/{2 * vt!r}))^2
bi d 0 i=2*v(n)*{beta!r}*{vt * vt!r}*v(f)*(1+{lam!r}*abs(v(d)-v(s)))/(1+{theta!r}*max(v(vp),0))"""
    got = ngspice(tmp_path, text + "\n.options reltol=1e-10 vntol=1e-13 abstol=1e-17",
                  ["dc vd 0.05 2.05 0.25 vg -0.2 1.8 0.2"], ["v(d)", "v(g)", "i(vd)"])
    vd, vg, i = got[:, -3], got[:, -2], -got[:, -1]
    bench = Bench("m", "dgsb", "nmos", "ekv", own=SIZE, celsius=celsius, **{**FULL, "rsh": 0.0})
    ours = currents(bench, np.column_stack([vd, vg, np.full_like(vd, 0.1), np.zeros_like(vd)]))
    assert np.abs(ours - i).max() < 1e-7 * np.abs(i).max()
    assert np.allclose(ours, i, rtol=1e-5, atol=1e-14)


def charges(bench, row):
    system = bench.system()
    group = next(g for g in system.groups if g.names == ("m1",))
    x = np.zeros(system.size + 1)
    x[:4] = row
    _, q, _, C = evaluate(group, x, system.instant(limit=False))
    return q[:4], C[:4, :4]


def long_channel(kind="nmos", **changes):
    card = {**EKV_LONG, **changes}
    if kind == "pmos":
        card["vto"] = -card["vto"]
    return Bench("m", "dgsb", kind, "ekv", own=SIZE, **card)


def test_charges_of_the_channel():
    cox = 5e-3 * 4e-12
    q, C = charges(long_channel(), (0.0, 3.0, 0.0, 0.0))  # strong inversion, vds = 0
    assert q[0] == pytest.approx(q[2], rel=1e-12)
    assert C[1, 1] == pytest.approx(cox, rel=0.02)
    # reciprocal at vds = 0, and 1/2 of the oxide at each end
    assert C[1, 0] == pytest.approx(C[0, 1], rel=1e-9)
    assert -C[1, 0] == pytest.approx(0.5 * cox, rel=0.03)
    saturated = charges(long_channel(), (3.0, 3.0, 0.0, 0.0))
    assert -saturated[1][1, 2] == pytest.approx(2 / 3 * cox, rel=0.03)
    assert abs(saturated[1][1, 0]) < 0.02 * cox
    # 40:60 partition of the charge, Ward and Dutton
    assert saturated[0][0] / (saturated[0][0] + saturated[0][2]) == pytest.approx(0.4, abs=0.005)
    off = charges(long_channel(), (0.5, -1.0, 0.0, 0.0))[1]
    assert off[1, 1] == pytest.approx((1 - 1 / 1.4) * cox, rel=1e-6)  # the depletion layer alone


@pytest.mark.parametrize("card", [EKV_LONG, {**FULL, "rsh": 0.0, "js": 0.0, "cj": 0.0, "cjsw": 0.0}], ids=["long", "full"])
def test_symmetry_and_conservation(card):
    bench = Bench("m", "dgsb", "nmos", "ekv", own=SIZE, **card)
    complement = Bench("m", "dgsb", "pmos", "ekv", own=SIZE, **{**card, "vto": -card["vto"]})
    rng = np.random.default_rng(3)
    for _ in range(20):
        d, g, s, b = row = rng.uniform(-1, 2, 4)
        row[3] = b = min(b, d, s)  # junctions off
        forward, backward = currents(bench, [row])[0], currents(bench, [(s, g, d, b)])[0]
        assert forward == pytest.approx(-backward, rel=1e-9, abs=1e-25)
        assert forward == pytest.approx(-currents(complement, [-row])[0], rel=1e-12, abs=1e-25)
        q, C = charges(bench, row)
        assert abs(q.sum()) < 1e-12 * np.abs(q).max()
        assert np.abs(C.sum(axis=0)).max() < 1e-12 * np.abs(C).max()
        assert np.abs(C.sum(axis=1)).max() < 1e-10 * np.abs(C).max()  # only differences count


def test_accumulation_joins_depletion():
    # V_G' = 0 is where the channel's depletion ends
    card = {k: FULL[k] for k in ("vto", "kp", "gamma", "phi", "cox")}
    bench = Bench("m", "dgsb", "nmos", "ekv", own=SIZE, **card)
    edge = card["vto"] - card["phi"] - card["gamma"] * np.sqrt(card["phi"])
    below, above = (charges(bench, (0.0, edge + step, 0.0, 0.0)) for step in (-1e-9, 1e-9))
    assert np.abs(below[0] - above[0]).max() < 1e-21
    assert below[1][1, 1] == pytest.approx(5e-3 * 4e-12, rel=1e-3)


def test_weak_inversion_slope_and_strong_inversion_limit():
    n = 1.4
    i = currents(long_channel(), [(1.0, vg, 0.0, 0.0) for vg in (-0.1, -0.1 + 0.01)])
    assert np.log(i[1] / i[0]) == pytest.approx(0.01 / (n * VT), rel=1e-3)
    (strong,) = currents(long_channel(), [(3.0, 2.45, 0.0, 0.0)])
    assert strong == pytest.approx(3e-4 * 4 / (2 * n) * 2.0**2, rel=0.01)


def test_charge_is_conserved_through_a_pass_transistor():
    # two capacitors share their charge while the gate is on; when it is off again, all of the
    # channel's charge has come back
    text = """pass transistor
vg g 0 pulse(-1 3 10n 5n 5n 60n 400n)
m1 a g b 0 em w=10u l=1u
c1 a 0 200f
c2 b 0 100f
.model em nmos level=ekv vto=.5 gamma=.6 phi=.8 kp=200u cox=5m is=1e-30
.ic v(a)=1 v(b)=0
.options reltol=1e-6 abstol=1e-16 vntol=1e-9 chgtol=1e-21 gmin=1e-18
.tran 1n 120n 0 .2n"""
    circuit = read(text)
    r = transient(circuit, circuit.analyses[0])
    charge = 200e-15 * r["v(a)"] + 100e-15 * r["v(b)"]
    assert r["v(a)"][-1] == pytest.approx(2 / 3, abs=0.02)
    assert abs(charge[-1] - charge[0]) < 1e-4 * charge[0]
    assert np.abs(charge - charge[0]).max() > 0.05 * charge[0]  # while it is on


def test_noise_of_the_channel():
    # 4kT mu |Q| / L^2: 2qI (1 + e^(-vds/Ut)) / ... in weak inversion: shot noise of the forward
    # and the reverse current; in saturated strong inversion 4kT 2/3 n gms
    bench = long_channel()
    system = bench.system()
    group = next(g for g in system.groups if g.names == ("m1",))
    now = system.instant(limit=False)

    def thermal(row):
        x = np.zeros(system.size + 1)
        x[:4] = row
        (source,) = [s for s in group.noise(x, now) if s.kind == "id"]
        return source.white, group.quantities(x, now)

    white, told = thermal((1.0, 0.05, 0.0, 0.0))
    assert white == pytest.approx(2 * 1.6021766208e-19 * told["id"][0], rel=1e-2)
    white, _ = thermal((0.0, 0.05, 0.0, 0.0))
    _, near = thermal((1e-6, 0.05, 0.0, 0.0))
    assert white == pytest.approx(4 * 1.38064852e-23 * 300.15 * near["id"][0] / 1e-6, rel=1e-3)
    white, told = thermal((3.0, 3.0, 0.0, 0.0))
    gms = 1.4 * told["gm"][0]
    assert white == pytest.approx(4 * 1.38064852e-23 * 300.15 * 2 / 3 * gms, rel=0.05)
