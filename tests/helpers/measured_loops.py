"""Synthetic measurements: devices integrated by SciPy from laws written here, with noise."""

import math

import numpy as np
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from crossbarsim.devices import MeasuredSweep

K_EV = 8.617333262e-5


def triangle(volts, hertz, points=301, cycles=1):
    phase = np.linspace(0.0, cycles, points)
    return phase / hertz, volts * 2 / np.pi * np.arcsin(np.sin(2 * np.pi * phase))


def integrate(rate, current, bounds, x0, t, v, *, stiff=False):
    """Return currents (T,): the state within its bounds, interval by interval."""
    low, high = bounds
    x, found = x0, [current(v[0], x0)]
    for k in range(len(t) - 1):
        slope = (v[k + 1] - v[k]) / (t[k + 1] - t[k])

        def law(time, y, k=k, slope=slope):
            z = min(max(y[0], low), high)
            f = rate(v[k] + slope * (time - t[k]), z)
            return [0.0 if (y[0] <= low and f < 0) or (y[0] >= high and f > 0) else f]

        s = solve_ivp(law, (t[k], t[k + 1]), [x], method="LSODA" if stiff else "RK45",
                      rtol=1e-7, atol=1e-8 * (high - low))
        x = min(max(s.y[0, -1], low), high)
        found.append(current(v[k + 1], x))
    return np.array(found)


def vteam(r_on, r_off, k_on, k_off, alpha_on, alpha_off, v_on, v_off, d=3e-9):
    def rate(v, *_):
        if v > v_off:
            return k_off * (v / v_off - 1) ** alpha_off
        return k_on * (v / v_on - 1) ** alpha_on if v < v_on else 0.0

    return rate, lambda v, x: v / (r_on + (r_off - r_on) * x / d), (0.0, d)


def yakopcic(a_1, a_2, b, v_p, v_n, a_p, a_n, x_p=0.3, x_n=0.5, alpha_p=1.0, alpha_n=5.0):
    def rate(v, x):
        g = 0.0
        if v > v_p:
            g = a_p * (math.exp(v) - math.exp(v_p))
        elif v < -v_n:
            g = -a_n * (math.exp(-v) - math.exp(v_n))
        f = 1.0
        if v > 0 and x >= x_p:
            f = math.exp(-alpha_p * (x - x_p)) * ((x_p - x) / (1 - x_p) + 1)
        elif v <= 0 and x <= 1 - x_n:
            f = math.exp(alpha_n * (x + x_n - 1)) * x / (1 - x_n)
        return g * f

    return rate, lambda v, x: (a_1 if v >= 0 else a_2) * x * math.sinh(b * v), (0.0, 1.0)


def stanford_pku(g_0, v_0, i_0, nu_0, e_a, gamma_0, beta=0.8, a_0=0.25e-9, t_ox=12e-9, r_th=2.1e3,
                 f_min=1.4e9, gap_min=0.2e-9, gap_max=1.7e-9):
    def current(v, gap):
        return i_0 * math.exp(-gap / g_0) * math.sinh(v / v_0)

    def rate(v, gap):
        gamma = gamma_0 - beta * (gap * 1e9) ** 3
        part = (gamma * abs(v) / t_ox - f_min) / (1e-3 * f_min)
        gamma *= 0.0 if part <= 0 else (part * part * (3 - 2 * part) if part < 1 else 1.0)
        kt = K_EV * (298.0 + abs(v * current(v, gap)) * r_th)
        return -nu_0 * math.exp(-e_a / kt) * math.sinh(gamma * a_0 / t_ox * v / kt)

    return rate, current, (gap_min, gap_max)


def data_driven(a_p, a_n, t_p, t_n, k_p, k_n, r_p0, r_n0, r_n1, a, b, r_min=3e3, r_max=20e3):
    def rate(v, r):
        if v > 0:
            room = r_p0 - r
            return a_p * math.expm1(t_p * v) * math.expm1(k_p * room) if room > 0 else 0.0
        room = r - r_n0 - r_n1 * v
        return a_n * math.expm1(-t_n * v) * math.expm1(k_n * room) if room > 0 else 0.0

    return rate, lambda v, r: a / r * math.sinh(b * v), (r_min, r_max)


def static_sinh(g, v_0):
    return lambda *_: 0.0, lambda v, *_: g * v_0 * math.sinh(v / v_0), (0.0, 1.0)


E0, KB, H, M0 = 1.602176634e-19, 1.380649e-23, 6.62607015e-34, 9.1093837015e-31


def jart(n_min=0.008, n_max=20.0, nu_0=2e13, dw_a=1.35, r_tiox=650.0):
    """JART VCM v1b with the temperature of the power at once, as published (SET at v < 0)."""
    radius, l_cell, l_det, n_plug = 45e-9, 3e-9, 0.4e-9, 20.0e26
    phi_bn0, phi_n, eps, eps_phi = 0.18, 0.1, 17 * 8.8541878128e-12, 5.5 * 8.8541878128e-12
    mobility, hop, t_0, r_set, r_reset = 4e-6, 0.25e-9, 293.0, 15.72e6, 0.27 * 15.72e6
    area = math.pi * radius**2

    def barrier(y, n, t):
        gap = phi_bn0 - phi_n - y
        gap = 0.5 * (gap + math.sqrt(gap * gap + 1e-6))
        phi = max(phi_bn0 - (E0**3 * 2 * n * gap / (8 * math.pi**2 * eps_phi**3)) ** 0.25, 0.0)
        if y >= 0:
            return area * 6.01e5 * t * t * math.exp(-E0 * phi / (KB * t)) * math.expm1(E0 * y / (KB * t))
        w00 = E0 * H / (4 * math.pi) * math.sqrt(2 * n / (M0 * eps))
        a = w00 / (KB * t)
        lead = 6.01e5 * t / KB * math.sqrt(math.pi * w00 * E0 * (phi / math.cosh(a) ** 2 - y))
        return -area * lead * math.exp(-E0 * phi * math.tanh(a) / w00) * math.expm1(
            -E0 * y / (w00 / (a - math.tanh(a))))

    def balance(v, n, t):
        disc, plug = (length / (c * E0 * 2 * mobility * area)
                      for length, c in ((l_det, n), (l_cell - l_det, n_plug)))

        def miss(y):
            i = barrier(y, n, t)
            line = r_tiox + 719.2437 * (1 + 719.2437 * 3.92e-3 * i * i * 90471.47)
            return y + i * (disc + plug + line) - v

        y = 0.0 if v == 0 else brentq(miss, min(v, -1e-12), max(v, 1e-12), xtol=1e-14)
        i = barrier(y, n, t)
        return i, i * disc, y + i * (disc + plug)

    def warm(v, n):
        t = t_0
        for _ in range(60):
            i, disc, whole = balance(v, n, t)
            new = t_0 + i * whole * (r_set if v < 0 else r_reset)
            if abs(new - t) < 1e-8 * t:
                break
            t = new
        return t, i, disc, whole

    def rate(v, x):
        n = x * 1e26
        t, _, disc, whole = warm(v, n)
        field = disc / l_det if v < 0 else whole / l_cell
        limit = 1 - (x / n_max) ** 10 if v < 0 else 1 - (n_min / x) ** 10
        g = min(max(2 * field * hop / (math.pi * dw_a), -0.999), 0.999)
        base = math.sqrt(1 - g * g) + g * math.asin(g)
        jump = [math.exp(-E0 * dw_a * (base + s * 0.5 * math.pi * g) / (KB * t)) for s in (-1, 1)]
        drift = limit * 0.5 * (n_plug + n) * hop * nu_0 * (jump[0] - jump[1])
        return -drift / l_det * 1e-26

    return rate, lambda v, x: warm(v, x * 1e26)[1], (n_min, n_max)


def measured(law, volts, hertz, x0, *, noise=0.015, seed=0, points=301, cycles=1, compliance=np.inf,
             stiff=False, **options):
    """Return a sweep of a device, with noise that is a share of the current."""
    rate, current, bounds = law
    t, v = triangle(volts, hertz, points, cycles)
    i = integrate(rate, current, bounds, x0, t, v, stiff=stiff)
    i = i * (1 + noise * np.random.default_rng(seed).standard_normal(len(t)))
    return MeasuredSweep(t, v, np.clip(i, -compliance, compliance), compliance, **options)
