"""TR-BDF2: a trapezoidal step to a share of the way, and backward differentiation to its end.

With the share 2 - sqrt(2) both stages are x = base + c f(x) with the same c, half of that share of
the step. Bank, Coughran, Fichtner, Grosse, Rose and Smith, IEEE Trans. Electron Devices 32:1992
(1985); as a one-step method in Hosea and Shampine, Appl. Numer. Math. 20:21 (1996).
"""

from __future__ import annotations

import math

__all__ = ["END_MIDDLE", "END_START", "SHARE", "STAGE"]

SHARE = 2.0 - math.sqrt(2.0)  # of the step, by the trapezoidal rule
STAGE = 0.5 * SHARE  # c of both stages, of the step
# the second stage's base: END_MIDDLE x(middle) - END_START x(start)
END_MIDDLE = 1.0 / (SHARE * (2.0 - SHARE))
END_START = (1.0 - SHARE) ** 2 / (SHARE * (2.0 - SHARE))
