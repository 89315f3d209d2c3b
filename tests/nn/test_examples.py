"""The examples in the docstrings."""

import doctest
import importlib

import pytest


@pytest.mark.parametrize("module", ["calibrate", "config", "report"])
def test_examples(module):
    found = doctest.testmod(importlib.import_module(f"crossbarsim.nn.{module}"))
    assert found.attempted > 0
    assert found.failed == 0
