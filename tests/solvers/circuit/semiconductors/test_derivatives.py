"""Derivatives of currents and charges against differences, at random voltages."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.bench import Bench, evaluate
from tests.helpers.cards import (
    BIPOLAR,
    DIODE,
    EKV,
    EKV_LONG,
    GEOMETRY,
    HALVING,
    JFET,
    JFET2,
    JFET2_SLOW,
    MOS,
    VDMOS,
    VDMOS_QUASI,
    complement,
)

DEVICES = {
    "diode": (Bench("d", "ak", "d", own={"pj": 2.0}, **DIODE), 1.0),
    "diode recombining": (Bench("d", "ak", "d", isr=1e-9, nr=1.8, ikf=1e-3, ikr=1e-6), 1.0),
    "npn": (Bench("q", "cbes", "npn", own={"area": 2.0, "m": 3.0}, **BIPOLAR), 1.0),
    "npn with irb": (Bench("q", "cbes", "npn", **HALVING, iss=1e-16), 1.0),
    "pnp with excess phase": (Bench("q", "cbes", "pnp", own={"m": 2.0}, **BIPOLAR, ptf=30.0), 1.0),
    "njf": (Bench("j", "dgs", "njf", own={"m": 2.0}, **JFET), 2.0),
    "pjf": (Bench("j", "dgs", "pjf", **JFET), 2.0),
    "njf2": (Bench("j", "dgs", "njf", 2, own={"m": 2.0}, **JFET2), 2.0),
    "pjf2 slow": (Bench("j", "dgs", "pjf", 2, **JFET2_SLOW), 2.0),
    "ekv": (Bench("m", "dgsb", "nmos", "ekv", own=GEOMETRY, **EKV), 2.0),
    "ekv long": (Bench("m", "dgsb", "nmos", "ekv", own=GEOMETRY, **EKV_LONG), 2.0),
    "ekv p": (Bench("m", "dgsb", "pmos", "ekv", own=GEOMETRY, **complement(EKV)), 2.0),
    "vdmos": (Bench("m", "dgs", "vdmosn", own={"m": 2.0}, **VDMOS), 2.0),
    "vdmos quasi-saturated": (Bench("m", "dgs", "vdmosp", **complement(VDMOS_QUASI)), 2.0),
}
for (level, name), card in MOS.items():
    DEVICES[f"nmos{level} {name}"] = Bench("m", "dgsb", "nmos", level, own=GEOMETRY, **card), 2.5
    DEVICES[f"pmos{level} {name}"] = Bench("m", "dgsb", "pmos", level, own=GEOMETRY, **complement(card)), 2.5


@pytest.fixture(scope="module")
def compiled():
    found = {}

    def get(name):
        if name not in found:
            system = DEVICES[name][0].system()
            found[name] = system, next(g for g in system.groups if g.names == (f"{DEVICES[name][0].letter}1",))
        return found[name]

    return get


def slopes(group, x, now, which, h=1e-4):
    """Return the matrix of derivatives by differences, and where the law has a kink nearby."""
    n = len(x) - 1
    D, kinks = np.zeros((n, n)), np.zeros((n, n), dtype=bool)
    for j in range(n):
        at = []
        for step in (-h, -h / 2, 0.0, h / 2, h):
            y = x.copy()
            y[j] += step
            at.append(evaluate(group, y, now)[which])
        coarse, fine = (at[4] - at[0]) / (2 * h), (at[3] - at[1]) / h
        D[:, j] = (4 * fine - coarse) / 3
        left, right = (at[2] - at[1]) / (h / 2), (at[3] - at[2]) / (h / 2)
        smooth = np.abs(at[0] - 4 * at[1] + 6 * at[2] - 4 * at[3] + at[4]) / h
        kinks[:, j] = smooth > 1e-6 * np.maximum(np.abs(left), np.abs(right))
    return D, kinks


def compare(G, D, kinks):
    size = np.abs(G).max()
    wrong = np.abs(G - D) > 1e-6 * np.abs(G) + 2e-9 * size
    assert not (wrong & ~kinks).any(), (G, D)


@pytest.mark.parametrize("name", DEVICES)
@settings(max_examples=12, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1))
def test_derivatives(name, compiled, seed):
    system, group = compiled(name)
    rng = np.random.default_rng(seed)
    bench, span = DEVICES[name]
    x = np.zeros(system.size + 1)
    nodes = [k for k, unit in enumerate(system.units) if unit == "V"]
    x[nodes] = rng.uniform(-span, span, len(nodes)) * (0.4 if bench.letter in "dq" else 1.0)
    group.start()
    now = system.instant(limit=False)
    f, q, G, C = evaluate(group, x, now)
    compare(G, *slopes(group, x, now, 0))
    kcl = system.row_units[:system.size] == "A"
    own = ("phase", "#trap", "#heat")  # states of a device, whose currents go to ground
    phase = np.array([any(word in label for word in own) for label in system.labels])
    assert abs(f[kcl & ~phase].sum()) < 1e-12 * np.abs(f).max() + 1e-25  # what flows in flows out
    assert abs(q[kcl & ~phase].sum()) < 1e-12 * np.abs(q).max() + 1e-30
    if getattr(group, "follows", False):
        base = x.copy()
        base[nodes] += rng.uniform(-0.5, 0.5, len(nodes))
        now = now.but(mode="tran")
        group.accept(base, now)
        f, q, G, C = evaluate(group, x, now)
        assert abs(q[kcl].sum()) < 1e-12 * np.abs(q).max()
    compare(C, *slopes(group, x, now, 1))
