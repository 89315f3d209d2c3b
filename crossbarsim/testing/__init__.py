"""Checks that whoever writes a device, an array of cells, a write scheme or a layer inherits.

Every suite is a class of checks for one protocol. A subclass says what to check by one or two
methods, and pytest (or unittest's runner, or `Suite.run`) runs all of them against it::

    from crossbarsim.testing import DeviceChecks

    class TestLeaky(DeviceChecks):
        def make(self, **parameters):
            return Leaky(**parameters)

        def drive(self):
            return 1.0, 1e-5  # volt, second

Checks ask only what every model owes; what a model does not claim is switched off by the class
attributes of its suite, such as ``passive = False``. Nothing here needs pytest. Layers are in
`crossbarsim.testing.layers`, which imports torch. New suites go here, one protocol a file; this
package may import every other one, and none imports it.
"""

from .cells import CellChecks
from .devices import DeviceChecks
from .schemes import SchemeChecks
from .suite import Suite

__all__ = ["CellChecks", "DeviceChecks", "SchemeChecks", "Suite"]
