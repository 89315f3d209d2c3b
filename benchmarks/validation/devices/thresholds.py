"""Models with thresholds: VTEAM, TEAM, Yakopcic, Simmons' tunnel barrier."""

from __future__ import annotations

import numpy as np

from crossbarsim.devices import TEAM, VTEAM, SimmonsTunnelBarrier, Yakopcic

from ..checks import Finding, check, each, few, relative
from ..stored import stored
from .loops import driven, loop_panel, sampled


@check("devices", "vteam")
def vteam_memtorch() -> Finding:
    """MemTorch's own VTEAM through the loop of its paper's Fig. 4: a sine of 50 MHz."""
    kept = stored("memtorch_models")["vteam"]
    volts = np.array(kept["voltage"])
    t = np.arange(len(volts)) * kept["dt"]
    fine = sampled(t[-1], 20 * (len(t) - 1) + 1)
    trace = driven(VTEAM.preset("memtorch"), fine, np.sin(2 * np.pi * 50e6 * fine), [0.0])
    ours = np.interp(t, fine, trace.current)
    return Finding(
        "current under a sine of 1 V and 50 MHz, two periods", stored("memtorch_models")["source"]["tool"],
        "another tool", few(np.array(kept["current"]) * 1e3) + " mA", few(ours * 1e3) + " mA",
        relative(ours, kept["current"]), "largest difference, of the largest current", 1e-3,
        f"its explicit Euler rule at a step of {kept['dt'] / 10000 * 1e15:.2g} fs leaves "
        f"{kept['left']:.1g}, and its state is that at the end of a step; at its default step of "
        "0.1 ns it errs by percents",
        (loop_panel("Sine of 50 MHz", volts, ours, volts, kept["current"], label="MemTorch"),),
    )


@check("devices", "vteam")
def vteam_switching_time() -> Finding:
    """Time from end to end at a constant voltage: d / |k (v / v_th - 1)^alpha|."""
    reference, ours = [], []
    for preset in ("memtorch", "magic"):
        device = VTEAM.preset(preset)
        for v in (-3.0, -2.0, 1.0, 2.0):
            k, threshold, alpha, start = (
                (device.k_on, device.v_on, device.alpha_on, device.d) if v < 0
                else (device.k_off, device.v_off, device.alpha_off, 0.0)
            )
            time = float(device.d / abs(k * (v / threshold - 1.0) ** alpha))
            t = np.linspace(0.0, time, 3)
            trace = driven(device, t, np.full(3, v), [start])
            reference.append(0.5 * float(device.d))
            ours.append(abs(float(trace.state[0, 1]) - start))
    return Finding(
        "way in half of the switching time, two sets, -3 to 2 V",
        "Kvatinsky et al., IEEE TCAS-II 62:786 (2015), doi 10.1109/TCSII.2015.2433536, equation of "
        "dw/dt without a window", "closed form", few(np.array(reference) * 1e9) + " nm",
        few(np.array(ours) * 1e9) + " nm", each(ours, reference), "largest relative difference",
        1e-8, "tolerances of the integrator",
    )


@check("devices", "team")
def team_switching() -> Finding:
    """TEAM in closed form, with alpha = 1: when the state passes three points under a voltage."""
    # linear R = r_on + (r_off - r_on) x / d under v, alpha_off = 1: dx/dt = k (v / (i_off R) - 1)
    device = TEAM(alpha_off=1.0, k_off=1e-6, i_off=1e-6, r_on=1e3, r_off=1e5, d=3e-9)
    v, stop = 1e-4 * 1e3 * 5, 0.0
    slope = (1e5 - 1e3) / 3e-9
    a, k, i_off = 1e3, 1e-6, 1e-6

    # k t = integral of R i_off / (v - R i_off) dx, R = a + slope x
    def time_to(x: float) -> float:
        r_0, r_1 = a, a + slope * x
        inside = (-(r_1 - r_0) - v / i_off * np.log((v - i_off * r_1) / (v - i_off * r_0))) / slope
        return float(inside / k)

    ends = np.array([0.2, 0.5, 0.8]) * 3e-9
    times = np.array([time_to(x) for x in ends])
    t = np.concatenate([[stop], times])
    trace = driven(device, t, np.full(4, v), [0.0])
    return Finding(
        "state under a constant voltage, alpha = 1, at three times",
        "Kvatinsky et al., IEEE TCAS-I 60:211 (2013), doi 10.1109/TCSI.2012.2215714, equations of "
        "dx/dt and of the linear I-V, integrated by hand", "closed form",
        few(ends * 1e9) + " nm", few(trace.state[0, 1:] * 1e9) + " nm",
        each(trace.state[0, 1:], ends), "largest relative difference", 1e-7,
        "tolerances of the integrator",
    )


@check("devices", "simmons")
def simmons_rates() -> Finding:
    """The barrier's speed at given currents, by the published equations and constants."""
    device = SimmonsTunnelBarrier()
    volts = np.array([-0.8, -0.6, -0.4, 0.5, 1.0, 1.5, 2.0])
    gaps = np.array([1.75, 1.7, 1.65, 1.3, 1.4, 1.5, 1.6]) * 1e-9
    i = np.asarray(device.current(volts, [gaps]))
    w = gaps
    off = 3.5e-6 * np.sinh(i / 115e-6) * np.exp(
        -np.exp((w - 1.2e-9) / 107e-12 - np.abs(i) / 500e-6) - w / 107e-12)
    on = 40e-6 * np.sinh(i / 8.9e-6) * np.exp(
        -np.exp((1.8e-9 - w) / 107e-12 - np.abs(i) / 500e-6) - w / 107e-12)
    reference = np.where(i > 0, off, on)
    ours = np.array([float(device.rate(v, [x])[0]) for v, x in zip(volts, gaps, strict=True)])
    return Finding(
        "speed of the barrier at seven voltages and gaps",
        "Pickett et al., J. Appl. Phys. 106:074508 (2009), doi 10.1063/1.3236506, as equation (11) "
        "of Kvatinsky et al. 2013, evaluated once more", "closed form", few(reference) + " m/s",
        few(ours) + " m/s", each(ours, reference), "largest relative difference", 1e-10,
        "rounding, in an exponential of an exponential",
    )


@check("devices", "yakopcic")
def yakopcic_devices() -> Finding:
    """Three published devices in another implementation of the model."""
    worst, panels, told = 0.0, [], []
    names = {"oblea_sine": "Oblea et al. 2010", "miao": "Miao et al. 2011", "jo": "Jo et al. 2010"}
    for name, label in names.items():
        kept = stored("tiotto_models")[name]
        p = {k: float(v) for k, v in kept["parameters"].items()}
        a = p.get("a1", p.get("gmin"))
        device = Yakopcic(
            a_1=a, a_2=p.get("a2", a), b=p.get("b", p.get("bmin")), v_p=p["Vp"], v_n=p["Vn"],
            a_p=p["Ap"], a_n=p["An"], x_p=p["xp"], x_n=p["xn"], alpha_p=p.get("alphap", 1.0),
            alpha_n=p.get("alphan", 5.0), eta=p["eta"],
        )
        t, volts = np.array(kept["time"]), np.array(kept["voltage"])
        fine, v = t, volts
        if name == "oblea_sine":
            fine = sampled(t[-1], 40 * (len(t) - 1) + 1)
            v = kept["input"]["vp"] * np.sin(2 * np.pi * kept["input"]["frequency"] * fine)
        elif name == "jo":  # corners lie between the kept points
            fine = sampled(t[-1], 2 * (len(t) - 1) + 1)
            side = np.where(fine <= t[-1] / 2, kept["input"]["vp"], -kept["input"]["vn"])
            v = side * (1.0 - np.abs(fine / (kept["input"]["period"] / 4) % 2.0 - 1.0))
        ours = np.interp(t, fine, driven(device, fine, v, [p["x0"]]).current)
        worst = max(worst, relative(ours, kept["current"]))
        told.append((kept["current"], ours))
        panels.append(loop_panel(label, volts, ours, volts, kept["current"], label="Memristor-Models",
                                 every=3))
    return Finding(
        "current in three devices that the paper fits: Oblea, Miao, Jo",
        "Yakopcic et al., IEEE TCAD 32:1201 (2013), doi 10.1109/TCAD.2013.2252057; "
        + stored("tiotto_models")["source"]["tool"], "another tool",
        few(np.concatenate([np.array(b) for b, _ in told])) + " A",
        few(np.concatenate([b for _, b in told])) + " A", worst,
        "largest difference, of the largest current", 1e-4,
        "tolerances of both integrators; the sine as straight lines of 8000", tuple(panels),
    )
