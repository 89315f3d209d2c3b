"""Whole networks written by pulses: every array of a chip by program-and-verify of devices.

`network` sends arrays to processes and keeps what is done, `arrays` writes one, `result` tells what
it took and what failed.
"""

from .network import forget_written, program_network
from .result import Extrapolation, WriteResult

__all__ = ["Extrapolation", "WriteResult", "forget_written", "program_network"]
