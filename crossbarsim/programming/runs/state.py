"""The state of a run of program-and-verify: all that it goes on from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ...core import npz
from ...core.validation import Array
from ..ladder import Ladder, Rungs

__all__ = ["Row", "State", "ladders_from", "ladders_text"]

Mask = NDArray[np.bool_]
_SUMS = ("energy", "read_energy", "time")


@dataclass(eq=False)
class Row:
    """The row that is programmed.

    Attributes
    ----------
    rungs : Rungs
    done : (N,) int
        Pulses that cells got in this pass.
    queue : list of (direction, level, shorter, columns (N,) bool)
        Pulses that the last read asked for and that are still to come.
    """

    rungs: Rungs
    done: NDArray[np.int64]
    queue: list[tuple[int, float, int, Mask]] = field(default_factory=list)

    def to_arrays(self) -> dict[str, Any]:
        """Return the row as named arrays."""
        found = {f"row_{name}": value for name, value in self.rungs.to_arrays().items()}
        found["row_pulses"] = np.array([q[:3] for q in self.queue], dtype=float).reshape(-1, 3)
        masks = [q[3] for q in self.queue]
        found["row_columns"] = np.array(masks, dtype=bool).reshape(-1, len(self.done))
        return {**found, "row_done": self.done}

    @classmethod
    def from_arrays(cls, data: Mapping[str, Any], count: int, ladders: dict[int, Ladder]) -> Self:
        """Return the row that `to_arrays` described; raises as `Rungs.take`."""
        rungs = Rungs(count, ladders)
        rungs.take({k.removeprefix("row_"): v for k, v in data.items() if k.startswith("row_")})
        pulses = npz.field(data, "row_pulses", (len(data["row_pulses"]), 3)).tolist()
        masks = npz.field(data, "row_columns", (len(pulses), count))
        return cls(rungs, npz.field(data, "row_done", (count,)).astype(np.int64), [
            (int(d), level, int(shorter), mask.astype(bool))
            for (d, level, shorter), mask in zip(pulses, masks, strict=True)
        ])


@dataclass(eq=False)
class State:
    """What a run has done so far, and where it is.

    Attributes
    ----------
    cells : (S, M, N)
        States of the cells.
    initial : (M, N) siemens
        As first read.
    set_pulses, reset_pulses : (M, N) int
    disturb : (M, N) siemens
    energy, read_energy : joule
    time : second
    writes, reads : int
        The noise of a pulse is drawn by the number of those before it.
    history : list of (row, measured (N,))
    reasons : dict
    current_pass, row : int
        Where the run is; all rows before are done.
    line : Row, optional
        None before the first pulse of a pass and after the last one.
    """

    cells: Array
    initial: Array
    set_pulses: NDArray[np.int64]
    reset_pulses: NDArray[np.int64]
    disturb: Array
    energy: float = 0.0
    read_energy: float = 0.0
    time: float = 0.0
    writes: int = 0
    reads: int = 0
    history: list[tuple[int, Array]] = field(default_factory=list)
    reasons: dict[tuple[int, int], str] = field(default_factory=dict)
    current_pass: int = 0
    row: int = 0
    line: Row | None = None

    @classmethod
    def new(cls, cells: Array, shape: tuple[int, int]) -> Self:
        """Return the state of a run that has done nothing yet."""
        none = np.zeros(shape, dtype=np.int64)
        return cls(cells, np.zeros(shape), none, none.copy(), np.zeros(shape))

    @property
    def counts(self) -> dict[int, NDArray[np.int64]]:
        """Pulses by direction, +1 (SET or FORM) and -1 (RESET)."""
        return {1: self.set_pulses, -1: self.reset_pulses}

    def to_arrays(self) -> dict[str, Any]:
        """Return the state as named arrays, for an ``.npz`` file."""
        columns = self.disturb.shape[1]
        reasons = [[*cell, text] for cell, text in self.reasons.items()]
        return {
            "cells": self.cells, "initial": self.initial, "set_pulses": self.set_pulses,
            "reset_pulses": self.reset_pulses, "disturb": self.disturb,
            "sums": np.array([getattr(self, n) for n in _SUMS]),
            "numbers": np.array([self.writes, self.reads, self.current_pass, self.row,
                                 self.line is not None]),
            "history_rows": np.array([row for row, _ in self.history], dtype=np.int64),
            "history": np.array([read for _, read in self.history]).reshape(-1, columns),
            "reasons": np.array(json.dumps(reasons)),
            **({} if self.line is None else self.line.to_arrays()),
        }

    @classmethod
    def from_arrays(
        cls, data: Mapping[str, Any], like: State, ladders: dict[int, Ladder]
    ) -> Self:
        """Return the state that `to_arrays` described.

        Raises
        ------
        NetlistError
            An array is of another type or shape than those of `like`.
        KeyError, ValueError, TypeError
            An array is missing, or what it holds is something else.
        """
        shape = like.disturb.shape
        rows, columns = shape
        found = cls(
            npz.field(data, "cells", like.cells.shape).astype(np.float64),
            npz.field(data, "initial", shape).astype(np.float64),
            npz.field(data, "set_pulses", shape).astype(np.int64),
            npz.field(data, "reset_pulses", shape).astype(np.int64),
            npz.field(data, "disturb", shape).astype(np.float64),
        )
        for name, total in zip(_SUMS, npz.field(data, "sums", (len(_SUMS),)).tolist(), strict=True):
            setattr(found, name, total)
        numbers = npz.field(data, "numbers", (5,)).tolist()
        found.writes, found.reads, found.current_pass, found.row, begun = map(int, numbers)
        if not 0 <= found.row < rows:
            raise ValueError(f"row {found.row} of {rows}")
        count = len(data["history_rows"])
        found.history = list(zip(
            map(int, npz.field(data, "history_rows", (count,))),
            npz.field(data, "history", (count, columns)).astype(np.float64), strict=True,
        ))
        found.reasons = {(int(i), int(j)): str(t) for i, j, t in json.loads(str(data["reasons"]))}
        if begun:
            found.line = Row.from_arrays(data, columns, ladders)
        return found


def ladders_text(ladders: Mapping[int, Ladder]) -> str:
    """Return the ladders of both directions as JSON."""
    return json.dumps({str(d): ladder.to_dict() for d, ladder in ladders.items()})


def ladders_from(text: str) -> dict[int, Ladder]:
    """Return the ladders that `ladders_text` wrote."""
    found = json.loads(text)
    return {d: Ladder.from_dict(found[str(d)]) for d in (1, -1)}
