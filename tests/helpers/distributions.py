"""Source distributions and wheels built from what git tracks, as it is in the working tree."""

import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[2]


def newest_setuptools():
    try:
        return int(metadata.version("setuptools").split(".")[0]) >= 77
    except metadata.PackageNotFoundError:
        return False


def tracked():
    """Return the names of the tracked files that are there."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return {name for name in listed.decode().split("\0") if name and (ROOT / name).exists()}


def build(kind, names, folder):
    """Build an "sdist" or a "wheel" of the named files alone; return its path in the folder."""
    for name in names:
        place = folder / "source" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, place)
    code = f"import sys, setuptools.build_meta as b; print(b.build_{kind}(sys.argv[1]))"
    built = subprocess.run(
        [sys.executable, "-c", code, str(folder)], cwd=folder / "source", capture_output=True,
        check=True, env={**os.environ, "PYTHONPATH": ""},
    )
    return folder / built.stdout.decode().split()[-1]
