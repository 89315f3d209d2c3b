"""Every linear step of Newton's iteration on arrays against dense algebra."""

from unittest import mock

from crossbarsim.solvers.crossbar.batched import ArrayBackend
from crossbarsim.solvers.crossbar.batched.cells.cell_array_batch import lines_of
from crossbarsim.solvers.crossbar.batched.cells.row_elimination import RowStep
from crossbarsim.solvers.crossbar.sparse.newton_step import SparseStep
from crossbarsim.solvers.crossbar.structured import linear_steps
from crossbarsim.solvers.crossbar.structured.linear_steps import ChainStep, LadderStep

from tests.helpers.step_checks import StepChecks
from tests.helpers.suites import subclasses


class OneAtATime(ArrayBackend):
    """A backend with memory for one array."""

    def fit(self, count, each, what):  # noqa: ARG002
        return 1


class CoarseStep(ChainStep):
    """A step that takes every array for a hard one."""

    def solve(self, *args, **options):
        with mock.patch.object(linear_steps, "is_hard", return_value=True):
            return super().solve(*args, **options)


globals().update(subclasses(StepChecks, {
    "ChainStep": {"make": staticmethod(ChainStep)},
    "CoarseStep": {"make": staticmethod(CoarseStep)},
    "LadderStep": {"make": staticmethod(LadderStep), "parallel": True},
    "SparseStep": {"make": staticmethod(SparseStep)},
    "SparseStepParallel": {"make": staticmethod(SparseStep), "parallel": True},
    "RowStep": {
        "make": lambda _, problem: RowStep(lines_of(problem, ArrayBackend()), 3),
        "merged": False, "broken": False, "count": 3,
    },
    "RowStepInChunks": {
        "make": lambda _, problem: RowStep(lines_of(problem, OneAtATime()), 3),
        "merged": False, "broken": False, "count": 3,
    },
}, __name__))
