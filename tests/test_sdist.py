"""The source distribution holds everything that the repository does, its tests and their decks."""

import shutil
import tarfile

import pytest

from tests.helpers.distributions import ROOT, build, newest_setuptools, tracked


@pytest.mark.slow
@pytest.mark.skipif(not newest_setuptools(), reason="builds with setuptools 77 or newer")
@pytest.mark.skipif(not (ROOT / ".git").exists() or shutil.which("git") is None, reason="no repository")
def test_every_file_is_in_the_sdist(tmp_path):
    files = tracked()
    with tarfile.open(build("sdist", files, tmp_path)) as archive:
        inside = {member.partition("/")[2] for member in archive.getnames()}
    assert files - inside == set()
    assert {n for n in inside if n.endswith((".pyc", ".raw")) and n not in files} == set()
