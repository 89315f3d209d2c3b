"""Compiled models evaluated: against formulas, differences and one another."""

import numpy as np
import pytest
from crossbarsim.solvers.osdi import Blocks, OsdiBatch, Simulator

from crossbarsim import ConvergenceError, ParameterError
from tests.helpers.osdi import compiled, compiled_text, shipped_module

VT = 1.3806488e-23 * 300.15 / 1.602176565e-19  # the compiler's $vt, CODATA 2010


def dense(batch, values, at):
    """Return entries as matrices, (n, n, E)."""
    full = np.zeros((batch.size, batch.size, batch.count))
    full[at] = values
    return full


def slopes_by_differences(batch, x, step=1e-6, **how):
    g, c = (np.zeros((batch.size, batch.size, batch.count)) for _ in range(2))
    for k in range(batch.size):
        above, below = x.copy(), x.copy()
        above[k] += step
        below[k] -= step
        high = [v.copy() for v in batch.evaluate(above, **how)[:2]]
        low = batch.evaluate(below, **how)
        g[:, k], c[:, k] = (high[0] - low.f) / (2 * step), (high[1] - low.q) / (2 * step)
    return g, c


def check_slopes(batch, x, tolerance, **how):
    found = batch.evaluate(x, **how)
    g, c = dense(batch, found.g, batch.g_at), dense(batch, found.c, batch.c_at)
    other = slopes_by_differences(batch, x, **how)
    assert abs(g - other[0]).max() < tolerance * abs(g).max()
    assert abs(c - other[1]).max() <= tolerance * abs(c).max()
    return found


def test_a_diode_is_its_formula():
    module = compiled("diode_limited")
    areas = np.array([1.0, 2.0, 3.0])
    batch = OsdiBatch(module, {"is": 1e-14, "cj": 1e-12}, {"area": areas}, gmin=1e-9)
    assert batch.labels == ("a", "c")  # no resistance: the inner node is the anode
    v = np.array([0.3, 0.5, 0.7])
    found = batch.evaluate([v, np.zeros(3)], variables=True)
    expected = areas * 1e-14 * np.expm1(v / VT) + 1e-9 * v
    np.testing.assert_allclose(found.f[0], expected, rtol=1e-9)
    np.testing.assert_allclose(found.f[1], -found.f[0], rtol=1e-14)
    np.testing.assert_allclose(found.q[0], areas * 1e-12 * v, rtol=1e-14)
    shown = batch.values()
    np.testing.assert_allclose(shown["id"] + 1e-9 * v, found.f[0], rtol=1e-12)
    np.testing.assert_allclose(batch.values(["area"])["area"], areas)
    assert (np.array([batch.live]) == [0, 1, 0]).all()


def test_multiplicity_and_temperature():
    module = compiled("diode_limited")
    x = [[0.6], [0.0]]
    one = OsdiBatch(module, {"cj": 1e-12}).evaluate(x)
    four = OsdiBatch(module, {"cj": 1e-12}, {"$mfactor": 4.0}).evaluate(x)
    np.testing.assert_allclose(four.f, 4 * one.f, rtol=1e-14)
    np.testing.assert_allclose(four.q, 4 * one.q, rtol=1e-14)
    np.testing.assert_allclose(four.g, 4 * one.g, rtol=1e-14)
    kelvin = np.array([280.0, 300.15, 350.0])
    warm = OsdiBatch(module, temperature=kelvin, gmin=0.0)
    found = warm.evaluate([np.full(3, 0.6), np.zeros(3)])
    expected = 1e-14 * np.expm1(0.6 / (VT * kelvin / 300.15))
    np.testing.assert_allclose(found.f[0], expected, rtol=1e-9)


def test_a_series_resistance_keeps_its_node():
    module = compiled("diode_limited")
    batch = OsdiBatch(module, {"rs": 10.0, "cj": 1e-12}, count=5)
    assert batch.labels == ("a", "c", "i")
    x = np.random.default_rng(1).uniform(0.0, 0.6, (3, 5))
    found = check_slopes(batch, x, 1e-7)
    np.testing.assert_allclose(found.f[0], (x[0] - x[2]) / 10.0, rtol=1e-12)
    np.testing.assert_allclose(found.f.sum(axis=0), 0.0, atol=1e-12)


def test_different_collapse_is_split():
    module = compiled("diode_limited")
    rs = np.array([0.0, 5.0, 0.0])
    with pytest.raises(ParameterError, match="2 like"):
        OsdiBatch(module, {"rs": rs})
    batches = OsdiBatch.split(Blocks(module, {"rs": rs}, {}, 3, 300.15, simulator=Simulator()))
    assert sorted((b.size, b.index.tolist()) for b in batches) == [(2, [0, 2]), (3, [1])]
    for b in batches:
        check_slopes(b, np.full((b.size, b.count), 0.1), 1e-6)


def test_limited_is_the_tangent_at_the_limited_voltage():
    module = compiled("diode_limited")
    batch = OsdiBatch(module, {"rs": 10.0}, count=2, gmin=1e-3)
    x = np.array([[0.0, 5.0], [0.0, 0.0], [0.0, 4.0]])
    batch.evaluate(x, limit=True, first=True)
    critical = VT * np.log(VT / (np.sqrt(2.0) * 1e-14))
    np.testing.assert_allclose(batch.new_states[:, 0], critical, rtol=1e-9)
    assert batch.limited.all()
    batch.keep()
    found = batch.evaluate(x, limit=True)
    f, g, at = found.f.copy(), dense(batch, found.g, batch.g_at), batch.new_states[:, 0].copy()
    assert batch.limited.tolist() == [False, True] or batch.limited.all()
    assert at[1] < 1.0  # of 4 V
    moved = x.copy()
    moved[2] = at
    there = batch.evaluate(moved)
    tangent = there.f + np.einsum("ijk,jk->ik", g, x - moved)
    np.testing.assert_allclose(f[:, 1], tangent[:, 1], rtol=1e-9)


def test_texts_and_integers():
    module = compiled("diode_limited")
    x = [[0.5], [0.0]]
    linear = OsdiBatch(module, {"law": "linear", "fold": 3, "is": 1e-6}, gmin=0.0).evaluate(x)
    assert linear.f[0, 0] == pytest.approx(3 * 1e-6 / VT * 0.5, rel=1e-9)


@pytest.mark.parametrize(("model", "instance", "match"), [
    ({"iss": 1.0}, {}, "no parameter `iss`; did you mean `is`"),
    ({"is": -1.0}, {}, "`is` = -1.0 is out of the range"),
    ({"fold": 9}, {}, "`fold` = 9 is out of the range"),
    ({"fold": 1.5}, {}, "`fold` must be an integer"),
    ({"law": 3.0}, {}, "`law` must be a text"),
    ({"is": "much"}, {}, "`is` must be a number"),
    ({"is": np.nan}, {}, "`is` is not a number"),
    ({"is": [1e-14, 2e-14]}, {"area": [1.0, 2.0, 3.0]}, "one value, or one for each of the 3"),
    ({}, {"is": 1e-14}, "a parameter of the model"),
    ({}, {"area": 0.0}, "`area` = 0.0 is out of the range"),
])
def test_wrong_parameters_are_named(model, instance, match):
    with pytest.raises(ParameterError, match=match):
        OsdiBatch(compiled("diode_limited"), model, instance)


def test_a_model_on_which_instances_differ():
    module = compiled("memristor")
    x0 = np.linspace(0.1, 0.9, 5)
    batch = OsdiBatch(module, {"x0": x0})
    assert batch.labels == ("p", "m", "w")
    x = np.vstack([np.full(5, 1.0), np.zeros(5), x0])
    found = check_slopes(batch, x, 1e-6)
    np.testing.assert_allclose(found.f[0], 1.0 / (100 * x0 + 16e3 * (1 - x0)), rtol=1e-12)
    check_slopes(batch, x, 1e-6, analysis="tran")
    moving = batch.evaluate(x, analysis="tran")
    rate = 1e-14 * 100 / 1e-16 * moving.f[0] * (1 - (2 * x0 - 1) ** 2)
    np.testing.assert_allclose(moving.f[2], rate, rtol=1e-12)
    np.testing.assert_allclose(moving.q[2], -x0, rtol=1e-14)


@pytest.mark.parametrize(("name", "model"), [
    ("bsim4v8", {"type": 1, "rdsmod": 1}), ("psp103v4", {}), ("spice/mos1", {"type": 1}),
    ("bsimbulk106", {}), ("vbic_1p3", {}),
])
def test_slopes_of_foundry_models(name, model):
    module = shipped_module(name)
    batch = OsdiBatch(module, model, count=20)
    x = np.random.default_rng(2).uniform(0.0, 0.8, (batch.size, 20))
    found = batch.evaluate(x)
    g, c = dense(batch, found.g, batch.g_at), dense(batch, found.c, batch.c_at)
    by_g, by_c = slopes_by_differences(batch, x)
    # nodes that only noise drives, BSIM-BULK's N2, have no residual: they are 0
    real = [k for k, label in enumerate(batch.labels) if label != "N2"]
    assert abs(g - by_g)[:, real].max() < 2e-6 * abs(g).max()
    assert abs(c - by_c)[:, real].max() <= 2e-6 * abs(c).max()


def test_not_a_number_is_named(tmp_path):
    module = compiled_text(tmp_path, '`include "disciplines.vams"\nmodule m(a, c); inout a, c; '
                           "electrical a, c;\nanalog I(a, c) <+ sqrt(V(a, c));\nendmodule\n")
    batch = OsdiBatch(module, count=2, names=("y1", "y2"))
    with pytest.raises(ConvergenceError, match=r"y2: module `m` returns .* a = -1 V, c = 0 V"):
        batch.evaluate([[1.0, -1.0], [0.0, 0.0]])


def test_a_model_that_stops_is_named(tmp_path):
    module = compiled_text(tmp_path, '`include "disciplines.vams"\nmodule m(a, c); inout a, c; '
                           "electrical a, c;\nanalog begin\nif (V(a, c) > 2.0) "
                           '$fatal(0, "too much: %g V", V(a, c));\n'
                           "I(a, c) <+ V(a, c);\nend\nendmodule\n")
    batch = OsdiBatch(module)
    batch.evaluate([[1.0], [0.0]])
    with pytest.raises(ConvergenceError, match=r"stops the simulation.*too much: 3 V"):
        batch.evaluate([[3.0], [0.0]])


def test_unconnected_terminals_are_inner_nodes(tmp_path):
    module = compiled_text(tmp_path, '`include "disciplines.vams"\nmodule m(a, c, b); '
                           "inout a, c, b; electrical a, c, b;\nanalog begin\n"
                           "I(a, c) <+ V(a, c);\nif ($port_connected(b)) I(b, c) <+ V(b, c); "
                           "else V(b, c) <+ 0;\nend\nendmodule\n")
    assert OsdiBatch(module).size == 3
    assert OsdiBatch(module, terminals=2).labels == ("a", "c")
    with pytest.raises(ParameterError, match="3 terminals"):
        OsdiBatch(module, terminals=4)


def test_delays_are_refused():
    with pytest.raises(ParameterError, match="absdelay"):
        OsdiBatch(shipped_module("tline_ideal"))
