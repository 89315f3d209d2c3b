"""Write schemes, pulses, and programming of whole arrays.

Pictures are in `crossbarsim.programming.plots`, which needs crossbarsim[studies].
"""

from .calibrate import Window, pulse_window
from .ladder import Ladder
from .polarity import pristine_state, set_sign
from .program import form, program
from .pulses import PulseTrain
from .result import ProgramResult
from .schemes import FloatingLines, Gated, HalfVoltage, Lines, Scheme, ThirdVoltage
from .writing import drive_lines, write

__all__ = [
    "FloatingLines",
    "Gated",
    "HalfVoltage",
    "Ladder",
    "Lines",
    "ProgramResult",
    "PulseTrain",
    "Scheme",
    "ThirdVoltage",
    "Window",
    "drive_lines",
    "form",
    "pristine_state",
    "program",
    "pulse_window",
    "set_sign",
    "write",
]
