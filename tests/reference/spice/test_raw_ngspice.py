"""Raw files between us and ngspice, in both directions."""

import subprocess

import numpy as np
import pytest
from crossbarsim.netlists import read_spice
from crossbarsim.solvers.circuit.rawfile.reader import read_raw, write_raw
from crossbarsim.solvers.circuit.results.export import save_results

from crossbarsim import Solver
from tests.helpers.decks_ngspice import have_ngspice

pytestmark = pytest.mark.skipif(not have_ngspice(), reason="ngspice is not installed")
DECK = """several analyses
v1 in 0 dc 1 ac 1 sin(0 1 1k)
r1 in out 1k
c1 out 0 100n
.op
.ac dec 5 10 100k
.tran 10u 1m
.dc v1 0 1 0.25
"""


def ngspice(folder, text, environment=None):
    (folder / "job.cir").write_text(text)
    done = subprocess.run(
        ["ngspice", "-b", "job.cir"], cwd=folder, capture_output=True, text=True, check=False,
        timeout=60, env=environment,
    )
    return done.stdout


@pytest.mark.parametrize("binary", [True, False])
def test_ngspice_loads_what_we_write(tmp_path, binary):
    results = Solver().run(read_spice(DECK))
    write_raw(tmp_path / "ours.raw", results, binary=binary)
    names = [p.name for r in results for p in r.to_plots()]
    commands = ["load ours.raw", "setplot"]
    told = ngspice(tmp_path, "\n".join([
        "job", ".control", "set numdgt=16", *commands, *(
            line for k in range(1, 5) for line in (f"setplot unknown{k}", "print all")
        ), *(line for p in ("op1", "ac1", "tran1", "dc1")
             for line in (f"setplot {p}", f"wrdata {p}.txt all" if p != "op1" else "print v(out)")),
        ".endc", ".end", "",
    ]))
    assert all(name in told for name in names), told
    op, ac, tran, dc = results
    assert f"v(out) = {op['v(out)']:.10e}"[:18] in told
    table = np.loadtxt(tmp_path / "tran1.txt")
    assert table.shape[0] == len(tran.time)
    np.testing.assert_allclose(table[:, 0], tran.time, rtol=1e-14)
    assert any(np.allclose(column, tran["v(out)"], rtol=1e-13, atol=1e-18) for column in table.T)
    table = np.loadtxt(tmp_path / "ac1.txt")
    assert any(np.allclose(column, ac["v(out)"].imag, rtol=1e-13) for column in table.T)
    table = np.loadtxt(tmp_path / "dc1.txt")
    np.testing.assert_allclose(table[:, 0], dc["v1"], atol=1e-15)


@pytest.mark.parametrize("ascii_", [False, True])
@pytest.mark.parametrize("padding", [False, True])
def test_we_read_what_ngspice_writes(tmp_path, ascii_, padding):
    ngspice(tmp_path, DECK.replace(".op\n", "").replace(".ac dec 5 10 100k\n", "").replace(
        ".dc v1 0 1 0.25\n", "") + "\n".join([
            ".control", "set filetype=ascii" if ascii_ else "set filetype=binary",
            "" if padding else "set nopadding", "run", "let short = v(out)[3]",
            "set numdgt=16", "wrdata table.txt v(out)", "write theirs.raw time v(out) short",
            "ac dec 5 10 100k", "wrdata ac.txt v(out)", "write theirs_ac.raw", ".endc", ".end", "",
        ]))
    plot, = read_raw(tmp_path / "theirs.raw")
    table = np.loadtxt(tmp_path / "table.txt")
    assert plot.name == "Transient Analysis"
    np.testing.assert_allclose(plot["v(out)"], table[:, 1], rtol=1e-14)
    np.testing.assert_allclose(plot["time"], table[:, 0], rtol=1e-14)
    assert plot["v(short)"][0] == pytest.approx(table[3, 1], rel=1e-14)
    plot, = read_raw(tmp_path / "theirs_ac.raw")
    table = np.loadtxt(tmp_path / "ac.txt")
    assert plot.complex
    np.testing.assert_allclose(plot["v(out)"], table[:, 1] + 1j * table[:, 2], rtol=1e-14)
    assert plot["frequency"].dtype == float


def test_the_file_of_a_whole_run(tmp_path):
    (tmp_path / "deck.cir").write_text(DECK + ".end\n")
    subprocess.run(
        ["ngspice", "-b", "-r", "all.raw", "deck.cir"], cwd=tmp_path, capture_output=True,
        check=False, timeout=60,
    )
    theirs = {p.name.split(" - ")[0]: p for p in read_raw(tmp_path / "all.raw")}
    save_results(tmp_path / "ours.raw", Solver().run(read_spice(DECK)))
    ours = {p.name: p for p in read_raw(tmp_path / "ours.raw")}
    assert set(ours) == set(theirs)
    for name, plot in ours.items():
        assert set(plot.names) == set(theirs[name].names), name
        assert {v.name: v.kind for v in plot.variables} == {
            v.name: v.kind for v in theirs[name].variables
        }, name
