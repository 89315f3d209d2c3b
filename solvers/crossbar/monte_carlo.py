"""Many arrays in time: the part of `Solver` that runs Monte Carlo chips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...core.compiled.threads import spread
from ...core.errors import ParameterError
from ...netlists.crossbar.crossbar import Crossbar
from ..analyses import Analyses
from .batched.array_backend import choose_backend

if TYPE_CHECKING:
    from ..transient_result import TransientResult

__all__ = ["ManyArrays"]


class ManyArrays(Analyses):
    """What `Solver` does with many arrays at once."""

    backend: Any

    def transient_many(
        self, xbars: Sequence[Crossbar], waveforms: Any, t_stop: float | None = None, *,
        gate: Any = None, probes: Sequence[Any] = (), rtol: float = 1e-4,
        max_step: float | None = None,
    ) -> list[TransientResult]:
        """Integrate many arrays through the same waveforms, such as the chips of a Monte Carlo run.

        On the CPU the arrays are spread over the threads and each takes its own steps. On a GPU
        they run in lockstep, with the steps of the array that needs the shortest; they then have
        one shape, scalar wires > 0 ohm, ends alike, and cells of one model (no selectors, no
        noise), whose parameters and states may differ.

        Parameters
        ----------
        xbars : sequence of Crossbar
        waveforms, t_stop, gate, probes, rtol, max_step
            As for `transient`; those of every array.

        Returns
        -------
        list of TransientResult
            In lockstep all with the same times; `steps`, `rejected`, `newton` and `residual` are
            those of the whole run.

        Raises
        ------
        ParameterError, SingularCircuitError, ConvergenceError, OutOfMemoryError
        """
        if not len(xbars):
            raise ParameterError("`xbars` is empty")
        arrays = choose_backend(self.backend)[0]
        options: dict[str, Any] = {
            "gate": gate, "probes": probes, "rtol": rtol, "max_step": max_step
        }
        if arrays is not None and (self.backend != "auto" or _together(xbars)):
            from .batched.cells.lockstep import run_together  # noqa: PLC0415 - imports numba

            return run_together(
                xbars, arrays, waveforms, t_stop, threads=self._threads, **options
            )
        single: Any = replace(self, threads=1)  # type: ignore[type-var]
        return spread(
            lambda k: single.transient(xbars[k], waveforms, t_stop, **options), len(xbars),
            self._threads,
        )


def _together(xbars: Sequence[Crossbar]) -> bool:
    """Whether arrays can run in lockstep."""
    from .batched.cells.lockstep import check_together  # noqa: PLC0415 - imports numba

    try:
        check_together(xbars)
        first: Any = xbars[0].cells
        first.stacked([xbar.cells for xbar in xbars[1:]])
    except ParameterError:
        return False
    return True
