"""A run of a transient that keeps the formula of every step."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from ....core.errors import ParameterError
from ....core.validation import Array
from ....netlists.analyses import Tran
from ..analyses.transient import TransientRun
from ..elements.switches import Switches
from ..system.element_group import Bools, ElementGroup
from ..system.system import System

__all__ = ["NO_MODES", "PAST", "Recorder", "refuse"]

PAST = 6  # charges before the present one that formulas may use
NO_MODES: Bools = np.zeros(0, dtype=np.bool_)


class Recorder(TransientRun):
    """A run that keeps the formula of every step.

    Parameters
    ----------
    system : System
    analysis : Tran
    progress : callable, optional
    max_bytes : float
        Of the unknowns at all points and all else that will be kept for each of them.
    per_point : int
        Numbers that will be kept for a point.
    """

    def __init__(
        self, system: System, analysis: Tran, progress: Callable[[float], None] | None,
        max_bytes: float, per_point: int,
    ) -> None:
        super().__init__(system, analysis, None, progress)
        self.max_bytes, self.per_point = max_bytes, per_point
        self.formulas: list[Array] = []
        self.instants: list[float] = []
        self.modes: list[list[Bools]] = []
        self.moding = [g for g in system.groups if type(g).modes is not ElementGroup.modes]

    def _keep_modes(self) -> None:
        found = []
        for group in self.moding:
            modes = group.modes()
            found.append(NO_MODES if modes is None else modes)
        before = self.modes[-1] if self.modes else None
        same = before is not None and all(map(np.array_equal, before, found))
        self.modes.append(before if same and before is not None else found)
        if not same and before is not None:
            for group, was, now in zip(self.moding, before, found, strict=True):
                if isinstance(group, Switches) and not np.array_equal(was, now):
                    self._refuse_switch(group, was, now)

    def _refuse_switch(self, group: Switches, was: Bools, now: Bools) -> None:
        turned = np.flatnonzero((was != now) & ~group.smooth)
        if len(turned):
            raise ParameterError(
                f"{group.names[int(turned[0])]} switches at t = {self.instants[-1]:.6g} s: the "
                "moment moves with the parameters, which fixed steps cannot show; give its model "
                "a negative hysteresis, which makes it smooth"
            )

    def _accept(self, t: float, h: float, x: Array, order: int) -> tuple[float, int]:
        # the formula's weights, read off unit charges and rates
        unit = np.eye(PAST + 1)
        probe = copy.copy(self.history)
        probe.charges, probe.rate = deque(unit[:-1]), unit[-1]
        formula = probe.formula(h, order)
        weights = formula.offset[:-1].copy()
        # before the start charges were those at the start
        known = min(len(self.formulas) + 1, PAST)
        weights[known - 1] += weights[known:].sum()
        weights[known:] = 0.0
        self.formulas.append(np.array([formula.a, -formula.offset[-1], *weights]))
        self.instants.append(t)
        found = super()._accept(t, h, x, order)
        self._keep_modes()
        if (len(self.instants) & 63) == 0:
            self.check_size(t)
        return found

    def check_size(self, t: float) -> None:
        """Refuse what is too large, t seconds into the run."""
        needed = 8.0 * self.per_point * (len(self.instants) + 1)
        if needed > self.max_bytes:
            whole = needed * self.analysis.stop / t
            raise ParameterError(
                f"the run's steps need {needed:.3g} bytes already at t = {t:.6g} s of "
                f"{self.analysis.stop:g} s, more than `max_bytes` = {self.max_bytes:.3g}; about "
                f"{whole:.2g} in all ({self.per_point} numbers per step): allow more, name fewer "
                "`parameters`, or take longer steps"
            )

    def _start(self) -> tuple[Array, Array]:
        found = super()._start()
        self._keep_modes()
        return found


def refuse(system: System) -> None:
    """Refuse elements whose past is more than the unknowns."""
    base: Any = ElementGroup
    for group in system.groups:
        if group.steady:
            raise ParameterError(
                f"{group.names[0]} keeps values that are no unknowns of the circuit (hidden "
                "state): its transients have no derivatives"
            )
        own = getattr(base, "begin", None)
        if own is not None and getattr(type(group), "begin", None) is not own:
            name = group.names[0] if group.names else type(group).__name__
            raise ParameterError(
                f"{name} keeps unknowns of its own: derivatives of transients need them as those "
                "of the circuit"
            )
