"""Every deck of `values/` gives the right values that its comments state."""

import pytest

from tests.helpers.decks_values import FOLDER, check

DECKS = sorted(FOLDER.glob("**/*.cir"))


@pytest.mark.parametrize("path", DECKS, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_deck_gives_its_right_values(path):
    assert check(path) >= 1


def test_a_wrong_value_is_told(tmp_path):
    deck = tmp_path / "wrong.cir"
    text = "t\n{}\nV1 1 0 2\nR1 1 2 1k\nR2 2 0 1k\n.op\n.end\n"
    deck.write_text(text.format("*= op v(2) = 1"), encoding="utf-8")
    assert check(deck) == 1
    for wrong in ("op v(2) = 1.0001", "op v(2) < 1", "note nothing", "error refused", "nonsense"):
        deck.write_text(text.format(f"*= {wrong}"), encoding="utf-8")
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            check(deck)
