"""Arrays in time: the error falls with `rtol`, against the circuit written out and Radau's method.

The laws are written here from their papers, none of the package's is called.
"""

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from crossbarsim import Crossbar, Solver, Wires
from crossbarsim.devices import VTEAM, LinearIonDrift, StanfordPKU, Yakopcic


def ion_drift(v, x, r_off=16e3, k=1e4, p=None):  # Strukov et al. (2008); Joglekar, Wolf (2009)
    i = v / (100.0 * x + r_off * (1 - x))
    return i, k * i * (1.0 if p is None else 1 - (2 * x - 1) ** (2 * p))


def vteam(v, s):  # Kvatinsky et al. (2015), eqs 2 and 4
    fall = np.maximum(v / 0.3 - 1.0, 0.0)
    rise = np.maximum(v / -0.2 - 1.0, 0.0)
    return v / (1e3 + (1e5 - 1e3) * s), (0.1 * fall**2 - 0.5 * rise**3) / 3e-9


def pku(v, x):  # Stanford-PKU model: Guan, Yu and Wong (2012), Jiang et al. (2016)
    gap = 0.2e-9 + 1.5e-9 * x
    i = 1e-3 * np.exp(-gap / 0.25e-9) * np.sinh(v / 0.25)
    kt = 8.617333262e-5 * (298.0 + np.abs(v * i) * 2.1e3)
    gamma = 16.0 - 0.8 * (gap / 1e-9) ** 3
    speed = 10.0 * np.exp(-0.6 / kt) * np.sinh(gamma * 0.25e-9 / 12e-9 * v / kt)
    return i, -speed / 1.5e-9


def yakopcic(v, x):  # Yakopcic et al. (2013), eqs 3-6, inside of the region without windows
    rate = np.where(v > 0.16, 4e3 * (np.exp(v) - np.exp(0.16)),
                    np.where(v < -0.15, -4e3 * (np.exp(-v) - np.exp(0.15)), 0.0))
    return 0.17 * x * np.sinh(0.05 * v), rate


CASES = {  # device, law of (v, share of the range), start, volt, second, farad
    "ion drift": (
        LinearIonDrift(v_p=0.0, v_n=0.0), ion_drift,
        [[0.5, 0.6, 0.29], [0.4, 0.3, 0.2]], [0.8, 0.4], 0.2, 1e-6,
    ),
    "joglekar": (
        LinearIonDrift(v_p=0.0, v_n=0.0, window="joglekar", p=5),
        lambda v, x: ion_drift(v, x, p=5), [[0.3, 0.5], [0.6, 0.7]], [0.6, -0.8], 0.3, 1e-6,
    ),
    "vteam": (
        VTEAM(r_on=1e3, r_off=1e5, k_on=-0.5, k_off=0.1, alpha_on=3, alpha_off=2, v_on=-0.2,
              v_off=0.3),
        vteam, [[0.3, 0.4], [0.5, 0.7]], [0.8, -0.4], 4e-9, 1e-13,
    ),
    "stanford_pku": (
        StanfordPKU(f_min=0.0), pku, [[0.5, 0.55], [0.6, 0.45]], [1.8, 1.6], 4e-9, 1e-14,
    ),
    "yakopcic": (
        Yakopcic(a_p=4e3, a_n=4e3, x_p=0.95, x_n=0.95, a_1=0.17, a_2=0.17, b=0.05, v_p=0.16,
                 v_n=0.15),
        yakopcic, [[0.3, 0.4], [0.5, 0.6]], [0.5, 0.4], 1e-4, 1e-9,
    ),
}
WORD, BIT = 20.0, 30.0  # ohm


def exact(law, start, t, V, C, rtol):
    """Shares of the range and bit-line currents at the end; word lines from the left."""
    M, N = start.shape

    def slopes(now, y, a, b):
        u, w, x = y.reshape(3, M, N)
        i, rate = law(u - w, x)
        source = V[a] + (V[b] - V[a]) * (now - t[a]) / (t[b] - t[a])
        word = -np.diff(np.column_stack([source, u]), append=u[:, -1:], axis=1) / WORD
        bit = -np.diff(np.vstack([w[:1], w, np.zeros(N)]), axis=0) / BIT
        into = word[:, :-1] - word[:, 1:]
        return np.concatenate([
            ((into - i) / C).ravel(), ((i + bit[:-1] - bit[1:]) / C).ravel(), rate.ravel()
        ])

    y = np.concatenate([np.zeros(2 * M * N), start.ravel()])
    for a, b in pairwise(range(len(t))):
        y = solve_ivp(slopes, (t[a], t[b]), y, "Radau", args=(a, b), rtol=rtol, atol=rtol).y[:, -1]
    _, w, x = y.reshape(3, M, N)
    return x, w[-1] / BIT


def errors(name, tolerances, rtol):
    device, law, start, volts, stop, C = CASES[name]
    low, high = (np.reshape(b, (1, 1, 1)) for b in device.bounds())
    start = np.array(start)
    t = np.array([0.0, 0.1, 0.6, 0.7, 1.0]) * stop
    V = np.outer([0.0, 1.0, 1.0, -0.3, -0.3], volts)
    cells = device.array(state=low + (high - low) * start)
    xbar = Crossbar(cells=cells, wires=Wires(WORD, BIT, word_capacitance=C, bit_capacitance=C))
    x, i = exact(law, start, t, V, C, rtol)
    assert np.abs(x - start).max() > 0.02
    assert (x > 0).all()
    assert (x < 1).all()
    states, currents = [], []
    for each in tolerances:
        run = Solver().transient(xbar, (t, V), rtol=each)
        share = (run.crossbar.cells.state - low) / (high - low)
        states.append(np.abs(share - x).max())
        currents.append(np.abs(run.currents[-1] - i).max() / np.abs(i).max())
    return np.array(states), np.array(currents)


# errors of `rtol` in each of ~rtol^(-1/3) steps; currents of VTEAM move 20 times as far as its state
@pytest.mark.parametrize("name", CASES)
def test_error_falls_with_the_tolerance(name):
    tolerances = np.array([1e-4, 1e-6])
    states, currents = errors(name, tolerances, 1e-8)
    assert (states < tolerances ** (2 / 3)).all(), states
    assert (currents < 5.0 * tolerances ** (2 / 3)).all(), currents


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_error_falls_with_the_tolerance_over_five_decades(name):
    tolerances = 10.0 ** -np.arange(4, 10)
    states, currents = errors(name, tolerances, 1e-12)
    assert (states < tolerances ** (2 / 3)).all(), states
    assert (currents < 5.0 * tolerances ** (2 / 3)).all(), currents
    for found in (states, currents):
        assert found[-1] < found[0] / 300, found
        assert (found[3:] < found[2:-1]).all(), found
