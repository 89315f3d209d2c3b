"""What tests of the site share."""

import importlib
import sys

import pytest

from tests.helpers.pages import DOCS

EXTENSIONS = DOCS / "_ext"


@pytest.fixture(scope="module")
def extension():
    """Give what imports the extensions that make pages of the site."""
    pytest.importorskip("sphinx")
    pytest.importorskip("torch")
    sys.path.insert(0, str(EXTENSIONS))
    yield importlib.import_module
    sys.path.remove(str(EXTENSIONS))
