"""Imports run one way, from file to file and from folder to folder; the house is tidy."""

import ast
import re
import subprocess
import sys
import tomllib

import pytest

from tests.helpers.import_graph import (
    FOLDERS,
    PACKAGE,
    ROOT,
    Floors,
    Module,
    circles,
    imports_of,
    read_package,
)

# The rooms, the lowest first: a file may import files of its own room and of the lines above its
# line, none below. A name is a folder or a file; the longest that fits counts. Where a folder
# stands on several floors its lower files are named. A package's `__init__` stands on the highest
# floor of its folder.
ORDER = """
core

netlists.osdi                   # WHAT the circuit is: compiled modules
netlists.spice.expressions      # ... and the rest
netlists.spice.cards
netlists.crossbar.cells netlists.crossbar.ends netlists.crossbar.ends_json netlists.crossbar.wires netlists.crossbar.protocol
netlists                        # circuit, elements, sources, analyses, what a device model is
netlists.crossbar               # the crossbar, which can be written out as a circuit
netlists.spice.read
netlists.spice.read.elements
netlists.spice.commands
netlists.spice.write
netlists.spice                  # reader and writer of decks

solvers.integration             # WHAT its voltages are: arrays
solvers.osdi                    # compiled modules evaluated, for cells and circuits
solvers.crossbar.problem
solvers.crossbar.views
solvers.crossbar.transient_view
solvers.solution solvers.transient_result
solvers.crossbar.adjoint
solvers.crossbar.structured.ports_plan
solvers.crossbar.structured.kernels
solvers.crossbar.structured.rounds
solvers.crossbar.structured
solvers.crossbar.batched
solvers.crossbar.sparse
solvers.crossbar
solvers.crossbar.batched.cells
solvers.crossbar.batched.dispatch
solvers.circuit.system          # ... and circuits
solvers.circuit.linear_solvers
solvers.circuit.integration
solvers.circuit.elements
solvers.circuit.elements.semiconductors.kernels
solvers.circuit.elements.semiconductors
solvers.circuit.elements.kinds  # imports all kinds
solvers.circuit                 # Newton's iteration and homotopies
solvers.circuit.rawfile
solvers.circuit.results
solvers.circuit.time_loop
solvers.circuit.analyses
solvers.objectives
solvers.circuit.sensitivity
solvers.circuit.control
solvers                         # the doors
solvers.crossbar.sense_adjoint  # asks the door for its settings

devices.parameters devices.protocol
devices.laws
devices.cells.cell_batch
devices.cells.device_array devices.cells.cuda_cells devices.cells.transistors
devices                         # the base class
devices.compact_models
devices.verilog_a               # classes of devices from Verilog-A
devices.modules                 # compiled Verilog-A as devices
devices.cells                   # access elements, files
devices.plots
devices.fitting.measured        # models from measured data
devices.fitting.least_squares
devices.fitting

periphery
programming

nonidealities.variability
nonidealities.faults
nonidealities.fabricate nonidealities.protocols
nonidealities.ageing
nonidealities.noise
nonidealities.writing
nonidealities

nn.mapping
nn.functional nn.cuda_tensors nn.wiring nn.solver_bridge nn.nonlinear nn.config
nn.born
nn.chip.programmed nn.chip.readout
nn.chip.compiled
nn.chip
nn.layers
nn
nn.drift
nn.train
nn.writing                      # whole networks by pulses
linalg                          # matrices that multiply on chips

design                          # circuits for a network, by gradients through the circuit

studies.data
studies.results                 # datasets, tables, pictures
studies.engine                  # points, records, workers
studies.network                 # anyone's network and data
studies.files                   # studies from TOML
studies studies.network.writing
studies.plots
cli testing __main__            # may use the package's door
"""
ARRIVING = {"nn.solver_bridge", "nn.wiring"}  # the one takes the place of the other
# Files of one class may be longer, so that no limit cuts a class in two.
LINES, LINES_OF_A_CLASS = 420, 600
ENTRIES = 14  # files of a folder, `__init__` among them
# folders with more, and why
CROWDED = {
    "solvers/circuit/elements/semiconductors/kernels": "a kernel for each model and level",
}
LIGHT = """
import sys, time
start = time.perf_counter()
import crossbarsim
seconds = time.perf_counter() - start
heavy = {"torch", "cupy", "numba", "matplotlib", "networkx", "pandas"} & set(sys.modules)
print(sorted(heavy), seconds)
"""
MODULES = read_package()
IMPORTS = imports_of(MODULES)
FLOORS = Floors(ORDER)


def test_no_circle():
    assert circles(IMPORTS) == []


def test_folders_import_downwards():
    assert FLOORS.homeless(MODULES) == [], "give the folder a line in ORDER"
    assert [str(one) for one in FLOORS.upward(MODULES, IMPORTS)] == []


def test_every_room_is_there():
    named = {name for room in FLOORS.rooms for name in room}
    gone = {n for n in named - ARRIVING if f"{PACKAGE}.{n}" not in MODULES}
    assert gone == set(), "take it out of ORDER"


def test_the_ground_floor_imports_nothing_of_ours():
    ground = f"{PACKAGE}.core"
    assert [str(one) for one in IMPORTS if one.source.startswith(ground) and not one.target.startswith(ground)] == []


def test_import_is_light(tmp_path):
    out = subprocess.run(
        [sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True, cwd=tmp_path
    ).stdout
    assert out.startswith("[]"), out


def too_long(source):
    """Whether a file is too long: 420 lines, or 600 if one class is more than half of it."""
    lines = len(source.splitlines())
    if lines <= LINES:
        return False
    classes = [n for n in ast.parse(source).body if isinstance(n, ast.ClassDef)]
    longest = max(((n.end_lineno or n.lineno) - n.lineno + 1 for n in classes), default=0)
    return lines > LINES_OF_A_CLASS or 2 * longest <= lines


def test_files_are_short():
    assert [name for name, module in MODULES.items() if too_long(module.source)] == []
    class_of = "class A:\n" + "    x = 1\n"
    assert not too_long("x = 1\n" * LINES)
    assert too_long("x = 1\n" * (LINES + 1))
    assert not too_long(class_of + "    x = 1\n" * (LINES_OF_A_CLASS - 2))
    assert too_long(class_of + "    x = 1\n" * (LINES_OF_A_CLASS - 1))
    assert too_long(class_of + "x = 1\n" * LINES)


def folders():
    return {
        path for folder in FOLDERS.values() for path in [ROOT / folder, *(ROOT / folder).rglob("*")]
        if path.is_dir() and any(path.glob("*.py"))
    }


def test_folders_are_small():
    found = {
        path.relative_to(ROOT).as_posix(): count for path in folders()
        if (count := len(list(path.glob("*.py")))) > ENTRIES
    }
    assert set(found) <= set(CROWDED)


def test_every_folder_says_what_lives_there():
    for path in folders():
        door = path / "__init__.py"
        text = ast.get_docstring(ast.parse(door.read_text(encoding="utf-8"))) if door.exists() else None
        assert text, path
        assert re.search(r"\w[\w\W]{20,}[.:]", text), f"{door}: not a sentence"


def test_all_packages_are_installed():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    scripts = {"crossbarsim.examples": "examples"}  # to copy; nothing imports them
    assert project["package-dir"] == FOLDERS | scripts
    packages = {name for name, module in MODULES.items() if module.package} | scripts.keys()
    assert sorted(project["packages"]) == sorted(packages)


def test_late_imports_say_why():
    """Only what is heavy is imported late: no late import hides a circle, see `test_no_circle`."""
    bare = [
        f"{name}: {line.strip()}" for name, module in MODULES.items() for line in module.source.splitlines()
        if re.search(r"noqa:.*PLC0415", line) and not re.search(r"PLC0415 - \w{2,}", line)
    ]
    assert bare == []


# -- the guard itself --------------------------------------------------------------------------


def injected(file, line):
    """Return the imports of the package with a line more in one file."""
    module = MODULES[file]
    return {**MODULES, file: Module(f"{module.source}\n{line}\n", module.package)}


NETLIST, SOLVER = "crossbarsim.netlists.circuit", "crossbarsim.solvers.crossbar.problem"
LATE = "def late():\n    {}"
TYPES = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    {}"


@pytest.mark.parametrize(("file", "line"), [
    (NETLIST, "from crossbarsim.devices import VTEAM"),
    (NETLIST, "from .. import devices"),
    (NETLIST, "from ..nonidealities import Normal"),
    (NETLIST, "from ..solvers.solver import Solver"),
    (SOLVER, "from ...periphery import Dac"),
    (SOLVER, "from ...devices import VTEAM"),
    (SOLVER, "import crossbarsim.nn"),
    ("crossbarsim.devices.base", "from ..nn import convert"),
    (NETLIST, LATE.format("from ..devices.base import Device")),
    (NETLIST, TYPES.format("from ..devices.base import Device")),
    (NETLIST, LATE.format("import importlib\n    importlib.import_module('crossbarsim.devices.base')")),
    (NETLIST, LATE.format("from importlib import import_module\n    import_module('..devices', __package__)")),
    (NETLIST, "import crossbarsim.devices.base as base"),
    (NETLIST, "import crossbarsim"),
    (NETLIST, "from .crossbar.crossbar import Crossbar"),
    ("crossbarsim.core.errors", "from ..netlists.elements import Element"),
    ("crossbarsim.solvers.circuit.system.system", "from ..elements.linear import Resistors"),
    ("crossbarsim.netlists.spice.read.lines", "from ..commands.options import read_options"),
    ("crossbarsim.periphery", "from ..studies import Study"),
])
def test_an_import_upwards_is_found(file, line):
    modules = injected(file, line)
    assert [one.source for one in FLOORS.upward(modules, imports_of(modules))] == [file]


@pytest.mark.parametrize("line", [
    "from .elements import linear", "from .elements.linear import Resistors", "from . import linear",
    "import package.elements.linear", "from package import linear", LATE.format("from .elements import linear"),
    TYPES.format("from .elements.linear import Resistors"),
    LATE.format("import importlib\n    importlib.import_module('.elements.linear', 'package')"),
])
def test_a_circle_is_found(line):
    modules = {
        "package": Module("", package=True),
        "package.builder": Module(line), "package.linear": Module("from .values import x"),
        "package.values": Module("def late():\n    from . import builder"),
        "package.elements": Module("", package=True),
        "package.elements.linear": Module("from ..values import x"),
    }
    second = "package.elements.linear" if "elements" in line else "package.linear"
    assert circles(imports_of(modules)) == [["package.builder", second, "package.values"]]
    assert circles(imports_of({**modules, "package.values": Module("import numpy")})) == []


def test_what_stands_nowhere_is_found():
    modules = {**MODULES, "crossbarsim.attic": Module("import numpy")}
    assert FLOORS.homeless(modules) == ["crossbarsim.attic"]


def test_names_in_a_package_are_its_inits():
    modules = {
        "a": Module("", package=True), "a.b": Module("from .c import d\nc = 1", package=True),
        "a.b.c": Module("d = 1"), "a.e": Module("from .b import d, c\nfrom a.b.c import d\nimport os.path"),
    }
    assert {(one.source, one.target) for one in imports_of(modules)} == {
        ("a.b", "a.b.c"), ("a.e", "a.b"), ("a.e", "a.b.c"),
    }
