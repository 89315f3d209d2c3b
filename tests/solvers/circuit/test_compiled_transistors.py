"""Foundries' transistors from compiled libraries: inverters against ngspice's and VACASK's."""

import shutil
import subprocess

import numpy as np
import pytest
from crossbarsim.solvers.circuit.rawfile.reader import read_raw

from crossbarsim import Circuit, Simulator, load_osdi, read_spice
from tests.helpers.osdi import shipped
from tests.helpers.verilog_a import needs_openvaf, vacask

CARD = "toxe=2n vth0={sign}0.35 k1=0.5 k2=0 cgso=0.1n cgdo=0.1n"
TIGHT = "reltol=1e-6 abstol=1e-14 vntol=1e-9 chgtol=1e-18"


def chain(letter, stages, load=""):
    """Return the elements of a chain of inverters from a to b, c, d ..."""
    nodes = "abcdef"
    lines = [load]
    for k in range(stages):
        i, o = nodes[k], nodes[k + 1]
        lines += [f"{letter}p{k} {o} {i} vdd vdd pch w=2u l=0.1u", f"{letter}n{k} {o} {i} 0 0 nch w=1u l=0.1u",
                  f"C{k} {o} 0 2f"]
    return "\n".join(lines)


def crossings(time, volts, level):
    """Return when a voltage crosses a level."""
    k = np.flatnonzero(np.diff(np.sign(volts - level)))
    return time[k] + (level - volts[k]) / (volts[k + 1] - volts[k]) * (time[k + 1] - time[k])


@pytest.fixture
def ngspice(tmp_path):
    if shutil.which("ngspice") is None:
        pytest.skip("ngspice is not installed")

    def run(deck, outputs, before=""):
        (tmp_path / "deck.cir").write_text(
            f"{deck}.control\nset filetype=binary\nrun\n{before}\nwrite out.raw {outputs}\n.endc\n.end\n", encoding="utf-8")
        subprocess.run(["ngspice", "-b", "deck.cir"], cwd=tmp_path, capture_output=True, check=False)
        return read_raw(tmp_path / "out.raw")[0]

    return run


def bsim4(ours, rest):
    """Return a deck with BSIM4 of the compiled library, or of ngspice.

    The library's other BSIM4, ``bsim4v8``, is Verilog-A of another author: VACASK gives our digits of
    it, and where a card has `k2` neither gives ngspice's.
    """
    cards = []
    for name, sign in (("nch", ""), ("pch", "-")):
        own = CARD.format(sign=sign)
        cards.append(f".model {name} sp_bsim4v8(type={sign}1 {own})" if ours else (
            f".model {name} {name[0]}mos(level=14 version=4.8 {own})"))
    load = f".hdl {shipped('spice/bsim4v8')}\n" if ours else ""
    return f"bsim4\n{load}" + "\n".join(cards) + f"\n.options {TIGHT}\n{rest}\n"


def test_bsim4_curves_are_those_of_ngspice(ngspice):
    rest = "Vd d 0 1\nVg g 0 0\nVb b 0 -0.2\n{}1 d g 0 b nch w=1u l=0.1u\n.dc Vg 0 1.2 0.1 Vd 0.1 1.1 0.5"
    right = ngspice(bsim4(False, rest.format("M")), "i(vd) i(vb)")
    mine = Simulator().run(read_spice(bsim4(True, rest.format("N"))))[0]
    for name in ("i(vd)", "i(vb)"):
        np.testing.assert_allclose(mine[name].ravel(), right[name].real, rtol=1e-5, atol=1e-14)


def test_bsim4_small_signals_and_noise(ngspice):
    rest = ("Vd d 0 1\nVg g 0 0.6 ac 1\nRd d x 1k\n{}1 x g 0 0 nch w=10u l=0.1u\n"
            ".ac dec 2 1k 10g")
    right = ngspice(bsim4(False, rest.format("M")), "v(x) i(vg)")
    mine = Simulator().run(read_spice(bsim4(True, rest.format("N"))))[0]
    for name in ("v(x)", "i(vg)"):
        np.testing.assert_allclose(mine[name], right[name], rtol=1e-4, atol=1e-14)
    rest = rest.replace(".ac dec 2 1k 10g", ".noise v(x) Vg dec 2 1k 10g 1")
    right = ngspice(bsim4(False, rest.format("M")), "all", "setplot noise1")
    mine = Simulator().run(read_spice(bsim4(True, rest.format("N"))))[0]
    for name in ("onoise_spectrum", "inoise_spectrum"):
        np.testing.assert_allclose(mine[name], right[name].real, rtol=1e-5)
    for name, other in (("onoise_n1_flicker", "onoise.m1.1overf"), ("onoise_n1_id", "onoise.m1.id")):
        np.testing.assert_allclose(mine[name], right[other].real, rtol=1e-5)


@pytest.mark.slow
def test_bsim4_inverters_switch_when_ngspices_do(ngspice):
    rest = "V1 vdd 0 1\nVa a 0 PULSE(0 1 50p 20p 20p 250p)\n{}\n.tran 1p 600p 0 0.5p"
    right = ngspice(bsim4(False, rest.format(chain("M", 3))), "v(b) v(c) v(d)")
    mine = Simulator().run(read_spice(bsim4(True, rest.format(chain("N", 3)))))[0]
    for node in "bcd":
        expected = crossings(right["time"].real, right[f"v({node})"].real, 0.5)
        found = crossings(mine.time, mine[f"v({node})"], 0.5)
        assert len(expected) == 2
        np.testing.assert_allclose(found, expected, atol=5e-15)  # of 400 ps


@needs_openvaf
def test_psp_inverters_switch_when_vacasks_do(tmp_path):
    """The same library in another simulator: an edge through two inverters."""
    deck = f"""inverters
load "{shipped('psp103v4')}"
load "{shipped('capacitor')}"
model vsource vsource
model cap capacitor
model nch psp103va ( type=1 )
model pch psp103va ( type=-1 )
v1 (vdd 0) vsource dc=1.2
va (a 0) vsource type="pulse" val0=0 val1=1.2 delay=20p rise=20p fall=20p width=1n
"""
    for k, (i, o) in enumerate(("ab", "bc")):
        deck += (f"mp{k} ({o} {i} vdd vdd) pch w=2u l=0.1u\nmn{k} ({o} {i} 0 0) nch w=1u l=0.1u\n"
                 f"c{k} ({o} 0) cap c=2f\n")
    deck += """control
  options reltol=1e-6 abstol=1e-14 vntol=1e-9 rawfile="binary"
  analysis tran1 tran step=0.2p stop=80p maxstep=0.2p
endc
"""
    right = vacask(deck, tmp_path)
    mine = Simulator().run(read_spice(f"""inverters
.hdl {shipped('psp103v4')}
V1 vdd 0 1.2
Va a 0 PULSE(0 1.2 20p 20p 20p 1n)
.model nch PSP103VA(type=1)
.model pch PSP103VA(type=-1)
{chain("N", 2)}
.options {TIGHT}
.tran 1p 80p 0 0.2p
"""))[0]
    for node in "bc":
        expected = crossings(right["time"].real, right[node].real, 0.6)
        np.testing.assert_allclose(crossings(mine.time, mine[f"v({node})"], 0.6), expected, atol=2e-15)
        assert mine[f"v({node})"][0] == pytest.approx(right[node].real[0], abs=1e-9)
        assert mine[f"v({node})"][-1] == pytest.approx(right[node].real[-1], abs=1e-6)


# -- rings -----------------------------------------------------------------------------------------



def period(time, volts, level, skip=3):
    """Return the mean period of the cycles behind the first ones."""
    every = crossings(time, volts, level)[2 * skip:]
    rising = every[::2]
    assert len(rising) > 3
    return (rising[-1] - rising[0]) / (len(rising) - 1)


def ring(letter, c="2f"):
    """Return three inverters in a ring."""
    lines = []
    for i, o in ("ab", "bc", "ca"):
        lines += [f"{letter}p{o} {o} {i} vdd vdd pch w=2u l=0.1u", f"{letter}n{o} {o} {i} 0 0 nch w=1u l=0.1u",
                  f"C{o} {o} 0 {c}"]
    return "\n".join(lines)


@pytest.mark.slow
def test_a_ring_of_bsim4_has_ngspices_period(ngspice):
    rest = ("V1 vdd 0 1\nIk 0 a PULSE(0 100u 20p 1p 1p 30p)\n{}\n.tran 1p 1.3n 0 0.5p")
    right = ngspice(bsim4(False, rest.format(ring("M"))), "v(a)")
    mine = Simulator().run(read_spice(bsim4(True, rest.format(ring("N")))))[0]
    expected = period(right["time"].real, right["v(a)"].real, 0.5, skip=1)
    assert period(mine.time, mine["v(a)"], 0.5, skip=1) == pytest.approx(expected, rel=1e-4)


@pytest.mark.slow
@needs_openvaf
def test_a_ring_of_psp_has_vacasks_period(tmp_path):
    deck = f"""ring
load "{shipped('psp103v4')}"
load "{shipped('capacitor')}"
model vsource vsource
model isource isource
model cap capacitor
model nch psp103va ( type=1 )
model pch psp103va ( type=-1 )
v1 (vdd 0) vsource dc=1.2
ik (0 a) isource type="pulse" val0=0 val1=100u delay=20p rise=1p fall=1p width=30p
"""
    for i, o in ("ab", "bc", "ca"):
        deck += (f"mp{o} ({o} {i} vdd vdd) pch w=2u l=0.1u\nmn{o} ({o} {i} 0 0) nch w=1u l=0.1u\n"
                 f"c{o} ({o} 0) cap c=2f\n")
    deck += """control
  options reltol=1e-6 abstol=1e-14 vntol=1e-9 rawfile="binary"
  analysis tran1 tran step=0.1p stop=250p maxstep=0.1p
endc
"""
    right = vacask(deck, tmp_path)
    mine = Simulator().run(read_spice(f"""ring
.hdl {shipped('psp103v4')}
V1 vdd 0 1.2
Ik 0 a PULSE(0 100u 20p 1p 1p 30p)
.model nch PSP103VA(type=1)
.model pch PSP103VA(type=-1)
{ring("N")}
.options {TIGHT}
.tran 1p 250p 0 0.1p
"""))[0]
    expected = period(right["time"].real, right["a"].real, 0.6)
    assert period(mine.time, mine["v(a)"], 0.6) == pytest.approx(expected, rel=1e-4)


@needs_openvaf
def test_vbic_with_its_limits_is_vacasks(tmp_path):
    """Limiting by `pnjlim` and `limitlog`, self-heating, all inner nodes."""
    library = shipped("vbic_1p3_4t")
    right = vacask(f"""bipolar
load "{library}"
load "{shipped('resistor')}"
model vsource vsource
model resistor resistor
model q vbic13_4t
vc (c 0) vsource dc=2
vb (in 0) vsource dc=3
r1 (in b) resistor r=1k
q1 (c b 0 0) q
control
  options reltol=1e-6 rawfile="binary"
  analysis op1 op
endc
""", tmp_path, "op1")
    module = load_osdi(library).module()
    assert set(module.limits) == {"limitlog/1", "pnjlim/2"}
    circuit = Circuit().V("c", "c", 0, 2.0).V("b", "in", 0, 3.0).R(1, "in", "b", 1e3)
    found = Simulator(options={"reltol": 1e-6}).operating_point(
        circuit.verilog_a(1, ["c", "b", 0, 0], module))
    assert found["v(b)"] == pytest.approx(right["b"].real[0], rel=1e-6)
    assert found["i(vc)"] == pytest.approx(right["vc:flow(br)"].real[0], rel=1e-6)
    assert found.iterations < 30
