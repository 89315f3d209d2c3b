"""Files of the command line: what cannot be read or written is said in one line, nothing is lost."""

import errno
import os

import numpy as np
import pytest
from typer.testing import CliRunner

from crossbarsim import Crossbar, Solver, Wires
from crossbarsim.cli.main import app
from crossbarsim.core import files

RUN = CliRunner()
G = np.array([[1e-4, 2e-5], [3e-5, 1e-4], [5e-5, 1e-6]])
DECK = "t\nV1 1 0 1\nR1 1 2 1k\nC1 2 0 1n\n.op\n.tran 1u 10u\n.end\n"
CONTROL = "t\nV1 1 0 1\nR1 1 0 1k\n.control\nop\nwrdata table.txt v(1)\nwrite all.raw\n.endc\n.end\n"

# command -> (arguments before the file, the option of the file, whether it is a folder)
WRITING = {
    "solve npz": (["solve", "G.npy", "V.csv", "--out"], "o.npz"),
    "solve csv": (["solve", "G.csv", "V.npy", "--out"], "o.csv"),
    "run raw": (["run", "d.cir", "--out"], "o.raw"),
    "run csv": (["run", "d.cir", "--out"], "o.csv"),
    "device csv": (["device", "iv", "vteam", "--cycles", "1", "--points", "20", "--csv"], "o.csv"),
    "device picture": (["device", "iv", "vteam", "--cycles", "1", "--points", "20", "--out"], "o.png"),
    "device verilog-a": (["device", "export", "vteam", "--verilog-a"], "o.va"),
    "program": (["program", "vteam", "--size", "2x2", "--preset", "magic", "--out"], ""),
    "read-margin": (["study", "read-margin", "--sizes", "2", "--selector", "", "--out"], ""),
    "device-spread": (["study", "device-spread", "--count", "3", "--out"], ""),
    "gradual-reset": (["study", "gradual-reset", "--states", "3", "--count", "5", "--out"], ""),
}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("G.npy", G)
    np.save("V.npy", [0.1, 0.2, 0.3])
    (tmp_path / "G.csv").write_text("# siemens\n" + "\n".join(",".join(map(repr, map(float, r))) for r in G))
    (tmp_path / "V.csv").write_text("volt\n0.1\n0.2\n0.3\n")
    (tmp_path / "d.cir").write_text(DECK)
    (tmp_path / "c.cir").write_text(CONTROL)
    (tmp_path / "file").write_text("a file\n")
    (tmp_path / "folder").mkdir()


def refused(arguments, words):
    """Run a command that must end in one line of standard error."""
    result = RUN.invoke(app, arguments)
    assert result.exit_code == 2, (result.output, result.exception)
    assert isinstance(result.exception, SystemExit), result.exception
    line = result.stderr.strip().splitlines()[-1]
    assert line.startswith("error: ")
    for word in words:
        assert word in line, line
    return line


@pytest.mark.parametrize("name", WRITING)
def test_places_that_cannot_be_written_to(name, tmp_path):
    command, file = WRITING[name]
    below = f"file/{file}" if file else "file/deeper"
    refused([*command, below], ["file"])
    if file:
        if not name.startswith("device "):  # its folder is made
            refused([*command, f"nowhere/{file}"], ["nowhere"])
        (tmp_path / file).mkdir()
        refused([*command, file], [file])
        assert not list((tmp_path / file).iterdir())
    else:
        refused([*command, "file"], ["file"])
    assert (tmp_path / "file").read_text() == "a file\n"
    assert not list(tmp_path.rglob("*.tmp"))


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


LONG = ("program", "read-margin", "device-spread", "gradual-reset")


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in WRITING
])
def test_a_full_disk_loses_nothing_whenever_it_is_full(name, tmp_path, monkeypatch):
    """The disk is full at the first write, at the second, ...: what was there stays, and a later
    run ends as one that was never stopped."""
    command, file = WRITING[name]
    out = tmp_path / "out"
    if file:
        out.mkdir()
    place = str(out / file)
    done = RUN.invoke(app, [*command, place])
    assert done.exit_code == 0, (done.output, done.exception)
    whole = contents(out)
    times = [n for n in whole if n.endswith(".raw")]  # with the date
    for old in (True, False):
        for k in range(40):
            if not old:
                for path in out.iterdir():
                    path.unlink()
            left = [k]

            def full(_number, left=left):
                left[0] -= 1
                if left[0] < 0:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

            with monkeypatch.context() as patch:
                patch.setattr(files.os, "fsync", full)
                result = RUN.invoke(app, [*command, place])
            if result.exit_code == 0:
                break
            assert isinstance(result.exception, SystemExit), result.exception
            assert "No space left on device" in result.stderr
            assert str(out) in result.stderr
            found = contents(out)
            found.pop("checkpoint.npz", None)  # from which the same command goes on
            assert not [n for n in found if n.endswith(".tmp")]
            if old:
                assert {n: b for n, b in found.items() if n not in times} == {
                    n: b for n, b in whole.items() if n not in times}
        assert k > 0
        again = contents(out)
        assert {n: b for n, b in again.items() if n not in times} == {
            n: b for n, b in whole.items() if n not in times}


@pytest.mark.parametrize(("arguments", "words"), [
    (["solve", "folder", "V.npy"], ["folder"]),
    (["solve", "G.npy", "nowhere.npy"], ["nowhere.npy: cannot be read"]),
    (["solve", "G.npy", "nowhere.csv"], ["nowhere.csv: cannot be read"]),
    (["solve", "d.cir", "V.npy"], ["d.cir: expected a NumPy .npy file of numbers, or a table"]),
    (["solve", "G.npy", "V.npy", "--out", "o.txt"], ["must end in .npz or .csv"]),
    (["run", "folder"], ["folder"]),
    (["run", "nowhere.cir"], ["nowhere.cir"]),
    (["check", "folder"], ["folder"]),
    (["program", "vteam", "--size", "2x2", "--targets", "folder"], ["folder"]),
    (["program", "vteam", "--size", "2x2", "--start", "nowhere.csv"], ["nowhere.csv"]),
    (["study", "ir-drop", "--data", "file"], ["file"]),
    (["study", "ir-drop", "--out", "file"], ["file"]),
    (["study", "nonidealities", "--data", "folder"], ["folder"]),
    (["study", "read-margin", "--farad", "-1"], ["`--farad` must be >= 0"]),
    (["study", "read-margin", "--farad", "nan"], ["`--farad` must be >= 0"]),
])
def test_files_that_cannot_be_read(arguments, words):
    refused(arguments, words)


@pytest.mark.parametrize(("text", "words"), [
    ("1e-4,2e-4\n1e-4\n", "line 2: has 1 numbers, the lines above 2"),
    ("1e-4,x\n1e-4,2\n", "line 1: expected numbers"),
    ("1e-4,,2\n", "line 1: a number is missing"),
    ("1,5;2,5\n", "has both , and ;"),
    ("# nothing\n", "holds no numbers"),
    ("a,b\n", "holds no numbers"),
])
def test_tables_with_faults(tmp_path, text, words):
    (tmp_path / "bad.csv").write_text(text)
    refused(["solve", "bad.csv", "V.npy"], [words, "bad.csv"])


def test_tables_in_and_out(tmp_path):
    expected = Solver().solve(Crossbar(G, Wires(1.0, 1.0)), [0.1, 0.2, 0.3])
    for command in (["G.csv", "V.csv"], ["G.npy", "V.npy"], ["G.csv", "V.npy"]):
        done = RUN.invoke(app, ["solve", *command, "--out", "o.csv"])
        assert done.exit_code == 0, done.output
        assert np.array_equal(np.loadtxt("o.csv", delimiter=","), expected.currents)
        assert np.array_equal(np.loadtxt("o_bit_voltages.csv", delimiter=","), expected.bit_voltages)
    (tmp_path / "V2.csv").write_text("a;b;c\n0.1;0.2;0.3\n0;0;1\n")
    done = RUN.invoke(app, ["solve", "G.csv", "V2.csv", "--out", "two.csv"])
    assert done.exit_code == 0, done.output
    found = np.loadtxt("two.csv", delimiter=",")
    assert found.shape == (2, 2)
    assert np.array_equal(found[0], expected.currents)
    assert not (tmp_path / "o.csv.npz").exists()


def test_a_second_run_of_a_command_is_told_who_writes(tmp_path):
    from crossbarsim.core.locks import FolderLock

    command, _ = WRITING["device-spread"]
    with FolderLock(tmp_path / "busy"):
        import threading

        found = []
        thread = threading.Thread(target=lambda: found.append(RUN.invoke(app, [*command, "busy"])))
        thread.start()
        thread.join()
    assert found[0].exit_code == 2
    assert "busy: another thread of this process is writing into this folder" in found[0].stderr
    assert not (tmp_path / "busy").exists()  # made for the lock, and empty
