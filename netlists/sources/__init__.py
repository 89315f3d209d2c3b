"""Voltages and currents in time, and the times at which their slopes jump.

`waves` has the protocol `Source` and the waves that Python gives by name; further ones of SPICE
are in `netlists.spice_sources` and `netlists.noise_sources`. A run asks a source for its corners
part by part, so that it costs what it steps through: a wave with corners without end has a method
`corners` beside `breakpoints`. Imports the ground floor alone.
"""

from .waves import LazySource, Pulse, Pwl, Sine, Source, corners_of, spice_source

__all__ = ["LazySource", "Pulse", "Pwl", "Sine", "Source", "corners_of", "spice_source"]
