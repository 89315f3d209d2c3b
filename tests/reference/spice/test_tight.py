"""Every deck with a transient at tolerances far below its own: it goes through and stays right."""

import re
import shutil

import pytest

from crossbarsim import Solver, read_spice
from tests.helpers.decks_ngspice import FOLDER, compare, have_ngspice

TIGHT = ".options reltol=1e-5 abstol=1e-14 vntol=1e-8 chgtol=1e-16 trtol=1"
DECKS = [p for p in sorted(FOLDER.glob("**/*.cir")) if re.search(r"(?im)^\.tran\b", p.read_text())]
# ngspice gives up at these tolerances; xmu: it does not look at the error of the damping
ALONE = {"schmitt", "ua741", "half_bridge", "xmu"}
_THEIRS = 2.0  # times a deck's tolerance: what ngspice's error has grown to at these options


@pytest.mark.slow
@pytest.mark.skipif(not have_ngspice(), reason="ngspice is not installed")
@pytest.mark.parametrize("path", DECKS, ids=lambda p: p.stem)
def test_deck_agrees_with_ngspice_at_tight_options(path, tmp_path):
    for other in path.parent.glob("*.lib"):
        shutil.copy(other, tmp_path)
    head, end, rest = path.read_text().rpartition("\n.end\n")
    deck = tmp_path / path.name
    deck.write_text(f"{head}\n{TIGHT}{end}{rest}")
    if path.stem in ALONE:
        Solver().run(read_spice(deck))
        return
    bad = {k: v for k, v in compare(deck, tmp_path).items() if not v <= _THEIRS}
    assert not bad, bad
