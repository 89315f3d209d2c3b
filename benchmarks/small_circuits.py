"""Small circuits against ngspice: what a time step costs where numbers are few.

Some decks of the field, and the distribution over all transients among the decks of the tests.

Process start and reading are left out on both sides: ngspice runs a deck once and again many
times, and the difference counts.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from crossbarsim.core.errors import CrossbarSimError
from crossbarsim.core.files import write_text

from .crossbar_solve import show
from .spice_decks import ring
from .timing import run_ngspice
from .worker import measure

_WINDOWS = {
    "joglekar": "(1-(2*v(x)-1)**2)", "biolek": "(1-(v(x)-u(-v(p,n)))**2)",
    "prodromakis": "(1-pow((v(x)-0.5)**2+0.75,2))",
}
_DRIFT = """.subckt memristor p n ron=100 roff=16k x0=0.3 k=1e4
gm p n value={{v(p,n)/(ron*v(x)+roff*(1-v(x)))}}
gx 0 x value={{k*v(p,n)/(ron*v(x)+roff*(1-v(x)))*{}}}
cx x 0 1 ic={{x0}}
rx x 0 1e12
.ends"""
_VTEAM = """.subckt memristor p n ron=100 roff=5k von=-0.7 voff=0.7 kon=-1e7 koff=1e7 x0=0.2
gm p n value={v(p,n)/(ron+(roff-ron)*v(x))}
gx 0 x value={(v(p,n)>voff ? koff*pow(v(p,n)/voff-1,3)*(1-v(x)) : 0)
+ + (v(p,n)<von ? kon*pow(abs(v(p,n)/von)-1,3)*v(x) : 0)}
cx x 0 1 ic={x0}
rx x 0 1e12
.ends"""
_YAKOPCIC = """.subckt memristor p n a1=0.17 a2=0.17 b=0.05 vp=0.16 vn=0.15 ap=4000 an=4000
+ xp=0.3 xn=0.5 alp=1 aln=5 x0=0.11
.func wp(x)={(xp-x)/(1-xp)+1}
gm p n value={v(p,n)>=0 ? a1*v(x)*sinh(b*v(p,n)) : a2*v(x)*sinh(b*v(p,n))}
gx 0 x value={(v(p,n)>vp ? ap*(exp(v(p,n))-exp(vp)) : (v(p,n)<-vn ? -an*(exp(-v(p,n))-exp(vn)) : 0))
+ *(v(p,n)>=0 ? (v(x)>xp ? exp(-alp*(v(x)-xp))*wp(v(x)) : 1)
+ : (v(x)<1-xn ? exp(aln*(v(x)+xn-1))*v(x)/(1-xn) : 1))}
cx x 0 1 ic={x0}
rx x 0 1e12
.ends"""


def _of(model: str, source: str, analysis: str, load: str = "x1 a 0 memristor") -> str:
    return f"memristor\nv1 a 0 {source}\n{load}\n{model}\n{analysis}"


def _ladder(count: int) -> str:
    lines = [f"ra{k} n{k} n{k + 1} 1k\nrb{k} n{k + 1} 0 10k" for k in range(count)]
    return "\n".join(["ladder", "v1 n0 0 1", *lines, ".op"])


def _rows(count: int) -> str:
    """Return a row of memristors between resistances."""
    lines = [f"rw{k} n{k} n{k + 1} 10\nx{k} n{k + 1} 0 memristor x0={0.2 + 0.5 * k / count:g}"
             for k in range(count)]
    return _of(_DRIFT.format(_WINDOWS["joglekar"]), "sin(0 1 1)", ".tran 5m 2 0 1m uic",
               "\n".join(["rin a n0 10", *lines]))


DECKS = {
    "source and resistor, 10,000 steps":
        "r\nv1 a 0 sin(0 1 1)\nr1 a 0 1k\n.tran 1m 2 0 200u",
    "RC low-pass, pulses": "rc\nv1 a 0 pulse(0 1 0 1n 1n 1u 2u)\nr1 a b 1k\nc1 b 0 0.1n\n"
        ".tran 10n 100u 0 10n",
    "operating point of 10 elements": _ladder(5),
    "5 elements, 10,000 steps": "five\nv1 p 0 sin(0 1.2 100)\n"
        "b1 p 0 i={v(p)/(100*v(x)+16e3*(1-v(x)))}\n"
        "b2 0 x i={v(p)/(100*v(x)+16e3*(1-v(x)))*1e4*(1-(2*v(x)-1)**2)}\n"
        "c1 x 0 1 ic=0.3\nr1 x 0 1e9\n.tran 2u 20m 0 2u uic",
    **{f"linear drift, window of {name}": _of(
        _DRIFT.format(window), "sin(0 1 1)", ".tran 5m 2 0 1m uic"
    ) for name, window in _WINDOWS.items()},
    "VTEAM": _of(_VTEAM, "sin(0 2 1meg)", ".tran 5n 3u 0 1n uic"),
    "Yakopcic": _of(_YAKOPCIC, "sin(0 0.45 100)", ".tran 50u 30m 0 10u uic"),
    "row of 16 memristors": _rows(16),
    "diode bridge": "bridge\nv1 a b sin(0 10 50)\nd1 a p d\nd2 b p d\nd3 0 a d\nd4 0 b d\n"
        "r1 p 0 1k\nc1 p 0 10u\n.model d d is=1e-14 rs=1 cjo=1p\n.tran 100u 0.2 0 50u",
    "ring of 3 inverters": ring(3, "tran", Path())[0],
    "ring of 31 inverters": ring(31, "tran", Path())[0],
    "ring of 101 inverters": ring(101, "tran", Path())[0],
}
_SUITE = Path(__file__).resolve().parent.parent / "tests" / "reference"
_LEAST = 1.5e-4  # second: runs of ngspice that are shorter cannot be told from its repeating them


def _best(text: str | Path) -> tuple[float, Any]:
    """Return the CPU time of one run in crossbarsim, the least of several, and its result."""
    from crossbarsim.netlists import read_spice  # noqa: PLC0415

    from crossbarsim import Solver  # noqa: PLC0415

    circuit, solver = read_spice(text), Solver(threads=1)
    best, spent, count, found = float("inf"), 0.0, 0, None
    while count < 4 or (spent < 2.0 and count < (500 if isinstance(text, str) else 5)):
        start = time.process_time()
        found = solver.run(circuit)
        once = time.process_time() - start
        if count:  # the first one loads kernels
            best, spent = min(best, once), spent + once
        count += 1
    return best, found


def ours(name: str) -> dict[str, Any]:
    """Measure crossbarsim, CPU time of one run: the least of several."""
    best, found = _best(DECKS[name])
    return {"seconds": best, "steps": getattr(found[0], "steps", 1),
            "newton": getattr(found[0], "newton", 0)}


def _spent(text: str, count: int, folder: str | None = None) -> float:
    """Return the CPU time of ngspice for so many runs of a deck, which lies in a folder."""
    lines = [line for line in text.splitlines() if line.strip().lower() != ".end"]
    commands = [".control", f"repeat {count}", "run", "destroy all", "end", ".endc", ".end", ""]
    with tempfile.TemporaryDirectory() as own:
        path = Path(folder or own) / "crossbarsim_benchmark.cir"
        write_text(path, "\n".join([*lines, *commands]))
        try:
            found = run_ngspice(path, 600.0)
        finally:
            path.unlink()
    if found is None:
        raise TimeoutError("ngspice took more than 600 s")
    return found[0]


def ngspice(name: str, repeats: int) -> float:
    """Return the CPU time of a run of ngspice, second."""
    text = DECKS[name]
    return min(_spent(text, 1 + repeats) - _spent(text, 1) for _ in range(3)) / repeats


def suite(every: int) -> list[dict[str, Any]]:
    """Return the CPU time of both for every so many of the tests' transients, warm."""
    rows = []
    paths = [p for p in sorted(_SUITE.glob("**/*.cir")) if _is_transient(p)]
    for path in paths[::every]:
        text = path.read_text(encoding="utf-8", errors="replace")
        try:
            mine = _best(path)[0]
        except CrossbarSimError:
            continue  # decks that are to be refused
        first = min(_spent(text, 1, str(path.parent)) for _ in range(2))
        theirs, repeats = 0.0, 5
        while repeats < 500 and theirs * repeats < 0.2:
            repeats *= 4
            theirs = (_spent(text, 1 + repeats, str(path.parent)) - first) / repeats
        if theirs > _LEAST:
            rows.append({"deck": path.stem, "ours": mine, "ngspice": theirs})
    return rows


def _is_transient(path: Path) -> bool:
    text = path.read_text(encoding="utf-8", errors="replace").lower()
    return "\n.tran" in text and "\n.control" not in text


def run(*, quick: bool = False) -> dict[str, Any]:
    """Measure on one core."""
    rows = []
    for name in list(DECKS)[:4] if quick else DECKS:
        mine = measure("small_circuits:ours", {"name": name}, 1, 600.0)
        row: dict[str, Any] = {"deck": name, "ours": mine, "ngspice": None}
        if shutil.which("ngspice"):
            # enough runs for a second or so
            once = measure("small_circuits:ngspice", {"name": name, "repeats": 5}, 1, 600.0)
            repeats = max(5, min(2000, int(0.5 / max(once, 2e-4))))
            row["ngspice"] = measure(
                "small_circuits:ngspice", {"name": name, "repeats": repeats}, 1, 600.0
            )
        rows.append(row)
        print(rows[-1], flush=True)
    found: dict[str, Any] = {"rows": rows}
    if shutil.which("ngspice"):
        found["suite"] = measure(
            "small_circuits:suite", {"every": 20 if quick else 1}, 1, 3600.0
        )
    return found


def _distribution(rows: list[dict[str, Any]]) -> list[str]:
    """Return what is said of the tests' decks."""
    if not rows:
        return []
    ratio = np.array([r["ours"] / r["ngspice"] for r in rows])
    mine, theirs = (sum(r[who] for r in rows) for who in ("ours", "ngspice"))
    parts = ", ".join(
        f"{np.quantile(ratio, q):.2f} ({100 * q:.0f} %)" for q in (0.5, 0.75, 0.9, 0.95)
    )
    text = (
        f"All {len(rows)} transients among the tests' decks that ngspice runs, warm: together "
        f"{show(mine)}, ngspice {show(theirs)}; crossbarsim's time over ngspice's, quantiles: "
        f"{parts}."
    )
    return ["", text]


def table(result: dict[str, Any]) -> str:
    """Return the page's table."""
    lines = [
        "One run of small decks, CPU time without reading and without the start of a process.", "",
        "| deck | ngspice | crossbarsim | steps | per step | ratio |", "|---|---|---|---|---|---|",
    ]
    for r in result["rows"]:
        mine, theirs = r["ours"], r["ngspice"]
        lines.append("| " + " | ".join([
            r["deck"], "" if theirs is None else show(theirs), show(mine["seconds"]),
            str(mine["steps"]), show(mine["seconds"] / mine["steps"]),
            "" if theirs is None else f"{theirs / mine['seconds']:.2f}x",
        ]) + " |")
    return "\n".join([*lines, *_distribution(result.get("suite") or [])])
