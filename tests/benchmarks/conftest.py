"""Benchmarks run modules of the sources in processes of their own."""

import pytest


@pytest.fixture(autouse=True)
def _modules_of_the_sources(monkeypatch):
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
