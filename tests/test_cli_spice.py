"""``crossbarsim run`` and ``crossbarsim check``."""

import csv

import numpy as np
import pytest
from crossbarsim.solvers.circuit.rawfile.reader import read_raw
from typer.testing import CliRunner

from crossbarsim.cli.main import app

RUN = CliRunner()
DECK = """divider and filter
v1 in 0 dc 2 ac 1 sin(0 {a} 1k)
r1 in out 1k
r2 out 0 1k
c1 out 0 100n
.param a=1
.op
.tran 10u 2m
.ac dec 2 10 1k
.four 1k v(out)
.meas tran top max v(out)
.meas tran never when v(out)=9
.print tran v(out)
.end
"""


@pytest.fixture
def deck(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "deck.cir"
    path.write_text(DECK)
    return path


def test_run_prints_what_was_found(deck):
    done = RUN.invoke(app, ["run", str(deck)])
    assert done.exit_code == 0, done.output
    assert "v(out)" in done.output
    assert "Operating point" in done.output
    assert "top = 0.47" in done.output
    assert "never = failed" in done.output
    assert "THD" in done.output
    assert "v(out): 0 to" in done.output


def test_parameters_and_raw_file(deck, tmp_path):
    done = RUN.invoke(app, ["run", str(deck), "--param", "a=2", "--out", "all.raw"])
    assert done.exit_code == 0, done.output
    assert "top = 0.95" in done.output
    plots = read_raw(tmp_path / "all.raw")
    assert [p.name for p in plots] == [
        "Operating Point", "Transient Analysis", "AC Analysis", "Fourier Analysis"]
    assert plots[0]["v(out)"][0] == pytest.approx(1.0)


def test_tables(deck, tmp_path):
    done = RUN.invoke(app, ["run", str(deck), "--out", "all.csv"])
    assert done.exit_code == 0, done.output
    with (tmp_path / "all_ac.csv").open() as stream:
        rows = list(csv.reader(stream))
    assert rows[0][:3] == ["frequency", "re(v(in))", "im(v(in))"]
    assert len(rows) == 6
    assert (tmp_path / "all_op.csv").is_file()
    table = np.loadtxt(tmp_path / "all_tran.csv", delimiter=",", skiprows=1)
    assert table[-1, 0] == pytest.approx(2e-3)


@pytest.mark.slow
def test_pictures(deck, tmp_path):
    pytest.importorskip("matplotlib")
    done = RUN.invoke(app, ["run", str(deck), "--plot"])
    assert done.exit_code == 0, done.output
    for kind in ("tran", "ac"):
        assert (tmp_path / f"deck-{kind}.png").stat().st_size > 10_000


def test_a_control_block_runs(deck, tmp_path):
    deck.write_text(DECK.replace(".end", ".control\nrun\nlet twice = 2*top\nsetplot tran1\n"
                                 "print v(out)[0]\nwrdata out.txt v(out)\n.endc\n.end"))
    done = RUN.invoke(app, ["run", str(deck)])
    assert done.exit_code == 2
    assert "deck.cir:16: let" in done.stderr
    deck.write_text(DECK.replace(".end", ".control\nrun\nsetplot tran1\nlet twice = 2*top\n"
                                 "print twice\nwrdata out.txt v(out)\n.endc\n.end"))
    done = RUN.invoke(app, ["run", str(deck)])
    assert done.exit_code == 0, done.output + done.stderr
    assert "twice = 9.5" in done.output or "twice = 9.4" in done.output
    assert (tmp_path / "out.txt").is_file()


def test_steps_are_a_table(deck):
    deck.write_text(DECK.replace(".end", ".step param a list 1 2 4\n.end"))
    done = RUN.invoke(app, ["run", str(deck)])
    assert done.exit_code == 0, done.output
    assert "3 steps of a" in done.output
    assert "1.9" in done.output


def test_check(deck):
    done = RUN.invoke(app, ["check", str(deck)])
    assert done.exit_code == 0, done.output
    assert "4 elements (1 C, 2 R, 1 V), 2 nodes, 3 unknowns" in done.output
    assert ".op, .tran, .ac, .four" in done.output


@pytest.mark.parametrize(("old", "new", "message"), [
    ("r2 out 0 1k", "r2 out 0 1kk x=1", "deck.cir:4"),
    ("r2 out 0 1k", "o2 out 0 1k", "deck.cir:4"),
    ("r2 out 0 1k\nc1 out 0 100n", "c2 out x 1n\nc1 out 0 100n\nc3 x 0 1n", "x"),
    (".tran 10u 2m", ".tran uic", "deck.cir:8"),
])
def test_check_says_where(deck, old, new, message):
    deck.write_text(DECK.replace(old, new))
    done = RUN.invoke(app, ["check", str(deck)])
    assert done.exit_code == 2
    assert message in done.stderr


def test_bad_arguments(deck):
    done = RUN.invoke(app, ["run", "nothing.cir"])
    assert done.exit_code == 2
    assert "nothing.cir: there is no such file" in done.stderr
    done = RUN.invoke(app, ["run", str(deck), "--out", "x.txt"])
    assert done.exit_code == 2
    assert ".raw or .csv" in done.stderr
    done = RUN.invoke(app, ["run", str(deck), "--param", "a"])
    assert done.exit_code == 2
    done = RUN.invoke(app, ["run", str(deck), "--param", "zz=1"])
    assert done.exit_code == 2
    assert "zz" in done.stderr


PLOTS = """plots
v1 in 0 dc 1 ac 1 sin(0 1 1k)
r1 in out 1k
c1 out 0 100n
.control
tran 10u 2m
plot v(in) v(out) v(in)-v(out) title "both" ylabel volt ylimit -2 2
plot v(out) vs v(in)
ac dec 5 10 1meg
plot db(v(out)) xlog
hardcopy bode.ps v(out) loglog
.endc
"""


def test_plots_of_a_control_block_are_drawn(deck, tmp_path):
    deck.write_text(PLOTS)
    done = RUN.invoke(app, ["run", str(deck), "--plot"])
    assert done.exit_code == 0, done.output
    names = {f.name for f in tmp_path.glob("*.png")}
    assert names == {"deck-plot1.png", "deck-plot2.png", "deck-plot3.png", "deck-bode.png"}
    assert all((tmp_path / n).stat().st_size > 5000 for n in names)
    assert "draws it" not in done.output


def test_plots_are_noted_where_nothing_draws(deck, tmp_path):
    deck.write_text(PLOTS)
    done = RUN.invoke(app, ["run", str(deck)])
    assert done.exit_code == 0, done.output
    assert "plot v(in), v(out), v(in)-v(out): `crossbarsim run --plot` draws it" in done.output
    assert not list(tmp_path.glob("*.png"))
    deck.write_text(PLOTS.replace("vs v(in)", "vs v(nowhere)"))
    done = RUN.invoke(app, ["run", str(deck), "--plot"])
    assert done.exit_code == 2
    assert "deck.cir:8" in done.output.replace("\n", "")


def test_notes_of_options_are_shown_by_check(deck):
    deck.write_text(DECK.replace(".end\n", ".options bypass\n.end\n"))
    done = RUN.invoke(app, ["check", str(deck)])
    assert done.exit_code == 0, done.output
    assert "the option `bypass` has no effect" in done.output


ARRAY = """a column
.model access nmos(level=1 vto=0.4 kp=300u is=0)
X1 w0 b0 g0 crossbar rows=1 columns=1 resistance=40k transistor=access
V0 w0 0 1
Vg0 g0 0 1.8
R0 b0 0 100
.op
"""


@pytest.mark.parametrize(("card", "how"), [
    ("is=0)", "eliminated by the structured solver"), ("tox=5n)", "written out, since the card access"),
])
def test_check_tells_how_crossbars_are_solved(tmp_path, card, how):
    deck = tmp_path / "array.cir"
    deck.write_text(ARRAY.replace("is=0)", card))
    done = RUN.invoke(app, ["check", str(deck)])
    assert done.exit_code == 0, done.output
    assert f"x1: crossbar of 1x1, {how}" in done.output.replace("its inner nodes are ", "")


FLOATING = "t\nV1 in 0 SIN(0 5 1)\nC1 x 0 1 ic=5k\nB1 in 0 I={v(in)/v(x)}\n"


@pytest.mark.parametrize(("asked", "fine"), [
    (".tran 2m 10m uic", True), (".tran 2m 10m", False), (".tran 2m 10m uic\n.op", False), ("", False),
    (".control\ntran 2m 10m uic\n.endc", True), (".tran 2m 10m uic\n.control\nrun\n.endc", True),
    (".tran 2m 10m uic\n.control\nif 1\nop\nend\n.endc", False), (".tran 2m 10m uic\n.step temp 20 40 20", True),
])
def test_what_needs_no_operating_point_is_not_checked_for_one(deck, asked, fine):
    deck.write_text(f"{FLOATING}{asked}\n.end\n")
    done = RUN.invoke(app, ["check", str(deck)])
    assert (done.exit_code == 0) == fine, done.output
    if not fine:
        assert "floating" in done.output


def test_dialects(deck):
    deck.write_text("t\nV1 a 0 -2\nB1 p 0 V={pwr(v(a),3)}\n.op\n")
    for option, right in (([], "-8"), (["--ngspice"], "-8"), (["--ltspice"], "8")):
        done = RUN.invoke(app, ["run", str(deck), *option])
        assert done.exit_code == 0, done.output
        line = next(line for line in done.output.splitlines() if "v(p)" in line)
        assert line.replace("│", " ").split()[-1] == right
    assert RUN.invoke(app, ["run", str(deck), "--ngspice", "--ltspice"]).exit_code == 2


# -- pictures of everything, files in their place ---------------------------------------------------


LADDER = "many\n.param r=1k\nV1 n0 0 dc 1 ac 1 sin(0 1 1k)\n" + "".join(
    f"R{k} n{k} n{k + 1} {{r}}\nC{k} n{k + 1} 0 10n\n" for k in range(15)
) + ".tran 50u 1m\n.step param r list 500 1k\n.end\n"


def test_pictures_hold_every_vector_of_every_step(tmp_path, monkeypatch):
    from crossbarsim.cli.decks import plots

    monkeypatch.chdir(tmp_path)
    drawn = []
    monkeypatch.setattr(plots, "save_figure", lambda figure, path, **_: drawn.append(figure) or path)
    (tmp_path / "ladder.cir").write_text(LADDER)
    done = RUN.invoke(app, ["run", "ladder.cir", "--plot"])
    assert done.exit_code == 0, done.output
    (figure,) = drawn
    labels = [line.get_label() for axis in figure.axes for line in axis.lines]
    assert sorted(labels) == sorted(
        f"{name}, r={r}" for name in (*(f"v(n{k})" for k in range(16)), "i(v1)") for r in (500, 1000))
    for axis in figure.axes:
        looks = [(line.get_color(), line.get_linestyle()) for line in axis.lines]
        assert len(set(looks)) == len(looks)
        assert {t.get_text() for t in axis.get_legend().get_texts()} == {x.get_label() for x in axis.lines}
    drawn.clear()
    done = RUN.invoke(app, ["run", "ladder.cir", "--plot", "--vectors", "v(n3)", "--vectors", "i(v1)"])
    assert done.exit_code == 0, done.output
    assert [len(axis.lines) for axis in drawn[0].axes] == [2, 2]
    done = RUN.invoke(app, ["run", "ladder.cir", "--plot", "--vectors", "v(nope)"])
    assert done.exit_code == 2
    assert "no result has v(nope)" in done.stderr
    monkeypatch.setattr(plots, "_PAGES", 1)
    monkeypatch.setattr(plots, "_ROWS", 1)
    done = RUN.invoke(app, ["run", "ladder.cir", "--plot"])
    assert "tran: the first 12 of 34 curves are drawn; choose vectors with --vectors" in done.stdout


@pytest.mark.parametrize("command", ["write", "wrdata"])
@pytest.mark.parametrize("place", ["../out.txt", "{}/out.txt", "link/out.txt"])
def test_decks_write_into_their_folder_unless_they_are_let(tmp_path, monkeypatch, command, place):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "link").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path / "work")
    target = place.format(tmp_path)
    (tmp_path / "work" / "d.cir").write_text(
        f"t\nV1 1 0 1\nR1 1 0 1k\n.control\nop\n{command} {target} v(1)\n.endc\n.end\n")
    done = RUN.invoke(app, ["run", "d.cir"])
    assert done.exit_code == 2
    assert f"d.cir:6: {command}: '{target}' lies outside of the folder" in done.stderr
    assert not (tmp_path / "out.txt").exists()
    done = RUN.invoke(app, ["run", "d.cir", "--allow-write-outside"])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "out.txt").exists()


@pytest.mark.parametrize(("lines", "words"), [
    ("write nowhere/x.raw", "write: nowhere/x.raw cannot be written: No such file or directory"),
    ("wrdata nowhere/x.txt v(1)", "wrdata: nowhere/x.txt cannot be written"),
    ("wrdata folder v(1)", "wrdata: folder cannot be written"),
    ("set numdgt=abc\nwrdata x.txt v(1)", "wrdata: `numdgt` must be a whole number from 1 to 100; got 'abc'"),
    ("set numdgt=1e9\nwrdata x.txt v(1)", "`numdgt` must be"),
    ("set numdgt=-2\nwrdata x.txt v(1)", "`numdgt` must be"),
])
def test_files_of_control_blocks_that_cannot_be(tmp_path, monkeypatch, lines, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "d.cir").write_text(f"t\nV1 1 0 1\nR1 1 0 1k\n.control\nop\n{lines}\n.endc\n.end\n")
    done = RUN.invoke(app, ["run", "d.cir"])
    assert done.exit_code == 2, done.output
    assert words in done.stderr.replace(str(tmp_path) + "/", "")
    assert done.stderr.splitlines()[-1].startswith("error: d.cir:")


def test_the_total_at_the_input_is_exact_at_any_number_of_points(tmp_path, monkeypatch):
    """Noise of R behind its own RC: flat at the input, sqrt(4 k T R (f2 - f1))."""
    monkeypatch.chdir(tmp_path)
    for points in (2, 10):
        (tmp_path / "n.cir").write_text(
            f"rc\nv1 in 0 dc 1 ac 1\nr1 in out 1k\nc1 out 0 100n\n.noise v(out) v1 dec {points} 10 100k\n")
        done = RUN.invoke(app, ["run", "n.cir"])
        assert "inoise_total = 1.28742e-06" in done.stdout
