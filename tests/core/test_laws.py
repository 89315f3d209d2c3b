"""Laws read from their source: derivatives by some arguments, matrices of parameters, ngspice's text."""

import math

import numpy as np
import pytest
from crossbarsim.netlists.transistors import ekv, level1

from crossbarsim.core.compiled.generated import load
from crossbarsim.core.laws.differentiate import Source, differentiate
from crossbarsim.core.laws.spice_expressions import Writer

ROWS = {"vto": 0, "gamma": 1, "phi": 2, "kappa": 3, "beta": 4, "theta": 5, "lambda_": 6, "cox": 7, "u_t": 8,
        "v_crit": 9, "sigma": 10, "kappa_s": 11}
P = np.array([
    [0.4, 0.5, 0.7, 0.0, 1e-3, 0.1, 0.05, 1e-14, 0.02585, 0.0, 0.0, 0.0],
    [0.4, 0.0, 0.7, 0.7, 1e-3, 0.0, 0.0, 1e-14, 0.03, 0.0, 0.0, 0.0],
]).T


def derived(law):
    source = Source()
    arguments = differentiate(law, "law", source, parameters=ROWS, column="e")
    text = "\n\n".join(source.functions.values())
    return load(f"import math\n\n{text}\n").law, len(arguments)


@pytest.mark.parametrize("law", [ekv.transistor, level1.transistor])
def test_derivatives_of_transistors(law):
    compiled, count = derived(law)
    points = np.random.default_rng(0).uniform(0.05, 1.5, (20, count))

    def at(point, e):
        return np.reshape(compiled(*point, P, e), (-1, 1 + count))

    for e in (0, 1):
        found = np.array([at(point, e) for point in points])
        scale = np.abs(found[:, :, 1:]).max(axis=(0, 2))  # differences of values near 0 are rounding
        for k in range(count):
            step = 1e-6 * np.eye(count)[k]
            slope = np.array([at(p + step, e)[:, 0] - at(p - step, e)[:, 0] for p in points]) / 2e-6
            assert (np.abs(found[:, :, 1 + k] - slope) <= 1e-5 * np.abs(slope) + 1e-7 * scale).all(), (e, k)


def test_derivatives_at_the_edges():
    law, _ = derived(ekv.transistor)
    # the pinch-off voltage is exactly that of the source: half of the slope of strong inversion
    below, at, above = (law(0.4 + v, 1.0, 0.0, P, 1)[1] for v in (-1e-9, 0.0, 1e-9))
    assert below < at < above
    first, _ = derived(level1.transistor)
    reverse, edge = (first(1.0, 0.5, v, P, 0)[3] for v in (-1e-9, 0.0))
    assert edge == pytest.approx(reverse, rel=1e-6)
    assert edge > 1e-5


def scaled(a, b, factor):
    return factor * math.sqrt(a * a + b * b)


def outer(v, p):
    factor = p.vto
    factor = factor * 2.0
    return scaled(v, factor, p.beta)


def test_only_what_depends_is_differentiated():
    source = Source()
    differentiate(outer, "law", source, parameters=ROWS)
    inner = next(text for name, text in source.functions.items() if name.endswith("scaled"))
    assert inner.count("return (") == 1
    assert len(inner.rsplit("return (", 1)[1].split(",")) == 3  # the value, one derivative, the end
    made = load("import math\n\n" + "\n\n".join(source.functions.values()) + "\n")
    value, slope = made.law(0.3, P[:, 0])
    assert value == outer(0.3, type("p", (), {"vto": 0.4, "beta": 1e-3}))
    assert slope == pytest.approx(1e-3 * 0.3 / math.hypot(0.3, 0.8))


def test_nodes_that_nobody_asks_for_are_left_out():
    writer = Writer("t", "m1_", 30)
    found = writer.law(ekv.transistor, {"vg": "v(g)", "vd": "v(d)", "vs": "v(s)"}, {},
                       {name: np.array(P[k, 0]) for name, k in ROWS.items()})
    current = writer.text(found[0])
    cards = writer.take_used(current)
    nodes = [card.split()[1] for card in cards]
    assert all(f"v({n})" in current or any(f"v({n})" in c for c in cards[k + 1:]) for k, n in enumerate(nodes))
    assert not any("(4 * " in card for card in cards)  # of charges
    assert writer.take_cards() == []
