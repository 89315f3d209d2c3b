"""``crossbarsim device show`` of Verilog-A sources and OSDI libraries."""

from typer.testing import CliRunner

from crossbarsim.cli.main import app
from tests.helpers.osdi import compiled, need_compiler, shipped, source

RUN = CliRunner(env={"COLUMNS": "160"})


def show(*arguments):
    result = RUN.invoke(app, ["device", "show", *map(str, arguments)])
    return result.exit_code, result.output


def test_a_source_is_shown_with_its_ranges():
    need_compiler()
    code, text = show(source("diode_limited"))
    assert code == 0
    assert "module diode_limited" in text
    assert "terminals: a, c" in text
    assert "inner nodes: i" in text
    rows = {line.split("│")[1].strip(): line for line in text.splitlines() if line.startswith("│")}
    for part in ("1e-14", " A ", "(0:inf)", "saturation current", "model"):
        assert part in rows["is, isat"]
    assert "[0.5:10]" in rows["n"]
    assert "instance" in rows["area"]
    assert "integer" in rows["fold"]
    assert "conductance" in rows["gd"]
    assert "noise: shot, flicker, thermal" in text


def test_a_library_is_shown_without_ranges():
    module = compiled("diode_limited")
    code, text = show(module.file)
    assert code == 0
    assert "(0:inf)" not in text
    assert "ranges of parameters are in the source only" in text
    code, text = show(shipped("bsim4v8"))
    assert code == 0
    assert "terminals: d, g, s, b" in text


def test_files_that_cannot_be_shown(tmp_path):
    assert show(tmp_path / "nowhere.osdi")[0] == 2
    bad = tmp_path / "bad.va"
    bad.write_text("module bad(a); inout a; electrical a;\nanalog I(a) <+ q;\nendmodule\n", encoding="utf-8")
    need_compiler()
    code, text = show(bad)
    assert code == 2
    assert "bad.va" in text.replace("\n", "")
    assert show(source("rc"), "--preset", "x")[0] == 2
    assert show("vteam", "--include", str(tmp_path))[0] == 2
