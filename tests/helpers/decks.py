"""Whole decks in ngspice and in the engine."""

import subprocess

import numpy as np

from crossbarsim import read_spice

NM = "nmos level=1 vto=.6 kp=120u gamma=.4 phi=.7 lambda=.05 tox=15n cgso=.2n cgdo=.2n cj=.3m cjsw=.2n pb=.8"
PM = NM.replace("nmos", "pmos").replace("vto=.6", "vto=-.6").replace("kp=120u", "kp=40u")
NM3 = "nmos level=3 vto=.6 uo=500 gamma=.4 phi=.7 tox=15n cgso=.2n cgdo=.2n theta=.05 vmax=2e5 nsub=1e16 nfs=1e11 xj=.2u"
PM3 = NM3.replace("nmos", "pmos").replace("vto=.6", "vto=-.6").replace("uo=500", "uo=180")
NM2 = NM3.replace("level=3", "level=2").replace("theta=.05", "ucrit=5e4 uexp=.1")
PM2 = PM3.replace("level=3", "level=2").replace("theta=.05", "ucrit=5e4 uexp=.1")
NPN = "npn(is=1e-15 bf=120 vaf=60 rb=50 rc=5 re=1 cje=1p cjc=.6p tf=.3n tr=10n ikf=50m xtf=2 vtf=3 itf=40m cjs=1p)"
TIGHT = ".options reltol=1e-5 abstol=1e-13 vntol=1e-9 chgtol=1e-18"


def reference(folder, text, names):
    """Run a deck in ngspice; return its scale and columns."""
    columns = " ".join(names)
    control = f".control\nset numdgt=15\nset wr_singlescale\nrun\nwrdata out {columns}\n.endc\n.end\n"
    (folder / "deck.cir").write_text(text + "\n" + control)
    done = subprocess.run(["ngspice", "-b", "deck.cir"], cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    out = next(iter(folder.glob("out*")), None)
    assert out is not None, done.stdout + done.stderr
    found = np.loadtxt(out, ndmin=2)
    return found[:, 0], found[:, 1:]


def read(text):
    """Return the circuit of a deck."""
    return read_spice(text + "\n.end\n")
