"""Options of decks: they count, are noted, or are refused."""

import re

import numpy as np
import pytest
from crossbarsim.netlists import Circuit, read_spice
from crossbarsim.netlists.analyses import NUMBER_OPTIONS
from crossbarsim.netlists.spice.commands import command_names
from crossbarsim.solvers.circuit.system.tolerances import Tolerances

from crossbarsim import ConvergenceError, NetlistError, ParameterError, Solver

PLAIN = "plain\nv1 a 0 dc 1 pulse(0 1 1u 10n 10n 1u 4u)\nr1 a b 1k\nc1 b 0 1n\n.options {}\n"


def run(options, more=".tran 0.1u 10u\n"):
    return Solver().run(read_spice(PLAIN.format(options) + more))[0]


@pytest.mark.parametrize("name", sorted(command_names.WITHOUT_EFFECT))
def test_options_without_effect_are_noted(name):
    circuit = read_spice(PLAIN.format(f"{name}=1"))
    assert len(circuit.notes) == 1
    assert re.fullmatch(rf"<text>:5: the option `{name}` has no effect: it is about .+", circuit.notes[0])


@pytest.mark.parametrize("name", sorted(command_names.CHANGING))
def test_options_that_would_change_results_are_refused(name):
    value, _ = command_names.CHANGING[name]
    circuit = read_spice(PLAIN.format(f"{name}={value!r}"))
    assert not circuit.notes
    with pytest.raises(NetlistError, match=f"`{name}` would change the results and is not supported: ") as caught:
        read_spice(PLAIN.format(f"{name}={value + 3.7!r}"))
    assert caught.value.line == 5


def test_every_option_is_of_one_kind():
    kinds = [set(command_names.EFFECTIVE), set(command_names.WITHOUT_EFFECT), set(command_names.CHANGING)]
    assert sum(map(len, kinds)) == len(set.union(*kinds)) == len(command_names.OPTION_NAMES)


def test_close_corners_are_passed_over():
    fine = run("")
    coarse = run("minbreak=20n")
    edges = np.array([1e-6, 1.01e-6, 2.01e-6, 2.02e-6])
    assert all(np.abs(fine.time - t).min() < 1e-15 for t in edges)
    here = [bool(np.abs(coarse.time - t).min() < 1e-15) for t in edges]
    assert here == [True, False, True, False]


def test_the_shortest_step_is_an_option():
    assert np.diff(run("").time).min() < 1e-9
    with pytest.raises(ConvergenceError, match="too short"):
        run("delmin=50n reltol=1e-6")


def test_ways_to_an_operating_point_are_options():
    deck = ("q\nv1 a 0 5\nr1 a b 1k\nd1 b c dm\nd2 c 0 dm\n.model dm d\n.op\n.options {}\n")
    plain = Solver().run(read_spice(deck.format("")))[0]
    stepped = Solver().run(read_spice(deck.format("noopiter")))[0]
    assert stepped.iterations > 2 * plain.iterations
    assert stepped["v(b)"] == pytest.approx(plain["v(b)"], rel=1e-6)
    slow = Solver().run(read_spice(deck.format("noopiter gminfactor=2")))[0]
    assert slow.iterations > stepped.iterations
    sources = Solver().run(read_spice(deck.format("noopiter gminsteps=0")))[0]
    assert sources["v(b)"] == pytest.approx(plain["v(b)"], rel=1e-6)
    assert sources.iterations != stepped.iterations
    tol = Tolerances.of({"itl6": 0.0, "itl2": 80.0})
    assert (tol.srcsteps, tol.itl2) == (0, 80)


def test_zero_ohm_is_one_node_or_what_an_option_says():
    deck = "z\nv1 a 0 1\nr1 a b 0\nr2 b 0 1k\n.op\n.save v(b)\n.ic v(b)=1\n"
    circuit = read_spice(deck)
    assert (circuit.nodes, circuit.aliases, "r1" in circuit) == (("a",), {"b": "a"}, False)
    again = read_spice(circuit.to_spice())
    assert Solver().run(again)[0]["v(a)"] == Solver().run(circuit)[0]["v(b)"] == 1.0
    assert read_spice(deck, compat="ngspice")["r1"].value == 1e-3
    assert read_spice(deck + ".options resmin=1u\n")["r1"].value == 1e-6


def test_what_is_wrong_with_options():
    for text, message in (
        ("xmu=0.7", "from 0 to 0.5"), ("minbreak=-1", ">= 0 seconds"), ("gminfactor=1", "> 1"),
        ("rshunt=-5", ">= 0"), ("maxord=3", "maxord"),
    ):
        with pytest.raises(Exception, match=message):
            run(text)
    with pytest.raises(NetlistError, match="`scale` must be > 0"):
        read_spice("s\nm1 d g 0 0 mm\n.model mm nmos\n.options scale=-1\n")
    with pytest.raises(NetlistError, match="`rseries`"):
        Solver().run(read_spice("s\nv1 a 0 1\nl1 a b l={1m+v(b)}\nr1 b 0 1\n.options rseries=1\n.op\n"))


def test_options_that_are_numbers_are_no_words():
    with pytest.raises(NetlistError, match="there is no parameter `tiny`"):
        read_spice(PLAIN.format("abstol=tiny"))
    with pytest.raises(ParameterError, match="`itl4`"):
        Circuit().options(itl4="many")
    assert Circuit().options(method="gear").options == {"method": "gear"}
    assert set(command_names.EFFECTIVE) - NUMBER_OPTIONS == {
        "filetype", "interp", "klu", "method", "numdgt", "savecurrents"
    }


def test_scaled_lengths_are_written_as_they_are():
    circuit = read_spice("s\nm1 d g 0 0 mm w=10 l=2 ad=4\n.model mm nmos\n.options scale=1u\nr1 d 0 1\nr2 g 0 1\n")
    assert circuit["m1"].get("ad") == pytest.approx(4e-12)
    again = read_spice(circuit.to_spice())
    assert again["m1"].get("w") == pytest.approx(1e-5)


STEPS = "s\nv1 a 0 1\nr1 a b {r}\nr2 b 0 1k\n.param r=1k\n.op\n.step param r list 1k 2k\n"


@pytest.mark.parametrize(("deck", "line", "message"), [
    (STEPS + ".control\nrun\n.endc\n", 7, "has one of its own: put `foreach`"),
    (STEPS.replace("r2 b 0 1k", ".if (r>1.5k)\nr2 b 0 1k\n.else\nr3 b 0 2k\n.endif"), 11, "changes which elements"),
])
def test_steps_that_cannot_be_written_for_ngspice_are_named(deck, line, message):
    with pytest.raises(NetlistError, match=message) as caught:
        read_spice(deck).to_spice("ngspice")
    assert caught.value.line == line


def test_pulses_that_are_cut_off_by_the_next():
    deck = "p\nv1 a 0 pulse(0 5 3u 10u 1n 1n 5u)\nr1 a 0 1\n.options interp\n.tran 0.5u 20u\n"
    r = Solver().run(read_spice(deck))[0]
    want = np.where(r.time > 3e-6, 5 * np.mod(r.time - 3e-6, 5e-6) / 1e-5, 0.0)
    inside = np.abs(np.mod(r.time - 3e-6 + 1e-7, 5e-6)) > 2e-7
    np.testing.assert_allclose(r["v(a)"][inside], want[inside], atol=1e-9)
    again = read_spice(read_spice(deck).to_spice())
    assert again["v1"].wave == read_spice(deck)["v1"].wave
