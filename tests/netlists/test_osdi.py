"""Opening compiled models: records, the compiler, its cache, and what is refused."""

import platform
import shutil
import subprocess
import sys

import numpy as np
import pytest
from crossbarsim.netlists.osdi import abi
from crossbarsim.netlists.osdi.compiler import VARIABLE, compiled_library

from crossbarsim import (
    BackendUnavailable,
    NetlistError,
    ParameterError,
    VerilogAError,
    load_osdi,
    load_verilog_a,
)
from tests.helpers.osdi import compiled, need_compiler, shipped, shipped_module, source


def test_records_of_a_module():
    module = compiled("diode_limited")
    assert module.terminals == ("a", "c")
    assert module.inner_nodes == ("i",)
    assert module.collapsible == ((0, 2),)
    assert module.limits == ("pnjlim/2",)
    assert module.states == 1
    assert module.uses_time is False
    saturation = module.parameter("ISAT")
    assert (saturation.name, saturation.aliases) == ("is", ("isat",))
    assert (saturation.default, saturation.units, saturation.kind) == (1e-14, "A", "model")
    assert saturation.description == "saturation current"
    assert module.parameter("area").kind == "instance"
    assert (module.parameter("law").type, module.parameter("law").default) == ("string", "exp")
    assert (module.parameter("fold").type, module.parameter("fold").default) == ("integer", 1)
    assert module.parameter("$mfactor").default == 1.0
    assert {v.name: v.units for v in module.variables} == {"gd": "S", "id": "A"}
    assert {"shot", "thermal"} <= {n.name for n in module.noise}
    assert any(resist and not react for _, _, resist, react in module.jacobian)


def test_an_unknown_parameter_is_named_with_those_like_it():
    with pytest.raises(ParameterError, match="no parameter `arae`; did you mean `area`"):
        compiled("diode_limited").parameter("arae", whose="d1")


def test_libraries_of_the_extra():
    bsim = shipped_module("bsim4v8")
    assert bsim.terminals == ("d", "g", "s", "b")
    assert len(bsim.parameters) > 800
    assert shipped_module("psp103v4").name == "PSP103VA"
    assert load_osdi(shipped("bsim4v8")) is load_osdi(shipped("bsim4v8"))
    with pytest.raises(ParameterError, match="no module `diode`: there are bsim4"):
        load_osdi(shipped("bsim4v8")).module("diode")


# -- the compiler ---------------------------------------------------------------------------------


def test_errors_of_the_compiler_have_file_and_line(tmp_path):
    need_compiler()
    bad = tmp_path / "bad.va"
    bad.write_text('`include "disciplines.vams"\nmodule bad(a, c);\ninout a, c; electrical a, c;\n'
                   "analog I(a, c) <+ V(a, c) / ohms;\nendmodule\n", encoding="utf-8")
    with pytest.raises(NetlistError, match="'ohms' was not found") as caught:
        load_verilog_a(bad)
    assert caught.value.line == 4
    assert caught.value.file == str(bad)
    with pytest.raises(NetlistError, match="no such file"):
        load_verilog_a(tmp_path / "nowhere.va")
    with pytest.raises(NetlistError, match="no folder"):
        load_verilog_a(bad, include=[tmp_path / "nowhere"])


@pytest.mark.parametrize(("declared", "body", "message"), [
    ("", "@(cross(V(a, c), 1)) x = 1;", "no events but initial_step and final_step; .*read_verilog_a"),
    ("", "x = $random;", "random numbers; .*read_verilog_a"),
    ("parameter real k = 1 from (0, 2);", "x = k;", "parted by `:`, not by `,`; .*read_verilog_a"),
    ('parameter real k = 1 from (0:2) (* info="k" *);', "x = k;", "stand before what they describe"),
    ("real z[0:3];", "z[0] = 1; x = z[0];", "knows no arrays"),
])
def test_what_the_compiler_lacks_is_said(declared, body, message, tmp_path):
    need_compiler()
    bad = tmp_path / "bad.va"
    bad.write_text('`include "disciplines.vams"\nmodule bad(a, c); inout a, c; electrical a, c; real x;\n'
                   f"{declared}\nanalog begin {body} I(a, c) <+ x; end\nendmodule\n", encoding="utf-8")
    with pytest.raises(VerilogAError, match=message):
        load_verilog_a(bad)


def test_the_cache_sees_what_is_included(tmp_path, monkeypatch):
    need_compiler()
    monkeypatch.setenv("CROSSBARSIM_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "constants"
    folder.mkdir()
    (folder / "value.inc").write_text("`define VALUE 2.0\n", encoding="utf-8")
    main = tmp_path / "m.va"
    main.write_text('`include "disciplines.vams"\n`include "value.inc" // here\nmodule m(a, c);\n'
                    "inout a, c; electrical a, c; parameter real g = `VALUE;\n"
                    "analog I(a, c) <+ g * V(a, c);\nendmodule\n", encoding="utf-8")
    first = compiled_library(main, include=[folder])
    made = first.stat().st_mtime_ns
    assert compiled_library(main, include=[folder]) == first
    assert first.stat().st_mtime_ns == made
    assert load_osdi(first).module().parameter("g").default == 2.0
    (folder / "value.inc").write_text("`define VALUE 3.0\n", encoding="utf-8")
    second = compiled_library(main, include=[folder])
    assert second != first
    assert load_osdi(second).module().parameter("g").default == 3.0
    assert compiled_library(main, include=[folder], define={"OTHER": 1}) not in (first, second)


def test_without_a_compiler_the_extra_is_named(tmp_path, monkeypatch):
    (tmp_path / "m.va").write_text("module m; endmodule", encoding="utf-8")
    monkeypatch.setenv(VARIABLE, "no-such-compiler")
    with pytest.raises(BackendUnavailable, match=f"{VARIABLE} = 'no-such-compiler'"):
        load_verilog_a(tmp_path / "m.va")
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setattr("crossbarsim.netlists.osdi.compiler.find_spec", lambda _: None)
    monkeypatch.setattr("crossbarsim.netlists.osdi.compiler.shutil.which", lambda _: None)
    with pytest.raises(BackendUnavailable, match=r"pip install crossbarsim\[verilog-a\]"):
        load_verilog_a(tmp_path / "m.va")


def test_without_a_home_the_folder_to_set_is_named(tmp_path, monkeypatch):
    need_compiler()
    (tmp_path / "m.va").write_text("module m; endmodule", encoding="utf-8")
    for name in ("CROSSBARSIM_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("crossbarsim.netlists.osdi.cache.Path.home", home)
    with pytest.raises(NetlistError, match=r"home directory.*set CROSSBARSIM_CACHE"):
        load_verilog_a(tmp_path / "m.va")


def test_two_processes_may_compile_at_once(tmp_path, monkeypatch):
    need_compiler()
    monkeypatch.setenv("CROSSBARSIM_CACHE", str(tmp_path))
    line = (f"from crossbarsim import load_verilog_a as f; "
            f"print(f({str(source('rc'))!r}).module().name)")
    runs = [subprocess.Popen([sys.executable, "-c", line], stdout=subprocess.PIPE, text=True)
            for _ in range(2)]
    assert [run.communicate()[0].strip() for run in runs] == ["rc", "rc"]
    assert len(list((tmp_path / "verilog-a").glob("*.osdi"))) == 1


# -- what is refused --------------------------------------------------------------------------------


def test_what_is_no_library_is_refused(tmp_path):
    def refused(content, match):
        path = tmp_path / "x.osdi"
        path.write_bytes(content)
        with pytest.raises(NetlistError, match=match) as caught:
            load_osdi(path)
        assert caught.value.file == str(path)

    refused(b"", "it is empty")
    refused(b"hello\0world", "no shared library")
    refused(source("rc").read_bytes(), "load_verilog_a")
    refused(b"\x7fELF", "damaged")
    refused(b"MZ" + bytes(100), "damaged")
    refused(b"\xcf\xfa\xed\xfe" + bytes(8), "damaged")
    with pytest.raises(NetlistError, match="no such file"):
        load_osdi(tmp_path / "nowhere.osdi")
    with pytest.raises(NetlistError, match="a folder"):
        load_osdi(tmp_path)


needs_elf = pytest.mark.skipif(sys.platform != "linux", reason="changes an ELF file")


@needs_elf
@pytest.mark.parametrize(("at", "new", "match"), [
    (18, b"\xb7\x00", "a library for aarch64"), (16, b"\x02\x00", "no shared library"),
    (4, b"\x01", "32|another|cut off|word"),
])
def test_other_platforms_are_refused(tmp_path, at, new, match):
    if sys.byteorder == "big" or (at == 18 and platform.machine() == "aarch64"):
        pytest.skip("made for this machine")
    data = bytearray(shipped("resistor").read_bytes())
    data[at:at + len(new)] = new
    path = tmp_path / "other.osdi"
    path.write_bytes(data)
    with pytest.raises(NetlistError, match=match):
        load_osdi(path)


@needs_elf
def test_a_library_cut_off_anywhere_ends_no_process(tmp_path):
    """In a process of its own: the system's loader would end it by a signal."""
    whole = shipped("resistor").read_bytes()
    for k, length in enumerate([70, 600, 4096, 8192, 16384, len(whole) - 4096, len(whole) - 1]):
        (tmp_path / f"{k}.osdi").write_bytes(whole[:length])
    script = (
        "import sys\nfrom pathlib import Path\nfrom crossbarsim import NetlistError, load_osdi\n"
        "for path in sorted(Path(sys.argv[1]).glob('*.osdi')):\n"
        "    try:\n        load_osdi(path)\n    except NetlistError as e:\n"
        "        print('cut off' in e.message)\n")
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["True"] * 7


@needs_elf
def test_a_library_damaged_inside_ends_no_process(tmp_path):
    """Tables of the loader that point anywhere: opening it ends a process, not this one."""
    whole = shipped("resistor").read_bytes()
    rng = np.random.default_rng(3)
    for k in range(3):
        data = bytearray(whole)
        for at in rng.integers(0x500, 0x1500, 40):
            data[at] ^= 0xA5
        (tmp_path / f"{k}.osdi").write_bytes(data)
    script = (
        "import sys\nfrom pathlib import Path\nfrom crossbarsim import NetlistError, load_osdi\n"
        "for path in sorted(Path(sys.argv[1]).glob('*.osdi')):\n"
        "    try:\n        load_osdi(path)\n    except NetlistError as e:\n"
        "        print(e.file == str(path))\n")
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["True"] * 3


@needs_elf
def test_other_versions_and_libraries_are_refused(tmp_path):
    data = bytearray(shipped("resistor").read_bytes())
    name = data.find(b"OSDI_NUM_DESCRIPTORS\0")
    changed = data.copy()
    changed[name:name + 4] = b"XXXX"
    path = tmp_path / "missing.osdi"
    path.write_bytes(changed)
    with pytest.raises(NetlistError, match="without OSDI_NUM_DESCRIPTORS"):
        load_osdi(path)
    import _ctypes  # a shared library that is none of OSDI

    shutil.copy(_ctypes.__file__, tmp_path / "plain.osdi")
    with pytest.raises(NetlistError, match="none of OSDI"):
        load_osdi(tmp_path / "plain.osdi")


def test_versions_by_their_sizes():
    assert abi.DESCRIPTOR_SIZES == {(0, 3): 240, (0, 4): 328, (0, 5): 360}
