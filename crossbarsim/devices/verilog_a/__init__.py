"""Verilog-A of memristive devices as devices of this package, without a compiler.

`read_verilog_a` gives a class, `describe_verilog_a` what the file says about a module,
`device_from_verilog_a` registers it, too. A file is read (`language`), carried out on terms instead
of numbers (`analysis`), which gives a current, rates and perhaps an unknown inside, and these are
written as laws in Python (`algebra`). What the language has more goes into `functions` or `system`
of `analysis`; what a law cannot do is refused there by its line.
"""

from .reader import (
    class_from_record,
    describe_verilog_a,
    device_from_verilog_a,
    read_verilog_a,
)

__all__ = ["class_from_record", "describe_verilog_a", "device_from_verilog_a", "read_verilog_a"]
