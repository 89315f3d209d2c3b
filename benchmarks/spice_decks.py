"""The decks of the circuit engine's benchmark: meshes, ring oscillators, 1T1R arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from crossbarsim.core.files import new_file

_MOS = ("gamma=0.45 phi=0.65 lambda=0.03 tox=20n cgso=0.3n cgdo=0.3n cgbo=0.2n cj=0.3m "
        "cjsw=0.3n")


def rc_mesh(side: int, analysis: str, folder: Path) -> tuple[str, list[str]]:
    """Return a square of 1 kilohm between neighbours and 1 fF to ground, driven at a corner."""
    del folder
    lines = ["RC mesh", "v1 in 0 dc 1 pulse(0 1 1n 1n 1n 1)", "rin in n0_0 100"]
    last = side - 1
    for i in range(side):
        for j in range(side):
            lines.append(f"c{i}_{j} n{i}_{j} 0 1f")
            if j < last:
                lines.append(f"rh{i}_{j} n{i}_{j} n{i}_{j + 1} 1k")
            if i < last:
                lines.append(f"rv{i}_{j} n{i}_{j} n{i + 1}_{j} 1k")
    lines.append(f"rl n{last}_{last} 0 1k")
    lines.append(".op" if analysis == "op" else ".tran 1n 50n")
    return "\n".join(lines), [f"v(n{last}_{last})", f"v(n{last // 2}_{last // 2})"]


def ring(stages: int, analysis: str, folder: Path) -> tuple[str, list[str]]:
    """Return a ring of CMOS inverters (level 1, Meyer's capacitances)."""
    del analysis, folder
    lines = [
        "ring oscillator", "vdd v 0 5",
        f".model mn nmos level=1 vto=0.7 kp=8e-5 {_MOS}",
        f".model mp pmos level=1 vto=-0.8 kp=3e-5 {_MOS}",
    ]
    for k in range(stages):
        o = (k + 1) % stages
        lines += [
            f"mp{k} n{o} n{k} v v mp w=4u l=1u ad=8p as=8p pd=8u ps=8u",
            f"mn{k} n{o} n{k} 0 0 mn w=2u l=1u ad=4p as=4p pd=6u ps=6u", f"c{k} n{k} 0 20f",
        ]
    starts = " ".join(f"v(n{k})={5 * (k % 2)}" for k in range(stages))
    lines += [f".ic {starts}", f".tran 0.1n {max(50, 2 * stages)}n 0 0.1n"]
    return "\n".join(lines), ["v(n0)", "v(n1)"]


def array_1t1r(size: int, analysis: str, folder: Path) -> tuple[str, list[str]]:
    """Return an array of VTEAM memristors with transistors (level 1), a pulse on every other row.

    The conductances are in a file of `folder`.
    """
    del analysis
    conductance = np.random.default_rng(0).uniform(6e-6, 9e-5, (size, size))
    with new_file(folder / "conductance.csv") as stream:
        np.savetxt(stream, conductance, delimiter=",")
    every = range(size)
    ports = [*(f"w{i}" for i in every), *(f"b{j}" for j in every), *(f"g{i}" for i in every)]
    lines = [
        "1T1R array",
        (f"x1 {' '.join(ports)} crossbar rows={size} columns={size} word=1 bit=1 model=m "
        f'conductance="{folder / "conductance.csv"}" transistor=mn w=2u l=0.2u'),
        ".model m vteam r_on=1e4 r_off=2e5",
        ".model mn nmos level=1 vto=0.4 kp=3e-4 lambda=0.02 is=0",
    ]
    for i in every:
        driven = 1.2 if i % 2 == 0 else 0.0
        lines += [
            f"vw{i} w{i} 0 pulse(0 {driven} 1n 1n 1n 20n)",
            f"vg{i} g{i} 0 pulse(0 1.8 0 0.5n 0.5n 30n)", f"vb{i} b{i} 0 0",
        ]
    lines.append(".tran 0.1n 25n 0 0.25n")
    return "\n".join(lines), ["i(vb0)", f"i(vb{size - 1})"]


def array_flat(size: int, analysis: str, folder: Path) -> tuple[str, list[str]]:
    """Return the same array element by element, as ngspice reads it."""
    from crossbarsim.netlists import read_spice  # noqa: PLC0415

    text, names = array_1t1r(size, analysis, folder)
    flat = read_spice(text).to_spice("ngspice")
    return flat.replace("\n.end\n", "\n"), names


CASES = {"rc_mesh": rc_mesh, "ring": ring, "array_1t1r": array_1t1r, "array_flat": array_flat}
