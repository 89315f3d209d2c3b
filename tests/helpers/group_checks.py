"""The checks of an element group: how a kind of element enters the circuit's equations."""

import re
from typing import ClassVar

import numpy as np
import pytest
from crossbarsim.solvers.circuit.elements import (
    compiled_modules,
    crossbar_ports,
    kinds,
    semiconductors,
)
from crossbarsim.solvers.circuit.system.element_group import ElementGroup, Stamp
from crossbarsim.solvers.circuit.system.system import System

from crossbarsim import read_spice

KINDS = kinds, semiconductors, crossbar_ports, compiled_modules  # they register themselves
STEPS = {"V": 1e-4, "A": 1e-6, "state": 1e-5}  # of differences, by unit


def stamp(group, fill=0.0):
    order = "F" if group.by_element else "C"
    return Stamp(*(np.full(shape, fill, order=order) for shape in (
        group.f_rows.shape, group.q_rows.shape, group.g_at[0].shape, group.c_at[0].shape)))


def put(into, rows, values):
    np.add.at(into, np.broadcast_to(rows, np.shape(values)).ravel(), np.ravel(values))


def look(group, x, now):
    """Return f, q, G and C of one group as dense arrays, ground last."""
    n = len(x)
    out = stamp(group, np.nan)
    if group.f_rows.size or group.q_rows.size:
        group.evaluate(x, now, out)
    f, q, G, C = np.zeros(n), np.zeros(n), np.zeros((n, n)), np.zeros((n, n))
    for matrix, at, values in ((G, group.g_at, out.g), (C, group.c_at, out.c)):
        np.add.at(matrix, (at[0].ravel(), at[1].ravel()), values.ravel())
    for matrix, triplets in ((G, group.linear_g()), (C, group.linear_c())):
        for rows, columns, values in triplets:
            parts = np.broadcast_arrays(rows, columns, values)
            np.add.at(matrix, (parts[0].ravel(), parts[1].ravel()), parts[2].ravel())
            total = f if matrix is G else q
            np.add.at(total, parts[0].ravel(), (parts[2] * x[parts[1]]).ravel())
    put(f, group.f_rows, out.f)
    put(q, group.q_rows, out.q)
    if group.source_rows.size:
        values = np.full(len(group.source_rows), np.nan)
        group.sources(now, values)
        put(f, group.source_rows, values)
    return f, q, G, C


class GroupChecks:
    """Checks of all groups of a small circuit: give `cards`, two elements or more of the kind.

    cards : text of a deck whose elements touch no ground
    span : volt, of the nodes' random voltages
    shifts : whether currents depend on differences of voltages alone
    grounded : a node that may be ground
    exact : whether derivatives are, or only good enough for Newton's iteration
    balanced : whether what flows into an element flows out of it, and not to ground
    volts : what is added to the voltage of nodes, by label
    """

    cards = ""
    span = 1.0
    shifts = True
    grounded = ""
    exact = True
    balanced = True
    volts: ClassVar = {}
    smooth = 0.8  # the share of differences that must be trustworthy
    rtol = 1e-5

    def extend(self, circuit):
        """Add to the circuit what no deck can say."""

    def circuit(self, text=None):
        found = read_spice(f"checks\n{self.cards if text is None else text}\n.end\n")
        self.extend(found)
        return found

    def system(self, text=None):
        return System(self.circuit(text))

    def points(self, system, count=4):
        """Yield random unknowns (n + 1,)."""
        rng = np.random.default_rng(5)
        for _ in range(count):
            x = np.zeros(system.size + 1)
            for k, unit in enumerate(system.units):
                x[k] = {"V": self.span * rng.uniform(-1, 1), "A": 1e-3 * rng.uniform(-1, 1),
                        "state": rng.uniform(0.2, 0.8)}.get(unit, rng.uniform(-1, 1))
                x[k] += self.volts.get(system.labels[k], 0.0)
            yield x

    def each(self, *, count=4, **changes):
        """Yield (system, group, x, now) for all groups at all points, unlimited."""
        system = self.system()
        assert system.groups
        for x in self.points(system, count):
            for group in system.groups:
                group.start()
                now = system.instant(**{"limit": False, **changes})
                if type(group).remember is not ElementGroup.remember:
                    look(group, x, now)
                    group.remember(x)  # charges go on from a point: from this one
                    now = now.but(mode="tran")
                yield system, group, x, now

    def kirchhoff(self, system):
        """Return which rows are Kirchhoff's law; ground's, where entries may be dropped, is not."""
        return np.append((system.units == "V") & (system.row_units == "A"), False)

    # -- patterns --------------------------------------------------------------------------------

    def test_patterns(self):
        system = self.system()
        for group in system.groups:
            for rows in (group.f_rows, group.q_rows, *group.g_at, *group.c_at, group.source_rows):
                assert np.issubdtype(np.asarray(rows).dtype, np.integer)
                assert np.all((np.asarray(rows) >= -1) & (np.asarray(rows) < system.size))
            assert group.g_at[0].shape == group.g_at[1].shape
            assert group.c_at[0].shape == group.c_at[1].shape
            for triplets in (group.linear_g(), group.linear_c()):
                for rows, columns, values in triplets:
                    parts = np.broadcast_arrays(rows, columns, values)
                    assert np.isfinite(parts[2].astype(float)).all()
                    assert (parts[0] < system.size).all()
                    assert (parts[1] < system.size).all()

    def test_every_element_has_a_group(self):
        system = self.system()
        names = [name.lower() for group in system.groups for name in group.names]
        assert {e.name.lower() for e in system.circuit if e.kind != "K"} <= set(names)

    def test_all_of_a_stamp_is_filled_and_nothing_is_added_to(self):
        for _, group, x, now in self.each():
            if not (group.f_rows.size or group.q_rows.size):
                continue
            outs = [stamp(group, fill) for fill in (np.nan, 1e3)]
            for out in outs:
                group.evaluate(x, now, out)
            for name in ("f", "q", "g", "c"):
                one, other = (getattr(out, name) for out in outs)
                assert np.isfinite(one).all(), name
                np.testing.assert_array_equal(one, other, err_msg=name)

    def test_the_system_adds_the_groups_up(self):
        system = self.system()
        for x in self.points(system):
            system.start()
            now = system.instant(limit=False)
            system.evaluate(x, now)
            found = [look(group, x, now) for group in system.groups]
            f, q, G, C = (sum(part) for part in zip(*found, strict=True))
            np.testing.assert_allclose(system.f[:-1], f[:-1], rtol=1e-11, atol=1e-12 * np.abs(f).max())
            np.testing.assert_allclose(system.q[:-1], q[:-1], rtol=1e-11, atol=1e-12 * np.abs(q).max())
            matrices = system.linearise(x)
            for mine, whole in zip((G, C), matrices, strict=True):
                np.testing.assert_allclose(
                    whole.toarray(), mine[:-1, :-1], rtol=1e-11, atol=1e-12 * np.abs(mine).max())

    # -- derivatives -----------------------------------------------------------------------------

    def differences(self, system, group, x, now, which):
        """Return derivatives by differences, and where they are to be trusted."""
        n = system.size
        D, good = np.zeros((n + 1, n)), np.zeros((n + 1, n), dtype=bool)
        for j, unit in enumerate(system.units):
            h = STEPS.get(unit, 1e-4)

            def at(d, j=j):
                y = x.copy()
                y[j] += d
                return look(group, y, now)[which]

            coarse, fine = (at(h) - at(-h)) / (2 * h), (at(h / 2) - at(-h / 2)) / h
            D[:, j] = (4 * fine - coarse) / 3
            size = np.abs(at(0.0)) / h
            good[:, j] = np.abs(coarse - fine) <= 1e-3 * np.abs(fine) + 1e-10 * size
        return D, good

    @pytest.mark.parametrize("which", ["currents", "charges"])
    def test_derivatives_against_differences(self, which):
        if not self.exact:
            pytest.skip("for Newton's iteration alone")
        k = 0 if which == "currents" else 1
        trusted, every = 0, 0
        for system, group, x, now in self.each(count=3):
            found = look(group, x, now)
            D, good = self.differences(system, group, x, now, k)
            exact = found[2 + k][:, :-1]
            scale = np.abs(exact).max(axis=1, keepdims=True)  # of its row
            size = np.abs(found[k])[:, None] / np.array([STEPS.get(u, 1e-4) for u in system.units])
            wrong = np.abs(exact - D) > self.rtol * np.abs(exact) + 1e-7 * scale + 1e-11 * size
            assert not (wrong & good).any(), (group.names, np.argwhere(wrong & good), exact, D)
            trusted, every = trusted + good.sum(), every + good.size
        assert trusted >= self.smooth * every

    # -- laws ------------------------------------------------------------------------------------

    def test_kirchhoffs_law_of_currents(self):
        if not self.balanced:
            pytest.skip("it leads to ground")
        # what flows into an element flows out of it, so columns of G add up to nothing, too
        for system, group, x, now in self.each():
            f, _, G, _ = look(group, x, now)
            nodes = self.kirchhoff(system)
            assert abs(f[nodes].sum()) <= 1e-12 * np.abs(f[nodes]).sum() + 1e-25
            left = np.abs(G[nodes].sum(axis=0))
            assert (left <= 1e-12 * np.abs(G[nodes]).sum(axis=0) + 1e-25).all()

    def test_charge_is_conserved(self):
        if not self.balanced:
            pytest.skip("it leads to ground")
        for system, group, x, now in self.each():
            _, q, _, C = look(group, x, now)
            nodes = self.kirchhoff(system)
            assert abs(q[nodes].sum()) <= 1e-12 * np.abs(q[nodes]).sum() + 1e-30
            left = np.abs(C[nodes].sum(axis=0))
            assert (left <= 1e-12 * np.abs(C[nodes]).sum(axis=0) + 1e-30).all()

    def test_differences_of_voltages_count(self):
        if not self.shifts:
            pytest.skip("its expressions refer to ground")
        for system, group, x, now in self.each():
            volts = np.append((system.units == "V") & (system.row_units != "1"), False)
            one, other = look(group, x, now), look(group, x + 0.37 * volts, now)
            for a, b in zip(one[:2], other[:2], strict=True):
                np.testing.assert_allclose(b, a, rtol=1e-7, atol=1e-9 * np.abs(a).max() + 1e-25)

    def test_ground_is_a_node_like_others(self):
        if not self.grounded:
            pytest.skip("no node of it can be ground")
        whole = self.system()
        tied = self.system(re.sub(rf"\b{self.grounded}\b", "0", self.cards))
        here = {label: k for k, label in enumerate(whole.labels)}
        places = [here[label] for label in tied.labels]
        for x in self.points(whole):
            x[here[f"v({self.grounded})"]] = 0.0
            y = np.append(x[places], 0.0)
            sums = []
            for system, z in ((whole, x), (tied, y)):
                system.start()
                now = system.instant(limit=False)
                found = [look(group, z, now)[:2] for group in system.groups]
                sums.append([sum(part) for part in zip(*found, strict=True)])
            for a, b in zip(*sums, strict=True):
                np.testing.assert_allclose(b[:-1], a[places], rtol=1e-9, atol=1e-12 * np.abs(a).max() + 1e-25)

    # -- memory ----------------------------------------------------------------------------------

    def test_unlimited_evaluations_have_no_memory(self):
        system = self.system()
        points = list(self.points(system))
        for group in system.groups:
            group.start()
            now = system.instant(limit=False)
            first = [look(group, x, now) for x in points]
            again = [look(group, x, now) for x in reversed(points)][::-1]
            for one, other in zip(first, again, strict=True):
                for a, b in zip(one[:None if self.exact else 2], other, strict=False):
                    np.testing.assert_allclose(b, a, rtol=1e-12 if self.exact else 1e-6, atol=1e-30)
            assert not np.any(group.limited)

    def test_limiting_ends(self):
        # Newton's iteration at rest: limited voltages arrive at those that are there
        for system, group, x, now in self.each(count=3):
            group.start()
            for _ in range(100):
                found = look(group, x, system.instant(limit=True))
                if not np.any(group.limited):
                    break
            else:
                raise AssertionError(f"{group.names} are limited for ever")
            expected = look(group, x, now)
            for a, b in zip(expected, found, strict=True):
                np.testing.assert_allclose(b, a, rtol=1e-6, atol=1e-9 * np.abs(a).max())

    def test_a_refused_step_leaves_no_trace(self):
        system = self.system()
        first, second = list(self.points(system, 2))
        for group in system.groups:
            group.start()
            now = system.instant(limit=True)
            for _ in range(100):
                look(group, first, now)
            group.accept(first, now)
            one = look(group, first, now)
            modes = group.modes()
            for _ in range(3):
                look(group, second, now)
            group.rewind()
            other = look(group, first, now)
            for a, b in zip(one, other, strict=True):
                np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-12 * np.abs(a).max() + 1e-30)
            if modes is not None:
                np.testing.assert_array_equal(group.modes(), modes)

    def test_modes_are_recalled(self):
        system = self.system()
        x = next(iter(self.points(system)))
        for group in system.groups:
            group.start()
            now = system.instant(limit=False)
            modes = group.modes()
            if modes is None:
                continue
            before = look(group, x, now)
            group.recall(~modes, fixed=True)
            look(group, x, now)
            group.recall(modes, fixed=True)
            for a, b in zip(before, look(group, x, now), strict=True):
                np.testing.assert_array_equal(b, a)

    # -- time ------------------------------------------------------------------------------------

    def test_sources_scale(self):
        for system, group, _, now in self.each(waves=True, mode="tran", time=1.3e-6, count=1):
            if not group.source_rows.size:
                continue
            whole, half = (np.full(len(group.source_rows), np.nan) for _ in range(2))
            group.sources(now, whole)
            group.sources(now.but(scale=0.5), half)
            np.testing.assert_allclose(half, 0.5 * whole, rtol=1e-14)
            still = np.full(len(whole), np.nan)
            group.sources(system.instant(), still)
            assert np.isfinite(still).all()

    def test_breakpoints_and_steps(self):
        for group in self.system().groups:
            group.start()
            for told in group.known_corners(1e-5):
                points = told(0.0, 5)
                assert points.ndim == 1
                assert np.isfinite(points).all()
                assert np.all(points > 0.0)
            assert group.max_step() > 0.0
            assert group.next_breakpoint(1e-6) > 1e-6

    def test_initial_conditions(self):
        system = self.system()
        for group in system.groups:
            group.start()
            x = np.zeros(system.size + 1)
            rows, values = group.initial(x)
            assert len(rows) == len(values)
            assert np.isfinite(values).all()
            assert np.isfinite(x).all()
            assert np.all((np.asarray(rows) >= -1) & (np.asarray(rows) < system.size))

    # -- small signals, noise, what shows --------------------------------------------------------

    def test_noise(self):
        for system, group, x, now in self.each():
            look(group, x, now)
            for source in group.noise(x, now):
                assert source.white >= 0.0
                assert source.flicker >= 0.0
                assert np.isfinite(source.white + source.flicker + source.exponent)
                assert source.kind
                assert source.element.lower() in {name.lower() for name in group.names}
                assert all(-1 <= row < system.size for row in source.rows)
                if source.spectrum is None:
                    assert all(row < 0 or system.row_units[row] == "A" for row in source.rows)
                else:
                    found = source.spectrum(np.array([1.0, 1e6, 1e12]))
                    assert found.shape == (3,)
                    assert np.all(np.isfinite(found) & (found >= 0.0))

    def test_small_signal_drive(self):
        system = self.system()
        for group in system.groups:
            rows, amplitudes = group.ac()
            assert np.shape(rows) == np.shape(amplitudes)
            assert np.all((np.asarray(rows) >= -1) & (np.asarray(rows) < system.size))
            for at, columns, values in group.ac_linear(2e6):
                assert np.isfinite(np.broadcast_arrays(at, columns, values)[2]).all()

    def test_quantities(self):
        for _, group, x, now in self.each():
            look(group, x, now)
            for name, values in group.quantities(x, now).items():
                assert name == name.lower()
                assert np.shape(values) == (len(group.names),), name
                assert np.isfinite(values).all(), name

    def test_hidden_unknowns(self):
        for _, group, x, now in self.each(count=1):
            look(group, x, now)
            assert np.shape(group.hidden(x)) == (len(group.hidden_labels()),)
            assert group.allowed(1e-9, 1) > 0.0
