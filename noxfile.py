"""The checks for every Python: ``nox``, or ``nox -s tests-3.12 -- tests/solvers``.

An interpreter that is not there is skipped (``--error-on-missing-interpreters`` refuses that).
"""

import tempfile
from pathlib import Path

import nox

nox.options.sessions = ["lint", "tests", "lowest", "wheel"]
nox.options.default_venv_backend = "venv"
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
PINS = ["-c", "constraints.txt"]  # torch without a pin brings gigabytes of CUDA
TELLING = [
    "tests/solvers/circuit/test_op.py", "tests/solvers/crossbar/sparse", "tests/test_lowest.py",
]


@nox.session(python="3.11")
def lint(session: nox.Session) -> None:
    """Lint and types, as `make lint`."""
    session.install(*PINS, "-e", ".[dev]")
    session.run("ruff", "check", ".")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the fast tests, or those that are named."""
    session.install(*PINS, "-e", ".[dev]")
    chosen = session.posargs or ["-n", "2", "-m", "not slow and not gpu"]
    session.run("pytest", *chosen, env={"OMP_NUM_THREADS": "1"})


@nox.session(python=["3.11", "3.12"])
def lowest(session: nox.Session) -> None:
    """Test with the lowest versions that pyproject.toml allows, without torch."""
    session.install("-c", "constraints-lowest.txt", "-e", ".", "pytest", "hypothesis")
    session.run("pytest", "-q", "-o", "filterwarnings=", *TELLING)


@nox.session(python=PYTHONS)
def wheel(session: nox.Session) -> None:
    """Build sdist and wheel, install the wheel alone, and solve something with it."""
    session.install(*PINS, "build")
    with tempfile.TemporaryDirectory() as folder:
        session.run("python", "-m", "build", "--outdir", folder)
        (built,) = Path(folder).glob("*.whl")
        session.install(*PINS, str(built))
        session.chdir(folder)  # not the sources beside it
        session.run("crossbarsim", "info")
        session.run("crossbarsim", "examples")
        session.run("python", "-c", (
            "import numpy as np; from crossbarsim import Crossbar, Solver, Wires; "
            "G, V = np.full((8, 8), 1e-4), np.full(8, 0.2); "
            "W = Wires(word=1.0, bit=1.0); "
            "a = Solver().solve(Crossbar(G, W), V).currents; "
            "b = Solver(method='mna').solve(Crossbar(G, W), V).currents; "
            "assert np.allclose(a, b, rtol=1e-9), (a, b)"
        ))
