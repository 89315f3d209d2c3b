"""Ways to the arrays of a converted network: held as they are, their conductances out and in.

A new way of acting on all arrays at once goes here; `crossbarsim.nn` exports it.
"""

from .conductances import conductances, load_conductances, save_conductances
from .hold import hold, release

__all__ = ["conductances", "hold", "load_conductances", "release", "save_conductances"]
