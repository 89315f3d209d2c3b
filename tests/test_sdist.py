"""The source distribution holds everything that the repository does, its tests and their decks."""

import os
import shutil
import subprocess
import sys
import tarfile
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def newest_setuptools():
    try:
        return int(metadata.version("setuptools").split(".")[0]) >= 77
    except metadata.PackageNotFoundError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(not newest_setuptools(), reason="builds with setuptools 77 or newer")
@pytest.mark.skipif(not (ROOT / ".git").exists() or shutil.which("git") is None, reason="no repository")
def test_every_file_is_in_the_sdist(tmp_path):
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    files = {name for name in listed.decode().split("\0") if name and (ROOT / name).exists()}
    for name in files:
        place = tmp_path / "source" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, place)
    code = "import sys, setuptools.build_meta as b; print(b.build_sdist(sys.argv[1]))"
    built = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=tmp_path / "source", capture_output=True,
        check=True, env={**os.environ, "PYTHONPATH": ""},
    )
    name = built.stdout.decode().split()[-1]
    with tarfile.open(tmp_path / name) as archive:
        inside = {member.partition("/")[2] for member in archive.getnames()}
    assert files - inside == set()
    assert {n for n in inside if n.endswith((".pyc", ".raw")) and n not in files} == set()
