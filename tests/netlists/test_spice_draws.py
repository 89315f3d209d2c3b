"""Random numbers in decks: their distributions, and that they can be had again."""

import numpy as np
import pytest
from crossbarsim.netlists import read_spice
from scipy import stats

from crossbarsim import NetlistError, ParameterError, Solver

COUNT = 800


def values(expression, seed=3, params=""):
    """Return the resistances of many instances."""
    lines = "\n".join(f"x{k} a 0 part" for k in range(COUNT))
    circuit = read_spice(f"""instances
.param {params} nominal=1k
.subckt part a b
.param r={expression}
r1 a b {{r}}
.ends
v1 a 0 1
{lines}
""", seed=seed)
    return np.array([circuit[f"x{k}.r1"].value for k in range(COUNT)])


@pytest.mark.parametrize(("expression", "law"), [
    ("agauss(1k, 30, 3)", stats.norm(1e3, 10.0)),
    ("gauss(1k, 0.06, 3)", stats.norm(1e3, 20.0)),
    ("aunif(1k, 50)", stats.uniform(950.0, 100.0)),
    ("unif(1k, 0.05)", stats.uniform(950.0, 100.0)),
    ("mc(1k, 0.05)", stats.uniform(950.0, 100.0)),
    ("'1k + flat(50)'", stats.uniform(950.0, 100.0)),
    ("'1k + gauss(10)'", stats.norm(1e3, 10.0)),
    ("'nominal + agauss(0, 30, 3) + agauss(0, 30, 3)'", stats.norm(1e3, 10.0 * np.sqrt(2.0))),
])
def test_distributions(expression, law):
    found = values(expression)
    assert stats.kstest(found, law.cdf).pvalue > 1e-3
    # neighbours are independent
    assert abs(np.corrcoef(found[1:], found[:-1])[0, 1]) < 4.0 / np.sqrt(COUNT)


def test_a_limit_is_one_of_two_values():
    found = values("limit(1k, 50)")
    assert set(found) == {950.0, 1050.0}
    assert stats.binomtest(int((found > 1e3).sum()), COUNT).pvalue > 1e-3


DECK = """mismatch
.param spread=agauss(0, 0.3, 3) switch=1
.func off(x) {x * agauss(0, 1, 1)}
.subckt part a b
r1 a b {1k * (1 + spread + switch * off(0.01))}
r2 a b {1k * (1 + spread + switch * off(0.01))} tc1=1e-3
c1 a b {aunif(1p, 0.1p)} ic={unif(1, 0.5)}
.ends
v1 a 0 1
x1 a 0 part
x2 a 0 part
r3 a 0 {limit(1k, 0.1k) + agauss(0, 1, 1) + agauss(0, 1, 1)}
.op
"""


def parts(circuit):
    return {e.name: (e.value, *dict(e.parameters).values()) for e in circuit if e.kind in "RC"}


def test_the_same_seed_gives_the_same_circuit():
    first = parts(read_spice(DECK, seed=5))
    assert first == parts(read_spice(DECK, seed=5))
    other = parts(read_spice(DECK, seed=6))
    assert all(first[name] != other[name] for name in first)
    assert len({first[name][0] for name in first}) == len(first)  # every place has its own


def test_options_of_the_deck_and_arguments():
    with_option = DECK + ".option seed=5\n"
    assert parts(read_spice(with_option)) == parts(read_spice(DECK, seed=5))
    assert parts(read_spice(with_option, seed=7)) == parts(read_spice(DECK, seed=7))  # the argument counts


def test_numbers_stay_where_other_things_change():
    """Temperatures, other parameters and other instances draw nothing anew."""
    first = read_spice(DECK, seed=5)
    off = first.deck.circuit(switch=0.0)
    spread = first.parameters["spread"]
    assert off.parameters["spread"] == spread
    assert off["x1.r1"].value == pytest.approx(1e3 * (1.0 + spread), rel=1e-15)
    assert off["r3"].value == first["r3"].value
    assert off["x2.c1"] == first["x2.c1"]
    hot = read_spice(DECK + ".temp 80\n", seed=5)
    assert parts(hot) == parts(first)
    fewer = read_spice(DECK.replace("x1 a 0 part\n", ""), seed=5)
    assert fewer["x2.c1"] == first["x2.c1"]
    on = Solver().run(first)[0]
    assert on["i(v1)"] == pytest.approx(-sum(1.0 / parts(first)[n][0] for n in parts(first) if ".r" in n or n == "r3"))


def test_without_a_seed_all_have_their_means():
    circuit = read_spice(DECK)
    assert {v[0] for n, v in parts(circuit).items() if "r" in n} == {1e3}
    assert circuit["x1.c1"].value == 1e-12
    assert any("random numbers (" in note and "have their means" in note for note in circuit.notes)
    assert not any("random" in note for note in read_spice(DECK, seed=1).notes)
    assert not any("random" in note for note in read_spice("t\nr1 a 0 1k\nv1 a 0 1\n").notes)


@pytest.mark.parametrize(("line", "words"), [
    ("r1 a 0 {agauss(1, 2)}", "`agauss` takes 3 arguments"),
    ("r1 a 0 {gauss(1, 2)}", "`gauss` takes 3 arguments"),
    ("r1 a 0 {rand(1)}", "depends on its argument alone"),
    (".option seed=-1", "`seed` must be a whole number >= 0"),
    (".option seed=1.5", "`seed` must be a whole number >= 0"),
    (".option seed=random", "there is no parameter `random`"),
])
def test_errors(line, words):
    with pytest.raises(NetlistError) as caught:
        read_spice(f"errors\nv1 a 0 1\nr0 a 0 1\n{line}\n")
    assert words in str(caught.value)
    assert caught.value.line == 4


def test_bad_seeds():
    for seed in (-1, 1.5, "x", True):
        with pytest.raises(ParameterError, match="`seed`"):
            read_spice(DECK, seed=seed)
    with pytest.raises(ParameterError, match="the option `seed` draws numbers while a deck is read"):
        Solver().run(read_spice(DECK).options(seed=1))
