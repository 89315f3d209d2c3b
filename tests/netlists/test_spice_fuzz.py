"""No text does anything but give a circuit or a NetlistError with its place, and none takes long."""

import contextlib
import random
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crossbarsim import NetlistError, read_spice

CORPUS = [path.read_text() for path in sorted((Path(__file__).parent / "spice_decks").glob("*.cir"))]
PIECES = [
    "{", "}", "(", ")", "'", '"', "=", ",", "+", "-", "*", "/", "$", ";", "\n", "\n+", "\n.", "\n*", " ", ".", "0", "1k", "1e999",
    "-1", "nan", "inf", "v(a)", "i(v1)", "v(", "{1/0}", "{v(a)}", ".param", ".subckt x a b", ".ends", ".model m d", ".if", ".endif",
    ".control", ".endc", ".end", ".include x", ".lib a b", ".tran 1n 1u", ".dc v1 0 1 1e-9", ".step param r 1 2 1e-9", "POLY(2)",
    "TABLE", "VALUE=", "PULSE(", "ddt(", "idt(v(a))", "temper", "time", "x1.", "@r1[i]", "m=", "ic=1,2,3", "params:", "\t", "\u00b5", "\x00",
    "\x1c", "\u2028", "\x85", "\r", "a" * 300, "(" * 200, "9" * 400, "-" * 500, "!" * 50, "1?" * 50, "**2" * 60, "crossbar", "rows=1e9",
    "gnd", "%", "\\", "~", "&&", "|", ":", "?", "<", ">", "[", "]", "#", "e", "pi", "poly(1e9)", "\u0130", "\u00df", "list",
]


def check(text):
    begin = time.perf_counter()
    try:
        circuit = read_spice(text if "\n" in text else text + "\n")
    except NetlistError as error:
        assert error.file is not None  # noqa: PT017
        assert error.line is not None  # noqa: PT017
        assert error.message  # noqa: PT017
    else:
        try:
            deck = circuit.to_spice()
        except NetlistError:
            deck = ""
        if deck and not circuit.commands and ".step" not in text:
            again = read_spice(deck)
            assert len(again) == len(circuit)
            assert again.nodes == circuit.nodes
        with contextlib.suppress(NetlistError):
            circuit.to_spice("ngspice")
    assert time.perf_counter() - begin < 8.0  # a slow machine counts, hours do not


def mutated(text, rng):
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        k, n = rng.randrange(len(text) + 1), rng.randrange(1, 12)
        kind = rng.randrange(7)
        lines = text.splitlines(keepends=True)
        if kind == 0:
            text = text[:k] + text[k + n :]
        elif kind in (1, 2):
            text = text[:k] + rng.choice(PIECES) + text[k:]
        elif kind == 3 and len(lines) > 2:
            a, b = rng.randrange(1, len(lines)), rng.randrange(1, len(lines))
            lines[a], lines[b] = lines[b], lines[a]
            text = "".join(lines)
        elif kind == 4 and len(lines) > 2:
            del lines[rng.randrange(1, len(lines))]
            text = "".join(lines)
        elif kind == 5:
            other = rng.choice(CORPUS)
            j = rng.randrange(len(other))
            text = text[:k] + other[j : j + 60] + text[k:]
        else:  # another word in place of one
            words = text.split(" ")
            words[rng.randrange(len(words))] = rng.choice(PIECES)
            text = " ".join(words)
    return text


@pytest.mark.parametrize("seed", range(8))
def test_mutations_of_decks(seed):
    rng = random.Random(seed)  # noqa: S311
    for _ in range(60):
        check(mutated(rng.choice(CORPUS), rng))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 120))
def test_many_mutations_of_decks(seed):
    rng = random.Random(seed)  # noqa: S311
    for _ in range(1000):
        check(mutated(rng.choice(CORPUS), rng))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from([*PIECES, "R1 a 0 ", "V1 a 0 ", "X1 a b x ", "B1 a 0 V=", "M1 a b c d m ", "Q1 a b c m ",
                                 "E1 a 0 ", ".meas tran x ", ".ic ", ".options "]), max_size=25))
def test_random_pieces(pieces):
    check("title\n" + "".join(pieces))


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=80))
def test_random_text(text):
    check("title\n" + text)


@settings(max_examples=50, deadline=None)
@given(data=st.binary(max_size=300))
def test_random_files(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("fuzz") / "deck.cir"
    path.write_bytes(data)
    try:
        read_spice(path)
    except NetlistError as error:
        assert error.file is not None  # noqa: PT017


BOMBS = {
    "subcircuits that double": "\n".join(
        [f".subckt s{k} a\nX1 a s{k + 1}\nX2 a s{k + 1}\n.ends" for k in range(40)] + [".subckt s40 a\nR1 a 0 1\n.ends", "X1 a s0"]),
    "functions that double": "\n".join(
        [".func f0(x) {x+1}"] + [f".func f{k}(x) {{f{k - 1}(x)*f{k - 1}(x+{k})}}" for k in range(1, 40)] + ["R1 a 0 {f39(v(b))}", "R2 b 0 1"]),
    "a long circle": "\n".join([f".param p{k}={{p{(k + 1) % 500}}}" for k in range(500)] + ["R1 a 0 {p0}"]),
    "a long chain": "\n".join([f".param p{k}={{p{k + 1}}}" for k in range(1000)] + [".param p1000=1", "R1 a 0 {p0}"]),
    "deep subcircuits": "\n".join([f".subckt s{k} a" for k in range(2000)]),
    "deep conditions": "\n".join([".if (1)"] * 3000),
    "deep parentheses": "R1 a 0 {" + "(" * 30_000 + "1" + ")" * 30_000 + "}",
    "many braces": "R1 a 0 " + "{" * 30_000,
    "signs": "R1 a 0 {" + "-" * 30_000 + "1}",
    "powers": "R1 a 0 {" + "2**" * 20_000 + "1}",
    "questions": "R1 a 0 {" + "1?" * 20_000 + "1" + ":1" * 20_000 + "}",
    "a long sum": "R1 a 0 {" + "+".join(["v(a)"] * 20_000) + "}",
    "loops in control": ".control\n" + "foreach x 1\n" * 5000 + ".endc",
    "a long line": "V1 a 0 PWL(" + " ".join(f"{k}n {k}" for k in range(20_000)) + ")",
    "many continuations": "R1 a 0 1\n" + "+ \n" * 30_000,
    "huge sweeps": "V1 a 0 1\n.dc v1 0 1 1e-300",
    "a huge crossbar": "X1 a b crossbar rows=1e308 columns=1e308 resistance=1",
}


@pytest.mark.parametrize("name", BOMBS)
def test_texts_made_to_hang(name, monkeypatch):
    from crossbarsim.netlists.spice import reader

    monkeypatch.setattr(reader, "MOST_INSTANCES", 5000)
    check("title\n" + BOMBS[name] + "\n")


def test_includes_made_to_hang(tmp_path):
    for k in range(30):
        (tmp_path / f"f{k}").write_text(f".include f{k + 1}\n.include f{k + 1}\n")
    (tmp_path / "f30").write_text("* end\n")
    (tmp_path / "d.cir").write_text("title\n.include f0\n")
    with pytest.raises(NetlistError, match="inclusions in all"):
        read_spice(tmp_path / "d.cir")
