"""The lower bounds of the dependencies are the versions that are tested."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from crossbarsim import Crossbar, Solver, Wires
from crossbarsim.cli.main import app

ROOT = Path(__file__).parents[1]
EXTRAS = ("studies", "dask", "klu")  # that the tests with the lowest versions install


def test_bounds_are_those_of_the_lowest_constraints():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    bounds = {}
    for line in [*project["dependencies"], *(need for extra in EXTRAS for need in extras[extra])]:
        if "sys_platform" in line:  # a higher one
            continue
        name, bound = re.fullmatch(r"([\w-]+)>=([\d.]+)(?:,<[\d.]+)?", line).groups()
        assert bounds.setdefault(name, bound) == bound
    lowest = dict(
        line.split("==") for line in (ROOT / "constraints-lowest.txt").read_text(encoding="utf-8").split("\n")
        if "==" in line
    )
    assert bounds.keys() == lowest.keys()
    for name, bound in bounds.items():
        assert re.fullmatch(rf"{re.escape(bound)}(\.0)*", lowest[name]), name
    for text in ("Makefile", "noxfile.py"):
        assert f'".[{",".join(EXTRAS)}]"' in (ROOT / text).read_text(encoding="utf-8")
    for line in project["dependencies"]:
        assert metadata.version(re.match(r"[\w-]+", line)[0])


def test_what_the_telling_tests_name_is_there():
    names = [name for file in ("telling.txt", "telling-torch.txt")
             for name in (ROOT / "tests" / file).read_text(encoding="utf-8").splitlines()]
    assert len(names) > 15
    assert all((ROOT / name).exists() for name in names)


def test_arrays_decks_and_the_command_line(tmp_path):
    """Every dependency is used once: this runs with the lowest versions, too."""
    G = np.random.default_rng(1).uniform(1e-6, 1e-4, (12, 9))
    V = np.linspace(0.0, 0.3, 12)
    found = [
        Solver(method=method).solve(Crossbar(G, Wires(2.0, 3.0)), V).currents
        for method in ("auto", "mna")
    ]
    np.testing.assert_allclose(*found, rtol=1e-9)
    (tmp_path / "d.cir").write_text("t\nV1 1 0 1\nR1 1 2 1k\nC1 2 0 1n\nD1 2 0 m\n.model m d\n.op\n.tran 1u 5u\n"
                                    ".ac dec 2 1 1k\n.end\n")
    for command in (["run", str(tmp_path / "d.cir"), "--out", str(tmp_path / "d.raw")], ["--help"],
                    ["check", str(tmp_path / "d.cir")], ["device", "list"], ["info"]):
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, (done.output, done.exception)
    assert (tmp_path / "d.raw").stat().st_size > 1000
