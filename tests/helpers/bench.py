"""One device between voltage sources, in ngspice and in the engine."""

import itertools
import shutil
import subprocess
from types import SimpleNamespace

import numpy as np
import pytest
from crossbarsim.netlists.elements import Element, Model
from crossbarsim.solvers.circuit.analyses.op import prepare
from crossbarsim.solvers.circuit.elements import semiconductors as _models  # noqa: F401 - registers the devices
from crossbarsim.solvers.circuit.homotopy import find
from crossbarsim.solvers.circuit.newton import Newton
from crossbarsim.solvers.circuit.system.element_group import Stamp
from crossbarsim.solvers.circuit.system.tolerances import Tolerances

from crossbarsim import Circuit

needs_ngspice = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is not installed")
POWER = {"vdmosn": "vdmos nchan", "vdmosp": "vdmos pchan"}  # as ngspice spells them
TIGHT = {"reltol": 1e-9, "abstol": 1e-14, "vntol": 1e-12}


def ngspice(folder, text, command, columns):
    """Run a deck with a control block; return the columns of what it wrote."""
    lines = ["bench", text, ".control", "set numdgt=15", "set wr_singlescale", *command,
             f"wrdata out {' '.join(columns)}", ".endc", ".end"]
    (folder / "deck.cir").write_text("\n".join(lines))
    done = subprocess.run(["ngspice", "-b", "deck.cir"], cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    out = folder / "out.data"
    if not out.exists():
        out = folder / "out"
    assert out.exists(), done.stdout + done.stderr
    return np.loadtxt(out, ndmin=2)


class Bench:
    """A device with every terminal at a voltage source named after it."""

    def __init__(self, letter, terminals, kind, level=1, *, own=None, celsius=27.0, options=None, compat="", **card):
        self.letter, self.terminals = letter, terminals
        self.kind, self.level, self.card, self.own = kind, level, card, own or {}
        self.celsius = celsius
        self.options, self.compat = options or {}, compat

    def text(self, extra=""):
        own = " ".join(f"{k}={v!r}" for k, v in self.own.items())
        card = " ".join(f"{k}={v!r}" for k, v in self.card.items())
        level = "" if self.level == 1 and self.kind in ("npn", "pnp", "njf", "pjf", *POWER) else f"level={self.level}"
        options = " ".join(f"{k}={v!r}" for k, v in {**TIGHT, "gmin": 1e-15, **self.options}.items())
        sources = "\n".join(f"v{t} {t} 0 dc 0 {extra if t == self.driven else ''}" for t in self.terminals)
        return f"""{sources}
{self.letter}1 {' '.join(self.terminals)} mod {own}
.model mod {POWER.get(self.kind, self.kind)} {level} {card}
.options {options}
.temp {self.celsius!r}"""

    driven = ""

    def circuit(self, **volts):
        c = Circuit("bench")
        for t in self.terminals:
            c.V(t, t, 0, volts.get(t, 0.0))
        c.models["mod"] = Model("mod", self.kind, self.level, dict(self.card))
        c.add(Element(self.letter.upper(), f"{self.letter}1", tuple(self.terminals), 0.0, model="mod",
                      parameters=tuple(self.own.items())))
        c.temperature = self.celsius + 273.15
        c.deck = SimpleNamespace(compat=self.compat, as_read=None)
        return c.options(gmin=1e-15, **self.options)

    # -- the engine ----------------------------------------------------------------------------

    def system(self, **volts):
        return prepare(self.circuit(**volts))

    def points(self, sweeps):
        """Yield voltages in ngspice's order: the first sweep is the inner one."""
        grids = [np.linspace(a, b, n) for a, b, n in sweeps.values()]
        for values in itertools.product(*reversed(grids)):
            yield dict(zip(reversed(list(sweeps)), values, strict=True))

    def curves(self, sweeps, fixed=None, look=()):
        """Return currents into the terminals (points, T), and what the device tells."""
        system = self.system(**(fixed or {}))
        newton = Newton(system, Tolerances(**TIGHT, gmin=1e-15))
        sources = next(g for g in system.groups if hasattr(g, "level"))
        device = next(g for g in system.groups if g.names == (f"{self.letter}1",))
        order = {n.lower(): k for k, n in enumerate(sources.names)}
        x, now, found, told = np.zeros(system.size + 1), system.instant(), [], []
        branches = [system.branches[f"v{t}"] for t in self.terminals]
        for volts in self.points(sweeps):
            for t, v in volts.items():
                sources.level[order[f"v{t}"]] = v
            system.touch()
            outcome = newton.solve(x, now, limit=200)
            if not outcome.converged:
                outcome = find(newton, np.zeros_like(x), now)
            x = outcome.x
            system.accept(x, now)
            found.append(-x[branches])
            if look:
                q = device.quantities(x, now)
                told.append([float(q[name][0]) for name in look])
        return np.array(found), np.array(told)

    # -- ngspice -------------------------------------------------------------------------------

    def reference(self, folder, sweeps, fixed=None, look=()):
        """Return the same from ngspice."""
        steps = " ".join(f"v{t} {a!r} {b!r} {(b - a) / (n - 1)!r}" for t, (a, b, n) in sweeps.items())
        alter = [f"alter v{t} = {v!r}" for t, v in (fixed or {}).items()]
        names = [f"i(v{t})" for t in self.terminals] + [f"@{self.letter}1[{n}]" for n in look]
        save = ["save all " + " ".join(names[len(self.terminals):])] if look else []
        got = ngspice(folder, self.text(), [*save, *alter, f"dc {steps}"], names)[:, 1:]
        return -got[:, :len(self.terminals)], got[:, len(self.terminals):]

    def compare(self, folder, sweeps, fixed=None, floor=1e-9):
        """Return the largest difference in terms of the largest current of each point."""
        ours, _ = self.curves(sweeps, fixed)
        theirs, _ = self.reference(folder, sweeps, fixed)
        n = min(len(ours), len(theirs))
        assert n >= len(ours) - 1
        size = np.abs(theirs[:n]).max(axis=1, keepdims=True)
        return (np.abs(ours[:n] - theirs[:n]) / (size + floor)).max(), ours[:n], theirs[:n]

    # -- small signals -------------------------------------------------------------------------

    def admittance(self, volts, driven, hertz=1e6):
        """Return the currents into the terminals for 1 volt at `driven`, complex (T,)."""
        system = self.system(**volts)
        newton = Newton(system, Tolerances(**TIGHT, gmin=1e-15))
        x = find(newton, np.zeros(system.size + 1), system.instant()).x
        system.accept(x, system.instant())
        g, c = system.linearise(x)
        matrix = (g + 2j * np.pi * hertz * c).toarray()
        drive = np.zeros(system.size, dtype=complex)
        drive[system.branches[f"v{driven}"]] = 1.0
        found = np.linalg.solve(matrix, drive)
        return -found[[system.branches[f"v{t}"] for t in self.terminals]]

    def reference_admittance(self, folder, volts, driven, hertz=1e6):
        self.driven = driven
        alter = [f"alter v{t} = {v!r}" for t, v in volts.items()]
        names = [f"i(v{t})" for t in self.terminals]
        got = ngspice(folder, self.text("ac 1"), [*alter, f"ac lin 1 {hertz!r} {hertz!r}"], names)[0]
        values = got[-2 * len(names):]
        return -(values[0::2] + 1j * values[1::2])


def evaluate(group, x, now):
    """Return f, q, G and C of one group as dense arrays over its terminals' rows."""
    out = Stamp(*(np.zeros(s, order="F") for s in (group.f_rows.shape, group.q_rows.shape, group.g_at[0].shape, group.c_at[0].shape)))
    group.evaluate(x, now, out)
    size = len(x) - 1
    f, q = np.zeros(size + 1), np.zeros(size + 1)
    G, C = np.zeros((size + 1, size + 1)), np.zeros((size + 1, size + 1))
    np.add.at(f, group.f_rows.ravel(), out.f.ravel())
    np.add.at(q, group.q_rows.ravel(), out.q.ravel())
    np.add.at(G, (group.g_at[0].ravel(), group.g_at[1].ravel()), out.g.ravel())
    np.add.at(C, (group.c_at[0].ravel(), group.c_at[1].ravel()), out.c.ravel())
    return f[:-1], q[:-1], G[:-1, :-1], C[:-1, :-1]
