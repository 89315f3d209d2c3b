"""What "solved" means: ngspice's options, with its defaults."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....core.errors import ParameterError
from ....core.validation import Array

__all__ = ["Tolerances"]

_METHODS = {"trap": "trap", "trapezoidal": "trap", "gear": "gear", "euler": "euler", "be": "euler"}


@dataclass(frozen=True)
class Tolerances:
    """Limits and methods, by ngspice's names and with its defaults (``.options``).

    Attributes
    ----------
    reltol : float
        Relative change of an unknown at which Newton stops, and relative error of charges in time.
    abstol, vntol : float, ampere, volt
        Absolute ones.
    chgtol : float, coulomb
    trtol : float
        By how much the estimate of a time step's error is believed to be too large; that of the
        first step after a corner, made of two steps, counts as it is.
    gmin : float, siemens
        Across every junction.
    itl1, itl2, itl4 : int
        Newton steps at an operating point, at points of a sweep or of a path to an operating
        point, and in a time step.
    maxord : int
        1 or 2, with method=gear up to 6. Orders above 2 pay at tight tolerances; they are not
        stable for undamped oscillations.
    method : {"trap", "gear", "euler"}
    xmu : float
        Of the trapezoidal rule: the share of the rate before. 0.5 is the rule itself, less damps
        its ringing, 0 is backward Euler.
    minbreak, delmin : float, second
        Corners of sources that are nearer than that to the one before are passed over, and the
        shortest time step; 0: 1e-10 and 1e-11 of the longest step.
    gminsteps, srcsteps, noopiter : int
        0, 0 and 1: do not look for operating points by gmin stepping, by source stepping, by
        Newton's iteration alone.
    gminfactor : float
        By which gmin stepping begins to lower gmin.
    """

    reltol: float = 1e-3
    abstol: float = 1e-12
    vntol: float = 1e-6
    chgtol: float = 1e-14
    trtol: float = 7.0
    gmin: float = 1e-12
    itl1: int = 100
    itl2: int = 50
    itl4: int = 20
    maxord: int = 2
    method: str = "trap"
    xmu: float = 0.5
    minbreak: float = 0.0
    delmin: float = 0.0
    gminsteps: int = 1
    gminfactor: float = 10.0
    srcsteps: int = 1
    noopiter: int = 0

    def __post_init__(self) -> None:
        for name in ("reltol", "abstol", "vntol", "chgtol", "trtol"):
            value = getattr(self, name)
            if not (isinstance(value, (int, float)) and math.isfinite(value) and value > 0):
                raise ParameterError(f"option `{name}` must be > 0; got {value!r}")
        if not (math.isfinite(self.gmin) and self.gmin >= 0):
            raise ParameterError(f"option `gmin` must be >= 0 siemens; got {self.gmin!r}")
        if self.reltol >= 1:
            raise ParameterError(f"option `reltol` must be < 1; got {self.reltol!r}")
        for name in ("minbreak", "delmin"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ParameterError(f"option `{name}` must be >= 0 seconds; got {value!r}")
        if not 1.0 < self.gminfactor < math.inf:
            raise ParameterError(f"option `gminfactor` must be > 1; got {self.gminfactor!r}")
        for name in ("itl1", "itl2", "itl4", "maxord"):
            if getattr(self, name) < 1:
                raise ParameterError(f"option `{name}` must be >= 1; got {getattr(self, name)!r}")
        if self.maxord > (6 if self.method == "gear" else 2):
            raise ParameterError(
                f"option `maxord` must be 1 or 2, with method=gear up to 6; got {self.maxord!r}"
            )
        if not 0.0 <= self.xmu <= 0.5:
            raise ParameterError(f"option `xmu` must be from 0 to 0.5; got {self.xmu!r}")
        if self.method not in ("trap", "gear", "euler"):
            raise ParameterError(
                f"option `method` must be trap, gear or euler; got {self.method!r}"
            )

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Tolerances:
        """Return those that a deck's options give; others' names are not looked at."""
        found: dict[str, Any] = {}
        if "itl6" in options:  # an old name
            options = {"srcsteps": options["itl6"], **options}
        for field in fields(cls):
            if field.name not in options:
                continue
            value = options[field.name]
            if field.name == "method":
                text = str(value).lower()
                if text not in _METHODS:
                    raise ParameterError(
                        f"option `method` must be trap, gear or euler; got {value!r}"
                    )
                found["method"] = _METHODS[text]
            elif field.name in ("itl1", "itl2", "itl4", "maxord"):
                # ngspice, too, allows no fewer than 100 Newton steps at operating points
                least = {"itl1": 100, "itl2": 50, "itl4": 20, "maxord": 1}[field.name]
                found[field.name] = max(int(value), least)
            elif field.name in ("gminsteps", "srcsteps", "noopiter"):
                found[field.name] = int(value)
            else:
                found[field.name] = float(value)
        return cls(**found)

    def of_unknowns(self, units: NDArray[np.str_]) -> Array:
        """Return the absolute tolerance of unknowns or rows in "V", "A", "state" or "1"."""
        known = {"V": self.vntol, "A": self.abstol, "state": 1e-6}
        found = np.full(len(units), 1e-9)
        for unit, value in known.items():
            found[units == unit] = value
        return found
