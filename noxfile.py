"""The checks for every Python: ``nox``, or ``nox -s tests-3.12 -- tests/solvers``.

An interpreter that is not there is skipped (``--error-on-missing-interpreters`` refuses that).
"""

import tempfile
from pathlib import Path

import nox

nox.options.sessions = ["lint", "tests", "lowest", "newest", "wheel"]
nox.options.default_venv_backend = "venv"
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
PINS = ["-c", "constraints.txt"]  # torch without a pin brings gigabytes of CUDA
FAST = "not slow and not gpu"
TELLING, TORCH = "@tests/telling.txt", "@tests/telling-torch.txt"
LEAVING = "@tests/telling-lowest.txt"  # what an old SciPy, the reference of a test, cannot do


@nox.session(python="3.11")
def lint(session: nox.Session) -> None:
    """Lint, as `make lint`."""
    session.install(*PINS, "-e", ".[dev]")
    session.run("ruff", "check", ".")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the fast tests, or those that are named."""
    session.install(*PINS, "-e", ".[dev]")
    chosen = session.posargs or ["-n", "2", "-m", FAST]
    session.run("pytest", *chosen, env={"OMP_NUM_THREADS": "1"})


@nox.session(python="3.11")
def lowest(session: nox.Session) -> None:
    """Test with the lowest versions that pyproject.toml allows, as `make lowest`."""
    session.install(
        "-c", "constraints-lowest.txt", "-e", ".[studies,dask,klu]", "pytest", "hypothesis")
    session.run("pytest", "-q", "-m", FAST, "-o", "filterwarnings=", TELLING, TORCH, LEAVING)


@nox.session(python=PYTHONS)
def newest(session: nox.Session) -> None:
    """Test with the newest versions of everything but torch, and without torch."""
    project = nox.project.load_toml("pyproject.toml")["project"]
    extras = [need for extra in ("studies", "dask", "klu")
              for need in project["optional-dependencies"][extra] if not need.startswith("torch")]
    session.install("--upgrade", "-e", ".", *extras, "pytest", "hypothesis")
    session.run("pytest", "-q", "-m", FAST, *(session.posargs or [TELLING]))


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
