"""Runs in time against closed forms, the matrix exponential and independent integrators."""

from __future__ import annotations

import numpy as np
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from crossbarsim import Circuit, Crossbar, Pwl, Solver, Wires, read_spice
from crossbarsim.devices import VTEAM, StanfordPKU

from ..checks import Array, Curve, Finding, Panel, check, few, relative


@check("solvers", "transients")
def rc_line() -> Finding:
    """A word line of ten segments as an RC ladder, switched on: the matrix exponential."""
    N, ohm, farad, g = 10, 1e3, 1e-14, 1e-6
    cells = np.full((1, N), g)
    xbar = Crossbar(cells, Wires(word=ohm, bit=0.0, word_capacitance=farad))
    stop = 5e-10
    t = np.array([0.0, 1e-15, stop])
    V = np.array([[0.0], [1.0], [1.0]])
    run = Solver().transient(xbar, (t, V), rtol=1e-7, max_step=stop / 400)
    A = np.zeros((N, N))
    drive = np.zeros(N)
    for j in range(N):
        A[j, j] += g + 1.0 / ohm
        if j + 1 < N:
            A[j, j] += 1.0 / ohm
            A[j, j + 1] = A[j + 1, j] = -1.0 / ohm
    drive[0] = 1.0 / ohm
    steady = np.linalg.solve(A, drive)
    times = np.asarray(run.time)
    late = times > 2e-12
    exact = np.array([steady - expm(-A / farad * s) @ steady for s in times[late]]) * g
    ours = np.asarray(run.currents)[late]
    return Finding(
        "currents of ten cells after a step of 1 V on an RC ladder of 1 kohm and 10 fF a segment",
        "matrix exponential (scipy.linalg.expm) of the ladder's nodal equations", "closed form",
        few(exact[-1] * 1e9) + " nA", few(ours[-1] * 1e9) + " nA", relative(ours, exact),
        "largest difference at any step, of the largest current", 1e-4,
        "rtol 1e-7 a step, 400 steps and more; the edge of 1 fs",
        (Panel("RC ladder", "time (ps)", "current (nA)", tuple(
            [Curve(f"cell {j}", times[late] * 1e12, ours[:, j] * 1e9) for j in (0, 4, 9)]
            + [Curve(f"cell {j}, exact", times[late][::20] * 1e12, exact[::20, j] * 1e9, reference=True)
               for j in (0, 4, 9)])),),
    )


@check("solvers", "transients")
def rlc() -> Finding:
    """A series RLC circuit rings as its damped oscillation says."""
    text = """series rlc
v1 a 0 pwl(0 0 1p 1)
r1 a b 10
l1 b c 1u
c1 c 0 1n
.tran 0.1n 1u 0 0.2n uic
.options reltol=1e-6 abstol=1e-12 vntol=1e-9 chgtol=1e-18
.end
"""
    circuit: Circuit = read_spice(text)
    run = Solver().run(circuit)[0]
    t = np.asarray(run["time"])
    ours = np.asarray(run["v(c)"])
    alpha, omega_0 = 10.0 / 2e-6, 1.0 / np.sqrt(1e-6 * 1e-9)
    omega = np.sqrt(omega_0**2 - alpha**2)
    exact = 1.0 - np.exp(-alpha * t) * (np.cos(omega * t) + alpha / omega * np.sin(omega * t))
    return Finding(
        "voltage of the capacitor of a series RLC circuit, 1 us, five swings",
        "damped oscillation in closed form", "closed form", few(exact) + " V", few(ours) + " V",
        relative(ours, exact), "largest difference, of the largest voltage", 1e-4,
        "the local error that reltol 1e-6 allows, over 1000 steps",
        (Panel("RLC", "time (us)", "voltage (V)", (
            Curve("crossbarsim", t * 1e6, ours),
            Curve("closed form", t[::100] * 1e6, exact[::100], reference=True))),),
    )


def _array_by_radau(device: VTEAM, G: Array, ohm: float, volts: Array, stop: float) -> Array:
    """Return the states (M, N) of a small array at the end: wires eliminated, Radau for states."""
    M, N = G.shape
    x_0 = np.asarray(device.state_from_conductance(G))[0].ravel()
    d = float(device.d)

    def rates(_t: float, y: Array) -> Array:
        g = np.asarray(device.conductance([y * d])).reshape(M, N)
        sol = Solver(rtol=1e-12).solve(Crossbar(g, Wires(word=ohm, bit=ohm)), volts)
        across = (np.asarray(sol.word_voltages) - np.asarray(sol.bit_voltages)).ravel()
        return np.asarray(device.rate(across, [y * d]))[0] / d

    found = solve_ivp(rates, (0.0, stop), x_0 / d, method="Radau", rtol=1e-9, atol=1e-12)
    return np.asarray(found.y[:, -1]).reshape(M, N)


@check("solvers", "transients")
def array_of_devices() -> Finding:
    """A 3x3 array of VTEAM cells in its wires, states by SciPy's Radau."""
    device = VTEAM.preset("memtorch")
    G = np.array([[5e-3, 4e-3, 3e-3], [2.5e-3, 6e-3, 8e-3], [7e-3, 3.5e-3, 4.5e-3]])
    volts, ohm, stop = np.array([0.5, 0.3, 0.4]), 5.0, 1e-7
    xbar = Crossbar(cells=device.array(conductance=G), wires=Wires(word=ohm, bit=ohm))
    t = np.array([0.0, stop])
    run = Solver().transient(xbar, (t, np.stack([volts, volts])), rtol=1e-8, probes=["state"])
    after = np.asarray(run.crossbar.cells.state)[0] / float(device.d)
    exact = _array_by_radau(device, G, ohm, volts, stop)
    before = np.asarray(device.state_from_conductance(G))[0] / float(device.d)
    return Finding(
        "states of 3x3 VTEAM cells after 100 ns of 0.3 to 0.5 V, 5 ohm a segment",
        "SciPy's Radau (rtol 1e-9) on the states, the wires solved at every evaluation",
        "independent integrator", few(exact, digits=8), few(after, digits=8),
        float(np.abs(after - exact).max()),
        f"largest difference, of the range; they moved by up to {np.abs(exact - before).max():.2g}",
        1e-6, "tolerances of both integrators",
    )


@check("solvers", "transients")
def stanford_by_radau() -> Finding:
    """One device that switches, by SciPy's Radau on the same law."""
    device = StanfordPKU()
    stop = 2e-6
    t = np.linspace(0.0, stop, 401)
    v = -1.25 * np.sin(np.pi * t / stop)

    def rate(s: float, y: Array) -> Array:
        gap = float(np.clip(y[0], 0.2, 1.7)) * 1e-9
        return np.array([float(device.rate(float(np.interp(s, t, v)), [gap])[0]) * 1e9])

    found = solve_ivp(rate, (0.0, stop), [0.2], method="Radau", rtol=1e-8, atol=1e-11, t_eval=t,
                      max_step=stop / 400)
    ours = device.simulate(t, v, state=[0.2e-9], rtol=1e-9).state[0] * 1e9
    return Finding(
        "gap through a half sine of -1.25 V in 2 us", "SciPy's Radau on the same law",
        "independent integrator", few(found.y[0], digits=6) + " nm", few(ours, digits=6) + " nm",
        float(np.abs(ours - found.y[0]).max() / 1.5), "largest difference, of 1.5 nm", 1e-4,
        "Radau's steps across corners of the tabulated voltage",
        (Panel("RESET of Stanford/PKU", "time (us)", "gap (nm)", (
            Curve("crossbarsim", t * 1e6, ours),
            Curve("Radau", t[::20] * 1e6, found.y[0][::20], reference=True))),),
    )


@check("solvers", "transients")
def ramped_source() -> Finding:
    """The charge through a cell under a ramp: v^2 G / 2."""
    xbar = Crossbar(np.array([[1e-4]]), Wires(word=0.0, bit=0.0, word_capacitance=1e-18))
    run = Solver().transient(xbar, [Pwl([0.0, 1e-6], [0.0, 1.0])], 1e-6, rtol=1e-6)
    ours = float(run.energy)
    exact = 1e-4 * 1e-6 / 3.0
    return Finding(
        "energy of a ramp of 1 V in 1 us into 100 uS", "integral of G v^2: G t / 3", "closed form",
        f"{exact:.6g} J", f"{ours:.6g} J", abs(ours / exact - 1.0), "relative difference", 1e-3,
        "the integral's own quadrature over a thirtieth of the run",
    )
