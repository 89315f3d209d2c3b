"""Where the states of compiled modules start: initial values of static analyses, of ``idt``, of decks."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from crossbarsim import Circuit, NetlistError, ParameterError, Simulator, read_spice
from crossbarsim.devices import read_verilog_a
from tests.helpers.osdi import compiled_text, need_compiler

S = Simulator(options={"reltol": 1e-6})
# a gap in nm: dg/dt = -k sinh(V/0.2) (1.7 - g) (g - 0.2), two ways to say that it starts at 1.2
GAP = """
`include "disciplines.vams"
module gapcell(p, n);
  inout p, n; electrical p, n, g;
  parameter real start = 1.2 from (0:2);
  real rate;
  analog begin
    rate = -2e6 * sinh(V(p, n) / 0.2) * (1.7 - V(g)) * (V(g) - 0.2);
    I(p, n) <+ 1e-4 * exp(-V(g) / 0.25) * sinh(V(p, n) / 0.35);
    STATE
  end
endmodule
"""
STATIC = 'if (analysis("static")) I(g) <+ V(g) - start; else I(g) <+ ddt(V(g)) - rate;'
IDT = "V(g) <+ idt(rate, start);"
DECK = """gap
.hdl "{path}"
.model mine gapcell({given})
V1 a 0 dc {volts} sin(0 0.6 1meg)
N1 a 0 mine
{more}
.measure tran least min v(n1#g)
.tran 2n 1u {uic}
.print tran v(n1#g) i(v1)
.end"""


def deck(folder, state, *, given="", more="", uic="", volts=0.3):
    need_compiler()
    path = folder / "cell.va"
    path.write_text(GAP.replace("STATE", state), encoding="utf-8")
    return read_spice(DECK.format(path=path, given=given, more=more, uic=uic, volts=volts))


def expected(t, start):
    """Return the gap by another integrator."""
    def rate(s, g):
        return -2e6 * np.sinh(0.6 * np.sin(2e6 * np.pi * s) / 0.2) * (1.7 - g) * (g - 0.2)

    return solve_ivp(rate, (0.0, 1e-6), [start], t_eval=t, rtol=1e-10, atol=1e-12).y[0]


@pytest.mark.parametrize(("state", "more", "uic", "start"), [
    (STATIC, "", "", 1.2), (IDT, "", "", 1.2), (IDT, "", "uic", 1.2),
    (STATIC, ".ic v(n1#g)=0.9", "uic", 0.9), (STATIC, ".ic v(n1#g)=0.9", "", 0.9),
])
def test_transients(state, more, uic, start, tmp_path):
    run = S.run(deck(tmp_path, state, more=more, uic=uic))[0]
    gap = expected(run.time, start)
    assert np.ptp(gap) > 0.4
    np.testing.assert_allclose(run["v(n1#g)"], gap, atol=2e-4)
    assert run.measures["least"] == pytest.approx(gap.min(), abs=2e-4)
    current = 1e-4 * np.exp(-gap / 0.25) * np.sinh(0.6 * np.sin(2e6 * np.pi * run.time) / 0.35)
    np.testing.assert_allclose(-run["i(v1)"], current, atol=1e-3 * np.abs(current).max())


@pytest.mark.parametrize("uic", ["", "uic"])
def test_ic_of_a_node_that_an_integral_drives_is_refused_where_it_contradicts(tmp_path, uic):
    with pytest.raises(ParameterError, match=r"`\.ic v\(n1#g\)=0\.9` does not act: N1 gives .*starts at 1\.2 V"):
        S.run(deck(tmp_path, IDT, more=".ic v(n1#g)=0.9", uic=uic))
    assert S.run(deck(tmp_path, IDT, more=".ic v(n1#g)=0.9", uic=uic, given="start=0.9"))[0]["v(n1#g)"][0] == (
        pytest.approx(0.9, abs=1e-6))
    text = f"t\nv1 a 0 1\nb1 out 0 v=GIVEN\nr1 out 0 1k\n.ic v(out)=0.5\n.tran 1m 10m {uic}\n.end"
    with pytest.raises(ParameterError, match=r"`\.ic v\(out\)=0\.5` does not act: b1 .*its second argument"):
        S.run(read_spice(text.replace("GIVEN", "1+idt(v(a))")))
    run = S.run(read_spice(text.replace("GIVEN", "1+idt(v(a),-0.5)")))[0]
    np.testing.assert_allclose(run["v(out)"], 0.5 + run.time, rtol=1e-6)
    # what any other source keeps there stays there, as in ngspice
    assert S.run(read_spice(text.replace("GIVEN", "v(a)")))[0]["v(out)"] == pytest.approx(1.0)


@pytest.mark.parametrize("state", [STATIC, IDT])
@pytest.mark.parametrize("more", ["", ".nodeset v(n1#g)=1.0"])
def test_operating_points(state, more, tmp_path):
    """As in VACASK, an ``idt`` has its initial value in static analyses, 0 V across it or not."""
    for volts in (0.3, 0.0):
        point = S.operating_point(
            deck(tmp_path, state, given="start=0.8", more=more, volts=volts))
        assert point["v(n1#g)"] == pytest.approx(0.8, abs=1e-9)


def test_nodes_inside_that_are_not_there(tmp_path):
    for node in ("n1#h", "n2#g", "v1#g"):
        with pytest.raises(NetlistError, match=f"no node `{node}`"):
            deck(tmp_path, STATIC, more=f".save v({node})")


def test_a_thermal_node_has_a_voltage_s_name_too(tmp_path):
    module = compiled_text(tmp_path, """
`include "disciplines.vams"
module heater(p, n);
  inout p, n; electrical p, n; thermal th;
  analog begin
    I(p, n) <+ 1e-3 * V(p, n);
    Pwr(th) <+ Temp(th) / 1e5 - 1e-3 * V(p, n) * V(p, n);
  end
endmodule""")
    circuit = Circuit().V(1, "a", 0, 0.5).verilog_a(1, ["a", 0], module)
    point = S.operating_point(circuit)
    assert point["v(n1#th)"] == point["n1#th"] == pytest.approx(25.0)


def test_integrals_are_named_by_their_node():
    source = GAP.replace("STATE", IDT)
    device = read_verilog_a(source, bounds={"g": (0.2, 1.7)})
    assert device().state_names == ("g",)
    two = source.replace(IDT, "V(g) <+ 0.2 + idt(rate, 1.0) + idt(0.1 * rate, 0.1);")
    both = read_verilog_a(two, bounds={"q": (-1.0, 2.0), "q2": (-1.0, 2.0)})
    assert both().state_names == ("q", "q2")
