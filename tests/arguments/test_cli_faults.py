"""Every option of every command x garbage: exit code 2 and a line that says why, or a result."""

import re
import sys

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from crossbarsim import ParameterError, programming
from crossbarsim.cli.main import app
from crossbarsim.studies.cnn_study import CnnStudy
from crossbarsim.studies.network import writing

RUN = CliRunner()
# what makes a command short; options are added
BASE = {
    "program": ["vteam", "--size", "2"], "run": ["deck.cir"], "check": ["deck.cir"], "info": [], "examples": [], "solve": ["g.npy", "v.npy"],
    "study read-margin": ["--sizes", "2"], "study nonidealities": ["--epochs", "1"], "study ir-drop": ["--epochs", "1"],
    "study recovery": ["--epochs", "1"], "study write-network": ["--epochs", "1"],
    "study device-spread": ["--count", "2"], "study gradual-reset": ["--count", "2"],
    "study run": ["study.toml"], "study show": ["study.toml"], "study merge": ["study.toml"], "study new": ["new.toml"], "device list": [],
    "device show": ["vteam"], "device iv": ["vteam", "--points", "20"],
    "device export": ["vteam"],
    "device fit": ["loop.csv", "--model", "vteam", "--free", "r_on", "--budget", "1"],
}
GARBAGE = (
    "nan", "inf", "-inf", "-1", "0", "abc", "", "1e400", "9" * 400, "1,,2", "1;2", "=", "a=b", "a=", "r_on=abc", "r_on=nan",
    "½", "1x", "x1", "0x0", "None", "[]", "\x00", "1e-400", "1e18",
)
PATHS = ("--out", "--csv", "--data", "--verilog-a", "--scheduler")  # files have their own tests
FEW = ("nan", "abc", "9" * 400)
SHORT = ("program", "check", "solve", "device show", "study nonidealities", "study ir-drop", "study recovery", "study write-network")  # milliseconds


def commands(node=None, path=()):
    node = node or typer.main.get_command(app)
    if hasattr(node, "commands"):
        for name, inner in node.commands.items():
            yield from commands(inner, (*path, name))
    else:
        yield " ".join(path), node


COMMANDS = dict(commands())
OPTIONS = [
    (name, p.opts[0]) for name, node in COMMANDS.items() for p in node.params
    if p.opts[0].startswith("--") and not getattr(p, "is_flag", False) and p.opts[0] not in PATHS
]


@pytest.fixture
def room(tmp_path, monkeypatch):
    """A folder with a deck and arrays; what takes long says that it was reached."""
    np.save(tmp_path / "g.npy", np.full((2, 2), 1e-4))
    np.save(tmp_path / "v.npy", np.full(2, 0.1))
    t = np.linspace(0.0, 1e-3, 30)
    v = np.sin(2e3 * np.pi * t)
    np.savetxt(tmp_path / "loop.csv", np.stack([t, v, 1e-3 * v], axis=1), delimiter=",", header="s,V,A", comments="")
    (tmp_path / "deck.cir").write_text("divider\n.param r_on=1k\nV1 a 0 1\nR1 a 0 {r_on}\n.op\n.end\n")

    (tmp_path / "their_roots.py").write_text("def root(x):\n    return x**0.5\n")
    (tmp_path / "study.toml").write_text('[study]\nout = "r"\n[measure]\nimport = "their_roots:root"\n[axes]\nx = [1, 2]\n')
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "their_roots", raising=False)

    def reached(*_, **__):
        raise ParameterError("reached")

    monkeypatch.setattr(CnnStudy, "run", reached)
    monkeypatch.setattr(programming, "program", reached)
    monkeypatch.setattr(writing, "trained_cnn", reached)
    monkeypatch.chdir(tmp_path)


def test_every_command_has_a_row():
    assert set(BASE) == set(COMMANDS)
    assert len(OPTIONS) * len(GARBAGE) > 1000


def faults(command, option, values):
    for value in values:
        found = RUN.invoke(app, [*command.split(), *BASE[command], f"{option}={value}"])
        raised = found.exception
        if raised is not None and not isinstance(raised, SystemExit):
            yield f"{value[:20]!r}: {type(raised).__name__}: {raised!s:.150}"
        elif found.exit_code not in (0, 2):
            yield f"{value[:20]!r}: exit code {found.exit_code}"
        elif found.exit_code == 2 and not re.search(r"\w{3,}", found.output):
            yield f"{value[:20]!r}: no message"


@pytest.mark.usefixtures("room")
@pytest.mark.parametrize(("command", "option"), [o for o in OPTIONS if o[0] in SHORT])
def test_garbage_is_refused(command, option):
    assert list(faults(command, option, FEW)) == []


@pytest.mark.slow
@pytest.mark.usefixtures("room")
@pytest.mark.parametrize(("command", "option"), OPTIONS)
def test_all_garbage_is_refused(command, option):
    assert list(faults(command, option, GARBAGE)) == []
