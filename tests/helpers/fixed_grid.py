"""Transients solved again on given steps, by dense Newton iterations: what differences need."""

import copy
from dataclasses import replace

import numpy as np
from crossbarsim.solvers.circuit.analyses.op import prepare
from crossbarsim.solvers.circuit.homotopy import CLAMP
from crossbarsim.solvers.circuit.results.names import Names
from crossbarsim.solvers.circuit.sensitivity.parameters import movable
from crossbarsim.solvers.circuit.system.element_group import ElementGroup
from numpy.polynomial import Polynomial


def dense(system, data):
    return system.matrix(np.array(data)).toarray()


def settle(system, x, now, a, offset, scale):
    """Solve f + a q + offset = 0 by Newton's iteration, to rounding."""
    before, stays = np.inf, 0
    for _ in range(40):
        system.evaluate(x, now)
        r = (system.f + a * system.q + offset)[:-1]
        matrix = dense(system, system.jacobian(a))
        rows = np.abs(matrix).max(axis=1)
        step = np.linalg.solve(matrix / rows[:, None], r / rows)
        x = x - np.append(step, 0.0)
        size = np.abs(step / scale).max()
        stays += size > 0.5 * before
        if size < 1e-13 or (stays > 3 and size < 1e-5):
            break
        before = size
    else:
        raise AssertionError(f"the replay does not settle: {size}")
    system.evaluate(x, now)
    return x


def again(made, circuit, *, uic=False):
    """Return the transient of a changed circuit on the steps of another's run."""
    run = made._run
    system = prepare(circuit, uic=uic)
    names = Names(circuit, system.nodes, system.branches, system.labels)
    held = {names.node(n): v for n, v in circuit.initial.items()}
    moding = [g for g in system.groups if type(g).modes is not ElementGroup.modes]
    time, method = made.time, system.tolerances.method
    now = system.instant(limit=False, mode="tran", waves=True)
    order = [run.system.labels.index(label) for label in system.labels]
    guess = np.append(run.values[:, order], np.zeros((len(time), 1)), axis=1)
    scale = np.abs(guess[:, :-1]).max(axis=0) + 1e-9

    def put(k):
        known = run.modes_at(k)
        for group in moding:
            places = [run.mode_places[name] for name in group.names]
            if known[places[0][0]].size:
                group.recall(np.stack([known[g][..., e] for g, e in places], axis=-1), fixed=True)

    system.start()
    put(0)
    if uic:
        x = np.zeros(system.size + 1)
        for k, v in held.items():
            x[k] = v
        extra = np.zeros(system.size + 1)
        for g in system.groups:
            rows, charge = g.initial(x)
            np.add.at(extra, rows, charge)
        system.evaluate(x, now)
        q = system.q + extra
        x = settle(system, guess[0], now, 1 / run.instant, -q / run.instant, scale)
    else:
        leak, goal = np.zeros(system.size + 1), np.zeros(system.size + 1)
        for k, v in held.items():
            leak[k], goal[k] = CLAMP, v
        system.set_leak(leak, goal)
        first = replace(now, mode="dc")
        x = settle(system, guess[0], first, 0.0, 0.0, scale)
        system.set_leak(0.0)
        system.evaluate(x, first)
        q = system.q.copy()
    for g in system.groups:
        g.accept(x, now)
    points, charges, rate = [x], [q], np.zeros_like(q)
    kinds = []
    for k in range(1, len(time)):
        h = time[k] - time[k - 1]
        _, s, _, c, *more = run.formulas[k]
        kinds.append("trap" if s else f"gear{2 + np.count_nonzero(more)}" if c else "euler")
        assert kinds[-1][:4] in ("eule", method)
        if s:
            xmu = system.tolerances.xmu
            a = 1 / ((1 - xmu) * h)
            offset = -a * charges[-1] - xmu / (1 - xmu) * rate
        elif c:
            w = h / (time[k - 1] - time[k - 2])
            a = (1 + 2 * w) / ((1 + w) * h)
            offset = -(1 + w) / h * charges[-1] + w * w / ((1 + w) * h) * charges[-2]
            if any(more):  # through the last points, whatever their distance
                back = (time[k] - np.array(time[k::-1])[:3 + np.count_nonzero(more)]) / h
                others = [Polynomial.fromroots(np.delete(back, j)) for j in range(len(back))]
                weights = [-p.deriv()(0.0) / p(b) / h for p, b in zip(others, back, strict=True)]
                a = weights[0]
                offset = sum(w * q for w, q in zip(weights[1:], charges[::-1], strict=False))
        else:
            a, offset = 1 / h, -charges[-1] / h
        at = replace(now, time=float(time[k]))
        put(k)
        x = settle(system, guess[k], at, a, offset, scale)
        points.append(x)
        charges.append(system.q.copy())
        rate = a * system.q + offset
        for g in system.groups:
            if g.follows:
                g.accept(x, at)
    found = copy.copy(made.transient)
    found._values = np.array(points)[:, :-1]
    found.circuit, found._names = circuit, names
    return found, set(kinds)


def difference(made, change, value, step, objective, *, uic=False):
    """Return the derivative by central differences of fourth order; `change(v)` is a circuit."""
    total = 0.0
    for k, w in ((-2, 1 / 12), (-1, -8 / 12), (1, 8 / 12), (2, -1 / 12)):
        total += w * objective(again(made, change(value + k * step), uic=uic)[0])[0]
    return total / step


def changed(circuit, element, card):
    """Return the circuit with another element of the same name, and a card of its own."""
    made = circuit.copy()
    if card is not None and card is not circuit.models[element.model.lower()]:
        name = f"{card.name}#{element.name.lower()}"
        made.models[name] = replace(card, name=name)
        element = replace(element, model=name)
    return made.replace(element)


def by_difference(made, circuit, name, objective, *, uic=False, share=1e-3, side=0):
    """Return the derivative by a parameter of an element or of a source's wave, by its name."""
    owner = next(
        e for e in sorted(circuit, key=lambda e: -len(e.name))
        if name == e.name.lower() or name.startswith((f"{e.name.lower()}_", f"{e.name.lower()}:"))
    )
    if owner.kind in "VI":
        field = name[len(owner.name) + 1:]

        def change(v):
            if not field:
                return circuit.copy().replace(replace(owner, value=v))
            if "[" in field:
                values = list(owner.wave.values)
                values[int(field.split("[")[1][:-1])] = v
                return circuit.copy().replace(replace(owner, wave=replace(owner.wave, values=values)))
            return circuit.copy().replace(replace(owner, wave=replace(owner.wave, **{field: v})))

        level = owner.value
        if field:
            level = getattr(owner.wave, field.split("[")[0])
            level = level[int(field.split("[")[1][:-1])] if "[" in field else level
        return difference(made, change, level, share * (abs(level) or 1.0), objective, uic=uic)
    p = next(p for p in movable(made._run, owner) if p.name == name)

    def other(v):
        return changed(circuit, *p.set(v))

    step = share * (abs(p.value) or 1.0)
    if side:  # fourth order, to one side
        step *= side
        y = [objective(again(made, other(p.value + k * step), uic=uic)[0])[0] for k in range(5)]
        return (-25 / 12 * y[0] + 4 * y[1] - 3 * y[2] + 4 / 3 * y[3] - y[4] / 4) / step
    return difference(made, other, p.value, step, objective, uic=uic)
