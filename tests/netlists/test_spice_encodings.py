"""Decks as editors, other systems and copies from documents leave them."""

import pytest
from crossbarsim.netlists import read_spice

from crossbarsim import NetlistError, Solver

DECK = """title
v1 in 0 pulse(0 1 0 1u 1u 1m 2m)
r1 in out 1k
+ tc1=1m
c1 out 0 1u
* a comment
.tran 10u 2m
.meas tran top
+ max v(out)
.measure tran t1 when v(out)=0.5 rise=1
.end
"""
FORMS = {
    "crlf": DECK.replace("\n", "\r\n").encode(), "cr": DECK.replace("\n", "\r").encode(),
    "tabs": DECK.replace(" ", "\t").encode(), "bom": b"\xef\xbb\xbf" + DECK.replace("\n", "\r\n").encode(),
    "form feed alone": DECK.replace("* a comment", "\f").encode(), "form feed": DECK.replace("r1 in", "r1\fin").encode(),
    "after the end": DECK.encode() + b"\f\n\x1a", "vertical tab": DECK.replace("r1 in", "r1\vin").encode(),
    "latin 1": DECK.replace("* a comment", "* 25 °C é").replace("1u\n", "1µ\n").encode("latin1"),
    "greek mu": DECK.replace("1u\n", "1\u03bcF\n").encode(), "utf-16": DECK.encode("utf-16"),
    "utf-16 without mark": DECK.encode("utf-16-le"), "zeros at the end": DECK.encode() + b"\0\0",
    "hard blank": DECK.replace("r1 in", "r1\u00a0in").encode(), "no last line end": DECK.rstrip("\n").encode(),
    "blanks at the ends": DECK.replace("\n", "  \t\n").encode(), "line separators": DECK.replace("a comment", "a \u0085 b \u2028 c").encode(),
    "continued by backslashes": DECK.replace("1k\n+ tc1", "1k \\\\\n tc1").encode(),
    "comment within a line": DECK.replace("+ tc1", "* c\n\n+ tc1").encode(), "capitals": DECK.upper().encode(),
    "signs of typesetters": DECK.replace("tc1=1m", "tc1=\u2018 1m \u2212 0\u2019").encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_the_same_deck(form, tmp_path):
    path = tmp_path / "deck.cir"
    path.write_bytes(FORMS[form])
    circuit, plain = read_spice(path), read_spice(DECK)
    assert circuit.to_spice().lower().splitlines()[1:] == plain.to_spice().lower().splitlines()[1:]
    assert [m.name for m in circuit.measures] == ["top", "t1"]


def test_measures_of_a_deck_with_carriage_returns_and_tabs(tmp_path):
    (tmp_path / "d.cir").write_bytes(b"\xef\xbb\xbf" + DECK.replace("\n", "\r\n").replace(" ", "\t").encode())
    found = Solver().run(read_spice(tmp_path / "d.cir"))[0].measures
    assert found == Solver().run(read_spice(DECK))[0].measures
    assert found["top"] > 0.6


def test_lines_are_counted_as_editors_count_them(tmp_path):
    (tmp_path / "d.cir").write_bytes(b"title\r\nr1 a\x0cb 1k\r\n\r\nr2 a b 1q?\r\n")
    with pytest.raises(NetlistError) as caught:
        read_spice(tmp_path / "d.cir")
    assert caught.value.line == 4
    (tmp_path / "d.cir").write_bytes(b"title\nr1 a\0b 1k\nr2 a b 1\n")
    with pytest.raises(NetlistError, match="no text"):
        read_spice(tmp_path / "d.cir")
