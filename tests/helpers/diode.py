"""A complete non-linear group: a plain exponential diode with a junction capacitor.

The example that the protocol's text refers to.
"""

import numpy as np
from crossbarsim.netlists.circuit import Circuit
from crossbarsim.netlists.elements import Element, Model
from crossbarsim.solvers.circuit.system.builder import register_model
from crossbarsim.solvers.circuit.system.element_group import ElementGroup

VT = 0.025852


def pnjlim(new, old, vt, critical):
    """SPICE's limit of a junction's step."""
    far = (new > critical) & (np.abs(new - old) > 2 * vt)
    arg = (new - old) / vt
    with np.errstate(invalid="ignore", divide="ignore"):
        up = np.where(arg > 0, old + vt * (2 + np.log(np.maximum(arg - 2, 1e-9))), old - vt * (2 + np.log(np.maximum(2 - arg, 1e-9))))
        first = vt * np.log(np.maximum(new / vt, 1e-9))
    return np.where(far, np.where(old > 0, up, first), new)


class Diodes(ElementGroup):
    def __init__(self, names, at, saturation, farad):
        a, k = at
        self.names, self.at = tuple(names), at
        self.saturation, self.farad = saturation, farad
        self.critical = VT * np.log(VT / (np.sqrt(2) * saturation))
        self.f_rows = np.array([a, k])
        self.q_rows = np.array([a, k])
        pattern = np.array([a, a, k, k]), np.array([a, k, a, k])
        self.g_at, self.c_at = pattern, pattern
        self.start()
        self.kept = self.old

    def start(self):
        self.old = np.zeros(len(self.names))

    def accept(self, x, now):  # noqa: ARG002
        self.kept = self.old

    def rewind(self):
        self.old = self.kept

    def evaluate(self, x, now, out):
        v = x[self.at[0]] - x[self.at[1]]
        limited = v
        if now.initialise:
            limited = self.critical
        elif now.limit:
            limited = pnjlim(v, self.old, VT, self.critical)
        self.limited = np.abs(limited - v) > 1e-12
        if now.initialise:
            self.limited = np.ones(len(v), dtype=bool)
        self.old = limited
        e = np.exp(limited / VT)
        current = self.saturation * (e - 1) + now.gmin * limited
        g = self.saturation * e / VT + now.gmin
        out.f[0] = current + g * (v - limited)
        out.f[1] = -out.f[0]
        out.g[0] = out.g[3] = g
        out.g[1] = out.g[2] = -g
        out.q[0] = self.farad * v
        out.q[1] = -out.q[0]
        out.c[0] = out.c[3] = self.farad
        out.c[1] = out.c[2] = -self.farad


@register_model("plain_diode")
def make(builder, elements):
    cards = [builder.circuit.models[e.model] for e in elements]
    return [Diodes(
        [e.name for e in elements], builder.at(elements, 2),
        np.array([c.get("is", 1e-14) for c in cards]), np.array([c.get("cjo", 0.0) for c in cards]),
    )]


def add_diode(circuit: Circuit, name, a, k, **parameters) -> Circuit:
    circuit.models.setdefault(name, Model(name, "plain_diode", 1, parameters))
    return circuit.add(Element("D", f"D{name}", (circuit.node(a), circuit.node(k)), 0.0, model=name))
