"""Every deck of the folder, by our engine and by ngspice."""

import pytest

from tests.helpers.decks_ngspice import FOLDER, compare, have_ngspice

DECKS = sorted(FOLDER.glob("**/*.cir"))


@pytest.mark.skipif(not have_ngspice(), reason="ngspice is not installed")
@pytest.mark.parametrize("path", DECKS, ids=lambda p: p.stem)
def test_deck_agrees_with_ngspice(path, tmp_path):
    worst = compare(path, tmp_path)
    bad = {k: v for k, v in worst.items() if not v <= 1.0}
    assert not bad, bad
