"""What a release is made of: metadata that agree, and a wheel that works on a bare machine."""

import os
import re
import subprocess
import tomllib
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.distributions import ROOT, build, newest_setuptools, tracked

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_one_version_everywhere():
    version = PROJECT["version"]
    assert metadata.version("crossbarsim") == version
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    recipe = (ROOT / "packaging" / "conda" / "recipe.yaml").read_text(encoding="utf-8")
    assert f'version: "{version}"' in recipe
    log = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[({re.escape(version)}|Unreleased)\]", log, re.MULTILINE)


def test_the_recipe_has_the_same_bounds():
    recipe = (ROOT / "packaging" / "conda" / "recipe.yaml").read_text(encoding="utf-8")
    found = dict(re.findall(r"^ {4}- ([\w-]+) (>=\S+)$", recipe, re.MULTILINE))
    renamed = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
    extras = PROJECT["optional-dependencies"]
    for line in {*PROJECT["dependencies"], *extras["nn"], *extras["studies"], *extras["dask"]}:
        if "sys_platform" in line:  # recipes for all systems have no such bounds
            continue
        name, bound = re.match(r"([\w-]+)(>=\S+)", line).groups()
        assert found.pop(renamed.get(name, name)) == bound, name
    assert found == {"python": PROJECT["requires-python"], "setuptools": ">=77"}


def test_the_checks_for_all_pythons_name_them():
    text = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    compile(text, "noxfile.py", "exec")
    assert PROJECT["requires-python"].removeprefix(">=") in re.search(r"PYTHONS = \[(.*)\]", text)[1]


@pytest.mark.slow
@pytest.mark.skipif(not newest_setuptools(), reason="builds with setuptools 77 or newer")
def test_the_wheel_works_without_compiler_and_home(tmp_path):
    """Dependencies come from this environment; the package comes from the wheel alone."""
    wheel = build("wheel", [name for name in tracked() if name.startswith((
        "crossbarsim/", "netlists/", "solvers/", "examples/", "pyproject", "README", "LICENSE", "MANIFEST"))], tmp_path)
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
        license_file, = (name for name in inside if name.endswith("LICENSE"))
        assert "MIT" in archive.read(license_file).decode()
    assert {"crossbarsim/py.typed", "crossbarsim/examples/ir_drop_of_a_tile.py", "crossbarsim/solvers/solver.py"} <= inside
    assert not any(name.startswith(("tests", "benchmarks", "docs")) for name in inside)

    venv.create(tmp_path / "bare", with_pip=False)
    bare = tmp_path / "bare" / ("Scripts" if os.name == "nt" else "bin") / "python"
    site = subprocess.run([bare, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
                          capture_output=True, check=True, text=True).stdout.strip()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    (Path(site) / "dependencies.pth").write_text(str(Path(np.__file__).parents[1]), encoding="utf-8")
    # no home, no folder for kernels, neither there nor in the package, and no compiler on the path:
    # as a container's or a service's user
    nowhere = tmp_path / "file"
    nowhere.write_text("not a folder", encoding="utf-8")
    blocked = Path(site, "crossbarsim", "__pycache__", "kernels")
    blocked.parent.mkdir()
    blocked.write_text("not a folder", encoding="utf-8")
    (tmp_path / "temporary").mkdir()
    (tmp_path / "d.cir").write_text("a divider\nV1 1 0 1\nR1 1 2 1k\nR2 2 0 3k\n.op\n.end\n", encoding="utf-8")
    env = {key: value for key, value in os.environ.items() if key == "SYSTEMROOT"}
    env |= dict.fromkeys(("TEMP", "TMP", "TMPDIR"), str(tmp_path / "temporary"))
    env |= {"HOME": str(nowhere), "USERPROFILE": str(nowhere), "XDG_CACHE_HOME": str(nowhere), "PATH": str(nowhere)}
    solved = (
        "import crossbarsim, numpy as np; from crossbarsim import Crossbar, Solver, Wires; "
        f"assert crossbarsim.__file__.startswith({str(Path(site))!r}), crossbarsim.__file__; "
        "G, V = np.full((8, 8), 1e-4), np.full(8, 0.2); W = Wires(word=1.0, bit=1.0); "
        "print(Solver().solve(Crossbar(G, W), V).residual < 1e-9)"
    )
    study = "study ir-drop --out s --ohm 1 --tile 64x64 --seeds 1 --images 10 --epochs 1"
    for command, expected in ((["-c", solved], "True"), (["-m", "crossbarsim", "info"], "crossbarsim"),
                              (["-m", "crossbarsim", "examples"], "ir_drop_of_a_tile"),
                              (["-m", "crossbarsim", "run", "d.cir"], "0.75"),
                              (["-m", "crossbarsim", *study.split()], "ir_drop.png")):
        done = subprocess.run([bare, *command], cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert expected in done.stdout
    assert (tmp_path / "s" / "results.csv").is_file()
    assert list((tmp_path / "temporary").rglob("*.nbc")), "kernels are kept where they can be"
