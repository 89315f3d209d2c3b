"""Files are written whole or not at all, the same bytes everywhere; nobody goes another way."""

import ast
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import matplotlib.figure
import numpy as np
import pandas as pd
import pytest
from crossbarsim.solvers.circuit.rawfile.plots import RawPlot, RawVariable
from crossbarsim.solvers.circuit.rawfile.writer import write_raw

from crossbarsim import Crossbar, Solution, Solver, Wires
from crossbarsim.core import files
from crossbarsim.core.errors import NetlistError, ParameterError
from crossbarsim.studies.data.errors import DataError
from crossbarsim.studies.engine.records import Record

ROOT = Path(__file__).parents[2]
OLD = b"the old file\n"
posix = pytest.mark.skipif(os.name != "posix", reason="permissions, links and pipes of POSIX")


class Stop(Exception):
    """What interrupts a write."""


class Figure:
    """A figure whose drawing stops in the middle."""

    def savefig(self, fname, **_settings):
        fname.write(b"\x89PNG")
        raise Stop


class Table:
    def to_csv(self, **_settings):
        raise Stop


def interrupted_array(path):
    class Odd:
        def __array__(self, *args, **settings):
            raise Stop

    files.save_array(path, Odd())


def interrupted_arrays(path):
    files.save_arrays(path, good=np.ones(1000), bad=np.array([object()], dtype=object))


def interrupted_raw(path):
    good = RawPlot("t", "p", (RawVariable("time", "time"),), (np.arange(3.0),))
    bad = RawPlot("t", "p", (RawVariable("two words", "time"),), (np.arange(3.0),))
    write_raw(path, [good, bad])


def interrupted_stream(path):
    with files.new_file(path) as stream:
        stream.write(b"half")
        raise Stop


def interrupted_text(path):
    with files.new_text_file(path) as stream:
        stream.write("half")
        raise KeyboardInterrupt


WRITERS = {
    "stream": interrupted_stream, "text stream": interrupted_text, "array": interrupted_array,
    "arrays": interrupted_arrays, "raw": interrupted_raw,
    "text": lambda path: files.write_text(path, "no text \udc80"),
    "table": lambda path: files.save_table(path, Table()),
    "figure": lambda path: files.save_figure(Figure(), path, dpi=10),
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("before", [True, False])
def test_an_interrupted_write_leaves_the_old_file(tmp_path, name, before):
    path = tmp_path / "file.png"
    if before:
        path.write_bytes(OLD)
    expected = {
        "text stream": KeyboardInterrupt, "arrays": ValueError, "raw": ParameterError,
        "text": UnicodeEncodeError,
    }
    with pytest.raises(expected.get(name, Stop)):
        WRITERS[name](path)
    assert [p.name for p in tmp_path.iterdir()] == ["file.png"] * before
    if before:
        assert path.read_bytes() == OLD


def test_saved_crossbars_and_solutions_are_replaced_whole(tmp_path, monkeypatch):
    xbar = Crossbar(np.full((3, 2), 1e-4), Wires(word=1.0, bit=1.0))
    solution = Solver().solve(xbar, np.ones(3))
    for thing in (xbar, solution):
        path = tmp_path / f"{type(thing).__name__}.npz"
        thing.save(path)
        whole = path.read_bytes()
        with monkeypatch.context() as patch:
            patch.setattr(files.os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "full")))
            with pytest.raises(OSError, match="full"):
                thing.save(path)
        assert path.read_bytes() == whole
        assert type(thing).load(path) is not None
    assert np.array_equal(Solution.load(path).currents, solution.currents)
    assert len(list(tmp_path.iterdir())) == 2


def test_bytes_are_the_same_everywhere(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "linesep", "\r\n")
    path = tmp_path / "a"
    files.write_text(path, "1 µ\n")
    files.append_text(path, "2\n")
    assert path.read_bytes() == "1 µ\n2\n".encode()
    files.save_table(path, pd.DataFrame({"a": [1, 2]}))
    assert path.read_bytes() == b"a\n1\n2\n"
    with files.new_text_file(path) as stream:
        stream.write("a\nb\r\n")
    assert path.read_bytes() == b"a\nb\r\n"


def test_a_figure_takes_its_format_from_the_suffix(tmp_path):
    figure = matplotlib.figure.Figure(figsize=(1, 1))
    assert files.save_figure(figure, tmp_path / "d" / "a.SVG", dpi=10).read_bytes()[:5] == b"<?xml"
    found = files.save_figure(figure, tmp_path / "plain", dpi=10)
    assert found.name == "plain.png"
    assert found.read_bytes().startswith(b"\x89PNG")


@posix
def test_permissions_links_and_devices(tmp_path):
    path = tmp_path / "a"
    previous = os.umask(0o027)
    try:
        files.write_text(path, "new")
    finally:
        os.umask(previous)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.chmod(0o604)
    files.write_text(path, "again")
    assert stat.S_IMODE(path.stat().st_mode) == 0o604
    link = tmp_path / "link"
    link.symlink_to("a")
    files.write_text(link, "through")
    assert link.is_symlink()
    assert path.read_text(encoding="utf-8") == "through"
    files.write_text("/dev/null", "gone")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    assert len(list(tmp_path.iterdir())) == 2


def test_errors_name_the_file_that_was_asked_for(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError) as caught:
        files.write_text(tmp_path / "no" / "a.txt", "")
    assert caught.value.filename == str(tmp_path / "no" / "a.txt")
    with pytest.raises((IsADirectoryError, PermissionError)):
        files.write_text(tmp_path, "")
    (tmp_path / "locked").write_bytes(OLD)
    monkeypatch.setattr(files.os, "access", lambda *_: False)
    with pytest.raises(PermissionError, match="locked"):
        files.write_text(tmp_path / "locked", "")
    assert (tmp_path / "locked").read_bytes() == OLD


def test_an_ending_needs_a_name(tmp_path):
    assert files.with_ending("a", ".html") == Path("a.html")
    assert files.with_ending("a.b.htm", ".html") == Path("a.b.htm")
    for nothing in ("", ".", "..", tmp_path):
        with pytest.raises(IsADirectoryError, match="needs the name of a file"):
            files.with_ending(nothing, ".html")


@pytest.mark.parametrize("failures", [3, 100])
def test_a_name_that_another_program_holds_open(tmp_path, monkeypatch, failures):
    """Windows cannot replace a file that is open: it is tried again for a while."""
    replace, tries = Path.replace, []

    def busy(self, target):
        tries.append(self)
        if len(tries) <= failures:
            raise PermissionError(13, "used by another process", str(target))
        return replace(self, target)

    path = tmp_path / "a"
    path.write_bytes(OLD)
    monkeypatch.setattr(Path, "replace", busy)
    monkeypatch.setattr(files.time, "sleep", lambda _: None)
    monkeypatch.setattr(files.sys, "platform", "win32")
    if failures > 10:
        with pytest.raises(PermissionError):
            files.write_text(path, "new")
        assert path.read_bytes() == OLD
    else:
        files.write_text(path, "new")
        assert path.read_bytes() == b"new"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    monkeypatch.setattr(files.sys, "platform", "linux")
    tries.clear()
    with pytest.raises(PermissionError):
        files.write_text(path, "newer")
    assert len(tries) == 1


def test_a_killed_process_leaves_the_old_file(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(OLD)
    code = (
        "import os, sys; from crossbarsim.core.files import new_file\n"
        "with new_file(sys.argv[1]) as stream:\n"
        "    stream.write(b'half'); stream.flush(); os._exit(1)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, path], check=False).returncode == 1
    assert path.read_bytes() == OLD


def test_names_that_every_system_takes():
    for text, name in (
        ("tran1", "tran1"), ("a/b\\c", "a_b_c"), ("v(1): <x>?", "v(1)_ _x__"), ("NUL", "_NUL"),
        ("com1.png", "_com1.png"), ("common", "common"), ("..", "_"), ("", "_"), ("end. ", "end"),
    ):
        assert files.plain_name(text) == name


# -- records of studies ---------------------------------------------------------------------------


def test_records_reach_the_disk_and_survive_a_torn_line_with_windows_line_ends(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(files.os, "fsync", synced.append)
    path = tmp_path / "points.jsonl"
    record = Record(path, {"a": 1})
    record.add([1], {"x": 0.5})
    assert len(synced) == 2
    lines = path.read_bytes()
    assert b"\r" not in lines
    path.write_bytes(lines.replace(b"\n", b"\r\n") + b'{"key": [2], "val')
    again = Record(path, {"a": 1})
    assert again.get([1]) == {"x": 0.5}
    assert again.get([2]) is None
    again.add([2], {"x": 1.5})
    assert Record(path, {"a": 1}).get([2]) == {"x": 1.5}
    path.write_bytes(path.read_bytes() + bytes(100))  # pages that a crash left unwritten
    assert Record(path, {"a": 1}).get([2]) == {"x": 1.5}
    path.write_bytes(json.dumps({"key": 1}).encode() + b"\n")
    with pytest.raises(DataError):
        Record(path, {"a": 1})


# -- nobody goes another way ----------------------------------------------------------------------

WRITING = {"savefig", "save", "savez", "savez_compressed", "savetxt", "tofile", "write_text",
           "write_bytes", "NamedTemporaryFile", "mkstemp", "to_csv", "to_excel", "to_parquet",
           "to_pickle", "to_json", "to_netcdf", "dump", "fdopen"}
LIBRARIES = {"np", "numpy", "torch"}  # our own objects have a method `save`, too


def text_of(node):
    return ast.unparse(node)


def open_mode(call, method):
    position = 0 if method else 1
    for keyword in call.keywords:
        if keyword.arg == "mode":
            return text_of(keyword.value).strip("'\"")
    if len(call.args) > position:
        return text_of(call.args[position]).strip("'\"")
    return "r"


def offences(source):
    """Return what a source does to files on its own, as (line, text)."""
    tree = ast.parse(source)
    streams = {
        item.optional_vars.id
        for node in ast.walk(tree) if isinstance(node, ast.With) for item in node.items
        if isinstance(item.optional_vars, ast.Name) and isinstance(item.context_expr, ast.Call)
        and text_of(item.context_expr.func) in ("new_file", "new_text_file")
    }
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function, method = node.func, isinstance(node.func, ast.Attribute)
        name = function.attr if method else getattr(function, "id", "")
        owner = text_of(function.value) if method else ""
        first = text_of(node.args[0]) if node.args else ""
        said = {keyword.arg for keyword in node.keywords}
        if name == "open" and owner not in ("os", "webbrowser"):
            mode = open_mode(node, method and owner not in ("io", "gzip", "bz2", "lzma", "codecs"))
            if set(mode) & set("wax+"):
                found.append((node.lineno, "open to write"))
            if "b" not in mode and "encoding" not in said and owner not in ("gzip", "bz2", "lzma"):
                found.append((node.lineno, "text without encoding"))
        elif name == "read_text" and "encoding" not in said:
            found.append((node.lineno, "text without encoding"))
        elif method and name in WRITING and first not in streams:
            if name == "to_csv" and not node.args and "path_or_buf" not in said:
                continue
            if name == "to_netcdf" and first == "None":  # gives bytes
                continue
            if name == "save" and owner not in LIBRARIES:
                continue
            found.append((node.lineno, text_of(function)))
        elif owner == "subprocess" and "text" in said and "encoding" not in said:
            found.append((node.lineno, "text without encoding"))
    return found


@pytest.mark.parametrize("line", [
    "open('a', 'w')", "open('a', mode='ab')", "open('a')", "Path(x).open('w', encoding='utf-8')",
    "path.open()", "path.read_text()", "path.write_text('a', encoding='utf-8')", "np.save(p, a)",
    "np.savez(p, a=a)", "torch.save(a, p)", "figure.savefig(p)", "frame.to_csv(p)", "path.write_bytes(b'')",
    "tempfile.NamedTemporaryFile()", "json.dump(a, f)", "subprocess.run(c, text=True)",
])
def test_offences_are_found(line):
    assert offences(line)


@pytest.mark.parametrize("line", [
    "open('a', 'rb')", "path.open(encoding='utf-8')", "path.read_text(encoding='utf-8')",
    "frame.to_csv(index=False)", "write_text(p, t)", "np.load(p)", "xbar.save(p)",
    "with new_file(p) as stream:\n    np.savetxt(stream, a)",
])
def test_other_lines_pass(line):
    assert not offences(line)


def test_all_sources_write_through_the_one_helper():
    found = {}
    for folder in ("crossbarsim", "netlists", "solvers", "benchmarks"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path not in [ROOT / "crossbarsim" / "core" / n for n in ("files.py", "locks.py")]:
                bad = offences(path.read_text(encoding="utf-8"))
                if bad:
                    found[str(path.relative_to(ROOT))] = bad
    assert not found


def test_files_of_the_repository_have_names_that_every_system_takes():
    seen = {}
    for folder in ("crossbarsim", "netlists", "solvers", "benchmarks", "tests", "docs"):
        for path in (ROOT / folder).rglob("*"):
            if "__pycache__" in path.parts:
                continue
            assert files.plain_name(path.name) == path.name, path
            assert len(str(path.relative_to(ROOT))) < 120, path
            lower = str(path.relative_to(ROOT)).lower()
            assert seen.setdefault(lower, path) == path


def test_a_failed_wrdata_keeps_the_table(tmp_path, monkeypatch):
    from crossbarsim.netlists import read_spice
    from crossbarsim.solvers.circuit.control.interpreter import run_commands

    deck = "t\nv1 a 0 1\nr1 a 0 1k\n.control\nop\nwrdata out.txt v(a)\nwrite out.raw\n.endc\n.end\n"
    run_commands(read_spice(deck), folder=tmp_path)
    before = (tmp_path / "out.txt").read_bytes()
    assert b"\r" not in before
    monkeypatch.setattr(files.os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(NetlistError, match="full"):
        run_commands(read_spice(deck), folder=tmp_path)
    assert (tmp_path / "out.txt").read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.raw", "out.txt"]
