"""The network around one row, against solutions of the whole array."""

import numpy as np
import pytest
from crossbarsim.solvers.crossbar.problem import make_problem
from crossbarsim.solvers.crossbar.structured.row_networks import RowNetworks

from crossbarsim import Crossbar, Driven, Ends, Floating, Solver, Wires


def both_sides(volts):
    return {
        "word_left": Driven(resistance=2.0), "word_right": Driven(resistance=5.0),
        "bit_top": [Driven(voltage=v, resistance=3.0) for v in volts],
        "bit_bottom": [Driven(voltage=v, resistance=9.0) for v in volts],
    }


def below(volts):
    return {"bit_bottom": [Driven(voltage=v, resistance=3.0) for v in volts]}


def conductances(shape, seed=1):
    return np.exp(np.random.default_rng(seed).uniform(np.log(1e-5), np.log(1e-3), shape))


@pytest.mark.parametrize("ends", [below, both_sides])
@pytest.mark.parametrize("shape", [(5, 7), (6, 4), (1, 3), (3, 1), (24, 20)])
def test_equals_the_whole_array(shape, ends):
    rng, G, base, top = np.random.default_rng(0), conductances(shape), 0.6, 1.3
    bits = np.where(rng.random(shape[1]) < 0.4, 0.0, 0.6)
    networks = None
    for row in {0, shape[0] // 2, shape[0] - 1}:  # in whatever order, with what came before
        word = np.full(shape[0], base)
        word[row] = top
        xbar = Crossbar(conductance=G, wires=Wires(2.0, 3.0), ends=Ends(**ends(bits)))
        whole = Solver().solve(xbar, word)
        networks = networks or RowNetworks(make_problem(xbar, word[None]))
        network = networks.at(row, G)
        nodes, idle, power = network.idle(top - base, bits - base)
        current = network.currents(G[row], idle)
        found = whole.word_voltages - whole.bit_voltages
        assert current / G[row] == pytest.approx(found[row], rel=1e-10, abs=1e-12)
        assert nodes + network.bit @ current + base == pytest.approx(whole.bit_voltages[row], rel=1e-10, abs=1e-12)
        assert power + idle @ current == pytest.approx(float(np.sum(whole.power)), rel=1e-9)
        # the bound of other rows' word nodes
        others = np.delete(whole.word_voltages, row, axis=0) - base
        reach = max(np.abs(whole.bit_voltages - base).max(), np.abs(bits - base).max())
        assert np.abs(others).max(initial=0.0) <= min(network.load, 1.0) * reach + 1e-12
        G = G.copy()
        G[row] *= rng.uniform(0.5, 2.0, shape[1])  # the row is written


def test_sensed_currents():
    G = conductances((6, 5))
    xbar = Crossbar(conductance=G, wires=Wires(2.0, 3.0))
    network = RowNetworks(make_problem(xbar, np.zeros((1, 6)))).at(2, G)
    current = network.currents(G[2], np.full(5, 0.2))
    whole = Solver().solve(xbar, 0.2 * np.eye(6)[2])
    assert network.ends[1] @ (network.bit @ current) == pytest.approx(whole.currents, rel=1e-10)
    assert 0.2 * current.sum() == pytest.approx(float(np.sum(whole.power)), rel=1e-10)


def test_the_same_bits_whatever_came_before():
    first, then = conductances((7, 6)), conductances((7, 6), seed=2)
    problem = make_problem(Crossbar(conductance=first, wires=Wires(2.0, 3.0)), np.zeros((1, 7)))
    used = RowNetworks(problem)
    for row, G in ((3, first), (5, then), (1, first), (2, then)):
        used.at(row, G)
    mixed = then.copy()
    mixed[4] = first[4]
    for row in (0, 4, 6):
        old, new = used.at(row, mixed), RowNetworks(problem).at(row, mixed)
        assert np.array_equal(old.impedance, new.impedance)
        assert np.array_equal(old.drivers, new.drivers)


@pytest.mark.parametrize(("wires", "ends"), [
    (Wires(0.0, 1.0), Ends()), (Wires(1.0, 0.0), Ends()),
    (Wires(1.0, 1.0), Ends(word_left=[Driven(), Floating()])),
])
def test_what_has_no_such_networks(wires, ends):
    xbar = Crossbar(conductance=conductances((2, 3)), wires=wires, ends=ends)
    assert not RowNetworks.fits(make_problem(xbar, np.zeros((1, 2))))
