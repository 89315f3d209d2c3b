"""The crossbars that are solved, the same for every solver."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """Cells between `low` and `high` siemens, wires of `ohm` per segment."""

    title: str
    low: float
    high: float
    ohm: float
    log_uniform: bool = True

    def arrays(self, rows: int, columns: int) -> tuple[Array, Array]:
        """Return G (M, N) siemens and V (M,) volt."""
        rng = np.random.default_rng(0)
        if self.log_uniform:
            G = np.exp(rng.uniform(np.log(self.low), np.log(self.high), (rows, columns)))
        else:
            G = rng.uniform(self.low, self.high, (rows, columns))
        return G, rng.uniform(0.0, 0.2, rows)


CASES = {
    "easy": Case("1 ohm, 1 to 100 µS", 1e-6, 1e-4, 1.0, log_uniform=False),
    "hard": Case("10 ohm, 0.1 to 10 mS", 1e-4, 1e-2, 10.0),
    "harder": Case("100 ohm, 0.1 to 10 mS", 1e-4, 1e-2, 100.0),
    "hardest": Case("100 ohm, 1 nS to 100 mS", 1e-9, 1e-1, 100.0),
}
