"""The number of processors, on systems that tell it in different ways or not at all."""

import os
from pathlib import Path

import numpy as np
import pytest

from crossbarsim import Crossbar, Solver, Wires
from crossbarsim.core.cpus import cpu_count
from crossbarsim.core.environment import environment


@pytest.fixture
def bare(monkeypatch):
    """Take away what only some systems have."""
    for name in ("process_cpu_count", "sched_getaffinity"):
        monkeypatch.delattr(os, name, raising=False)
    return monkeypatch


def test_the_set_that_the_process_is_bound_to(bare):
    bare.setattr(os, "cpu_count", lambda: 64)
    bare.setattr(os, "sched_getaffinity", lambda _pid: {1, 5, 7}, raising=False)
    assert cpu_count() == 3
    bare.setattr(os, "process_cpu_count", lambda: 2, raising=False)
    assert cpu_count() == 2


@pytest.mark.parametrize(("told", "count"), [(8, 8), (None, 1), (0, 1)])
def test_neither_affinity_nor_process_count(bare, told, count):
    bare.setattr(os, "cpu_count", lambda: told)
    assert cpu_count() == count
    assert environment()["cpus"] == str(count)


def test_never_less_than_one(bare):
    bare.setattr(os, "process_cpu_count", lambda: None, raising=False)
    assert cpu_count() == 1
    bare.setattr(os, "process_cpu_count", lambda: 0)
    assert cpu_count() == 1


def test_a_processor_without_a_name(monkeypatch):
    """Only Linux has /proc/cpuinfo, and ARM's has no line `model name`."""
    was = Path.read_text
    for found in (FileNotFoundError("no /proc"), PermissionError("hidden"), "processor : 0\nBogoMIPS : 50\n"):
        def read(self, *args, found=found, **settings):
            if self.name != "cpuinfo":  # packages' versions are files, too
                return was(self, *args, **settings)
            if isinstance(found, OSError):
                raise found
            return found

        monkeypatch.setattr("crossbarsim.core.environment.Path.read_text", read)
        assert environment()["cpu"]


def test_a_solve_where_nothing_is_told(bare):
    bare.setattr(os, "cpu_count", lambda: None)
    xbar = Crossbar(np.full((4, 3), 1e-4), Wires(word=2.0, bit=2.0))
    assert Solver().solve(xbar, np.full((3, 4), 0.2)).residual < 1e-9
