"""`Wires.driver` and `Wires.sense` belong to what drives and to what senses, whichever line it is.

Against decks written out resistor by resistor, by general nodal analysis and by ngspice.
"""

import numpy as np
import pytest
from crossbarsim.netlists import read_spice

from crossbarsim import Crossbar, Driven, Ends, Floating, Grounded, Sensed, Solver, Wires
from crossbarsim.core.errors import ParameterError
from tests.helpers.decks_ngspice import have_ngspice, run_ngspice

G = np.array([[1e-4, 3e-4, 2e-5], [5e-5, 1e-3, 2e-4]])
WORD, BIT, DRIVER, SENSE = 3.0, 5.0, 50.0, 70.0


def written(word_ends, bit_ends):
    """Return a deck: cells, segments, and at each line's end (node side, ohm, volt)."""
    rows, columns = G.shape
    lines = ["written out"]
    for i in range(rows):
        for j in range(columns):
            lines.append(f"rc{i}{j} w{i}{j} b{i}{j} {float(1 / G[i, j])!r}")
            if j + 1 < columns:
                lines.append(f"rw{i}{j} w{i}{j} w{i}{j + 1} {WORD}")
            if i + 1 < rows:
                lines.append(f"rb{i}{j} b{i}{j} b{i + 1}{j} {BIT}")
    for i, (side, ohm, volt) in enumerate(word_ends):
        node = f"w{i}0" if side == "left" else f"w{i}{columns - 1}"
        lines += [f"rwe{i} {node} we{i} {ohm + WORD}", f"vw{i} we{i} 0 {volt}"]
    for j, (side, ohm, volt) in enumerate(bit_ends):
        node = f"b0{j}" if side == "top" else f"b{rows - 1}{j}"
        lines += [f"rbe{j} {node} be{j} {ohm + BIT}", f"vb{j} be{j} 0 {volt}"]
    return "\n".join([*lines, ".op", ".end", ""])


def reverse_read():
    volts = [0.1, 0.2, 0.15]
    ends = Ends(
        word_left=Sensed(), bit_bottom=[Driven(voltage=v) for v in volts],
    )
    deck = written([("left", SENSE, 0.0)] * 2, [("bottom", DRIVER, v) for v in volts])
    return ends, deck, "word_left"


def reverse_read_from_above():
    volts = [0.1, 0.2, 0.15]
    ends = Ends(
        word_left=Floating(), word_right=Sensed(), bit_bottom=Floating(),
        bit_top=[Driven(voltage=v, resistance=2.0) for v in volts],
    )
    deck = written([("right", SENSE, 0.0)] * 2, [("top", DRIVER + 2.0, v) for v in volts])
    return ends, deck, "word_right"


def half_selection():
    ends = Ends(
        word_left=[Driven(voltage=1.0), Driven(voltage=0.5)],
        bit_bottom=[Sensed(), Driven(voltage=0.5), Grounded(7.0)],
    )
    deck = written(
        [("left", DRIVER, 1.0), ("left", DRIVER, 0.5)],
        [("bottom", SENSE, 0.0), ("bottom", DRIVER, 0.5), ("bottom", 7.0, 0.0)],
    )
    return ends, deck, "bit_bottom"


@pytest.mark.parametrize("case", [reverse_read, reverse_read_from_above, half_selection])
@pytest.mark.parametrize("method", ["structured", "mna", "expanded"])
def test_against_written_out_decks(case, method, tmp_path):
    ends, deck, end = case()
    wires = Wires(np.full((2, 4), WORD), np.full((3, 3), BIT), driver=DRIVER, sense=SENSE)
    xbar, V = Crossbar(G, wires, ends), np.zeros(2)
    right = Solver().operating_point(read_spice(deck))
    drops = np.array([[right[f"v(w{i}{j})"] - right[f"v(b{i}{j})"] for j in range(3)]
                      for i in range(2)])
    if have_ngspice():
        path = tmp_path / "deck.cir"
        path.write_text(deck)
        theirs = run_ngspice(path, tmp_path)[0]
        found = np.array([[float(np.real(theirs[f"v(w{i}{j})"][0] - theirs[f"v(b{i}{j})"][0]))
                           for j in range(3)] for i in range(2)])
        assert abs(found - drops).max() < 1e-9
    if method == "expanded":
        op = Solver().operating_point(xbar.to_circuit(V))
        ours = np.array([[op[f"v(wl{i}_{j})"] - op[f"v(bl{i}_{j})"] for j in range(3)]
                         for i in range(2)])
        assert abs(ours - drops).max() < 1e-12
        return
    sol = Solver(method=method).solve(xbar, V)
    assert abs(sol.cell_voltages - drops).max() < 1e-12
    family = "w" if end.startswith("word") else "b"
    currents = [right[f"i(v{family}{k})"] for k in range(len(sol.end_currents[end]))]
    assert abs(sol.end_currents[end] - currents).max() < 1e-14


def test_arrays_are_for_the_lines_they_are_counted_for():
    ends = Ends(word_left=Sensed(), bit_bottom=Driven(voltage=0.2))
    plain = Crossbar(G, Wires(1.0, 1.0), ends)
    named = Crossbar(G, Wires(1.0, 1.0, driver=[10.0, 20.0], sense=[1.0, 2.0, 3.0]), ends)
    one, two = (Solver().solve(x, np.zeros(2)).end_currents["word_left"] for x in (plain, named))
    assert (one == two).all()
    with pytest.raises(ParameterError, match="driver"):
        Crossbar(G, Wires(1.0, 1.0, driver=[1.0, 2.0, 3.0]), ends)
