"""Decks and data files that were made on other systems: separators, drives, line ends, encodings."""

import numpy as np
import pytest
from crossbarsim.netlists import read_spice
from crossbarsim.netlists.spice.read.lines import file_at

from crossbarsim import NetlistError


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "part.cir").write_bytes(b"r9 a 0 1k\r\n.include inner\\last.cir\r\n")
    (tmp_path / "sub" / "inner").mkdir()
    (tmp_path / "sub" / "inner" / "last.cir").write_bytes(b"r10 a 0 2k\r")
    (tmp_path / "sub" / "lib.lib").write_bytes(b".lib tt\r\nr11 a 0 3k\r\n.endl\r\n")
    (tmp_path / "sub" / "g.csv").write_bytes(b"\xef\xbb\xbf1e-4,2e-4\r\n3e-4,4e-4\r\n")
    (tmp_path / "sub" / "w.txt").write_bytes("0 0\r\n1e-6 1\r\n; \u00b5s\r\n".encode("latin-1"))
    return tmp_path


def read(folder, *lines):
    (folder / "deck.cir").write_bytes("\r\n".join(["title", "v1 a 0 1", *lines, ""]).encode())
    return read_spice(folder / "deck.cir")


@pytest.mark.parametrize("form", [
    "sub\\part.cir", '"sub\\part.cir"', ".\\sub\\part.cir", "sub/part.cir", "'sub/part.cir'",
])
def test_includes_with_either_separator(folder, form):
    found = read(folder, f".include {form}")
    assert {"r9", "r10"} <= {e.name.lower() for e in found}


def test_libraries_tables_and_waves(folder):
    found = read(
        folder, ".lib sub\\lib.lib tt", 'v2 b 0 pwl(file="sub\\w.txt")', "r2 b 0 1",
        "x1 a b c d crossbar rows=2 columns=2 word=1 bit=1 conductance=sub\\g.csv",
    )
    assert "r11" in {e.name.lower() for e in found}
    assert np.array_equal(
        next(iter(found.arrays.values())).conductance, [[1e-4, 2e-4], [3e-4, 4e-4]]
    )


@pytest.mark.parametrize("line", [
    '.include "C:\\My Files\\part.cir"', ".lib C:\\x\\part.lib tt", 'v3 a 0 pwl(file="C:\\w.txt")',
    'x1 a b c d crossbar rows=2 columns=2 word=1 bit=1 conductance="D:\\data\\g.csv"',
])
def test_drives_stay_in_the_message(folder, line):
    with pytest.raises(NetlistError, match=r"[CD]:\\"):
        read(folder, line)


def test_a_name_with_a_backslash_is_tried_as_it_is(tmp_path):
    try:
        (tmp_path / "a\\b").write_bytes(b"1")
    except OSError:
        pytest.skip("no such names here")
    assert file_at(tmp_path, "a\\b").read_bytes() == b"1"
    (tmp_path / "a").mkdir(exist_ok=True)
    (tmp_path / "a" / "b").write_bytes(b"2")
    assert file_at(tmp_path, "a\\b").is_file()
    long = "x\\" * 3000
    assert file_at(tmp_path, long) == tmp_path / long
    assert file_at(tmp_path, "\0\\").name


def test_data_files_that_are_no_text(folder):
    (folder / "bad.txt").write_bytes(b"1 2 3 4 5 6\n\0\xff\n")
    with pytest.raises(NetlistError, match="is no text"):
        read(folder, "v2 b 0 pwl(file=bad.txt)")
