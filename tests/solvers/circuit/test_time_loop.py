"""Steps taken many in one call against the same steps taken one by one."""

import numpy as np
import pytest
from crossbarsim.netlists import read_spice
from crossbarsim.solvers.circuit.elements.semiconductors import device
from crossbarsim.solvers.circuit.time_loop import state
from crossbarsim.solvers.circuit.time_loop.loop import TimeLoop

from crossbarsim import Solver
from crossbarsim.core.errors import ConvergenceError

WAVES = {
    "dc": "1", "pulse": "pulse(0 1 1u 0.1u 0.2u 1u 4u)", "one pulse": "pulse(0 1 1u 0.1u 0.2u 1u)",
    "counted": "pulse(1 -1 0 0.1u 0.2u 1u 3u 3)", "sine": "sin(0.1 1 200k 1u 1e4 30)",
    "pwl": "pwl(0 0 1u 1 1u 0.5 3u -1)", "repeated": "pwl(0 0 1u 1 2u 0) r=0",
    "exp": "exp(0 1 1u 0.3u 5u 1u)", "sffm": "sffm(0 1 200k 2 50k)",  # Python's
}
LAWS = {
    "current": "b1 b 0 i={1e-3*v(b)**3 + 1e-4*time*1e6}", "voltage": "b1 c 0 v={tanh(v(b))}\nr2 c b 1k",
    "charge": "c2 b 0 q={1n*v(b) + 0.2n*v(b)**2}", "capacitance": "c2 b 0 c={1n*(1 + v(b)**2)}",
    "inductance": "l2 b c l={1m*(1 + 1e3*i(l2)**2)}\nr2 c 0 100", "ddt": "b1 c 0 v={1u*ddt(v(b))}\nr2 c 0 1k",
    "idt": "b1 c 0 v={1meg*idt(v(b), 0.3)}\nr2 c 0 1k", "resistance": "r2 b 0 r={1k + 500*v(b)**2}",
    "conductance": "g1 b 0 value={u(v(b))*v(b)*1m}", "two alike": "b1 b 0 i={1m*v(b)}\nb2 a 0 i={2m*v(a)}",
    "switched": "b1 b 0 i={v(b) > 0.3 ? 1m*(v(b)-0.3) : 0}", "temper": "b1 b 0 i={1e-5*temper*v(b)}",
    "pole": "b1 b 0 i={-0.1m*ln(0.301 - v(b))}",  # beyond which it has no value
}
BEFORE = "deck\nv1 a 0 {}\nr1 a b 1k\nc1 b 0 0.2n\n{}\n"
AFTER = ".tran 20n 12u\n.options {}\n.end\n"


def both(monkeypatch, text):
    """Return the results without and with the loop, and the loop."""
    made, whole = [], TimeLoop.of

    def of(run, rules):
        made.append(whole(run, rules))
        return made[-1]

    found = []
    for choice in (lambda *_: None, of):
        monkeypatch.setattr(TimeLoop, "of", choice)
        found.append(Solver().run(read_spice(text))[0])
    return *found, made[0]


def compare(one, many, rtol=1e-9):
    np.testing.assert_allclose(many.time, one.time, rtol=rtol)
    for name in one.names:
        size = np.abs(one[name]).max() + 1e-9
        np.testing.assert_allclose(many[name], one[name], atol=10 * rtol * size, rtol=0)
    assert (many.steps, many.rejected) == (one.steps, one.rejected)


@pytest.mark.parametrize("wave", WAVES.values(), ids=WAVES)
@pytest.mark.parametrize("source", ["v", "i"])
def test_waves(monkeypatch, wave, source):
    text = BEFORE.format(wave, "") + AFTER.format("reltol=1e-4")
    if source == "i":
        text = text.replace("v1 a 0", "i1 0 a").replace("r1 a b 1k", "r1 a b 1k\nr9 a 0 1 ; ")
    one, many, loop = both(monkeypatch, text)
    compare(one, many)
    assert loop._taken > 0.9 * one.steps


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_laws(monkeypatch, law):
    one, many, loop = both(
        monkeypatch, BEFORE.format("pulse(-0.5 1 1u 1u 1u 2u 6u)", law) + AFTER.format("reltol=1e-4")
    )
    compare(one, many, rtol=1e-6)
    assert loop._taken > 0.5 * one.steps


@pytest.mark.parametrize("options", [
    "method=trap", "method=gear", "method=gear maxord=1", "method=euler", "xmu=0.4", "maxord=1",
    "reltol=1e-6 trtol=1", "chgtol=1e-18 abstol=1e-15",
])
def test_options(monkeypatch, options):
    law = f"{LAWS['current']}\n{LAWS['charge']}\nl1 b d 1u\nr5 d 0 50"
    one, many, loop = both(monkeypatch, BEFORE.format(WAVES["sine"], law) + AFTER.format(options))
    compare(one, many, rtol=1e-6)
    assert loop._taken > 0.9 * one.steps


DEVICES = """devices
v1 a 0 sin(0 5 1k)
d1 a p d
d2 0 p d
r1 p 0 1k
c1 p 0 1u
vdd v 0 3
rb a b 10k  ; without it a junction of 2 V carries 1e17 A
q1 v b e n
re e 0 1k
m1 v p s s m w=10u l=1u
rs s 0 10k
.model d d is=1e-14 rs=1 cjo=10p tt=1n
.model n npn bf=100 cje=1p tf=1n
.model m nmos level=1 vto=0.7 kp=1e-4 cgso=1n cgdo=1n tox=20n
.tran 10u 3m
.end
"""


def test_devices(monkeypatch):
    one, many, loop = both(monkeypatch, DEVICES)
    assert loop._taken > 0.9 * one.steps
    assert many.steps == pytest.approx(one.steps, rel=0.02)
    for name in ("v(p)", "v(e)", "v(s)", "i(v1)"):
        again = np.interp(one.time, many.time, many[name])
        assert np.abs(again - one[name]).max() < 1e-3 * np.ptp(one[name])


def test_start_save_and_progress(monkeypatch):
    text = BEFORE.format(WAVES["sine"], LAWS["current"]) + (
        ".save v(b)\n.tran 20n 12u 3u\n.end\n"
    )
    one, many, _ = both(monkeypatch, text)
    assert many.names == one.names
    np.testing.assert_allclose(many.time, one.time, rtol=1e-9)
    np.testing.assert_allclose(many["v(b)"], one["v(b)"], atol=1e-9)
    assert many.time[0] == 3e-6
    shares = []
    Solver().transient(
        read_spice(text.replace(".tran 20n 12u 3u\n", "")), 12e-6, step=2e-8, progress=shares.append
    )
    assert shares[-1] == 1.0
    assert (np.diff(shares) > 0).all()
    assert len(shares) > 500


def test_corners_more_than_are_asked_for_at_once(monkeypatch):
    text = BEFORE.format("pulse(0 1 0 1n 1n 5n 20n)", "") + AFTER.format("reltol=1e-3")
    one, many, _ = both(monkeypatch, text)
    assert one.steps > 2400
    compare(one, many)


def test_what_cannot_settle_is_said(monkeypatch):
    text = "jump\nv1 a 0 1\nr1 a b 1k\nb1 b 0 i={v(b) > 0.4 ? 1 : -1}\nc1 b 0 1p ic=0\n.tran 1n 1u uic\n"
    messages = []
    for choice in (lambda *_: None, TimeLoop.of):
        monkeypatch.setattr(TimeLoop, "of", choice)
        with pytest.raises(ConvergenceError) as caught:
            Solver().run(read_spice(text + ".options delmin=1e-12\n.end\n"))
        messages.append(str(caught.value))
    assert all("time steps became too short" in m and "v(b)" in m for m in messages), messages


GROUPS = {
    "diode": "d1 b 0 d\nr2 b c 1k\nd2 c 0 d\n.model d d is=1e-14 rs=1 cjo=10p tt=1n bv=0.8",
    "bipolar": "q1 v b c n\nr2 c 0 1k\nq2 0 b e p\nr3 e v 1k\n"
        ".model n npn bf=100 cje=1p tf=1n vaf=50\n.model p pnp bf=50 cjc=1p",
    **{f"mos level {level}":
        f"m1 c b 0 0 n w=10u l=1u ad=20p as=20p\nm2 c b v v p w=20u l=1u\nc2 c 0 10f\n"
        f".model n nmos level={level} vto=0.3 {{}} tox=20n cgso=1n cgdo=1n cj=0.1m\n"
        f".model p pmos level={level} vto=-0.3 {{}} tox=20n cgdo=1n".replace(
            "{}", "kc=1e-4 kv=1 nv=0.5 nc=1" if level == 6 else "kp=1e-4 gamma=0.4")
       for level in (1, 2, 3, 6)},
    "ekv": "m1 c b 0 0 n w=10u l=1u\nr2 v c 10k\n.model n nmos level=44 vto=0.3",
    "jfet": "j1 c b 0 j\nr2 v c 1k\n.model j njf vto=-2 cgs=1p cgd=1p",
    "jfet of level 2": "j1 c b 0 j\nr2 v c 1k\n.model j njf level=2 vto=-2 cgs=1p cgd=1p taud=1u delta=0.1",
    "vdmos": "m1 c b 0 vd\nr2 v c 100\n.model vd vdmos vto=0.3 kp=1 cgdmax=1n cgdmin=0.1n cgs=0.2n cjo=1n",
    "memristor": "n1 b 0 mm\n.model mm vteam",
    "selector": "n1 b 0 mm x=0.5n\nd1 b 0 d\n.model d d\n.model mm vteam k_off=1 k_on=-10",
    "switch": "s1 v c b 0 sw\nr2 c 0 1k\n.model sw sw vt=0.4 vh=0.1 ron=10 roff=1meg",
    "switch with a ramp": "s1 v c b 0 sw\nr2 c 0 1k\n.model sw sw vt=0.4 vh=-0.2 ron=10 roff=1meg",
    "line": "t1 b 0 c 0 z0=300 td=0.3u\nr2 c 0 1k",
    "two lines": "t1 b 0 c 0 z0=300 td=0.3u\nt2 c 0 e 0 z0=100 td=0.17u\nr2 e 0 1k",
}


@pytest.mark.parametrize("elements", GROUPS.values(), ids=GROUPS)
def test_groups(monkeypatch, elements):
    """Kernels that the loop calls by their address, kept slopes included."""
    one, many, loop = both(
        monkeypatch, BEFORE.format("pulse(-1 1 1u 1u 1u 2u 6u)", f"vdd v 0 3\n{elements}") + (
            AFTER.format("reltol=1e-4")
        )
    )
    assert loop._compiled
    assert loop._taken > 0.95 * one.steps
    assert (many.steps, many.rejected) == (one.steps, one.rejected)
    for name in one.names:
        again = np.interp(one.time, many.time, many[name])
        assert np.abs(again - one[name]).max() < 1e-4 * (np.ptp(one[name]) + 1e-9), name


def test_slopes_are_kept_to_an_error_that_follows_reltol(monkeypatch):
    """Against the same loop in which every transistor is evaluated every time."""
    text = BEFORE.format("pulse(-1 1 1u 1u 1u 2u 6u)", "vdd v 0 3\n" + GROUPS["mos level 1"])
    worst = []
    for reltol in (1e-3, 1e-5):
        results = []
        for curved in (device._CURVED, 0.0):
            monkeypatch.setattr(device, "_CURVED", curved)
            results.append(Solver().run(read_spice(text + AFTER.format(f"reltol={reltol}")))[0])
        kept, all_ = results
        again = np.interp(all_.time, kept.time, kept["v(c)"])
        worst.append(np.abs(again - all_["v(c)"]).max() / np.ptp(all_["v(c)"]))
        assert worst[-1] < 0.05 * reltol
        monkeypatch.undo()


def test_a_line_keeps_more_points_than_it_has_room_for(monkeypatch):
    text = BEFORE.format(WAVES["sine"], GROUPS["line"]) + AFTER.format("reltol=1e-4")
    one, many, loop = both(monkeypatch, text)
    assert many.steps > 512
    line = next(g for g in loop._compiled if hasattr(g, "make_room"))
    assert len(line.times) > 512
    compare(one, many, rtol=1e-8)


def test_events_are_kept_when_python_takes_a_step_in_between(monkeypatch):
    """Steps of many iterations are Python's; switch and line go on from where they were."""
    text = BEFORE.format("pulse(-0.5 1 1u 1u 1u 2u 6u)", "vdd v 0 3\n" + (
        GROUPS["switch"] + "\nt1 c 0 e 0 z0=300 td=0.3u\nr7 e 0 1k\nd1 e 0 d\n.model d d"
    )) + AFTER.format("reltol=1e-4")
    whole = TimeLoop._put_constants

    def impatient(loop):
        whole(loop)
        loop.I[state.LIMIT] = 2

    monkeypatch.setattr(TimeLoop, "_put_constants", impatient)
    one, many, loop = both(monkeypatch, text)
    assert loop._asked > 10
    assert loop._taken > 0.2 * one.steps
    for name in one.names:
        again = np.interp(one.time, many.time, many[name])
        assert np.abs(again - one[name]).max() < 1e-3 * (np.ptp(one[name]) + 1e-9), name
