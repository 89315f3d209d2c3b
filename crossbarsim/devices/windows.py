"""Window functions, which slow down the drift of a state x in 0..1 at its bounds.

Joglekar and Wolf, Eur. J. Phys. 30:661 (2009); Biolek, Biolek and Biolkova, Radioengineering
18:210 (2009); Prodromakis et al., IEEE TED 58:3099 (2011); Zha, Huang and Liu, IEEE TCAS-II 63:423
(2016).
"""

from __future__ import annotations

__all__ = ["biolek", "joglekar", "prodromakis", "zha"]


def joglekar(x: float, exponent: float) -> float:
    """Return 1 - (2x - 1)^(2p)."""
    return 1.0 - ((2.0 * x - 1.0) * (2.0 * x - 1.0)) ** exponent


def biolek(x: float, i: float, exponent: float) -> float:
    """Return 1 - (x - stp(-i))^(2p): zero only at the bound towards which the state moves."""
    s = x - (1.0 if i < 0.0 else 0.0)
    return 1.0 - (s * s) ** exponent


def prodromakis(x: float, exponent: float, scale: float) -> float:
    """Return j (1 - [(x - 1/2)^2 + 3/4]^p)."""
    return scale * (1.0 - ((x - 0.5) * (x - 0.5) + 0.75) ** exponent)


def zha(x: float, i: float, exponent: float, scale: float) -> float:
    """Return j (1 - [(x - stp(-i))^2 / 4 + 3/4]^p)."""
    s = x - (1.0 if i < 0.0 else 0.0)
    return scale * (1.0 - (0.25 * s * s + 0.75) ** exponent)
