"""Filaments: Stanford/PKU, SkyWater's ReRAM, JART VCM v1b."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from crossbarsim.devices import JartVcmV1b, JartVcmV1bVariable, Sky130Reram, StanfordPKU

from ..checks import Curve, Finding, Panel, check, each, few, relative
from ..stored import stored
from .loops import driven, loop_panel, triangle

GUIDE = ("Jiang, Yu, Guan, Wong: user guide of Stanford's RRAM Verilog-A model 1.0.0 (2014), "
         "doi 10.4231/D37H1DN48, ")
FILES = "benchmarks/validation/published/authors_verilog_a.json"


def _stanford_branches() -> tuple[StanfordPKU, tuple[np.ndarray, ...]]:
    """Return the model and its triangles of 2 V in 4 ms, SET and RESET: V, I of both."""
    device = StanfordPKU()
    up = np.linspace(0.0, 2.0, 4001)
    v = np.concatenate([up, up[-2::-1]])
    t = np.arange(len(v)) * 1e-6
    on = driven(device, t, v, [device.gap_max], rtol=1e-7)
    off = driven(device, t, -v, [device.gap_min], rtol=1e-7)
    return device, (v, on.current, -v, off.current)


@check("devices", "stanford_pku")
def stanford_dc_branches() -> Finding:
    """Both branches of the published DC loop, away from the switching."""
    published = stored("stanford_user_guide")["figure_3"]
    volts, amperes = np.array(published["voltage"]), np.array(published["current"])
    device, (v, i, w, j) = _stanford_branches()
    gaps = np.where(amperes > np.sqrt(
        np.abs(device.current(volts, [np.full(len(volts), 1.7e-9)]))
        * np.abs(device.current(volts, [np.full(len(volts), 0.2e-9)]))), 0.2e-9, 1.7e-9)
    # where the published filament moves: from the knee of the RESET to its end, and the SET itself
    still = ~((volts < -1.03) & (volts > -1.40)) & ~((volts > 1.385) & (volts < 1.40))
    still &= np.abs(volts) > 0.025
    ours = np.abs(device.current(volts, [gaps]))
    error = each(ours[still], amperes[still])
    picture = Panel(
        "DC loop, Fig. 3 of the user guide", "voltage (V)", "|current| (A)",
        (Curve("crossbarsim", np.concatenate([w[::-1], v]), np.abs(np.concatenate([j[::-1], i]))),
         Curve("published (HSPICE)", volts, amperes, reference=True)), log_y=True,
    )
    return Finding(
        "currents of the low and the high resistance branch, 0.025 to 1.6 V, both signs",
        GUIDE + "Fig. 3", "digitised figure",
        few(amperes[still]) + " A", few(ours[still]) + " A", error,
        f"largest relative difference of {int(still.sum())} points", 0.02,
        "reading the figure: a marker's centre is known to 0.05 pt, which is 0.5 % of the current, "
        "and to 0.0003 V, 1 % of it near 0.03 V", (picture,),
    )


@check("devices", "stanford_pku")
def stanford_set_voltage() -> Finding:
    """Where the published DC loop jumps to the low resistance."""
    published = stored("stanford_user_guide")["figure_3"]
    volts, amperes = np.array(published["voltage"]), np.array(published["current"])
    rising = np.flatnonzero((volts[:-1] > 1.0) & (amperes[1:] / amperes[:-1] > 10))[0]
    reference = 0.5 * (volts[rising] + volts[rising + 1])
    _, (v, i, _, _) = _stanford_branches()
    half = len(v) // 2
    ours = v[int(np.argmax(np.diff(np.log(np.abs(i[1:half])))) + 1)]
    return Finding(
        "SET voltage under a triangle of 0.5 V/ms", GUIDE + "Fig. 3", "digitised figure",
        f"{reference:.4g} V", f"{ours:.4g} V", abs(ours - reference), "difference, V", 0.005,
        "markers are 0.7 mV apart; the deck starts at a gap of 1.9 nm, the range ends at 1.7 nm",
    )


@check("devices", "stanford_pku")
def stanford_reset_knee() -> Finding:
    """Where the published DC loop leaves the low resistance."""
    published = stored("stanford_user_guide")["figure_3"]
    volts, amperes = np.array(published["voltage"]), np.array(published["current"])
    down = np.flatnonzero((volts < -0.8) & (volts > -1.2))
    first = down[int(np.argmax(amperes[down] < 0.5 * np.abs(
        StanfordPKU().current(volts[down], [np.full(len(down), 0.2e-9)]))))]
    _, (_, _, w, j) = _stanford_branches()
    full = np.abs(StanfordPKU().current(w, [np.full(len(w), 0.2e-9)]))
    ours = w[int(np.argmax((w < -0.5) & (np.abs(j) < 0.5 * full)))]
    return Finding(
        "voltage at which RESET has halved the current", GUIDE + "Fig. 3", "digitised figure",
        f"{volts[first]:.4g} V", f"{ours:.4g} V", abs(ours - volts[first]), "difference, V", 0.02,
        "the published curve falls in jumps of 30 mV: the file's rate is zero below a field, and "
        "HSPICE's steps overshoot that edge, which ours follow",
    )


@check("devices", "stanford_pku")
def stanford_reset_pulse() -> Finding:
    """The published RESET pulse of -1.3 V."""
    published = stored("stanford_user_guide")["figure_5_reset"]
    t, amperes = np.array(published["time"]), np.array(published["current"])
    grid = np.unique(np.concatenate([[0.0, 10e-12, 20e-12], np.arange(0.1e-9, 100.1e-9, 0.1e-9)]))
    v = -1.3 * np.interp(grid, [10e-12, 20e-12], [0.0, 1.0])
    curves = [
        Curve(label, grid[3:] * 1e9, np.abs(driven(device, grid, v, [0.2e-9]).current)[3:])
        for label, device in (("crossbarsim, r_th = 0", StanfordPKU(r_th=0.0)),
                              ("crossbarsim, r_th = 2100 K/W", StanfordPKU()))
    ]
    ours = np.interp(t * 1e9, curves[0].x, curves[0].y)
    late = t > 0.15e-9
    picture = Panel(
        "RESET pulse of -1.3 V, Fig. 5", "time (ns)", "|current| (A)",
        (*curves, Curve("published (HSPICE)", t[::2] * 1e9, amperes[::2], reference=True)))
    return Finding(
        "current during a RESET pulse of -1.3 V, 0.15 to 99 ns, without self-heating",
        GUIDE + "Fig. 5", "digitised figure", few(amperes[late]) + " A", few(ours[late]) + " A",
        each(ours[late], amperes[late]),
        "largest relative difference", 0.02,
        "reading the figure, 0.01 mA of 3 mA. The published curve has no self-heating: the file "
        "reads the current before it writes it, which HSPICE took for 0 A. With the heating of the "
        "paper's equation (5) the current falls twice as fast: the second line", (picture,),
    )


@check("devices", "stanford_pku")
def stanford_set_pulse() -> Finding:
    """The published SET pulse of 1.8 V: its delay, and the current afterwards."""
    published = stored("stanford_user_guide")["figure_5_set"]
    t, amperes = np.array(published["time"]), np.array(published["current"])
    device = StanfordPKU(r_th=0.0)
    reference = t[int(np.argmax(amperes > 0.1))]
    grid = np.unique(np.concatenate([[0.0, 10e-12, 20e-12], np.arange(0.05e-9, 40e-9, 0.02e-9)]))
    trace = driven(device, grid, 1.8 * np.interp(grid, [10e-12, 20e-12], [0, 1]), [1.7e-9])
    # the deck's gap starts at 1.9 nm, outside of its range: it has to come back at the rate of 1.7
    start = 0.2e-9 / abs(float(device.rate(1.8, [1.7e-9])[0]))
    ours = grid[int(np.argmax(np.abs(trace.current) > 0.1))] + start
    level = each(np.abs(trace.current[-1]), amperes[-1])
    return Finding(
        "delay of the SET under 1.8 V, from the deck's gap of 1.9 nm", GUIDE + "Fig. 5",
        "digitised figure", f"{reference * 1e9:.3g} ns, then {amperes[-1]:.4g} A",
        f"{ours * 1e9:.3g} ns, then {abs(trace.current[-1]):.4g} A",
        max(abs(ours / reference - 1.0), level), "largest relative difference of delay and current",
        0.2, "HSPICE stepped by 1 ns with the gap of the step before, three or four steps in which "
        "the current runs away; the current afterwards agrees within 0.1 %",
    )


@check("devices", "stanford_pku")
def stanford_file() -> Finding:
    """The authors' Verilog-A file through a loop."""
    kept = stored("authors_verilog_a")["rram_v_1_0_0"]
    t, v = triangle(kept["amplitude"], kept["period"], len(kept["current"]))
    ours = driven(StanfordPKU(), t, v, kept["start"])
    reference = np.array(kept["state"])
    return Finding(
        "gap through a triangle of 1.6 V in 1 ms", GUIDE + f"rram_v_1_0_0.va; {FILES}",
        "authors' code", few(reference * 1e9) + " nm", few(ours.state[0] * 1e9) + " nm",
        float(np.abs(ours.state[0] - reference).max() / 1.5e-9), "largest difference, of 1.5 nm",
        1e-5, "tolerances of the integrator; the file's constants k and q",
        (loop_panel("Triangle, the authors' file", v, ours.current, v, kept["current"],
                    label="rram_v_1_0_0.va", log=True),),
    )


@check("devices", "sky130")
def sky130_resistances() -> Finding:
    """Resistances at both ends of the filament's range, by the foundry's equation."""
    device = Sky130Reram()
    tips = np.array([3.3e-9, 4.9e-9])
    reference = 0.1 / (6.14e-5 * np.exp(-(5e-9 - tips) / (5e-9 - 4.7249e-9)) * np.sinh(0.1 / 0.43))
    ours = 1.0 / device.conductance([tips, [300.0, 300.0]])
    return Finding(
        "resistance at 0.1 V, shortest and longest filament",
        "SkyWater, sky130_fd_pr_reram__reram_cell.va, its equation of the current by hand",
        "closed form", few(reference, digits=6) + " ohm", few(ours, digits=6) + " ohm",
        each(ours, reference), "largest relative difference", 1e-12, "rounding",
    )


@check("devices", "sky130")
def sky130_file() -> Finding:
    """The foundry's Verilog-A file through a loop."""
    kept = stored("authors_verilog_a")["sky130_fd_pr_reram__reram_cell"]
    t, v = triangle(kept["amplitude"], kept["period"], len(kept["current"]))
    ours = driven(Sky130Reram(), t, v, kept["start"])
    reference = np.array(kept["state"])
    return Finding(
        "filament through a triangle of 1.8 V in 1 us, from 3.8 nm",
        f"SkyWater, sky130_fd_pr_reram__reram_cell.va (d6d2a3c); {FILES}", "authors' code",
        few(reference * 1e9) + " nm", few(ours.state[0] * 1e9) + " nm",
        float(np.abs(ours.state[0] - reference).max() / 1.6e-9), "largest difference, of 1.6 nm",
        1e-4, "tolerances of the integrator, in a thermal runaway",
        (loop_panel("Triangle, the foundry's file", v, ours.current, v, kept["current"],
                    label="sky130_fd_pr_reram", log=True),),
    )


@check("devices", "jart_vcm_v1b")
def jart_file() -> Finding:
    """The authors' Verilog-A file through a loop."""
    kept = stored("authors_verilog_a")["jart_vcm_1b_var"]
    t, v = triangle(kept["amplitude"], kept["period"], len(kept["current"]))
    device = JartVcmV1b()
    ours = driven(device, t, v, [kept["start"][0], device.t_0])
    reference = np.array(kept["current"])
    # the two switch at once, within one step: compare where neither moves
    a, b = np.log(ours.state[0]), np.log(kept["state"])
    span = np.log(device.n_max / device.n_min)
    off = np.abs(a - b) / span
    return Finding(
        "oxygen vacancies through a triangle of 1.3 V in 1 ms, on a logarithmic scale",
        "Bengel et al., IEEE TCAS-I 67:4618 (2020), doi 10.1109/TCSI.2020.3018502: "
        f"JART_VCM_1b_verilog-var.va without variability; {FILES}",
        "authors' code", few(kept["state"]) + " 1e26/m3", few(ours.state[0]) + " 1e26/m3",
        float(off.max()), "largest difference, of the range's logarithm", 1e-3,
        "the file's barrier jumps where V_Schottky passes phi_bn0 - phi_n, ours is smooth there, "
        "and the file's temperature has no time constant",
        (loop_panel("Triangle, the authors' file", v, ours.current, v, reference,
                    label="JART_VCM_1b_VAR", log=True),),
    )


def _jart_current(v: float, n: float, kelvin: float) -> float:
    """Return Bengel's equations (12) to (19), solved for the current by bisection."""
    e, k, h, eps_0 = 1.602176634e-19, 1.380649e-23, 6.62607015e-34, 8.8541878128e-12
    area = np.pi * 45e-9**2
    doped = n * 1e26
    disc = 0.4e-9 / (doped * 2 * e * 4e-6 * area)
    plug = 2.6e-9 / (20e26 * 2 * e * 4e-6 * area)
    w_00 = e * h / (4 * np.pi) * np.sqrt(2 * doped / (9.10938e-31 * 17 * eps_0))
    kt = k * kelvin
    prime = w_00 / (w_00 / kt - np.tanh(w_00 / kt))
    w_0 = w_00 / np.tanh(w_00 / kt)

    def schottky(s: float) -> float:
        psi = 0.18 - 0.1 - s
        barrier = 0.18
        if psi > 0:
            barrier -= (e**3 * 2 * doped * psi / (8 * np.pi**2 * (5.5 * eps_0) ** 3)) ** 0.25
        barrier = max(barrier, 0.0)
        if s < 0:
            root = np.sqrt(np.pi * w_00 * e * (abs(s) + barrier / np.cosh(w_00 / kt) ** 2))
            return float(-area * 6.01e5 * kelvin / k * root * np.exp(-e * barrier / w_0)
                         * np.expm1(e * abs(s) / prime))
        return float(area * 6.01e5 * kelvin**2 * np.exp(-barrier * e / kt) * np.expm1(e * s / kt))

    def rest(s: float) -> float:
        i = schottky(s)
        line = 650.0 + 719.2437 * (1 + 719.2437 * 3.92e-3 * i * i * 90471.47)
        return s + i * (disc + plug + line) - v

    return schottky(float(brentq(rest, min(v, 0.0), max(v, 0.0), xtol=1e-16, rtol=1e-14)))


@check("devices", "jart_vcm_v1b")
def jart_currents() -> Finding:
    """Currents at frozen states by the paper's equations, written down once more."""
    device = JartVcmV1b()
    points = [(v, n, 293.0) for v in (-1.0, -0.5, -0.2, 0.2, 0.5, 1.0) for n in (0.008, 0.5, 20.0)]
    reference = np.array([_jart_current(*p) for p in points])
    v, n, kelvin = (np.array(c) for c in zip(*points, strict=True))
    ours = np.asarray(device.current(v, [n, kelvin]))
    return Finding(
        "current at 293 K, three states, -1 to 1 V",
        "Bengel et al. 2020, equations (12) to (19) and Table I, solved by bisection",
        "closed form", few(reference * 1e6) + " uA", few(ours * 1e6) + " uA", each(ours, reference),
        "largest relative difference", 1e-4,
        "our barrier is smoothed where the paper's has a corner",
    )


@check("devices", "jart_vcm_v1b_variable")
def jart_variable_without_deviation() -> Finding:
    """The variant with variability is the deterministic model where nothing deviates."""
    t, v = triangle(-1.3, 1e-3, 201)
    device, plain = JartVcmV1bVariable(), JartVcmV1b()
    state = device.rest()
    state[list(device.state_names).index(plain.state_names[0])] = 0.008
    ours = driven(device, t, v, state).current
    reference = driven(plain, t, v, [0.008, plain.t_0]).current
    return Finding(
        "current through a triangle of 1.3 V in 1 ms, no deviation",
        "Bengel et al. 2020, equations (21) to (24) with r_new = r_old: the deterministic model, "
        "itself compared above", "closed form", few(reference * 1e6) + " uA", few(ours * 1e6) + " uA",
        relative(ours, reference), "largest difference, of the largest current", 1e-6,
        "tolerances of the integrator",
    )
