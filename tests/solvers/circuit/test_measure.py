"""Curves, measures and Fourier analysis, against what is known exactly."""

import math

import numpy as np
import pytest
from crossbarsim.netlists import read_spice
from crossbarsim.solvers.circuit.analyses.fourier import harmonics
from crossbarsim.solvers.circuit.results.waveform_math import Curve, crossings

from crossbarsim import NetlistError, ParameterError, Solver


def test_crossings_count_what_crosses():
    x = np.arange(9.0)
    y = np.array([-1.0, 1.0, 0.0, 0.0, 2.0, -2.0, 0.0, -1.0, 3.0])
    places, ways = crossings(x, y)
    # up, down to 0, up again from 0, down, up to 0, down again, up
    assert ways.tolist() == [1, -1, 1, -1, 1, -1, 1]
    np.testing.assert_allclose(places, [0.5, 2.0, 3.0, 4.5, 6.0, 6.0, 7.25])


def test_start_at_the_level():
    x = np.arange(3.0)
    assert crossings(x, np.array([0.0, 1.0, 2.0]))[1].tolist() == [1]
    assert crossings(x, np.array([0.0, -1.0, -2.0]))[1].tolist() == []
    assert crossings(x, np.zeros(3))[1].tolist() == []


def test_curve_statistics_are_exact_for_lines():
    c = Curve(np.array([0.0, 1.0, 3.0]), np.array([0.0, 2.0, -2.0]))
    assert c.integral == pytest.approx(1.0)
    assert c.mean == pytest.approx(1.0 / 3.0)
    assert c.rms == pytest.approx(math.sqrt((4 / 3 + 2 * 4 / 3) / 3))
    part = c.part(0.5, 2.0)
    assert part.x.tolist() == [0.5, 1.0, 2.0]
    assert part.integral == pytest.approx(0.75 + 1.0)
    assert c.part(5.0, 6.0) is None
    assert math.isnan(c.at(4.0))
    falling = Curve(np.array([3.0, 1.0, 0.0]), np.array([-2.0, 2.0, 0.0]))
    assert falling.integral == pytest.approx(1.0)


def test_slope_is_exact_for_parabolas():
    x = np.array([0.0, 0.1, 0.25, 0.5, 0.8, 1.0])
    assert Curve(x, x**2).slope(0.25) == pytest.approx(0.5)


@pytest.mark.parametrize("dc", [0.0, 0.3])
def test_harmonics(dc):
    t = np.linspace(0.0, 3e-3, 6001)
    w = 2 * np.pi * 1e3
    y = dc + 2.0 * np.sin(w * t + 0.4) + 0.1 * np.sin(3 * w * t - 1.0)
    found = harmonics("y", t, y, 1e3, grid=1000)
    assert found.magnitude[0] == pytest.approx(dc, abs=1e-6)
    assert found.magnitude[[1, 3]] == pytest.approx([2.0, 0.1], rel=1e-4)
    assert found.phase[[1, 3]] == pytest.approx(np.degrees([0.4, -1.0]), abs=0.01)
    assert found.distortion == pytest.approx(5.0, rel=1e-3)
    assert found.normalised[3] == pytest.approx(0.05, rel=1e-3)


def test_harmonics_refuse():
    t = np.linspace(0.0, 1e-3, 100)
    with pytest.raises(ParameterError, match="a period of 100 Hz"):
        harmonics("y", t, t, 100.0)
    with pytest.raises(ParameterError, match="frequency"):
        harmonics("y", t, t, 0.0)
    with pytest.raises(ParameterError, match="count"):
        harmonics("y", t, t, 1e3, count=150)


def test_measures_of_a_deck():
    deck = """m
v1 a 0 pwl(0 0 1 1 2 0 3 2)
r1 a 0 1k
.tran 0.01 3 0 0.01
.meas tran top max v(a)
.meas tran where_top max_at v(a)
.meas tran area integ v(a) from=0 to=2
.meas tran up trig v(a) val=0.5 rise=1 targ v(a) val=0.5 fall=1
.meas tran never when v(a)=9
.meas tran slope deriv v(a) at=2.5
.meas tran twice param='top*2+area'
"""
    found = Solver().run(read_spice(deck))[0].measures
    assert found["top"] == pytest.approx(2.0)
    assert found["where_top"] == pytest.approx(3.0)
    assert found["area"] == pytest.approx(1.0, rel=1e-9)
    assert found["up"] == pytest.approx(1.0, rel=1e-9)
    assert math.isnan(found["never"])
    assert found["slope"] == pytest.approx(2.0, rel=1e-6)
    assert found["twice"] == pytest.approx(5.0, rel=1e-9)


def test_measures_of_nested_sweeps_are_arrays():
    deck = """m
v1 a 0 0
v2 b 0 0
r1 a c 1k
r2 b c 1k
r3 c 0 1k
.dc v1 0 1 0.1 v2 0 2 1
.meas dc top max v(c)
"""
    found = Solver().run(read_spice(deck))[0].measures["top"]
    np.testing.assert_allclose(found, [1 / 3, 2 / 3, 1.0], rtol=1e-9)


def test_a_measure_of_nothing_says_where():
    deck = "m\nv1 a 0 sin(0 1 1)\nr1 a 0 1k\n.tran 0.1 1\n.meas tran x max v(a)\n"
    circuit = read_spice(deck)
    from dataclasses import replace

    from crossbarsim.netlists.spice.expressions.expression import Expression

    circuit.measures[0] = replace(circuit.measures[0], expression=Expression("v(nowhere)"))
    with pytest.raises(NetlistError, match=r"<text>:5: \.measure x.*nowhere"):
        Solver().run(circuit)
